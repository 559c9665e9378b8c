"""The repository's own policies: files under `policies/`, each a JSON Schema for the rendered objects of one kind.

They are data. Nothing in them runs, and a `$ref` leads nowhere but into the file itself.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import Place, Problem
from vmgen.read.located import Located, format_path
from vmgen.read.project import Project
from vmgen.read.schema import Schema, SchemaError, load_builtin_schema
from vmgen.read.yaml_reader import read_yaml

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
