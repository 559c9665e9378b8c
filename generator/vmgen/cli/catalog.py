"""`vmgen catalog`: list the instance types, images and other names that environments may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from vmgen.cli.completed_words import complete_platforms
from vmgen.cli.options import format_option
from vmgen.cli.output import write_output
from vmgen.merge.catalog import Catalog
from vmgen.merge.layers import DEFAULT_PLATFORM
from vmgen.merge.platform import PlatformLoader
from vmgen.problems import VmgenError, did_you_mean
from vmgen.quantities import format_size
from vmgen.read.configuration import find_root
from vmgen.read.repository import Project
from vmgen.report.tables import TABLE_FORMATS, TableRows

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
@click.argument("section", type=click.Choice(list(SECTIONS)), required=False)
@click.option("--platform", default=DEFAULT_PLATFORM, show_default=True, shell_complete=complete_platforms, help="Platform.")
@format_option(list(TABLE_FORMATS))
def command(section: str | None, platform: str, output: str) -> None:
    """List the instance types, images, profiles, classes or GPUs of a platform, including environments/_catalog.yaml.

    Example: vmgen catalog images --platform cozystack
    """
    project = Project(find_root(Path.cwd()) or Path.cwd())
    if platform not in project.platform_names:
        raise VmgenError(f"no platform '{platform}'{did_you_mean(platform, project.platform_names)}")
    catalog = PlatformLoader(project).load(platform).catalog
    tables = [TABLE_FORMATS[output](*SECTIONS[name](catalog)) for name in ([section] if section else SECTIONS)]
    write_output("\n".join(tables))
