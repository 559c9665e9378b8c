"""`vmgen function`: render an environment within a kustomize build, as a KRM function."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from vmgen.cli.output import write_objects, write_report
from vmgen.filesystem.reader import MAX_YAML_BYTES, read_stream
from vmgen.problems import has_errors
from vmgen.report.problems import format_text
from vmgen.report.terminal import choose_paint


@click.command("function")
@click.pass_obj
def command(color: str) -> bool:
    """Run as a KRM function: read a ResourceList (config.kubernetes.io/v1) on stdin, render the Environment in its
    functionConfig, and write the list with the objects to stdout. Problems are in the results, and on stderr.

    Example: kustomize build --enable-alpha-plugins --enable-exec overlays/prod
    """
    from vmgen.function import run_function

    if sys.stdin.isatty():
        raise click.UsageError("reads a ResourceList on stdin; kustomize runs it (see docs/delivery.md)")
    result = run_function(read_stream(sys.stdin.buffer, "stdin", MAX_YAML_BYTES), Path.cwd())
    write_objects(result.text)
    if result.problems:
        write_report(format_text(result.problems, choose_paint(sys.stderr, color)))
    return not has_errors(result.problems)
