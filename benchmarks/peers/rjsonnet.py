"""rjsonnet: jrsonnet, Jsonnet in Rust, which evaluates `programs/rjsonnet/fleet.jsonnet`."""

from __future__ import annotations

from benchmarks.peers.peer import Absent, Peer, called_from_python


def find() -> Peer | Absent:
    """The package rjsonnet."""
    return called_from_python("rjsonnet", "rjsonnet", "rjsonnet", 50_000, "rjsonnet/evaluate.py")
