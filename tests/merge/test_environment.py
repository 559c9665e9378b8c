"""A merged environment: the names of its VMs, what a null removes, and which VMs share their settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vmgen.merge.environment import Environment, merge_environment
from vmgen.merge.layers import load_layers
from vmgen.merge.platform import PlatformLoader
from vmgen.read.layer_file import LayerLoader
from vmgen.read.located import to_plain


@pytest.fixture
def merged(repository: Callable) -> Callable[..., Environment]:
    """The environment `production` of some files, by their names below environments/."""

    def build(files: dict[str, str]) -> Environment:
        project = repository(files={f"environments/{name}": text for name, text in files.items()}).project
        layers = load_layers("production", LayerLoader(project))
        assert not layers.problems
        return merge_environment(layers, PlatformLoader(project).load_written(layers.content))

    return build


NAMES = {
    "{}": ["web"],
    "{count: 0}": [],
    "{count: 1}": ["web-1"],
    "{count: 3}": ["web-1", "web-2", "web-3"],
    "{count: 3, skip: [2]}": ["web-1", "web-3", "web-4"],
    "{count: 2, skip: [1, 2, 4]}": ["web-3", "web-5"],
    "{count: 2, skip: [9]}": ["web-1", "web-2"],
    "{count: 2, name: job}": ["job-1", "job-2"],
    "{name: job}": ["job"],
    "{names: [alpha, beta]}": ["alpha", "beta"],
    "{names: []}": [],
    "{count: 2, names: null}": ["web-1", "web-2"],
}


@pytest.mark.parametrize("group", NAMES)
def test_names_of_a_group(merged: Callable[..., Environment], group: str) -> None:
    """By count, by count with holes, by names, or one VM named as the group."""
    [found] = merged({"production.yaml": f"namespace: tenant-a\nvms: {{web: {group}}}"}).groups
    assert [instance.name for instance in found.instances] == NAMES[group]


NULLS: dict[str, tuple[dict[str, str], str, str, Any]] = {
    "a group over the defaults": ({"production.yaml": "defaults: {image: a}\nvms: {web: {image: null}}"}, "web", "image", None),
    "a disk of the defaults": (
        {"production.yaml": "defaults: {disks: {a: 1Gi, b: 1Gi}}\nvms: {web: {disks: {a: null}}}"},
        "web",
        "disks",
        {"b": {"storage": "1Gi"}},
    ),
    "an instance over its group": (
        {"production.yaml": "vms: {web: {count: 1, labels: {x: v}, instances: {1: {labels: {x: null}}}}}"},
        "web-1",
        "labels",
        {},
    ),
    "an instance over the defaults": (
        {"production.yaml": "defaults: {vars: {x: 1, z: 2}}\nvms: {web: {count: 1, instances: {web-1: {vars: {x: null}}}}}"},
        "web-1",
        "vars",
        {"z": 2},
    ),
    "a higher layer over a lower one's group": (
        {"_defaults.yaml": "vms: {web: {image: a}}", "production.yaml": "vms: {web: {image: null}}"},
        "web",
        "image",
        None,
    ),
    "a null that a higher layer fills again": (
        {"_defaults.yaml": "defaults: {image: a}\nvms: {web: {image: null}}", "production.yaml": "vms: {web: {image: b}}"},
        "web",
        "image",
        "b",
    ),
    "a null in a lower layer holds against the defaults": (
        {"_defaults.yaml": "vms: {web: {image: null}}", "production.yaml": "defaults: {image: a}\nvms: {web: {}}"},
        "web",
        "image",
        None,
    ),
    "a default of the platform stays": (
        {"production.yaml": "defaults: {externalPorts: [80]}\nvms: {web: {externalPorts: null}}"},
        "web",
        "externalPorts",
        [],
    ),
    "a default of the platform stays for an instance": (
        {"production.yaml": "vms: {web: {count: 1, running: false, instances: {1: {running: null}}}}"},
        "web-1",
        "running",
        True,
    ),
    "an override that a higher layer removes": (
        {
            "_defaults.yaml": "vms: {web: {count: 1, image: a, instances: {1: {image: b}}}}",
            "production.yaml": "vms: {web: {instances: {1: null}}}",
        },
        "web-1",
        "image",
        "a",
    ),
    "all overrides": (
        {
            "_defaults.yaml": "vms: {web: {count: 1, instances: {1: {image: b}}}}",
            "production.yaml": "vms: {web: {instances: null}}",
        },
        "web-1",
        "image",
        None,
    ),
    "a cloud-init": ({"production.yaml": "defaults: {cloudInit: x}\nvms: {web: {cloudInit: null}}"}, "web", "cloudInit", ""),
    "a key of a cloud-init": (
        {"production.yaml": "defaults: {cloudInit: {a: 1, b: 2}}\nvms: {web: {cloudInit: {a: null}}}"},
        "web",
        "cloudInit",
        {"b": 2},
    ),
}


@pytest.mark.parametrize(("files", "vm", "key", "value"), NULLS.values(), ids=NULLS)
def test_null_removes_what_lies_below(
    merged: Callable[..., Environment], files: dict[str, str], vm: str, key: str, value: object
) -> None:
    """`null` takes away what any lower layer wrote, and only that: a default of the platform holds again."""
    found = {instance.name: instance for group in merged(files).groups for instance in group.instances}
    assert found[vm].settings.values.get_plain(key) == value


def test_null_removes_a_group_and_a_disk(merged: Callable[..., Environment]) -> None:
    """A group, or a standalone disk, that a higher layer writes as null is gone."""
    found = merged(
        {
            "_defaults.yaml": "vms: {web: {}, db: {}}\ndisks: {a: 1Gi, b: 1Gi}\nlabels: {x: v, z: w}",
            "production.yaml": "vms: {web: null}\ndisks: {a: null}\nlabels: {x: null}",
        }
    )
    assert [group.key for group in found.groups] == ["db"]
    assert [disk.name for disk in found.disks] == ["b"]
    assert found.settings.get_plain("labels") == {"z": "w"}


def test_no_null_is_left(merged: Callable[..., Environment]) -> None:
    """Nothing that a rule or a template looks at is a null, but in a cloud-init."""
    found = merged(
        {
            "_defaults.yaml": "labels: {a: b}\nvms: {web: {count: 2, image: x}}\ndisks: {d: {image: x, labels: {a: b}}}",
            "production.yaml": "labels: {a: null, c: null}\nplatform: null\ndefaults: {image: null, vars: {a: {b: null}}}\n"
            "vms: {web: {image: null, disks: {a: null, b: {storage: null}}, instances: {1: {image: null, running: null}}}}\n"
            "disks: {d: {image: null, labels: {a: null}}, e: null}",
        }
    )
    parts = [
        found.settings.located,
        *(group.located for group in found.groups),
        *(disk.settings.located for disk in found.disks),
    ]
    parts += [instance.settings.values.located for group in found.groups for instance in group.instances]
    assert not [part for part in parts if "None" in repr(to_plain(part))]


def test_instances_that_nothing_tells_apart_share_their_settings(merged: Callable[..., Environment]) -> None:
    """VMs without overrides have one and the same settings; a VM with one has its own."""
    [group] = merged({"production.yaml": "vms: {web: {count: 3, instances: {2: {running: false}}}}"}).groups
    one, two, three = (instance.settings for instance in group.instances)
    assert one is three is group.settings
    assert two is not one
    assert [(instance.name, path) for instance, path in group.iter_overrides()] == [("web-2", "vms.web.instances.2")]


def test_a_vm_named_none(merged: Callable[..., Environment]) -> None:
    """A VM without a number has no override by number, whatever the label."""
    [group] = merged(
        {"production.yaml": "vms: {web: {names: [a], instances: {None: {running: false}, a: {storage: 30Gi}}}}"}
    ).groups
    assert group.instances[0].settings.values.get_plain("running") is True
    assert group.instances[0].settings.values.get_plain("storage") == "30Gi"
