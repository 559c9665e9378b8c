"""The environment that a command edits: which of its files holds a value, and what an edit would make of the environment."""

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

from vmgen.edit.file_edit import FileEdit, edit_file, refuse_edit
from vmgen.edit.operations import Operation
from vmgen.merge.environment import Environment, Group
from vmgen.merge.layers import Layered, load_layers
from vmgen.pipeline import plan_and_gate
from vmgen.plan.baseline import PlanBase
from vmgen.plan.plan import Plan
from vmgen.problems import Place, Problem, ProblemsError, VmgenError, suggest
from vmgen.read.located import KeyPath, Located, format_path
from vmgen.read.repository import Project
from vmgen.renderer import Renderer, RenderResult


class EditTarget(NamedTuple):
    """An environment before an edit. `in_file` is the layer that the user named, empty for the environment's own file."""

    project: Project
    base: PlanBase
    layers: Layered
    result: RenderResult
    environment: Environment
    in_file: str = ""

    @property
    def name(self) -> str:
        """The name of the environment."""
        return self.layers.name

    @property
    def own_file(self) -> Path:
        """The path of the environment's own file."""
        return self.layers.files[-1].path

    def find_group(self, key: str) -> Group:
        """Return a group by its key. Raises VmgenError if there is none."""
        groups = {group.key: group for group in self.environment.groups}
        if key not in groups:
            raise VmgenError(f"no group '{key}' in environment {self.name}{suggest(key, groups)}")
        return groups[key]

    def find_written(self, path: KeyPath) -> Located | None:
        """Return the value at a path as the file to edit has it; None if that has none."""
        file = self.in_file or self.project.display_path(self.own_file)
        contents = (layer.content for layer in self.layers.files if self.project.display_path(layer.path) == file)
        # Of this file alone: what layers merge to is not what an edit finds there.
        value: Located | None = next(contents, None)
        for step in path:
            value = value.get(str(step)) if value else None
        return value

    def choose_file(self, path: KeyPath, operations: tuple[Operation, ...]) -> Path:
        """Return the file to edit for a value: the one that the user named, or the environment's own.

        Raises ProblemsError, with the lines, if another layer sets the value and the user named no file, VmgenError if the
        named file is no layer of the environment.
        """
        files = {self.project.display_path(layer.path): layer.path for layer in self.layers.files}
        if self.in_file:
            if self.in_file not in files:
                raise VmgenError(f"--in {self.in_file}: no file of environment {self.name}{suggest(self.in_file, files)}")
            return files[self.in_file]
        own = self.project.display_path(self.own_file)
        value = _find_located(self.layers.content, path)
        if value and value.place.file in files and value.place.file != own:
            shared = value.place.file
            reason = f"{shared} sets {format_path(path)}; name the file with --in {own} or --in {shared}"
            raise refuse_edit(Place(own, 1, 1), reason, operations)
        return self.own_file


def load_target(project: Project, name: str, base: PlanBase, in_file: str = "") -> EditTarget:
    """Read an environment to edit. Raises ProblemsError if it cannot be read."""
    # An edit may be what makes the environment valid again, so an error elsewhere must not prevent it.
    renderer = Renderer(project, keep_going=True, today=base.today)
    result = renderer.render(name)
    layers = load_layers(name, renderer.layer_loader)
    if result.environment is None:
        raise ProblemsError(result.problems)
    return EditTarget(project, base, layers, result, result.environment, in_file)


def edit_target(target: EditTarget, operations: Mapping[Path, Iterable[Operation]]) -> tuple[FileEdit, ...]:
    """Return the edits of files of an environment. Raises ProblemsError as `edit_file` does."""
    return tuple(edit_file(path, edits, target.project) for path, edits in operations.items() if edits)


def preview(target: EditTarget, edits: Iterable[FileEdit]) -> tuple[RenderResult, Plan, tuple[Problem, ...]]:
    """Render and plan an environment as edits would leave it; return with it what the gate refuses."""
    renderer = Renderer(target.project, keep_going=True, today=target.base.today)
    for edit in edits:
        renderer.layer_loader.override_text(target.project.root / edit.file, edit.after)
    result = renderer.render(target.name)
    plan, refusals = plan_and_gate(target.project, (result,), target.base)
    return result, plan, refusals


def require_no_new_errors(target: EditTarget, result: RenderResult) -> None:
    """Refuse an edit that makes an environment invalid. Raises ProblemsError with the errors that were not there before."""
    # Without places and messages: an edit moves lines, and numbers in messages.
    known_problems = {(problem.rule, problem.subject) for problem in target.result.problems}
    errors = [problem for problem in result.problems if problem.severity == "error"]
    fresh = tuple(problem for problem in errors if (problem.rule, problem.subject) not in known_problems)
    if fresh:
        raise ProblemsError(fresh)


def parse_day(text: str) -> date:
    """Return a day of the form 2026-12-31. Raises VmgenError for anything else."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise VmgenError(f"'{text}' is not a date; write YYYY-MM-DD") from None


def _find_located(content: Located, path: KeyPath) -> Located | None:
    """Return the merged value at a path, or the nearest value above it; None if nothing of the path is set."""
    match: Located | None = None
    for step in path:
        value = content.mapping.get(str(step))
        if value is None:
            break
        match = content = value
    return match
