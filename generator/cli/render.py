"""`vmgen render`: write what is wanted."""

from __future__ import annotations

import sys

import click

from generator.cli.session import Session, environments_argument, output_option
from generator.compare.changes import Changes
from generator.pipeline import Outcome, outcome
from generator.render.kustomization import KUSTOMIZATION
from generator.write.files import carry_out
from generator.write.lock import locked


@click.command("render", short_help="Write manifests/ from environments/.")
@environments_argument
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 where a file would change.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the manifests; write nothing.")
@click.option("--allow-empty", is_flag=True, help="Let an environment that has become empty, or is gone, be pruned.")
@click.option("--verify", is_flag=True, help="Read every manifest back, not only the first of each shape.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Environments at a time.")
@output_option
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    only_check: bool,
    to_stdout: bool,
    allow_empty: bool,
    verify: bool,
    jobs: int,
    output: str,
) -> None:
    """Write the manifests of environments, all of them by default.

    Nothing is written where anything is wrong. A second run changes nothing.

    Example: vmgen render production
    """
    session = Session(obj["color"], output)
    chosen, gone = session.chosen(names), session.gone(names)

    def made() -> Outcome:
        return outcome(session.project, chosen, gone=gone, allow_empty=allow_empty, verify_all=verify, jobs=jobs)

    if to_stdout or only_check:
        done = made()
        failed = session.report([*session.name_problems, *done.problems])
        sys.exit(1 if failed else _print(done) if to_stdout else _compare(session, done))
    with locked(session.project.root):
        done = made()
        if session.report([*session.name_problems, *done.problems]):
            session.say("Nothing was written.")
            sys.exit(1)
        wanted = {each.name: each.files for each in done.rendered}
        for each in done.changes:
            carry_out(each, wanted.get(each.environment, {}), session.project)
            session.say(_summary(each))


def _print(done: Outcome) -> int:
    for each in done.rendered:
        for path, content in each.files.items():
            if not path.endswith(KUSTOMIZATION) and path.count("/") > 1:
                click.echo(b"---\n" + content, nl=False)
    return 0


def _compare(session: Session, done: Outcome) -> int:
    differ = [each for each in done.changes if each]
    for each in differ:
        for verb, paths in (("create", each.created), ("update", each.updated), ("remove", each.pruned)):
            for path in paths:
                session.say(f"would {verb} manifests/{path}")
    return 1 if differ else 0


def _summary(changes: Changes) -> str:
    counts = {"created": changes.created, "updated": changes.updated, "removed": changes.pruned}
    parts = [f"{len(paths)} {word}" for word, paths in counts.items() if paths]
    total = len(changes.created) + len(changes.updated) + changes.unchanged
    return f"{changes.environment}: {total} files, {', '.join(parts) or 'nothing changed'}"
