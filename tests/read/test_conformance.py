"""The quick half of validation: what it passes, the validator passes; and it passes what is right, so that a start is quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmgen.read.conformance import conforms
from vmgen.read.schema import Schema, load_builtin_schema
from vmgen.read.yaml_reader import read_yaml

CHECKOUT = Path(__file__).resolve().parents[2]
CASES = CHECKOUT / "tests/cases"
Node = Mapping[str, Any]
# These two describe what vmgen prints, and no value is ever held against them by it.
PRINTED = ("plan", "problems")


def _documents() -> dict[str, Node]:
    own = {path.name.partition(".")[0]: path for path in (CHECKOUT / "schema").glob("*.schema.json")}
    kinds = {f"{path.parent.name}/{path.name.partition('.')[0]}": path for path in CHECKOUT.glob("templates/*/*.schema.json")}
    return {name: json.loads(path.read_text(encoding="utf-8")) for name, path in sorted({**own, **kinds}.items())}


DOCUMENTS = _documents()
ASKED = [name for name in DOCUMENTS if name not in PRINTED]

# ---- values near to a schema

PLAIN = ("", "a", "web", "web-1", "A", "20Gi", "0Gi", "tenant-acme", "2026-12-31", "https://x.example/a", "off", "true", "1")
ODD = ("a\n", "\na", "20Gi\n", "tenant-a\n", "a b", "a\tb", "é", "２0Gi", "tenant-é", "x\u2028", "\x1c", "\x85", "😀", "x" * 64)
TEXTS = st.sampled_from((*PLAIN, *ODD)) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.sampled_from([0, 1, -1, 2, 65535, 65536, 10**30, True, False, 0.0, 1.0, 1.5, 65535.0, 65535.5, -0.5, 1e300])
ANYTHING = st.recursive(
    st.none() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=4,
)


@st.composite
def near(draw: st.DrawFn, schema: Any, root: Node, wrong: int, depth: int = 0) -> Any:
    """A value by a schema; one part in `wrong` is something else, none where that is 0."""
    while isinstance(schema, dict) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    if not isinstance(schema, dict) or (wrong and draw(st.integers(1, wrong)) == 1):
        return draw(ANYTHING)
    if "const" in schema or "enum" in schema:
        return draw(st.sampled_from(schema.get("enum") or [schema["const"]]))
    if schema.get("examples") and draw(st.booleans()):
        return draw(st.sampled_from(schema["examples"]))
    types = schema.get("type", ["object", "string", "integer", "null"])
    return draw(_of_type(draw(st.sampled_from(types if isinstance(types, list) else [types])), schema, root, wrong, depth))


def _of_type(kind: str, schema: Node, root: Node, wrong: int, depth: int) -> st.SearchStrategy[Any]:
    if kind == "object":
        return _object(schema, root, wrong, depth)
    if kind == "array":
        return _array(schema, root, wrong, depth)
    if kind == "string":
        return _text(schema, wrong)
    if kind in ("integer", "number"):
        return _number(kind, schema, wrong)
    return {"boolean": st.booleans(), "null": st.none()}[kind]


@st.composite
def _object(draw: st.DrawFn, schema: Node, root: Node, wrong: int, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    more = schema.get("additionalProperties", True)
    optional = sorted(properties.keys() - set(schema.get("required", ())))
    chosen = draw(st.lists(st.sampled_from(optional), max_size=max(4 - depth, 0), unique=True)) if optional else []
    names = [*schema.get("required", ()), *chosen]
    if names and wrong and draw(st.integers(0, wrong)) == 0:
        names.remove(draw(st.sampled_from(names)))
    found = {name: draw(near(properties.get(name, more), root, wrong, depth + 1)) for name in names}
    if (more is not False and depth < 5) or (wrong and draw(st.integers(0, wrong)) == 0):
        named = _text(schema.get("propertyNames", {"pattern": "^[a-z]+$"}), wrong)
        for name in draw(st.lists(named, max_size=2)):
            found[name] = draw(near(properties.get(name, more), root, wrong, depth + 1))
    return found


@st.composite
def _array(draw: st.DrawFn, schema: Node, root: Node, wrong: int, depth: int) -> list[Any]:
    least = schema.get("minItems", 0)
    items = draw(st.lists(near(schema.get("items", True), root, wrong, depth + 1), min_size=least, max_size=least + 2))
    if items and wrong and draw(st.integers(0, wrong)) < 2:
        items.append(draw(st.sampled_from([items[0], True, 1, 1.0])))
    return items


def _text(schema: Node, wrong: int) -> st.SearchStrategy[Any]:
    if "pattern" in schema:  # `$` matches before the end of a line too, so lines that end are drawn as well
        letters = st.characters(codec="ascii") if wrong else st.characters(min_codepoint=32, max_codepoint=126)
        fits = st.from_regex(schema["pattern"], alphabet=letters)
    else:
        least = schema.get("minLength", 0)
        fits = st.text("ab-é", min_size=max(least - bool(wrong), 0), max_size=least + 3)
    return fits | TEXTS if wrong else fits


def _number(kind: str, schema: Node, wrong: int) -> st.SearchStrategy[Any]:
    least = schema.get("minimum", -5)
    most = schema.get("maximum", least + 100)
    fits = st.integers(least, most) | st.sampled_from([least, most])
    if kind == "number":
        fits |= st.floats(least, most)
    edges: list[Any] = [least - 1, most + 1, float(least), least - 0.5, True, False, str(least)]
    return fits | st.sampled_from(edges) if wrong else fits


def _parts(document: Node) -> list[Node]:
    """The schema itself, and each of its definitions as one by itself."""
    definitions = document.get("$defs", {})
    return [document, *({"$ref": f"#/$defs/{name}", "$defs": definitions} for name in definitions)]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_sure_is_so(name: str) -> None:
    """Whatever the quick half is sure of, that it fits or that it does not, the validator says too."""
    parts = _parts(DOCUMENTS[name])
    validators = [jsonschema_rs.Draft202012Validator(dict(part)) for part in parts]

    @settings(max_examples=20, database=None)
    @given(st.data(), st.integers(0, len(parts) - 1), st.sampled_from([0, 8, 25]))
    def law(data: st.DataObject, index: int, wrong: int) -> None:
        value = data.draw(near(parts[index], DOCUMENTS[name], wrong))
        assert conforms(value, parts[index], DOCUMENTS[name]) in (None, validators[index].is_valid(value))

    law()


@pytest.mark.parametrize("name", ASKED)
def test_what_is_right_conforms(name: str) -> None:
    """A value of plain text that has just what its schema wants is in no doubt."""

    @settings(max_examples=6, database=None)
    @given(st.data())
    def law(data: st.DataObject) -> None:
        value = data.draw(near(DOCUMENTS[name], DOCUMENTS[name], 0))
        valid = jsonschema_rs.Draft202012Validator(dict(DOCUMENTS[name])).is_valid(value)
        assert (conforms(value, DOCUMENTS[name], DOCUMENTS[name]) is True) is valid

    law()


# ---- the keywords

_OF_NODES = {"properties", "$defs"}
_A_NODE = {"items", "additionalProperties", "propertyNames", "not"}
# What is said of every value, so that no value shows that it is known.
_OF_ALL = {"type", "enum", "const", "$ref"}


def nodes(schema: Any) -> Iterator[Node]:
    """A schema and all those in it."""
    if isinstance(schema, dict):
        yield schema
        for keyword, wanted in schema.items():
            for below in wanted.values() if keyword in _OF_NODES else [wanted] if keyword in _A_NODE else ():
                yield from nodes(below)


@pytest.mark.parametrize("name", ASKED)
def test_every_keyword_is_known(name: str) -> None:
    """No keyword of a schema that is asked about is one that always sends the value to the validator."""
    unknown = {
        keyword
        for node in nodes(DOCUMENTS[name])
        for keyword in node.keys() - _OF_ALL
        if conforms("a" if keyword == "not" else None, {keyword: node[keyword]}, DOCUMENTS[name]) is None
    }
    assert unknown == set()


@pytest.mark.parametrize("name", ASKED)
def test_every_reference_leads_to_a_definition(name: str) -> None:
    """A reference in a schema that is asked about is one that the quick half follows."""
    targets = {node["$ref"] for node in nodes(DOCUMENTS[name]) if "$ref" in node}
    assert targets <= {f"#/$defs/{target}" for target in DOCUMENTS[name].get("$defs", {})}


# ---- corners, each with what the quick half says and what the validator does

CORNERS: dict[str, tuple[Any, Any, bool, bool]] = {
    "true for an integer": ({"type": "integer"}, True, False, False),
    "true for a number": ({"type": "number"}, True, False, False),
    "1.0 for an integer": ({"type": "integer"}, 1.0, False, True),
    "1 for a number": ({"type": "number"}, 1, True, True),
    "1 for a boolean": ({"type": "boolean"}, 1, False, False),
    "null for an object": ({"type": "object"}, None, False, False),
    "one of two types": ({"type": ["string", "null"]}, None, True, True),
    "a line for one that ends": ({"pattern": "^a$"}, "a", True, True),
    "a line that ends": ({"pattern": "^a$"}, "a\n", False, False),
    "a second line": ({"pattern": "^a$"}, "b\na", False, False),
    "a letter that is not ASCII": ({"pattern": r"^\S$"}, "é", False, True),
    "a digit that is not ASCII": ({"pattern": r"^\d$"}, "２", False, False),
    "no letter of a word": ({"pattern": r"^\w$"}, "é", False, False),
    "a number against a pattern": ({"pattern": "^a$"}, 1, True, True),
    "a letter of two units": ({"maxLength": 1}, "😀", True, True),
    "an empty text": ({"minLength": 1}, "", False, False),
    "1 beside true": ({"uniqueItems": True}, [1, True], False, True),
    "1 beside 1.0": ({"uniqueItems": True}, [1, 1.0], False, False),
    "twice the same": ({"uniqueItems": True}, ["a", "a"], False, False),
    "1 beside its text": ({"uniqueItems": True}, [1, "1"], True, True),
    "lists in a list": ({"uniqueItems": True}, [[1], [1]], False, False),
    "twice where that may be": ({"uniqueItems": False}, [1, 1], True, True),
    "true among numbers": ({"enum": [1, 2]}, True, False, False),
    "1 among booleans": ({"enum": [True]}, 1, False, False),
    "true among others": ({"enum": [1, True]}, True, True, True),
    "1.0 among whole numbers": ({"enum": [1]}, 1.0, False, True),
    "null among texts": ({"enum": ["a", None]}, None, True, True),
    "the constant": ({"const": "a"}, "a", True, True),
    "another constant": ({"const": "a"}, "b", False, False),
    "false for 0": ({"const": 0}, False, False, False),
    "no value for a constant null": ({"const": None}, None, True, True),
    "the least": ({"minimum": 1}, 1, True, True),
    "less than the least": ({"minimum": 1}, 0.5, False, False),
    "true is no number": ({"minimum": 5}, True, True, True),
    "the most": ({"maximum": 65535}, 65535.0, True, True),
    "more than the most": ({"maximum": 65535}, 65536, False, False),
    "a number beyond all": ({"minimum": 1}, 10**30, True, True),
    "a key beside those known": ({"properties": {"a": {}}, "additionalProperties": False}, {"b": 1}, False, False),
    "a known key of no value": ({"properties": {"a": False}}, {"a": 1}, False, False),
    "a key by a pattern": ({"patternProperties": {"a": {}}, "additionalProperties": False}, {"a": 1}, False, True),
    "a wrong name": ({"propertyNames": {"pattern": "^a$"}}, {"b": 1}, False, False),
    "a key that is missing": ({"required": ["a"]}, {}, False, False),
    "just so many keys": ({"minProperties": 1, "maxProperties": 1}, {"a": 1}, True, True),
    "just so many items": ({"minItems": 1, "maxItems": 1}, [1], True, True),
    "just so many letters": ({"minLength": 1, "maxLength": 1}, "a", True, True),
    "all the keys": ({"required": ["a"]}, {"a": None}, True, True),
    "right items": ({"items": {"type": "string"}}, ["a", "b"], True, True),
    "a right name": ({"propertyNames": {"pattern": "^a$"}}, {"a": 1}, True, True),
    "other keys": ({"properties": {"a": False}, "additionalProperties": {"type": "null"}}, {"b": None}, True, True),
    "too few keys": ({"minProperties": 1}, {}, False, False),
    "too many keys": ({"maxProperties": 1}, {"a": 1, "b": 2}, False, False),
    "too few items": ({"minItems": 1}, [], False, False),
    "too many items": ({"maxItems": 1}, [1, 2], False, False),
    "a wrong item": ({"items": {"type": "string"}}, ["a", 1], False, False),
    "items after the first": ({"prefixItems": [{}], "items": False}, [1], False, True),
    "a keyword that is not known": ({"multipleOf": 2}, 4, False, True),
    "one of several": ({"anyOf": [{}]}, 1, False, True),
    "anything": (True, None, True, True),
    "nothing": (False, None, False, False),
    "a definition": ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "null"}}}, None, True, True),
    "beside a definition": ({"$ref": "#/$defs/a", "maximum": 1, "$defs": {"a": {"type": "integer"}}}, 2, False, False),
    "the schema itself": ({"items": {"$ref": "#"}}, [[]], False, True),
}


@pytest.mark.parametrize(("schema", "value", "sure", "valid"), CORNERS.values(), ids=CORNERS)
def test_corners(schema: Any, value: Any, sure: bool, valid: bool) -> None:
    """Where Python and JSON Schema differ on what is equal, or on what a letter is, there is no sure answer that is wrong."""
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(value) is valid
    answer = conforms(value, schema, schema if isinstance(schema, dict) else {})
    assert (answer is True) is sure
    assert answer in (None, valid)


@pytest.mark.parametrize(("schema", "value"), [({"enum": [[1]]}, [True]), ({"const": {"a": 1}}, {"a": True})])
def test_an_option_with_something_in_it(schema: Node, value: Any) -> None:
    """A list or a mapping is one of the options only where all in it is of the same type too."""
    assert not conforms(value, schema, schema)


def test_a_blank_of_python_alone() -> None:
    """What only Python calls a blank is in doubt."""
    assert not conforms("\x1c", {"pattern": r"^\s$"}, {})


CHOICES = {
    "if": [{"if": {"required": ["a"]}, "then": {"required": ["b"]}, "else": {"maxProperties": 1}}],
    "not": [
        {"not": {"properties": {"a": {"const": ""}}, "required": ["a"]}},
        {"not": {"pattern": "^x"}},
        {"not": {"enum": [1, "a"]}},
    ],
    "not not": [{"not": {"not": {"type": ["integer", "null"]}}}],
    "then without if": [{"then": False, "else": False}],
}


@pytest.mark.parametrize("schemas", CHOICES.values(), ids=CHOICES)
@settings(max_examples=60, database=None)
@given(value=st.dictionaries(st.sampled_from("abc"), ANYTHING, max_size=3) | ANYTHING)
def test_what_is_sure_of_a_choice_is_so(schemas: list[Node], value: Any) -> None:
    """A condition, or what must not be, is answered as the validator answers it, or not at all."""
    for schema in schemas:
        assert conforms(value, schema, schema) in (None, jsonschema_rs.Draft202012Validator(schema).is_valid(value))


# ---- what is right needs no library


def _valid_files() -> list[Path]:
    """The environments and layers that render; a catalog is validated over that of its platform, so there is none."""
    folders = [CHECKOUT / "environments", *(path.parent / "environments" for path in sorted(CASES.glob("*/expected")))]
    return [file for folder in folders for file in sorted(folder.rglob("*.yaml")) if file.name != "_catalog.yaml"]


@pytest.mark.parametrize("file", _valid_files(), ids=lambda file: file.relative_to(CHECKOUT).as_posix())
def test_right_files_are_not_validated(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each right environment and layer passes without the validator's library."""
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    content, _ = read_yaml(file.read_bytes(), file.name)
    assert content is not None
    assert Schema(DOCUMENTS["environment"], ours=True).find_problems(content) == []


def test_wrong_files_are_validated() -> None:
    """What is not right is asked of the validator, which has the words for it."""
    content, _ = read_yaml(b"namespace: tenant-acme\nvms: {web: {cuont: 3}}\n", "production.yaml")
    assert content is not None
    assert [problem.rule for _, problem in load_builtin_schema("environment").find_problems(content)] == ["unknown-key"] * 2


def _runs(folders: list[Path], cache_folder: Path) -> dict[str, str]:
    """Renders each folder in one new process; to each the exit code and whether the validator is loaded by then."""
    code = (
        "import os, sys\nfrom vmgen.__main__ import run\n"
        "for folder in sys.argv[1:]:\n"
        "    os.chdir(folder)\n"
        "    print(os.path.basename(folder), run(['render']), 'jsonschema_rs' in sys.modules)\n"
    )
    paths = {**os.environ, "PYTHONPATH": str(CHECKOUT / "generator"), "VMGEN_CACHE": str(cache_folder)}
    command = [sys.executable, "-c", code, *map(str, folders)]
    done = subprocess.run(command, env=paths, capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in done.stdout.splitlines())


@pytest.fixture
def right(tmp_path: Path) -> list[Path]:
    """A copy of each case that renders, and of this repository's own environments."""
    sources = {"own": CHECKOUT, **{path.parent.name: path.parent for path in sorted(CASES.glob("*/expected"))}}
    folders = []
    for name, source in sources.items():
        target = tmp_path / "repositories" / name
        folders.append(target)
        for folder in ("environments", "templates") if source != CHECKOUT else ("environments",):
            for file in (source / folder).rglob("*"):
                if file.is_file():
                    copy = target / file.relative_to(source)
                    copy.parent.mkdir(parents=True, exist_ok=True)
                    copy.write_bytes(file.read_bytes())
    return folders


def _without(folders: list[Path], *words: str) -> list[Path]:
    """The folders none of whose environments has any of some words."""
    texts = {folder: "".join(file.read_text(encoding="utf-8") for file in folder.rglob("*.yaml")) for folder in folders}
    return [folder for folder in folders if not any(word in texts[folder] for word in words)]


def test_a_first_run_does_not_load_the_library(right: list[Path], tmp_path: Path) -> None:
    """Nothing that renders, without user data, loads the validator, though nothing is kept yet."""
    folders = _without(right, "cloudInit:")
    assert _runs(folders, tmp_path / "cache") == {folder.name: "0 False" for folder in folders}


def _run_twice(folders: list[Path], cache_folder: Path) -> dict[str, str]:
    """What the second run in each folder gives, without the stamps of the first."""
    _runs(folders, cache_folder)
    for folder in folders:
        (folder / ".vmgen/stamps").rename(folder / "stamps-of-before")
    return _runs(folders, cache_folder)


def test_a_run_after_another_does_not_load_the_library(right: list[Path], tmp_path: Path) -> None:
    """Nor does what has user data, once it was found to be sound."""
    folders = right
    assert _run_twice(folders, tmp_path / "cache") == {folder.name: "0 False" for folder in folders}
