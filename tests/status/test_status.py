"""`vmgen status`: each state is named right, and what is in step is left alone."""

from __future__ import annotations

import copy
import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmgen.read.schema import Schema

ENVIRONMENT = """\
platform: cozystack
namespace: tenant-acme
prices: {currency: CHF, cpu: 10, memory: 1, storage: {replicated: 0.1, local: 0.05}}
vms:
  web:
    count: 3
    instanceType: u1.large
    image: ubuntu-24.04
    externalPorts: [80, 443]
    disks: {data: 50Gi}
    sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ops@shop]
    cloudInit: |
      #cloud-config
      packages: [nginx]
  db:
    instanceType: m1.large
    image: ubuntu-24.04
    running: false
disks:
  spare: {storage: 10Gi, storageClass: local}
"""
READY = {"type": "Ready", "status": "True", "reason": "InstallSucceeded", "lastTransitionTime": "2026-11-26T10:00:00Z"}
API_DEFAULTS = {"subnets": [], "networks": [], "gpus": [], "cpuModel": "", "resources": {}, "externalAllowICMP": True}


@dataclass
class Cluster:
    """A dump in the making: the objects by kind and name."""

    repository: Any
    objects: dict[tuple[str, str], dict[str, Any]]

    def run(self, *arguments: str, content: str | None = None) -> Any:
        """Write the dump to a file and run `vmgen status` on it."""
        text = (
            json.dumps({"apiVersion": "v1", "kind": "List", "items": list(self.objects.values())})
            if content is None
            else content
        )
        (self.repository.root / "dump.json").write_text(text, encoding="utf-8")
        return self.repository.run("status", *arguments, "dump.json")

    def states(self, *arguments: str) -> dict[str, str]:
        """The state of each object that is not in step, by kind and name."""
        document = json.loads(self.run(*arguments, "-o", "json").stdout)
        return {f"{item['kind']} {item['name']}": item["state"] for item in document["objects"] if item["state"] != "in step"}

    def find(self, kind: str, name: str) -> dict[str, Any]:
        """One object, to change."""
        return self.objects[kind, name]

    def add(self, kind: str, name: str, group: str, **content: Any) -> dict[str, Any]:
        """Add an object of the platform's own."""
        item = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": {"name": name, "namespace": "tenant-acme"}, **content}
        self.objects[kind, name] = item
        return item

    def add_machine(self, name: str, printable: str = "Running", **conditions: Mapping[str, Any]) -> dict[str, Any]:
        """Add the VirtualMachine of a VM with its conditions by type."""
        rows = [{"type": type_, **row} for type_, row in conditions.items()]
        status = {"printableStatus": printable, "conditions": rows}
        return self.add("VirtualMachine", f"vm-instance-{name}", "kubevirt.io", spec={}, status=status)

    def add_volume(self, name: str, phase: str, **status: Any) -> dict[str, Any]:
        """Add the DataVolume of a disk."""
        return self.add("DataVolume", f"vm-disk-{name}", "cdi.kubevirt.io", status={"phase": phase, **status})


def read_back(document: dict[str, Any]) -> dict[str, Any]:
    """An object as the API server returns it: defaults filled in, its own metadata, a condition."""
    live = copy.deepcopy(document)
    live["metadata"].setdefault("annotations", {})["kubectl.kubernetes.io/last-applied-configuration"] = "{}"
    live["metadata"] |= {"uid": "u", "resourceVersion": "7", "creationTimestamp": "2026-11-26T09:00:00Z", "managedFields": []}
    if live["kind"] == "VMInstance":
        live["spec"] = {**API_DEFAULTS, **live["spec"]}
    live["status"] = {"conditions": [dict(READY)]}
    return live


@pytest.fixture
def cluster(repository: Callable[..., Any]) -> Cluster:
    """The fleet of ENVIRONMENT, committed, and a cluster in which all of it is as it should be."""
    return make_cluster(repository(ENVIRONMENT))


def make_cluster(made: Any) -> Cluster:
    """Render and commit a repository, and build the cluster that its manifests make."""
    result = made.run("render")
    assert result.code == 0, result.messages
    for command in (("init", "-q"), ("add", "-A"), ("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "all")):
        subprocess.run(["git", *command], cwd=made.root, check=True)
    objects = {}
    for path, content in made.files().items():
        document = yaml.safe_load(content)
        if isinstance(document, dict) and document.get("kind") in ("VMInstance", "VMDisk") and "kustomization" not in path:
            name = document["metadata"]["name"]
            key = (document["kind"], name if (document["kind"], name) not in objects else f"{path}: {name}")  # two namespaces
            objects[key] = read_back(document)
    return Cluster(made, objects)


RESTART = {"status": "True", "lastTransitionTime": "2026-11-26T11:00:00Z", "message": "a non-live-updatable field was changed"}


def set_condition(cluster: Cluster, kind: str, name: str, **condition: str) -> None:
    """Put one condition on an object, in the place of those that it has."""
    row = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-11-26T11:00:00Z", **condition}
    cluster.find(kind, name)["status"] = {"conditions": [row]}


def attach_wrong_disk(cluster: Cluster) -> None:
    """A hand edit of a list."""
    cluster.find("VMInstance", "web-1")["spec"]["disks"] = [{"name": "other"}]


# What happens to the cluster, the object that shows it, its state, and words of its details.
PLANTED: list[tuple[str, Callable[[Cluster], Any], str, str, str]] = [
    ("a size edited by hand", lambda c: c.find("VMDisk", "web-1-data")["spec"].update(storage="60Gi"), "VMDisk web-1-data", "drift", 'spec.storage: "50Gi" in Git, "60Gi" live'),
    ("a type edited by hand", lambda c: c.find("VMInstance", "web-2")["spec"].update(instanceType="u1.xlarge"), "VMInstance web-2", "drift", "spec.instanceType"),
    ("a port added", lambda c: c.find("VMInstance", "web-2")["spec"].update(externalPorts=[80, 443, 22]), "VMInstance web-2", "drift", "[80, 443] in Git, [80, 443, 22] live"),
    ("a list of disks edited", attach_wrong_disk, "VMInstance web-1", "drift", "spec.disks"),
    ("true for a number", lambda c: c.find("VMInstance", "web-1")["spec"].update(external=1), "VMInstance web-1", "drift", "true in Git, 1 live"),
    ("a field that Git lacks", lambda c: c.find("VMInstance", "web-1")["spec"].update(cpuModel="host-model"), "VMInstance web-1", "drift", "cpuModel"),
    ("a protection stripped", lambda c: c.find("VMDisk", "web-1-data")["metadata"]["annotations"].pop("argocd.argoproj.io/sync-options"), "VMDisk web-1-data", "drift", "sync-options"),
    ("a disk that is gone", lambda c: c.objects.pop(("VMDisk", "web-3-data")), "VMDisk web-3-data", "missing", "not in the dump"),
    ("a VM that is gone", lambda c: c.objects.pop(("VMInstance", "db")), "VMInstance db", "missing", "not in the dump"),
    ("disks that are no objects", lambda c: set_condition(c, "VMInstance", "web-1", reason="UpgradeFailed", message="at '/disks/0': got string, want object"), "VMInstance web-1", "failed", "takes disks as objects"),
    ("a disk that is not there", lambda c: set_condition(c, "VMInstance", "web-1", reason="InstallFailed", message="execution error: Specified disk not exists in cluster"), "VMInstance web-1", "failed", "a disk that it names is not there yet"),
    ("a value that the chart lacks", lambda c: set_condition(c, "VMInstance", "web-1", reason="InstallFailed", message="value must be one of 'alpine', 'centos.7'"), "VMInstance web-1", "failed", "does not know this value"),
    ("a quota", lambda c: set_condition(c, "VMDisk", "web-1-data", reason="InstallFailed", message="forbidden: exceeded quota: tenant-quota"), "VMDisk web-1-data", "failed", "quota of the tenant"),
    ("a message that nobody knows", lambda c: set_condition(c, "VMInstance", "web-1", reason="UpgradeFailed", message="the moon is full"), "VMInstance web-1", "failed", "the moon is full"),
    ("a release at work", lambda c: set_condition(c, "VMInstance", "web-1", reason="Progressing", message="Running 'upgrade'"), "VMInstance web-1", "pending", "Running 'upgrade'"),
    ("a release in doubt", lambda c: set_condition(c, "VMInstance", "web-1", status="Unknown", message="Reconciliation in progress"), "VMInstance web-1", "pending", "in progress"),
    ("a failed HelmRelease", lambda c: c.add("HelmRelease", "vm-disk-web-1-data", "helm.toolkit.fluxcd.io", status={"conditions": [{"type": "Released", "status": "False", "reason": "UpgradeFailed", "message": "Exactly one type of source is expected!"}]}), "VMDisk web-1-data", "failed", "two sources"),
    ("a restart that waits", lambda c: c.add_machine("web-1", RestartRequired=RESTART), "VMInstance web-1", "pending", "waits for a restart (since 2026-11-26T11:00:00Z)"),
    ("a VM that cannot be placed", lambda c: c.add_machine("web-1", "ErrorUnschedulable", Ready={"status": "False", "message": "0/5 nodes are available"}), "VMInstance web-1", "failed", "0/5 nodes"),
    ("a VM that starts", lambda c: c.add_machine("web-1", "Starting"), "VMInstance web-1", "pending", "Starting"),
    ("a VM that waits for its volume", lambda c: c.add_machine("web-1", "WaitingForVolumeBinding"), "VMInstance web-1", "pending", "WaitingForVolumeBinding"),
    ("a VM that stopped", lambda c: c.add_machine("web-1", "Stopped"), "VMInstance web-1", "failed", "Git wants it to run"),
    ("a crash loop", lambda c: c.add_machine("web-1", "CrashLoopBackOff"), "VMInstance web-1", "failed", "CrashLoopBackOff"),
    ("a missing volume", lambda c: c.add_machine("web-1", "ErrorPvcNotFound"), "VMInstance web-1", "failed", "ErrorPvcNotFound"),
    ("an import under way", lambda c: c.add_volume("web-1-system", "ImportInProgress", progress="45.0%"), "VMDisk web-1-system", "pending", "45.0% done"),
    ("an upload that waits", lambda c: c.add_volume("web-1-system", "UploadReady"), "VMDisk web-1-system", "pending", "UploadReady"),
    ("an import that failed", lambda c: c.add_volume("web-1-system", "Failed", conditions=[{"type": "Running", "status": "False", "message": "404 Not Found"}]), "VMDisk web-1-system", "failed", "404 Not Found"),
    ("a volume that is not bound", lambda c: c.add_volume("web-1-data", "WaitForFirstConsumer"), "VMDisk web-1-data", "pending", "bound when a VM that uses it starts"),
    ("a foreign VM", lambda c: c.objects.update({("VMInstance", "toy"): foreign("VMInstance", "toy", {"instanceType": "u1.large", "disks": []})}), "VMInstance toy", "orphan", "vmgen import - --env production-toy"),
    ("a foreign disk", lambda c: c.objects.update({("VMDisk", "toy"): foreign("VMDisk", "toy", {"storage": "100Gi", "storageClass": "replicated"})}), "VMDisk toy", "orphan", "100Gi, CHF 10.00 a month"),
]  # fmt: skip


def foreign(kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
    """An object that is in no environment."""
    metadata = {"name": name, "namespace": "tenant-acme"}
    return read_back({"apiVersion": "apps.cozystack.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})


@pytest.mark.parametrize(("change", "subject", "state", "words"), [row[1:] for row in PLANTED], ids=[row[0] for row in PLANTED])
def test_planted_state_is_named(
    cluster: Cluster, change: Callable[[Cluster], Any], subject: str, state: str, words: str
) -> None:
    """One thing that is not in step is named with its state and its details, and nothing else is."""
    change(cluster)
    assert cluster.states() == {subject: state}
    result = cluster.run()
    assert result.code == 1
    assert words in result.stdout


QUIET: list[tuple[str, Callable[[Cluster], Any]]] = [
    ("untouched", lambda c: None),
    ("labels and annotations of others", lambda c: c.find("VMDisk", "web-1-data")["metadata"].update(labels={"kustomize.toolkit.fluxcd.io/name": "x"})),
    ("VMs that run", lambda c: [c.add_machine(name) for name in ("web-1", "web-2", "web-3")]),
    ("a VM that is meant to be stopped", lambda c: c.add_machine("db", "Stopped")),
    ("a VM that migrates", lambda c: c.add_machine("web-1", "Migrating")),
    ("a volume that is ready", lambda c: c.add_volume("web-1-data", "Succeeded", progress="100.0%")),
    ("a local disk without a VM", lambda c: c.add_volume("spare", "WaitForFirstConsumer")),
    ("a restart that is not required", lambda c: c.add_machine("web-1", RestartRequired={"status": "False"})),
    ("objects of another namespace", lambda c: c.objects.update({("VMDisk", "elsewhere"): {**foreign("VMDisk", "elsewhere", {}), "metadata": {"name": "elsewhere", "namespace": "tenant-other"}}})),
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


def test_restarts_keep_all_but_one_of_each_group_up(cluster: Cluster) -> None:
    """One VM of a group at a time, several groups at once."""
    for name in ("web-1", "web-2", "web-3", "db"):
        cluster.add_machine(name, "Running", RestartRequired=RESTART)
    lines = cluster.run("--restarts").stdout.splitlines()
    rounds = [part.split() for part in "\n".join(lines).split("# Go on when the VMs above run again.")]
    names = [[word for word in words if word.startswith("vm-instance-")] for words in rounds]
    assert sorted(names[0]) == ["vm-instance-db", "vm-instance-web-1"]
    assert names[1:] == [["vm-instance-web-2"], ["vm-instance-web-3"]]
    assert lines[0].startswith("virtctl restart -n tenant-acme vm-instance-")


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
    from vmgen.status import dump

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
    result = cluster.repository.run("import", "got.yaml", "--env", "production-toy", "--platform", "cozystack")
    assert result.code == 0, result.messages


@pytest.mark.parametrize("storage", ["100G", "1.5Ti", "5Q", ""])
def test_size_that_is_no_whole_number_of_mi_is_shown_as_it_is(cluster: Cluster, storage: str) -> None:
    """A foreign disk may have a size that vmgen does not write: it is not shown as nothing, and has no wrong cost."""
    cluster.objects["VMDisk", "toy"] = foreign("VMDisk", "toy", {"storage": storage, "storageClass": "replicated"})
    status = next(item for item in json.loads(cluster.run("-o", "json").stdout)["objects"] if item["name"] == "toy")
    assert (status["size"], status["cost"]) == (storage or "size not known", "")


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


LIVE_HEAD = "Live, by the dump"


def plan_live(cluster: Cluster, edit: Callable[[str], str], *arguments: str) -> Any:
    """Edit the environment and plan with the dump."""
    cluster.run()
    path = cluster.repository.root / "environments/production.yaml"
    path.write_text(edit(path.read_text()))
    return cluster.repository.run("plan", "--live", "dump.json", *arguments)


def test_plan_says_what_is_so_already(cluster: Cluster) -> None:
    """A size that was changed by hand, and a change that joins a restart that waits."""
    cluster.find("VMDisk", "web-1-data")["spec"]["storage"] = "70Gi"
    cluster.add_machine("web-1", RestartRequired=RESTART)
    text = plan_live(cluster, lambda text: text.replace("50Gi", "70Gi").replace("u1.large", "u1.xlarge")).stdout
    assert "production: VMDisk web-1-data spec.storage is already so" in text
    assert "VMDisk web-2-data" not in text.partition(LIVE_HEAD)[2]
    assert "production: VMInstance web-1 waits for a restart already" in text


def test_plan_says_what_is_gone_or_there_already(cluster: Cluster) -> None:
    """A disk that somebody deleted, and one that exists under the name of a new one."""
    cluster.objects.pop(("VMDisk", "spare"))
    cluster.objects["VMDisk", "extra"] = foreign("VMDisk", "extra", {"storage": "1Gi"})
    edit = "disks:\n  extra: {storage: 1Gi}\nretire:\n  - {disk: spare, reason: gone}\n"
    text = plan_live(cluster, lambda text: text.partition("disks:\n  spare")[0] + edit).stdout
    assert "VMDisk spare is gone already" in text
    assert "VMDisk extra exists already, and is taken over" in text


@pytest.mark.parametrize(("storage", "fits"), [("1140Gi", True), ("1139Gi", False)])
def test_plan_names_the_first_object_that_a_quota_refuses(cluster: Cluster, storage: str, fits: bool) -> None:
    """Two VMs more are four disks of 140Gi in all: the quota has room for them, or not for the last."""
    status = {
        "hard": {"requests.storage": storage, "limits.cpu": "100"},
        "used": {"requests.storage": "1000Gi", "limits.cpu": "1"},
    }
    quota = cluster.add("ResourceQuota", "tenant-quota", "", status=status)
    quota["apiVersion"] = "v1"
    document = json.loads(plan_live(cluster, lambda text: text.replace("count: 3", "count: 5"), "-o", "json").stdout)
    schema = Schema(json.loads((Path(__file__).resolve().parents[2] / "schema/plan.schema.json").read_text()))
    assert list(schema.find_errors(document)) == []
    expected = [] if fits else ["does not fit: the quota tenant-quota has 19Gi of requests.storage left for it"]
    assert [note["text"] for note in document["live"]] == expected or (
        not fits and "does not fit" in document["live"][0]["text"]
    )


@pytest.mark.parametrize(("storage", "fits"), [("1030Gi", True), ("1029Gi", False)])
def test_plan_holds_what_grows_against_a_quota(cluster: Cluster, storage: str, fits: bool) -> None:
    """Three disks that grow by 10Gi each take 30Gi of a quota."""
    status = {"hard": {"requests.storage": storage}, "used": {"requests.storage": "1000Gi"}}
    cluster.add("ResourceQuota", "tenant-quota", "", status=status)["apiVersion"] = "v1"
    document = json.loads(plan_live(cluster, lambda text: text.replace("50Gi", "60Gi"), "-o", "json").stdout)
    names = [note["name"] for note in document["live"] if "does not fit" in note["text"]]
    assert names == ([] if fits else ["web-3-data"])


def test_plan_in_markdown_has_the_facts(cluster: Cluster) -> None:
    """The comment on a pull request says what is live too."""
    cluster.find("VMDisk", "web-1-data")["spec"]["storage"] = "70Gi"
    text = plan_live(cluster, lambda text: text.replace("50Gi", "70Gi"), "-o", "markdown").stdout
    assert LIVE_HEAD in text
    assert "VMDisk web-1-data spec.storage is already so" in text


def test_plan_with_a_file_that_is_no_dump(cluster: Cluster) -> None:
    """Exit code 2, as for status."""
    cluster.run(content="<html>")
    assert cluster.repository.run("plan", "--live", "dump.json").code == 2
