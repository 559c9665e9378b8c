"""A rebuild by one command: a new system disk for each VM, and nothing else that changes its identity."""

from __future__ import annotations

import itertools
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import pytest

from tests.edit.test_commands import commit, git, production
from vmgen.clock import get_today
from vmgen.edit.rebuild import RebuildRequest, rebuild_group
from vmgen.edit.target import EditTarget, load_target, preview
from vmgen.merge.platform import PlatformLoader
from vmgen.plan.baseline import load_plan_base
from vmgen.problems import ProblemsError

FLEET = """\
namespace: tenant-acme
vms:
  web:
    count: 60
    instanceType: u1.large
    image: ubuntu-2204  # LTS
    disks: {data: 50Gi}
"""
SOLO = "  solo: {instanceType: u1.large, image: ubuntu-2204}\n"


@pytest.fixture
def committed(repository: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a repository whose manifests are committed."""

    def made(text: str) -> Any:
        new = repository(text)
        new.uncommitted()
        assert new.run("render").code == 0
        commit(new)
        return new

    return made


def manifests(made: Any) -> dict[str, str]:
    """The committed objects by the name of their file, without the lists of them."""
    files = made.files("manifests/production")
    return {path: text.decode() for path, text in files.items() if not path.endswith(("kustomization.yaml", "reference.yaml"))}


def planned(made: Any) -> dict[str, set[str]]:
    """The kinds of the objects that the plan changes, by verdict; nothing may be wrong."""
    done = made.run("plan", "-o", "json")
    assert done.code == 0, done.messages
    found: dict[str, set[str]] = {}
    for environment in json.loads(done.stdout)["environments"]:
        for changed in environment["objects"]:
            found.setdefault(changed["verdict"], set()).add(changed["kind"])
    return found


def apply(made: Any, *arguments: str) -> dict[str, set[str]]:
    """Run a command that edits, return the plan, and commit what it renders."""
    done = made.run(*arguments)
    assert done.code == 0, done.messages
    verdicts = planned(made)
    assert made.run("render").code == 0
    commit(made)
    return verdicts


def test_rebuild_of_sixty(committed: Callable[..., Any]) -> None:
    """60 VMs from 22.04 to 24.04: exactly 60 disks more, and no VM or data disk that is not the same object."""
    made = committed(FLEET)
    before = manifests(made)
    verdicts = apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    assert len(verdicts) <= 2
    assert verdicts.pop("create") == {"VMDisk"}
    assert list(verdicts.values()) == [{"VMInstance"}]
    after = manifests(made)
    assert after.keys() - before.keys() == {f"disks/web/web-{n}-system-2.yaml" for n in range(1, 61)}
    assert before.keys() <= after.keys()
    assert {path for path in before if before[path] != after[path]} == {f"vms/web/web-{n}.yaml" for n in range(1, 61)}
    assert all("name: ubuntu-2404" in after[f"disks/web/web-{n}-system-2.yaml"] for n in range(1, 61))


@pytest.mark.parametrize("disk", [("--image", "ubuntu-2404"), ("--disk", "data", "--storage-class", "local")])
def test_vms_with_labels_of_their_own(committed: Callable[..., Any], disk: tuple[str, ...]) -> None:
    """A VM whose disks have other labels than those of its group keeps them, on the whole way there and back."""
    made = committed(
        FLEET.replace("60", "3") + "    labels: {tier: front}\n    instances: {2: {labels: {a: b}}, web-3: {labels: {c: d}}}\n"
    )
    before = manifests(made)
    apply(made, "rebuild", "production", "web", *disk)
    after = manifests(made)
    assert {path: after[path] for path in before if "disks/" in path} == {
        path: before[path] for path in before if "disks/" in path
    }
    assert len(after) == len(before) + 3
    apply(made, "rebuild", "production", "web", *disk[: 2 if disk[0] == "--disk" else 0], "--back")
    assert {path: manifests(made)[path] for path in before} == before


def test_git_revert_leads_back(committed: Callable[..., Any]) -> None:
    """Reverting the commit of a rebuild gives the files of before, byte for byte."""
    made = committed(FLEET)
    before = {**made.files("manifests"), **made.files("environments")}
    apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    git(made.root, "revert", "--no-edit", "HEAD")
    assert {**made.files("manifests"), **made.files("environments")} == before
    assert made.run("check", "--kustomize", "off").code == 0


def test_back_leads_back(committed: Callable[..., Any]) -> None:
    """--back boots the first disks again and keeps the second; a second --back goes forth again. No disk changes."""
    made = committed(FLEET)
    before = manifests(made)
    apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    rebuilt = manifests(made)
    verdicts = apply(made, "rebuild", "production", "web", "--back")
    assert list(verdicts.values()) == [{"VMInstance"}]
    back = manifests(made)
    assert back.keys() == rebuilt.keys()
    assert all(back[path] == before[path] for path in before)
    assert "    image: ubuntu-2204  # LTS\n    previous: {2: {image: ubuntu-2404, of: [1, 2," in production(made)
    apply(made, "rebuild", "production", "web", "--back")
    assert manifests(made) == rebuilt


@pytest.mark.parametrize("only", [(), ("--only", "2")])
def test_back_to_a_kept_disk_without_annotations(committed: Callable[..., Any], only: tuple[str, ...]) -> None:
    """A kept disk whose entry lacks the annotations of its group gets them as it returns, even where overrides differ."""
    made = committed(
        FLEET.replace("60", "2").replace("ubuntu-2204", "ubuntu-2404")
        + "    system: 2\n    previous: {1: {image: ubuntu-2204, of: [1, 2]}}\n    annotations: {note: a}\n"
        + "    instances: {1: {instanceType: u1.xlarge}}\n"
    )
    verdicts = apply(made, "rebuild", "production", "web", "--back", *only)
    assert verdicts.pop("update in place") == {"VMDisk"}
    assert list(verdicts.values()) == [{"VMInstance"}]
    assert "note: a" in made.text("production/disks/web/web-2-system.yaml")


def test_canary_all_retire(committed: Callable[..., Any]) -> None:
    """One VM, then all, then the old disks: each plan has one kind of verdict, and the file ends as short as it began."""
    made = committed(FLEET)
    canary = apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404", "--only", "1")
    assert canary.pop("create") == {"VMDisk"}
    assert list(canary.values()) == [{"VMInstance"}]
    first = manifests(made)
    rest = apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    assert rest.keys() == {"create", *canary}
    assert manifests(made)["vms/web/web-1.yaml"] == first["vms/web/web-1.yaml"]
    assert "instances" not in production(made)
    names = [f"web-{n}-system" for n in range(1, 61)]
    assert len(apply(made, "retire", "production", *names, "--reason", "24.04 runs")) == 1
    head = FLEET.replace("image: ubuntu-2204  # LTS\n", "image: ubuntu-2404  # LTS\n    system: 2\n")
    assert production(made).startswith(f"{head}retire:\n")
    assert len(manifests(made)) == 180
    assert made.run("check", "--kustomize", "off").code == 0


TO_IMAGE = ("rebuild", "production", "web", "--image", "debian-12")
DISK = ("rebuild", "production", "web", "--disk", "data")
TO_CLASS = (*DISK, "--storage-class", "replicated-async")


@pytest.mark.parametrize("is_merged", [False, True])
@pytest.mark.parametrize("only", [(), ("--only", "1")])
@pytest.mark.parametrize(
    ("forward", "back", "again", "suffix"),
    [
        (
            ("rebuild", "production", "web", "--image", "ubuntu-2404"),
            ("rebuild", "production", "web", "--back"),
            TO_IMAGE,
            "system",
        ),
        ((*DISK, "--storage-class", "local"), (*DISK, "--back"), TO_CLASS, "data"),
    ],
)
def test_rebuild_takes_no_name_of_a_retired_disk(
    committed: Callable[..., Any],
    forward: tuple[str, ...],
    back: tuple[str, ...],
    again: tuple[str, ...],
    suffix: str,
    only: tuple[str, ...],
    *,
    is_merged: bool,
) -> None:
    """The next generation is above those that are retired: their disks exist until they are deleted."""
    made = committed(FLEET.replace("count: 60", "count: 2"))
    apply(made, *forward, *only)
    apply(made, *back, *only)
    retired = [f"web-{number}-{suffix}-2" for number in ((1,) if only else (1, 2))]
    assert made.run("retire", "production", *retired, "--reason", "x").code == 0
    if is_merged:
        assert made.run("render").code == 0
        commit(made)
    verdicts = apply(made, *again, *only)
    assert verdicts["create"] == {"VMDisk"}
    assert f"disks/web/web-1-{suffix}-3.yaml" in manifests(made)
    assert not any(f"disks/web/{name}.yaml" in manifests(made) for name in retired)


def test_gate_names_no_generation_that_is_retired(committed: Callable[..., Any]) -> None:
    """The lines of a refusal have a generation above those whose disks are about to be deleted."""
    made = committed(FLEET.replace("count: 60", "count: 2"))
    apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    apply(made, "rebuild", "production", "web", "--back")
    assert made.run("retire", "production", "web-1-system-2", "web-2-system-2", "--reason", "x").code == 0
    made.write({"environments/production.yaml": production(made).replace("ubuntu-2204  # LTS", "debian-12")})
    refused = made.run("plan")
    assert refused.code == 1
    assert "system: 3" in refused.messages


@pytest.mark.parametrize("only", [(), ("--only", "1")])
def test_back_before_a_commit_keeps_nothing(committed: Callable[..., Any], only: tuple[str, ...]) -> None:
    """A disk that is not committed exists nowhere, so the way back from it leaves nothing in the plan."""
    made = committed(FLEET.replace("count: 60", "count: 2"))
    before = production(made)
    for arguments in (("--image", "ubuntu-2404"), ("--disk", "data", "--storage-class", "local")):
        back = ("--disk", "data") if "--disk" in arguments else ()
        assert made.run("rebuild", "production", "web", *arguments, *only).code == 0
        assert made.run("rebuild", "production", "web", *back, "--back", *only).code == 0
        assert planned(made) == {}
        assert "previous" not in production(made)
    if not only:
        assert production(made).startswith(before.partition("    disks")[0])


def test_canary_goes_back(committed: Callable[..., Any]) -> None:
    """A canary that disappoints boots its first disk again, by itself or with its group; its second disk can be retired."""
    for only in (("--only", "web-1"), ()):
        made = committed(FLEET)
        before = manifests(made)
        apply(made, "rebuild", "production", "web", "--image", "debian-12", "--only", "1")
        apply(made, "rebuild", "production", "web", "--back", *only)
        after = manifests(made)
        assert {path: after[path] for path in before} == before
        assert after.keys() - before.keys() == {"disks/web/web-1-system-2.yaml"}
        apply(made, "retire", "production", "web-1-system-2", "--reason", "no")
        assert manifests(made) == before


def test_later_vms_have_no_earlier_disk(committed: Callable[..., Any]) -> None:
    """A VM that is added after a rebuild gets the new disk alone, and stays what it is when the others go back."""
    made = committed(FLEET.replace("60", "2"))
    apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    apply(made, "scale", "production", "web", "3")
    assert "disks/web/web-3-system.yaml" not in manifests(made)
    third = manifests(made)["disks/web/web-3-system-2.yaml"]
    apply(made, "rebuild", "production", "web", "--back")
    assert manifests(made)["disks/web/web-3-system-2.yaml"] == third
    assert "web-3-system-2" in manifests(made)["vms/web/web-3.yaml"]
    assert "web-2-system\n" in manifests(made)["vms/web/web-2.yaml"]


@pytest.mark.parametrize("label", ["3", "web-3"])
def test_override_of_a_vm_added_later_survives_the_way_back(committed: Callable[..., Any], label: str) -> None:
    """The VM keeps its disk and whatever else its override says, by its number or by its name."""
    made = committed(FLEET.replace("60", "2"))
    apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    text = production(made).replace("count: 2", "count: 3") + f"    instances: {{{label}: {{instanceType: u1.xlarge}}}}\n"
    made.write({"environments/production.yaml": text})
    assert made.run("render").code == 0
    commit(made)
    before = manifests(made)
    apply(made, "rebuild", "production", "web", "--back")
    assert "instanceType: u1.xlarge" in production(made)
    assert production(made).count(f"{label}: {{") == 1
    after = manifests(made)
    assert {path for path in before if before[path] != after[path]} == {"vms/web/web-1.yaml", "vms/web/web-2.yaml"}


def test_scale_down_takes_earlier_disks_along(committed: Callable[..., Any]) -> None:
    """The earlier disks of VMs that go are retired with them, and `of:` no longer names them."""
    made = committed(FLEET.replace("60", "3"))
    apply(made, "rebuild", "production", "web", "--image", "ubuntu-2404")
    apply(made, "scale", "production", "web", "1", "--retire", "--reason", "x")
    text = production(made)
    assert "of: [1]" in text
    assert all(f"disk: web-{n}-{disk}," in text for n in (2, 3) for disk in ("data", "system", "system-2"))
    assert {line.rpartition("[")[2] for line in made.run("check", "--kustomize", "off").problems} == {"stale-tombstone]"}


def test_rebuild_by_every_source(committed: Callable[..., Any]) -> None:
    """A system disk comes from an image, an address, a copy or an upload, and each can follow each other one."""
    made = committed(FLEET.replace("60", "1") + "disks:\n  golden: {storage: 20Gi}\n")
    sources = (
        ("--url", "https://example.org/disk.qcow2"),
        ("--clone", "golden"),
        ("--upload",),
        ("--image", "debian-12"),
        ("--image", "ubuntu-2404"),
    )
    for generation, source in enumerate(sources, start=2):
        assert "create" in apply(made, "rebuild", "production", "web", *source)
        assert f"disks/web/web-1-system-{generation}.yaml" in manifests(made)
        assert f"web-1-system-{generation}\n" in manifests(made)["vms/web/web-1.yaml"]
    apply(made, "rebuild", "production", "web", "--back")
    assert "image: debian-12  # LTS\n    system: 5\n" in production(made)


@pytest.mark.parametrize("disks", ["{data: 50Gi}", "{data: {storage: 50Gi}}", "\n      data: 50Gi  # shop"])
@pytest.mark.parametrize("only", [(), ("--only", "2")])
def test_storage_class_leaves_data_disks(committed: Callable[..., Any], disks: str, only: tuple[str, ...]) -> None:
    """Another class of the system disk is a new generation; data disks that inherited the class of their group stay."""
    made = committed(FLEET.replace("60", "2").replace(" {data: 50Gi}", disks if disks[0] == "\n" else f" {disks}"))
    before = manifests(made)
    apply(made, "rebuild", "production", "web", "--storage-class", "local", *only)
    after = manifests(made)
    assert {path for path in before if before[path] != after[path]} == {
        f"vms/web/web-{n}.yaml" for n in ((2,) if only else (1, 2))
    }
    assert "storageClass: local" in after["disks/web/web-2-system-2.yaml"]
    apply(made, "rebuild", "production", "web", "--back", *only)
    assert {path: manifests(made)[path] for path in before} == before


@pytest.mark.parametrize(
    "arguments", [("--image", "debian-12"), ("--storage-class", "local"), ("--disk", "data", "--storage-class", "local")]
)
def test_layer_that_another_one_overrides(repository: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    """A file that does not decide is not edited: the VMs would keep their disks."""
    layer = FLEET.replace("namespace: tenant-acme\n", "").replace("60", "2")
    keys = "{image: ubuntu-2404, storageClass: replicated, disks: {data: {storage: 50Gi, storageClass: replicated}}}"
    text = f"namespace: tenant-acme\nvms: {{web: {keys}}}\n"
    made = repository(text, {"environments/_defaults.yaml": layer})
    made.uncommitted()
    assert made.run("render").code == 0
    commit(made)
    done = made.run("rebuild", "production", "web", *arguments, "--in", "environments/_defaults.yaml")
    assert (done.code, "another layer decides" in done.messages) == (1, True), done.messages
    assert (production(made), made.files("environments")["_defaults.yaml"].decode()) == (text, layer)
    assert made.run("rebuild", "production", "web", *arguments, "--in", "environments/production.yaml").code == 0


def test_rebuild_of_what_is_not_committed(repository: Callable[..., Any]) -> None:
    """VMs that nobody has yet simply get the other source."""
    made = repository(FLEET)
    made.uncommitted()
    assert made.run("rebuild", "production", "web", "--image", "debian-12").code == 0
    assert production(made) == FLEET.replace("ubuntu-2204", "debian-12")


@pytest.mark.parametrize(
    ("text", "arguments", "code", "says"),
    [
        (FLEET, ("--image", "ubuntu-2304"), 1, "unknown image"),
        (FLEET, ("--image", "ubuntu-2404", "--url", "https://x"), 2, "name one source"),
        (FLEET, (), 2, "choose the source of the new disks"),
        (FLEET, ("--back",), 2, "no generation to go back to"),
        (FLEET, ("--back", "--image", "x"), 2, "omit the other options"),
        (FLEET, ("--image", "ubuntu-2404", "--only", "61"), 2, "no VM '61'"),
        (
            FLEET.replace("image: ubuntu-2204", "image: ubuntu-2204\n    storage: 20Gi"),
            ("--image", "oracle-9"),
            1,
            "storage",
        ),
        (FLEET.replace("web:", f"{'w' * 36}:"), ("--image", "ubuntu-2404"), 1, "long"),
        (FLEET + "    instances: {2: {image: debian-12}}\n", ("--image", "ubuntu-2404"), 1, "--only 2"),
        (FLEET.replace("count: 60", "count: 0") + SOLO, ("--image", "ubuntu-2404"), 2, "group web has no VMs"),
    ],
)
def test_rebuild_refuses(committed: Callable[..., Any], text: str, arguments: tuple[str, ...], code: int, says: str) -> None:
    """What cannot be rebuilt is said with what to do, and nothing is written."""
    made = committed(text.replace("60", "2"))
    before = production(made)
    group = "web" if "web:" in before else "w" * 36
    done = made.run("rebuild", "production", group, *arguments)
    assert (done.code, says in done.messages) == (code, True), done.messages
    assert production(made) == before


@pytest.mark.slow
@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
def test_rebuild_from_any_image_to_any(
    new_repository: Callable[..., Any], platform: str, request: pytest.FixtureRequest
) -> None:
    """One disk more and a VM that boots it, or an error with its remedy; `--edits N` is how many pairs of images."""
    made = new_repository({})
    images = sorted(PlatformLoader(made.project).load(platform).catalog.images)
    count = min(request.config.getoption("--edits"), len(images) * (len(images) - 1))
    pairs = sorted(random.Random(len(images)).sample(list(itertools.permutations(images, 2)), count))
    outcomes = Counter[str]()
    for old, group in itertools.groupby(pairs, key=itemgetter(0)):
        text = f"platform: {platform}\n{FLEET.replace('60', '1').replace('ubuntu-2204', old)}"
        made.write({"environments/production.yaml": text})
        shutil.rmtree(made.root / "manifests", ignore_errors=True)
        assert made.run("render").code == 0, old
        base = load_plan_base(made.project, None, get_today(), whole=False)
        target = load_target(made.project, "production", base)
        for _, new in group:
            outcomes[rebuild_in_memory(target, new)] += 1
    print(platform, outcomes)
    assert outcomes.keys() <= {"rebuilt", "refused"}


def rebuild_in_memory(target: EditTarget, image: str) -> str:
    """Rebuild a group, look at the plan, and write nothing; return the outcome."""
    try:
        edits = rebuild_group(target, "web", RebuildRequest({"image": image}))
    except ProblemsError as error:
        return "refused" if all("; " in problem.message for problem in error.problems) else f"without a remedy: {image}"
    _, plan, refusals = preview(target, edits)
    changes = {(each.identity.kind, each.identity.name, str(each.verdict)) for each in plan.changes}
    assert changes == {("VMDisk", "web-1-system-2", "create"), ("VMInstance", "web-1", "rebuild")}, image
    assert not [problem for problem in refusals if problem.severity == "error"]
    return "rebuilt"
