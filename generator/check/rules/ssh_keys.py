"""Rules on SSH keys. A message names the type and the comment of a key, and never what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from generator.check.rule import Finding, rule
from generator.check.ssh_key import Fault, FaultKind, SshKey, ssh_key
from generator.merge.environment import Environment
from generator.problems import Place

_LEAST_RSA_BITS = 2048


@rule("placeholder-ssh-key")
def placeholder_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key from an example, such as `ssh-rsa AAAA...` or `your-public-key-here`. Nobody could log in to the VM.

    Write your public key, mostly the one line of `~/.ssh/id_ed25519.pub`, or `{file: keys/ops.pub}`.
    """
    remedy = "write the line of your .pub file, or `{file: keys/ops.pub}`"
    for place, subject, _ in _faults(environment, "placeholder"):
        yield Finding(place, subject, f"the key is a placeholder; {remedy}")


@rule("private-ssh-key")
def private_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A private key where a public one belongs. Whoever reads the repository, or the VM's spec, could use it.

    Remove it, write the public key instead (the file that ends in .pub), and replace the pair if it was ever committed.
    """
    message = "this is a private key; remove it, write the public one (.pub), and make a new pair if it was ever committed"
    for place, subject, _ in _faults(environment, "private"):
        yield Finding(place, subject, message)


@rule("malformed-ssh-key")
def malformed_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key that no SSH server would take: cut off, with a type that does not match its content, or no key at all.

    Copy the whole line of the .pub file again. Options before the type (`from="10.0.0.0/8"`) are allowed.
    """
    for place, subject, reason in _faults(environment, "malformed"):
        yield Finding(place, subject, f"the key {reason}")


@rule("duplicate-ssh-key")
def duplicate_ssh_key(environment: Environment) -> Iterator[Finding]:
    """One key twice for the same VM, whatever the comments say: mostly a second key that was not pasted.

    Remove one.
    """
    for _, vm, path in environment.vm_settings():
        seen: dict[bytes, Place] = {}
        for index, item in enumerate(vm.values.items("sshKeys")):
            key = ssh_key(item.data) if isinstance(item.data, str) else None
            if not isinstance(key, SshKey):
                continue
            if key.body in seen:
                message = f"the key {_shown(key)} stands here already, at {seen[key.body]}; remove one"
                yield Finding(item.place, f"{path}.sshKeys[{index}]", message)
            seen.setdefault(key.body, item.place)


@rule("weak-ssh-key", "warning")
def weak_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key that current SSH servers refuse: ssh-dss, or RSA with fewer than 2048 bits.

    Make a new one: `ssh-keygen -t ed25519`.
    """
    for each in _keys(environment):
        key = each.key
        if isinstance(key, SshKey) and (key.type == "ssh-dss" or 0 < key.bits < _LEAST_RSA_BITS):
            size = f" of {key.bits} bits" if key.bits else ""
            message = f"the key {_shown(key)}{size} is refused by current servers; make one with `ssh-keygen -t ed25519`"
            yield Finding(each.place, each.subject, message)


class _Written(NamedTuple):
    place: Place
    subject: str
    key: SshKey | Fault


def _keys(environment: Environment) -> Iterator[_Written]:
    for _, vm, path in environment.vm_settings():
        for index, item in enumerate(vm.values.items("sshKeys")):
            if isinstance(item.data, str):
                yield _Written(item.place, f"{path}.sshKeys[{index}]", ssh_key(item.data))


def _faults(environment: Environment, kind: FaultKind) -> Iterator[tuple[Place, str, str]]:
    for place, subject, key in _keys(environment):
        if isinstance(key, Fault) and key.kind == kind:
            yield place, subject, key.reason


def _shown(key: SshKey) -> str:
    comment = key.comment if len(key.comment) <= 40 else f"{key.comment[:37]}..."
    return f"{key.type} '{comment}'" if comment else key.type
