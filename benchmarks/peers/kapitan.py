"""Kapitan: the template `programs/jinja2/fleet`, compiled for each target of an inventory."""

from __future__ import annotations

from benchmarks.peers.peer import Absent, Peer, writing_a_folder


def find() -> Peer | Absent:
    """The package kapitan."""
    how = "a Jinja2 template, one file a namespace, nothing parsed"
    return writing_a_folder("kapitan", "kapitan.cli", 10_000, how, "kapitan/compile.py")
