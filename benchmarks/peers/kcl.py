"""KCL: kcl-lib, its engine in Rust, which executes `programs/kcl/fleet.k`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.peer import PROGRAMS, PYTHON, Absent, Peer, not_installed, version_of


def find() -> Peer | Absent:
    """The package kcl-lib."""
    version = version_of("kcl-lib", "kcl_lib.api")
    if version is None:
        return Absent("kcl", not_installed("kcl-lib"))
    return Peer("kcl", version, 10_000, "called from Python, one YAML stream", _command)


def _command(values: Path, output: Path) -> tuple[str, ...]:
    return str(PYTHON), str(PROGRAMS / "kcl" / "execute.py"), str(values), str(output / "fleet.yaml")
