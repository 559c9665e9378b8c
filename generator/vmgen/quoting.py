"""Values as YAML that every reader takes alike: plain only where no version of YAML sees more than text, else quoted.

PyYAML's own emitter leaves `1e3`, `0o14`, `08` and `y` bare, which kubectl and Argo CD read as numbers and booleans; so the
rule here is a short list of what may stand bare, not a list of what may not.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

# A word that begins with a letter, or a size such as 20Gi: no resolver makes anything else of these, but for the words below.
_PLAIN_SCALAR = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*|[1-9][0-9]*[KMGT]i")
_RESERVED_WORDS = frozenset("y n yes no on off true false null none nan inf infinity".split())
_NEEDS_ESCAPE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


# Several words of letters, digits and dashes, a slash between them.
_PLAIN_WORDS = re.compile(r"[a-z][-a-z0-9]*(?:/[a-z][-a-z0-9]*)*")


class RawYaml(str):
    """Text that is YAML already, and so is not quoted again. Only this module makes it."""

    __slots__ = ()


def is_plain(words: Sequence[str]) -> bool:
    """Whether all of some words stand in YAML as they are."""
    if _PLAIN_WORDS.fullmatch("/".join(words)) and _RESERVED_WORDS.isdisjoint(words):
        return True
    return all(quote(word) == word for word in words)


def quote(value: str) -> str:
    """A text as one YAML scalar on one line."""
    if _PLAIN_SCALAR.fullmatch(value) and value.lower() not in _RESERVED_WORDS:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    if quoted.isprintable():
        return quoted
    return _NEEDS_ESCAPE.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)


def to_scalar(value: Any) -> str:
    """A scalar as YAML. Anything that is not one is an error: the value was not meant to be written."""
    if isinstance(value, str):
        return quote(value)
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if value is None:
        return "null"
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    str(value)  # an undefined variable of a template names itself here
    raise TypeError(f"cannot write a {type(value).__name__} as YAML")


def to_flow(value: Any) -> str:
    """Any value on one line: a scalar, `[a, b]` or `{a: b}`."""
    if type(value) is str:
        return quote(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{to_scalar(key)}: {to_flow(item)}" for key, item in value.items()) + "}"
    if _is_list(value):
        return "[" + ", ".join(map(to_flow, value)) + "]"
    return to_scalar(value)


def _is_list(value: Any) -> bool:
    """Whether a value is a list; a tuple with names is an object, of which a template writes the fields."""
    return isinstance(value, list | tuple) and not hasattr(value, "_fields")


def finalize(value: Any) -> str:
    """What a `{{ … }}` of a template becomes: exactly one YAML value, unless it is YAML already."""
    if type(value) is str:
        return quote(value)
    return value if isinstance(value, RawYaml) else to_flow(value)


def to_block(value: Any, indent: int = 4) -> RawYaml:
    """A value in block style, to stand right after a key's colon: a list or mapping on the lines below, indented.

    Text of several lines becomes a literal block; what is empty, or a scalar, stays on the line.
    """
    return RawYaml(_format_block(value, indent))


def _format_block(value: Any, indent: int) -> str:
    if type(value) is str:
        return _format_literal_block(value, " " * indent) if "\n" in value else f" {quote(value)}"
    pad = " " * indent
    if isinstance(value, Mapping) and value:
        return "".join(f"\n{pad}{to_scalar(key)}:{_format_block(item, indent + 2)}" for key, item in value.items())
    if _is_list(value) and value:
        return "".join(_format_item(item, indent) for item in value)
    return f" {to_flow(value)}"


def _format_item(value: Any, indent: int) -> str:
    pad = " " * indent
    if type(value) is str and "\n" not in value:
        return f"\n{pad}- {quote(value)}"
    if _is_list(value) and not any(isinstance(item, Mapping | list | tuple) for item in value):
        return f"\n{pad}- {to_flow(value)}"  # a command and its arguments read best on one line
    inner = _format_block(value, indent + 2)
    if isinstance(value, Mapping) and value:
        inner = f" {inner[indent + 3 :]}"  # the first key stands beside the dash
    return f"\n{pad}-{inner}"


def _format_literal_block(value: str, pad: str) -> str:
    """A literal block, where it gives the text back exactly; else the quoted form."""
    body = value.rstrip("\n")
    ends = len(value) - len(body)
    if not body.strip() or "\r" in value or _NEEDS_ESCAPE.search(value) or body.endswith((" ", "\t")):
        return f" {quote(value)}"
    first = body.lstrip("\n")
    indicator = "2" if first != body or first[0] in " \t" else ""
    chomping = "-" if ends == 0 else "" if ends == 1 else "+"
    lines = "\n".join(f"{pad}{line}" if line else "" for line in body.split("\n"))
    return f" |{indicator}{chomping}\n{lines}" + "\n" * max(0, ends - 1)


def to_json_literal(value: Any) -> RawYaml:
    """A text, or a list of texts, as a literal of CEL or Lua, to stand inside a YAML block of such code."""
    return RawYaml(json.dumps(value))
