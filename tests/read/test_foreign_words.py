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
    "banana: 1": "similar keys: annotations, name, names; docs/environment.md lists all",
    "disks: {data: {size: 5Gi}}": "write `storage: 50Gi`",
    "disks: {data: {mount: /x, storage: 5Gi}}": "create file systems in the VM",
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


def test_a_word_stands_for_the_key_that_was_meant() -> None:
    """The key that a foreign word stands for is not reported as missing too."""
    content, _ = read_yaml(b"vms: {web: {cores: 4}}\n", "x.yaml")
    assert content is not None
    paths = [path for path, _ in load_builtin_schema("environment").find_problems(content)]
    assert ("vms", "web", "instanceType") in paths
