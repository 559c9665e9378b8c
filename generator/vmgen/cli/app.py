"""The command line `vmgen`: a group of commands, of which only the one that runs is imported."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from keyword import iskeyword
from pathlib import Path

import click

from vmgen import __version__
from vmgen.cli.errors import exit_code
from vmgen.cli.failed_run import postpone_fault, report_failure
from vmgen.cli.shared_options import COLOR_CHOICES, add_shared_options, name_variables, verbosity_options
from vmgen.problems import ProblemsError, did_you_mean

# Each command and its short help. A command is the `command` of the module of its name in this folder.
COMMANDS: Mapping[str, str] = {
    "init": "Scaffold a ready-to-use GitOps repository.",
    "render": "Write manifests/ from environments/.",
    "plan": "Show what the next commit would change on the platform.",
    "check": "Validate environments and manifests (for CI).",
    "status": "Compare a dump of the cluster with Git.",
    "list": "List VMs, disks, totals and budgets.",
    "import": "Convert existing manifests into an environment file.",
    "new": "Create an environment file.",
    "scale": "Change the number of VMs of a group.",
    "rebuild": "Replace the system disks of VMs and keep their data.",
    "retire": "Permit the deletion of disks.",
    "explain": "Show where each value of an object comes from.",
    "impact": "List the objects affected by a file or line.",
    "report": "Write one HTML page of the fleet.",
    "catalog": "List instance types, images, profiles, classes and GPUs.",
    "platform": "Detect the platform version of a cluster, or compare two versions.",
    "schema": "Print a JSON Schema.",
    "function": "Run as a KRM function for kustomize.",
    "template": "Print a built-in template, to copy and change.",
    "rule": "Explain a rule, with examples.",
    "help": "Show the help of a command.",
    "completion": "Print a shell completion script.",
}
# Commands that ask nothing of a repository, and so not for its configuration either.
_WITHOUT_CONFIGURATION = {"init", "schema", "function", "template", "rule", "help", "completion"}
ASKS_FOR_HELP = "vmgen.asks_for_help"


def run(arguments: Sequence[str]) -> int:
    """Run a command line, without the program's name, and return its exit code."""
    return exit_code(lambda: app(list(arguments), prog_name="vmgen", standalone_mode=False))


@cache
def _load_command(name: str) -> click.Command:
    module = import_module(f"vmgen.cli.{name}{'_' * iskeyword(name)}")  # `import` cannot name a module that anybody imports
    command: click.Command = module.command
    command.short_help = COMMANDS[name]
    # `\b` keeps the lines of a paragraph, so that an example can be copied from a narrow terminal.
    command.help = re.sub(r"\n\n( *)Example:", "\n\n\\1\b\n\\1Example:", command.help or "")
    add_shared_options(command)
    name_variables(command, name)
    report_failure(command, getattr(module, "FAILURE_FORMATS", {}))
    return command


class _CommandGroup(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        return _load_command(name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ASKS_FOR_HELP] = not {"-h", "--help"}.isdisjoint(args)  # which a broken vmgen.toml must not prevent
        return super().parse_args(ctx, args)

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
    Exit status: 0 success; 1 check failed (problems, drift, data loss);
    2 usage or runtime error; 70 a bug in vmgen.""",
)
@click.version_option(__version__, "--version", message="vmgen %(version)s")
@click.option("-C", "--directory", "folder", metavar="DIR", envvar="VMGEN_DIRECTORY", help="Run as if started in DIR.")
@click.option("--color", type=click.Choice(COLOR_CHOICES), envvar="VMGEN_COLOR", help="Colour the output.  [default: auto]")
@verbosity_options
@click.pass_context
def app(context: click.Context, folder: str | None, color: str | None) -> None:
    """Generate manifests of virtual machines on Hikube and Cozystack.

    Example: vmgen render production
    """
    if folder:
        try:
            os.chdir(folder)
        except OSError as error:
            raise click.UsageError(f"cannot go to {folder}: {error.strerror}") from None
    context.obj = color or "auto"
    if context.invoked_subcommand not in _WITHOUT_CONFIGURATION and not context.meta.get(ASKS_FOR_HELP):
        _configure(context, color)


def _configure(context: click.Context, color: str | None) -> None:
    """Let options that were not given take their defaults from `vmgen.toml`."""
    from vmgen.read.configuration import find_root, load_configuration

    root = find_root(Path.cwd())
    if root is None:
        return
    try:
        configuration = load_configuration(root)
    except ProblemsError as error:
        postpone_fault(context, error)
        return
    context.obj = color or configuration.color
    context.default_map = {name: dict(defaults) for name, defaults in configuration.defaults.items()}
