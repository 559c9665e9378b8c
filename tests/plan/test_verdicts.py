"""The tables of verdicts: each row is read from a change of an environment, and each field of each kind has rows."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from vmgen.merge.platform import PlatformLoader
from vmgen.plan.change_kinds import CHANGE_KINDS
from vmgen.plan.verdicts import KindVerdicts, Verdict, VerdictRow, VerdictTable, diff_fields, find_matching_row, load_verdicts
from vmgen.read.repository import Project, read_schema_text

PROJECT = Project(Path("/nowhere"))
PLATFORMS = ("cozystack", "hikube")
LOADER = PlatformLoader(PROJECT)
CASES: Mapping[str, Any] = yaml.safe_load((Path(__file__).parent / "verdict_cases.yaml").read_text(encoding="utf-8"))
KEYS = {
    "OWN": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0xXm1Wz4cQ7Yk3tD4mQm1b9kq4Zy9u3jv0p6T0b2c7 ops@one",
    "OTHER": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBl7rH4kqzJc1fXPZ0nq3s2yQmS7o9gTzJ6r5vYkUe1d ops@two",
}


class Place(NamedTuple):
    """Where a row stands: platform, kind, section or field, what tells it from its neighbours; and its first version."""

    platform: str
    kind: str
    field: str
    condition: str
    row: VerdictRow
    version: str


def load_table(platform: str, version: str = "") -> VerdictTable:
    """The table of a platform at a version."""
    return load_verdicts(LOADER.load(platform, version), LOADER)


def condition(row: VerdictRow) -> str:
    """What a row names, as the cases call it."""
    parts = [f"change={row.change}"] if row.change != "any" else []
    parts += [
        f"{name}={value}"
        for name, value in (("key", row.key), ("before", row.before), ("after", row.after), ("with", row.with_))
        if value
    ]
    parts += [f"was={path}:{json.dumps(value).strip(chr(34))}" for path, value in row.was.items()]
    parts += [f"while={path}:{json.dumps(value).strip(chr(34))}" for path, value in row.while_.items()]
    return " ".join(parts) or "else"


def sections(table: KindVerdicts) -> Mapping[str, tuple[VerdictRow, ...]]:
    """All rows of a kind, the sections beside its fields."""
    whole = {"created": table.created, "deleted": table.deletion_rows, "moved": table.move_rows, "other": table.other}
    return whole | dict(table.fields)


def places() -> Iterator[Place]:
    """Every row of every platform, at the oldest version that has it."""
    seen: set[Any] = set()
    for platform in PLATFORMS:
        for version in LOADER.load_release(platform).versions.names:
            for kind, table in load_table(platform, version).items():
                for name, rows in sections(table).items():
                    for row in rows:
                        key = repr((platform, kind, name, row))
                        if key not in seen:
                            seen.add(key)
                            yield Place(platform, kind, name, condition(row), row, version)


ROWS = list(places())
NAMES = [" ".join((*place[:4], place.version)) for place in ROWS]


def case(place: Place) -> Mapping[str, Any]:
    """The case of a row; KeyError where somebody forgot to write one."""
    found: Mapping[str, Any] = CASES[place.kind][place.field][place.condition]
    return found.get(f"{place.platform} {place.version}", found.get(place.platform, found))


def environment(content: Mapping[str, Any], place: Place, namespace: str) -> str:
    """An environment with the VM or disk of a case."""
    image = "ubuntu-2404" if place.platform == "hikube" else "ubuntu-24.04"
    written: dict[str, Any] = {
        "platform": place.platform,
        "platformVersion": place.version,
        "namespace": namespace,
    }
    if "disk" in content:
        written["disks"] = {"d": {"storage": "10Gi", "url": "https://example.com/a.iso", **content["disk"]}}
    if "vm" in content:
        vm = {"instanceType": "u1.large", "image": image, "sshKeys": ["OWN"], **content["vm"]}
        written["vms"] = {"web": vm}
        written["disks"] = {
            name: {"storage": "20Gi", "url": f"https://example.com/{name}.img"} for name in vm.get("attach", ())
        }
    text = yaml.safe_dump({**written, **content.get("env", {})}, sort_keys=False)
    for name, key in KEYS.items():
        text = text.replace(f"- {name}\n", f"- {key}\n")
    return text


@pytest.fixture(scope="module")
def said(new_repository: Callable[..., Any]) -> Mapping[str, set[tuple[str, str, str, str]]]:
    """What a plan says of each case, all of them environments of one repository: kind, field, verdict and sentence."""
    repository = new_repository()
    chosen = [(f"case-{number}", place, case(place)) for number, place in enumerate(ROWS)]
    chosen = [(name, place, found) for name, place, found in chosen if "documents" not in found]

    def write(when: str) -> None:
        files = {}
        for name, place, found in chosen:
            home = f"{name}-from" if when == "before" and found.get("elsewhere") else name
            namespace = f"tenant-{name}"
            if found.get("elsewhere"):
                empty = environment({}, place, namespace)
                files |= {f"environments/{name}.yaml": empty, f"environments/{name}-from.yaml": empty}
            files[f"environments/{home}.yaml"] = environment(found[when], place, namespace)
        repository.write(files)

    write("before")
    first = repository.run("render")
    assert first.code == 0, first.messages
    for name, _, found in chosen:
        if "edit" in found:
            for path in (repository.root / "manifests" / name).rglob("*.yaml"):
                path.write_text(path.read_text(encoding="utf-8").replace(*found["edit"]), encoding="utf-8")
    write("after")
    done = repository.run("plan", "-o", "json")
    assert done.code == 1, done.messages  # some of the changes are refused
    return {each["name"]: set(statements(each["objects"])) for each in json.loads(done.stdout)["environments"]}


def statements(objects: list[dict[str, Any]]) -> Iterator[tuple[str, str, str, str]]:
    """Kind, field or action, verdict and sentence of all that a plan says of some objects."""
    for found in objects:
        yield found["kind"], found["action"], found["verdict"], found["says"]
        for field in found["fields"]:
            yield found["kind"], field["path"].partition("[")[0], field["verdict"], field["says"]


@pytest.mark.parametrize("place", ROWS, ids=NAMES)
def test_row_is_what_its_change_reads(place: Place, said: Mapping[str, set[tuple[str, str, str, str]]]) -> None:
    """Each row of the table is what a plan says of the change that it describes."""
    found = case(place)
    if place.condition == "change=too-long":
        longest = PlatformLoader(PROJECT).load(place.platform).kinds[place.kind].max_name_length
        table = load_table(place.platform, place.version)[place.kind]
        assert find_matching_row(table.created, longest, "a" * (longest + 1)) == place.row
        assert find_matching_row(table.created, longest, "a" * longest) != place.row
        return
    if "documents" in found:
        (change,) = diff_fields(*found["documents"], load_table(place.platform, place.version)[place.kind])
        assert (change.verdict, change.says) == (place.row.verdict, place.row.says)
        return
    heard = said[f"case-{ROWS.index(place)}"]
    assert any((kind, says) == (place.kind, place.row.says) for kind, _, _, says in heard)
    if place.field.startswith("spec."):
        assert (place.kind, place.field, place.row.verdict, place.row.says) in heard


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_field_of_every_kind_has_rows(platform: str) -> None:
    """A field that a kind's schema has and the table of verdicts has not is a field that somebody forgot."""
    tables = load_table(platform)
    for name, kind in PlatformLoader(PROJECT).load(platform).kinds.items():
        top = kind.schema["properties"]
        fields = {path for path in top if path not in ("metadata", "spec")}
        fields |= {f"{section}.{path}" for section in ("metadata", "spec") for path in top[section]["properties"]}
        # Another kind is another object: there is nothing to say of a field.
        assert fields - {"kind"} <= tables[name].fields.keys()


@pytest.mark.parametrize("place", ROWS, ids=NAMES)
def test_sentence_is_a_sentence(place: Place) -> None:
    """What is said to people begins with a capital or a name, ends with a full stop, and has a source."""
    assert place.row.says.endswith(".")
    assert place.row.says[0].isupper() or place.row.says.startswith("cloud-init")
    assert place.row.source.strip()


def test_last_row_of_each_field_always_fits() -> None:
    """Every field has a row for a change in whatever direction."""
    for platform in PLATFORMS:
        for version in LOADER.load_release(platform).versions.names:
            for table in load_table(platform, version).values():
                assert {condition(rows[-1]) for rows in sections(table).values()} == {"else"}


def test_no_case_is_of_a_row_that_is_gone() -> None:
    """Each case is of a row of some platform."""
    written = {(kind, field, name) for kind, fields in CASES.items() for field, rows in fields.items() for name in rows}
    assert written == {place[1:4] for place in ROWS}


def test_schema_names_the_directions_and_verdicts_that_the_program_knows() -> None:
    """What the schema of the table allows is what the program understands."""
    row = json.loads(read_schema_text("verdicts"))["$defs"]["row"]["properties"]
    assert set(row["change"]["enum"]) == set(CHANGE_KINDS)
    assert tuple(row["verdict"]["enum"]) == tuple(Verdict)
    assert tuple(json.loads(read_schema_text("plan"))["$defs"]["verdict"]["enum"]) == tuple(Verdict)


PLATFORM = pytest.mark.parametrize("platform", PLATFORMS)


def changed(platform: str, kind: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """The verdict of each field that differs between two specs."""
    table = load_table(platform)[kind]
    return {change.path: change.verdict for change in diff_fields({"spec": before}, {"spec": after}, table)}


@PLATFORM
def test_a_default_that_is_written_out_has_no_effect(platform: str) -> None:
    """Neither the storage class nor the seed is a change where the platform took the same before."""
    disk = changed(platform, "VMDisk", {"storage": "20Gi"}, {"storage": "20Gi", "storageClass": "replicated", "optical": False})
    assert disk == {"spec.storageClass": "no effect", "spec.optical": "no effect"}
    machine = changed(platform, "VMInstance", {}, {"cloudInitSeed": "", "external": False, "externalPorts": [22]})
    assert set(machine.values()) == {"no effect"}


@PLATFORM
def test_another_value_than_the_default_is_a_change(platform: str) -> None:
    """A class other than the one that the platform took is rejected, a seed re-provisions, and 0 is not `false`."""
    assert changed(platform, "VMDisk", {}, {"storageClass": "local"}) == {"spec.storageClass": "rejected"}
    assert changed(platform, "VMInstance", {"cloudInit": "a"}, {"cloudInit": "a", "cloudInitSeed": "two"}) == {
        "spec.cloudInitSeed": "reprovision"
    }
    assert changed(platform, "VMDisk", {}, {"optical": 0}) != {"spec.optical": "no effect"}


@pytest.mark.parametrize("one", [True, 1, 1.0, "1"])
@pytest.mark.parametrize("other", [True, 1, 1.0, "1"])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"a": [value]}])
def test_a_changed_type_is_a_change(one: object, other: object, wrap: Callable[[object], object]) -> None:
    """`true`, 1, 1.0 and "1" are four values, in whatever they stand; to Python the first three are equal."""
    table = load_table("hikube")["VMDisk"]
    for path, name in (("spec", "optical"), ("metadata", "labels")):
        before, after = ({path: {name: {"key": wrap(value)} if name == "labels" else wrap(value)}} for value in (one, other))
        assert bool(diff_fields(before, after, table)) is (type(one) is not type(other))


@pytest.mark.parametrize(("length", "named"), [(40, True), (41, False)])
def test_changed_keys_of_a_cloud_config_are_named_up_to_a_length(length: int, named: bool) -> None:
    """What is too long for a key of cloud-init may be anything, and is not shown."""
    table = load_table("hikube")["VMInstance"]
    key = "k" * length
    before, after = ({"spec": {"cloudInit": f"#cloud-config\n{key}: {value}\n"}} for value in "ab")
    (change,) = diff_fields(before, after, table)
    assert change.detail == "1 line added, 1 removed" + (f", in {key}" if named else "")


def test_verdicts_are_ranked() -> None:
    """The gravest of an object's verdicts is the object's, so the order is a promise."""
    gravest_first = (
        "DESTROYS DATA, rejected, protection dropped, rebuild, reprovision, exposure widens, address may change, "
        "boot order changes, stops, needs restart, moves, create, delete, update in place, no effect"
    )
    assert ", ".join(sorted(Verdict, key=lambda verdict: -verdict.severity)) == gravest_first


OWN_ROWS = """\
kinds:
  VMInstance:
    fields:
      spec.instanceType:
        - {verdict: needs restart, says: Ours., source: our runbook}
"""


@pytest.mark.parametrize("file", ["shared/verdicts.yaml", "hikube/verdicts.yaml", "cozystack/verdicts.yaml"])
def test_old_word_in_an_own_table_gets_the_new_one(new_repository: Callable[..., Any], file: str) -> None:
    """Whoever wrote a table for an earlier version is told what to write."""
    platform = "cozystack" if file.startswith("cozystack") else "hikube"
    text = environment({"vm": {}}, ROWS[0]._replace(platform=platform, version="1"), "tenant-acme")
    repository = new_repository({"environments/production.yaml": text})
    assert repository.run("render").code == 0
    table = (PROJECT.template_folders[-1] / file).read_text(encoding="utf-8").replace("kinds: {}\n", OWN_ROWS)
    line = table[: table.index("verdict: ")].count("\n") + 1
    repository.write({f"templates/{file}": re.sub("verdict: [a-zA-Z ]+", "verdict: restart", table, count=1)})
    repository.write({"environments/production.yaml": text.replace("u1.large", "u1.xlarge")})
    done = repository.run("plan")
    assert done.code == 1
    assert f"templates/{file}:{line}:" in done.messages
    assert "'restart' is called 'needs restart' now; write 'needs restart' [invalid-value]" in done.messages


EXTERNAL = {"external": True, "externalMethod": "PortList", "externalPorts": [80]}
WHOLE = EXTERNAL | {"externalMethod": "WholeIP"}
CLOSED = EXTERNAL | {"external": False}


@PLATFORM
@pytest.mark.parametrize(
    ("before", "after", "widens"),
    [
        (EXTERNAL, EXTERNAL | {"externalPorts": [80, 81]}, True),
        (EXTERNAL, EXTERNAL | {"externalPorts": [81]}, True),
        (EXTERNAL | {"externalPorts": [80, 81]}, EXTERNAL, False),
        (EXTERNAL, WHOLE, True),
        (WHOLE, EXTERNAL, False),
        (WHOLE, EXTERNAL | {"externalPorts": [80, 81]}, False),
        (WHOLE, WHOLE | {"externalPorts": [80, 81]}, False),
        (CLOSED, EXTERNAL, True),
        (CLOSED, WHOLE, True),
        (EXTERNAL, CLOSED, False),
        (CLOSED, CLOSED | {"externalPorts": [80, 81], "externalMethod": "WholeIP"}, False),
        ({}, {"external": True, "externalMethod": "PortList", "externalPorts": [22]}, True),
    ],
)
def test_what_opens_a_port_widens_the_exposure(
    platform: str, before: dict[str, Any], after: dict[str, Any], widens: bool
) -> None:
    """A change widens the exposure where a port is reachable afterwards that was not before, and nowhere else."""
    assert ("exposure widens" in changed(platform, "VMInstance", before, after).values()) is widens


FULL = {"cloudInit": "#cloud-config\n", "sshKeys": ["one"], "cloudInitSeed": "s"}
BARE = {"cloudInit": "", "sshKeys": [], "cloudInitSeed": ""}


@PLATFORM
@pytest.mark.parametrize(
    ("before", "after", "runs"),
    [
        (BARE, BARE | {"cloudInit": "#cloud-config\n"}, True),
        (BARE, BARE | {"sshKeys": ["one"]}, True),
        ({}, {"sshKeys": ["one"]}, True),
        (BARE | {"sshKeys": ["one"]}, BARE | {"sshKeys": ["one"], "cloudInit": "#cloud-config\n"}, False),
        (FULL, FULL | {"cloudInit": "#cloud-config\na: 1\n"}, False),
        (FULL, FULL | {"cloudInit": "#cloud-config\na: 1\n", "cloudInitSeed": "t"}, True),
        (FULL, FULL | {"cloudInit": "#cloud-config\na: 1\n", "cloudInitSeed": ""}, False),
        (FULL, FULL | {"sshKeys": ["two"], "cloudInitSeed": ""}, False),
        (BARE, BARE | {"cloudInitSeed": "s"}, False),
        (FULL, BARE, False),
    ],
)
def test_cloud_init_runs_where_the_plan_says_so(
    platform: str, before: dict[str, Any], after: dict[str, Any], runs: bool
) -> None:
    """cloud-init runs with a new machine id, or with the first user data of all, and at no other change."""
    assert ("reprovision" in changed(platform, "VMInstance", before, after).values()) is runs


# None of them fits a text that becomes another one.
NARROW_ROWS = tuple(VerdictRow(Verdict.REJECTED, kind, "", change=kind) for kind in ("grow", "emptied", "removed"))


def test_last_row_counts_where_none_fits() -> None:
    """Of rows that all have a condition the last one is for the rest."""
    assert find_matching_row(NARROW_ROWS, "a", "b").says == "removed"


def test_last_row_of_other_fields_counts_where_none_fits() -> None:
    """So it is for a field that has no rows of its own."""
    table = load_table("hikube")["VMDisk"]._replace(other=NARROW_ROWS)
    (change,) = diff_fields({"spec": {"unknown": "a"}}, {"spec": {"unknown": "b"}}, table)
    assert change.says == "removed"


@pytest.mark.parametrize(
    ("before", "after", "values"),
    [
        ({}, {"hook": "hunter2"}, ("ABSENT", "***")),
        ({"hook": "hunter2"}, {}, ("***", "ABSENT")),
        ({"hook": 1}, {"hook": 2}, ("***",) * 2),
    ],
)
def test_field_without_rows_shows_no_value(before: dict[str, Any], after: dict[str, Any], values: tuple[str, str]) -> None:
    """It could hold anything; only that it was not there before, or is not there any more, is shown."""
    (change,) = diff_fields({"spec": before}, {"spec": after}, load_table("hikube")["VMInstance"])
    assert (str(change.before), str(change.after)) == values


@pytest.mark.parametrize(
    ("before", "after", "optical", "is_change"),
    [
        ([{"name": "iso"}], [{"name": "iso", "bus": "sata"}], {"iso"}, False),
        ([{"name": "iso"}], [{"name": "iso", "bus": "sata"}], set(), True),
        ([{"name": "iso"}], [{"name": "iso", "bus": "scsi"}], {"iso"}, True),
        ([{"name": "iso", "bus": "scsi"}], [{"name": "iso", "bus": "sata"}], {"iso"}, True),
        (["iso"], [{"name": "iso", "bus": "sata"}], {"iso"}, True),
    ],
)
def test_bus_of_an_optical_disk_may_be_written_out(
    before: list[Any], after: list[Any], optical: set[str], is_change: bool
) -> None:
    """An optical disk without a bus has one of the platform's, so that to write it out changes nothing."""
    table = load_table("cozystack")["VMInstance"]
    (change,) = diff_fields({"spec": {"disks": before}}, {"spec": {"disks": after}}, table, optical)
    assert (change.verdict != Verdict.NO_EFFECT) is is_change
