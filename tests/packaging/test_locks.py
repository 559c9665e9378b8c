"""The lock files: what they pin is what an installer asks for, down to the extras."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parents[2]
LOCKS = ("requirements.lock", "requirements-dev.lock")


def pinned(lock: str) -> list[Requirement]:
    """The pins of a lock file."""
    lines = (CHECKOUT / lock).read_text(encoding="utf-8").splitlines()
    return [Requirement(line.removesuffix("\\").strip()) for line in lines if line and line[0].isalnum()]


@pytest.mark.parametrize("lock", LOCKS)
def test_extras_are_pinned_with_their_distribution(lock: str) -> None:
    """What a pinned distribution requires with extras is pinned with them: pip looks at `a[b]` apart from `a`, and finds the
    newest, without a hash, where only `a` is pinned."""
    pins = pinned(lock)
    extras = {canonicalize_name(pin.name): pin.extras for pin in pins}
    missing = []
    for pin in pins:
        try:
            needs = [Requirement(text) for text in requires(pin.name) or ()]
        except PackageNotFoundError:  # of another system or version of Python
            continue
        asked = [{"extra": extra} for extra in pin.extras] or [{"extra": ""}]
        missing += [
            f"{pin.name} requires {need}"
            for need in needs
            if need.extras and any(need.marker is None or need.marker.evaluate(each) for each in asked)
            if not need.extras <= extras.get(canonicalize_name(need.name), set())
        ]
    assert missing == []
