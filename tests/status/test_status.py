"""`vmgen status`: each state is named right, and what is in step is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.status.cluster import RESTART, Cluster, foreign, make_cluster, set_condition
from vmgen.read.schema import Schema

QUIET: list[tuple[str, Callable[[Cluster], Any]]] = [
    ("untouched", lambda c: None),
    ("labels and annotations of others", lambda c: c.find("VMDisk", "web-1-data")["metadata"]["labels"].update({"kustomize.toolkit.fluxcd.io/name": "x"})),
    ("VMs that run", lambda c: [c.add_machine(name) for name in ("web-1", "web-2", "web-3")]),
    ("a VM that is meant to be stopped", lambda c: c.add_machine("db", "Stopped")),
    ("a VM that migrates", lambda c: c.add_machine("web-1", "Migrating")),
    ("a volume that is ready", lambda c: c.add_volume("web-1-data", "Succeeded", progress="100.0%")),
    ("a local disk without a VM", lambda c: c.add_volume("spare", "WaitForFirstConsumer")),
    ("a restart that is not required", lambda c: c.add_machine("web-1", RestartRequired={"status": "False"})),
    ("objects of another namespace", lambda c: c.objects.update({("VMDisk", "elsewhere"): {**foreign("VMDisk", "elsewhere", {}), "metadata": {"name": "elsewhere", "namespace": "tenant-other"}}})),
    ("a bus that is empty", lambda c: [disk.update(bus="") for disk in c.find("VMInstance", "web-1")["spec"]["disks"]]),
    ("a bus that is null", lambda c: [disk.update(bus=None) for disk in c.find("VMInstance", "web-1")["spec"]["disks"]]),
    ("a kind of the same name", lambda c: c.add("VMDisk", "spare2", "example.com")),
]  # fmt: skip


@pytest.mark.parametrize("change", [row[1] for row in QUIET], ids=[row[0] for row in QUIET])
def test_what_is_in_step_is_left_alone(cluster: Cluster, change: Callable[[Cluster], Any]) -> None:
    """What the platform and the engines add is no drift."""
    change(cluster)
    result = cluster.run()
    assert cluster.states() == {}
    assert result.code == 0
    assert "12 of 12 in step." in result.stdout


CASES = Path(__file__).resolve().parents[1] / "cases"
RENDERED = sorted(path.name for path in CASES.iterdir() if (path / "expected").is_dir() or (path / "manifests").is_dir())


@pytest.mark.parametrize("case", RENDERED)
def test_fleets_that_use_every_feature_are_in_step(case: str, new_repository: Callable[..., Any]) -> None:
    """What the golden trees hold, read back with the platform's defaults, has no drift on either platform."""
    folder = CASES / case
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    made = new_repository(
        {name: content for name, content in files.items() if name.split("/")[0] in ("environments", "templates")}
    )
    cluster = make_cluster(made)
    assert len(cluster.objects) > 0
    assert cluster.states() == {}


def test_what_the_dump_lacks_is_not_guessed(cluster: Cluster) -> None:
    """Without virtualmachines nothing is said of restarts but that they are not known."""
    assert "restarts: not known, the dump has no virtualmachines" in cluster.run().stdout
    cluster.add_machine("web-1")
    assert "restarts: not known" not in cluster.run().stdout


def test_empty_list_is_all_missing_and_a_question(cluster: Cluster) -> None:
    """An empty list may be of the wrong namespace."""
    result = cluster.run(content='{"apiVersion": "v1", "kind": "List", "items": []}')
    assert result.code == 1
    assert "0 of 12 in step; 12 missing." in result.stdout
    assert "was it made for the namespace tenant-acme?" in result.stdout


def test_restart_names_the_change_that_waits(cluster: Cluster) -> None:
    """The instance type and the volumes of the running instance are compared with those that are asked for."""
    machine = cluster.add_machine("web-1", RestartRequired=RESTART)
    machine["spec"] = {
        "instancetype": {"name": "u1.2xlarge"},
        "template": {"spec": {"volumes": [{"dataVolume": {"name": "vm-disk-new"}}]}},
    }
    running = cluster.add("VirtualMachineInstance", "vm-instance-web-1", "kubevirt.io", spec={"volumes": []})
    running["metadata"]["annotations"] = {"kubevirt.io/cluster-instancetype-name": "u1.large"}
    assert "for instance type u1.large to u1.2xlarge, disk vm-disk-new attached" in cluster.run().stdout


def test_warning_event_is_the_reason(cluster: Cluster) -> None:
    """The newest warning of the VirtualMachine explains why it does not run."""
    cluster.add_machine("web-1", "ErrorUnschedulable")
    for name, when, message in (
        ("a", "2026-11-26T10:00:00Z", "old"),
        ("b", "2026-11-26T11:00:00Z", "no node has so much memory"),
    ):
        event = cluster.add("Event", name, "", type="Warning", lastTimestamp=when, message=message)
        event |= {"apiVersion": "v1", "involvedObject": {"kind": "VirtualMachine", "name": "vm-instance-web-1"}}
    assert "ErrorUnschedulable: no node has so much memory" in cluster.run().stdout


def test_what_is_committed_counts(cluster: Cluster) -> None:
    """What Git says is HEAD, not the working tree; another ref can be named."""
    for path in (cluster.repository.root / "manifests").rglob("web-1-data.yaml"):
        path.write_text(path.read_text().replace("50Gi", "70Gi"))
    assert cluster.states() == {}
    assert cluster.run("--against", "nope").code == 2


def test_vm_is_an_orphan_where_nothing_is_committed(new_repository: Callable[..., Any]) -> None:
    """Before the first commit of an environment, its namespace is known from its file."""
    made = new_repository({"environments/production.yaml": "namespace: tenant-acme\nvms: {}\n"})
    made.write({"dump.json": json.dumps({"kind": "List", "apiVersion": "v1", "items": [foreign("VMInstance", "toy", {})]})})
    done = made.run("status", "dump.json")
    assert done.code == 1
    assert "VMInstance toy" in done.stdout
    assert "orphan" in done.stdout


def test_object_of_another_environment_is_not_an_orphan(repository: Callable[..., Any]) -> None:
    """A named environment leaves the objects of its neighbour in the namespace alone."""
    other = "platform: cozystack\nnamespace: tenant-acme\nvms: {api: {instanceType: u1.large, image: ubuntu-24.04}}\n"
    web = other.replace("api:", "web:")
    cluster = make_cluster(repository(web, {"environments/staging.yaml": other}))
    assert set(cluster.states("staging").values()) == {"other environment"}
    assert cluster.run("staging").code == 0


@pytest.mark.parametrize("form", ["text", "json", "markdown", "github"])
def test_no_secret_is_printed(cluster: Cluster, form: str) -> None:
    """What is live may hold secrets that nobody committed: cloud-init, messages, events."""
    token = "ghp_" + "a1B2" * 9
    live = cluster.find("VMInstance", "web-1")
    live["spec"]["cloudInit"] = f"#cloud-config\nchpasswd: {{expire: false}}\npassword: hunter2secret\nnote: {token}\n"
    live["metadata"]["annotations"]["note"] = token
    cluster.find("VMInstance", "web-2")["spec"]["cloudInitSeed"] = token
    set_condition(cluster, "VMInstance", "web-3", reason="UpgradeFailed", message=f"password: hunter2secret {token}")
    result = cluster.run("-o", form)
    assert result.code == 1
    assert token not in result.stdout + result.messages
    assert "hunter2secret" not in result.stdout + result.messages


def test_json_has_the_shape_of_its_schema(cluster: Cluster) -> None:
    """The published schema describes the document."""
    cluster.objects.pop(("VMDisk", "spare"))
    cluster.find("VMDisk", "web-1-data")["spec"]["storage"] = "60Gi"
    document = json.loads(cluster.run("-o", "json").stdout)
    schema = Schema(json.loads((Path(__file__).resolve().parents[2] / "schema/status.schema.json").read_text()))
    assert list(schema.find_errors(document)) == []


def test_github_names_the_manifest(cluster: Cluster) -> None:
    """An annotation is at the manifest of its object."""
    cluster.find("VMDisk", "web-1-data")["spec"]["storage"] = "60Gi"
    assert (
        "::error file=manifests/production/disks/web/web-1-data.yaml,title=live-drift::" in cluster.run("-o", "github").stdout
    )


def test_markdown_takes_no_orders_from_the_cluster(cluster: Cluster) -> None:
    """A message of the platform is text, whatever it holds."""
    set_condition(cluster, "VMInstance", "web-1", reason="UpgradeFailed", message="<script>x</script> | [a](http://b) @all")
    text = cluster.run("-o", "markdown").stdout
    assert "<script>" not in text
    assert "@all" not in text


def test_yaml_is_a_dump_too(cluster: Cluster) -> None:
    """`-o yaml`, one list or several documents."""
    items = list(cluster.objects.values())
    assert cluster.run(content=yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})).code == 0
    assert cluster.run(content=yaml.safe_dump_all(items)).code == 0
    assert cluster.run(content="\n".join(json.dumps(item) for item in items)).code == 0


@pytest.mark.parametrize("depth", [1, 2, 40])
def test_lists_in_lists_and_lists_of_one_kind(cluster: Cluster, depth: int) -> None:
    """What joins several dumps makes lists of lists; a list of one kind, as the API server gives it, names the kind once."""
    by_kind: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for item in cluster.objects.values():
        bare = {key: value for key, value in item.items() if key not in ("kind", "apiVersion")}
        by_kind.setdefault((item["kind"], item["apiVersion"]), []).append(bare)
    lists = [{"kind": f"{kind}List", "apiVersion": version, "items": items} for (kind, version), items in by_kind.items()]
    content: dict[str, Any] = {"kind": "List", "apiVersion": "v1", "items": lists}
    for _ in range(depth - 1):
        content = {"kind": "List", "apiVersion": "v1", "items": [content]}
    result = cluster.run(content=json.dumps(content))
    assert (result.code, result.stdout.splitlines()[0]) == (0, cluster.run().stdout.splitlines()[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ('{"kind": "List", "items": [{"kind"', "is cut off"),
        ("<!DOCTYPE html><html>502 Bad Gateway</html>", "page of HTML"),
        ("NAME   AGE\nweb-1  5d\n", "no object of Kubernetes"),
        ('{"apiVersion": "v1", "kind": "Status", "message": "forbidden"}', "error message of the API server"),
        ('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}', "holds only Pod"),
        ("[1, 2]", "no object of Kubernetes"),
        ('{"apiVersion": "v1", "kind": "List", "items": [1]}', "something else than objects"),
        ('{"kind": "List", "items": [{"kind": "List", "items": [1]}]}', "something else than objects"),
        ('{"kind": "List", "items": [], "metadata": {"continue": "x"}}', "one page of a longer list"),
        ('{"kind": "List", "items": [], "metadata": {"remainingItemCount": 5}}', "one page of a longer list"),
        ("a: [\n", "is cut off or neither JSON nor YAML"),
        ("[" * 100_000, "is cut off or neither JSON nor YAML"),
    ],
)
def test_what_is_no_dump_is_one_clear_error(cluster: Cluster, content: str, words: str) -> None:
    """Exit code 2, and the line that makes a dump."""
    result = cluster.run(content=content)
    assert result.code == 2
    assert words in result.messages
    assert len(result.messages.splitlines()) == 1


def test_file_that_is_not_there(cluster: Cluster) -> None:
    """The last word is the dump."""
    result = cluster.repository.run("status", "production")
    assert result.code == 2
    assert "production cannot be read" in result.messages


def test_size_limits_are_exact(monkeypatch: pytest.MonkeyPatch, cluster: Cluster) -> None:
    """A dump of the limit is read, one byte more is refused."""
    from vmgen.read import dump

    text = yaml.safe_dump_all(list(cluster.objects.values()))
    monkeypatch.setattr(dump, "_MIB", len(text))
    monkeypatch.setattr(dump, "MAX_YAML_MIB", 1)
    assert cluster.run(content=text).code == 0
    result = cluster.run(content=text + "\n")
    assert result.code == 2
    assert "larger than 1 MiB" in result.messages


def test_command_that_adopts_a_vm_works(cluster: Cluster) -> None:
    """A VM is adopted with its disks, since import takes none without them: what the command gets, imports."""
    disks = [{"name": "toy-system"}, {"name": "toy-data"}]
    items = [
        foreign("VMInstance", "toy", {"instanceType": "u1.large", "instanceProfile": "ubuntu", "disks": disks}),
        foreign(
            "VMDisk",
            "toy-system",
            {"source": {"image": {"name": "ubuntu-24.04"}}, "storage": "20Gi", "storageClass": "replicated"},
        ),
        foreign("VMDisk", "toy-data", {"storage": "50Gi", "storageClass": "replicated"}),
    ]
    cluster.objects |= {(item["kind"], item["metadata"]["name"]): item for item in items}
    status = next(item for item in json.loads(cluster.run("-o", "json").stdout)["objects"] if item["name"] == "toy")
    asked = status["adopt"].split(" -n ")[0].split()[2:]
    assert asked == ["vminstances/toy", "vmdisks/toy-system", "vmdisks/toy-data"]
    plural = {"vminstances": "VMInstance", "vmdisks": "VMDisk"}
    got = [cluster.objects[plural[word.split("/")[0]], word.split("/")[1]] for word in asked]
    (cluster.repository.root / "got.yaml").write_text(yaml.safe_dump_all(got))
    arguments = status["adopt"].partition("| vmgen import - ")[2].split()
    assert arguments == ["--env", "production-toy", "--platform", "cozystack", "--platform-version", "1.6"]
    result = cluster.repository.run("import", "got.yaml", *arguments)
    assert result.code == 0, result.messages


@pytest.mark.parametrize(
    ("storage", "size", "cost"),
    [
        ("100G", "100G", "CHF 9.31 a month"),
        ("1.5Ti", "1536Gi", "CHF 153.60 a month"),
        (107374182400, "100Gi", "CHF 10.00 a month"),
        ("5Q", "5Q", ""),
        ("", "size not known", ""),
    ],
)
def test_size_of_a_foreign_disk(cluster: Cluster, storage: object, size: str, cost: str) -> None:
    """A foreign disk counts in each notation; a size that is none is shown as it is, and has no wrong cost."""
    cluster.objects["VMDisk", "toy"] = foreign("VMDisk", "toy", {"storage": storage, "storageClass": "replicated"})
    status = next(item for item in json.loads(cluster.run("-o", "json").stdout)["objects"] if item["name"] == "toy")
    assert (status["size"], status["cost"]) == (size, cost)


@pytest.mark.parametrize("field", ["gpus", "resources", "instanceType", "disks", "external"])
@pytest.mark.parametrize("value", [True, 5, "text", {"a": 1}, [None], [[]]])
def test_orphan_with_odd_values_is_named(cluster: Cluster, field: str, value: object) -> None:
    """The API stores any value in a spec, so each may be in a dump."""
    cluster.objects["VMInstance", "toy"] = foreign("VMInstance", "toy", {"instanceType": "u1.large", field: value})
    assert cluster.states() == {"VMInstance toy": "orphan"}


def test_commands_quote_what_a_dump_names(cluster: Cluster) -> None:
    """A command to paste runs nothing that a name in the dump holds."""
    name = "x; touch hacked"
    item = foreign("VMDisk", name, {"storage": "1Gi"})
    cluster.objects["VMDisk", name] = item
    assert f"vmdisks/'{name}'" not in (text := cluster.run().stdout)
    assert f"'vmdisks/{name}' -n tenant-acme" in text
    assert f"'production-{name}'" in text


@pytest.mark.parametrize("text", ["{}", "groups: 1", "messages: [{contains: x}]", "a: b: c", "machine: {stoppedBy: [1]}"])
def test_own_table_of_another_shape_is_a_problem(cluster: Cluster, text: str) -> None:
    """A repository's own table is held to its schema: exit code 1 at its line, no traceback."""
    cluster.repository.write({"templates/shared/status.yaml": text + "\n"})
    for result in (cluster.run(), cluster.repository.run("plan", "--live", "dump.json")):
        assert result.code == 1
        assert "templates/shared/status.yaml:1:" in result.messages


def test_own_table_may_extend_the_built_in_one(cluster: Cluster) -> None:
    """A message of one's own platform is added in a few lines."""
    row = "{contains: the moon is full, says: wait for the new moon}"
    built_in = (Path(__file__).resolve().parents[2] / "templates/shared/status.yaml").read_text()
    own = {
        "templates/shared/known.yaml": built_in,
        "templates/shared/status.yaml": f"extends: [shared/known.yaml]\nmessages: [{row}]\n",
    }
    cluster.repository.write(own)
    set_condition(cluster, "VMInstance", "web-1", reason="UpgradeFailed", message="the moon is full")
    assert "wait for the new moon" in cluster.run().stdout


@pytest.mark.parametrize("printable", ["Running", "Migrating"])
def test_vm_that_runs_and_should_not_is_named(cluster: Cluster, printable: str) -> None:
    """A chart that ignores `running: false` lets the VM run: the object is as in Git, and the VM is not."""
    assert cluster.find("VMInstance", "db")["spec"]["runStrategy"] == "Halted"
    cluster.add_machine("db", printable)
    assert cluster.states() == {"VMInstance db": "failed"}
    assert f"the VM is {printable}, and Git wants it stopped" in cluster.run().stdout


@pytest.mark.parametrize("ingress", [[{"ip": "192.0.2.1"}], [{"hostname": "a.example.com"}]])
def test_public_address_that_is_there_is_no_news(cluster: Cluster, ingress: list[dict[str, str]]) -> None:
    """A Service with an address, one of a VM that is not public, and none in the dump, are left alone."""
    cluster.add_service("web-1", ingress)
    cluster.add_service("db", [])
    assert cluster.states() == {}


@pytest.mark.parametrize(
    ("used", "said"), [("100", True), ("120", True), ("99", False), ("99500m", False), ("100000m", True), ("many", False)]
)
def test_quota_that_is_used_up_is_said(cluster: Cluster, used: str, said: bool) -> None:
    """It is what the next VM fails on; it is no state of an object."""
    status = {"hard": {"limits.cpu": "100"}, "used": {"limits.cpu": used}}
    cluster.add("ResourceQuota", "tenant-quota", "", status=status)["apiVersion"] = "v1"
    result = cluster.run()
    assert result.code == 0
    text = f"the quota tenant-quota of tenant-acme is used up: {used} of 100 of limits.cpu"
    assert (text in result.stdout) is said


def test_dump_is_of_one_cluster(repository: Callable[..., Any]) -> None:
    """Environments of several clusters are compared by name; the objects of another cluster are not owners here."""
    text = "platform: cozystack\nplatformVersion: '1.6'\ncluster: {0}\nnamespace: tenant-acme\n"
    text += "vms: {{{1}: {{instanceType: u1.large, image: ubuntu-24.04}}}}\n"
    other = {"environments/geneva.yaml": text.format("geneva", "web")}
    cluster = make_cluster(repository(text.format("zurich", "db"), other))
    for command in (cluster.run(), cluster.repository.run("plan", "--live", "dump.json")):
        assert command.code == 2
        assert "a dump is of one cluster" in command.messages
        assert "geneva of geneva; production of zurich" in command.messages
    assert cluster.states("geneva") == {"VMDisk db-system": "orphan", "VMInstance db": "orphan"}
