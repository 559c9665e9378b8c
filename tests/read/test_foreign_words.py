"""Words and values that people bring from other tools: one line says how they are written here."""

from __future__ import annotations

import pytest

from vmgen.read.schema import load_builtin_schema
from vmgen.read.yaml_reader import read_yaml

# A line of a group, and a piece of the one message.
WORDS = {
    "cores: 4": "unknown key 'cores'; the size of a VM is its type: write `instanceType: u1.large`",
    "memory: 8Gi": "write `instanceType: u1.large`",
    "vCPUs: 4": "write `instanceType: u1.large`",
    "instance_type: x": "write `instanceType: u1.large`",
    "disk_size: 40G": "the size of the system disk is `storage: 40Gi`",
    "size: 40": "the size of the system disk is `storage: 40Gi`",
    "user: ops": "users belong to cloud-init",
    "password: x": "a password does not belong in Git",
    "tags: [a]": "write `labels: {team: shop}`",
    "started: true": "write `running: true` or `false`",
    "onboot: 1": "write `running: true` or `false`",
    "ports: [80]": "write `externalPorts: [80, 443]`",
    "user_data: x": "write `cloudInit:`",
    "replicas: 3": "write `count: 3`",
    "authorized_keys: []": "write `sshKeys: [ssh-ed25519 AAAA...]`",
    "zone: a": "the platform chooses the node",
    "imag: x": "did you mean 'image'?",
    "banana: 1": "unknown key 'banana'; docs/environment.md lists the keys",
    "externalIP: x": "write `external: true`",
    "priority: 1": "similar keys: protect, previous; docs/environment.md lists all",
    "datastore: x": "write `storageClass: replicated`",
    "owner: ops": "write a comment, or `annotations:`",
    "agent: 1": "the guest agent is a package: write `cloudInit: {packages: [qemu-guest-agent]}`",
    "bios: ovmf": "the platform sets the virtual hardware; remove it",
    "scsi0: local-lvm:20": "the platform sets the virtual hardware; remove it",
    "vlan: 12": "the platform connects each VM to the network of its tenant",
    "net0: virtio": "the platform connects each VM to the network of its tenant",
    "macAddress: x": "the platform connects each VM to the network of its tenant",
    "packages: [nginx]": "belong to cloud-init: `cloudInit: {packages: [nginx]}`",
    "timezone: UTC": "belong to cloud-init",
    "write_files: []": "belong to cloud-init",
    "nodeSelector: {}": "the platform chooses the node",
    "anti_affinity: x": "the platform chooses the node",
    "cluster: x": "`cluster:` is a key at the top of the file",
    "backup: daily": "a backup plan is an object of its own",
    "depends_on: [db]": "VMs start in any order",
    "boot_order: [a]": "the system disk comes first",
    "cdrom: x.iso": "write `disks: {iso: {url: https://..., optical: true, storage: 2Gi}}`",
    "extra_disks: {}": "write `disks: {data: 50Gi}`",
    "image_id: x": "write `image: ubuntu-2404`",
    "storage_gb: 40": "the size of the system disk is `storage: 40Gi`",
    "disks: {data: {size: 5Gi}}": "write `storage: 50Gi`",
    "disks: {data: {mount: /x, storage: 5Gi}}": "create file systems in the VM",
    "disks: {data: {size_in_gb: 5}}": "write `storage: 50Gi`",
    "disks: {data: {iops: 3000, storage: 5Gi}}": "the storage class decides how data is kept",
    "disks: {data: {prevent_destroy: true, storage: 5Gi}}": "a disk is kept until `retire:` names it",
    "disks: {data: {attach_to: web, storage: 5Gi}}": "a standalone disk is attached where a VM names it: `attach: [NAME]`",
    "disks: {data: {name: web-data, storage: 5Gi}}": "the name of a disk is its key; remove it",
}
VALUES = {
    "externalPorts: [udp/53]": "only TCP can be listed; UDP needs `externalMethod: WholeIP`",
    "externalPorts: [8211/UDP]": "only TCP can be listed; UDP needs `externalMethod: WholeIP`",
    "externalPorts: [80/tcp]": "all listed ports are TCP: write 80",
    "externalPorts: ['30000-30010']": "a range cannot be listed: write each port",
    "externalPorts: ['8080:80']": "ports are not mapped",
    "externalPorts: [https]": "write its number, such as 80",
    "externalPorts: 80,443": "write a list: `externalPorts: [80, 443]`",
    "externalPorts: 80": "write a list: `externalPorts: [80]`",
    "externalPorts: '443'": "write a list: `externalPorts: [443]`",
    "gpus: [{name: nvidia.com/x}]": "must be text, not a mapping; write the name alone, without `name:`",
    "subnets: [{name: x, ip: z}]": "not a mapping; write the name alone, without `name:`",
    "gpus: x": "must be a list, not the text 'x'; write a list, each item after `- `",
    "storage: 100GB": "write 100Gi",
    "storage: 100 G": "write 100Gi",
    "storage: 1.0TB": "write 1Ti",
    "storage: 20": "write 20Gi",
    "storage: '50'": "write 50Gi",
    "storage: 500m": "write 500Mi",
    "disks: {data: 50}": "write 50Gi",
    "disks: {data: 50g}": "write 50Gi",
    "disks: {data: {storage: 50 gb}}": "write 50Gi",
    "disks: [50Gi]": "write names and sizes: `disks: {data: 50Gi}`",
    "running: started": "write true",
    "running: stopped": "write false",
    "labels: [a]": "write `labels: {team: shop}`",
    "sshKeys: ssh-ed25519 AAAA": "write a list: `sshKeys:",
    "attach: iso": "write a list: `attach: [...]`",
}
ROOT = {
    "machines: {}": "write `vms:`",
    "kind: VMInstance": "`vmgen import FILE` converts it to an environment",
    "image: x": "keys of VMs belong to a group, or below `defaults:`",
    "name: x": "the name of an environment is the name of its file",
    "values: {}": "write `vars:`",
    "retire: [web-1-data]": "write `{disk: NAME, reason: ...}`",
    "retire: {disk: web-1-data, reason: x}": "write a list: `retire: [{disk: NAME, reason: ...}]`",
    "waivers: no-ssh-key": "write a list: `waivers: [{rule: ..., subject: ...,",
    "tenant: x": "write `namespace: tenant-NAME`",
    "version: 2": 'write `platformVersion: "1"`',
    "includes: [a.yaml]": "write `extends: [FILE]`",
    "volumes: {}": "write `disks: {NAME: {storage: 50Gi}}`",
    "argocd: {}": "write `delivery: {argocd: ...}`",
    "quota: {}": "write `budget:`",
    "user_data: x": "keys of VMs belong to a group, or below `defaults:`",
    "flavor: x": "keys of VMs belong to a group, or below `defaults:`",
}


def find_messages(text: str) -> list[str]:
    """The messages of the problems that the schema finds in an environment."""
    content, problems = read_yaml(text.encode(), "x.yaml")
    assert content is not None
    assert not problems
    return list(dict.fromkeys(problem.message for _, problem in load_builtin_schema("environment").find_problems(content)))


@pytest.mark.parametrize(("line", "says"), (WORDS | VALUES).items())
def test_in_a_group(line: str, says: str) -> None:
    """A foreign word in a group is one message, of one line, that says what to write."""
    (message,) = find_messages(f"namespace: tenant-acme\nvms:\n  web:\n    {line}\n")
    assert says in message
    assert len(message) < 200


@pytest.mark.parametrize(("line", "says"), ROOT.items())
def test_at_the_top(line: str, says: str) -> None:
    """A foreign word at the top of a file, likewise."""
    (message,) = find_messages(f"namespace: tenant-acme\n{line}\n")
    assert says in message


def test_keys_of_other_platforms_are_not_offered() -> None:
    """The keys to choose from are those that every platform has: of `gpus` and `subnets` some platforms know nothing."""
    lines = "\n".join(
        f"    {word}: 1" for word in ("pgus_of_vm", "sub_nets_x", "strategy_to_run", "cpu_mode_l", "resourcing_x")
    )
    messages = find_messages(f"namespace: tenant-acme\nvms:\n  web:\n{lines}\n")
    offers = [message.partition("similar keys: ")[2].partition(";")[0].split(", ") for message in messages]
    assert not {"gpus", "subnets", "runStrategy", "cpuModel", "resources", "networks"} & {
        key for keys in offers for key in keys
    }


@pytest.mark.parametrize("word", ["owned", "consol", "mount_x", "archi", "kvm", "ha", "pvc"])
def test_a_word_of_its_own_is_no_misspelling(word: str) -> None:
    """A word that shares a few letters with a key is not taken for it."""
    (message,) = find_messages(f"namespace: tenant-acme\nvms:\n  web:\n    {word}: 1\n")
    assert "did you mean" not in message


@pytest.mark.parametrize(
    ("word", "key"),
    [("imge", "image"), ("lables", "labels"), ("dsks", "disks"), ("instnaceTyp", "instanceType"), ("stor", "storage")],
)
def test_a_misspelling_is_recognised(word: str, key: str) -> None:
    """A key with wrong, missing or swapped letters, or its beginning, is recognised."""
    (message,) = find_messages(f"namespace: tenant-acme\nvms:\n  web:\n    {word}: 1\n")
    assert f"did you mean '{key}'?" in message


def test_each_key_of_a_group_has_its_place_at_the_top() -> None:
    """A key of a group at the top of a file is no unknown word."""
    definitions = load_builtin_schema("environment").document
    keys = definitions["$defs"]["group"]["properties"].keys() - definitions["properties"].keys()
    for key in sorted(keys - {"name", "instances", "resources"}):  # more people mean something else by these
        (message,) = find_messages(f"namespace: tenant-acme\n{key}: x\n")
        assert "keys of VMs belong to a group, or below `defaults:`" in message, key


def test_words_of_a_place_are_of_that_place() -> None:
    """A budget has the key `vms` too, and is no top of a file."""
    (message,) = find_messages("namespace: tenant-acme\nbudget: {cores: 4}\n")
    assert "unknown key 'cores'" in message
    assert "belong to a group" not in message


def test_an_item_of_a_list_is_not_advised_to_be_a_list() -> None:
    """A number that is no port is in a list already."""
    (message,) = find_messages("namespace: tenant-acme\nvms: {web: {externalPorts: [0]}}\n")
    assert "write a list" not in message


def test_a_word_stands_for_the_key_that_was_meant() -> None:
    """The key that a foreign word stands for is not reported as missing too."""
    content, _ = read_yaml(b"vms: {web: {cores: 4}}\n", "x.yaml")
    assert content is not None
    paths = [path for path, _ in load_builtin_schema("environment").find_problems(content)]
    assert ("vms", "web", "instanceType") in paths
