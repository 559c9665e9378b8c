"""What controls a terminal or a log, or hides in a text, is escaped in every format of every output."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.printable import escape, format_json
from vmgen.problems import Place, Problem
from vmgen.report.problems import FORMATS
from vmgen.report.tables import TABLE_FORMATS
from vmgen.report.terminal import no_paint

# ESC, BEL, CR, a C1 control, a bidi override, a zero-width character, a line separator, a tag and half of a pair.
HOSTILE = "a\x1b[31m\x07b\rc\x85\x9b\u202ed\u2066e\u200b\u2028f\U000e0041\ud800g"
HARMLESS = ("web-1", "Zürich — 10 GB", "日本語", "👍", "a\\x1b", "100%")


def controls(text: str) -> set[str]:
    """The characters of a text that are not printable, line breaks excepted."""
    return {char for char in text if not char.isprintable()} - {"\n"}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_of_problems(name: str) -> None:
    """No field of a problem brings a control character into any format."""
    problem = Problem(Place(HOSTILE.replace("\ud800", "\udcff"), 1, 2), HOSTILE, HOSTILE, HOSTILE, "error", (HOSTILE,))
    text = FORMATS[name]((problem,), no_paint)
    assert controls(text) == set()
    assert text.encode()


@pytest.mark.parametrize("name", ["json", "sarif"])
def test_json_keeps_the_value(name: str) -> None:
    """What reads the JSON gets the text itself back."""
    problem = Problem(Place("a.yaml", 1, 2), "rule", "", HOSTILE)
    assert json.dumps(HOSTILE)[1:-1] in json.dumps(json.loads(FORMATS[name]((problem,), no_paint)))


@pytest.mark.parametrize("name", TABLE_FORMATS)
def test_every_format_of_tables(name: str) -> None:
    """No cell brings a control character into a table."""
    text = TABLE_FORMATS[name](("a", "b"), [(HOSTILE, 1), ("x", None)])
    assert controls(text) == set()
    if name == "csv":
        assert list(csv.reader(io.StringIO(text)))[2] == ["x", ""]


@pytest.mark.parametrize("text", HARMLESS)
def test_printable_texts_stay(text: str) -> None:
    """What everybody can read is not changed."""
    assert escape(text) == text
    assert json.loads(format_json([text])) == [text]
    assert text.replace("\\", "\\\\") in format_json([text])


@given(st.text(st.characters()))
def test_laws(text: str) -> None:
    """An escaped text is printable and of one line; JSON gives every text back."""
    assert escape(text).isprintable()
    assert controls(format_json(text)) == set()
    assert json.loads(format_json(text)) == text


def test_commands(repository: Callable) -> None:
    """No command passes on what a value, a label, a path or an argument holds."""
    made = repository(
        'namespace: tenant-a\nlabels: {team: "a\\e]0;x\\a"}\nvars: {"\\e[31m": "\\u202e"}\n'
        'vms: {web: {image: ubuntu-2404, instanceType: u1.large, annotations: {note: "\\e[31m\\u202e"}}}\n'
        'retire: [{disk: old, reason: "\\e[31m"}]\nbudget: {"\\e[2J": 1}\n'
    )
    subprocess.run(["git", "init", "--quiet", str(made.root)], check=True)
    commands = [
        *(("check", "-o", name) for name in FORMATS),
        *(("list", "-o", name) for name in TABLE_FORMATS),
        *(("plan", "-o", name) for name in ("text", "json", "markdown")),
        ("render", "pro\x1b[31mduction"),
        ("check", "--against", "\x1b[31m\u202e"),
        ("impact", "environments/production.yaml:2"),
        ("explain", "production", "web\x1b"),
        ("\x1b[31m",),
    ]
    refused = (made.root / "environments" / "production.yaml").read_text(encoding="utf-8")
    for text in refused, re.sub(r"(labels|retire|budget).*\n", "", refused):
        made.write({"environments/production.yaml": text})
        for command in (*commands, ("explain", "production", "web"), ("explain", "production", "web", "-o", "json")):
            result = made.run(*command)
            assert result.code != 70, result.messages
            assert controls(result.stdout + result.messages) == set(), command
