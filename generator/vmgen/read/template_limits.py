"""Cap what filters, methods and operators of templates make, before they make it.

Each guard gets the arguments of a call by their names, and counts the steps of its result.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from typing import Any

from vmgen.read.template_steps import StepCounter, StepLimitError

# A number is at most this long: the digits of a larger one take longer to compute than to refuse.
MAX_BITS = 256
MAX_PRECISION = 100
# The largest width in a format such as `%20s` or `{:>20}`.
MAX_WIDTH_DIGITS = 4
_WIDE_FORMAT = rf"%[^A-Za-z%]{{0,1000}}?(?:\d{{{MAX_WIDTH_DIGITS + 1}}}|\*)"
_WIDE_FIELD = rf"\d{{{MAX_WIDTH_DIGITS + 1}}}"

# `{:{width}}`: https://docs.python.org/3/library/string.html#format-specification-mini-language
_COMPUTED_FIELD = r":[^:{}]*\{"
_SEARCHES = frozenset("count find index partition replace rfind rindex rpartition rsplit split".split())
# The names of the parameter by which Jinja hands a filter its context.
_CONTEXTS = ("context", "environment", "eval_ctx")

Guard = Callable[[StepCounter, dict[str, Any]], None]


def _guard_width(steps: StepCounter, arguments: dict[str, Any]) -> None:
    steps.spend_text(arguments.get("width"))


def _guard_indent(steps: StepCounter, arguments: dict[str, Any]) -> None:
    width = arguments.get("width", 4)
    steps.spend_text((str(arguments["s"]).count("\n") + 1) * (len(width) if isinstance(width, str) else width))


def _guard_replacement(steps: StepCounter, arguments: dict[str, Any]) -> None:
    text, old, new = (str(arguments[name]) for name in ("s", "old", "new"))
    steps.spend_search(text, old)
    # `replace("", x)` puts x around every character.
    count = text.count(old) if old else len(text) + 1
    limit = arguments.get("count")
    if isinstance(limit, int) and limit >= 0:
        count = min(count, limit)
    steps.spend_text(len(text) + count * len(new))


def _guard_joint(steps: StepCounter, arguments: dict[str, Any]) -> None:
    arguments["value"] = list(arguments["value"])
    steps.spend_text(len(arguments["value"]) * len(str(arguments.get("d", ""))))


def _guard_batch(steps: StepCounter, arguments: dict[str, Any]) -> None:
    count = arguments.get("linecount", arguments.get("slices"))
    if isinstance(count, int) and (arguments.get("fill_with") is not None or "slices" in arguments):
        steps.spend(max(count, 0))


def _guard_sum(steps: StepCounter, arguments: dict[str, Any]) -> None:
    arguments["iterable"] = list(arguments["iterable"])
    size = 0
    for item in (arguments.get("start", 0), *arguments["iterable"]):
        size += len(item) if isinstance(item, list | tuple | str) else 0
        steps.spend(size)


def _guard_precision(steps: StepCounter, arguments: dict[str, Any]) -> None:  # noqa: ARG001 - one signature for all
    precision = arguments.get("precision", 0)
    if isinstance(precision, int) and abs(precision) > MAX_PRECISION:
        raise StepLimitError(f"rounds to more than {MAX_PRECISION} digits")


def _guard_wrapping(steps: StepCounter, arguments: dict[str, Any]) -> None:
    text, width = str(arguments["s"]), arguments.get("width", 79)
    _guard_search(steps, arguments)
    lines = text.count("\n") + 1 + 2 * len(text) // max(width if isinstance(width, int) else 1, 1)
    steps.spend_text(lines * len(str(arguments.get("wrapstring") or "")))


def _guard_search(steps: StepCounter, arguments: dict[str, Any]) -> None:
    """Count as for a function whose time grows with the square of the text."""
    length = len(str(next(iter(arguments.values()))))
    steps.spend(length * length // 4096)


def _guard_format(steps: StepCounter, arguments: dict[str, Any]) -> None:  # noqa: ARG001
    if re.search(_WIDE_FORMAT, str(arguments["value"])):
        raise StepLimitError(f"formats to a width of more than {MAX_WIDTH_DIGITS} digits")


def _guard_test(steps: StepCounter, arguments: dict[str, Any]) -> None:
    steps.spend_search(arguments["seq"], arguments["value"])


# The filters and tests of Jinja that make more than they are given, or need more time than its length.
_FILTER_GUARDS: Mapping[str, Guard] = {
    "batch": _guard_batch,
    "center": _guard_width,
    "format": _guard_format,
    "indent": _guard_indent,
    "join": _guard_joint,
    "replace": _guard_replacement,
    "round": _guard_precision,
    "slice": _guard_batch,
    "striptags": _guard_search,
    "sum": _guard_sum,
    "urlize": _guard_search,
    "wordwrap": _guard_wrapping,
    "is in": _guard_test,
}
# What these do with each item takes longer than to look at it.
_FILTER_FACTORS = {
    "dictsort": 8,
    "groupby": 8,
    "pprint": 32,
    "sort": 8,
    "title": 8,
    "tojson": 4,
    "unique": 4,
    "urlencode": 8,
    "xmlattr": 8,
    "yaml": 8,
}


def limit_function(name: str, function: Callable[..., Any], steps: StepCounter) -> Callable[..., Any]:
    """Return a filter or a test that counts what it is given and what it makes."""
    guard, factor = _FILTER_GUARDS.get(name), _FILTER_FACTORS.get(name, 1)
    context_count = 1 if hasattr(function, "jinja_pass_arg") else 0

    @wraps(function)  # keeps the mark by which Jinja passes its context
    def guarded_function(*args: Any, **kwargs: Any) -> Any:
        context, own = args[:context_count], args[context_count:]
        own, kwargs = limit_arguments(own, kwargs, steps, factor)
        if guard:
            arguments = _read_signature(function).bind(*own, **kwargs)
            guard(steps, arguments.arguments)
            own, kwargs = arguments.args, arguments.kwargs
        return limit_result(function(*context, *own, **kwargs), steps)

    return guarded_function


@cache
def _read_signature(function: Callable[..., Any]) -> inspect.Signature:
    """Return the parameters of a filter or a test, without those by which Jinja hands it its context."""
    parameters = inspect.signature(function).parameters.values()
    return inspect.Signature([each for each in parameters if each.name not in _CONTEXTS])


def limit_arguments(
    args: tuple[Any, ...], kwargs: Mapping[str, Any], steps: StepCounter, factor: int = 1
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Count the arguments of a call, and return them with each iterator counted item by item."""
    steps.spend(1)
    for value in (*args, *kwargs.values()):
        steps.measure(value, factor)
    guarded_arguments = [steps.count_items(value) if isinstance(value, Iterator) else value for value in args]
    return tuple(guarded_arguments), dict(kwargs)


def limit_result(result: Any, steps: StepCounter) -> Any:
    """Count what a call made: a text by its length, a list by its items, an iterator when its items are asked for.

    Raises StepLimitError if that is too much.
    """
    if isinstance(result, str | bytes):
        steps.spend_text(len(result))
    elif isinstance(result, list | tuple | dict):
        steps.spend(len(result))
    elif isinstance(result, int) and result.bit_length() > MAX_BITS:
        raise StepLimitError("a number this large is not allowed in templates")
    elif isinstance(result, Iterator):
        return steps.count_items(result)
    return result


def guard_method(owner: Any, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any], steps: StepCounter) -> None:
    """Count what a method of a text or a number will make. Raises StepLimitError if it makes what no template needs."""
    if isinstance(owner, bytes) and name not in ("decode", "hex"):
        raise StepLimitError(f"calls {name} of bytes; decode them first")
    if name in ("to_bytes", "translate"):
        raise StepLimitError(f"calls {name}, which templates cannot use")
    if not isinstance(owner, str):
        return
    first = args[0] if args else None
    if name in _SEARCHES:
        steps.spend_search(owner, first)
    if name in ("center", "ljust", "rjust", "zfill"):
        steps.spend_text(first)
    elif name == "expandtabs":
        steps.spend_text(owner.count("\t") * (first if isinstance(first, int) else kwargs.get("tabsize", 8)))
    elif name == "replace" and len(args) > 1:
        _guard_replacement(steps, dict(zip(("s", "old", "new", "count"), (owner, *args))))
    elif name == "join" and isinstance(first, list | tuple | str | Mapping):
        steps.spend_text(len(owner) * len(first))
    elif name in ("format", "format_map"):
        steps.spend(len(owner) // 2)
        if re.search(_WIDE_FIELD, owner) or re.search(_COMPUTED_FIELD, owner):
            raise StepLimitError(f"formats to a width of more than {MAX_WIDTH_DIGITS} digits, or to one that it computes")


def guard_operands(operator: str, left: Any, right: Any, steps: StepCounter) -> None:
    """Count what an operator will make of two values. Raises StepLimitError if it makes what no template needs."""
    # `9**9**9` has more digits than a computer holds, and `"%999999999d" % 1` as many characters.
    if operator == "**" or (operator == "%" and isinstance(left, str)):
        raise StepLimitError(f"the operator {operator} is not allowed in templates")
    steps.spend(1)
    if operator == "*":
        for one, other in ((left, right), (right, left)):
            if isinstance(one, str | bytes) and isinstance(other, int):
                steps.spend_text(len(one) * other)
            elif isinstance(one, list | tuple) and isinstance(other, int):
                steps.spend(len(one) * max(other, 0))
        if all(isinstance(side, int) for side in (left, right)) and left.bit_length() + right.bit_length() > MAX_BITS:
            raise StepLimitError("a product this large is not allowed in templates")
    if not isinstance(left, int | float):
        steps.measure(left)
        steps.measure(right)
