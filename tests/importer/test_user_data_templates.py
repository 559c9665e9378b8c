"""User data that differs in names, numbers and values of labels becomes one template, which renders it byte for byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.importer.ownership import VmDraft
from vmgen.importer.run import ImportResult
from vmgen.importer.user_data_templates import _WORD, _replace_own_words, _Shape, _Skeleton, infer_templates
from vmgen.nameless import find_trailing_number, replace_word
from vmgen.read.repository import Project

Import = Callable[..., ImportResult]
MANIFEST = """apiVersion: apps.cozystack.io/v1alpha1
kind: VMDisk
metadata: {{name: {name}-system, namespace: tenant-acme}}
spec: {{source: {{image: {{name: ubuntu-2404}}}}, storage: 20Gi}}
---
apiVersion: apps.cozystack.io/v1alpha1
kind: VMInstance
metadata: {{name: {name}, namespace: tenant-acme, labels: {labels}}}
spec:
  instanceType: u1.large
  instanceProfile: ubuntu
  disks: [{name}-system]
  cloudInit: |
{text}
---
"""


@pytest.fixture(name="project")
def _project(tmp_path: Path) -> Project:
    """An empty repository."""
    (tmp_path / "environments").mkdir()
    return Project(tmp_path)


def build_manifests(text: str, names: list[str], labels: Callable[[int], str] = lambda _: "{}") -> str:
    """The manifests of VMs whose user data has `$NAME`, `$N` (the number) and `$L` in a text."""
    manifests = []
    for number, name in enumerate(names, start=1):
        own = text.replace("$NAME", name).replace("$N", str(number)).replace("$L", f"rack-{number % 2}")
        block = "\n".join(f"    {line}" for line in own.split("\n"))
        manifests.append(MANIFEST.format(name=name, labels=labels(number), text=block))
    return "".join(manifests)


NAMES = [f"web-{number}" for number in range(1, 6)]
# A text, the names of its VMs, and a piece of the template.
TEXTS = {
    "name": ("#cloud-config\nhostname: $NAME\nfqdn: $NAME.shop.example", NAMES, "fqdn: {{ vm.name }}.shop.example"),
    "number": ("#!/bin/sh\necho 10.0.0.$N", NAMES, "echo 10.0.0.{{ vm.number }}"),
    "sum": ("#!/bin/sh\necho 10$N", NAMES, "echo {{ vm.number + 100 }}"),
    "padded": ("#!/bin/sh\necho 00$N", NAMES, "echo {{ ('000' ~ vm.number)[-3:] }}"),
    "braces": ("#!/bin/sh\necho $NAME {{ x }} {% y {# z {$NAME} {{{", NAMES, "{{ '{{' }} x }}"),
    "name in a word": ("#!/bin/sh\necho $NAME-data x$NAME", ["a-1", "b-2"], ""),
    "names without numbers": ("#cloud-config\nhostname: $NAME", ["alpha", "beta", "gamma"], "hostname: {{ vm.name }}"),
}


@pytest.mark.parametrize(("text", "names", "piece"), TEXTS.values(), ids=TEXTS)
def test_inferred(import_text: Import, project: Project, text: str, names: list[str], piece: str) -> None:
    """What follows from a VM's name or number is written once, and the import is proved."""
    result = import_text(project, build_manifests(text, names))
    assert result.is_verified, [str(problem) for problem in result.environments[0].problems]
    templates = result.environments[0].templates
    assert len(templates) == (1 if piece else 0)
    assert all(piece in template.text for template in templates)


def test_values_of_labels(import_text: Import, project: Project) -> None:
    """A value that a label has too is a variable, with the label's name."""
    text = build_manifests("#cloud-config\nhostname: $NAME\nfinal_message: in $L", NAMES, lambda n: f"{{x/rack: rack-{n % 2}}}")
    result = import_text(project, text)
    assert result.is_verified
    (template,) = result.environments[0].templates
    assert "final_message: in {{ vars.rack }}" in template.text
    assert "rack: rack-1" in result.environments[0].content.text


KEPT = {
    "one VM": ("#cloud-config\nhostname: $NAME", ["web-1"]),
    "all the same": ("#cloud-config\npackages: [nginx]", NAMES),
    "for cloud-init": ("## template: jinja\n#cloud-config\nhostname: $NAME", NAMES),
    "squares": ("#!/bin/sh\necho $N$N$N", ["a-1", "a-3", "a-7"]),
}


@pytest.mark.parametrize(("text", "names"), KEPT.values(), ids=KEPT)
def test_kept_as_text(import_text: Import, project: Project, text: str, names: list[str]) -> None:
    """What is one VM's, what all VMs share, and what follows from nothing, stays a text."""
    result = import_text(project, build_manifests(text, names))
    assert result.is_verified
    assert result.environments[0].templates == ()


def test_a_thousand_vms_are_a_few_lines(import_text: Import, project: Project) -> None:
    """A fleet with a host name, a domain and one more value for each VM is one group and one template."""
    names = [f"web-{number}" for number in range(1, 1001)]
    text = build_manifests("#cloud-config\nhostname: $NAME\nfqdn: $NAME.shop.example\nfinal_message: 10.0.$N", names)
    result = import_text(project, text)
    assert result.is_verified
    assert len(result.environments[0].content.lines) <= 60
    assert len(result.environments[0].templates) == 1


def test_template_is_written(repository: Callable[..., Any]) -> None:
    """The template is a file beside the environment; a second import into the same name is refused before it writes."""
    made = repository("", {"m.yaml": build_manifests("#cloud-config\nhostname: $NAME", NAMES)})
    (made.root / "environments" / "production.yaml").unlink()
    result = made.run("import", str(made.root / "m.yaml"), "--env", "lab")
    assert result.code == 0, result.messages
    assert "templates/cloud-init/lab.yaml.j2: the user data of 5 VMs" in result.messages
    assert (made.root / "templates/cloud-init/lab.yaml.j2").read_text() == "#cloud-config\nhostname: {{ vm.name }}\n"
    assert made.run("render", "lab").code == 0


def test_nothing_imported_says_why(repository: Callable[..., Any]) -> None:
    """Where errors kept everything out, the last line does not say that there was nothing."""
    text = build_manifests("#cloud-config\nhostname: $NAME", NAMES).replace("tenant-acme", "tenant-labXX")
    text = text.replace("u1.large", "u1.larg")
    made = repository("", {"m.yaml": text})
    result = made.run("import", str(made.root / "m.yaml"), "--env", "lab")
    assert result.code == 1
    assert "Import failed. Fix the errors above and retry; nothing was written." in result.messages
    assert "'tenant-labXX' is not a tenant namespace" in result.messages
    assert "unknown instance type 'u1.larg'" in result.messages


PIECES = st.lists(
    st.sampled_from(["NAME", "{{", "{%", "{", "}}", "#}", " ", "\n", "a", "07", "LABEL", "N"]), min_size=1, max_size=12
)


@given(PIECES)
def test_any_text(pieces: list[str]) -> None:
    """Whatever a text holds, the template that is inferred gives each VM its own text back."""
    from jinja2 import Environment

    drafts = []
    for number in (1, 2, 3):
        words = {"NAME": f"web-{number}", "N": str(number + 7), "LABEL": f"rack{number}"}
        text = "#x\n" + "".join(words.get(piece, piece) for piece in pieces)
        drafts.append(VmDraft(f"web-{number}", {"cloudInit": text, "labels": {"rack": f"rack{number}"}}, {}))
    templated, templates = infer_templates(drafts, "lab", lambda _: True)
    sources = {template.name: template.text for template in templates}
    for number, (before, after) in enumerate(zip(drafts, templated, strict=True), start=1):
        if isinstance(after.values["cloudInit"], dict):
            template = Environment(keep_trailing_newline=True, trim_blocks=True, lstrip_blocks=True, autoescape=False)
            values = {"vm": {"name": before.name, "number": number}, "vars": after.values.get("vars", {})}
            source = sources[after.values["cloudInit"]["template"]]
            assert template.from_string(source).render(values) == before.values["cloudInit"]


@given(st.text("ab-é1 ", max_size=20), st.text("ab-1", min_size=1, max_size=4))
def test_words_are_replaced_as_by_a_pattern(text: str, word: str) -> None:
    """A word is replaced where a pattern with boundaries on both sides finds it, also where it overlaps itself."""
    pattern = rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])"
    assert replace_word(text, word, "*") == re.sub(pattern, "*", text)


@given(
    st.lists(st.sampled_from(["web-7", "web-", "7", "07", "77", "v7", "é7", "7.7", "rack7", " ", "-", "\n", "_"]), max_size=9),
    st.sampled_from(["web-7", "web-07", "7", "web", "a7", "web-77"]),
)
def test_user_data_is_split_into_the_words_of_its_text(pieces: list[str], name: str) -> None:
    """Words and separators of user data are those of its own text, whatever placeholder its number has among those alike."""
    text, labels = "".join(pieces), {"rack": "rack7"}
    digits = find_trailing_number(name)
    nameless = _replace_own_words(VmDraft(name, {"labels": labels}, {}), text, digits, ["rack"])
    skeleton = _Skeleton(tuple(_WORD.split(nameless)[::2]), tuple(_WORD.split(nameless)[1::2]))
    plain = replace_word(replace_word(text, name, "\ue000"), "rack7", "\ue001")
    assert skeleton.separators == tuple(_WORD.split(plain)[::2])
    assert _Shape(0, digits, skeleton).words == tuple(_WORD.split(plain)[1::2])
