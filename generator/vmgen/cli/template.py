"""`vmgen template`: list the built-in templates, or print one."""

from __future__ import annotations

import click

from vmgen.problems import VmgenError, did_you_mean
from vmgen.read.repository import installation_folders


@click.command("template")
@click.argument("name", required=False)
def command(name: str | None) -> None:
    """List the files that vmgen brings for its platforms, or print one. One of the same name under templates/ replaces it.

    Example: vmgen template hikube/vm-disk.yaml.j2 > templates/hikube/vm-disk.yaml.j2
    """
    _, _, folder = installation_folders()
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    if name is None:
        click.echo("\n".join(names))
    elif name in names:
        click.echo((folder / name).read_bytes(), nl=False)
    else:
        raise VmgenError(f"no built-in template '{name}'{did_you_mean(name, names)}; vmgen template lists them")
