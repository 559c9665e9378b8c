"""Each command that edits, on environment files of every layout: the meant lines differ, or the lines are printed."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any, NamedTuple

import pytest
from hypothesis import Phase, given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tests.edit.meant_lines import list_lost_lines
from tests.edit.yaml_texts import layouts
from vmgen.read.located import to_plain
from vmgen.read.yaml_reader import read_yaml

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPh5m0KlGvYq3pYbCkOq7yRHLSkZzYkGmK1kF7gQmF3v ops@shop"
TEXTS = st.sampled_from(["hello", "grüße ✓", "a: b # c", "x" * 200, 'it\'s "so"', "tab\there"])
# Each example runs two commands: a smaller one would take minutes to find, and this one is as readable.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
OLD, NEW = "ubuntu-2204", "ubuntu-2404"


class Command(NamedTuple):
    """A command, what it makes of the values of the file or of a shared layer, and the state of the fleet that it needs."""

    arguments: tuple[str, ...]
    change: Callable[[dict[str, Any]], None]
    prepare: Callable[[dict[str, Any]], None] = lambda document: None
    change_of_layer: Callable[[dict[str, Any]], None] | None = None


def update(*path: str, last: bool = True, **values: Any) -> Callable[[dict[str, Any]], None]:
    """What sets keys at a path, a function to what it makes of the document; None removes a key, and what it leaves empty."""

    def change(document: dict[str, Any]) -> None:
        at, holders = document, []
        current = {name: value(document) if callable(value) else value for name, value in values.items()}
        for step in path:
            holders.append((at, step))
            at = at.setdefault(step, {})
        at.update(current)
        for name in [name for name in at if at[name] is None]:
            del at[name]
        for holder, step in reversed(holders):
            if not holder[step]:
                del holder[step]

    return change


def together(*changes: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """Several changes, in turn."""

    def change(document: dict[str, Any]) -> None:
        for each in changes:
            each(document)

    return change


def bury(*disks: str) -> Callable[[dict[str, Any]], None]:
    """What appends tombstones, of disks that there are."""

    def change(document: dict[str, Any]) -> None:
        keys = {"system", "system-2", *document["vms"].get("web", {}).get("disks", ())}
        entries = [{"disk": disk, "reason": 'over: "done"'} for disk in disks if not disk.startswith("web") or disk[6:] in keys]
        document["retire"] = [*document.get("retire", []), *entries]

    return change


def pin_class(document: dict[str, Any]) -> None:
    """The class of the data disks of a group whose system disks get another one."""
    disks = document["vms"]["web"].get("disks", {})
    for name, disk in disks.items():
        disks[name] = {**(disk if isinstance(disk, dict) else {"storage": disk}), "storageClass": "replicated"}


def keep(image: str, *numbers: int, generation: int = 1, **others: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The `previous:` of VMs of the group web, whose disks have its annotations; `others` are images by `g` and generation."""

    def entries(document: dict[str, Any]) -> dict[str, Any]:
        annotations = document["vms"]["web"].get("annotations")
        images = {str(generation): image, **{name[1:]: other for name, other in others.items()}}
        more = {"annotations": annotations} if annotations else {}
        return {number: {"image": image, **more, "of": list(numbers)} for number, image in images.items()}

    return entries


REBUILT = update("vms", "web", image=NEW, system=2, previous=keep(OLD, 1, 2))
CANARY = update("vms", "web", "instances", "1", image=NEW, system=2, previous=keep(OLD, 1))
DISK = {"storage": "1Gi", "storageClass": "local"}
REBUILT_DISK = update(
    "vms", "solo", "disks", data={**DISK, "generation": 2, "previous": {"1": {"storage": "1Gi", "of": ["solo"]}}}
)
RETIRE = ("--retire", "--reason", 'over: "done"')
COMMANDS = {
    "grow": Command(("scale", "production", "web", "4"), update("vms", "web", count=4)),
    "grow names": Command(
        ("scale", "production", "pool", "4"), update("vms", "pool", names=["pool-1", "pool-2", "pool-3", "pool-4"])
    ),
    "one to many": Command(("scale", "production", "solo", "3"), update("vms", "solo", names=["solo", "solo-2", "solo-3"])),
    "shrink": Command(
        ("scale", "production", "web", "1", *RETIRE),
        together(
            update("vms", "web", count=1),
            update("vms", "web", "instances", **{"2": None}),
            bury("web-2-data", "web-2-logs", "web-2-system"),
        ),
    ),
    "shrink names": Command(
        ("scale", "production", "pool", "1", *RETIRE),
        together(update("vms", "pool", names=["pool-1"]), bury("pool-2-system")),
    ),
    "shrink rebuilt": Command(
        ("scale", "production", "web", "1", *RETIRE),
        together(
            update("vms", "web", count=1, previous=keep(OLD, 1)),
            update("vms", "web", "instances", **{"2": None}),
            bury("web-2-data", "web-2-logs", "web-2-system", "web-2-system-2"),
        ),
        REBUILT,
    ),
    "rebuild": Command(("rebuild", "production", "web", "--image", NEW), REBUILT),
    "rebuild by url": Command(
        ("rebuild", "production", "solo", "--url", "https://example.org/a.img"),
        update(
            "vms",
            "solo",
            image=None,
            url="https://example.org/a.img",
            instanceProfile="ubuntu",
            system=2,
            previous={"1": {"image": OLD, "of": ["solo"]}},
        ),
    ),
    "rebuild twice": Command(
        ("rebuild", "production", "web", "--image", "debian-12"),
        update("vms", "web", image="debian-12", system=3, previous=keep(OLD, 1, 2, g2=NEW)),
        REBUILT,
    ),
    "canary": Command(("rebuild", "production", "web", "--image", NEW, "--only", "1"), CANARY),
    "canary and all": Command(
        ("rebuild", "production", "web", "--image", NEW),
        together(REBUILT, update("vms", "web", "instances", **{"1": None})),
        CANARY,
    ),
    "class": Command(
        ("rebuild", "production", "web", "--storage-class", "local"),
        together(update("vms", "web", storageClass="local", system=2, previous=keep(OLD, 1, 2)), pin_class),
    ),
    "disk": Command(("rebuild", "production", "solo", "--disk", "data", "--storage-class", "local"), REBUILT_DISK),
    "disk back": Command(
        ("rebuild", "production", "solo", "--disk", "data", "--back"),
        update(
            "vms",
            "solo",
            "disks",
            data={"storage": "1Gi", "storageClass": "replicated", "previous": {"2": {**DISK, "of": ["solo"]}}},
        ),
        REBUILT_DISK,
    ),
    "new": Command(("new", "staging", "--namespace", "tenant-other"), lambda _: None),
    "back": Command(
        ("rebuild", "production", "web", "--back"),
        update("vms", "web", image=OLD, system=None, previous=keep(NEW, 1, 2, generation=2)),
        REBUILT,
    ),
    "back one": Command(
        ("rebuild", "production", "web", "--back", "--only", "1"),
        together(
            update("vms", "web", previous=keep(OLD, 2)),
            update("vms", "web", "instances", "1", image=OLD, system=1, previous=keep(NEW, 1, generation=2)),
        ),
        REBUILT,
    ),
    "retire": Command(
        ("retire", "production", "iso", "--reason", 'over: "done"'), together(update("disks", iso=None), bury("iso"))
    ),
    "retire kept": Command(
        ("retire", "production", "web-1-system", "--reason", 'over: "done"'),
        together(update("vms", "web", previous=keep(OLD, 2)), bury("web-1-system")),
        REBUILT,
    ),
    "retire all kept": Command(
        ("retire", "production", "web-1-system", "web-2-system", "--reason", 'over: "done"'),
        together(update("vms", "web", previous=None), bury("web-1-system", "web-2-system")),
        REBUILT,
    ),
    "fix": Command(
        ("check", "--fix", "--kustomize", "off"),
        together(update(retire=None, waivers=None), update("labels", release="24.5", build="7")),
        together(
            lambda document: document.update(
                retire=[{"disk": "gone", "reason": "x"}, {"disk": "gone-2", "reason": "hello"}],
                waivers=[{"rule": "unknown-image", "subject": "vms.web", "reason": "hello", "until": "2099-01-01"}],
                labels={"release": 24.5, "build": 7},
            ),
        ),
        # Another environment may use the waiver of a shared layer.
        together(update(retire=None), update("labels", release="24.5", build="7")),
    ),
}


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    """An environment with the parts that the commands edit, and others around them."""
    web: dict[str, Any] = {"count": 2, "instanceType": "u1.large", "image": OLD}
    if draw(st.booleans()):
        web["disks"] = {"data": draw(st.sampled_from(["50Gi", {"storage": "50Gi"}])), "logs": "1Gi"}
    if draw(st.booleans()):
        web["instances"] = {"2": {"instanceType": "u1.xlarge"}}
    if draw(st.booleans()):
        web["annotations"] = {"note": draw(TEXTS)}
    document: dict[str, Any] = {"namespace": "tenant-acme", "vars": {"a": draw(TEXTS), "b": [draw(TEXTS), "hello"]}}
    document["defaults"] = {"sshKeys": [KEY]}
    vms = {
        "web": web,
        "solo": {"instanceType": "u1.large", "image": OLD, "disks": {"data": "1Gi"}},
        "pool": {"names": ["pool-1", "pool-2"], "instanceType": "u1.large", "image": OLD},
    }
    document["vms"] = {name: vms[name] for name in draw(st.permutations(list(vms)))}
    document["disks"] = (
        {"iso": {"storage": "1Gi"}, "other": {"storage": "2Gi"}} if draw(st.booleans()) else {"iso": {"storage": "1Gi"}}
    )
    if draw(st.booleans()):
        document["retire"] = [{"disk": "gone", "reason": draw(TEXTS)}]
    names = draw(st.permutations(list(document)))
    return {name: document[name] for name in names}


@pytest.fixture(scope="module")
def shared(new_repository: Callable[..., Any]) -> Any:
    """A repository that all examples use in turn."""
    return new_repository({})


@pytest.mark.slow
@pytest.mark.parametrize("word", sorted({command.arguments[0] for command in COMMANDS.values()}))
def test_command_changes_its_lines_alone(word: str, shared: Any, request: pytest.FixtureRequest) -> None:
    """Whatever the layout of a file, a command writes the meant values and no other byte, or prints what to write."""
    outcomes: Counter[str] = Counter()
    fleets: list[Any] = []
    names = sorted(name for name, command in COMMANDS.items() if command.arguments[0] == word)

    @given(data=st.data(), document=environments(), name=st.sampled_from(names), in_layer=st.sampled_from([False, False, True]))
    @settings(max_examples=request.config.getoption("--edits"), phases=PHASES)
    def attempt(data: DataObject, document: dict[str, Any], name: str, in_layer: bool) -> None:
        COMMANDS[name].prepare(document)
        files: dict[str, dict[str, Any]] = {"production": document, "_defaults": {}}
        if in_layer:
            keys = [key for key in ("vms", "disks", "retire", "waivers", "labels") if key in document]
            files["_defaults"] = {key: document.pop(key) for key in keys}
        contents = {
            shared.root / f"environments/{key}.yaml": data.draw(layouts(values)) if values else b""
            for key, values in files.items()
        }
        layer = "_defaults" if in_layer else "production"
        note(contents[shared.root / f"environments/{layer}.yaml"].decode())
        render(shared, contents, {**files["_defaults"], **files["production"]}, fleets, is_valid=name != "fix")
        outcomes[try_command(shared, COMMANDS[name], layer, files[layer], contents)] += 1

    attempt()
    print(f"{word}: {dict(outcomes)}")
    assert outcomes["edited"] > outcomes["refused"] or outcomes.total() < 10, outcomes


def render(shared: Any, contents: Mapping[Any, bytes], fleet: Any, fleets: list[Any], *, is_valid: bool) -> None:
    """Write the files, and the manifests that are the baseline: those of the last example, if it had the same fleet."""
    for path, content in contents.items():
        path.write_bytes(content)
    if fleets[-1:] != [fleet]:
        shutil.rmtree(shared.root / "manifests", ignore_errors=True)
        rendered = shared.run("render", "production")
        assert rendered.code == (0 if is_valid else 1), rendered.messages
        fleets[:] = [deepcopy(fleet)]


def try_command(shared: Any, command: Command, layer: str, document: dict[str, Any], contents: Mapping[Any, bytes]) -> str:
    """Run a command on one layout of an environment, and compare each file with what it was."""
    path = shared.root / f"environments/{layer}.yaml"
    takes_layer = layer != "production" and command.arguments[0] not in ("check", "new")
    done = shared.run(*command.arguments, *(("--in", f"environments/{layer}.yaml") if takes_layer else ()))
    (shared.root / "environments/staging.yaml").unlink(missing_ok=True)
    assert {other: other.read_bytes() for other in contents if other != path} == {
        other: content for other, content in contents.items() if other != path
    }
    content, after = contents[path], path.read_bytes()
    if done.code and after == content and command.arguments[0] != "new":
        is_check = command.arguments[0] == "check"
        assert is_check or "[edit-by-hand]" in done.messages, done.messages
        lines = done.messages.partition("[edit-by-hand]")[2].partition("\nNothing")[0]
        assert is_check or ":" in lines or "# remove" in lines, done.messages
        return "refused"
    assert done.code == 0 or command.arguments[0] == "check", done.messages
    wanted = deepcopy(document)
    change = command.change if layer == "production" else command.change_of_layer or command.change
    change(wanted)
    result, problems = read_yaml(after, "x")
    assert result is not None
    assert not problems
    if command.arguments[0] == "check":
        keep_unfixed(wanted, document, to_plain(result), done.messages)
    assert to_plain(result) == wanted
    assert list_lost_lines(content, after, document, wanted) == []
    return "edited"


def keep_unfixed(wanted: dict[str, Any], document: dict[str, Any], result: dict[str, Any], messages: str) -> None:
    """Keep in the wanted values what `check --fix` may leave: what it cannot cut out of a layout is still reported."""
    for key, rule in (("retire", "stale-tombstone"), ("waivers", "stale-waiver")):
        if key in result and key not in wanted and all(item in document[key] for item in result[key]):
            wanted[key] = result[key]
            assert f"[{rule}]" in messages or "[wrong-type]" in messages, messages
    for name, value in document["labels"].items():
        if result["labels"][name] == value:
            wanted["labels"][name] = value
            assert "[wrong-type]" in messages, messages
