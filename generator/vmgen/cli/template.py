"""`vmgen template`: list the built-in templates, or print one."""

from __future__ import annotations

import click

from vmgen.cli.output import write_output
from vmgen.filesystem.reader import list_files, read_file
from vmgen.problems import VmgenError, did_you_mean
from vmgen.read.repository import installation_folders


@click.command("template")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the built-in files of the platforms, or print one. A file of the same name under templates/ replaces it.

    Example: vmgen template hikube/vm-disk.yaml.j2
    """
    _, _, folder = installation_folders()
    names = tuple(list_files(str(folder)))
    if name is None:
        write_output("\n".join(names) + "\n")
    elif name in names:
        write_output(read_file(str(folder / name)).decode())
    else:
        raise VmgenError(f"no built-in template '{name}'{did_you_mean(name, names)}; vmgen template lists them")
