"""`cloudInitSeed: auto`, and the annotation that keeps Flux away from `${…}`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from vmgen.cloud_init.render import is_substituted

HEAD = "namespace: tenant-acme\ndefaults: {instanceType: u1.medium, image: ubuntu-2404}\nvms:\n"
SPARED = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}

Made = Callable[..., dict[str, Any]]


@pytest.fixture(name="made")
def _made(repository: Callable[..., Any]) -> Made:
    """Render groups; the manifests of their VMs by name."""

    def made(vms: str, template: str = "", platform: str = "hikube") -> dict[str, Any]:
        files = {"templates/cloud-init/web.j2": template} if template else None
        there = repository(f"platform: {platform}\n{HEAD}{vms}", files)
        result = there.run("render", "--verify")
        assert result.code == 0, result.messages
        found = {path: yaml.safe_load(content) for path, content in there.files("manifests/production/vms").items()}
        return {each["metadata"]["name"]: each for each in found.values() if each["kind"] == "VMInstance"}

    return made


def seeds(made: dict[str, Any]) -> list[str]:
    """The seeds of VMs, by name."""
    return [made[name]["spec"]["cloudInitSeed"] for name in sorted(made)]


def test_derived(made: Made) -> None:
    """VMs with one text have one seed: hexadecimal digits that change with the text."""
    first = seeds(made("  web: {count: 2, cloudInit: {packages: [a]}, cloudInitSeed: auto}\n"))
    second = seeds(made("  web: {count: 2, cloudInit: {packages: [b]}, cloudInitSeed: auto}\n"))
    assert len({*first, *second}) == 2
    assert all(re.fullmatch(r"[0-9a-f]{16}", seed) for seed in (*first, *second))


def test_derived_for_each(made: Made) -> None:
    """With a template each VM has the seed of its own text."""
    vms = "  web: {count: 2, cloudInit: {template: web.j2}, cloudInitSeed: auto}\n"
    assert len(set(seeds(made(vms, "#cloud-config\nfqdn: {{ vm.name }}\n")))) == 2


def test_written(made: Made) -> None:
    """Any other seed goes out as it is."""
    assert seeds(made("  a: {cloudInit: {packages: [a]}, cloudInitSeed: '2026-11'}\n  b: {cloudInitSeed: ''}\n")) == [
        "2026-11",
        "",
    ]


def test_derived_from_nothing(made: Made) -> None:
    """No user data has a seed too, so that the first user data changes it."""
    vms = "  a: {cloudInitSeed: auto}\n  b: {cloudInitSeed: auto, cloudInit: {packages: [a]}}\n"
    assert len({*seeds(made(vms)), "auto", ""}) == 4


TEXT = "      #!/bin/sh\n      echo %s\n"


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
@pytest.mark.parametrize(
    ("word", "metadata", "annotations"),
    [
        ("${HOME}", "", SPARED),
        ("$HOME", "", None),
        ("$${HOME} ${db}", "", None),
        ("${HOME}", "    annotations: {a: b}\n", {"a": "b", **SPARED}),
        ("${db}", "    annotations: {kustomize.toolkit.fluxcd.io/substitute: enabled}\n", dict.fromkeys(SPARED, "enabled")),
        ("${db}", "    labels: {kustomize.toolkit.fluxcd.io/substitute: enabled}\n", None),
    ],
)
def test_substitution(made: Made, platform: str, word: str, metadata: str, annotations: dict[str, str] | None) -> None:
    """A variable of a shell keeps Flux away, unless the user said otherwise or escapes it."""
    found = made(f"  web:\n{metadata}    cloudInit: |\n{TEXT % word}", platform=platform)["web"]
    assert found["metadata"].get("annotations") == annotations


def test_only_where_it_is_needed(made: Made) -> None:
    """With a template, only the VMs whose text has a variable are annotated."""
    found = made(
        "  web: {count: 2, cloudInit: {template: web.j2}}\n", "#!/bin/sh\n{% if vm.index %}\necho ${HOME}\n{% endif %}\n"
    )
    assert [found[name]["metadata"].get("annotations") for name in sorted(found)] == [None, SPARED]


@pytest.mark.parametrize(
    ("text", "is_one"), [("", False), ("$x", False), ("${x}", True), ("$${x}", False), ("${x} $${y}", False)]
)
def test_is_substituted(text: str, is_one: bool) -> None:
    """Flux replaces `${…}`; who escapes one counts on it."""
    assert is_substituted(text) is is_one
