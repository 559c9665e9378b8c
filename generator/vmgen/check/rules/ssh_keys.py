"""Rules on SSH keys. A message names the type and the comment of a key, and never what is in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment, VmSettings
from vmgen.problems import Place

if TYPE_CHECKING:  # imported for the first key
    from vmgen.check.ssh_key import SshKey, SshKeyFault, SshKeyFaultKind

_MIN_RSA_BITS = 2048


@rule("placeholder-ssh-key")
def placeholder_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key from an example, such as `ssh-rsa AAAA...` or `your-public-key-here`. Nobody could log in to the VM.

    Write your public key, mostly the one line of `~/.ssh/id_ed25519.pub`, or `{file: keys/ops.pub}`.
    """
    remedy = "write the line of your .pub file, or `{file: keys/ops.pub}`"
    for place, subject, _ in _find_faults(environment, "placeholder"):
        yield Finding(place, subject, f"the key is a placeholder; {remedy}")


@rule("private-ssh-key")
def private_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A private key where a public one belongs. Whoever reads the repository, or the VM's spec, could use it.

    Remove it, write the public key instead (the file that ends in .pub), and replace the pair if it was ever committed.
    """
    message = "this is a private key; remove it, write the public one (.pub), and make a new pair if it was ever committed"
    for place, subject, _ in _find_faults(environment, "private"):
        yield Finding(place, subject, message)


@rule("malformed-ssh-key")
def malformed_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key that no SSH server would take: cut off, with a type that does not match its content, or no key at all.

    Copy the whole line of the .pub file again. Options before the type (`from="10.0.0.0/8"`) are allowed.
    """
    for place, subject, reason in _find_faults(environment, "malformed"):
        yield Finding(place, subject, f"the key {reason}")


@rule("duplicate-ssh-key")
def duplicate_ssh_key(environment: Environment) -> Iterator[Finding]:
    """One key twice for the same VM, whatever the comments say: mostly a second key that was not pasted.

    Remove one.
    """
    for _, vm, path in environment.vm_settings():
        seen: dict[bytes, Place] = {}
        for each in _iter_vm_entries(vm, path):
            if each.key and each.key.body in seen:
                message = f"the key {_format_key(each.key)} stands here already, at {seen[each.key.body]}; remove one"
                yield Finding(each.place, each.subject, message)
            if each.key:
                seen.setdefault(each.key.body, each.place)


@rule("weak-ssh-key", "warning")
def weak_ssh_key(environment: Environment) -> Iterator[Finding]:
    """A key that current SSH servers refuse: ssh-dss, or RSA with fewer than 2048 bits.

    Make a new one: `ssh-keygen -t ed25519`.
    """
    for each in _iter_entries(environment):
        key = each.key
        if key and (key.type == "ssh-dss" or 0 < key.bits < _MIN_RSA_BITS):
            size = f" of {key.bits} bits" if key.bits else ""
            message = f"the key {_format_key(key)}{size} is refused by current servers; make one with `ssh-keygen -t ed25519`"
            yield Finding(each.place, each.subject, message)


class _KeyEntry(NamedTuple):
    """A text in the place of a key: the key, or else what is wrong with it."""

    place: Place
    subject: str
    key: SshKey | None
    fault: SshKeyFault | None


def _iter_entries(environment: Environment) -> Iterator[_KeyEntry]:
    for _, vm, path in environment.vm_settings():
        yield from _iter_vm_entries(vm, path)


def _iter_vm_entries(vm: VmSettings, path: str) -> Iterator[_KeyEntry]:
    for index, item in enumerate(vm.values.get_items("sshKeys")):
        if isinstance(item.data, str):
            from vmgen.check.ssh_key import SshKey, parse_ssh_key

            found = parse_ssh_key(item.data)
            key, fault = (found, None) if isinstance(found, SshKey) else (None, found)
            yield _KeyEntry(item.place, f"{path}.sshKeys[{index}]", key, fault)


def _find_faults(environment: Environment, kind: SshKeyFaultKind) -> Iterator[tuple[Place, str, str]]:
    for each in _iter_entries(environment):
        if each.fault and each.fault.kind == kind:
            yield each.place, each.subject, each.fault.reason


def _format_key(key: SshKey) -> str:
    comment = key.comment if len(key.comment) <= 40 else f"{key.comment[:37]}..."
    return f"{key.type} '{comment}'" if comment else key.type
