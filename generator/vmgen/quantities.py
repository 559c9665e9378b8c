"""Whole numbers in digits, sizes of memory and disks in bytes, quantities of Kubernetes, and counts in words."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = r"\+?([0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})([num]|[KMGTPE]i|[kMGTPE]|[eE][+-]?[0-9]{1,2}|)"
_SMALL_UNITS = {"n": 1000**3, "u": 1000**2, "m": 1000}
MEBIBYTE, GIBIBYTE = 2**20, 2**30
_BINARY_UNITS = {"Ti": 2**40, "Gi": GIBIBYTE, "Mi": MEBIBYTE}
_DECIMAL_UNITS = {"T": 10**12, "G": 10**9, "M": 10**6}


def parse_number(text: str) -> int | None:
    """Parse a whole number of at most 18 ASCII digits, which fits into 64 bits; None for any other text.

    `int` also takes the digits of other scripts, and raises ValueError for more than 4,300 digits:
    https://docs.python.org/3/library/stdtypes.html#integer-string-conversion-length-limitation
    """
    return int(text) if len(text) <= 18 and text.isascii() and text.isdecimal() else None


def parse_size(size: object) -> int:
    """`20Gi`, `1.5Ti`, `100G` or a number of bytes as bytes, a part of a byte rounded up as Kubernetes does.

    Raises ValueError if it is none of them.
    """
    if isinstance(size, int) and not isinstance(size, bool) and size >= 0:
        return size
    if not isinstance(size, str):
        raise ValueError(f"{size!r} is no size")
    factor, number = _BINARY_UNITS.get(size[-2:]), parse_number(size[:-2])
    if factor and number is not None:  # most sizes, without fractions
        return number * factor
    amount = parse_quantity(size)
    if amount is None:
        raise ValueError(f"{size!r} is no size")
    return math.ceil(amount)


def is_whole_size(size: object) -> bool:
    """Whether a size is written in whole Mi, Gi or Ti, such as `20Gi`."""
    return isinstance(size, str) and re.fullmatch("[1-9][0-9]*(Mi|Gi|Ti)", size) is not None


def format_size(size: int) -> str:
    """Bytes as the shortest exact size, such as `20Gi` or `100G`; rounded up to whole Mi where no unit is exact."""
    for unit, factor in (*_BINARY_UNITS.items(), *_DECIMAL_UNITS.items()):
        if size and size % factor == 0:
            return f"{size // factor}{unit}"
    return f"{round_up_to_mebibytes(size)}Mi"


def round_up_to_mebibytes(size: int) -> int:
    """Bytes as a whole number of MiB."""
    return -(-size // MEBIBYTE)


def max_size(one: str, other: str) -> str:
    """The larger of two sizes, as it was written; the first where they are equal."""
    return other if parse_size(other) > parse_size(one) else one


def parse_quantity(text: str) -> Fraction | None:
    """`1.5Gi`, `100G`, `1e9` or `250m` as an exact number of bytes, cores or objects; None if it is no quantity."""
    from fractions import Fraction  # 10 ms, which a render does not spend

    match = re.fullmatch(_QUANTITY, text)
    if match is None:
        return None
    number, unit = Fraction(f"0{match[1]}"), match[2]
    if unit in _SMALL_UNITS:
        return number / _SMALL_UNITS[unit]
    if unit[1:] not in ("", "i"):
        return number * Fraction(10) ** int(unit[1:])
    power = " KMGTPE".index(unit[0].upper()) if unit else 0
    factor: int = (1024 if unit.endswith("i") else 1000) ** power
    return number * factor


def format_count(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 disk`, `2 disks`. `plural` where it is more than an `s` (`2 addresses`)."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def format_names(names: Sequence[str], limit: int, separator: str = ", ") -> str:
    """The first `limit` names, and how many more there are: `VMDisk a, VMDisk b and 3 more`."""
    return separator.join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
