"""The repository's own policies: files under `policies/`, each a JSON Schema for the rendered objects of one kind.

They are data. Nothing in them runs, and a `$ref` leads nowhere but into the file itself.

Policies on what was rendered: those on user data, whose text is known only now, and the repository's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import NamedTuple, cast

from vmgen.check.policy import Policy, PolicySeverity, find_unknown_policies, get_policy_severity
from vmgen.check.rules import RULES as ON_ENVIRONMENTS
from vmgen.expand.model import Disk, Fleet, Resource, VirtualMachine
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem, Severity
from vmgen.read.located import Located, format_path
from vmgen.read.manifests import parse_objects
from vmgen.read.repository import Project
from vmgen.read.schema import Schema, SchemaError, load_builtin_schema
from vmgen.read.yaml_reader import read_yaml
from vmgen.render.manifests import Tree
from vmgen.rules import NO_CLOUD_INIT_HARDENING, NO_SSH_KEY, Rule

POLICIES_FOLDER = "policies"


class RepositoryPolicy(NamedTuple):
    """A policy from a file. `severity` is error, warning or off, and holds where no environment says otherwise."""

    id: str
    severity: str
    kind: str
    message: str
    place: Place
    schema: Schema


class PolicyFiles(NamedTuple):
    """All of them, and what was wrong in their files."""

    policies: tuple[RepositoryPolicy, ...]
    problems: tuple[Problem, ...]


def load_policy_files(project: Project, taken: Collection[str]) -> PolicyFiles:
    """The policies of a repository. `taken` are the ids that the program has given away."""
    folder = project.root / POLICIES_FOLDER
    problems: list[Problem] = []
    found: dict[str, RepositoryPolicy] = {}
    paths = sorted(folder.glob("*.yaml")) if folder.is_dir() else []
    for path in paths:
        policy = _load_policy(path, project, problems)
        if policy is None:
            continue
        if policy.id in found or policy.id in taken:
            where = f"at {found[policy.id].place}" if policy.id in found else "in vmgen"
            message = f"the id '{policy.id}' is used already, {where}; take another one"
            problems.append(Problem(policy.place, "duplicate-policy", "id", message))
        else:
            found[policy.id] = policy
    return PolicyFiles(tuple(found.values()), tuple(problems))


def _load_policy(path: Path, project: Project, problems: list[Problem]) -> RepositoryPolicy | None:
    shown = project.display_path(path)
    try:
        content, wrong = read_yaml(path.read_bytes(), shown)
    except OSError as error:
        content, wrong = None, [Problem(Place(shown), "unreadable-file", "", f"cannot be read: {error.strerror}")]
    if content is not None and not wrong:
        wrong = [problem for _, problem in load_builtin_schema("policy").find_problems(content)]
    problems.extend(wrong)
    if content is None or wrong:
        return None
    written = content.data["schema"]
    try:
        schema = Schema(content.get_plain("schema"))
    except SchemaError as error:
        at = _find_deepest(written, error.path)
        message = f"is no JSON Schema: {error}"
        problems.append(Problem(at.place, "invalid-policy", format_path(("schema", *error.path)), message))
        return None
    severity = content.get_plain("severity", "error")
    place = content.data["id"].place
    return RepositoryPolicy(
        content.get_plain("id"), severity, content.get_plain("kind"), content.get_plain("message"), place, schema
    )


def _find_deepest(written: Located, path: tuple[str | int, ...]) -> Located:
    """The located value at a path, as far as the path leads."""
    for step in path:
        below = written.get(step) if isinstance(step, str) else written.items[step]
        if below is None:
            break
        written = below
    return written


# What in user data lets somebody in, and what keeps passwords from doing so.
_LOGIN_PATTERN = re.compile(r"ssh_authorized_keys|ssh-authorized-keys|ssh_import_id|\bchpasswd\b|\bpasswd:|\bpassword:")
_PASSWORD_LOGIN_DISABLED = re.compile(
    r"""(?mix) ^ \s* ["']? ( ssh_pwauth | PasswordAuthentication ) ["']? \s* :? \s* (false|no|off|0) \b"""
)


class UserDataPolicy(NamedTuple):
    """A built-in policy that has to see the whole of a VM's user data."""

    rule: Rule
    message: str
    key: str
    is_violated_by: Callable[[VirtualMachine, Fleet], bool]


def _has_no_login(machine: VirtualMachine, fleet: Fleet) -> bool:
    return not machine.values["sshKeys"] and not _is_windows(machine, fleet) and not _LOGIN_PATTERN.search(machine.cloud_init)


def _has_password_login(machine: VirtualMachine, fleet: Fleet) -> bool:
    return (
        bool(machine.values["external"])
        and not _is_windows(machine, fleet)
        and not _PASSWORD_LOGIN_DISABLED.search(machine.cloud_init)
    )


def _is_windows(machine: VirtualMachine, fleet: Fleet) -> bool:
    profile = fleet.platform.catalog.profiles.get(machine.values["instanceProfile"])
    return profile is not None and profile.os == "windows"


USER_DATA_POLICIES = (
    UserDataPolicy(
        NO_SSH_KEY,
        "nobody can log in: there is no SSH key, and cloud-init makes none; write `sshKeys: [{file: keys/ops.pub}]`",
        "sshKeys",
        _has_no_login,
    ),
    UserDataPolicy(
        NO_CLOUD_INIT_HARDENING,
        "it has a public address, and nothing turns SSH passwords off; write `cloudInit: {ssh_pwauth: false}`",
        "cloudInit",
        _has_password_login,
    ),
)

USER_DATA_RULES = tuple(policy.rule for policy in USER_DATA_POLICIES)
BUILT_IN_POLICIES: tuple[Rule, ...] = (
    *(rule for rule in ON_ENVIRONMENTS if isinstance(rule, Policy)),
    *USER_DATA_RULES,
)


class PolicyChecker:
    """The policies of a run: which there are, and what they find."""

    def __init__(self, project: Project) -> None:
        self._policy_files = load_policy_files(project, {rule.id for rule in (*ON_ENVIRONMENTS, *USER_DATA_RULES)})
        self._ids = (*(policy.id for policy in BUILT_IN_POLICIES), *(policy.id for policy in self._policy_files.policies))

    def find_definition_problems(self, environment: Environment) -> list[Problem]:
        """What is wrong in the files of policies, and in what an environment says about them."""
        return [*self._policy_files.problems, *find_unknown_policies(environment, self._ids)]

    def find_violations(self, environment: Environment, fleet: Fleet, tree: Tree) -> list[Problem]:
        """What the policies find in a rendered environment. VMs of a group that inherit it from one place are one."""
        found: dict[tuple[str, Place, str], list[_PolicyViolation]] = {}
        for breach in (
            *_check_user_data(environment, fleet),
            *_check_repository_policies(environment, tree, self._policy_files.policies),
        ):
            found.setdefault((breach.policy, breach.place, breach.subject), []).append(breach)
        return [_build_problem(same) for same in found.values()]


class _PolicyViolation(NamedTuple):
    policy: str
    severity: Severity
    message: str
    place: Place
    subject: str
    resource: Resource


def _build_problem(same: list[_PolicyViolation]) -> Problem:
    """One problem for all objects that break a policy for the same reason."""
    first = same[0]
    others = len({each.resource.name for each in same}) - 1
    who = f"{first.resource.kind} {first.resource.name}" + (f" and {others} more" if others else "")
    return Problem(first.place, first.policy, first.subject, f"{first.message} ({who})", first.severity)


def _check_user_data(environment: Environment, fleet: Fleet) -> Iterator[_PolicyViolation]:
    for policy in USER_DATA_POLICIES:
        severity = get_policy_severity(environment, policy.rule.id)
        for machine in fleet.machines if severity else ():
            if severity and policy.is_violated_by(machine, fleet):
                place, subject = _locate(machine, policy.key)
                yield _PolicyViolation(policy.rule.id, severity, policy.message, place, subject, machine)


def _check_repository_policies(
    environment: Environment, tree: Tree, policies: tuple[RepositoryPolicy, ...]
) -> Iterator[_PolicyViolation]:
    on: dict[str, list[tuple[RepositoryPolicy, Severity]]] = {}
    for policy in policies:
        severity = get_policy_severity(environment, policy.id, cast(PolicySeverity, policy.severity))
        if severity:
            on.setdefault(policy.kind, []).append((policy, severity))
    for path, resource in tree.resources.items() if on else ():
        looking = on.get(resource.kind, ())
        plain = parse_objects(tree.files[path])[0] if looking else None
        for policy, severity in looking:
            for wrong, _ in policy.schema.find_errors(plain)[:1]:
                place, subject = _locate(resource, *wrong)
                yield _PolicyViolation(policy.id, severity, policy.message, place, subject, resource)


def _locate(resource: Resource, *path: str | int) -> tuple[Place, str]:
    """The line of the user's that decides about a path of the manifest, and the key that messages name."""
    names = [step for step in path if isinstance(step, str) and step not in ("spec", "metadata")]
    subject = _build_subject(resource)
    if names and resource.settings.is_set_by_user(names[0]):
        return resource.settings.find_place(names[0]), format_path((subject, names[0]))
    return resource.settings.located.place, subject


def _build_subject(resource: Resource) -> str:
    if not resource.group:
        return f"disks.{resource.name}"
    group = f"vms.{resource.group}"
    own = isinstance(resource, Disk) and resource.name.removeprefix(f"{resource.vm}-")
    return f"{group}.disks.{own}" if own else group
