"""Moves: an object under another environment or group of its namespace keeps its data, if something protects it meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

Committed = Callable[..., Any]
VM = "instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}"
BOTH = f"namespace: tenant-acme\nvms:\n  web: {{{VM}}}\n  db: {{{VM}}}\n"
WEB = f"namespace: tenant-acme\nvms:\n  web: {{{VM}}}\n"
ISO = "disks: {iso: {url: 'https://example.com/a.iso', storage: 2Gi, optical: true}}\n"
OTHER = f"namespace: tenant-acme\n{ISO}"
DB = f"namespace: tenant-acme\nvms:\n  db: {{{VM}}}\n{ISO}"
GROUPS = "namespace: tenant-acme\nvms:\n  {first}: {{names: [{names}], {vm}}}\n  {second}: {{names: [{others}], {vm}}}\n"


def groups(names: str, others: str, *, vm: str = VM, first: str = "a", second: str = "b") -> str:
    """An environment of two groups of named VMs."""
    return GROUPS.format(names=names, others=others, vm=vm, first=first, second=second)


def plan(history: Any) -> dict[str, dict[str, Any]]:
    """The objects of a plan by their names, disks and VMs."""
    done = history.vmgen("plan", "-o", "json")
    return {each["name"]: each for found in json.loads(done.stdout)["environments"] for each in found["objects"]}


def unprotected(text: str) -> str:
    """The environment with disks that any engine prunes."""
    return text.replace("namespace:", "defaults: {protect: false}\nnamespace:")


ENVIRONMENTS = [
    pytest.param({"production": BOTH, "other": OTHER}, {"production": WEB, "other": DB}, id="environment"),
    pytest.param({"production": BOTH, "other": OTHER}, {"production": None, "other": BOTH + ISO}, id="whole"),
    pytest.param({"production": groups("web, one", "two")}, {"production": groups("one", "two, web")}, id="group"),
    pytest.param({"production": WEB}, {"production": WEB.replace("  web: {", "  shop: {name: web, ")}, id="pinned"),
    pytest.param(
        {"production": WEB},
        {
            "production": WEB.replace(", disks: {data: 50Gi}", ", attach: [web-data]")
            + "disks: {web-data: {storage: 50Gi, storageClass: replicated}}\n"
        },
        id="standalone",
    ),
]


@pytest.mark.parametrize(("before", "after"), ENVIRONMENTS)
def test_protected_objects_move_without_a_tombstone(
    committed: Committed, before: dict[str, str], after: dict[str, str | None]
) -> None:
    """The plan says `moves` and the order, the gate passes, and nothing is to be retired."""
    history = committed(
        before["production"], environments={name: text for name, text in before.items() if name != "production"}
    )
    change(history, after)
    done = history.vmgen("plan")
    assert "moves" in done.stdout
    assert "0 to delete, 0 destroy data." in done.stdout
    assert "first." in done.stdout or "Sync other before production." in done.stdout
    rendered = history.vmgen("render", "--allow-empty")
    assert rendered.code == 0


@pytest.mark.parametrize(("before", "after"), ENVIRONMENTS)
def test_unprotected_disks_do_not_move(committed: Committed, before: dict[str, str], after: dict[str, str | None]) -> None:
    """An engine may prune them before the other place holds them; protecting them in the same change comes too late."""
    bare = {name: unprotected(text) for name, text in before.items()}
    history = committed(bare["production"], environments={name: text for name, text in bare.items() if name != "production"})
    for protects in (False, True):
        change(history, {name: text if protects or text is None else unprotected(text) for name, text in after.items()})
        moved = [each for each in plan(history).values() if each["kind"] == "VMDisk" and "movedFrom" in each]
        assert moved
        assert {each["verdict"] for each in moved} == {"DESTROYS DATA"}
        assert all("protect: true" in each["remedy"] for each in moved)
        refused = history.vmgen("render", "--allow-empty")
        assert refused.code == 1
        assert "are not protected there" in refused.messages
        assert "retire" not in refused.messages


def change(history: Any, environments: dict[str, str | None]) -> None:
    """Write environments; None removes one."""
    for name, text in environments.items():
        if text is None:
            (history.repository.root / f"environments/{name}.yaml").unlink(missing_ok=True)
        else:
            history.write(**{name: text})


@pytest.mark.parametrize(
    "spelling", ["Prune=true,Prune=confirm,Delete=confirm", "prune=confirm,Delete=confirm", "Prune=Confirm,Delete=confirm"]
)
def test_guard_that_no_engine_honours_does_not_protect(committed: Committed, spelling: str) -> None:
    """What is committed decides, by the spelling that the engine takes."""
    history = committed(BOTH, environments={"other": OTHER})
    for path in (history.repository.root / "manifests/production/disks/db").glob("db-*.yaml"):
        path.write_text(path.read_text(encoding="utf-8").replace("Prune=confirm,Delete=confirm", spelling), encoding="utf-8")
    history.commit()
    change(history, {"production": WEB, "other": DB})
    assert plan(history)["db-data"]["verdict"] == "DESTROYS DATA"


def test_move_with_a_change_shows_both(committed: Committed) -> None:
    """A disk that grows while it moves has the graver verdict, and its field beside it."""
    history = committed(BOTH, environments={"other": OTHER})
    change(history, {"production": WEB, "other": DB.replace("50Gi", "60Gi")})
    disk = plan(history)["db-data"]
    assert (disk["action"], disk["verdict"], disk["movedFrom"], disk["movedFromGroup"]) == (
        "update",
        "moves",
        "production",
        "db",
    )
    assert [field["path"] for field in disk["fields"]] == ["spec.storage"]


def test_rejected_change_of_a_disk_that_moves_is_refused_where_it_is_written(committed: Committed) -> None:
    """The line to take back is that of the field, in the environment that holds the disk now."""
    history = committed(BOTH, environments={"other": OTHER})
    change(history, {"production": WEB, "other": DB.replace("{data: 50Gi}", "{data: {storage: 50Gi, storageClass: local}}")})
    (problem,) = [line for line in history.vmgen("render").problems if ": error: " in line]
    column = DB.replace("{data: 50Gi}", "{data: {storage: 50Gi, storageClass: local}}").splitlines()[2].index("local") + 1
    assert problem.startswith(f"environments/other.yaml:3:{column}: error: the platform rejects a change: VMDisk db-data.")


@pytest.mark.parametrize("protects", [True, False])
def test_disk_that_two_environments_held_moves_to_the_one_that_keeps_it(committed: Committed, protects: bool) -> None:
    """What was committed twice and stays in one place is a move, since the other place lets it go."""
    text = WEB if protects else unprotected(WEB)
    history = committed(text)
    for path, content in history.repository.files("manifests/production").items():
        copy = content.replace(b"environments/production.yaml", b"environments/other.yaml")
        history.repository.write({f"manifests/other/{path}": copy})
    history.write(other="namespace: tenant-acme\n")
    history.commit()
    disk = plan(history)["web-data"]
    assert (disk["verdict"], disk["movedFrom"]) == ("moves" if protects else "DESTROYS DATA", "other")


def test_another_namespace_is_no_move(committed: Committed) -> None:
    """No disk goes from one namespace to another; the objects of one change stand together."""
    history = committed(WEB)
    history.write(production=WEB.replace("tenant-acme", "tenant-new"))
    text = history.vmgen("plan").stdout
    assert "  - VMDisk web-data, web-system\n      DESTROYS DATA\n" in text
    assert "It looks moved to namespace tenant-new; write `namespace: tenant-acme` back to keep it" in text
    assert "its data does not come along. To move the data, create the disk in tenant-new beside this one" in text
    assert "renamed" not in text
    assert "It looks moved to another namespace: write `namespace: tenant-acme` back" in history.vmgen("render").messages


@pytest.mark.parametrize(
    ("old", "new", "remedy"),
    [
        ("data: 50Gi", "store: 50Gi", "write the disk's key `data` back to keep it"),
        ("data: 50Gi", "data-old: 50Gi", "write the disk's key `data` back to keep it"),
        ("{data: 50Gi}", "{logs-b: 50Gi}", "write the disk's key `data` back to keep it"),
        ("  web: {", "  shop: {", "write `name: web`, or `names:`, in its group to keep the old names"),
    ],
)
def test_rename_has_the_remedy_of_the_key_that_makes_the_name(committed: Committed, old: str, new: str, remedy: str) -> None:
    """The key of a disk, of a group and of a standalone disk make names, and each is the one to write back."""
    history = committed(WEB)
    history.write(production=WEB.replace(old, new))
    assert plan(history)["web-data"]["remedy"] == remedy


ARGOCD = "delivery: {{argocd: {{repoURL: 'https://git.example.com/x.git', destination: {{name: a}}{options}}}}}\n"
OFF = ARGOCD.format(options=", syncOptions: [ApplyOutOfSyncOnly=true, FailOnSharedResource=false]")
ON = ARGOCD.format(options="")


@pytest.mark.parametrize(
    ("gaining", "losing", "named"),
    [(ON, ON, "of other and production,"), (OFF, ON, "of production,"), (ON, OFF, "of other,"), (OFF, OFF, ""), ("", "", "")],
)
def test_applications_must_permit_a_move(committed: Committed, gaining: str, losing: str, named: str) -> None:
    """A move between Applications that refuse what another one has is told which options to set first."""
    history = committed(BOTH + losing, environments={"other": OTHER + gaining})
    history.write(production=WEB + losing, other=DB + gaining)
    sentence = "First set `FailOnSharedResource=false` in the `syncOptions` "
    done = history.vmgen("plan")
    assert "Sync other before production." in done.stdout
    assert (sentence + named in done.stdout) if named else (sentence not in done.stdout)
