"""What delivers is in the plan: Applications, ApplicationSets and Kustomizations, and what goes with them."""

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
      data: 50Gi
"""
ARGOCD = "delivery:\n  argocd: {repoURL: https://g.example/x.git, destination: {name: hikube}%s}\n"
FLUX = "delivery:\n  flux: {sourceRef: {name: vms}%s}\n"
PLAIN, CASCADING = WEB + ARGOCD % "", WEB + ARGOCD % ", finalizer: true"
SCRATCH = WEB.replace("data: 50Gi", "data: {storage: 50Gi, protect: false}")


def planned(history: Any, action: str = "") -> dict[str, dict[str, Any]]:
    """The objects of the plan that deliver, by kind and name."""
    document = json.loads(history.vmgen("plan", "-o", "json").stdout)
    objects = [each for environment in document["environments"] for each in environment["objects"]]
    return {
        f"{each['kind']} {each['name']}": each
        for each in objects
        if each["path"].startswith("delivery/") and action in ("", each["action"])
    }


APP, VMS, DISKS = "Application production", "Kustomization production-vms", "Kustomization production-disks"
LOSS, DROP, SAME = "DESTROYS DATA", "protection dropped", "update in place"


def with_key(text: str, line: str) -> str:
    """An environment with one more key of `delivery:`."""
    return text.replace("delivery:", f"delivery:\n  {line}")


# Before and after, the object of the plan, its action and verdict, a word of what is said, and the exit code of `render`.
CHANGES = [
    (PLAIN, WEB, APP, "delete", "delete", "no longer synced: 2 VMs and 4 disks", 0),
    (CASCADING, WEB, APP, "delete", LOSS, "2 VMs and 4 disks", 1),
    (SCRATCH + ARGOCD % ", finalizer: true", SCRATCH, APP, "delete", LOSS, "Without confirmation: 2 disks", 1),
    (PLAIN, CASCADING, APP, "update", DROP, "also deletes 2 VMs and 4 disks", 0),
    (
        SCRATCH + ARGOCD % "",
        SCRATCH + ARGOCD % ", finalizer: true",
        APP,
        "update",
        LOSS,
        "web-1-data",
        1,
    ),
    (CASCADING, PLAIN, APP, "update", SAME, "Deleting it deletes no object", 0),
    (PLAIN, PLAIN.replace("name: hikube", "name: other"), APP, "update", "rebuild", "another cluster", 0),
    (
        PLAIN,
        with_key(PLAIN, "prefix: x-"),
        APP,
        "delete",
        "delete",
        "another one",
        0,
    ),
    (
        CASCADING,
        with_key(CASCADING, "prefix: x-"),
        APP,
        "delete",
        LOSS,
        "2 VMs",
        1,
    ),
    (
        PLAIN,
        with_key(PLAIN, "path: apps"),
        APP,
        "update",
        SAME,
        "another path",
        0,
    ),
    (
        PLAIN,
        with_key(PLAIN, "shardSize: 1"),
        APP,
        "delete",
        "delete",
        "another one",
        0,
    ),
    (
        CASCADING.replace("finalizer: true", "finalizer: true, namespace: other"),
        CASCADING,
        APP,
        "delete",
        LOSS,
        "2 VMs",
        1,
    ),
    (WEB + FLUX % "", WEB, VMS, "delete", "delete", "no longer synced: 2 VMs", 0),
    (
        WEB + FLUX % ", deletionPolicy: MirrorPrune",
        WEB,
        VMS,
        "delete",
        "delete",
        "deleted with it: 2 VMs",
        0,
    ),
    (WEB + FLUX % "", WEB, DISKS, "delete", "delete", "no longer synced: 4 disks", 0),
    (
        WEB + FLUX % "",
        WEB + FLUX % ", deletionPolicy: MirrorPrune",
        VMS,
        "update",
        DROP,
        "2 VMs",
        0,
    ),
    (
        WEB + FLUX % "",
        WEB + FLUX % ", kubeConfig: {secretRef: {name: other}}",
        DISKS,
        "update",
        "rebuild",
        "4 disks",
        0,
    ),
]


@pytest.mark.parametrize(("before", "after", "name", "action", "verdict", "word", "code"), CHANGES)
def test_a_change_of_what_delivers_says_what_goes_with_it(
    committed: Callable[..., Any], before: str, after: str, name: str, action: str, verdict: str, word: str, code: int
) -> None:
    """Each object that goes or changes is in the plan with its VMs and disks, and the gate refuses what deletes disks."""
    history = committed(before)
    history.write(production=after)
    found = planned(history, action)
    assert name in found, found
    said = " ".join((found[name]["says"], *(field["says"] for field in found[name]["fields"])))
    assert (found[name]["verdict"], word in said) == (verdict, True), said
    done = history.vmgen("render")
    assert (done.code, "[delivery-cascade]" in done.messages) == (code, code == 1), done.messages


def test_an_environment_that_is_retired_whole_takes_its_application_along(committed: Callable[..., Any]) -> None:
    """With a tombstone for each disk nothing is left for the finalizer to delete."""
    history = committed(CASCADING)
    disks = "".join(f"  - {{disk: web-{n}-{key}, reason: done}}\n" for n in (1, 2) for key in ("system", "data"))
    history.write(production=f"namespace: tenant-acme\nretire:\n{disks}")
    done = history.vmgen("render", "--allow-empty")
    assert done.code == 0, done.messages


def test_a_set_that_takes_over_changes_nothing(committed: Callable[..., Any]) -> None:
    """An ApplicationSet in the place of Applications holds the same VMs and disks."""
    history = committed(PLAIN)
    history.write(production=WEB + ARGOCD % ", applicationSet: true")
    found = planned(history)
    assert set(found) == {"Application production"}
    assert "another one" in found["Application production"]["says"]
    history.vmgen("render")
    history.commit()
    history.write(production=WEB)
    assert planned(history)["ApplicationSet vms"]["verdict"] == "delete"


def test_a_file_that_somebody_removed_from_delivery_counts(committed: Callable[..., Any]) -> None:
    """What is committed is the baseline, also where the file is gone with its setting."""
    history = committed(CASCADING)
    (history.repository.root / "delivery/argocd/production.yaml").unlink()
    history.write(production=WEB)
    assert history.vmgen("render").code == 1
    assert history.vmgen("check", "--kustomize", "off").code == 1


def test_an_unreadable_file_is_named(committed: Callable[..., Any]) -> None:
    """A committed file of an engine that is not YAML is an error of the gate."""
    history = committed(CASCADING)
    path = history.repository.root / "delivery/argocd/production.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "<<<<<<< HEAD\n: [\n", encoding="utf-8")
    history.commit()
    history.write(production=WEB)
    done = history.vmgen("render")
    assert (done.code, "delivery/argocd/production.yaml" in done.messages) == (1, True), done.messages


def test_some_environments_do_not_touch_the_delivery_of_others(committed: Callable[..., Any]) -> None:
    """`render ENV` says nothing of the Applications of the others."""
    history = committed(PLAIN, environments={"staging": PLAIN.replace("tenant-acme", "tenant-other")})
    history.write(staging=WEB.replace("tenant-acme", "tenant-other"))
    document = json.loads(history.vmgen("plan", "production", "-o", "json").stdout)
    assert document["environments"] == []
    assert set(planned(history)) == {"Application staging"}


UNSAID = [
    (WEB, PLAIN),
    (WEB, WEB + FLUX % ""),
    (PLAIN, WEB + ARGOCD % ", syncOptions: [CreateNamespace=true]"),
    (PLAIN, WEB + ARGOCD % ", project: shop"),
    (WEB + FLUX % "", WEB + FLUX % ", interval: 5m"),
]


@pytest.mark.parametrize(("before", "after"), UNSAID)
def test_what_neither_moves_nor_deletes_is_no_object_of_the_plan(
    committed: Callable[..., Any], before: str, after: str
) -> None:
    """A new Application, or another interval, changes no VM and no disk."""
    history = committed(before)
    history.write(production=after)
    assert planned(history) == {}


def test_a_secret_in_a_repository_url_is_not_shown(committed: Callable[..., Any]) -> None:
    """What changes in an engine's object is masked as everywhere."""
    history = committed(PLAIN)
    history.write(production=PLAIN.replace("https://g.example", "https://bob:hunter2hunter2@g.example"))
    assert "hunter2" not in history.vmgen("plan").stdout


SPLIT = WEB.replace("count: 2", "count: 30")
SIZES = [("prefix: a-", "shardSize: 20"), ("shardSize: 20", "shardSize: 70"), ("shardSize: 20", "shardSize: 9")]


@pytest.mark.parametrize(("before", "after"), [*SIZES, *((after, before) for before, after in SIZES)])
@pytest.mark.parametrize("engine", [FLUX, ARGOCD])
def test_files_that_move_change_no_object(before: str, after: str, engine: str, committed: Callable[..., Any]) -> None:
    """A `shardSize` that comes, changes or goes moves files, and changes no VM and no disk."""
    history = committed(with_key(SPLIT + engine % "", before))
    history.write(production=with_key(SPLIT + engine % "", after))
    objects = planned(history)
    assert {each["action"] for each in objects.values()} == {"delete"}
    assert all("applied by another one" in each["says"] for each in objects.values())
    assert history.vmgen("render").code == 0
    history.commit()
    assert history.vmgen("check", "--verify", "--against", "HEAD~1").code == 0
    document = json.loads(history.vmgen("plan", "-o", "json", "--against", "HEAD~1").stdout)
    assert {each["kind"] for one in document["environments"] for each in one["objects"]} <= {"Application", "Kustomization"}
