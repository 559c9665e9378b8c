"""`vmgen function`: an environment within a kustomize build."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vmgen.problems import has_errors
from vmgen.report.problems import format_text
from vmgen.report.terminal import choose_paint


@click.command("function", short_help="Render an environment as a KRM function.")
@click.pass_obj
def command(obj: dict[str, str]) -> None:
    """Read a ResourceList (config.kubernetes.io/v1) on stdin, render the Environment in its functionConfig, and write the
    list with the objects in it on stdout. What is wrong is in the results, and on stderr.

    Example: kustomize build --enable-alpha-plugins --enable-exec overlays/production
    """
    from vmgen.function import run_function

    if sys.stdin.isatty():
        raise click.UsageError("reads a ResourceList on stdin; kustomize starts it (docs/delivery.md)")
    done = run_function(sys.stdin.buffer.read(), Path.cwd())
    click.echo(done.text, nl=False)
    if done.problems:
        click.echo(format_text(done.problems, choose_paint(sys.stderr, obj["color"])), err=True, nl=False)
    sys.exit(1 if has_errors(done.problems) else 0)
