"""`vmgen`: the group of commands, loaded one by one, and the one door through which errors leave."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from generator import __version__
from generator.problems import Refused, VmgenError

# Each command and its short help; its module is imported only when it is the one that runs.
COMMANDS = {
    "render": "Write manifests/ from environments/.",
    "check": "Say everything that is wrong: the gate for CI.",
    "list": "Show the VMs and the disks of environments.",
    "catalog": "Show what may be written: types, images, profiles, classes, gpus.",
    "schema": "Print the JSON Schema of environment files.",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"generator.cli.{name}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from generator.suggestions import did_you_mean

            raise click.UsageError(f"no command '{args[0]}'{did_you_mean(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 done, or nothing differs; 1 the answer is no; 2 could not do the job.",
)
@click.version_option(__version__, "--version", message="vmgen %(version)s")
@click.option("-C", "folder", metavar="DIR", help="Run as if started in DIR.")
@click.option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Colour the output.",
)
@click.pass_context
def app(context: click.Context, folder: str | None, color: str) -> None:
    """Short environment files become the manifests of virtual machines on Hikube and Cozystack.

    Example: vmgen render production
    """
    context.obj = {"color": color}
    if folder:
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"cannot go to {folder}: {error.strerror}") from None


def main() -> None:
    """Run a command. Known errors are one line and an exit code; a bug keeps its traceback and says where to send it."""
    try:
        app(prog_name="vmgen")
    except VmgenError as error:
        click.echo(f"vmgen: {error}", err=True)
        sys.exit(2)
    except Refused as refused:
        from generator.report.colour import paint_for
        from generator.report.problems import as_text

        click.echo(as_text(refused.problems, paint_for(sys.stderr, "auto")), err=True, nl=False)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of stdout went away, as `| head` does. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
