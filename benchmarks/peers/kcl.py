"""KCL: kcl-lib, its engine in Rust, which executes `programs/kcl/fleet.k`."""

from __future__ import annotations

from benchmarks.peers.peer import Absent, Peer, build_python_peer


def find() -> Peer | Absent:
    """The package kcl-lib."""
    return build_python_peer("kcl", "kcl-lib", "kcl_lib.api", 10_000, "kcl/execute.py")
