"""`vmgen catalog`: list the instance types, images and other names that environments may use, or import those of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from vmgen.cli.completed_words import complete_platforms
from vmgen.cli.options import format_option, require_platform
from vmgen.cli.output import write_output
from vmgen.merge.catalog import Catalog
from vmgen.merge.layers import DEFAULT_PLATFORM
from vmgen.merge.platform import PlatformLoader
from vmgen.quantities import format_size
from vmgen.read.configuration import find_root
from vmgen.read.repository import Project
from vmgen.report.tables import TABLE_FORMATS, TableRows

IMPORT = "import"
CatalogTable = tuple[Sequence[str], TableRows]


def _tabulate_types(catalog: Catalog) -> CatalogTable:
    rows = [
        (item.name, item.cpu, format_size(item.memory), item.series, "deprecated" if item.deprecated else "")
        for item in catalog.instance_types.values()
    ]
    return ("instanceType", "vcpu", "memory", "series", "note"), rows


def _tabulate_images(catalog: Catalog) -> CatalogTable:
    rows = [
        (image.name, image.os, image.min_storage, image.profile, "installer ISO" if image.optical else "")
        for image in catalog.images.values()
    ]
    return ("image", "os", "minStorage", "profile", "note"), rows


def _tabulate_profiles(catalog: Catalog) -> CatalogTable:
    rows = [
        (item.name, item.os, item.min_cpu or "", format_size(item.min_memory) if item.min_memory else "", item.warning)
        for item in catalog.profiles.values()
    ]
    return ("instanceProfile", "os", "minCPU", "minMemory", "note"), rows


def _tabulate_classes(catalog: Catalog) -> CatalogTable:
    rows = [(item.name, "yes" if item.replicated else "no") for item in catalog.storage_classes.values()]
    return ("storageClass", "replicated"), rows


def _tabulate_gpus(catalog: Catalog) -> CatalogTable:
    return ("gpu", "vendor"), [(gpu.name, gpu.located.get_plain("vendor", "")) for gpu in catalog.gpus.values()]


SECTIONS: Mapping[str, Callable[[Catalog], CatalogTable]] = {
    "types": _tabulate_types,
    "images": _tabulate_images,
    "profiles": _tabulate_profiles,
    "classes": _tabulate_classes,
    "gpus": _tabulate_gpus,
}


@click.command("catalog")
@click.argument(
    "section", type=click.Choice([*SECTIONS, IMPORT]), metavar="[types|images|profiles|classes|gpus|import]", required=False
)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option(
    "--platform",
    metavar="NAME",
    shell_complete=complete_platforms,
    help=f"Platform  [default: {DEFAULT_PLATFORM}; of import: that of the environments].",
)
@click.option("--platform-version", metavar="VERSION", help="Version of the platform.  [default: that of the platform]")
@click.option("--dry-run", is_flag=True, help="Of import: print the diff and write nothing.")
@format_option(list(TABLE_FORMATS))
@click.pass_obj
def command(
    color: str,
    section: str | None,
    files: tuple[str, ...],
    platform: str | None,
    platform_version: str | None,
    dry_run: bool,
    output: str,
) -> bool:
    """List the instance types, images, profiles, classes or GPUs of a platform, including environments/_catalog.yaml.

    With import, write to environments/_catalog.yaml how a cluster differs from the platform's catalog. FILE is the output of
    kubectl get virtualmachineclusterinstancetypes,virtualmachineclusterpreferences,storageclasses or of kubectl get
    options.core.cozystack.io, with -o json or yaml; - reads standard input. A file written by hand is not changed: the
    difference is printed, with exit status 1.

    Example: vmgen catalog images --platform cozystack
    """
    if section == IMPORT:
        from vmgen.cli.catalog_import import import_catalog

        if platform_version is not None:
            raise click.UsageError("import compares with every version of the platform; remove --platform-version")
        return import_catalog(color, files, platform, dry_run=dry_run)
    if files or dry_run:
        raise click.UsageError("FILE and --dry-run are for vmgen catalog import")
    project = Project(find_root(Path.cwd()) or Path.cwd())
    name = require_platform(project, platform or DEFAULT_PLATFORM)
    release = PlatformLoader(project).load_release(name)
    catalog = release.build(release.resolve(platform_version)).catalog
    tables = [TABLE_FORMATS[output](*SECTIONS[name](catalog)) for name in ([section] if section else SECTIONS)]
    write_output("\n".join(tables))
    return True
