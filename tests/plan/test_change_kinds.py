"""The kinds of change: each at its boundary."""

from __future__ import annotations

from typing import Any

import pytest

from vmgen.plan.change_kinds import ABSENT, CHANGE_KINDS


@pytest.mark.parametrize(
    ("kind", "before", "after", "expected"),
    [
        ("grow", "1Gi", "1025Mi", True),
        ("grow", "1Gi", "1024Mi", False),
        ("grow", 1, 2, True),
        ("grow", 1, 1, False),
        ("grow", False, True, False),
        ("grow", "x", "1Gi", False),
        ("shrink", "1025Mi", "1Gi", True),
        ("shrink", "1024Mi", "1Gi", False),
        ("enabled", False, True, True),
        ("enabled", ABSENT, True, True),
        ("enabled", False, 1, False),
        ("disabled", True, False, True),
        ("disabled", True, 0, False),
        ("filled", "", "x", True),
        ("filled", "x", "y", False),
        ("emptied", ["x"], [], True),
        ("emptied", [], ABSENT, False),
        ("first", [{"name": "a"}, "b"], ["b"], True),
        ("first", [{"name": "a"}], [{"name": "a", "bus": "sata"}, "b"], False),
        ("first", [], ["a"], False),
        ("appended", ["a"], ["a", "b"], True),
        ("appended", ["a"], ["a"], False),
        ("appended", ["a"], ["b", "a"], False),
        ("reordered", ["a", "b"], ["b", "a"], True),
        ("reordered", ["a", "b"], ["a", "b"], False),
        ("reordered", ["a", "b"], ["b", "a", "c"], False),
        ("gains", [80], [80, 443], True),
        ("gains", [80, 443], [443, 80], False),
        ("gains", [80, 443], [443], False),
        ("gains", ABSENT, [443], True),
        ("added", ABSENT, None, True),
        ("added", None, 1, False),
        ("removed", None, ABSENT, True),
        ("removed", 1, None, False),
        ("too-long", 3, "abcd", True),
        ("too-long", 3, "abc", False),
    ],
)
def test_kind_fits_up_to_its_boundary(kind: str, before: Any, after: Any, expected: bool) -> None:
    """A change is of a kind, and the nearest one that is not."""
    assert CHANGE_KINDS[kind](before, after) is expected
