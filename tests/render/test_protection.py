"""The protection of disks is looked at in what was rendered, whoever wrote it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

WEB = """\
namespace: tenant-acme
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    disks:
      data: {storage: 50Gi%s}
"""


def built_in(name: str) -> str:
    """A built-in template."""
    from pathlib import Path

    return (Path(__file__).resolve().parents[2] / "templates" / name).read_text(encoding="utf-8")


def dropped(text: str, start: str, end: str) -> str:
    """A text without what lies between two marks, both included."""
    head, _, rest = text.partition(start)
    return head + rest.partition(end)[2]


DISK = built_in("hikube/vm-disk.yaml.j2")
GITOPS = built_in("shared/gitops.yaml")
WITHOUT = dropped(DISK, "{% if annotations %}\n", "{% endif %}\n")
OWN = [
    ("hikube/vm-disk.yaml.j2", WITHOUT, "protection-lost"),
    ("hikube/vm-disk.yaml.j2", DISK.replace("annotations | block", "labels | block"), "protection-lost"),
    (
        "hikube/vm-disk.yaml.j2",
        DISK.replace("{% if annotations %}", "{% if annotations and name != 'web-2-data' %}"),
        "protection-lost",
    ),
    (
        "hikube/vm-disk.yaml.j2",
        DISK.replace("block }}\n{% endif %}\nspec", "block }}\n    helm.sh/hook: test\n{% endif %}\nspec"),
        "recreating-annotation",
    ),
    (
        "hikube/vm-disk.yaml.j2",
        DISK.replace("metadata:\n", "metadata:\n  labels:\n    kustomize.toolkit.fluxcd.io/force: Enabled\n"),
        "recreating-annotation",
    ),
    ("shared/gitops.yaml", GITOPS.replace("Prune=confirm,", ""), "protection-lost"),
    ("shared/gitops.yaml", GITOPS.replace("Prune=confirm,Delete=confirm", "prune=confirm,delete=confirm"), "protection-lost"),
    ("shared/gitops.yaml", GITOPS.replace("fluxcd.io/prune: disabled", 'fluxcd.io/prune: "disabled "'), "protection-lost"),
    ("shared/gitops.yaml", GITOPS.replace("Delete=confirm\n", "Delete=confirm,Force=true\n"), "recreating-annotation"),
]


@pytest.mark.parametrize(("name", "text", "rule"), OWN)
def test_an_own_file_that_drops_the_protection_is_refused_at_its_place(
    repository: Callable[..., Any], name: str, text: str, rule: str
) -> None:
    """A template or table of the repository is the place of the error, and nothing is written."""
    made = repository(WEB % "", {f"templates/{name}": text})
    done = made.run("render")
    assert done.code == 1, done.messages
    assert any(line.startswith(f"templates/{name}: error: ") and line.endswith(f"[{rule}]") for line in done.problems)
    assert made.files() == {}


@pytest.mark.parametrize(("name", "text", "rule"), OWN[:3])
def test_an_unprotected_disk_needs_no_guard(repository: Callable[..., Any], name: str, text: str, rule: str) -> None:
    """Who says `protect: false` on every disk may leave the guards out."""
    text = (WEB % ", protect: false").replace("image: ubuntu-2404\n", "image: ubuntu-2404\n    protect: false\n")
    made = repository(text, {f"templates/{name}": WITHOUT})
    done = made.run("render")
    assert rule not in done.messages


SETTINGS = [
    ("annotations: {argocd.argoproj.io/hook: PreSync}\n", "1", "recreating-annotation"),
    ("annotations: {argocd.argoproj.io/sync-options: 'Prune=true,Prune=confirm,Delete=confirm'}\n", "1", "reserved-annotation"),
    ("labels: {kustomize.toolkit.fluxcd.io/force: enabled}\n", "1", "recreating-annotation"),
    ("annotations: {kustomize.toolkit.fluxcd.io/ssa: Ignore}\n", "0", "freezing-annotation"),
    ("annotations: {argocd.argoproj.io/sync-options: 'Prune=false,Delete=false'}\n", "0", ""),
    ("annotations: {argocd.argoproj.io/sync-options: 'Prune=confirm,Delete=confirm,Replace=true'}\n", "0", ""),
]


@pytest.mark.parametrize(("line", "code", "rule"), SETTINGS)
def test_an_annotation_of_the_environment_is_named_at_its_line(
    repository: Callable[..., Any], line: str, code: str, rule: str
) -> None:
    """An error or a warning stands at the annotation, once for all disks that it reaches."""
    done = repository(line + WEB % "").run("render")
    assert str(done.code) == code, done.messages
    found = [each for each in done.problems if rule and each.endswith(f"[{rule}]")]
    assert len(found) == bool(rule), done.messages
    assert all(each.startswith("environments/production.yaml:1:") for each in found)


def test_no_waiver_lets_a_lost_protection_pass(repository: Callable[..., Any]) -> None:
    """The protection is not a matter of taste."""
    waiver = "waivers:\n  - {rule: protection-lost, subject: web, reason: because, until: 2999-01-01}\n"
    made = repository(WEB % "" + waiver, {"templates/hikube/vm-disk.yaml.j2": WITHOUT})
    assert made.run("render").code == 1


def test_what_replaces_a_built_in_file_is_a_notice_of_plan_and_check(repository: Callable[..., Any]) -> None:
    """Templates, tables and platforms of the repository are named in every format, and change no exit code."""
    own = {
        "templates/shared/verdicts.yaml": built_in("shared/verdicts.yaml"),
        "templates/hikube/vm-disk.yaml.j2": DISK,
        "templates/acme/platform.yaml": "extends: [hikube/platform.yaml]\n",
        "templates/acme/notes.txt": "not looked at\n",
    }
    made = repository(WEB % "", own)
    assert made.run("render").code == 0
    named = ["templates/acme/platform.yaml", "templates/hikube/vm-disk.yaml.j2", "templates/shared/verdicts.yaml"]
    for arguments in (("check", "--kustomize", "off"), ("plan",)):
        done = made.run(*arguments)
        assert done.code == 0, done.messages
        assert [line.partition(": notice: ")[0] for line in done.messages.splitlines() if ": notice: " in line] == named
    assert "- notice: <code>templates/shared/verdicts" in made.run("plan", "-o", "markdown").stdout
    assert '"severity": "notice"' in made.run("plan", "-o", "json").stdout
    assert made.run("check", "--kustomize", "off", "-o", "github").stdout.count("::notice file=templates/") == len(named)
    [log] = json.loads(made.run("check", "--kustomize", "off", "-o", "sarif").stdout)["runs"]
    assert [result["level"] for result in log["results"] if result["level"] != "warning"] == ["note"] * len(named)


def test_a_repository_without_own_templates_has_no_notice(repository: Callable[..., Any]) -> None:
    """Nothing is said where the built-in files decide."""
    made = repository(WEB % "")
    made.run("render")
    assert "notice" not in made.run("check", "--kustomize", "off").messages
