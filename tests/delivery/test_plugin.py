"""The Argo CD plugin: its configuration, and what its command gives."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

CHECKOUT = Path(__file__).resolve().parents[2]


def test_page_shows_the_file() -> None:
    """docs/argocd-plugin.md holds the configuration that lies in delivery/argocd/."""
    written = (CHECKOUT / "delivery/argocd/plugin.yaml").read_text(encoding="utf-8")
    page = (CHECKOUT / "docs/argocd-plugin.md").read_text(encoding="utf-8")
    assert written[written.index("apiVersion:") :] in page
    # Argo CD itself passes over it, where somebody syncs the folder: it is no object of Kubernetes.
    assert written.startswith("# +argocd:skip-file-rendering\n")


def test_command_prints_the_manifests(repository: Callable[..., Any], tmp_path: Path) -> None:
    """The command of the configuration, with the parameter as Argo CD passes it, prints the environment's objects."""
    configuration = yaml.safe_load((CHECKOUT / "delivery/argocd/plugin.yaml").read_text(encoding="utf-8"))
    generate = configuration["spec"]["generate"]
    made = repository(
        "namespace: tenant-acme\nvms:\n  web: {count: 2, instanceType: u1.large, image: ubuntu-2404}\n",
        {"environments/staging.yaml": "namespace: tenant-staging\n"},
    )
    program = tmp_path / "vmgen"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{CHECKOUT}/generator" exec {sys.executable} -m vmgen "$@"\n')
    program.chmod(0o755)
    variables = {"PATH": f"{tmp_path}:/usr/bin:/bin", "PARAM_ENVIRONMENT": "production"}
    command = [*generate["command"], *generate["args"]]
    done = subprocess.run(command, cwd=made.root, env=variables, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [(each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all(done.stdout)]
    assert sorted(found) == [
        ("VMDisk", "web-1-system"),
        ("VMDisk", "web-2-system"),
        ("VMInstance", "web-1"),
        ("VMInstance", "web-2"),
    ]
    assert not (made.root / "manifests").exists()
