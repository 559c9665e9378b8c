"""Whether data plainly has the shape of a JSON Schema: the quick half of validation, which needs no library.

Most files are right, and that is soon seen. Only a sure answer is given; whatever is in doubt, or is a keyword that does not
stand here, is for the validator (`read/schema.py`), which alone says what is wrong. It is asked of the program's own schemas
only: those of others may hold anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

Node = Mapping[str, Any]
# True and False are sure; None is doubt.
Answer = bool | None
# Keywords that refuse nothing; those with `x-` are our own, and `then` and `else` are asked about with their `if`.
_NOTES = frozenset("$schema $id $defs title description default examples then else".split())
_TYPES: Mapping[str, type] = {"null": type(None), "boolean": bool, "string": str, "array": list, "object": dict}


def conforms(value: Any, schema: Any, root: Node) -> Answer:
    """Whether a value fits a schema, whose references lead into `root`."""
    if isinstance(schema, bool):
        return schema
    return _all(_fits(value, keyword, wanted, schema, root) for keyword, wanted in schema.items())


def _all(answers: Iterable[Answer]) -> Answer:
    """Whether all is so: one sure no is enough for no, and one doubt for doubt."""
    found: Answer = True
    for answer in answers:
        if answer is False:
            return False
        if answer is None:
            found = None
    return found


def _fits(value: Any, keyword: str, wanted: Any, schema: Node, root: Node) -> Answer:
    if keyword in _NOTES or keyword.startswith("x-"):
        return True
    if keyword == "$ref":
        target = root.get("$defs", {}).get(wanted[8:]) if wanted.startswith("#/$defs/") else None
        return None if target is None else conforms(value, target, root)
    ask = _OF_ALL.get(keyword)
    if ask is not None:
        return ask(value, wanted, schema, root)
    family = _FAMILIES.get(keyword)
    if family is None:
        return None
    of, fits = family
    return type(value) not in of or fits(value, wanted, schema, root)


def _type(value: Any, wanted: Any, *_: Node) -> Answer:
    names = wanted if isinstance(wanted, list) else (wanted,)
    if type(value) in (int, float) and not {"number", "integer"}.isdisjoint(names):
        return True if "number" in names or type(value) is int else None  # 1.0 is an integer too
    return any(_TYPES.get(name) is type(value) for name in names)


def _one_of(value: Any, options: list[Any], *_: Node) -> Answer:
    answers = [_same(option, value) for option in options]
    return True if True in answers else None if None in answers else False


def _same(one: Any, other: Any) -> Answer:
    """Whether two values are one. To JSON Schema 1 is 1.0 and not true, to Python it is both; inside of lists too."""
    if isinstance(one, dict | list) or isinstance(other, dict | list):
        return None if type(one) is type(other) else False
    if float in (type(one), type(other)):
        return None
    return type(one) is type(other) and bool(one == other)


def _not(value: Any, wanted: Any, _: Node, root: Node) -> Answer:
    answer = conforms(value, wanted, root)
    return None if answer is None else not answer


def _if(value: Any, wanted: Any, schema: Node, root: Node) -> Answer:
    answer = conforms(value, wanted, root)
    return None if answer is None else conforms(value, schema.get("then" if answer else "else", True), root)


def _properties(value: dict[str, Any], wanted: Node, _: Node, root: Node) -> Answer:
    return _all(conforms(value[name], wanted[name], root) for name in value if name in wanted)


def _further(value: dict[str, Any], wanted: Any, schema: Node, root: Node) -> Answer:
    if "patternProperties" in schema:
        return None
    known = schema.get("properties", {})
    return _all(conforms(item, wanted, root) for name, item in value.items() if name not in known)


def _items(value: list[Any], wanted: Any, schema: Node, root: Node) -> Answer:
    return None if "prefixItems" in schema else _all(conforms(item, wanted, root) for item in value)


def _matches(value: str, wanted: str, *_: Node) -> Answer:
    """Engines differ on the ends of lines, on blanks and on letters, so only one line of printable ASCII is plain."""
    plain = value.isascii() and value.isprintable()
    return _pattern(wanted).search(value) is not None if plain else None


def _distinct(value: list[Any], wanted: bool, *_: Node) -> Answer:
    if not wanted:
        return True
    return len(set(value)) == len(value) if all(type(item) in (str, int) for item in value) else None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text)


Fits = Callable[[Any, Any, Node, Node], Answer]
_TEXT, _LIST, _OBJECT, _NUMBER = (str,), (list,), (dict,), (int, float)
# Keywords that speak of every value.
_OF_ALL: Mapping[str, Fits] = {
    "type": _type,
    "enum": _one_of,
    "const": lambda value, wanted, *_: _same(wanted, value),
    "not": _not,
    "if": _if,
}
# Each other keyword with the types that it speaks of.
_FAMILIES: Mapping[str, tuple[tuple[type, ...], Fits]] = {
    "properties": (_OBJECT, _properties),
    "additionalProperties": (_OBJECT, _further),
    "propertyNames": (_OBJECT, lambda value, wanted, _, root: _all(conforms(name, wanted, root) for name in value)),
    "required": (_OBJECT, lambda value, wanted, *_: all(name in value for name in wanted)),
    "minProperties": (_OBJECT, lambda value, wanted, *_: len(value) >= wanted),
    "maxProperties": (_OBJECT, lambda value, wanted, *_: len(value) <= wanted),
    "items": (_LIST, _items),
    "minItems": (_LIST, lambda value, wanted, *_: len(value) >= wanted),
    "maxItems": (_LIST, lambda value, wanted, *_: len(value) <= wanted),
    "uniqueItems": (_LIST, _distinct),
    "pattern": (_TEXT, _matches),
    "minLength": (_TEXT, lambda value, wanted, *_: len(value) >= wanted),
    "maxLength": (_TEXT, lambda value, wanted, *_: len(value) <= wanted),
    "minimum": (_NUMBER, lambda value, wanted, *_: value >= wanted),
    "maximum": (_NUMBER, lambda value, wanted, *_: value <= wanted),
}
