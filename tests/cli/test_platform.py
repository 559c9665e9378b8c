"""`vmgen platform detect`: the platform and version by what a cluster serves."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.read.schema import Schema

CHART = (
    "cloudInit cloudInitSeed disks external externalMethod externalPorts gpus instanceProfile instanceType resources sshKeys "
    "subnets"
)
NEW = f"{CHART} cpuModel runStrategy"
FIELDS = {
    ("cozystack", "0.41"): f"{CHART} running",
    ("cozystack", "1.0"): NEW,
    ("cozystack", "1.3"): f"{NEW} networks",
    ("cozystack", "1.4"): f"{NEW} networks externalAllowICMP",
    ("hikube", "2"): NEW,
}


def explain(fields: str) -> str:
    lines = "".join(f"  {name}\t<string>\n    No description.\n\n" for name in sorted(fields.split()))
    head = "GROUP:      apps.cozystack.io\nKIND:       VMInstance\nVERSION:    v1alpha1\n\nFIELD: spec <Object>"
    return f"{head}\n\nFIELDS:\n{lines}"


def openapi(fields: str) -> str:
    spec = {"properties": {name: {} for name in fields.split()}}
    schema = {"properties": {"spec": spec}}
    return json.dumps({"openapi": "3.0.0", "components": {"schemas": {"io.cozystack.apps.v1alpha1.VMInstance": schema}}})


@pytest.mark.parametrize("build", [explain, openapi])
@pytest.mark.parametrize(("platform", "version"), FIELDS)
def test_published_fields(repository: Callable, build: Callable, platform: str, version: str) -> None:
    """The fields that the API describes are those of one version."""
    made = repository(None, {"api": build(FIELDS[platform, version])})
    result = made.run("platform", "detect", "api", "--platform", platform)
    assert (result.code, result.stdout) == (0, f'platform: {platform}\nplatformVersion: "{version}"\n')


@pytest.mark.parametrize(("image", "platform"), [("ubuntu-2404", "hikube"), ("ubuntu-24.04", "cozystack")])
def test_names_tell_platforms_apart(repository: Callable, image: str, platform: str) -> None:
    """Two platforms may have the same fields; the images are called otherwise."""
    head = "apiVersion: apps.cozystack.io/v1alpha1\n"
    disk = f"{head}kind: VMDisk\nmetadata: {{name: a}}\nspec: {{source: {{image: {{name: {image}}}}}}}\n"
    made = repository(None, {"disk.yaml": disk, "api": explain(NEW)})
    result = made.run("platform", "detect", "disk.yaml", "api", "-o", "json")
    answer = json.loads(result.stdout)
    assert (result.code, answer["matches"][0]["platform"]) == (0, platform)
    schema = json.loads((Path(__file__).parents[2] / "schema/detection.schema.json").read_text())
    assert Schema(schema).is_valid(answer)


def test_several_platforms_fit(repository: Callable) -> None:
    """Where nothing tells them apart the answer is no, with what is missing."""
    result = repository(None, {"api": explain(NEW)}).run("platform", "detect", "api")
    assert (result.code, result.stdout) == (1, "")
    assert "Add the VMDisks with their images, or write --platform." in result.messages


def test_no_version_fits(repository: Callable) -> None:
    """Fields of no version are none."""
    result = repository(None, {"api": explain("running runStrategy networks")}).run("platform", "detect", "api")
    assert result.code == 1
    assert "add the output of kubectl explain" in result.messages


def vm(name: str, **spec: object) -> dict[str, object]:
    """A VMInstance as somebody keeps it in a file, without what a server writes."""
    head = {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMInstance"}
    return {**head, "metadata": {"name": name, "namespace": "tenant-x"}, "spec": {"instanceType": "u1.large", **spec}}


def test_field_of_its_own_is_better_than_another_name(repository: Callable) -> None:
    """`runStrategy` is of a chart that has it, although older ones have `running` for it."""
    made = repository(None, {"dump": json.dumps(vm("a", runStrategy="Always", disks=[{"name": "a-system"}]))})
    result = made.run("platform", "detect", "dump", "--platform", "cozystack")
    assert (result.code, result.stdout) == (0, 'platform: cozystack\nplatformVersion: "1.0"\n')


@pytest.mark.parametrize("other", [{"running": True, "disks": ["b-system"]}, {"disks": ["b-system"]}])
def test_two_generations_in_one_dump(repository: Callable, other: dict[str, object]) -> None:
    """Both forms of a disk are those of no platform, and the message says why."""
    items = [vm("a", runStrategy="Always", disks=[{"name": "a-system"}]), vm("b", **other)]
    made = repository(None, {"dump": json.dumps({"apiVersion": "v1", "kind": "List", "items": items})})
    result = made.run("platform", "detect", "dump")
    assert (result.code, result.stdout) == (1, "")
    assert "the files are from two platforms" in result.messages


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("<html>502</html>", "page of HTML"),
        ('{"apiVersion": "v1", "items": [', "cut off"),
        ("KIND: Pod\n\nFIELDS:\n  a\t<string>\n", "explains something else"),
        ('{"openapi": "3.0.0", "components": {"schemas": {"a.Pod": {}}}}', "describes no fields"),
        ("apiVersion: v1\nkind: Pod\nmetadata: {name: a}\n", "holds only Pod"),
    ],
)
def test_hostile_files(repository: Callable, content: str, words: str) -> None:
    """What is no evidence is said in one line, with how to make some; exit code 2."""
    result = repository(None, {"dump": content}).run("platform", "detect", "dump")
    assert result.code == 2
    assert words in result.messages
    assert "kubectl get" in result.messages


NO_VM = [
    json.dumps({"apiVersion": "v1", "kind": "List", "items": []}),
    "apiVersion: v1\nkind: List\nitems: []\n",
    json.dumps(
        {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMDisk", "metadata": {"name": "a"}, "spec": {"storage": "5Gi"}}
    ),
]


@pytest.mark.parametrize("content", NO_VM)
@pytest.mark.parametrize("more", [(), ("--platform", "hikube"), ("--platform", "cozystack"), ("-o", "json")])
def test_dump_without_evidence_is_no_version(repository: Callable, content: str, more: tuple[str, ...]) -> None:
    """A namespace without a VM fits every version, and so is none, also where the platform is named."""
    result = repository(None, {"dump": content}).run("platform", "detect", "dump", *more)
    assert result.code == 1
    assert "platformVersion" not in result.stdout
    assert "The files show neither a VM nor a disk" in result.messages


FLEET = "namespace: tenant-acme\nplatform: {}\nvms: {{web: {{instanceType: u1.large, image: {}{}}}}}\n"
HIKUBE = FLEET.format("hikube", "debian-12", "")


def compare(made: object, *arguments: str) -> dict:
    """The comparison as JSON, which its schema accepts."""
    done = made.run("platform", "compare", *arguments, "-o", "json")
    answer = json.loads(done.stdout)
    schema = json.loads((Path(__file__).parents[2] / "schema/comparison.schema.json").read_text())
    assert Schema(schema).is_valid(answer)
    return answer | {"code": done.code}


def list_rows(answer: dict) -> set[tuple[str, str, str, str]]:
    return {(row["part"], row["section"], row["name"], row["change"]) for row in answer["rows"]}


def test_compare_lists_rows_and_objects(repository: Callable) -> None:
    """Fields, catalog entries and verdicts that differ are listed, and the objects that are rendered otherwise."""
    answer = compare(repository(HIKUBE), "1", "2")
    assert {
        ("field", "VMInstance", "runStrategy", "added"),
        ("catalog", "images", "debian-12", "changed"),
        ("catalog", "gpus", "nvidia.com/H100_94GB", "removed"),
        ("verdict", "VMInstance", "spec.running", "changed"),
    } <= list_rows(answer)
    (environment,) = answer["environments"]
    (web,) = environment["objects"]
    assert (web["name"], {"spec.disks", "spec.runStrategy", "spec.instanceProfile"} <= set(web["fields"])) == ("web", True)
    assert {"section": "images", "name": "debian-12"} in environment["uses"]
    assert (environment["problems"], answer["code"]) == ([], 0)


def test_compare_releases_of_cozystack(repository: Callable) -> None:
    """Two releases differ in one field; the version that an environment names does not matter, and a patch is ignored."""
    text = FLEET.format("cozystack", "ubuntu-24.04", "") + 'platformVersion: "1.0"\n'
    answer = compare(repository(text), "1.3.2", "1.4")
    assert [row for row in list_rows(answer) if row[0] == "field"] == [("field", "VMInstance", "externalAllowICMP", "added")]
    assert answer["environments"][0]["objects"][0]["fields"] == ["spec.externalAllowICMP"]
    assert (answer["from"], answer["to"]) == ("1.3", "1.4")


def test_compare_tells_what_is_refused(repository: Callable) -> None:
    """An environment that the other version refuses is an error with its remedy, and exit code 1."""
    answer = compare(repository(HIKUBE.replace("debian-12", "debian-12, instanceProfile: debian")), "1", "2")
    assert answer["code"] == 1
    assert answer["environments"][0]["problems"][0]["rule"] == "unknown-instance-profile"


def test_compare_with_itself(repository: Callable) -> None:
    """A version does not differ from itself."""
    answer = compare(repository(HIKUBE), "1", "1")
    assert (answer["rows"], answer["environments"][0]["objects"], answer["code"]) == ([], [], 0)


def test_compare_writes_text_and_nothing_else(repository: Callable) -> None:
    """The text names rows and objects, and nothing is written. Without an environment only rows are listed."""
    made = repository(HIKUBE)
    done = made.run("platform", "compare", "1", "2", "production")
    assert (done.code, "production: 1 object changed\n  VMInstance web: " in done.stdout) == (0, True)
    assert not (made.root / "manifests").exists()
    assert "rows changed" in repository(None).run("platform", "compare", "1", "2", "--platform", "hikube").stdout


@pytest.mark.parametrize(
    "arguments", [("1",), ("1", "9"), ("x", "2"), ("1", "2", "nowhere"), ("1", "2", "--platform", "hicube")]
)
def test_compare_usage(repository: Callable, arguments: tuple[str, ...]) -> None:
    """Unknown versions, environments and platforms are refused."""
    assert repository(HIKUBE).run("platform", "compare", *arguments).code == 2


@pytest.mark.parametrize(("text", "code"), [("namespace: tenant-acme\n", 0), ("namespace: tenant-acme\nvms: {web: {}}\n", 1)])
def test_compare_needs_environments_in_order(repository: Callable, text: str, code: int) -> None:
    """An environment without VMs has nothing that changes; one that no version can render is not called unchanged."""
    answer = compare(repository(text), "1", "2")
    assert (answer["code"], answer["environments"][0]["rendered"]) == (code, not code)
