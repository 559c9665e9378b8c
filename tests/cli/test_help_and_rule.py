"""`vmgen help`, `vmgen rule`, `vmgen render --diff`, and messages that suggest."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from vmgen.check.rules import RULES
from vmgen.cli.app import COMMANDS
from vmgen.read.syntax_errors import describe_syntax_error
from vmgen.read.yaml_reader import read_yaml
from vmgen.report.problems import FORMATS, all_rules

TEXT = "namespace: tenant-a\nvms: {web: {image: ubuntu-2404, instanceType: u1.large}}\n"


def test_help(vmgen: Callable) -> None:
    """`help` is `--help`, of vmgen and of each command; a word that is none gets a suggestion."""
    assert vmgen("help").stdout == vmgen("--help").stdout
    for name in COMMANDS:
        assert vmgen("help", name).stdout == vmgen(name, "--help").stdout
    done = vmgen("help", "rendr")
    assert (done.code, "did you mean 'render'?" in done.messages) == (2, True)


def test_examples_can_be_copied(monkeypatch: pytest.MonkeyPatch, vmgen: Callable) -> None:
    """The example of each command stays on one line, however narrow the terminal is."""
    for name in COMMANDS:
        lines = []
        for width in ("60", "200"):
            monkeypatch.setenv("COLUMNS", width)
            lines.append([line for line in vmgen(name, "--help").stdout.splitlines() if line.startswith("  Example: ")])
        assert lines[0] == lines[1] != [], name


def test_rule(vmgen: Callable) -> None:
    """Every rule is explained, those on environments with an example that fails and one that passes."""
    for rule in all_rules():
        assert vmgen("rule", rule.id).stdout.startswith(f"{rule.id} ({rule.severity})\n\n")
    document = {row["id"]: row for row in json.loads(vmgen("rule", "-o", "json").stdout)["rules"]}
    assert set(document) == {rule.id for rule in all_rules()}
    assert all({"fails", "passes"} <= document[each.rule.id].keys() for each in RULES)
    done = vmgen("rule", "unknown-imag")
    assert (done.code, "did you mean 'unknown-image'?" in done.messages) == (2, True)


def test_diff(repository: Callable) -> None:
    """`render --diff` shows how each file would change, writes nothing, and exits 1 where one would."""
    made = repository(TEXT)
    done = made.run("render", "--diff")
    assert (done.code, "+++ manifests/production/vms/web/web.yaml" in done.stdout) == (1, True)
    assert not (made.root / "manifests").exists()
    made.run("render")
    assert (made.run("render", "--diff").code, made.run("render", "--diff").stdout) == (0, "")
    made.write({"environments/production.yaml": TEXT.replace("u1.large", "u1.xlarge")})
    lines = made.run("render", "--diff").stdout.splitlines()
    assert lines[:2] == ["--- manifests/production/vms/web/web.yaml", "+++ manifests/production/vms/web/web.yaml"]
    assert [line for line in lines[2:] if line[0] in "+-"] == ["-  instanceType: u1.large", "+  instanceType: u1.xlarge"]


def test_stdout_carries_manifests_alone(repository: Callable) -> None:
    """With `--stdout`, problems go to stderr in every format, so that what reads stdout gets manifests."""
    made = repository(TEXT, {"environments/x.yml": ""})
    text = made.run("render", "--stdout").stdout
    for output in FORMATS.keys() - {"text"}:
        done = made.run("render", "--stdout", "-o", output)
        assert (done.stdout, "environment-suffix" in done.messages) == (text, True), output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--group", "wbe"], "no group 'wbe'; did you mean 'web'?"),
        (["list", "--group", "zzz"], "no group 'zzz'; available: db, web"),
        (["list", "--group", "web", "--group", "we"], "no group 'we'"),
        (["render", "prod"], "no environment 'prod' in environments/; did you mean 'production'?"),
        (["plan", "x"], "no environment 'x' in environments/; available: production, staging"),
        (["check", "Staging"], "did you mean 'staging'?"),
    ],
    ids=" ".join,
)
def test_a_word_that_is_none_suggests(repository: Callable, arguments: list[str], said: str) -> None:
    """What is not there is an error that names the nearest, or all that there are."""
    made = repository(
        TEXT.replace("vms: {", "vms: {db: {image: ubuntu-2404, instanceType: u1.large}, "), {"environments/staging.yaml": TEXT}
    )
    done = made.run(*arguments)
    assert (done.code, said in done.messages) == (2, True), done.messages


MISTAKES = {
    b"a: b: c\n": "a second ': ' on this line",
    b"a: %x\n": "quote it",
    b"a: [1\nb: 2\n": "lacks a comma or its end",
    b"a: {b: 1\nc: 2\n": "lacks a comma or its end",
    b"a: ]\n": "expected a value",
    b"a:\n  b: 1\n c: 2\n": "indent all keys of a mapping equally",
    b"a:\n  - 1\n  b: 2\n": "begin it with '- ', or indent less",
    b'a: "\\z"\n': "use single quotes",
    b"a: - b\n": "begin a new line for it",
    b"a\nb: 1\n": "expected a key, but the line has no ': '",
    b"a: b: 1\n": "a second ': ' on this line",
    b"a: | x\n  y\n": "begin the text on the next line",
    b"a: &\n": "YAML reserves",
    b"a: 1\nb\n": "write 'key: value'",
    b"- a\nb: 1\n": "begin it with '- ', or indent less",
    b"a: !x!y z\n": "YAML reserves for tags",
}


@pytest.mark.parametrize("content", MISTAKES)
def test_syntax_errors_in_words(content: bytes) -> None:
    """The usual mistakes in YAML are said in words that name what was written and what to do."""
    document, problems = read_yaml(content, "f.yaml")
    assert document is None
    assert MISTAKES[content] in problems[-1].message, problems


def test_an_unusual_syntax_error() -> None:
    """What is none of the usual mistakes keeps the parser's words, and says what to try."""
    assert describe_syntax_error("found a black hole", "while looking up") == (
        "found a black hole while looking up; quote the text, or correct the line"
    )


def test_line_endings(repository: Callable) -> None:
    """Where nothing but line endings differs, one problem says so, with the remedy."""
    made = repository(TEXT)
    made.run("render")
    for path in (made.root / "manifests").rglob("*.yaml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    [problem] = [line for line in made.run("check", "--kustomize", "off").problems if "[drift]" in line]
    assert "8 files differ only in line endings" in problem
    assert "manifests/** text eol=lf" in problem
    path = made.root / "manifests/production/vms/web/web.yaml"
    path.write_bytes(path.read_bytes().replace(b"u1.large", b"u1.small"))
    problems = [line for line in made.run("check", "--kustomize", "off").problems if "[drift]" in line]
    assert [("7 files differ" in line, "differs from its" in line) for line in problems] == [(True, False), (False, True)]


def test_policies_that_nobody_reads(repository: Callable) -> None:
    """A policy in a file that is not read is an error: by suffix, by case, in a subfolder."""
    policy = "id: has-owner\nkind: VMDisk\nmessage: a disk has an owner\nschema: {}\n"
    names = ("policies/a.yml", "policies/b.YAML", "policies/deep/c.yaml")
    made = repository(TEXT, {**dict.fromkeys(names, policy), "policies/README.md": "", "policies/ok.yaml": policy})
    done = made.run("render")
    assert (done.code, [line.split(":")[0] for line in done.problems]) == (1, sorted(names))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cle\u0301.pub", "    sshKeys: [{file: cl\u00e9.pub}]\n"),
        ("cl\u00e9.pub", "    sshKeys: [{file: cle\u0301.pub}]\n"),
        ("bas\u00e9/x.yaml", "extends: [base\u0301/x.yaml]\n"),
        ("\u00fcber.yaml", "extends: [u\u0308ber.yaml]\n"),
    ],
)
def test_names_that_look_the_same(repository: Callable, name: str, text: str) -> None:
    """A file whose name only looks like the one that is written is named as the reason."""
    body = "namespace: tenant-a\nvms:\n  web:\n    image: ubuntu-2404\n    instanceType: u1.large\n"
    made = repository(f"{body}{text}", {f"environments/_{name}" if name.endswith(".yaml") else f"environments/{name}": ""})
    if name.endswith(".yaml"):
        (made.root / f"environments/_{name}").rename(_parent(made.root / "environments" / name))
    assert ("looks the same" in made.run("render").messages) == ("/" not in name)


def _parent(path):
    path.parent.mkdir(exist_ok=True)
    return path
