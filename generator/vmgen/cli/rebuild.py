"""`vmgen rebuild`: give VMs a new system disk, or a further disk, beside the one that they have."""

from __future__ import annotations

from typing import Any

import click

from vmgen.cli.completed_words import complete_groups
from vmgen.cli.editing import EditOptions, edit_environment, edit_options, environment_argument


@click.command("rebuild")
@environment_argument
@click.argument("group", metavar="GROUP", shell_complete=complete_groups)
@click.option("--image", metavar="NAME", help="Golden image of the new disks.")
@click.option("--url", metavar="URL", help="Download address of the new disks.")
@click.option("--clone", metavar="DISK", help="Disk to clone.")
@click.option("--upload", is_flag=True, help="Create disks that wait for an upload.")
@click.option("--storage-class", metavar="NAME", help="Storage class of the new disks.")
@click.option("--disk", metavar="KEY", default="", help="A further disk under `disks:`, instead of the system disk.")
@click.option("--only", metavar="N", default="", help="One VM, by its number or its name: a canary.")
@click.option("--back", is_flag=True, help="Boot the previous generation again.")
@edit_options
@click.pass_obj
def command(color: str, /, group: str, options: EditOptions, **source: Any) -> None:
    """Create the next generation of the system disks of GROUP. Names, addresses and data disks do not change.

    A VM boots its new disk at its next restart. The previous disk is kept until `vmgen retire` removes it, and --back boots
    it again.

    With --disk, VMs get an empty disk of the next generation in place of a further disk, which is kept as well. No data is
    copied.

    Example: vmgen rebuild production web --image ubuntu-2404 --only 1
    """
    from vmgen.edit.data_disks import rebuild_disks
    from vmgen.edit.rebuild import rebuild_group

    request = _build_request(**source)
    rebuild = rebuild_disks if request.disk else rebuild_group
    edit_environment(color, options, lambda target: rebuild(target, group, request))


def _build_request(
    image: str | None,
    url: str | None,
    clone: str | None,
    upload: bool,
    storage_class: str | None,
    disk: str,
    only: str,
    back: bool,
) -> Any:
    """Return the request that options describe. Raises UsageError for none, or for several sources."""
    from vmgen.edit.rebuild import RebuildRequest

    sources = {"image": image, "url": url, "clone": clone, "upload": True if upload else None}
    source = {name: value for name, value in sources.items() if value is not None}
    if len(source) > 1:
        raise click.UsageError(f"name one source, not {' and '.join(f'--{name}' for name in source)}")
    if back and (source or storage_class):
        raise click.UsageError("--back uses the source and class of the previous generation; omit the other options")
    if not back and not source and not storage_class:
        raise click.UsageError("choose the source of the new disks: --image, --url, --clone, --upload or --storage-class")
    return RebuildRequest(source, storage_class or "", only, back, disk)
