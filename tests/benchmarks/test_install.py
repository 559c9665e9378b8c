"""How the peers are installed."""

from __future__ import annotations

import re

from benchmarks.install import LOCK, locate_lock, split_requirements
from benchmarks.peers.helm import WHEEL
from benchmarks.peers.peer import SEPARATE

MADE_UP = """\
# A comment.
one==1.0 ; python_full_version < '3.11' \\
    --hash=sha256:aa \\
    --hash=sha256:bb
two==2.0 \\
    --hash=sha256:cc
"""


def test_a_lock_falls_into_its_requirements() -> None:
    """Each requirement keeps its lines of hashes."""
    first, second = split_requirements(MADE_UP)
    assert first == "".join(MADE_UP.splitlines(keepends=True)[1:4])
    assert second == "".join(MADE_UP.splitlines(keepends=True)[4:])


def test_the_lock_has_every_peer_with_hashes() -> None:
    """All that is wanted is pinned, also in an environment of its own, and every pin has a hash."""
    for distribution in SEPARATE:
        own = {each.split("==")[0]: each for each in split_requirements(locate_lock(distribution).read_text(encoding="utf-8"))}
        assert distribution in own
        assert all("--hash=sha256:" in each for each in own.values())
    wanted = re.findall(r"^[a-z][\w-]+", LOCK.with_suffix(".in").read_text(encoding="utf-8"), re.MULTILINE)
    pinned = {each.split("==")[0]: each for each in split_requirements(LOCK.read_text(encoding="utf-8"))}
    assert {WHEEL, "cdk8s", "kcl-lib", "rjsonnet"} <= set(wanted) <= set(pinned)
    assert all("--hash=sha256:" in each for each in pinned.values())
