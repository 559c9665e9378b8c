"""Builds what the end-to-end tests run: from the Go module proxy, at the versions of go.mod, into a cache elsewhere."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# The name of each program, and the package that it is built from.
PROGRAMS = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kustomize": "sigs.k8s.io/kustomize/kustomize/v5",
    "kustomize-controller": "github.com/fluxcd/kustomize-controller",
    "argocd": "github.com/argoproj/argo-cd/v3/cmd",
    "redis": "./redis",
}
# The modules whose CustomResourceDefinitions are loaded, and where they lie in them.
DEFINITIONS = {
    "github.com/argoproj/argo-cd/v3": "manifests/crds/*-crd.yaml",
    "github.com/fluxcd/kustomize-controller": "config/crd/bases/*.yaml",
}


def built() -> tuple[Path, list[Path]]:
    """The folder of the programs, and the files of definitions; what is not in the cache is built first."""
    go = shutil.which("go")
    if go is None:
        sys.exit("make e2e needs Go 1.26.3 or newer, and there is no go on PATH: https://go.dev/doc/install")
    versions = hashlib.sha256((HERE / "go.mod").read_bytes() + (HERE / "redis/main.go").read_bytes()).hexdigest()[:16]
    cache = Path(os.environ.get("VMGEN_E2E_CACHE") or Path.home() / ".cache" / "vmgen-e2e") / versions
    cache.mkdir(parents=True, exist_ok=True)
    for name, package in PROGRAMS.items():
        if not (cache / name).is_file():
            print(f"building {name} (once; minutes for the large ones)", flush=True)
            unfinished = cache / f"{name}.unfinished"
            _go(go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(unfinished), package)
            unfinished.rename(cache / name)
    return cache, [path for module, pattern in DEFINITIONS.items() for path in sorted(_folder(go, module).glob(pattern))]


def _folder(go: str, module: str) -> Path:
    found: dict[str, str] = json.loads(_go(go, "mod", "download", "-json", f"{module}@{_version(go, module)}"))
    return Path(found["Dir"])


def _version(go: str, module: str) -> str:
    found: str = json.loads(_go(go, "list", "-m", "-json", module))["Version"]
    return found


def _go(go: str, *arguments: str) -> bytes:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-buildvcs=false -mod=readonly", "GOWORK": "off"}
    done = subprocess.run([go, *arguments], cwd=HERE, env=environment, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        sys.exit(f"go {' '.join(arguments[:2])} failed; the lines above explain why")
    return done.stdout
