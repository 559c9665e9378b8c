"""Kapitan: the template `programs/jinja2/fleet`, compiled for each target of an inventory."""

from __future__ import annotations

from benchmarks.peers.peer import Absent, Peer, build_folder_peer


def find() -> Peer | Absent:
    """The package kapitan."""
    how = "a Jinja2 template, one file a namespace, nothing parsed"
    return build_folder_peer("kapitan", "kapitan.cli", 10_000, how, "kapitan/compile.py")
