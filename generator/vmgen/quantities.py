"""Sizes (whole Mi, Gi or Ti, which every chart reads alike), quantities of Kubernetes, and counts in words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = r"([0-9]{1,30}(?:\.[0-9]{1,30})?)(m|[KMGTPE]i|[kMGTPE]|)"
_MIB_PER_UNIT = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


def parse_size(size: str) -> int:
    """`20Gi` as a number of MiB. The size has passed the schema's pattern."""
    return int(size[:-2]) * _MIB_PER_UNIT[size[-2:]]


def format_size(mebibytes: int) -> str:
    """A number of MiB as the shortest exact size, such as `20Gi`."""
    for unit in ("Ti", "Gi"):
        if mebibytes and mebibytes % _MIB_PER_UNIT[unit] == 0:
            return f"{mebibytes // _MIB_PER_UNIT[unit]}{unit}"
    return f"{mebibytes}Mi"


def max_size(one: str, other: str) -> str:
    """The larger of two sizes, as it was written; the first where they are equal."""
    return other if parse_size(other) > parse_size(one) else one


def parse_quantity(text: str) -> Fraction | None:
    """`1.5Gi`, `100G` or `250m` as an exact number of bytes, cores or objects; None if it is no quantity."""
    from fractions import Fraction  # 10 ms, which a render does not spend

    match = re.fullmatch(_QUANTITY, text)
    if match is None:
        return None
    number, unit = Fraction(match[1]), match[2]
    if unit == "m":
        return number / 1000
    power = " KMGTPE".index(unit[0].upper()) if unit else 0
    factor: int = (1024 if unit.endswith("i") else 1000) ** power
    return number * factor


def format_count(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 disk`, `2 disks`. `plural` where it is more than an `s` (`2 addresses`)."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def format_names(names: Sequence[str], limit: int, separator: str = ", ") -> str:
    """The first `limit` names, and how many more there are: `VMDisk a, VMDisk b and 3 more`."""
    return separator.join(names[:limit]) + (f" and {len(names) - limit} more" if len(names) > limit else "")
