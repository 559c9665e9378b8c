"""Quantities of Kubernetes: each unit exactly, and nothing that is no quantity."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

from vmgen.quantities import format_size, parse_quantity, parse_size
from vmgen.read.repository import read_schema_text

QUANTITIES = {
    "0": Fraction(0),
    "12": Fraction(12),
    "250m": Fraction(1, 4),
    "1k": Fraction(1000),
    "1Ki": Fraction(1024),
    "100G": Fraction(100 * 10**9),
    "1.5Ti": Fraction(3 * 2**39),
    "1P": Fraction(10**15),
    "5Ei": Fraction(5 * 2**60),
    "0.1Mi": Fraction(2**20, 10),
    ".5Gi": Fraction(2**29),
    "5.Gi": Fraction(5 * 2**30),
    "+20Gi": Fraction(20 * 2**30),
    "1e11": Fraction(10**11),
    "1E5": Fraction(10**5),
    "2E": Fraction(2 * 10**18),
    "5e-1": Fraction(1, 2),
    "1500u": Fraction(3, 2000),
}


@pytest.mark.parametrize("text", QUANTITIES)
def test_quantity_is_exact(text: str) -> None:
    """A quantity is its number times its unit."""
    assert parse_quantity(text) == QUANTITIES[text]


NO_QUANTITIES = ["", "Gi", "1K", ".", "-1", "+-1", "1GiB", "10 GB", "abc", "1 Gi", "1e3x", "1e", "1e999", "\u0661", "9" * 31]


@pytest.mark.parametrize("text", NO_QUANTITIES)
def test_other_text_is_no_quantity(text: str) -> None:
    """A unit alone, a negative sign, a blank or another unit is refused."""
    assert parse_quantity(text) is None


@pytest.mark.parametrize(
    ("size", "amount", "shown"),
    [
        ("20Gi", 20 * 2**30, "20Gi"),
        ("1536Mi", 1536 * 2**20, "1536Mi"),
        ("1.5Ti", 3 * 2**39, "1536Gi"),
        ("100G", 10**11, "100G"),
        ("1Pi", 2**50, "1024Ti"),
        (107374182400, 100 * 2**30, "100Gi"),
        ("107374182400", 100 * 2**30, "100Gi"),
        ("0.1Mi", 104858, "1Mi"),
        ("1e11", 10**11, "100G"),
        ("1073741825", 2**30 + 1, "1025Mi"),
        (0, 0, "0Mi"),
    ],
)
def test_size_is_a_number_of_bytes(size: object, amount: int, shown: str) -> None:
    """A part of a byte is rounded up, and a size that no unit has is shown in whole Mi, rounded up."""
    assert (parse_size(size), format_size(parse_size(size))) == (amount, shown)


@pytest.mark.parametrize("size", ["", "Gi", "10 GB", "-5Gi", "abc", None, True, 1.5, -1, [], {}, "\u0661Gi"])
def test_other_value_is_no_size(size: object) -> None:
    """An old manifest may have anything where a size belongs."""
    with pytest.raises(ValueError, match="is no size"):
        parse_size(size)


def _find_patterns(node: object) -> set[str]:
    """The patterns of sizes in a JSON Schema."""
    if isinstance(node, dict):
        own = {node["pattern"]} if "KMGTPE" in str(node.get("pattern")) else set()
        return own.union(*map(_find_patterns, node.values()))
    return set().union(*map(_find_patterns, node)) if isinstance(node, list) else set()


def test_schemas_have_one_pattern_of_a_size() -> None:
    """A size that one file takes is taken by each other, and parsed."""
    documents = [json.loads(read_schema_text(name)) for name in ("environment", "catalog", "platform")]
    rows = yaml.safe_load(Path("templates/shared/fields.yaml").read_text(encoding="utf-8"))
    (pattern,) = _find_patterns([*documents, rows])
    taken = [size for size in (*QUANTITIES, "0Gi", "50", "1.5", "1048576", "9Ei", "-1Gi") if re.search(pattern, size)]
    assert taken == [
        *("1k", "1Ki", "100G", "1.5Ti", "1P", "5Ei", "0.1Mi", ".5Gi", "5.Gi", "+20Gi", "1e11", "1E5", "2E", "1048576", "9Ei")
    ]
    assert all(parse_size(size) for size in taken)
