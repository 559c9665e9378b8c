"""A disk cannot become another: the gate prints the lines of its next generation, and the plan calls that a rebuild."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmgen.merge.platform import PlatformLoader
from vmgen.read.repository import Project

PROJECT = Project(Path("/nowhere"))
Committed = Callable[..., Any]
FLEET = """\
namespace: tenant-acme
labels: {team: shop}
prices: {currency: CHF, cpu: 0, memory: 0, storage: {replicated: 0.1, local: 0.1}}
vms:
  web:
    count: 3
    instanceType: u1.2xlarge
    image: ubuntu-2204
    labels: {tier: front}
    storage: 30Gi
    disks:
      data: 50Gi
"""


def plan(history: Any, *options: str) -> dict[str, Any]:
    """The plan of a repository."""
    document: dict[str, Any] = json.loads(history.vmgen("plan", "-o", "json", *options).stdout)
    return document


def objects(history: Any, *options: str) -> Iterator[tuple[str, str, str]]:
    """Kind, name and verdict of each object in the plan."""
    for environment in plan(history, *options)["environments"]:
        yield from ((each["kind"], each["name"], each["verdict"]) for each in environment["objects"])


def merged(lower: Any, upper: Any) -> Any:
    """Keys that are written over others."""
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    return {**lower, **{key: merged(lower.get(key), value) for key, value in upper.items()}}


def paste(history: Any) -> None:
    """Do what each refusal says with the lines that it prints."""
    problems = json.loads(history.vmgen("check", "-o", "json", "--kustomize", "off").stdout)["problems"]
    refusals = [each for each in problems if each["rule"] == "rejected-change"]
    assert refusals
    for refusal in refusals:
        below = re.search(r"below line (\d+) of (\S+) ", refusal["message"])
        into = re.search(r"writing these keys into (\S+),", refusal["message"])
        assert below or into, refusal["message"]
        path = history.root / (below[2] if below else into[1])
        text = path.read_text(encoding="utf-8")
        if below:
            lines = text.split("\n")
            lines[int(below[1]) : int(below[1])] = refusal["lines"]
            path.write_text("\n".join(lines), encoding="utf-8")
        else:
            whole = merged(yaml.safe_load(text), yaml.safe_load("\n".join(refusal["lines"])))
            path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")


def identities(history: Any) -> set[str]:
    """The paths of the manifests of VMs and disks."""
    root = history.root / "manifests"
    return {str(path.relative_to(root)) for path in root.rglob("*/*/*/*.yaml") if path.name != "kustomization.yaml"}


EDITS = {
    "an image": (FLEET, FLEET.replace("2204", "2404")),
    "an address": (
        FLEET.replace("image: ubuntu-2204", 'url: "https://example.com/a.img"\n    instanceProfile: ubuntu'),
        FLEET.replace("image: ubuntu-2204", 'url: "https://example.com/b.img"\n    instanceProfile: ubuntu'),
    ),
    "an image in the place of an upload": (
        FLEET.replace("image: ubuntu-2204", "upload: true\n    instanceProfile: ubuntu"),
        FLEET,
    ),
    "a clone": (
        FLEET.replace("image: ubuntu-2204", "clone: gold\n    instanceProfile: ubuntu")
        + "disks: {gold: {image: debian-12}, silver: {image: debian-12}}\n",
        FLEET.replace("image: ubuntu-2204", "clone: silver\n    instanceProfile: ubuntu")
        + "disks: {gold: {image: debian-12}, silver: {image: debian-12}}\n",
    ),
    "the storage class of all disks": (FLEET, FLEET.replace("    storage: 30Gi", "    storage: 30Gi\n    storageClass: local")),
    "the class of a data disk": (FLEET, FLEET.replace("data: 50Gi", "data: {storage: 50Gi, storageClass: local}")),
    "one of a group": (FLEET, f"{FLEET}    instances:\n      2:\n        image: debian-12\n"),
    "a group of one line": (
        "namespace: tenant-acme\nvms:\n  db: {instanceType: u1.large, image: ubuntu-2204}\n",
        "namespace: tenant-acme\nvms:\n  db: {instanceType: u1.large, image: ubuntu-2404}\n",
    ),
    "named VMs, one of which has a size of its own": (
        FLEET.replace("count: 3", "names: [anna, bert]\n    instances: {bert: {storage: 40Gi}}"),
        FLEET.replace("count: 3", "names: [anna, bert]\n    instances: {bert: {storage: 40Gi}}").replace("2204", "2404"),
    ),
    "the image and the count at once": (FLEET, FLEET.replace("2204", "2404").replace("count: 3", "count: 5")),
    "a platform": (FLEET, f"platform: cozystack\n{FLEET}"),
    "an unprotected disk with a label of its own": (
        FLEET.replace("data: 50Gi", "data: {storage: 50Gi, protect: false, labels: {a: b}, annotations: {note: x}}"),
        FLEET.replace(
            "data: 50Gi", "data: {storage: 50Gi, storageClass: local, protect: false, labels: {a: b}, annotations: {note: x}}"
        ),
    ),
}


@pytest.mark.parametrize(("before", "after"), EDITS.values(), ids=EDITS)
def test_lines_of_a_refusal_lead_to_a_rebuild(committed: Committed, before: str, after: str) -> None:
    """Pasted, the lines pass the gate; nothing that exists goes, and each VM or disk of before is kept as it is."""
    history = committed(production=before)
    known = identities(history)
    history.write(production=after)
    assert history.vmgen("render").code == 1
    paste(history)
    verdicts = set(objects(history))
    assert {verdict for _, _, verdict in verdicts} <= {"rebuild", "create", "no effect", "update in place"}, verdicts
    assert any(verdict == "rebuild" for _, _, verdict in verdicts)
    rendered = history.vmgen("render")
    assert rendered.code == 0, rendered.messages
    assert known <= identities(history)


def test_second_rebuild_keeps_both(committed: Committed) -> None:
    """The lines of a second rebuild have the entry of the first."""
    history = committed(production=FLEET)
    for old, new in (("2204", "2404"), ("ubuntu-2404", "debian-12")):
        text = (history.root / "environments/production.yaml").read_text(encoding="utf-8")
        history.write(production=re.sub(rf"^    image: (.*){old}$", rf"    image: \g<1>{new}", text, flags=re.MULTILINE))
        paste(history)
        assert history.vmgen("render").code == 0
        history.commit()
    names = {path.rpartition("/")[2] for path in identities(history)}
    assert {"web-1-system.yaml", "web-1-system-2.yaml", "web-1-system-3.yaml"} <= names


def test_plan_says_what_stays_and_what_it_costs(committed: Committed) -> None:
    """One entry for all VMs of the group, and a line on the disks that are kept."""
    history = committed(production=FLEET)
    history.write(production=FLEET.replace("2204", "2404"))
    paste(history)
    text = history.vmgen("plan").stdout
    assert "~ VMInstance web-1, web-2, web-3\n      rebuild\n" in text
    assert "Unchanged: its name and addresses, <name>-data. Kept, detached: <name>-system." in text
    assert "host keys change" in text
    assert "Kept until retired: 3 disks, 90 GiB replicated, CHF 9.00 a month." in text


def test_canary_then_all_then_retire(committed: Committed) -> None:
    """Each step has one kind of verdict."""
    canary = "    instances: {1: {image: ubuntu-2404, system: 2, previous: {1: {ENTRY, of: [1]}}}}\n"
    entry = "image: ubuntu-2204, storage: 30Gi, labels: {tier: front}"
    history = committed(production=FLEET)
    history.write(production=FLEET + canary.replace("ENTRY", entry))
    assert set(objects(history)) == {("VMInstance", "web-1", "rebuild"), ("VMDisk", "web-1-system-2", "create")}
    assert history.vmgen("render").code == 0
    history.commit()
    everywhere = FLEET.replace("2204", "2404") + f"    system: 2\n    previous: {{1: {{{entry}, of: [1, 2, 3]}}}}\n"
    history.write(production=everywhere)
    assert set(objects(history)) == {
        *(("VMInstance", f"web-{number}", "rebuild") for number in (2, 3)),
        *(("VMDisk", f"web-{number}-system-2", "create") for number in (2, 3)),
    }
    assert history.vmgen("render").code == 0
    history.commit()
    retired = everywhere.partition("    previous:")[0]
    tombstones = "".join(f"  - {{disk: web-{number}-system, reason: done}}\n" for number in (1, 2, 3))
    history.write(production=f"{retired}retire:\n{tombstones}")
    assert {verdict for _, _, verdict in objects(history)} == {"DESTROYS DATA"}
    assert history.vmgen("render").code == 0


def test_revert_leads_back_and_loses_nothing_silently(committed: Committed) -> None:
    """After a revert the VMs boot the disks of before, and the newer ones go by a tombstone or are kept."""
    history = committed(production=FLEET)
    history.write(production=FLEET.replace("2204", "2404"))
    paste(history)
    history.vmgen("render")
    history.commit()
    history.git("revert", "--no-commit", "HEAD")
    verdicts = set(objects(history))
    assert {kind: verdict for kind, _, verdict in verdicts} == {"VMInstance": "rebuild", "VMDisk": "DESTROYS DATA"}
    refused = history.vmgen("check", "--kustomize", "off")
    assert refused.code == 1
    keeping = re.search(r"write `(previous: .*?)` in `vms.web`", refused.messages)
    assert keeping
    history.write(production=f"{FLEET}    {keeping[1]}\n")
    assert history.vmgen("render").code == 0
    assert {verdict for _, _, verdict in objects(history)} == {"rebuild"}


def test_new_disk_below_previous_is_a_warning(committed: Committed) -> None:
    """A VM that never had the disk would get an empty one, as one of another tenant that shares the layer."""
    history = committed(production=FLEET)
    other = FLEET.replace("acme", "other") + "    system: 2\n    previous: {1: {image: ubuntu-2204, of: [1]}}\n"
    history.write(other=other)
    assert "web-1-system: not committed yet" in history.vmgen("render", "other").messages


def test_standalone_disk_gets_another_beside_it(committed: Committed) -> None:
    """A disk without a VM has no generation: the lines write both, the one that exists as it is."""
    disks = 'disks:\n  iso: {url: "https://example.com/a.iso", optical: true, storage: 2Gi}\n'
    history = committed(production=f"namespace: tenant-acme\n{disks}")
    history.write(production=f"namespace: tenant-acme\n{disks.replace('a.iso', 'b.iso')}")
    paste_other(history)
    assert set(objects(history)) == {("VMDisk", "iso-2", "create")}


def paste_other(history: Any) -> None:
    """Write the keys of a refusal over the file."""
    problems = json.loads(history.vmgen("check", "-o", "json", "--kustomize", "off").stdout)["problems"]
    lines = next(each["lines"] for each in problems if each["rule"] == "rejected-change")
    path = history.root / "environments/production.yaml"
    whole = merged(yaml.safe_load(path.read_text(encoding="utf-8")), yaml.safe_load("\n".join(lines)))
    path.write_text(yaml.safe_dump(whole, sort_keys=False), encoding="utf-8")


def images() -> Iterator[tuple[str, str]]:
    """Each platform with each image of its catalog."""
    loader = PlatformLoader(PROJECT)
    for platform in ("hikube", "cozystack"):
        yield from ((platform, name) for name, image in loader.load(platform).catalog.images.items() if image.profile)


IMAGES = sorted(images())


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rebuild_adds_one_disk_for_each_vm(committed: Committed, data: st.DataObject) -> None:
    """From any image to any other, identities of VMs and data disks stay, and there are exactly as many disks more as VMs."""
    platform, old = data.draw(st.sampled_from(IMAGES))
    new = data.draw(st.sampled_from([name for other, name in IMAGES if other == platform and name != old]))
    count = data.draw(st.integers(1, 4))
    text = FLEET.replace("storage: 30Gi", "storage: 60Gi").replace("count: 3", f"count: {count}")
    text = f"platform: {platform}\n{text}"
    history = committed(production=text.replace("ubuntu-2204", old))
    known = identities(history)
    history.write(production=text.replace("ubuntu-2204", new))
    paste(history)
    rendered = history.vmgen("render")
    assert rendered.code == 0, rendered.messages
    assert identities(history) - known == {f"production/disks/web/web-{number}-system-2.yaml" for number in range(1, count + 1)}
    assert known <= identities(history)


ERASING = FLEET + "    sshKeys: []\n    cloudInit: {runcmd: [[mkfs.ext4, /dev/vdb]]}\n"
REBUILT = "    system: 2\n    previous: {1: {image: ubuntu-2204, storage: 30Gi, labels: {tier: front}, of: [1, 2, 3]}}\n"
WAIVER = 'waivers: [{rule: rebuild-erases-data, subject: vms.web, reason: it asks blkid, until: "2999-12-31"}]\n'


def test_user_data_that_erases_disks_stops_a_rebuild(committed: Committed) -> None:
    """What formatted an empty data disk at the first boot would format a full one; a waiver lets it pass."""
    history = committed(production=ERASING)
    history.write(production=ERASING.replace("2204", "2404") + REBUILT)
    refused = history.vmgen("render")
    assert refused.code == 1
    assert "web-1, web-2, web-3" in refused.messages
    assert "[rebuild-erases-data]" in refused.messages
    history.write(production=ERASING.replace("2204", "2404") + REBUILT + WAIVER)
    assert history.vmgen("render").code == 0


def test_user_data_may_erase_where_no_disk_stays(committed: Committed) -> None:
    """A VM whose only disk is its system disk has nothing to lose; neither has one that is not rebuilt."""
    alone = ERASING.replace("    disks:\n      data: 50Gi\n", "")
    history = committed(production=alone)
    history.write(production=alone.replace("2204", "2404") + REBUILT)
    assert history.vmgen("render").code == 0


FIRST_BOOTS = {
    "another seed": (ERASING, ERASING + "    cloudInitSeed: two\n", "runs again as at a first boot"),
    "the next seed": (
        ERASING + "    cloudInitSeed: one\n",
        ERASING + "    cloudInitSeed: two\n",
        "runs again as at a first boot",
    ),
    "first user data": (
        ERASING.replace("    cloudInit: {runcmd: [[mkfs.ext4, /dev/vdb]]}\n", ""),
        ERASING,
        "runs again as at a first boot",
    ),
    "a new VM": (
        FLEET + "disks:\n  old: {storage: 1Gi}\n",
        FLEET
        + "  db: {instanceType: u1.large, image: ubuntu-2404, attach: [old], cloudInit: {runcmd: [wipefs -a /dev/vdb]}}\n"
        + "disks:\n  old: {storage: 1Gi}\n",
        "runs at the first boot of a new VM",
    ),
}


@pytest.mark.parametrize("name", FIRST_BOOTS)
def test_user_data_that_erases_disks_stops_every_first_boot(committed: Committed, name: str) -> None:
    """cloud-init that runs once more, or for the first time, would format a full disk as a rebuild would; a waiver lets it."""
    before, after, says = FIRST_BOOTS[name]
    history = committed(production=before)
    history.write(production=after)
    refused = history.vmgen("render")
    assert (refused.code, "[rebuild-erases-data]" in refused.messages, says in refused.messages) == (1, True, True)
    subject = "vms.db" if name == "a new VM" else "vms.web"
    history.write(production=after + WAIVER.replace("vms.web", subject))
    assert history.vmgen("render").code == 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ERASING, ERASING + "    annotations: {a: b}\n"),
        (ERASING + "    cloudInitSeed: one\n", ERASING),
        (ERASING, ERASING.replace("/dev/vdb", "/dev/vdc")),
        (ERASING.replace("mkfs.ext4", "lsblk"), ERASING.replace("mkfs.ext4", "lsblk") + "    cloudInitSeed: two\n"),
        (ERASING, ERASING.replace("count: 3", "count: 4")),
    ],
)
def test_user_data_may_erase_where_cloud_init_does_not_run_on_data(committed: Committed, before: str, after: str) -> None:
    """Nothing runs on a VM that keeps its seed, and a new VM with new disks has nothing to lose."""
    history = committed(production=before)
    history.write(production=after)
    rendered = history.vmgen("render")
    assert rendered.code == 0, rendered.messages


def test_name_that_gets_too_long_has_a_remedy_that_works(committed: Committed) -> None:
    """`-2` may be too much for the name of the disk: a shorter key makes the next system disk, too."""
    name = "a-rather-long-name-of-a-machine-xy123"
    first = f"namespace: tenant-acme\nvms:\n  {name}:\n    instanceType: u1.large\n"
    data = "disks: {data: 50Gi}\n"
    history = committed(production=f"{first}    image: ubuntu-2204\n    {data}")
    previous = f"    previous: {{1: {{image: ubuntu-2204, of: [{name}]}}}}\n"
    history.write(production=f"{first}    image: ubuntu-2404\n    system: 2\n{previous}    {data}")
    refused = history.vmgen("render")
    assert "[name-too-long]" in refused.messages
    assert "write the new system disk as the first of `disks:` under a shorter key" in refused.messages
    disks = "    instanceProfile: ubuntu\n    disks: {os: {image: ubuntu-2404}, data: 50Gi}\n"
    history.write(production=f"{first}{previous}{disks}")
    assert history.vmgen("render").code == 0
    assert {verdict for _, _, verdict in objects(history)} == {"rebuild", "create"}


def test_image_that_needs_a_larger_disk_is_said(committed: Committed) -> None:
    """The size that is written is too small for the next image: the message has the one that is enough."""
    small = FLEET.replace("30Gi", "20Gi")
    history = committed(production=small)
    history.write(production=small.replace("ubuntu-2204", "oracle-9"))
    assert "20Gi is too small for the image 'oracle-9'; write 40Gi or more" in history.vmgen("render").messages
    history.write(production=small.replace("ubuntu-2204", "oracle-9").replace("20Gi", "40Gi"))
    paste(history)
    assert "previous: {1: {image: ubuntu-2204, labels: {tier: front}, of: [1, 2, 3]}}" in history.text()
    assert history.vmgen("render").code == 0
