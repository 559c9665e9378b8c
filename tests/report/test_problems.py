"""Problems in every format of `--output`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from vmgen.problems import Place, Problem, has_errors, sort_problems
from vmgen.read.schema import Schema
from vmgen.report.problems import FORMATS
from vmgen.report.terminal import no_paint

SCHEMA = Schema(json.loads((Path(__file__).resolve().parents[2] / "schema/problems.schema.json").read_text()))
PROBLEMS = (
    Problem(Place("environments/a b.yaml", 12, 19), "unknown-image", "vms.web.image", "unknown image 'x'; write 'y'"),
    Problem(Place("manifests/a", 0, 0), "foreign-file", "", "100% new, a:b", "warning", ("  - one", "  - two")),
    Problem(Place("é.yaml", 1, 1), "invalid-name", "vms.a\nb", "'a\nb' cannot be\x1b[31m a name"),
    Problem(Place("templates/a.yaml"), "own-verdicts", "", "replaces the built-in table", "notice"),
)
TEXT = """\
environments/a b.yaml:12:19: error: vms.web.image: unknown image 'x'; write 'y' [unknown-image]
manifests/a: warning: 100% new, a:b [foreign-file]
  - one
  - two
é.yaml:1:1: error: vms.a\\nb: 'a\\nb' cannot be\\x1b[31m a name [invalid-name]
templates/a.yaml: notice: replaces the built-in table [own-verdicts]
"""
GITHUB = """\
::error file=environments/a b.yaml,line=12,col=19,title=unknown-image::vms.web.image: unknown image 'x'; write 'y'
::warning file=manifests/a,title=foreign-file::100%25 new, a:b%0A  - one%0A  - two
::error file=é.yaml,line=1,col=1,title=invalid-name::vms.a%0Ab: 'a%0Ab' cannot be\\x1b[31m a name
::notice file=templates/a.yaml,title=own-verdicts::replaces the built-in table
"""


def test_text() -> None:
    """One line each, whatever a user wrote, and below it what goes with it."""
    assert FORMATS["text"](PROBLEMS, no_paint) == TEXT


def test_github() -> None:
    """One workflow command each, at its line; a newline in a message ends no command."""
    assert FORMATS["github"](PROBLEMS, no_paint) == GITHUB


def test_json() -> None:
    """A document of the published schema, with everything that the text says."""
    document = json.loads(FORMATS["json"](PROBLEMS, no_paint))
    assert SCHEMA.find_errors(document) == []
    assert document["problems"][0] == {
        "file": "environments/a b.yaml",
        "line": 12,
        "column": 19,
        "severity": "error",
        "rule": "unknown-image",
        "subject": "vms.web.image",
        "message": "unknown image 'x'; write 'y'",
        "lines": [],
    }
    assert [row["message"] for row in document["problems"]] == [problem.message for problem in PROBLEMS]


def test_sarif() -> None:
    """A SARIF log: each rule once, each result at its region, each file as a URI."""
    document = json.loads(FORMATS["sarif"](PROBLEMS, no_paint))
    [run] = document["runs"]
    assert document["version"] == "2.1.0"
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [
        "foreign-file",
        "invalid-name",
        "own-verdicts",
        "unknown-image",
    ]
    assert [(result["ruleId"], result["ruleIndex"], result["level"]) for result in run["results"]] == [
        ("unknown-image", 3, "error"),
        ("foreign-file", 0, "warning"),
        ("invalid-name", 1, "error"),
        ("own-verdicts", 2, "note"),
    ]
    locations = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert locations[0] == {
        "artifactLocation": {"uri": "environments/a%20b.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 12, "startColumn": 19},
    }
    assert locations[1] == {"artifactLocation": {"uri": "manifests/a", "uriBaseId": "%SRCROOT%"}}


@pytest.mark.parametrize("name", FORMATS)
def test_nothing_to_say(name: str) -> None:
    """Without problems a format of lines is empty, and a format of documents is a whole document."""
    text = FORMATS[name]((), no_paint)
    parse = {"{": json.loads, "[": json.loads, "<": ElementTree.fromstring}.get(text[:1])
    assert parse(text) is not None if parse else text == ""


def test_order() -> None:
    """Problems are sorted by file, line and column, and said once."""
    places = [Place("b", 1, 1), Place("a", 10, 1), Place("a", 9, 2), Place("a", 9, 1), Place("a")]
    problems = [Problem(place, "r", "", "m") for place in places]
    assert [problem.place for problem in sort_problems(problems + problems)] == sorted(places)


def test_only_errors_are_a_no() -> None:
    """Warnings and notices alone are no refusal."""
    warning = Problem(Place("a"), "r", "", "m", "warning")
    assert not has_errors((warning, Problem(Place("a"), "r", "", "m", "notice")))
    assert has_errors((warning, Problem(Place("a"), "r", "", "m")))


def test_formats_of_a_run(repository: Callable) -> None:
    """`-o` puts problems on stdout as data; text is a message on stderr."""
    made = repository("namespace: tenant-a\nvms: {web: {cuont: 1}}\n")
    text, data = made.run("render"), made.run("render", "-o", "json")
    assert (text.code, text.output) == (1, b"")
    assert "unknown key 'cuont'" in text.messages
    assert data.code == 1
    assert data.messages == "Nothing was written.\n"
    [row] = [row for row in json.loads(data.stdout)["problems"] if row["rule"] == "unknown-key"]
    assert (row["file"], row["line"], row["column"]) == ("environments/production.yaml", 2, 13)


def test_reports_of_a_check(repository: Callable) -> None:
    """`check --report` writes each format into its file, beside what `-o` prints, also where all is in order."""
    made = repository("namespace: tenant-a\nvms: {web: {cuont: 1}}\n")
    reports = ["--report", "gitlab", "quality.json", "--report", "junit", "tests.xml"]
    done = made.run("check", *reports)
    assert (done.code, "unknown key 'cuont'" in done.messages) == (1, True)
    assert "unknown-key" in [row["check_name"] for row in json.loads((made.root / "quality.json").read_text())]
    assert "unknown key &apos;cuont&apos;" in (made.root / "tests.xml").read_text().replace("'", "&apos;")
    made.write({"environments/production.yaml": "platformVersion: '1'\nnamespace: tenant-a\ndisks: {data: 1Gi}\n"})
    made.run("render")
    assert made.run("check", *reports).code == 0
    assert json.loads((made.root / "quality.json").read_text()) == []


@pytest.mark.parametrize(
    "report",
    [("nope", "file"), ("gitlab", "no/such/folder"), ("gitlab", "environments"), ("gitlab",), ("gitlab", "")],
    ids=["format", "folder that is not there", "a folder", "no file", "an empty name"],
)
def test_report_that_cannot_be_written(report: tuple[str, ...], repository: Callable) -> None:
    """Exit code 2, and the sources are as they were."""
    made = repository("namespace: tenant-a\ndisks: {data: 1Gi}\n")
    done = made.run("check", "--report", *report)
    assert (done.code, len(done.messages.splitlines()) > 0) == (2, True), done.messages
    assert "bug" not in done.messages


def test_report_hides_secrets(repository: Callable) -> None:
    """What is hidden on a terminal is hidden in a file."""
    token = "ghp_" + "a1B2" * 9
    made = repository(f"namespace: tenant-a\nvms: {{web: {{{token}: 1}}}}\n")
    made.run("check", "--report", "gitlab", "quality.json", "--report", "text", "check.txt")
    assert token not in (made.root / "quality.json").read_text() + (made.root / "check.txt").read_text()
