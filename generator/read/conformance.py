"""Whether data plainly has the shape of a JSON Schema: the quick half of validation, which needs no library.

Most files are right, and that is soon seen. Here only a sure yes is given; whatever is in doubt, or is a keyword that does not
stand here, is for the validator (`read/schema.py`), which alone says what is wrong. It is asked of the program's own schemas
only: those of others may hold anything.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from generator.patterns import Pattern

Node = Mapping[str, Any]
# Keywords that refuse nothing; those with `x-` are our own.
_NOTES = frozenset("$schema $id $defs title description default examples".split())
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: value is True or value is False,
    "integer": lambda value: type(value) is int,
    "number": lambda value: type(value) in (int, float),
    "string": lambda value: type(value) is str,
    "array": lambda value: type(value) is list,
    "object": lambda value: type(value) is dict,
}


def conforms(value: Any, schema: Any, root: Node) -> bool:
    """True where the value surely fits a schema, whose references lead into `root`. False says nothing."""
    if isinstance(schema, bool):
        return schema
    return all(_fits(value, keyword, wanted, schema, root) for keyword, wanted in schema.items())


def _fits(value: Any, keyword: str, wanted: Any, schema: Node, root: Node) -> bool:
    if keyword in _NOTES or keyword.startswith("x-"):
        return True
    if keyword == "$ref":
        return wanted.startswith("#/$defs/") and conforms(value, root["$defs"].get(wanted[8:], False), root)
    if keyword == "type":
        names = wanted if isinstance(wanted, list) else (wanted,)
        return any(name in _TYPES and _TYPES[name](value) for name in names)
    if keyword in ("enum", "const"):
        options = wanted if keyword == "enum" else [wanted]
        return any(_same(option, value) for option in options)
    if keyword == "not":
        return (
            type(value) is str
            and set(wanted) == {"pattern"}
            and _plain(value)
            and not _pattern(wanted["pattern"]).search(value)
        )
    family = _FAMILIES.get(keyword)
    if family is None:
        return False
    of, fits = family
    return type(value) not in of or fits(value, wanted, schema, root)


def _same(one: Any, other: Any) -> bool:
    """Whether two scalars are one; to Python, True is 1, and so is [True] [1]."""
    return type(one) is type(other) and not isinstance(one, dict | list) and one == other


def _properties(value: dict[str, Any], wanted: Node, _: Node, root: Node) -> bool:
    return all(conforms(value[name], wanted[name], root) for name in value if name in wanted)


def _further(value: dict[str, Any], wanted: Any, schema: Node, root: Node) -> bool:
    known = schema.get("properties", {})
    return "patternProperties" not in schema and all(
        conforms(item, wanted, root) for name, item in value.items() if name not in known
    )


def _matches(value: str, wanted: str, *_: Node) -> bool:
    return _plain(value) and _pattern(wanted).search(value) is not None


def _plain(value: str) -> bool:
    """Engines differ on the ends of lines, on blanks and on letters, so only one line of printable ASCII is plain."""
    return value.isascii() and value.isprintable()


def _distinct(value: list[Any], wanted: bool, *_: Node) -> bool:
    return not wanted or (all(type(item) in (str, int) for item in value) and len(set(value)) == len(value))


@cache
def _pattern(text: str) -> Pattern:
    return Pattern(text)


Fits = Callable[[Any, Any, Node, Node], bool]
_TEXT, _LIST, _OBJECT, _NUMBER = (str,), (list,), (dict,), (int, float)
# Each keyword with the types that it speaks of.
_FAMILIES: Mapping[str, tuple[tuple[type, ...], Fits]] = {
    "properties": (_OBJECT, _properties),
    "additionalProperties": (_OBJECT, _further),
    "propertyNames": (_OBJECT, lambda value, wanted, _, root: all(conforms(name, wanted, root) for name in value)),
    "required": (_OBJECT, lambda value, wanted, *_: all(name in value for name in wanted)),
    "minProperties": (_OBJECT, lambda value, wanted, *_: len(value) >= wanted),
    "maxProperties": (_OBJECT, lambda value, wanted, *_: len(value) <= wanted),
    "items": (_LIST, lambda value, wanted, _, root: all(conforms(item, wanted, root) for item in value)),
    "minItems": (_LIST, lambda value, wanted, *_: len(value) >= wanted),
    "maxItems": (_LIST, lambda value, wanted, *_: len(value) <= wanted),
    "uniqueItems": (_LIST, _distinct),
    "pattern": (_TEXT, _matches),
    "minLength": (_TEXT, lambda value, wanted, *_: len(value) >= wanted),
    "maxLength": (_TEXT, lambda value, wanted, *_: len(value) <= wanted),
    "minimum": (_NUMBER, lambda value, wanted, *_: value >= wanted),
    "maximum": (_NUMBER, lambda value, wanted, *_: value <= wanted),
}
