"""`vmgen check`: everything that CI has to know, in one command."""

from __future__ import annotations

import sys

import click

from vmgen.cli.checking import CheckOptions, run_check
from vmgen.cli.options import (
    affected_option,
    against_option,
    environments_argument,
    jobs_option,
    output_option,
    timings_option,
)
from vmgen.cli.session import Session
from vmgen.cli.timings import measure_stages


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
@click.option("--verify", is_flag=True, help="Look at everything again, also at what has not changed since it was in order.")
@jobs_option("Environments, and builds, at a time.")
@timings_option
@output_option
@click.pass_obj
def command(
    obj: dict[str, str],
    names: tuple[str, ...],
    against: str | None,
    since: str | None,
    kustomize: str,
    verify: bool,
    jobs: int,
    timings: bool,
    output: str,
) -> None:
    """Check that the sources are valid, that nothing is lost, and that manifests/ is exactly what they render.

    Example: vmgen check --verify --against main -o github
    """
    session = Session(obj["color"], output)
    with measure_stages(session, timings):
        sys.exit(run_check(session, CheckOptions(names, against, since, kustomize, verify, jobs)))
