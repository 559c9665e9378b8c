"""Regular expressions that are compiled when they are first used: a start pays for those that its run asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

_METHODS = ("fullmatch", "match", "search", "findall", "finditer", "split", "sub")


class Pattern:
    """A `re.Pattern` with the methods that are in use here; the first one to be used compiles it.

    re.error where the text is no regular expression, as from `re.compile`, but at that first use.
    """

    __slots__ = ("_flags", "_text", *_METHODS)

    fullmatch: Callable[..., re.Match[str] | None]
    match: Callable[..., re.Match[str] | None]
    search: Callable[..., re.Match[str] | None]
    findall: Callable[..., list[Any]]
    finditer: Callable[..., Iterator[re.Match[str]]]
    split: Callable[..., list[Any]]
    sub: Callable[..., str]

    def __init__(self, text: str, flags: int = 0) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Python asks here for what a slot does not hold yet: after the first time, each method is found at once."""
        if name not in _METHODS:
            raise AttributeError(name)
        compiled = re.compile(self._text, self._flags)
        for method in _METHODS:
            setattr(self, method, getattr(compiled, method))
        return getattr(compiled, name)
