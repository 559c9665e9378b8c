"""Fix problems with one possible fix: `vmgen check --fix`.

The list is closed: a tombstone or a waiver that is of no use any more, a number that has to be text, and a key of cloud-init
that was renamed. Whatever asks for a decision stays a problem.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path

from vmgen.cloud_init.advice import OLD_KEYS
from vmgen.cloud_init.rules import DEPRECATED
from vmgen.edit.file_edit import FileEdit, edit_content
from vmgen.edit.operations import Operation, RemoveValue, RenameKey, SetValue
from vmgen.merge.layers import Layered, load_layers
from vmgen.plan.committed import load_committed_project
from vmgen.plan.git import find_repository
from vmgen.problems import Place, Problem, ProblemsError
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
    fixer = _Fixer(project, names)
    edits = (fixer.fix_file(file, problems_of_file) for file, problems_of_file in sorted(by_file.items()))
    return tuple(edit for edit in edits if edit.before != edit.after)


class _Fixer:
    """Fixes files of a repository. What the fixes ask of it is read once."""

    def __init__(self, project: Project, names: tuple[str, ...]) -> None:
        self._project = project
        self._names = names

    @cached_property
    def _layers(self) -> tuple[Layered, ...]:
        loader = LayerLoader(self._project)
        return tuple(load_layers(name, loader) for name in self._names)

    @cached_property
    def _names_at_target(self) -> frozenset[str]:
        """The names of the objects that are still committed on a branch which this one is going to be merged into."""
        repository = find_repository(self._project.root)
        if repository is None:
            return frozenset()
        commits = {commit for branch in _TARGET_BRANCHES if (commit := repository.resolve_commit(branch))}
        trees = (repository.list_tree(commit, self._project.output) for commit in commits)
        manifests = (path for tree in trees for path in load_committed_project(self._project, repository, tree).manifests)
        # In whatever environment and group they are: too many are kept rather than too few.
        return frozenset(path.rpartition("/")[2].removesuffix(".yaml") for path in manifests)

    def fix_file(self, file: str, problems: Iterable[Problem]) -> FileEdit:
        """Return the edit that fixes problems of a file, as far as each has one possible fix."""
        content = self._project.read_source(self._project.root / file)
        document, faults = read_yaml(content, file)
        if document is None or faults:
            return FileEdit(file, content, content)
        values_by_place: dict[Place | None, list[tuple[KeyPath, Located]]] = defaultdict(list)
        for path, value in walk(document):
            values_by_place[value.place].append((path, value))
            if value.key_place != value.place:
                values_by_place[value.key_place].append((path, value))
        matches = [(problem, values_by_place[problem.place]) for problem in problems if problem.place in values_by_place]
        numbers = [values[-1] for problem, values in matches if problem.rule in (WRONG_TYPE.id, AMBIGUOUS_SCALAR.id)]
        operations = [*_quote_numbers(content, numbers, file)]
        for problem, values in matches:
            if problem.rule == DEPRECATED.id:
                operations += _rename_key(document, values[-1][0], problem)
            else:
                operations += (RemoveValue(path) for path, _ in values if self._is_of_no_use(problem, document, path, file))
        # From the last item of a list to its first, so that each is still where it was found.
        operations.sort(key=lambda operation: [str(step).zfill(9) for step in operation.path], reverse=True)
        return FileEdit(file, content, _edit_where_possible(content, operations, file))

    def _is_of_no_use(self, problem: Problem, document: Located, path: KeyPath, file: str) -> bool:
        """Return whether a problem is that of a tombstone or a waiver which can go."""
        if len(path) != 2 or (path[0], problem.rule) not in (("waivers", STALE_WAIVER.id), ("retire", STALE_TOMBSTONE.id)):
            return False
        entry = get_at_path(document, path)
        name = entry.get_plain("disk") or entry.get_plain("vm") if path[0] == "retire" else None
        if name and Path(name).name in self._names_at_target:
            return False
        # Else the list of another layer would count in its place.
        display_path = self._project.display_path
        users = [layer for layer in self._layers if file in [display_path(each.path) for each in layer.files]]
        return all(sum(path[0] in each.content.mapping for each in layer.files) == 1 for layer in users)


def _quote_numbers(content: bytes, values: Iterable[tuple[KeyPath, Located]], file: str) -> Iterator[Operation]:
    """Yield each number in quotes, with the digits that are written, if text is all that its key takes."""
    text = content.decode("utf-8-sig")
    root = read_nodes(text)
    literals: dict[KeyPath, str] = {}
    for path, value in values:
        is_number = isinstance(value.data, int | float | AmbiguousScalar) and not isinstance(value.data, bool)
        node = find_node(root, path) if root and is_number else None
        if node and node.kind == "scalar" and _NUMBER.fullmatch(literal := text[node.start : node.end]):
            literals[path] = literal
    operations = [SetValue(path, literal) for path, literal in literals.items()]
    document, _ = read_yaml(_edit_where_possible(content, operations, file), file)
    if document:
        refused_paths = dict(load_builtin_schema("environment").find_problems(document))
        yield from (
            operation
            for operation in operations
            if operation.path not in refused_paths and get_at_path(document, operation.path).data == operation.value
        )


def _edit_where_possible(content: bytes, operations: Sequence[Operation], file: str) -> bytes:
    """Return a content with all operations applied that can be; what cannot be edited stays a problem."""
    try:
        return edit_content(content, operations, file)
    except ProblemsError:
        middle = len(operations) // 2
        if not middle:
            return content
    # By halves, since each edit reads the whole file.
    return _edit_where_possible(_edit_where_possible(content, operations[:middle], file), operations[middle:], file)


def _rename_key(document: Located, path: KeyPath, problem: Problem) -> Iterator[Operation]:
    """Yield the new name of a key that differs from its old one in dashes alone, or that cloud-init itself maps."""
    successors = _SUCCESSOR.findall(problem.message)
    old = str(path[-1])
    if len(successors) != 1 or successors[0] in get_at_path(document, path[:-1]).mapping:
        return
    if OLD_KEYS.get(old) == successors[0] or old.replace("-", "_") == successors[0].replace("-", "_"):
        yield RenameKey(path, successors[0])
