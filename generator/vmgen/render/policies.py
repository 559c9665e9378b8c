"""Apply the policies that need rendered objects: the built-in ones on user data, and the repository's own.

A file under `policies/` holds one policy: a JSON Schema for the manifests of a kind. It is data; no code of it runs, and a
`$ref` cannot leave the file.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.check.rule import PolicySeverity, find_unknown_policies, get_policy_severity, is_policy_set
from vmgen.check.rules import RULES as ON_ENVIRONMENTS
from vmgen.cloud_init.rules import PLACEHOLDER_KEY
from vmgen.expand.model import Disk, Fleet, Resource
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem, Severity, did_you_mean, has_errors
from vmgen.quantities import parse_number
from vmgen.read.located import Located, format_path
from vmgen.read.manifests import parse_objects
from vmgen.read.repository import Project, find_environments
from vmgen.read.schema import Schema, SchemaError, load_builtin_schema
from vmgen.read.source_file import read_yaml_file
from vmgen.render.change_policy import ChangePolicy, parse_change_policy
from vmgen.render.user_data_policies import USER_DATA_POLICIES
from vmgen.rules import DUPLICATE_POLICY, INVALID_POLICY, POLICY_FILE_NAME, Rule

if TYPE_CHECKING:
    from vmgen.render.manifests import Tree

POLICIES_FOLDER = "policies"


# Advice on single lines of user data, which cloud_init/validate.py finds.
USER_DATA_ADVICE = frozenset({PLACEHOLDER_KEY.id})
USER_DATA_RULES = (*(policy.rule for policy in USER_DATA_POLICIES), PLACEHOLDER_KEY)
BUILT_IN_POLICIES: tuple[Rule, ...] = (
    *(policy.rule for policy in ON_ENVIRONMENTS if policy.default),
    *USER_DATA_RULES,
)
ADVICE_IDS = (
    *(policy.rule.id for policy in ON_ENVIRONMENTS if policy.default == "advice"),
    *(policy.rule.id for policy in USER_DATA_POLICIES if policy.default == "advice"),
    *USER_DATA_ADVICE,
)
BUILT_IN_POLICY_IDS = frozenset(rule.id for rule in BUILT_IN_POLICIES)
# The most schemas that a validator may have to try for one object, with each `$ref` written out.
MAX_SCHEMAS = 2_000


class _Violation(NamedTuple):
    policy: str
    severity: Severity
    message: str
    place: Place
    subject: str
    resource: Resource


class PolicyChecker:
    """The policies of a run."""

    def __init__(self, project: Project) -> None:
        policies, self._file_problems = _load_policies(project)
        self._policies = {id: policy for id, policy in policies.items() if isinstance(policy, _RepositoryPolicy)}
        self.change_policies = tuple(policy for policy in policies.values() if isinstance(policy, ChangePolicy))
        self._file_problems += _find_unknown_environments(self.change_policies, project)
        self._ids = (*(policy.id for policy in BUILT_IN_POLICIES), *policies)

    def find_definition_problems(self, environment: Environment) -> list[Problem]:
        """Return the problems of the files under `policies/`, and of the names below `policy:` of an environment."""
        # A name may be that of a policy whose file is at fault.
        unknown = () if has_errors(self._file_problems) else find_unknown_policies(environment, self._ids)
        return [*self._file_problems, *unknown]

    def find_violations(self, environment: Environment, fleet: Fleet, tree: Tree) -> list[Problem]:
        """Return the violations in a rendered environment: one problem for all objects that share the key at fault."""
        violations: dict[tuple[str, Place | None, str], list[_Violation]] = defaultdict(list)
        for violation in (*_check_user_data(environment, fleet), *self._check_manifests(environment, tree)):
            # A key that is not written is missing in the group, whatever else an override of an instance sets.
            is_missing = violation.subject == _build_subject(violation.resource)
            violations[violation.policy, None if is_missing else violation.place, violation.subject].append(violation)
        return [_build_problem(alike) for alike in violations.values()]

    def _check_manifests(self, environment: Environment, tree: Tree) -> Iterator[_Violation]:
        policies_by_kind: dict[str, list[tuple[_RepositoryPolicy, Severity]]] = defaultdict(list)
        for policy in self._policies.values():
            severity = get_policy_severity(environment, policy.id, policy.severity)
            if severity:
                policies_by_kind[policy.kind].append((policy, severity))
        for path, resource in tree.resources.items():
            if resource.kind not in policies_by_kind:
                continue
            document = parse_objects(tree.files[path])[0]
            for policy, severity in policies_by_kind[resource.kind]:
                # The message is that of the policy, so a second error of the same object would repeat it.
                for error_path, _ in policy.schema.find_errors(document)[:1]:
                    place, subject = _locate(resource, *error_path)
                    yield _Violation(policy.id, severity, policy.message, place, subject, resource)


def _check_user_data(environment: Environment, fleet: Fleet) -> Iterator[_Violation]:
    profiles = fleet.platform.catalog.profiles
    for policy in USER_DATA_POLICIES:
        severity = get_policy_severity(environment, policy.rule.id, policy.default)
        is_set = is_policy_set(environment, policy.rule.id)
        for machine in fleet.machines if severity else ():
            profile = profiles.get(machine.values["instanceProfile"])
            if profile is not None and profile.os == "windows" and not policy.for_windows:
                continue
            message = policy.find_fault(machine, is_set)
            if severity and message:
                place, subject = _locate(machine, policy.key)
                yield _Violation(policy.rule.id, severity, message, place, subject, machine)


def _build_problem(alike: list[_Violation]) -> Problem:
    first, place = alike[0], min(violation.place for violation in alike)
    others = len({violation.resource.name for violation in alike}) - 1
    objects = f"{first.resource.kind} {first.resource.name}" + (f" and {others} more" if others else "")
    return Problem(place, first.policy, first.subject, f"{first.message} ({objects})", first.severity)


def _locate(resource: Resource, *path: str | int) -> tuple[Place, str]:
    """Return the place in the environment that decides about a path of the manifest, and the key for the message.

    This is the setting with the name of the path's first key, if the user wrote it; else the group or disk.
    """
    keys = [step for step in path if isinstance(step, str) and step not in ("spec", "metadata")]
    subject = _build_subject(resource)
    if keys and resource.settings.is_set_by_user(keys[0]):
        return resource.settings.find_place(keys[0]), f"{subject}.{keys[0]}"
    return resource.settings.located.place, subject


def _build_subject(resource: Resource) -> str:
    if not resource.group:
        return f"disks.{resource.name}"
    if isinstance(resource, Disk):
        return f"vms.{resource.group}.disks.{resource.name.removeprefix(f'{resource.vm}-')}"
    return f"vms.{resource.group}"


class _RepositoryPolicy(NamedTuple):
    """A policy of a file. `severity` applies where an environment does not set one."""

    id: str
    severity: PolicySeverity
    kind: str
    message: str
    place: Place
    schema: Schema


def _load_policies(project: Project) -> tuple[Mapping[str, _RepositoryPolicy | ChangePolicy], list[Problem]]:
    """Return the policies of a repository by id, and the problems of their files."""
    built_in_ids = {rule.id for rule in (*(rule.rule for rule in ON_ENVIRONMENTS), *USER_DATA_RULES)}
    policies: dict[str, _RepositoryPolicy | ChangePolicy] = {}
    problems: list[Problem] = []
    folder = project.root / POLICIES_FOLDER
    problems.extend(_find_unread_files(folder, project))
    for path in sorted(folder.glob("*.yaml")):
        policy = _load_policy(path, project)
        if isinstance(policy, list):
            problems.extend(policy)
        # One id for two policies would make one line of `policy:` set both.
        elif policy.id in policies or policy.id in built_in_ids:
            owner = f"at {policies[policy.id].place}" if policy.id in policies else "in vmgen"
            message = f"the id '{policy.id}' is used already, {owner}; take another one"
            problems.append(Problem(policy.place, DUPLICATE_POLICY.id, "id", message))
        else:
            policies[policy.id] = policy
    return policies, problems


def _find_unknown_environments(policies: Iterable[ChangePolicy], project: Project) -> Iterator[Problem]:
    """Yield a warning for each environment that a policy names and nobody has: it would count nothing there."""
    names, _ = find_environments(project) if project.environments.is_dir() else ((), ())
    for policy in policies:
        for name in sorted(policy.environments.difference(names)):
            message = f"no environment '{name}'{did_you_mean(name, names)}"
            yield INVALID_POLICY.build_problem(policy.place, "change.environments", message)._replace(severity="warning")


def _find_unread_files(folder: Path, project: Project) -> Iterator[Problem]:
    """Yield an error for each YAML file below a folder that is not read as a policy: it would enforce nothing."""
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in (".yaml", ".yml") or not path.is_file():
            continue
        if path.parent != folder:
            message = f"not read: a policy must be in {POLICIES_FOLDER}/ itself; move it there"
        elif path.suffix != ".yaml":
            message = f"not read: a policy ends in .yaml; rename it to {path.stem}.yaml"
        else:
            continue
        yield POLICY_FILE_NAME.build_problem(Place(project.display_path(path)), "", message)


def _load_policy(path: Path, project: Project) -> _RepositoryPolicy | ChangePolicy | list[Problem]:
    """Return the policy of a file, or the problems for which it has none."""
    content, problems = read_yaml_file(path, project)
    if content is not None and not problems:
        problems = load_builtin_schema("policy").list_problems(content)
    if content is None or problems:
        return problems
    if "change" in content.mapping:
        return parse_change_policy(content)
    # Before it is compiled: a schema is data of a pull request, and a pattern in it may take hours.
    fault = find_schema_fault(content.get_plain("schema"))
    if fault:
        return [Problem(content.mapping["schema"].place, INVALID_POLICY.id, "schema", fault)]
    try:
        schema = Schema(content.get_plain("schema"))
    except SchemaError as error:
        place = _find_deepest(content.mapping["schema"], error.path).place
        subject = format_path(("schema", *error.path))
        return [Problem(place, INVALID_POLICY.id, subject, f"is no JSON Schema: {error}")]
    id, kind, message = (content.get_plain(key) for key in ("id", "kind", "message"))
    return _RepositoryPolicy(id, content.get_plain("severity", "error"), kind, message, content.mapping["id"].place, schema)


def _find_deepest(value: Located, path: tuple[str | int, ...]) -> Located:
    """Return the value at a path, or the last one above it that exists."""
    for step in path:
        child = value.get(step) if isinstance(step, str) else value.items[step]
        if child is None:
            break
        value = child
    return value


def find_schema_fault(document: Mapping[str, Any]) -> str:
    """Return why a schema takes too long to apply: it refers to itself, or unfolds to too many; empty if it does not."""
    waiting: list[tuple[Any, tuple[str, ...]]] = [(document, ())]
    count = 0
    while waiting:
        node, references = waiting.pop()
        count += 1
        if count > MAX_SCHEMAS:
            return f"unfolds to more than {MAX_SCHEMAS} schemas, with each `$ref` written out; write fewer alternatives"
        for child in _list_children(node):
            waiting.append((child, references))
        if isinstance(node, dict) and any(f"${kind}Ref" in node for kind in ("dynamic", "recursive")):
            return "uses `$dynamicRef` or `$recursiveRef`; write `$ref` to a schema under `$defs`"
        reference = node.get("$ref") if isinstance(node, dict) else None
        if isinstance(reference, str):
            if reference in references:
                return f"'{reference}' refers to itself; write out the levels that are meant"
            # Each use of a `$ref` counts: ten definitions that each name the next one twice unfold to 1,024.
            waiting.append((_resolve(document, reference), (*references, reference)))
    return ""


def _list_children(node: Any) -> Iterator[Any]:
    """Iterate over the mappings and lists in a node; `$defs` count where they are referred to."""
    if isinstance(node, dict):
        yield from (
            value for key, value in node.items() if isinstance(value, dict | list) and key not in ("$defs", "definitions")
        )
    elif isinstance(node, list):
        yield from (value for value in node if isinstance(value, dict | list))


def _resolve(document: Any, reference: str) -> Any:
    """Return what a pointer into the document (`#/$defs/a`) leads to; an empty schema if to nothing, which is another fault."""
    node = document
    for step in reference.removeprefix("#").strip("/").split("/") if reference.strip("#/") else ():
        # In this order, so that `~01` becomes `~1`. https://www.rfc-editor.org/rfc/rfc6901#section-4
        step = step.replace("~1", "/").replace("~0", "~")
        index = parse_number(step)
        if isinstance(node, list) and index is not None and index < len(node):
            node = node[index]
        else:
            node = node.get(step, {}) if isinstance(node, dict) else {}
    return node
