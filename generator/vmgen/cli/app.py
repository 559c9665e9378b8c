"""The command line `vmgen`: a group of commands, of which only the one that runs is imported."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from keyword import iskeyword

import click

from vmgen import __version__
from vmgen.cli.errors import exit_code
from vmgen.problems import did_you_mean

# Each command and its short help. A command is the `command` of the module of its name in this folder.
COMMANDS: Mapping[str, str] = {
    "init": "Make a GitOps repository that renders at once.",
    "render": "Write manifests/ from environments/.",
    "plan": "Say what the next commit changes on the platform.",
    "check": "Say everything that is wrong: the gate for CI.",
    "status": "Compare a dump of the cluster with what is committed.",
    "list": "Show VMs, disks, totals and budgets.",
    "import": "Make a short environment of manifests that exist.",
    "explain": "Show where each value of an object came from.",
    "impact": "Show what an edit of a line or a file can change.",
    "report": "Write one HTML page of the fleet.",
    "catalog": "Show what may be written: types, images, profiles, classes, gpus.",
    "schema": "Print the JSON Schema of environment files.",
    "function": "Render an environment as a KRM function.",
    "template": "Show the built-in templates, to copy and change.",
    "completion": "Print the completion script of a shell.",
}


def run(arguments: Sequence[str]) -> int:
    """Run a command line, without the program's name, and return its exit code."""
    return exit_code(lambda: app(list(arguments), prog_name="vmgen", standalone_mode=False))


class _CommandGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module = name + "_" * iskeyword(name)  # `import` cannot name a module that anybody imports
        command: click.Command = import_module(f"vmgen.cli.{module}").command
        command.short_help = COMMANDS[name]
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'{did_you_mean(args[0], COMMANDS)}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        # click would import every command for its short help.
        width = max(map(len, COMMANDS))
        with formatter.section("Commands"):
            for name, short_help in COMMANDS.items():
                formatter.write(f"  {name:{width}}  {short_help}\n")


@click.group(
    cls=_CommandGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
    Exit codes: 0 done, or nothing differs; 1 the answer is no; 2 could not do the job;
    70 a bug in vmgen.""",
)
@click.version_option(__version__, "--version", message="vmgen %(version)s")
@click.option("-C", "folder", metavar="DIR", help="Run as if started in DIR.")
@click.option(
    "--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True, help="Colour the output."
)
@click.pass_context
def app(context: click.Context, folder: str | None, color: str) -> None:
    """Short environment files become the manifests of virtual machines on Hikube and Cozystack.

    Example: vmgen render production
    """
    context.obj = color
    if folder:
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"cannot go to {folder}: {error.strerror}") from None
