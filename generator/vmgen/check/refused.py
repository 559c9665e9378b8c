"""What the schema refused: rules keep quiet about it, for it has been reported."""

from __future__ import annotations

from vmgen.merge.settings import Settings
from vmgen.read.located import INVALID, Located, walk


def is_invalid(settings: Settings, *names: str) -> bool:
    """Whether something was refused in one of these keys, so that nobody can say what was meant."""
    mapping = settings.located.mapping
    return any(contains_invalid(mapping[name]) for name in names if name in mapping)


def contains_invalid(value: Located) -> bool:
    """Whether the value, or something in it, was refused."""
    return any(item.data is INVALID for _, item in walk(value))
