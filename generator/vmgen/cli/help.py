"""`vmgen help`: show the help of a command, as its `--help` does."""

from __future__ import annotations

import click

from vmgen.cli.output import write_output


def _complete_commands(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    group = context.find_root().command
    names = group.list_commands(context) if isinstance(group, click.Group) else []
    return [name for name in names if name.startswith(incomplete)]


@click.command("help")
@click.argument("name", metavar="[COMMAND]", required=False, shell_complete=_complete_commands)
@click.pass_context
def command(context: click.Context, name: str | None) -> None:
    """Show the help of a command, or the list of commands.

    Example: vmgen help render
    """
    root = context.find_root()
    group = root.command
    if name is None or not isinstance(group, click.Group):
        write_output(f"{group.get_help(root)}\n")
        return
    _, subcommand, _ = group.resolve_command(root, [name])
    if subcommand is not None:
        write_output(f"{subcommand.get_help(click.Context(subcommand, info_name=name, parent=root))}\n")
