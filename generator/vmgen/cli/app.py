"""`vmgen` on the command line: the group of commands, each of which is imported only when it runs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from keyword import iskeyword

import click

from vmgen import __version__
from vmgen.cli.errors import EXIT_INTERRUPTED, exit_code
from vmgen.cli.overview import COLORS, COMMANDS, overview


class _CommandGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module = name + "_" * iskeyword(name)  # `import` cannot name a module that anybody imports
        command: click.Command = import_module(f"vmgen.cli.{module}").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from vmgen.problems import did_you_mean

            raise click.UsageError(f"no command '{args[0]}'{did_you_mean(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:  # noqa: ARG002
        return overview().rstrip("\n")


@click.group(cls=_CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, "--version", message="vmgen %(version)s")
@click.option("-C", "folder", metavar="DIR", help="Run as if started in DIR.")
@click.option("--color", type=click.Choice(COLORS), default="auto", show_default=True, help="Colour the output.")
@click.pass_context
def app(context: click.Context, folder: str | None, color: str) -> None:
    """Short environment files become the manifests of virtual machines on Hikube and Cozystack."""
    context.obj = {"color": color}
    if folder:
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"cannot go to {folder}: {error.strerror}") from None


def main(arguments: Sequence[str]) -> int:
    """Run the command that a command line names, and give its exit code."""
    return exit_code(lambda: _invoke(arguments))


def _invoke(arguments: Sequence[str]) -> int:
    try:
        answer = app(list(arguments), prog_name="vmgen", standalone_mode=False)
        return answer if isinstance(answer, int) else 0
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    except click.ClickException as wrong:
        wrong.show()
        return wrong.exit_code
    except click.Abort:
        return EXIT_INTERRUPTED
