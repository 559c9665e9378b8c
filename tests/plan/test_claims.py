"""One object, one owner: environments that render the same object are refused at both places, with and without notes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

WEB = """\
namespace: tenant-acme
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}
"""
DISK = "namespace: tenant-acme\ndisks:\n  shared: {url: 'https://example.com/x.raw', storage: 2Gi}\n"
VM = "vms:\n  db: {instanceType: u1.large, image: ubuntu-2404, attach: [shared]}\n"
OFF = ("--kustomize", "off")
Committed = Callable[..., Any]

SHARED = {
    "groups": (WEB, WEB.replace("count: 2", "count: 1"), "VMDisk web-1-data, VMDisk web-1-system, VMInstance web-1"),
    "a group and a name": (WEB, WEB.replace("web: {count: 2", "x: {name: web-2"), "VMInstance web-2"),
    "standalone disks": (DISK, DISK, "VMDisk shared"),
    "a writable disk of two VMs": (DISK + VM, DISK + VM.replace("db:", "dc:"), "VMDisk shared"),
    "a standalone disk and one of a VM": (WEB, DISK.replace("shared", "web-1-data"), "VMDisk web-1-data"),
    "with another size": (WEB, WEB.replace("50Gi", "80Gi"), "VMDisk web-2-data"),
    "of one cluster": (f"cluster: a\n{WEB}", f"cluster: a\n{WEB}", "VMInstance web-1"),
    "of another platform": (WEB, f"platform: cozystack\n{WEB}", "VMInstance web-1"),
}


@pytest.mark.parametrize(("one", "two", "names"), SHARED.values(), ids=SHARED)
@pytest.mark.parametrize(
    "arguments", [("render",), ("render", "two"), ("render", "one"), ("check", *OFF), ("check", "two", *OFF)]
)
def test_object_of_two_environments(new_history: Committed, one: str, two: str, names: str, arguments: tuple[str, ...]) -> None:
    """The same object in two environments is an error at both, also where only one of them is rendered."""
    history = new_history({"one": one, "two": two})
    done = history.vmgen(*arguments)
    assert done.code == 1
    lines = [line for line in done.problems if "[duplicate-identity]" in line]
    assert {line.partition(":")[0] for line in lines} == {"environments/one.yaml", "environments/two.yaml"}
    assert all(names.split(", ")[-1] in line for line in lines)
    assert arguments[0] == "check" or history.repository.files() == {}


@pytest.mark.parametrize("count", [3, 8])
def test_object_of_many_environments(new_history: Committed, count: int) -> None:
    """Each environment has one problem, however many others have its objects: a template that was copied has hundreds."""
    history = new_history({f"e{number}": WEB for number in range(count)})
    lines = [line for line in history.vmgen("render").problems if "[duplicate-identity]" in line]
    assert len(lines) == count
    assert "environments/e1.yaml:3:16, environments/e2.yaml:3:16" in lines[0]
    assert ("and 4 more also render" in lines[0]) is (count == 8)


APART = {
    "namespaces": (WEB, WEB.replace("tenant-acme", "tenant-two")),
    "clusters": (f"cluster: a\n{WEB}", f"cluster: b\n{WEB}"),
    "a cluster and the one without a name": (WEB, f"cluster: b\n{WEB}"),
    "names": (WEB, WEB.replace("web:", "api:")),
    "kinds": (WEB.replace("web: {count: 2", "shared: {count: 1"), DISK.replace("shared", "shared-1")),
}


@pytest.mark.parametrize(("one", "two"), APART.values(), ids=APART)
def test_objects_that_are_not_one(new_history: Committed, one: str, two: str) -> None:
    """Another cluster, namespace, kind or name is another object."""
    assert new_history({"one": one, "two": two}).vmgen("render").code == 0


@pytest.mark.parametrize(
    "broken", [WEB.replace("u1.large", "u1.larg"), WEB + "budget: {vms: 1}\n", WEB.replace("data: 50Gi", "data: 50")]
)
def test_environment_with_errors_has_its_objects(new_history: Committed, broken: str) -> None:
    """What is wrong elsewhere in an environment does not hide that another renders its objects."""
    history = new_history({"one": WEB, "two": broken})
    assert history.vmgen("render", "one").messages.count("[duplicate-identity]") == 2


def test_environment_that_cannot_be_read_has_what_is_committed(committed: Committed) -> None:
    """An environment that is no YAML owns the objects that are committed for it."""
    history = committed(WEB)
    history.write(production="a: [", two=WEB.replace("count: 2", "count: 1"))
    done = history.vmgen("render", "two")
    assert done.code == 1
    assert "environments/production.yaml:1:1: error: VMDisk web-1-data" in done.messages


def test_answer_does_not_depend_on_notes(committed: Committed) -> None:
    """A disk that went to another environment, and is then taken from that one too, is missed with and without notes."""
    other = "namespace: tenant-acme\nvms:\n  api: {instanceType: u1.large, image: ubuntu-2404}\n"
    history = committed(WEB, environments={"other": other})
    history.write(
        production=WEB.replace("count: 2", "count: 1"),
        other=f"{other}  web-2: {{instanceType: u1.large, image: ubuntu-2404, disks: {{data: 50Gi}}}}\n",
    )
    assert history.vmgen("render").code == 0
    history.write(other=other)
    refused = history.vmgen("render")
    assert refused.code == 1
    assert "web-2-data" in refused.messages
    shutil.rmtree(history.root / ".vmgen")
    assert history.vmgen("render").problems == refused.problems
    history.git("checkout", "--quiet", "--", "environments")
    assert history.vmgen("render").code == 0


def test_disk_of_another_cluster_is_no_move(committed: Committed) -> None:
    """A disk that leaves one cluster is lost, though another cluster has one of its name."""
    history = committed(f"cluster: a\n{WEB}", environments={"two": f"cluster: b\n{WEB}"})
    history.write(production=f"cluster: a\n{WEB}".replace("count: 2", "count: 1"))
    done = history.vmgen("render")
    assert done.code == 1
    assert "2 disks committed at HEAD would be destroyed: VMDisk web-2-data, VMDisk web-2-system" in done.messages
    retired = "retire:\n" + "".join(f"  - {{disk: web-2-{disk}, reason: x}}\n" for disk in ("data", "system"))
    history.write(two=f"cluster: b\n{WEB}{retired}")
    assert "[destroys-data]" in history.vmgen("render").messages


def test_cluster_that_gets_a_name_loses_nothing(committed: Committed) -> None:
    """To write `cluster:` for the first time, or to take it out, is no change; to change it is another cluster."""
    history = committed(WEB)
    history.write(production=f"cluster: a\n{WEB}")
    assert history.vmgen("plan", "--exit-code").code == 0
    history.commit()
    history.write(production=f"cluster: a\n{WEB}".replace("50Gi", "60Gi"))
    assert "2 to update" in history.vmgen("plan").stdout
    history.write(production=f"cluster: b\n{WEB}".replace("50Gi", "60Gi"))
    assert "2 destroy data" in history.vmgen("plan").stdout


_LAYERS = {"one": "cluster: a\n", "two": "cluster: b\n"}
_IN_LAYERS = {name: f"extends: [layers/{name}.yaml]\n{WEB}" for name in _LAYERS}
RELABELS = {
    "another name": ({"one": f"cluster: a\n{WEB}", "two": f"cluster: b\n{WEB}"}, {"two": f"cluster: a\n{WEB}"}, {}),
    "a first name": ({"one": f"cluster: a\n{WEB}", "two": WEB}, {"two": f"cluster: a\n{WEB}"}, {}),
    "no name": ({"one": WEB, "two": f"cluster: b\n{WEB}"}, {"two": WEB}, {}),
    "quoted, in one line": ({"one": f"cluster: a\n{WEB}", "two": f'"cluster": b\n{WEB}'}, {"two": f"cluster: a\n{WEB}"}, {}),
    "another layer": (_IN_LAYERS, {"two": _IN_LAYERS["one"]}, {}),
    "the layer itself": (_IN_LAYERS, {}, {"two": _LAYERS["one"]}),
}


@pytest.mark.parametrize(("before", "after", "layers"), RELABELS.values(), ids=RELABELS)
def test_another_name_of_a_cluster_takes_over_no_disk(
    committed: Committed, before: dict[str, str], after: dict[str, str], layers: dict[str, str]
) -> None:
    """An environment that only names another cluster does not hold the disks of the one that goes there."""
    history = committed(before["one"], environments={"two": before["two"]}, layers=_LAYERS)
    (history.root / "environments/production.yaml").unlink()
    history.write(**after, **{f"layers/{name}": text for name, text in layers.items()})
    done = history.vmgen("render", "--allow-empty")
    assert done.code == 1
    assert "4 disks committed at HEAD would be destroyed" in done.messages


def test_move_within_a_cluster_that_a_layer_names(committed: Committed) -> None:
    """An environment of the same layer takes the disks over: the name of the cluster is read at the commit, too."""
    history = committed(_IN_LAYERS["one"], layers=_LAYERS)
    (history.root / "environments/production.yaml").rename(history.root / "environments/new.yaml")
    done = history.vmgen("render", "--allow-empty")
    assert done.code == 0, done.messages
    assert "6 moves" in history.vmgen("plan").stdout


COPY = "  copy: {instanceType: u1.large, clone: web-2-system, instanceProfile: ubuntu, storage: 20Gi}\n"
RETIRED = "retire:\n" + "".join(f"  - {{disk: web-2-{disk}, reason: x}}\n" for disk in ("data", "system"))


def test_source_of_a_new_copy_may_not_go(committed: Committed) -> None:
    """A copy can only be made while its source is there: retired in the same change, both would be lost."""
    history = committed(WEB)
    history.write(production=WEB.replace("count: 2", "count: 1") + COPY + RETIRED)
    done = history.vmgen("render")
    assert done.code == 1
    assert "copy-system is a clone of web-2-system, which this change deletes" in done.messages
    assert "[clone-unknown]" not in done.messages + history.vmgen("plan").messages
    history.write(production=WEB + COPY)
    assert history.vmgen("render").code == 0
    history.commit()
    history.write(production=WEB.replace("count: 2", "count: 1") + COPY + RETIRED)
    assert history.vmgen("render").code == 0


@pytest.mark.parametrize("length", [2, 3, 5])
def test_copies_in_a_circle(new_history: Committed, length: int) -> None:
    """Disks that are copies of each other are never made; a chain that ends at another source is."""
    disks = [f"  d{number}: {{clone: d{(number + 1) % length}, storage: 5Gi}}\n" for number in range(length)]
    history = new_history({"production": f"namespace: tenant-acme\ndisks:\n{''.join(disks)}"})
    assert history.vmgen("render").messages.count("[clone-cycle]") == length
    disks[-1] = disks[-1].replace("clone: d0", "url: 'https://example.com/x.raw'")
    history.write(production=f"namespace: tenant-acme\ndisks:\n{''.join(disks)}")
    assert history.vmgen("render").code == 0
