"""`vmgen retire`: permit that disks are deleted, with the lines that this takes."""

from __future__ import annotations

import click

from vmgen.cli.completed_words import complete_objects
from vmgen.cli.editing import (
    EditOptions,
    build_retirement,
    edit_environment,
    edit_options,
    environment_argument,
    retirement_options,
)


@click.command("retire")
@environment_argument
@click.argument("disks", metavar="DISK...", nargs=-1, required=True, shell_complete=complete_objects)
@retirement_options
@edit_options
@click.pass_obj
def command(color: str, /, disks: tuple[str, ...], reason: str | None, until: str | None, options: EditOptions) -> None:
    """Add tombstones for disks of ENV, which permit their deletion.

    Also removes a standalone disk, or the previous disk of a rebuild, from the file. For a disk of a group, the edit is
    printed, and nothing is written.

    Example: vmgen retire production web-3-data --reason "moved to the db cluster"
    """
    from vmgen.edit.retire import retire_disks

    retirement = build_retirement(reason, until)
    edit_environment(color, options, lambda target: retire_disks(target, disks, retirement))
