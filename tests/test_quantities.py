"""Quantities of Kubernetes: each unit exactly, and nothing that is no quantity."""

from __future__ import annotations

from fractions import Fraction

import pytest

from vmgen.quantities import parse_quantity

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
}


@pytest.mark.parametrize("text", QUANTITIES)
def test_quantity_is_exact(text: str) -> None:
    """A quantity is its number times its unit."""
    assert parse_quantity(text) == QUANTITIES[text]


@pytest.mark.parametrize("text", ["", "Gi", "1K", "1.", ".5", "-1", "+1", "1GiB", "1 Gi", "1e3x", "\u0661", "9" * 31])
def test_other_text_is_no_quantity(text: str) -> None:
    """A unit alone, a sign, a blank or another unit is refused."""
    assert parse_quantity(text) is None
