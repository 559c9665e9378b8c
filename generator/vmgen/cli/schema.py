"""`vmgen schema`: print the JSON Schema of environment files, of catalogs, platforms and outputs."""

from __future__ import annotations

import click

from vmgen.cli.output import write_output
from vmgen.read.repository import read_schema_text

SCHEMAS = ("environment", "catalog", "platform", "policy", "verdicts", "configuration", "plan", "problems")


@click.command("schema")
@click.argument("name", metavar="[NAME]", type=click.Choice(SCHEMAS), default="environment")
def command(name: str) -> None:
    """Print a JSON Schema. NAME is environment (the default), catalog, platform, policy or verdicts: files that are read;
    configuration: vmgen.toml; plan or problems: what `-o json` prints.

    Example: vmgen schema > schema/environment.schema.json
    """
    write_output(read_schema_text(name))
