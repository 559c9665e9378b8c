"""`vmgen check`: everything that CI has to know, in one command."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

import click

from generator.cli.progress import Progress
from generator.cli.session import Session, affected_option, against_option, environments_argument, output_option
from generator.compare.changes import Changes
from generator.compare.kustomize import build, differences
from generator.pipeline import Outcome, outcome
from generator.problems import Place, Problem, has_errors
from generator.read.project import Project
from generator.report.drift import short_diff

_EDITED = "is not what its environment renders; run vmgen render, and change the environment, not the manifest"


@click.command("check", short_help="Say everything that is wrong: the gate for CI.")
@environments_argument
@against_option
@affected_option
@click.option(
    "--kustomize",
    type=click.Choice(["auto", "off"]),
    default="auto",
    show_default=True,
    help="Build each environment with the kustomize engine and compare.",
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Environments at a time.")
@output_option
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    against: str | None,
    since: str | None,
    kustomize: str,
    jobs: int,
    output: str,
) -> None:
    """Check that the sources are valid, that nothing is lost, and that manifests/ is exactly what they render.

    Example: vmgen check --against main -o github
    """
    session = Session(obj["color"], output)
    chosen = session.chosen(names, since)
    with Progress("rendering", len(chosen)) as told:
        done = outcome(
            session.project,
            chosen,
            gone=session.gone(names),
            allow_empty=True,
            verify_all=True,
            jobs=jobs,
            start=session.start(names, against),
            told=told,
        )
    made = {path: content for each in done.rendered for path, content in each.files.items()}
    problems = [*session.name_problems, *done.problems, *_drift(session, session.project, done.changes, made)]
    problems.extend(_drift(session, done.delivered.project, done.delivered.changes, done.delivered.files))
    if kustomize != "off" and not has_errors(tuple(problems)):
        problems.extend(_built(session, done))
    failed = session.report(sorted(problems))
    if not failed:
        count = len(done.rendered)
        session.say(f"{count} {'environment is' if count == 1 else 'environments are'} in order.")
    sys.exit(1 if failed else 0)


def _drift(session: Session, project: Project, compared: Iterable[Changes], wanted: Mapping[str, bytes]) -> Iterator[Problem]:
    """Each file that is not what it should be; in text with the lines that differ."""
    for each in compared:
        for paths, what in (
            (each.created, "is missing; run vmgen render"),
            (each.updated, _EDITED),
            (each.pruned, "is no longer wanted; run vmgen render"),
        ):
            for path in paths:
                file = project.manifests / path
                shown: tuple[str, ...] = ()
                if path in each.updated and session.output == "text":
                    shown = tuple(f"    {line}" for line in short_diff(file.read_bytes(), wanted[path]))
                yield Problem(Place(project.shown(file)), "drift", "", what, lines=shown)


def _built(session: Session, done: Outcome) -> Iterator[Problem]:
    rendered = [each for each in done.rendered if each.files]
    with Progress("building with kustomize", len(rendered)) as told:
        for each in rendered:
            folder = session.project.manifests / each.name
            yield from differences(each.name, session.project.shown(folder), build(folder), each.files)
            told(each.name)
