"""`vmgen schema`: print the JSON Schema of environment files, of catalogs, platforms and outputs."""

from __future__ import annotations

from pathlib import Path

import click

from vmgen.cli.output import write_output
from vmgen.merge.values_schema import build_values_schema
from vmgen.read.configuration import find_root
from vmgen.read.repository import Project, read_schema_text

SCHEMAS = (
    "environment",
    "catalog",
    "platform",
    "policy",
    "verdicts",
    "adoption",
    "configuration",
    "plan",
    "problems",
    "status",
    "edit",
    "detection",
    "comparison",
    "vmdisk",
    "vminstance",
)
_FILES = {kind: f"crds/{kind}-apps.cozystack.io-v1alpha1.json" for kind in ("vmdisk", "vminstance")}


@click.command("schema")
@click.argument("name", metavar="[NAME]", type=click.Choice(SCHEMAS), default="environment")
@click.option("--values", is_flag=True, help="Include the catalogs: types, images, profiles, classes.")
def command(name: str, values: bool) -> None:
    """Print a JSON Schema.

    NAME is environment (the default), catalog, platform, policy, verdicts or adoption for source files, configuration for
    vmgen.toml, plan, problems, status, edit, detection or comparison for the output of `-o json`, or vmdisk or vminstance
    for manifests.

    Example: vmgen schema --values > schema/environment.values.schema.json
    """
    if not values:
        write_output(read_schema_text(_FILES.get(name, name)))
        return
    if name != "environment":
        raise click.UsageError("--values is for environments only")
    write_output(build_values_schema(Project(find_root(Path.cwd()) or Path.cwd())))
