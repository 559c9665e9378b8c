"""What a plain YAML scalar means, where the versions of YAML agree; the rest must be quoted.

PyYAML, kubectl and kustomize read `no`, `014`, `1e3` or `22:22` as different things (YAML 1.1 against 1.2). Rather than
pick one, such a scalar is kept as `Ambiguous`, and the reader refuses it outside of cloud-init.
"""

from __future__ import annotations

import re

from vmgen.read.located import AmbiguousScalar

_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_NULLS = {"", "~", "null", "Null", "NULL"}
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9]*)\.[0-9]+")
_AMBIGUOUS = re.compile(
    r"""(?xi)
    y | n | yes | no | on | off | = | <<
  | [-+]? 0[box][0-9a-f_]+                              # 0o14, 0x1F: numbers to some, text to others
  | [-+]? [0-9][0-9_]* (:[0-5]?[0-9])+ (\.[0-9_]*)?     # 22:22, a number in base 60
  | [-+]? (\.[0-9_]+ | [0-9][0-9_]*(\.[0-9_]*)?) (e[-+]?[0-9]+)?     # 014, 1_000, 01.5, 1., .5, 1e3
  | [-+]? \.(inf|nan)
    """
)
# Plain words that are more than text to some, and the characters of which the rest of what is ambiguous consists.
_AMBIGUOUS_WORDS = frozenset("y yes n no on off = <<".split())
_NUMBER_CHARACTERS = frozenset("0123456789+-_.:abcdefinoxABCDEFINOX")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


def resolve_scalar(text: str) -> bool | int | float | str | None:
    """The value of a plain scalar; `Ambiguous` where parsers disagree."""
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text in _NULLS:
        return None
    if not _NUMBER_CHARACTERS.issuperset(text):  # most texts are seen to be no numbers without an expression being compiled
        return AmbiguousScalar(text) if text.casefold() in _AMBIGUOUS_WORDS else text
    number = int if _INTEGER.fullmatch(text) else float if _DECIMAL.fullmatch(text) else None
    if number:
        # Readers differ on many digits: some round them, some refuse them, to some they are infinite.
        return number(text) if len(text) < 20 else AmbiguousScalar(text)
    return AmbiguousScalar(text) if _AMBIGUOUS.fullmatch(text) else text


def describe_unprintable(text: str) -> str | None:
    """The first character that does not survive a YAML round trip, as `U+0085`, or None."""
    position = find_unprintable(text)
    return None if position is None else f"U+{ord(text[position]):04X}"


def find_unprintable(text: str) -> int | None:
    """Where the first such character stands, or None."""
    if text.replace("\n", "").replace("\t", "").isprintable():  # which all characters are that survive, but for rare ones
        return None
    found = _UNPRINTABLE.search(text)
    return found.start() if found else None
