"""Fix problems with one possible fix: `vmgen check --fix`.

The list is closed: a tombstone or a waiver that is of no use any more, a number that has to be text, and a key of cloud-init
that was renamed. Whatever asks for a decision stays a problem.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from vmgen.cloud_init.advice import OLD_KEYS
from vmgen.cloud_init.rules import DEPRECATED
from vmgen.edit.file_edit import FileEdit, edit_content
from vmgen.edit.operations import Operation, RemoveValue, RenameKey, SetValue
from vmgen.merge.layers import load_layers
from vmgen.plan.committed import load_committed_project
from vmgen.plan.git import find_repository
from vmgen.problems import Problem, ProblemsError
from vmgen.read.layer_file import LayerLoader
from vmgen.read.located import AmbiguousScalar, KeyPath, Located, get_at_path, walk
from vmgen.read.repository import Project
from vmgen.read.schema import load_builtin_schema
from vmgen.read.yaml_nodes import find_node, read_nodes
from vmgen.read.yaml_reader import read_yaml
from vmgen.rules import AMBIGUOUS_SCALAR, STALE_TOMBSTONE, STALE_WAIVER, WRONG_TYPE

_NUMBER = re.compile(r"[-+]?\.?[0-9][0-9_.:xobXOBa-fA-FeE+-]*")
_SUCCESSOR = re.compile(r"(?:Use|Write) `([\w-]+)`(?: instead)?\.?")
_RULES = {rule.id for rule in (AMBIGUOUS_SCALAR, DEPRECATED, STALE_TOMBSTONE, STALE_WAIVER, WRONG_TYPE)}
# The branches that a change is merged into. A retired disk must be gone there too, else the gate still needs its entry.
_TARGET_BRANCHES = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


def find_fixes(project: Project, names: tuple[str, ...], problems: Iterable[Problem], *, partial: bool) -> tuple[FileEdit, ...]:
    """Return the edits that fix problems of environments, as far as each has one possible fix.

    With `partial`, the run was of some environments, and a tombstone of a shared layer may serve another one.
    """
    by_file: dict[str, list[Problem]] = defaultdict(list)
    folder = project.display_path(project.environments)
    for problem in problems:
        file = problem.place.file
        is_shared = Path(file).stem not in names
        if (
            problem.rule in _RULES
            and file.startswith(f"{folder}/")
            and not (partial and is_shared and problem.rule == STALE_TOMBSTONE.id)
        ):
            by_file[problem.place.file].append(problem)
    edits = (_fix_file(project, file, names, problems_of_file) for file, problems_of_file in sorted(by_file.items()))
    return tuple(edit for edit in edits if edit.before != edit.after)


def _fix_file(project: Project, file: str, names: tuple[str, ...], problems: list[Problem]) -> FileEdit:
    content = project.read_source(project.root / file)
    document, faults = read_yaml(content, file)
    if document is None or faults:
        return FileEdit(file, content, content)
    operations = [fix for problem in problems for fix in _find_fix(project, file, content, document, problem, names)]
    # From the last item of a list to its first, so that each is still where it was found.
    operations.sort(key=lambda operation: [str(step).zfill(9) for step in operation.path], reverse=True)
    after = content
    for operation in operations:
        with suppress(ProblemsError):  # it stays a problem, and is reported as one
            after = edit_content(after, (operation,), file)
    return FileEdit(file, content, after)


def _find_fix(
    project: Project, file: str, content: bytes, document: Located, problem: Problem, names: tuple[str, ...]
) -> Iterator[Operation]:
    matches = [(path, value) for path, value in walk(document) if problem.place in (value.place, value.key_place)]
    for path, value in matches[-1:]:
        if problem.rule in (WRONG_TYPE.id, AMBIGUOUS_SCALAR.id):
            yield from _quote_number(content, path, value)
        elif problem.rule == DEPRECATED.id:
            yield from _rename_key(document, path, problem)
    for path, _ in matches:
        if len(path) == 2 and path[0] == "waivers" and problem.rule == STALE_WAIVER.id:
            yield from _remove_entry(project, file, path, names)
        elif len(path) == 2 and path[0] == "retire" and problem.rule == STALE_TOMBSTONE.id:
            entry = get_at_path(document, path)
            if not _is_at_target(project, entry.get_plain("disk") or entry.get_plain("vm")):
                yield from _remove_entry(project, file, path, names)


def _quote_number(content: bytes, path: KeyPath, value: Located) -> Iterator[Operation]:
    """Yield the number in quotes, with the digits that are written, if text is all that its key takes."""
    is_number = isinstance(value.data, int | float | AmbiguousScalar) and not isinstance(value.data, bool)
    text = content.decode("utf-8-sig")
    root = read_nodes(text)
    node = find_node(root, path) if root else None
    if not is_number or node is None or node.kind != "scalar" or not _NUMBER.fullmatch(literal := text[node.start : node.end]):
        return
    document, _ = read_yaml(edit_content(content, (SetValue(path, literal),), value.place.file), value.place.file)
    schema = load_builtin_schema("environment")
    if document and path not in dict(schema.find_problems(document)):
        yield SetValue(path, literal)


def _rename_key(document: Located, path: KeyPath, problem: Problem) -> Iterator[Operation]:
    """Yield the new name of a key that differs from its old one in dashes alone, or that cloud-init itself maps."""
    successors = _SUCCESSOR.findall(problem.message)
    old = str(path[-1])
    if len(successors) != 1 or successors[0] in get_at_path(document, path[:-1]).mapping:
        return
    if OLD_KEYS.get(old) == successors[0] or old.replace("-", "_") == successors[0].replace("-", "_"):
        yield RenameKey(path, successors[0])


def _remove_entry(project: Project, file: str, path: KeyPath, names: tuple[str, ...]) -> Iterator[Operation]:
    """Yield the removal of an entry of a list, unless another layer's list would then count in its place."""
    loader = LayerLoader(project)
    layers = [load_layers(name, loader) for name in names]
    users = [layer for layer in layers if file in map(project.display_path, (each.path for each in layer.files))]
    if all(sum(path[0] in each.content.mapping for each in layer.files) == 1 for layer in users):
        yield RemoveValue(path)


def _is_at_target(project: Project, name: str | None) -> bool:
    """Return whether an object is still committed on a branch that this one is going to be merged into."""
    repository = find_repository(project.root)
    if repository is None or name is None:
        return False
    commits = {commit for branch in _TARGET_BRANCHES if (commit := repository.resolve_commit(branch))}
    trees = (repository.list_tree(commit, project.output) for commit in commits)
    manifests = (path for tree in trees for path in load_committed_project(project, repository, tree).manifests)
    # By the name of its file, in whatever environment and group it is: too many are kept rather than too few.
    return any(path.endswith(f"/{Path(name).name}.yaml") for path in manifests)
