"""`vmgen`: the group of commands, loaded one by one, and the one door through which errors leave."""

from __future__ import annotations

import io
import os
import sys
from importlib import import_module
from keyword import iskeyword
from typing import TextIO

import click

from generator import __version__
from generator.problems import Refused, VmgenError

# Exit codes besides 0, 1 and 2: a bug in vmgen (EX_SOFTWARE of sysexits.h), and Ctrl-C as shells count it.
BUG = 70
INTERRUPTED = 130

# Each command and its short help; its module is imported only when it is the one that runs.
COMMANDS = {
    "init": "Make a GitOps repository that renders at once.",
    "render": "Write manifests/ from environments/.",
    "plan": "Say what the next commit changes on the platform.",
    "check": "Say everything that is wrong: the gate for CI.",
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


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        module = name + "_" * iskeyword(name)  # `import` cannot name a module that anybody imports
        command: click.Command = import_module(f"generator.cli.{module}").command
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
    epilog="Exit codes: 0 done, or nothing differs; 1 the answer is no; 2 could not do the job; 70 a bug in vmgen.",
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


def _let_through(stream: TextIO) -> None:
    """A character that the terminal's encoding lacks comes out as its number, not as an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def main() -> None:
    """Run a command. Known errors are one line and an exit code; anything else is a bug, and says where to send it."""
    _let_through(sys.stdout)
    try:
        answer = app(prog_name="vmgen", standalone_mode=False)
        sys.exit(answer if isinstance(answer, int) else 0)
    except click.ClickException as wrong:
        wrong.show()
        sys.exit(wrong.exit_code)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(INTERRUPTED)
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
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        click.echo(f"vmgen: {where}{error.strerror or error}", err=True)
        sys.exit(2)
    except Exception as bug:
        from generator.cli.bug import report

        click.echo(report(bug), err=True, nl=False)
        sys.exit(BUG)
