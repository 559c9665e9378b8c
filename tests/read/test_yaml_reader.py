"""The strict reader: what it rejects, where, and what it makes of the rest."""

from __future__ import annotations

import codecs
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from vmgen.problems import Place
from vmgen.read import yaml_reader
from vmgen.read.located import AmbiguousScalar, Located, to_plain, walk
from vmgen.read.yaml_reader import describe_unprintable, find_unprintable, read_yaml, resolve_scalar

NO_COLON = "expected a key, but the line has no ': '"
NO_BLANK = "a key without a value, since no blank follows its ':'"
TAG = "tags are not supported; write a plain value, or quote text that begins with '!'"
ALIAS = "unknown alias; write the value out, or quote text that begins with '*'"
REFUSED = {
    "duplicate key": (b"a: 1\nb: 2\na: 3\n", "3:1", "duplicate-key", "'a' is a duplicate key, first at line 1; remove one"),
    "duplicate key below": (b"a:\n  b: 1\n  b: 1\n", "3:3", "duplicate-key", "'b' is a duplicate key, first at line 2"),
    "duplicate key in flow": (b"a: {b: 1, b: 2}\n", "1:11", "duplicate-key", "'b' is a duplicate key, first at line 1"),
    "number and text as one key": (b'2: 1\n"2": 3\n', "2:1", "duplicate-key", "'2' is a duplicate key, first at line 1"),
    "tab as indentation": (b"a:\n\tb: 1\n", "2:1", "tab-indentation", "a tab in the indentation; YAML only allows spaces"),
    "tab after spaces": (b"a:\n  \tb: 1\n", "2:3", "tab-indentation", "a tab in the indentation"),
    "tab at the top": (b"\ta: 1\n", "1:1", "tab-indentation", "a tab in the indentation"),
    "second document": (b"a: 1\n---\nb: 2\n", "2:1", "several-documents", "a second document begins here; write one file"),
    "empty second document": (b"a: 1\n---\n", "2:1", "several-documents", "a second document begins here"),
    "standard tag": (b"a: !!str 1\n", "1:4", "yaml-tag", TAG),
    "python tag": (
        b"a: !!python/object/apply:os.system [id]\n",
        "1:4",
        "yaml-tag",
        "tags are not supported; write a plain value",
    ),
    "tag on a mapping": (b"a: !mine {b: 1}\n", "1:4", "yaml-tag", TAG),
    "bare tag": (b"a: ! x\n", "1:4", "yaml-tag", TAG),
    "merge key": (
        b"a: &x {b: 1}\nc:\n  <<: *x\n",
        "3:3",
        "merge-key",
        "merge keys are not supported; write the keys out, or use `defaults:` or `extends:`",
    ),
    "unknown alias": (b"a: *x\n", "1:4", "unknown-alias", ALIAS),
    "alias of what is not finished": (b"a: &x [*x]\n", "1:8", "unknown-alias", ALIAS),
    "latin-1": (b"a: \xe9\n", "1:4", "not-utf-8", "not UTF-8 text; save the file as UTF-8"),
    "latin-1 after letters of several bytes": ("é: é".encode() + b" \xff", "1:6", "not-utf-8", "not UTF-8 text"),
    "latin-1 after a mark": (b"\xef\xbb\xbfa: 1\nb: \xff", "2:4", "not-utf-8", "not UTF-8 text"),
    "utf-16": ("a: 1".encode("utf-16"), "1:1", "not-utf-8", "not UTF-8 text; save the file as UTF-8"),
    "NUL": (b'a: "x\0"\n', "1:6", "unprintable-character", "the character U+0000 is lost or changed by YAML tools; remove it"),
    "NUL as an escape": (b'a: "x\\0"\n', "1:4", "unprintable-character", "the character U+0000 is lost or changed"),
    "NUL in a key": (b'"a\\0b": 1\n', "1:1", "unprintable-character", "the character U+0000 is lost or changed"),
    "control character": ("é: 1\nb: \a".encode(), "2:4", "unprintable-character", "the character U+0007 is lost or changed"),
    "DEL": (b"a: x\x7f\n", "1:5", "unprintable-character", "the character U+007F is lost or changed"),
    "line separator": ("a: x\u2028y\n".encode(), "1:5", "unprintable-character", "the character U+2028 is lost or changed"),
    "line separator as an escape": (
        b'a: "\\u2028"\n',
        "1:4",
        "unprintable-character",
        "the character U+2028 is lost or changed",
    ),
    "next line": ('a: "x\x85y"\n'.encode(), "1:6", "unprintable-character", "the character U+0085 is lost or changed"),
    "next line as an escape": (b'a: "\\N"\n', "1:4", "unprintable-character", "the character U+0085 is lost or changed"),
    "key hidden in a comment": ("# c\x85b: 1\na: 1\n".encode(), "1:4", "unprintable-character", "the character U+0085"),
    "mark in the middle": ("a: x\ufeffy\n".encode(), "1:5", "unprintable-character", "the character U+FEFF is lost or changed"),
    "not a character": ('a: "\uffff"\n'.encode(), "1:5", "unprintable-character", "the character U+FFFF is lost or changed"),
    "half a character": (b'a: "\\ud800"\n', "1:7", "yaml-syntax", "found invalid Unicode character escape code"),
    "ambiguous key": (b"a: 1\nno: 2\n", "2:1", "ambiguous-scalar", 'is ambiguous in YAML; write "no"'),
    "true as key": (b"true: 1\n", "1:1", "key-not-text", "a key must be text; quote it"),
    "decimal as key": (b"1.5: 1\n", "1:1", "key-not-text", "a key must be text; quote it"),
    "null as key": (b"~: 1\n", "1:1", "key-not-text", "a key must be text; quote it"),
    "empty key": (b'a: {"": 1}\n', "1:5", "key-not-text", "a key must not be empty; write a name, or remove it"),
    "list as key": (b"[a]: 1\n", "1:1", "key-not-text", "a key must be text; quote it"),
    "mapping as key": (b"? {a: b}\n: 1\n", "1:3", "key-not-text", "a key must be text; quote it"),
    "colon in a text": (b"a: b: c\n", "1:5", "yaml-syntax", "quote text that contains ': '"),
    "no blank after a colon": (b"a: 1\nb:2\nc: 3\n", "2:1", "yaml-syntax", NO_COLON),
    "no colon": (b"a:\n  b 2\n\n  c: 3\n", "2:3", "yaml-syntax", NO_COLON),
    "an equals sign": (b"a:\n  b=2\n  c=3\n  d: 4\n", "2:3", "yaml-syntax", NO_COLON),
    "no blank after a colon, and a comment": (b"a:\n  b:2 # two\n  # three\n  c: 3\n", "2:3", "yaml-syntax", NO_COLON),
    "key of a mapping without a colon": (b"a: 1\nb\n  c: 3\n", "2:1", "yaml-syntax", NO_COLON),
    "last key without a colon": (b"a:\n  b: 1\n  c\n", "3:3", "yaml-syntax", NO_COLON),
    "key indented like a value": (b"a: x\n  b: 1\n", "2:4", "yaml-syntax", "a key that is indented like a value"),
    "key indented like an item": (b"a:\n  - x\n   b: 1\n", "3:5", "yaml-syntax", "a key that is indented like a value"),
    "no blank after a colon in brackets": (b"a: {b:2}\n", "1:5", "ambiguous-scalar", NO_BLANK),
    "no blank after a colon and a comma": (b"a: { b: 1, c:2 }\n", "1:12", "ambiguous-scalar", NO_BLANK),
    "address as a key without a value": (b"{http://x/y\n}\n", "1:2", "ambiguous-scalar", NO_BLANK),
    "conflict": (
        b"a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> x\n",
        "2:1",
        "yaml-syntax",
        "a conflict marker of Git; resolve the conflict",
    ),
    "conflict in a text": (b"a: |\n  x\n<<<<<<< HEAD\n  y\n=======\n>>>>>>> x\n", "3:1", "yaml-syntax", "a conflict marker"),
    "end of a conflict": (b"a: 1\n>>>>>>> x\nb: 2\n", "2:1", "yaml-syntax", "a conflict marker of Git"),
    "percent sign": (
        b"a: %x\n",
        "1:4",
        "yaml-syntax",
        "text begins with '%', '@' or '`', which YAML reserves; quote it",
    ),
    "open quote": (b'a: 1\nb: "x\nc: 1\n', "2:4", "yaml-syntax", "the quote that opens here is never closed; close it"),
    "open bracket": (b"a: [1\nb: 2\n", "2:2", "yaml-syntax", "the list that '[' opens lacks a comma or its end"),
    "wrong indentation": (b"a:\n  b: 1\n c: 2\n", "3:2", "yaml-syntax", "indent all keys of a mapping equally"),
    "too deep": (b"[" * 60, "1:52", "too-deep", "more than 50 levels"),
    "too deep in blocks": (b"".join(b" " * depth + b"a:\n" for depth in range(60)), "51:51", "too-deep", "more than 50 levels"),
}


@pytest.mark.parametrize(("content", "place", "rule", "message"), REFUSED.values(), ids=REFUSED)
def test_refusals(content: bytes, place: str, rule: str, message: str) -> None:
    """Each refusal is one problem, at the place of the mistake, with its remedy."""
    _, problems = read_yaml(content, "f.yaml")
    assert [(str(problem.place), problem.rule) for problem in problems] == [(f"f.yaml:{place}", rule)]
    assert message in problems[0].message


TAKEN = {
    "empty file": (b"", {}),
    "comments only": (b"# nothing\n", {}),
    "null document": (b"---\n", {}),
    "markers of one document": (b"---\na: 1\n...\n", {"a": 1}),
    "directive": (b"%YAML 1.2\n---\na: 1\n", {"a": 1}),
    "byte order mark": (b"\xef\xbb\xbfa: 1\n", {"a": 1}),
    "CRLF": (b"a: 1\r\nb:\r\n  - c\r\n", {"a": 1, "b": ["c"]}),
    "CRLF in a block": (b"a: |\r\n  x\r\n  y\r\n", {"a": "x\ny\n"}),
    "CR": (b"a: 1\rb: 2\r", {"a": 1, "b": 2}),
    "no newline at the end": (b"a: 1", {"a": 1}),
    "anchor and alias": (b"a: &x [1]\nb: *x\n", {"a": [1], "b": [1]}),
    "tab between key and value": (b"a:\t1\n", {"a": 1}),
    "emoji": ('a: "😀"\n😀: x\n'.encode(), {"a": "😀", "😀": "x"}),
    "quoted truth": (b'a: "no"\nb: \'true\'\nc: "08"\n', {"a": "no", "b": "true", "c": "08"}),
    "number as key": (b"2: x\n", {"2": "x"}),
    "value of nothing": (b"a:\nb: ~\nc: null\n", {"a": None, "b": None, "c": None}),
    "empty text": (b"a: ''\n", {"a": ""}),
    "folded": (b"a: >\n  x\n  y\n", {"a": "x y\n"}),
    "nested": (b"a: {b: [1, {c: d}]}\n", {"a": {"b": [1, {"c": "d"}]}}),
    "colon in a key in quotes": (b"a: {'b:2'}\n", {"a": {"b:2": None}}),
    "colon in a key with a colon behind it": (
        b"a:\n  b:2:\nc: {d:e: , f:g: ~}\n",
        {"a": {"b:2": None}, "c": {"d:e": None, "f:g": None}},
    ),
    "line of equals signs": (b"a: |\n  =======\n", {"a": "=======\n"}),
}


@pytest.mark.parametrize(("content", "value"), TAKEN.values(), ids=TAKEN)
def test_what_is_taken(content: bytes, value: object) -> None:
    """YAML that every tool reads alike is taken."""
    found, problems = read_yaml(content, "f.yaml")
    assert problems == []
    assert found is not None
    assert to_plain(found) == value


def test_all_refusals_of_a_file_come_at_once() -> None:
    """A mistake that the parser survives does not hide the next one."""
    _, problems = read_yaml(b'a: !x 1\na: 2\nno: 3\nb: "\\0"\n~: 1\n', "f.yaml")
    assert [(problem.place.line, problem.rule) for problem in problems] == [
        (1, "yaml-tag"),
        (2, "duplicate-key"),
        (3, "ambiguous-scalar"),
        (4, "unprintable-character"),
        (5, "key-not-text"),
    ]


def test_places_of_keys_and_values() -> None:
    """Every value knows where it stands, and where its key stands, in characters from 1."""
    found, _ = read_yaml("é: x\nb:\n  - {c: d}\n".encode(), "f.yaml")
    assert found is not None
    places = {path: (item.place, item.key_place) for path, item in walk(found)}
    assert places[("é",)] == (Place("f.yaml", 1, 4), Place("f.yaml", 1, 1))
    assert places[("b",)] == (Place("f.yaml", 3, 3), Place("f.yaml", 2, 1))
    assert places[("b", 0, "c")] == (Place("f.yaml", 3, 9), Place("f.yaml", 3, 6))


def test_alias_bomb() -> None:
    """Aliases that unfold to millions of values are refused before they are unfolded."""
    rows = [b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"]
    for letter in b"bcdefghi":
        rows.append(b"%c: &%c [%s]\n" % (letter, letter, b",".join([b"*%c" % (letter - 1)] * 10)))
    found, problems = read_yaml(b"".join(rows), "f.yaml")
    assert found is None
    assert [problem.rule for problem in problems] == ["alias-bomb"]


def test_file_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file beyond the limit is refused unread, at the file as a whole."""
    monkeypatch.setattr(yaml_reader, "MAX_FILE_BYTES", 1024 * 1024)
    assert read_yaml(b"#" * (1024 * 1024), "f.yaml")[1] == []
    _, problems = read_yaml(b"#" * (1024 * 1024 + 1), "f.yaml")
    assert [(str(problem.place), problem.rule, problem.message) for problem in problems] == [
        ("f.yaml", "file-too-large", "more than 1 MiB; split the file")
    ]


def test_too_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of too many values is refused where they become too many."""
    monkeypatch.setattr(yaml_reader, "MAX_VALUES", 5)
    assert read_yaml(b"[1, 2, 3, 4]", "f.yaml")[1] == []
    _, problems = read_yaml(b"[1, 2, 3, 4, 5, 6]", "f.yaml")
    assert [(problem.place.column, problem.rule) for problem in problems] == [(14, "too-deep")]


@pytest.mark.parametrize("line", ["k{}: x", "k{}: !x 1", "labels{}: yes", "{}: x"])
def test_too_many_mistakes(line: str, repository: Callable[..., Any]) -> None:
    """Of a file with very many mistakes the first are listed, and that there are more."""
    done = repository("".join(f"{line.format(number)}\n" for number in range(3000))).run("check")
    assert done.code == 1
    assert 900 < len(done.problems) < 1010
    assert "the file has more than 1000 mistakes; correct those that are listed" in done.messages


def test_too_deep() -> None:
    """Fifty levels are read, one more is not."""
    assert read_yaml(b"[" * 50 + b"]" * 50, "f.yaml")[1] == []
    assert [problem.rule for problem in read_yaml(b"[" * 51 + b"x" + b"]" * 51, "f.yaml")[1]] == ["too-deep"]


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_any_bytes(content: bytes) -> None:
    """Whatever a file holds, it is read or refused at a place; nothing is raised, and what PyYAML cannot read is refused."""
    found, problems = read_yaml(content, "f.yaml")
    assert isinstance(found, Located) or problems
    assert all(problem.place.file == "f.yaml" for problem in problems)
    try:
        list(yaml.parse(content.removeprefix(codecs.BOM_UTF8).decode(), Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, UnicodeDecodeError):
        assert found is None


@given(st.dictionaries(st.from_regex(r"[a-z]{2,8}", fullmatch=True), st.integers(0, 99) | st.booleans(), max_size=5))
def test_plain_yaml_is_never_refused(value: dict[str, object]) -> None:
    """What no reader could mistake is read as it is."""
    names = {f"x{name}": item for name, item in value.items()}
    found, problems = read_yaml(yaml.safe_dump(names).encode(), "f.yaml")
    assert problems == []
    assert found is not None
    assert to_plain(found) == names


YAML_LIKE = st.lists(st.sampled_from([*"abx01 \n\t:-?[]{},#&*!|>'\"%@`~=<", "\n  ", ": ", "- ", "\\", "é"]), max_size=40).map(
    "".join
)


@given(YAML_LIKE)
def test_any_text_that_looks_like_yaml(text: str) -> None:
    """Scraps of YAML are read as PyYAML reads them, or refused."""
    found, problems = read_yaml(text.encode(), "f.yaml")
    if found is None or problems or any(isinstance(item.data, AmbiguousScalar) for _, item in walk(found)):
        return
    read = yaml.load(text, Loader=yaml.CSafeLoader)
    assert to_plain(found) == ({} if read is None else _with_text_keys(read))


def _with_text_keys(value: object) -> object:
    if isinstance(value, dict):
        return {str(key): _with_text_keys(item) for key, item in value.items()}
    return [_with_text_keys(item) for item in value] if isinstance(value, list) else value


AMBIGUOUS = (
    "y n Y N yes no Yes No YES NO on off On Off ON OFF = << 014 08 09 0o14 0O14 0x1F 0X1f 0b101 007 -014 +08 1_000 1_000.5 "
    "01.5 1_.5 1_e3 22:22 1:30:00 190:20:30.15 1e3 1E3 123e4 1.5e3 .5e-3 +1e3 1. .5 -.5 .inf -.INF .nan .NaN 00 "
    "12345678901234567890 1234567890123456789.5"
)
PLAIN_VALUES = {
    "true": True,
    "True": True,
    "FALSE": False,
    "null": None,
    "~": None,
    "": None,
    "0": 0,
    "12": 12,
    "-3": -3,
    "+3": 3,
    "24.10": 24.1,
    "-0.5": -0.5,
    "abc": "abc",
    "u1.large": "u1.large",
    "50Gi": "50Gi",
    "ubuntu-24.04": "ubuntu-24.04",
    "2026-12-31": "2026-12-31",
    "1.2.3": "1.2.3",
    "10.0.0.1": "10.0.0.1",
    "nope": "nope",
    "yesterday": "yesterday",
    "0x": "0x",
    "e3": "e3",
    "1e": "1e",
    "fe80::1": "fe80::1",
    "1234567890123456789": 1234567890123456789,
    "-123456789012345678": -123456789012345678,
}


@pytest.mark.parametrize("text", AMBIGUOUS.split())
def test_ambiguous_scalars(text: str) -> None:
    """What versions of YAML read differently is kept as it was written, and marked."""
    found = resolve_scalar(text)
    assert isinstance(found, AmbiguousScalar)
    assert found == text


@pytest.mark.parametrize(("text", "value"), PLAIN_VALUES.items())
def test_plain_scalars(text: str, value: object) -> None:
    """What all versions of YAML read alike has its value, of its own type."""
    found = resolve_scalar(text)
    assert found == value
    assert type(found) is type(value)


@given(st.text(alphabet="0123456789._eExXobnaifyt+-:=<~TrueO", min_size=1, max_size=8))
def test_scalars_mean_what_pyyaml_reads(text: str) -> None:
    """A plain scalar that is not ambiguous is what PyYAML reads, but for dates, which stay text."""
    found = resolve_scalar(text)
    if isinstance(found, AmbiguousScalar):
        return
    try:
        read = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        return
    if text in ("---", "..."):  # no scalars where a line begins
        return
    if isinstance(found, str):
        assert read == found or type(read).__module__ == "datetime" or not isinstance(read, bool | int | float | None)
    elif isinstance(read, float):
        assert math.isclose(found, read)  # type: ignore[arg-type]
    elif isinstance(read, bool | int | None):
        assert found == read


PRINTABLE = ["a\tb\nc", "é", "😀", "\u00a0", "\u200b", "\ufffd", " ", "~"]
UNPRINTABLE = [
    "\0",
    "\x08",
    "\x0b",
    "\x1f",
    "\x7f",
    "\x85",
    "\x9f",
    "\u2028",
    "\u2029",
    "\ufeff",
    "\uffff",
    "\ud800",
    "\udfff",
]


@pytest.mark.parametrize("text", PRINTABLE)
def test_printable(text: str) -> None:
    """Tabs, newlines and the characters of all languages are fine."""
    assert describe_unprintable(text) is None


@pytest.mark.parametrize("character", UNPRINTABLE)
def test_unprintable(character: str) -> None:
    """The first character that a YAML tool would lose is named."""
    text = f"é{character}x\x07"
    assert describe_unprintable(text) == f"U+{ord(character):04X}"
    assert find_unprintable(text) == 1


@given(st.text("-+.=<0179eExXoObBiInNfFaAyYsStTrRuUlL:_ ", max_size=8))
def test_the_first_characters_decide_nothing_wrong(text: str) -> None:
    """What cannot begin a number or a special word resolves as all patterns together say."""
    quick = resolve_scalar(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(yaml_reader, "_MAY_BE_NO_TEXT", re.compile(""))
        thorough = resolve_scalar(text)
    assert (type(quick), str(quick)) == (type(thorough), str(thorough))


def test_an_alias_takes_the_place_of_its_own_key() -> None:
    """A value that is repeated under another key, or in a list, has the key of where it is repeated, or none."""
    document, problems = read_yaml(b"a: &x 1\nb: *x\nc: [*x]\n", "file.yaml")
    assert document is not None
    assert not problems
    keys = [
        value.key_place.line if value.key_place else None
        for value in (*document.mapping.values(), *document.mapping["c"].items)
    ]
    assert keys == [1, 2, 3, None]
