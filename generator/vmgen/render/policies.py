"""Policies on what was rendered: those on user data, whose text is known only now, and the repository's own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, cast

from vmgen.check.policy import Policy, Setting, severity_of, unknown_policies
from vmgen.check.rule import RuleText
from vmgen.check.rules import RULES as ON_ENVIRONMENTS
from vmgen.expand.model import Disk, Fleet, Resource, VirtualMachine
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem, Severity
from vmgen.read.located import dotted
from vmgen.read.manifests import objects
from vmgen.read.policies import OwnPolicy, own_policies
from vmgen.read.project import Project
from vmgen.render.manifests import Tree

# What in user data lets somebody in, and what keeps passwords from doing so.
_LETS_IN = re.compile(r"ssh_authorized_keys|ssh-authorized-keys|ssh_import_id|\bchpasswd\b|\bpasswd:|\bpassword:")
_NO_PASSWORDS = re.compile(
    r"""(?mix) ^ \s* ["']? ( ssh_pwauth | PasswordAuthentication ) ["']? \s* :? \s* (false|no|off|0) \b"""
)


class UserDataPolicy(NamedTuple):
    """A built-in policy that has to see the whole of a VM's user data."""

    rule: RuleText
    message: str
    key: str
    breaks: Callable[[VirtualMachine, Fleet], bool]


def _nobody_gets_in(machine: VirtualMachine, fleet: Fleet) -> bool:
    return not machine.values["sshKeys"] and not _windows(machine, fleet) and not _LETS_IN.search(machine.cloud_init)


def _takes_passwords(machine: VirtualMachine, fleet: Fleet) -> bool:
    return bool(machine.values["external"]) and not _windows(machine, fleet) and not _NO_PASSWORDS.search(machine.cloud_init)


def _windows(machine: VirtualMachine, fleet: Fleet) -> bool:
    profile = fleet.platform.catalog.profiles.get(machine.values["instanceProfile"])
    return profile is not None and profile.os == "windows"


USER_DATA_POLICIES = (
    UserDataPolicy(
        RuleText(
            "no-ssh-key",
            "warning",
            "A VM without an SSH key, and without user data that lets anybody in: nobody could log in. Windows is left out."
            "\n\nWrite `sshKeys:` on the group or in `defaults:`, or let cloud-init make a user with a key.",
        ),
        "nobody can log in: there is no SSH key, and cloud-init makes none; write `sshKeys: [{file: keys/ops.pub}]`",
        "sshKeys",
        _nobody_gets_in,
    ),
    UserDataPolicy(
        RuleText(
            "no-cloud-init-hardening",
            "warning",
            "A VM with a public address whose user data does not turn SSH passwords off. Windows is left out."
            "\n\nWrite `ssh_pwauth: false` in its cloud-init, best in a fragment that all groups merge.",
        ),
        "it has a public address, and nothing turns SSH passwords off; write `cloudInit: {ssh_pwauth: false}`",
        "cloudInit",
        _takes_passwords,
    ),
)

RULES = tuple(policy.rule for policy in USER_DATA_POLICIES)
BUILT_IN: tuple[RuleText, ...] = (*(rule for rule in ON_ENVIRONMENTS if isinstance(rule, Policy)), *RULES)


class Policies:
    """The policies of a run: which there are, and what they find."""

    def __init__(self, project: Project) -> None:
        self._own = own_policies(project, {rule.id for rule in (*ON_ENVIRONMENTS, *RULES)})
        self._ids = (*(policy.id for policy in BUILT_IN), *(policy.id for policy in self._own.all))

    def misnamed(self, environment: Environment) -> list[Problem]:
        """What is wrong in the files of policies, and in what an environment says about them."""
        return [*self._own.problems, *unknown_policies(environment, self._ids)]

    def breaches(self, environment: Environment, fleet: Fleet, tree: Tree) -> list[Problem]:
        """What the policies find in a rendered environment. VMs of a group that inherit it from one place are one."""
        found: dict[tuple[str, Place, str], list[_Breach]] = {}
        for breach in (*_in_user_data(environment, fleet), *_of_own(environment, tree, self._own.all)):
            found.setdefault((breach.policy, breach.place, breach.subject), []).append(breach)
        return [_problem(same) for same in found.values()]


class _Breach(NamedTuple):
    policy: str
    severity: Severity
    message: str
    place: Place
    subject: str
    resource: Resource


def _problem(same: list[_Breach]) -> Problem:
    """One problem for all objects that break a policy for the same reason."""
    first = same[0]
    others = len({each.resource.name for each in same}) - 1
    who = f"{first.resource.kind} {first.resource.name}" + (f" and {others} more" if others else "")
    return Problem(first.place, first.policy, first.subject, f"{first.message} ({who})", first.severity)


def _in_user_data(environment: Environment, fleet: Fleet) -> Iterator[_Breach]:
    for policy in USER_DATA_POLICIES:
        severity = severity_of(environment, policy.rule.id)
        for machine in fleet.machines if severity else ():
            if severity and policy.breaks(machine, fleet):
                place, subject = _where(machine, policy.key)
                yield _Breach(policy.rule.id, severity, policy.message, place, subject, machine)


def _of_own(environment: Environment, tree: Tree, policies: tuple[OwnPolicy, ...]) -> Iterator[_Breach]:
    on: dict[str, list[tuple[OwnPolicy, Severity]]] = {}
    for policy in policies:
        severity = severity_of(environment, policy.id, cast(Setting, policy.severity))
        if severity:
            on.setdefault(policy.kind, []).append((policy, severity))
    for path, resource in tree.resources.items() if on else ():
        looking = on.get(resource.kind, ())
        plain = objects(tree.files[path])[0] if looking else None
        for policy, severity in looking:
            for wrong, _ in policy.schema.plain_errors(plain)[:1]:
                place, subject = _where(resource, *wrong)
                yield _Breach(policy.id, severity, policy.message, place, subject, resource)


def _where(resource: Resource, *path: str | int) -> tuple[Place, str]:
    """The line of the user's that decides about a path of the manifest, and the key that messages name."""
    names = [step for step in path if isinstance(step, str) and step not in ("spec", "metadata")]
    subject = _subject(resource)
    if names and resource.settings.by_user(names[0]):
        return resource.settings.place(names[0]), dotted((subject, names[0]))
    return resource.settings.located.place, subject


def _subject(resource: Resource) -> str:
    if not resource.group:
        return f"disks.{resource.name}"
    group = f"vms.{resource.group}"
    own = isinstance(resource, Disk) and resource.name.removeprefix(f"{resource.vm}-")
    return f"{group}.disks.{own}" if own else group
