"""How the peers are installed."""

from __future__ import annotations

import re

from benchmarks.install import LOCK, requirements
from benchmarks.peers.helm import WHEEL

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
    first, second = requirements(MADE_UP)
    assert first == "".join(MADE_UP.splitlines(keepends=True)[1:4])
    assert second == "".join(MADE_UP.splitlines(keepends=True)[4:])


def test_the_lock_has_every_peer_with_hashes() -> None:
    """All that is wanted is pinned, and every pin has a hash."""
    wanted = re.findall(r"^[a-z][\w-]+", LOCK.with_suffix(".in").read_text(encoding="utf-8"), re.MULTILINE)
    pinned = {each.split("==")[0]: each for each in requirements(LOCK.read_text(encoding="utf-8"))}
    assert {WHEEL, "cdk8s", "kcl-lib", "rjsonnet"} <= set(wanted) <= set(pinned)
    assert all("--hash=sha256:" in each for each in pinned.values())
