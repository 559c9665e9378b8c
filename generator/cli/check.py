"""`vmgen check`: everything that CI has to know, in one command."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping

import click

from generator.cli.options import affected_option, against_option, environments_argument, output_option, timings_option
from generator.cli.progress import Progress
from generator.cli.session import Session
from generator.cli.timings import timed
from generator.compare.changes import Changes
from generator.outcome import Outcome, outcome
from generator.pipeline import Listeners
from generator.problems import Place, Problem, has_errors
from generator.read.project import Project
from generator.records import Record
from generator.report.drift import short_diff

_EDITED = "is not what its environment renders; run vmgen render, and change the environment, not the manifest"


@click.command("check", short_help="Say everything that is wrong: the gate for CI.")
@environments_argument
@against_option
@affected_option
@click.option(
    "--kustomize",
    type=click.Choice(["auto", "full", "off"]),
    default="auto",
    show_default=True,
    help="Build with the kustomize engine and compare: a large environment in parts, or in full.",
)
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Environments at a time.")
@timings_option
@output_option
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    against: str | None,
    since: str | None,
    kustomize: str,
    jobs: int,
    timings: bool,
    output: str,
) -> None:
    """Check that the sources are valid, that nothing is lost, and that manifests/ is exactly what they render.

    Example: vmgen check --against main -o github
    """
    session = Session(obj["color"], output)
    with timed(session, timings):
        wish = Wish(names, against, since, kustomize, jobs)
        sys.exit(_checked(session, wish))


class Wish(Record):
    """What the command line asks for."""

    names: tuple[str, ...]
    against: str | None
    since: str | None
    kustomize: str
    jobs: int


def _checked(session: Session, wish: Wish) -> int:
    """Say everything that is wrong, and give the exit code."""
    chosen = session.chosen(wish.names, wish.since)
    session.begins("baseline")
    start = session.start(wish.names, wish.against)
    with Progress("rendering", len(chosen)) as told:
        done = outcome(
            session.project,
            chosen,
            gone=session.gone(wish.names),
            allow_empty=True,
            verify_all=True,
            jobs=wish.jobs,
            start=start,
            listeners=Listeners(session.begins, told),
        )
    session.begins("drift")
    made = {path: content for each in done.rendered for path, content in each.files.items()}
    problems = [*session.name_problems, *done.problems, *_drift(session, session.project, done.changes, made)]
    problems.extend(_drift(session, done.delivered.project, done.delivered.changes, done.delivered.files))
    if wish.kustomize != "off" and not has_errors(tuple(problems)):
        session.begins("kustomize")
        problems.extend(_built(session, done, full=wish.kustomize == "full", jobs=wish.jobs))
    failed = session.report(sorted(problems))
    if not failed:
        count = len(done.rendered)
        session.say(f"{count} {'environment is' if count == 1 else 'environments are'} in order.")
    return 1 if failed else 0


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


def _built(session: Session, done: Outcome, *, full: bool, jobs: int) -> Iterator[Problem]:
    from generator.compare.kustomize import differing, planned

    rendered = {each.name: each.files for each in done.rendered if each.files}
    builds, problems = planned(session.project, rendered, full=full)
    yield from problems
    with Progress("building with kustomize", len(builds)) as told:
        yield from differing(session.project, builds, told, jobs=jobs)
