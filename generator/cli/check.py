"""`vmgen check`: everything that CI has to know, in one command."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click

from generator.cli.session import Session, environments_argument, output_option
from generator.compare.changes import Changes
from generator.compare.kustomize import build, differences
from generator.pipeline import Outcome, outcome
from generator.problems import Place, Problem


@click.command("check", short_help="Say everything that is wrong: the gate for CI.")
@environments_argument
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
def command(obj: dict[str, str], names: tuple[str, ...], kustomize: str, jobs: int, output: str) -> None:
    """Check that the sources are valid and that manifests/ is exactly what they render.

    Example: vmgen check -o github
    """
    session = Session(obj["color"], output)
    done = outcome(
        session.project, session.chosen(names), gone=session.gone(names), allow_empty=True, verify_all=True, jobs=jobs
    )
    problems = [*session.name_problems, *done.problems, *_drift(session, done.changes)]
    if kustomize != "off" and not any(problem.severity == "error" for problem in problems):
        problems.extend(_built(session, done))
    failed = session.report(sorted(problems))
    if not failed:
        session.say(f"{len(done.rendered)} environments are in order.")
    sys.exit(1 if failed else 0)


def _drift(session: Session, compared: tuple[Changes, ...]) -> Iterator[Problem]:
    for each in compared:
        for paths, what in (
            (each.created, "is missing; run vmgen render"),
            (
                each.updated,
                "is not what its environment renders; run vmgen render, and change the environment, not the manifest",
            ),
            (each.pruned, "is no longer wanted; run vmgen render"),
        ):
            for path in paths:
                place = Place(session.project.shown(session.project.manifests / path))
                yield Problem(place, "drift", "", what)


def _built(session: Session, done: Outcome) -> Iterator[Problem]:
    for each in done.rendered:
        if each.files:
            folder = session.project.manifests / each.name
            yield from differences(each.name, session.project.shown(folder), build(folder), each.files)
