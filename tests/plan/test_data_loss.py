"""What destroys data is decided by the program, whatever files a repository brings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.plan.data_loss import assess_update
from vmgen.plan.verdicts import FieldChange, Verdict

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
SHARED = (TEMPLATES / "shared/verdicts.yaml").read_text(encoding="utf-8")
CALM = SHARED.replace("DESTROYS DATA", "no effect").replace("rejected", "no effect")
ACME = {
    "templates/acme/platform.yaml": "extends: [hikube/platform.yaml]\n",
    "templates/acme/catalog.yaml": "extends: [hikube/catalog.yaml]\n",
    "templates/acme/verdicts.yaml": CALM,
}
for _kind in ("vm-disk", "vm-instance"):
    for _end in ("yaml.j2", "schema.json"):
        ACME[f"templates/acme/{_kind}.{_end}"] = (TEMPLATES / f"hikube/{_kind}.{_end}").read_text(encoding="utf-8")
# The files that a pull request brings, and the edit of the environment in which a disk goes.
PULL_REQUESTS: list[tuple[dict[str, str], tuple[str, str]]] = [
    ({}, ("count: 3", "count: 2")),
    ({"templates/shared/verdicts.yaml": CALM}, ("count: 3", "count: 2")),
    ({"templates/shared/verdicts.yaml": SHARED.replace("DESTROYS DATA", "delete")}, ("    disks:\n      data: 50Gi\n", "")),
    ({"templates/shared/verdicts.yaml": CALM}, ("  web:", "  shop:")),
    ({"templates/shared/verdicts.yaml": CALM}, ("tenant-acme", "tenant-other")),
    ({"templates/hikube/verdicts.yaml": CALM}, ("count: 3", "count: 2")),
    (ACME, ("namespace: tenant-acme\n", "namespace: tenant-acme\nplatform: acme\n")),
]


@pytest.mark.parametrize(("files", "edit"), PULL_REQUESTS)
def test_no_table_lets_a_disk_disappear(committed: Callable[..., Any], files: dict[str, str], edit: tuple[str, str]) -> None:
    """With whatever tables and platforms, `render` and `check` refuse a disk that goes, and the plan says so."""
    history = committed()
    history.repository.write(files)
    text = history.text().replace(*edit)
    if files is ACME:
        text = text.replace("count: 3", "count: 2")
    history.write(production=text)
    done = history.vmgen("render")
    assert (done.code, "[destroys-data]" in done.messages) == (1, True), done.messages
    assert "[destroys-data]" in history.vmgen("check", "--kustomize", "off").messages
    assert "0 destroy data" not in history.vmgen("plan").stdout


def test_another_api_group_is_another_disk(committed: Callable[..., Any]) -> None:
    """A template and schema that put the disks into another group take the ones of the platform out of Git."""
    history = committed()
    for name in ("vm-disk.yaml.j2", "vm-disk.schema.json"):
        text = (TEMPLATES / "hikube" / name).read_text(encoding="utf-8")
        history.repository.write({f"templates/hikube/{name}": text.replace("apps.cozystack.io", "apps.example.com")})
    done = history.vmgen("render")
    assert (done.code, "[destroys-data]" in done.messages) == (1, True), done.messages


def field(path: str, verdict: Verdict = Verdict.UPDATE_IN_PLACE) -> FieldChange:
    """A field that changes."""
    return FieldChange(path, "a", "b", "", verdict, "", "")


def disk(**annotations: str) -> dict[str, Any]:
    """A guarded disk, with more sync options, or Flux's force."""
    found = {
        "argocd.argoproj.io/sync-options": f"Prune=confirm,Delete=confirm{annotations.get('options', '')}",
        "kustomize.toolkit.fluxcd.io/prune": "disabled",
    }
    found |= {f"kustomize.toolkit.fluxcd.io/{key}": value for key, value in annotations.items() if key != "options"}
    return {"apiVersion": "apps.cozystack.io/v1alpha1", "metadata": {"annotations": found}}


PLAIN = disk()
CLASS, LABEL, SIZE = field("spec.storageClass"), field("metadata.labels[a]"), field("spec.storage")
# Each is one of the runs: the older and the newer version, what changes, and whether the disk was made anew.
UPDATES = [
    (PLAIN, PLAIN, CLASS, False),
    (disk(options=",Force=true"), disk(options=",Force=true"), CLASS, True),
    (disk(options=",Force=true"), disk(options=",Force=true"), SIZE, False),
    (disk(options=",Force=true"), PLAIN, CLASS, True),
    (disk(options=",Force=true"), PLAIN, LABEL, False),
    (PLAIN, disk(options=",Force=true"), CLASS, True),
    (PLAIN, disk(options=",Replace=true"), CLASS, False),
    (disk(options=",Replace=true,Force=true"), PLAIN, LABEL, True),
    (disk(options=",Replace=true"), disk(options=",Force=true"), LABEL, True),
    (PLAIN, disk(options=", Replace=true , Force=true "), LABEL, True),
    (PLAIN, disk(options=",replace=true,force=true"), CLASS, False),
    (disk(force="enabled"), disk(force="enabled"), CLASS, True),
    (disk(force="Enabled"), PLAIN, CLASS, True),
    (disk(force="enabled"), PLAIN, SIZE, False),
    (disk(force="enabled"), PLAIN, field("spec.storage", Verdict.REJECTED), True),
    (disk(force="enabled"), PLAIN, field("spec.storage", Verdict.PROTECTION_DROPPED), False),
    (disk(force="true"), disk(force="true"), CLASS, False),
    (disk(force="Enabled "), PLAIN, CLASS, False),
]


@pytest.mark.parametrize(("before", "after", "change", "recreated"), UPDATES)
def test_what_the_live_disk_carries_counts(
    before: dict[str, Any], after: dict[str, Any], change: FieldChange, recreated: bool
) -> None:
    """A disk that the engine makes anew is destroyed, also where the annotation goes in the same change."""
    found = assess_update("VMDisk", before, after, [change])
    assert (found is not None and found.verdict == Verdict.DESTROYS_DATA) is recreated
    assert assess_update("VMInstance", before, after, [change]) is None


def test_a_guard_that_goes_drops_the_protection(committed: Callable[..., Any]) -> None:
    """`protect: false`, or an annotation that replaces a guard, is a verdict of its own above `update in place`."""
    history = committed()
    history.write(production=history.text().replace("data: 50Gi", "data: {storage: 50Gi, protect: false}"))
    assert "Plan: 0 to create, 3 to update (3 protection dropped)" in history.vmgen("plan").stdout
    assert history.vmgen("render").code == 0


@pytest.mark.parametrize(
    "value", ["Prune=confirm", "Delete=confirm", "Prune=true,Delete=confirm", "prune=confirm,delete=confirm"]
)
def test_a_guard_in_another_spelling_is_dropped(value: str) -> None:
    """What the engine does not honour is no guard, whatever the table of verdicts says of the annotation."""
    after = disk()
    after["metadata"]["annotations"]["argocd.argoproj.io/sync-options"] = value
    found = assess_update("VMDisk", PLAIN, after, [LABEL])
    assert found is not None
    assert found.verdict == Verdict.PROTECTION_DROPPED
    assert assess_update("VMDisk", after, PLAIN, [LABEL]) is None


FORCED = "{storage: 5Gi, protect: false, storageClass: %s, annotations: {kustomize.toolkit.fluxcd.io/force: enabled}}"
HOOKED = "{storage: 5Gi, protect: false, annotations: {argocd.argoproj.io/hook: PreSync}}"
REPLACED = "{storage: %s, protect: false, annotations: {argocd.argoproj.io/sync-options: 'Replace=true,Force=true'}}"
RECREATED = [
    pytest.param(FORCED % "replicated", FORCED % "local", "spec.storageClass cannot change", id="force of Flux"),
    pytest.param("{storage: 5Gi, protect: false}", HOOKED, "treats the disk as a hook", id="hook"),
    pytest.param(REPLACED % "5Gi", REPLACED % "6Gi", "Replace=true and Force=true", id="replace"),
]


@pytest.mark.parametrize(("before", "after", "says"), RECREATED)
def test_the_refusal_explains_why_an_update_recreates_a_disk(
    committed: Callable[..., Any], before: str, after: str, says: str
) -> None:
    """The gate gives the reason next to the disks of an update, and only the names of disks that are deleted."""
    text = "namespace: tenant-acme\nvms:\n  web: {{instanceType: u1.large, image: ubuntu-2404, disks: {{data: {}{}}}}}\n"
    history = committed(text.format(before, ", old: 1Gi"))
    history.write(production=text.format(after, ""))
    [message] = [
        problem for problem in history.vmgen("render").problems if "web-data" in problem and "[destroys-data]" in problem
    ]
    assert says in message
    assert "Undo the change, or" in message
    assert "web-old" not in message
