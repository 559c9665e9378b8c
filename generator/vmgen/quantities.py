"""Sizes in the one form that every chart of the platform reads alike: a whole number of Mi, Gi or Ti."""

from __future__ import annotations

_MIB_PER_UNIT = {"Mi": 1, "Gi": 1024, "Ti": 1024 * 1024}


def parse_size(size: str) -> int:
    """`20Gi` as a number of MiB. The size has passed the schema's pattern."""
    return int(size[:-2]) * _MIB_PER_UNIT[size[-2:]]


def format_size(mebibytes_: int) -> str:
    """A number of MiB as the shortest exact size, such as `20Gi`."""
    for unit in ("Ti", "Gi"):
        if mebibytes_ and mebibytes_ % _MIB_PER_UNIT[unit] == 0:
            return f"{mebibytes_ // _MIB_PER_UNIT[unit]}{unit}"
    return f"{mebibytes_}Mi"


def max_size(one: str, other: str) -> str:
    """The larger of two sizes, as it was written; the first where they are equal."""
    return other if parse_size(other) > parse_size(one) else one
