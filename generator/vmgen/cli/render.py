"""`vmgen render`: write what is wanted."""

from __future__ import annotations

import sys

import click

from vmgen.cli.options import affected_option, environments_argument, jobs_option, output_option, timings_option
from vmgen.cli.rendering import RenderOptions, run_render
from vmgen.cli.session import Session
from vmgen.cli.timings import measure_stages


@click.command("render", short_help="Write manifests/ from environments/.")
@environments_argument
@click.option("--check", "only_check", is_flag=True, help="Write nothing; exit 1 where a file would change.")
@click.option("--stdout", "to_stdout", is_flag=True, help="Print the manifests; write nothing.")
@click.option("--allow-empty", is_flag=True, help="Let an environment that has become empty, or is gone, be pruned.")
@click.option("--verify", is_flag=True, help="Read every manifest back, not only the first of each shape.")
@click.option("--watch", "keep_on", is_flag=True, help="Render again whenever a file is saved, until Ctrl-C.")
@jobs_option("Environments at a time.")
@affected_option
@timings_option
@output_option
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    only_check: bool,
    to_stdout: bool,
    allow_empty: bool,
    verify: bool,
    keep_on: bool,
    jobs: int,
    since: str | None,
    timings: bool,
    output: str,
) -> None:
    """Write the manifests of environments, all of them by default.

    Nothing is written where anything is wrong. A second run changes nothing.

    Example: vmgen render production
    """

    wish = RenderOptions(names, since, only_check, to_stdout, allow_empty, verify, jobs)

    def once(names: tuple[str, ...]) -> int:
        session = Session(obj["color"], output)
        with measure_stages(session, timings):
            return run_render(session, wish._replace(names=names))

    if keep_on:
        from vmgen.cli.watch import watch_and_render

        watch_and_render(names, once)
    sys.exit(once(names))
