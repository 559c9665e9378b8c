"""rjsonnet: jrsonnet, Jsonnet in Rust, which evaluates `programs/rjsonnet/fleet.jsonnet`."""

from __future__ import annotations

from benchmarks.peers.peer import Absent, Peer, build_python_peer


def find() -> Peer | Absent:
    """The package rjsonnet."""
    return build_python_peer("rjsonnet", "rjsonnet", "rjsonnet", 50_000, "rjsonnet/evaluate.py")
