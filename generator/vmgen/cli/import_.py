"""`vmgen import`: what exists becomes a short environment."""

from __future__ import annotations

import sys

import click

from vmgen.cli.session import Session
from vmgen.importer.report import format_json, format_text
from vmgen.importer.run import ImportedEnvironment, ImportRequest, ImportResult, import_manifests
from vmgen.problems import VmgenError
from vmgen.write.state import lock_repository


@click.command("import", short_help="Make a short environment of manifests that exist.")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@click.option("--env", "environment", metavar="NAME", help="Name of the environment. Default: the namespace.")
@click.option("--platform", metavar="NAME", help="Platform. Default: that of _defaults.yaml, else hikube.")
@click.option("-n", "--namespace", metavar="NAME", help="Namespace of the objects that name none.")
@click.option("--dry-run", is_flag=True, help="Print the environment; write nothing.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Format.")
@click.pass_obj
def command(
    obj: dict[str, str],
    paths: tuple[str, ...],
    environment: str | None,
    platform: str | None,
    namespace: str | None,
    dry_run: bool,
    output: str,
) -> None:
    """Make a short environment of VMInstances and VMDisks that others wrote, and prove it by rendering it.

    PATH is a file, a folder, or - for standard input. What the environment cannot carry is said with its line. Exit
    code 1, and nothing is written, where it would not render what was imported.

    Example: kubectl get vminstances,vmdisks -o yaml | vmgen import - --env production
    """
    session = Session(obj["color"])
    request = ImportRequest(paths, environment, platform, namespace)
    adoption = import_manifests(session.project, request, sys.stdin.buffer)
    problems = [*adoption.problems, *(problem for each in adoption.environments for problem in each.problems)]
    to_write = adoption.environments if adoption.is_verified and not dry_run else ()
    if to_write:
        with lock_repository(session.project.root):
            _refuse_existing(session, to_write)
            for each in to_write:
                _write_environment(session, each)
    if output == "json":
        click.echo(format_json(adoption, [each.file for each in to_write]), nl=False)
    else:
        session.print_message(format_text(adoption).rstrip("\n"))
        session.report_problems(sorted(problems))
        if dry_run:
            click.echo("".join(each.content.text for each in adoption.environments), nl=False)
        session.print_message(_format_result(adoption, to_write))
    sys.exit(0 if adoption.is_verified else 1)


def _refuse_existing(session: Session, to_write: tuple[ImportedEnvironment, ...]) -> None:
    for each in to_write:
        if (session.project.root / each.file).exists():
            raise VmgenError(
                f"{each.file} exists, and import replaces nothing; choose another name with --env, or move it away"
            )


def _write_environment(session: Session, each: ImportedEnvironment) -> None:
    path = session.project.root / each.file
    try:
        with path.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(each.content.text)
    except OSError as error:
        raise VmgenError(f"cannot write {each.file}: {error.strerror}") from None


def _format_result(adoption: ImportResult, written: tuple[ImportedEnvironment, ...]) -> str:
    if not adoption.environments:
        return "Nothing was imported: there is no VMInstance and no VMDisk in what was given."
    if not adoption.is_verified:
        return "Not proved; nothing was written. Mend the manifests where the errors say so, and import again."
    if not written:
        return "Proved: it renders what was imported."
    names = " ".join(each.name for each in written)
    return f"Proved and written: {', '.join(each.file for each in written)}. Next: vmgen plan {names}"
