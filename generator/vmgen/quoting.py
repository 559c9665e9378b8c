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
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9._/-]*|[1-9][0-9]*[KMGT]i")
_WORDS = frozenset("y n yes no on off true false null none nan inf infinity".split())
_ESCAPED = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")


# Several words of letters, digits and dashes, a slash between them.
_PLAIN_WORDS = re.compile(r"[a-z][-a-z0-9]*(?:/[a-z][-a-z0-9]*)*")


class Yaml(str):
    """Text that is YAML already, and so is not quoted again. Only this module makes it."""

    __slots__ = ()


def bare(words: Sequence[str]) -> bool:
    """Whether all of some words stand in YAML as they are."""
    if _PLAIN_WORDS.fullmatch("/".join(words)) and _WORDS.isdisjoint(words):
        return True
    return all(text(word) == word for word in words)


def text(value: str) -> str:
    """A text as one YAML scalar on one line."""
    if _BARE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    quoted = json.dumps(value, ensure_ascii=False)
    if quoted.isprintable():
        return quoted
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", quoted)


def scalar(value: Any) -> str:
    """A scalar as YAML. Anything that is not one is an error: the value was not meant to be written."""
    if isinstance(value, str):
        return text(value)
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


def flow(value: Any) -> str:
    """Any value on one line: a scalar, `[a, b]` or `{a: b}`."""
    if type(value) is str:
        return text(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if _is_list(value):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def _is_list(value: Any) -> bool:
    """Whether a value is a list; a tuple with names is an object, of which a template writes the fields."""
    return isinstance(value, list | tuple) and not hasattr(value, "_fields")


def finalized(value: Any) -> str:
    """What a `{{ … }}` of a template becomes: exactly one YAML value, unless it is YAML already."""
    if type(value) is str:
        return text(value)
    return value if isinstance(value, Yaml) else flow(value)


def block(value: Any, indent: int = 4) -> Yaml:
    """A value in block style, to stand right after a key's colon: a list or mapping on the lines below, indented.

    Text of several lines becomes a literal block; what is empty, or a scalar, stays on the line.
    """
    return Yaml(_block(value, indent))


def _block(value: Any, indent: int) -> str:
    if type(value) is str:
        return _literal(value, " " * indent) if "\n" in value else f" {text(value)}"
    pad = " " * indent
    if isinstance(value, Mapping) and value:
        return "".join(f"\n{pad}{scalar(key)}:{_block(item, indent + 2)}" for key, item in value.items())
    if _is_list(value) and value:
        return "".join(_item(item, indent) for item in value)
    return f" {flow(value)}"


def _item(value: Any, indent: int) -> str:
    pad = " " * indent
    if type(value) is str and "\n" not in value:
        return f"\n{pad}- {text(value)}"
    if _is_list(value) and not any(isinstance(item, Mapping | list | tuple) for item in value):
        return f"\n{pad}- {flow(value)}"  # a command and its arguments read best on one line
    inner = _block(value, indent + 2)
    if isinstance(value, Mapping) and value:
        inner = f" {inner[indent + 3 :]}"  # the first key stands beside the dash
    return f"\n{pad}-{inner}"


def _literal(value: str, pad: str) -> str:
    """A literal block, where it gives the text back exactly; else the quoted form."""
    body = value.rstrip("\n")
    ends = len(value) - len(body)
    if not body.strip() or "\r" in value or _ESCAPED.search(value) or body.endswith((" ", "\t")):
        return f" {text(value)}"
    first = body.lstrip("\n")
    indicator = "2" if first != body or first[0] in " \t" else ""
    chomping = "-" if ends == 0 else "" if ends == 1 else "+"
    lines = "\n".join(f"{pad}{line}" if line else "" for line in body.split("\n"))
    return f" |{indicator}{chomping}\n{lines}" + "\n" * max(0, ends - 1)


def literal(value: Any) -> Yaml:
    """A text, or a list of texts, as a literal of CEL or Lua, to stand inside a YAML block of such code."""
    return Yaml(json.dumps(value))
