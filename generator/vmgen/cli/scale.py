"""`vmgen scale`: give a group another number of VMs."""

from __future__ import annotations

import click

from vmgen.cli.completed_words import complete_groups
from vmgen.cli.editing import (
    EditOptions,
    build_retirement,
    edit_environment,
    edit_options,
    environment_argument,
    retirement_options,
)


@click.command("scale")
@environment_argument
@click.argument("group", metavar="GROUP", shell_complete=complete_groups)
@click.argument("number", metavar="N", type=click.IntRange(0, 10000))
@click.option("--retire", "retires", is_flag=True, help="Permit the deletion of the disks of removed VMs.")
@retirement_options
@edit_options
@click.pass_obj
def command(
    color: str, /, group: str, number: int, retires: bool, reason: str | None, until: str | None, options: EditOptions
) -> None:
    """Change the number of VMs of GROUP in ENV to N. Existing VMs keep their names: a single VM `w` becomes w, w-2, w-3.

    The last VMs are removed first. If their disks are committed, --retire and --reason permit the deletion of the data.

    Example: vmgen scale production web 5
    """
    from vmgen.edit.scale import scale_group

    if (reason or until) and not retires:
        raise click.UsageError("--reason and --until need --retire")
    retirement = build_retirement(reason, until) if retires else None
    edit_environment(color, options, lambda target: scale_group(target, group, number, retirement))
