"""rjsonnet: jrsonnet, Jsonnet in Rust, which evaluates `programs/rjsonnet/fleet.jsonnet`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.peer import PROGRAMS, PYTHON, Absent, Peer, not_installed, version_of


def find() -> Peer | Absent:
    """The package rjsonnet."""
    version = version_of("rjsonnet", "rjsonnet")
    if version is None:
        return Absent("rjsonnet", not_installed("rjsonnet"))
    return Peer("rjsonnet", version, 50_000, "called from Python, one YAML stream", _command)


def _command(values: Path, output: Path) -> tuple[str, ...]:
    return str(PYTHON), str(PROGRAMS / "rjsonnet" / "evaluate.py"), str(values), str(output / "fleet.yaml")
