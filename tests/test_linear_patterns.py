"""Every regular expression of the program takes linear time, on texts that are made from itself to make it search long."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import re._constants as op  # the parser of `re`: what it says of a pattern is what `re` runs
import re._parser as parser
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import vmgen
from vmgen.secrets import commands, documents, line_formats, tokens

LENGTH = 16 * 1024
# Before the whole length, on which a search of exponential time never ends. Each step up takes it some ten times as long.
SHORT_LENGTHS = (12, 15, 19, 24, 30, 37, 46, 57, 512)
# Of four times the text: a linear search takes 4 times as long, a quadratic one 16 times.
MAX_GROWTH = 8
# A text whose time grows less than this, from FIRST_LENGTH to four times of it, is not tried at LENGTH. Most are like that.
FIRST_LENGTH = 1024
FIRST_GROWTH = 5
MAX_SECONDS = 0.3
# A step takes a nanosecond or more, so that half the square of LENGTH takes an eighth of a second.
NEGLIGIBLE_SECONDS = 0.01
ALPHABET = "a1-_ .:/=\"'A\\\n\t{<$#@,+ZQx0~[]()%&|;?!*é\ue000"
CATEGORIES = {
    op.CATEGORY_DIGIT: r"\d",
    op.CATEGORY_NOT_DIGIT: r"\D",
    op.CATEGORY_SPACE: r"\s",
    op.CATEGORY_NOT_SPACE: r"\S",
    op.CATEGORY_WORD: r"\w",
    op.CATEGORY_NOT_WORD: r"\W",
}
REPEATS = (op.MAX_REPEAT, op.MIN_REPEAT, op.POSSESSIVE_REPEAT)


class Expression(NamedTuple):
    """A pattern of the program, and whether it searches a text or matches at its start."""

    place: str
    pattern: re.Pattern[Any]
    is_search: bool


def _find_in_sources() -> Iterator[Expression]:
    """Find each `re.compile("…")` and how its name is used, each `re.search("…", …)`, `compile_pattern("…").search(…)`."""
    root = Path(vmgen.__file__).parent
    for module in pkgutil.walk_packages([str(root)], "vmgen."):
        if module.name.endswith("__main__"):
            continue
        source = Path(importlib.util.find_spec(module.name).origin)  # type: ignore[union-attr, arg-type, attr-defined]
        tree = ast.parse(source.read_text(encoding="utf-8"))
        uses = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)]
        for node in uses:
            assert isinstance(node.func, ast.Attribute)
            if not isinstance(node.func.value, ast.Name) or node.func.value.id != "re" or not node.args:
                continue
            pattern = _evaluate(node.args[0], module.name)
            if pattern is None:
                continue
            flags = [word for word in map(ast.unparse, node.args[1:]) if word.startswith("re.")]
            compiled = re.compile(pattern, eval(flags[0], {"re": re}) if flags else 0)
            called = {node.func.attr}
            if node.func.attr == "compile" and (target := _find_target(tree, node)):
                called = {
                    use.func.attr
                    for use in uses
                    if isinstance(use.func, ast.Attribute) and ast.unparse(use.func.value) == target
                }
            yield Expression(f"{module.name}:{node.lineno}", compiled, not called <= {"match", "fullmatch"})
        for node in uses:
            assert isinstance(node.func, ast.Attribute)
            owner = node.func.value
            if not isinstance(owner, ast.Call) or ast.unparse(owner.func) != "compile_pattern":
                continue
            pattern = _evaluate(owner.args[0], module.name)
            if pattern is not None:  # of a table, _find_in_tables() yields them all
                yield Expression(
                    f"{module.name}:{node.lineno}", re.compile(pattern), node.func.attr not in ("match", "fullmatch")
                )


def _evaluate(node: ast.expr, module: str) -> Any:
    """Return the value of an expression of a module's constants; None if it is made of a name or a key at run time."""
    try:
        return eval(compile(ast.Expression(node), "", "eval"), dict(vars(importlib.import_module(module))))
    except NameError:
        return None


def _find_target(tree: ast.Module, value: ast.Call) -> str:
    """Return the name that a value is assigned to."""
    assigns = (node for node in ast.walk(tree) if isinstance(node, ast.Assign) and node.value is value)
    return next((ast.unparse(assign.targets[0]) for assign in assigns), "")


def _find_in_tables() -> Iterator[Expression]:
    for pattern in dict.fromkeys(_list_texts_of_patterns()):
        yield Expression("secrets", re.compile(pattern), pattern != line_formats.WORD_PATTERN)
    for token_format in tokens.TOKEN_FORMATS:
        yield Expression("secrets/tokens", re.compile(token_format.pattern), is_search=True)


def _list_texts_of_patterns() -> Iterator[str]:
    """Yield the patterns that modules keep as text, and compile for the first text that needs them."""
    for module in (commands, documents, line_formats):
        yield from (value for name, value in vars(module).items() if name.endswith("_PATTERN"))
    yield from (pattern for _, _, pattern in (*line_formats.LINE_FORMATS, *documents.DOCUMENT_FORMATS))


def _find_in_schemas() -> Iterator[Expression]:
    """Find the patterns of our schemas. The validator is written in Rust, but `re` runs some of them for a message."""

    def find(node: Any) -> Iterator[str]:
        if isinstance(node, dict):
            if isinstance(node.get("pattern"), str):
                yield node["pattern"]
            yield from node.get("patternProperties", {})
        for child in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
            yield from find(child)

    root = Path(__file__).parents[1]
    for path in (*root.glob("schema/*.json"), *root.glob("templates/**/*.json")):
        for pattern in sorted(set(find(json.loads(path.read_text(encoding="utf-8"))))):
            yield Expression(path.name, re.compile(pattern), is_search=True)


EXPRESSIONS = {
    f"{expression.place} {expression.pattern.pattern!s:.40}": expression
    for find in (_find_in_sources, _find_in_tables, _find_in_schemas)
    for expression in find()
}


def _list_characters(items: Sequence[Any]) -> list[str]:
    """Return some characters that a set takes."""
    negated = (op.NEGATE, None) in items
    pool = [*ALPHABET, *(chr(value) for kind, value in items if kind is op.LITERAL)]
    pool += [chr(value[0]) for kind, value in items if kind is op.RANGE]

    def is_in(character: str) -> bool:
        return any(
            (kind is op.LITERAL and ord(character) == value)
            or (kind is op.RANGE and value[0] <= ord(character) <= value[1])
            or (kind is op.CATEGORY and re.match(CATEGORIES[value], character) is not None)
            for kind, value in items
        )

    return list(dict.fromkeys(character for character in pool if is_in(character) != negated))[:4] or ["\x01"]


def _list_samples(sequence: Any) -> list[str]:
    """Return a few texts that a part of a pattern takes."""
    samples = [""]
    for kind, value in sequence:
        endings = _list_node_samples(kind, value) or [""]
        samples = [start + end for number, start in enumerate(samples) for end in (endings[:1] if number else endings)]
    return samples[:12]


def _list_node_samples(kind: Any, value: Any) -> list[str]:
    if kind is op.LITERAL:
        return [chr(value)]
    if kind is op.NOT_LITERAL:
        return [character for character in ALPHABET if ord(character) != value][:4]
    if kind is op.ANY:
        return ["a", " ", ":"]
    if kind is op.IN:
        return _list_characters(value)
    if kind is op.BRANCH:
        return [sample for branch in value[1] for sample in _list_samples(branch)[:2]]
    if kind is op.SUBPATTERN:
        return _list_samples(value[3])
    if kind in REPEATS:
        lowest, highest, body = value
        return [sample * max(lowest, min(highest, 1)) for sample in _list_samples(body)] + [""] * (lowest == 0)
    return ["a"] if kind is op.GROUPREF else [""]


def _list_attacks(sequence: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Iterate over (start, unit): text that leads to a repetition of the pattern, and text that it repeats."""
    for kind, value in sequence:
        if kind in REPEATS:
            if value[1] > 8:
                yield from ((prefix, sample) for sample in _list_samples(value[2])[:4])
            yield from _list_attacks(value[2], prefix)
        elif kind is op.BRANCH:
            for branch in value[1]:
                yield from _list_attacks(branch, prefix)
        elif kind is op.SUBPATTERN:
            yield from _list_attacks(value[3], prefix)
        elif kind in (op.ASSERT, op.ASSERT_NOT):
            yield from _list_attacks(value[1], prefix)
        prefix += (_list_node_samples(kind, value) or [""])[0]
        yield prefix, ""


def list_texts(pattern: re.Pattern[Any]) -> list[tuple[str, str]]:
    """Return (start, unit) of texts on which a search may begin, or go back, again and again."""
    source = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode()
    texts = dict.fromkeys(
        each
        for start, unit in _list_attacks(parser.parse(source, pattern.flags & ~re.UNICODE))
        for each in ((start, unit), ("", unit), ("", start + unit), ("", start + unit * 50))
        if each[1]
    )
    return list(texts)


def fill(start: str, unit: str, length: int) -> str:
    """Return a text of a length that ends with a character that no pattern takes."""
    return (start + unit * (length // len(unit) + 1))[: length - 1] + "\x00"


def _measure(expression: Expression, text: str) -> float:
    subject = text if isinstance(expression.pattern.pattern, str) else text.encode()
    begun = time.thread_time()
    if expression.is_search:
        for _ in expression.pattern.finditer(subject):
            pass
    else:
        expression.pattern.match(subject)
        expression.pattern.fullmatch(subject)
    return time.thread_time() - begun


def find_slow_text(expression: Expression) -> tuple[str, str] | None:
    """Return the start and the unit of the first text whose time grows faster than its length."""
    slowest = (NEGLIGIBLE_SECONDS, "", "")
    for start, unit in list_texts(expression.pattern):
        if any(_measure(expression, fill(start, unit, length)) > MAX_SECONDS for length in SHORT_LENGTHS):
            return start[:40], unit[:40]
        first, second = (_measure(expression, fill(start, unit, length)) for length in (FIRST_LENGTH, 4 * FIRST_LENGTH))
        slowest = max(slowest, (second * LENGTH / FIRST_LENGTH / 4, start, unit))
        if second < FIRST_GROWTH * first:
            continue
        seconds = _measure(expression, fill(start, unit, LENGTH))
        if seconds > MAX_SECONDS or (seconds > NEGLIGIBLE_SECONDS and _grows(expression, start, unit, LENGTH)):
            return start[:40], unit[:40]
    _, start, unit = slowest
    return (start[:40], unit[:40]) if unit and _grows(expression, start, unit, 256 * 1024) else None


def _grows(expression: Expression, start: str, unit: str, length: int) -> bool:
    """Return whether four times the text takes more than MAX_GROWTH times as long."""
    short, long = fill(start, unit, length), fill(start, unit, 4 * length)
    before = _measure(expression, short)
    return all(_measure(expression, long) > MAX_GROWTH * before for _ in range(2))


@pytest.mark.slow
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_pattern_is_linear(name: str) -> None:
    """Four times the text takes about four times as long, whichever part of the pattern the text repeats."""
    assert find_slow_text(EXPRESSIONS[name]) is None


@pytest.mark.parametrize(
    "pattern",
    # With a bound below the longest text, the time would grow little more than MAX_GROWTH there.
    [r"[0-9]+$", r"(?m)^\s*x", r":[^{}]*\{", r"sk-[a-z0-9-]+@x", r"<.*>", r"a{0,2000000}b", r"(\w+)\s*=\s*\1"],
)
def test_a_quadratic_pattern_is_found(pattern: str) -> None:
    """The texts are hostile enough to find patterns that are not linear."""
    assert find_slow_text(Expression("", re.compile(pattern), is_search=True))


@pytest.mark.parametrize("pattern", [r"(?:a|aa)+$", r"(?:a+)+$", r"(?:\w*:?)*;", r"^(?:a|b|ab)*c"])
def test_an_exponential_pattern_is_found(pattern: str) -> None:
    """A pattern that would search for years is found on a short text, so that the test ends."""
    assert find_slow_text(Expression("", re.compile(pattern), is_search=True))
