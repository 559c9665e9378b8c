"""What comes out of a template is read back: a template that breaks its promise is an error at its line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.read.repository import Project

ENVIRONMENT = """\
namespace: tenant-acme
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    cloudInit: |
      #!/bin/sh
      echo x  \x20
"""
BUILT_IN = Path(__file__).resolve().parents[2] / "templates"
DISK = (BUILT_IN / "hikube/vm-disk.yaml.j2").read_text()
VM = (BUILT_IN / "hikube/vm-instance.yaml.j2").read_text()


def line_of(template: str, part: str) -> int:
    """The line of a template on which a text stands, from 1."""
    return next(number for number, line in enumerate(template.splitlines(), start=1) if part in line)


BROKEN = {
    "a field less": (VM.replace("  running: {{ running }}\n", ""), None, 'spec: "running" is a required property'),
    "a field more": (VM + "  extra: 1\n", "spec:", "extra"),
    "a field of another type": (VM.replace("{{ running }}", '"yes"'), "  running:", "spec.running: "),
    "another name": (
        VM.replace("name: {{ name }}", "name: x{{ group }}"),
        None,
        "'group' is undefined; available: annotations, cloudInit",
    ),
    "a fixed name": (VM.replace("name: {{ name }}", "name: same"), "  name:", "name must be 'web-1', and is 'same'"),
    "another kind": (VM.replace("kind: VMInstance", "kind: VM"), "kind:", "kind must be 'VMInstance', and is 'VM'"),
    "another namespace": (VM.replace("{{ namespace }}", "default"), "  namespace:", "namespace must be 'tenant-acme', and is"),
    "no name": (VM.replace("  name: {{ name }}\n", ""), None, "name must be 'web-1', and is None"),
    "no metadata": (VM.replace("metadata:", "meta:"), None, "name must be 'web-1', and is None"),
    "a second document": (VM + "---\nkind: Secret\n", None, "must render one object, and renders 2 documents"),
    "nothing": ("", None, "must render one object, and renders 0 documents"),
    "a list": ("- 1\n", None, "must render one object, and renders 1 document "),
    "no YAML": (VM + "  a: b: c\n", None, "what it renders for web-1 is not YAML"),
    "a key twice": (VM + "  running: true\n", None, "the key running is a duplicate"),
    "a key that is no text": (VM + "  on: true\n", None, "the key True is not text for every parser"),
    "blanks at the end of a line": (VM.replace("spec:\n", "spec: \n"), "spec: ", "leaves blanks at the end of a line"),
    "an undefined value": (
        VM.replace("{{ running }}", "{{ runing }}"),
        "runing",
        "'runing' is undefined; did you mean 'running'?",
    ),
    "an undefined value in a list": (VM.replace("{{ running }}", "{{ [runing] }}"), "runing", "'runing' is undefined"),
    "an undefined value in a mapping": (
        VM.replace("{{ running }}", "{{ {'a': [runing]} }}"),
        "runing",
        "'runing' is undefined",
    ),
    "an undefined value in a block": (VM.replace("{{ sshKeys | block }}", "{{ [sshKey] | block }}"), "sshKey", "is undefined"),
    "an undefined attribute": (VM.replace("{{ running }}", "{{ running.x }}"), "running", "has no attribute 'x'"),
    "an undefined condition": (VM.replace("{% if labels %}", "{% if lables %}"), "lables", "'lables' is undefined"),
    "a syntax error": (VM.replace("{{ running }}", "{{ running"), None, "expected token 'end of print statement'"),
    "an open block": (VM.replace("{% endif %}", "", 1), None, "Unexpected end of template"),
    "an unknown filter": (VM.replace("{{ running }}", "{{ running | upper }}"), "upper", "No filter named 'upper'"),
    "an unknown test": (VM.replace("{% if labels %}", "{% if labels is mapping %}"), "mapping", "No test named 'mapping'"),
    "a Python attribute": (VM.replace("{{ running }}", "{{ ''.__class__ }}"), "__class__", "unsafe"),
    "a way to the interpreter": (VM.replace("{{ running }}", "{{ ().__class__.__mro__[1] }}"), "__class__", "unsafe"),
    "a changed list": (VM.replace("{{ running }}", "{{ sshKeys.append(1) }}"), "append", "unsafe"),
    "a global": (VM.replace("{{ running }}", "{{ range(3) }}"), "range", "'range' is undefined"),
    "the environment": (VM.replace("{{ running }}", "{{ self.x }}"), "self", "unsafe|undefined|has no attribute|cannot write"),
    "a large text": (
        VM.replace("{{ running }}", "{{ 'a' * 1000000000 }}"),
        "'a' *",
        "takes more than 1,000,000 steps",
    ),
    "a large list": (VM.replace("{{ running }}", "{{ 1000000000 * [1] }}"), "[1]", "takes more than 1,000,000 steps"),
    "a large number": (
        VM.replace("{{ running }}", "{{ 9 ** 999999999 }}"),
        "9 **",
        "the operator ** is not allowed in templates",
    ),
    "a large format": (
        VM.replace("{{ running }}", "{{ '%999999999d' % 1 }}"),
        "'%9",
        "the operator % is not allowed in templates",
    ),
    "a function": (VM.replace("{{ running }}", "{{ sshKeys.count }}"), "sshKeys.count", "cannot write a"),
    "a file outside": (VM + '{% include "../environments/production.yaml" %}\n', "include", "no template ../environments"),
    "a file of the system": (VM + '{% include "/etc/passwd" %}\n', "include", "no template /etc/passwd in templates/"),
    "a file that is not there": (VM + '{% include "nope.j2" %}\n', "include", "no template nope.j2 in templates/"),
    "itself": (VM + '{% include "hikube/vm-instance.yaml.j2" %}\n', None, "calls or includes itself too often|takes more than"),
    "a division by nothing": (VM.replace("{{ running }}", "{{ 1 / 0 }}"), "1 / 0", "ZeroDivisionError: division by zero"),
}


@pytest.mark.parametrize(("template", "line", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_templates(repository: Callable, template: str, line: str | None, message: str) -> None:
    """Each way to break a manifest is an error at templates/…j2 and a line, and nothing is written."""
    made = repository(ENVIRONMENT, {"templates/hikube/vm-instance.yaml.j2": template})
    done = made.run("render")
    assert done.code == 1
    assert not (made.root / "manifests").exists()
    name = "templates/hikube/vm-instance.yaml.j2"
    place = f"{name}:{line_of(template, line)}:1: error: " if line else f"{name}:"
    matching = [found for found in done.problems if found.startswith(place)]
    assert matching, done.messages
    assert any(part in found for found in matching for part in message.split("|")), done.messages


def test_a_template_that_is_no_text(repository: Callable) -> None:
    """A template that is no UTF-8 is an error of that file."""
    done = repository(ENVIRONMENT, {"templates/hikube/vm-instance.yaml.j2": b"\xff\xfe"}).run("render")
    assert done.code == 1
    assert "templates/hikube/vm-instance.yaml.j2: error: is not UTF-8" in done.messages


def test_problems_of_several_templates(repository: Callable) -> None:
    """The mistakes of both templates come in one run."""
    templates = {
        "templates/hikube/vm-disk.yaml.j2": DISK.replace("  optical: {{ optical }}\n", ""),
        "templates/hikube/vm-instance.yaml.j2": VM.replace("  running: {{ running }}\n", ""),
    }
    done = repository(ENVIRONMENT, templates).run("render")
    assert [line.partition(":")[0] for line in done.problems] == sorted(templates)


def test_what_differs_between_vms_is_found_by_verify(repository: Callable) -> None:
    """A template that breaks one VM of a shape is found by `check`, which reads every manifest back."""
    template = VM.replace("  running: {{ running }}\n", '{% if name != "web-2" %}\n  running: {{ running }}\n{% endif %}\n')
    made = repository(ENVIRONMENT, {"templates/hikube/vm-instance.yaml.j2": template})
    for command in (("render", "--verify"), ("check",)):
        done = made.run(*command)
        assert done.code == 1
        assert "(rendered for VMInstance web-2)" in done.messages


def test_comments_and_own_keys_of_a_template(repository: Callable) -> None:
    """What a template may do: comments, another order, values of its own."""
    template = VM.replace("spec:", "# ours\nspec:").replace("  running: {{ running }}\n", "") + "  running: {{ running }}\n"
    made = repository(ENVIRONMENT, {"templates/hikube/vm-instance.yaml.j2": template})
    assert made.run("render").code == 0
    assert made.text("production/vms/web/web-1.yaml").endswith("  running: true\n")


def test_fast_and_thorough_rendering_agree(repository: Callable) -> None:
    """With `--verify` every manifest is rendered by itself; the bytes are those of the fast way."""
    made = repository(
        ENVIRONMENT.replace("count: 2", "count: 12").replace("    image", "    disks: {data: 5Gi, b: 1Gi}\n    image")
    )
    fast = made.run("render", "--stdout")
    assert fast.code == 0
    assert fast.output == made.run("render", "--stdout", "--verify").output


FORBIDDEN = ("{%-", "-%}", "{% set", "{% macro", "{% import", "{% extends", "| default", "|default")


@pytest.mark.parametrize("path", sorted(BUILT_IN.glob("**/*.j2")), ids=lambda path: path.relative_to(BUILT_IN).as_posix())
def test_templates_think_little(path: Path) -> None:
    """The built-in templates have values, `if` and `for` around whole keys, and nothing else."""
    text = path.read_text()
    assert [part for part in FORBIDDEN if part in text] == []
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert Project(BUILT_IN.parent).find_template(path.relative_to(BUILT_IN).as_posix()) == path


def test_a_schema_that_constrains_names_is_held_for_each_object(repository: Callable) -> None:
    """A pattern of a custom schema that the third VM of a shape breaks is found by `check`, though it is like the first."""
    schema = json.loads((BUILT_IN / "hikube/vm-instance.schema.json").read_text())
    schema["properties"]["metadata"]["properties"]["name"]["pattern"] = "^web-[12]$"
    made = repository(ENVIRONMENT, {"templates/hikube/vm-instance.schema.json": json.dumps(schema)})
    assert made.run("check").code == 1  # nothing is rendered yet
    assert "(rendered for VMInstance" not in made.run("check").messages
    made.write({"environments/production.yaml": ENVIRONMENT.replace("count: 2", "count: 3")})
    assert "(rendered for VMInstance web-3)" in made.run("check").messages


BY_NAME = {
    "nothing": ("{% if name != 'web-2-data' %}TEXT{% endif %}", "renders 0 documents"),
    "two objects": ("TEXT{% if name == 'web-2-data' %}---\nkind: Secret\n{% endif %}", "renders 2 documents"),
    "another name": ("{% if name == 'web-2-data' %}{% set name = 'other' %}{% endif %}TEXT", "must be 'web-2-data', and is"),
    "another kind": ("TEXT{% if name == 'web-2-data' %}kind: Secret\n{% endif %}", "the key kind is a duplicate"),
}


@pytest.mark.parametrize(("template", "says"), BY_NAME.values(), ids=BY_NAME)
@pytest.mark.parametrize("command", ["render", "plan", "check"])
def test_a_template_that_decides_by_names_is_verified_for_each(
    repository: Callable[..., Any], template: str, says: str, command: str
) -> None:
    """What it renders for one disk of a group may be nothing, or another object: no manifest of that is written."""
    name = "hikube/vm-disk.yaml.j2"
    text = (Path(__file__).resolve().parents[2] / "templates" / name).read_text(encoding="utf-8")
    environment = (
        "namespace: tenant-acme\nvms: {web: {count: 3, instanceType: u1.large, image: ubuntu-2404, disks: {data: 9Gi}}}\n"
    )
    made = repository(environment, {f"templates/{name}": template.replace("TEXT", text)})
    done = made.run(command)
    assert (done.code, "[template-output]" in done.messages, made.files()) == (1, True, {}), done.messages
    assert says in done.messages
