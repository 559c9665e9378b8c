"""make-argocd-fly: the template `programs/jinja2/fleet`, rendered for each environment, one file an object."""

from __future__ import annotations

from benchmarks.peers.peer import Absent, Peer, build_folder_peer


def find() -> Peer | Absent:
    """The package make-argocd-fly."""
    how = "the same Jinja2 template, parsed, one file an object"
    return build_folder_peer("make-argocd-fly", "make_argocd_fly.main", 1_000, how, "argocd_fly/generate.py")
