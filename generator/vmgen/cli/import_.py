"""`vmgen import`: convert existing manifests into a short environment."""

from __future__ import annotations

import os
import sys

import click

from vmgen.cli.completed_words import complete_environments, complete_platforms
from vmgen.cli.options import format_option
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.filesystem.system_errors import describe_write_error
from vmgen.filesystem.writer import TreeWriter
from vmgen.importer.report import format_json, format_text, redact_environment
from vmgen.importer.run import ImportedEnvironment, ImportRequest, ImportResult, import_manifests
from vmgen.problems import VmgenError, has_errors
from vmgen.write.state import lock_repository


@click.command("import")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option(
    "--env",
    "environment",
    metavar="NAME",
    shell_complete=complete_environments,
    help="Name of the environment  [default: the namespace].",
)
@click.option(
    "--platform",
    metavar="NAME",
    shell_complete=complete_platforms,
    help="Platform. Default: from _defaults.yaml, else hikube.",
)
@click.option("--platform-version", metavar="VERSION", help="Version of the platform. Default: from _defaults.yaml.")
@click.option("-n", "--namespace", metavar="NAME", help="Namespace for objects without one.")
@click.option("--dry-run", is_flag=True, help="Print the environment and write nothing.")
@format_option(["text", "json"])
@click.pass_obj
def command(
    color: str,
    paths: tuple[str, ...],
    environment: str | None,
    platform: str | None,
    platform_version: str | None,
    namespace: str | None,
    dry_run: bool,
    output: str,
) -> bool:
    """Convert existing VMInstances and VMDisks into an environment file, and verify the round trip.

    PATH is a file, a folder, or - for standard input. Fields that cannot be represented are listed with their line. If the
    environment would render another object, nothing is written, and the exit status is 1.

    Example: vmgen import tenant-acme.yaml --env production
    """
    session = Session(color)
    request = ImportRequest(paths, environment, platform, namespace, platform_version)
    result = import_manifests(session.project, request, sys.stdin.buffer)
    to_write = result.environments if result.is_verified and not dry_run else ()
    if to_write:
        with lock_repository(session.project.root):
            _write_environments(session, to_write)
    if output == "json":
        write_output(format_json(result, [item.file for item in to_write]))
        return result.is_verified
    session.print_message(format_text(result).rstrip("\n"))
    problems = [*result.problems, *(problem for item in result.environments for problem in item.problems)]
    session.report_problems(sorted(problems))
    if dry_run:
        write_output("".join(redact_environment(item.content) for item in result.environments))
    session.print_message(_format_result(result, to_write))
    return result.is_verified


def _write_environments(session: Session, environments: tuple[ImportedEnvironment, ...]) -> None:
    """Write environments, and before them their templates. Raises VmgenError, before anything is written, if a file exists."""
    files: dict[str, str] = {}
    for environment in environments:
        # The environment comes last: without its templates it could not be rendered.
        files |= {f"templates/cloud-init/{template.name}": template.text for template in environment.templates}
        files[environment.file] = environment.content.text
    # All of them first, so that a file in the way leaves no half of an import behind.
    for name in files:
        if os.path.lexists(session.project.root / name):
            raise VmgenError(f"{name} already exists; choose another name with --env, or move the file")
    created: list[str] = []
    with TreeWriter(str(session.project.root)) as writer:
        for name, text in files.items():
            try:
                writer.create(name, text.encode())
            except OSError as error:
                writer.discard(created)  # else they would be in the way of the next import
                raise VmgenError(describe_write_error(error, name)) from None
            created.append(name)


def _format_result(result: ImportResult, environments: tuple[ImportedEnvironment, ...]) -> str:
    if has_errors(result.problems) and all(environment.is_verified for environment in result.environments):
        return "Import failed. Fix the errors above and retry; nothing was written."
    if not result.environments:
        return "Nothing to import: the input contains no VMInstance and no VMDisk."
    if not result.is_verified:
        return "Import failed: the result would not match. Fix the errors above and retry; nothing was written."
    if not environments:
        return "Verified: the environment renders the imported objects."
    files, names = (
        ", ".join(environment.file for environment in environments),
        " ".join(environment.name for environment in environments),
    )
    return f"Verified and written: {files}. Next: vmgen plan {names}"
