"""The peers: other tools that render the same fleet, each in its idiomatic way."""

from __future__ import annotations

from benchmarks.peers import argocd_fly, cdk8s, helm, kapitan, kcl, rjsonnet
from benchmarks.peers.peer import Absent, Peer

FINDERS = (helm.find, rjsonnet.find, kcl.find, cdk8s.find, kapitan.find, argocd_fly.find)


def find_peers() -> tuple[tuple[Peer, ...], tuple[Absent, ...]]:
    """Return the peers that are installed, and those that are not."""
    peers = [find() for find in FINDERS]
    return tuple(each for each in peers if isinstance(each, Peer)), tuple(each for each in peers if isinstance(each, Absent))
