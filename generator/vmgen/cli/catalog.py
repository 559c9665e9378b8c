"""`vmgen catalog`: what an environment may name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click

from vmgen.cli.session import Session
from vmgen.merge.catalog import Catalog
from vmgen.merge.platform import DEFAULT_PLATFORM, PlatformLoader
from vmgen.problems import VmgenError, did_you_mean
from vmgen.quantities import format_size
from vmgen.report.tables import TABLE_FORMATS, TableRows

CatalogTable = tuple[Sequence[str], TableRows]


def _tabulate_types(catalog: Catalog) -> CatalogTable:
    rows = [
        (each.name, each.cpu, format_size(each.memory), each.series, "deprecated" if each.deprecated else "")
        for each in catalog.instance_types.values()
    ]
    return ("instanceType", "vcpu", "memory", "series", "note"), rows


def _tabulate_images(catalog: Catalog) -> CatalogTable:
    rows = [
        (each.name, each.os, each.min_storage, each.profile, "installer ISO" if each.optical else "")
        for each in catalog.images.values()
    ]
    return ("image", "os", "minStorage", "profile", "note"), rows


def _tabulate_profiles(catalog: Catalog) -> CatalogTable:
    rows = [
        (each.name, each.os, each.min_cpu or "", format_size(each.min_memory) if each.min_memory else "", each.warning)
        for each in catalog.profiles.values()
    ]
    return ("instanceProfile", "os", "minCPU", "minMemory", "note"), rows


def _tabulate_classes(catalog: Catalog) -> CatalogTable:
    rows = [(each.name, "yes" if each.replicated else "no") for each in catalog.storage_classes.values()]
    return ("storageClass", "replicated"), rows


def _tabulate_gpus(catalog: Catalog) -> CatalogTable:
    return ("gpu", "vendor"), [(each.name, each.located.get_plain("vendor", "")) for each in catalog.gpus.values()]


SECTIONS: Mapping[str, Callable[[Catalog], CatalogTable]] = {
    "types": _tabulate_types,
    "images": _tabulate_images,
    "profiles": _tabulate_profiles,
    "classes": _tabulate_classes,
    "gpus": _tabulate_gpus,
}


@click.command("catalog", short_help="Show what may be written: types, images, profiles, classes, gpus.")
@click.argument("section", type=click.Choice(list(SECTIONS)), required=False)
@click.option("--platform", default=DEFAULT_PLATFORM, show_default=True, help="Platform.")
@click.option("-o", "--output", type=click.Choice(list(TABLE_FORMATS)), default="table", show_default=True, help="Format.")
@click.pass_obj
def command(obj: dict[str, str], section: str | None, platform: str, output: str) -> None:
    """Show a platform's catalog, with what environments/_catalog.yaml adds to it.

    Example: vmgen catalog images --platform cozystack
    """
    project = Session(obj["color"]).project
    if platform not in project.platform_names:
        raise VmgenError(f"no platform '{platform}'{did_you_mean(platform, project.platform_names)}")
    catalog = PlatformLoader(project).load(platform).catalog
    tables = [TABLE_FORMATS[output](*SECTIONS[name](catalog)) for name in ([section] if section else SECTIONS)]
    click.echo("\n".join(tables), nl=False)
