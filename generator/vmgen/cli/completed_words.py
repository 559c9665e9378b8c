"""The words that a shell completes: environments, groups, objects, platforms and refs of the repository that `-C` names."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import click

from vmgen.read.configuration import find_root
from vmgen.read.repository import Project, find_environments, open_project, select_environments

# As click calls it: with the context, the parameter, and the start of the word.
Completion = Callable[[click.Context, click.Parameter, str], list[str]]


def _complete(list_words: Callable[[Project, click.Context], Iterable[str]]) -> Completion:
    def complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
        try:
            folder = Path.cwd() / (context.find_root().params.get("folder") or ".")
            project = open_project(find_root(folder.resolve()) or folder)
            return sorted({word for word in list_words(project, context) if word.startswith(incomplete)})
        except Exception:  # a message would end up in the words that the shell offers
            return []

    return complete


def _list_groups(project: Project, context: click.Context) -> Iterable[str]:
    from vmgen.renderer import Renderer

    renderer = Renderer(project)
    for name in _select(project, context):
        environment = renderer.render(name).environment
        yield from (group.key for group in environment.groups) if environment else ()


def _list_objects(project: Project, context: click.Context) -> Iterable[str]:
    from vmgen.renderer import Renderer

    renderer = Renderer(project)
    for name in _select(project, context):
        fleet = renderer.render(name).fleet
        if fleet:
            yield from (machine.name for machine in fleet.machines)
            yield from (disk.name for disk in fleet.disks)


def _select(project: Project, context: click.Context) -> tuple[str, ...]:
    """Return the environments that the command line names so far, or all."""
    arguments = context.params.get("environment") or context.params.get("names") or ()
    return select_environments(find_environments(project)[0], (arguments,) if isinstance(arguments, str) else tuple(arguments))


def _list_refs(project: Project, context: click.Context) -> Iterable[str]:  # noqa: ARG001
    from vmgen.plan.git import find_repository

    repository = find_repository(project.root)
    return ("HEAD", *repository.list_refs()) if repository else ()


complete_environments = _complete(lambda project, _: find_environments(project)[0])
complete_groups = _complete(_list_groups)
complete_objects = _complete(_list_objects)
complete_platforms = _complete(lambda project, _: project.platform_names)
complete_refs = _complete(_list_refs)
