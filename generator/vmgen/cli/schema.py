"""`vmgen schema`: print the JSON Schema of environment files, of catalogs, platforms and outputs."""

from __future__ import annotations

import click

from vmgen.read.repository import read_schema_text

SCHEMAS = ("environment", "catalog", "platform", "policy", "verdicts", "plan")


@click.command("schema")
@click.argument("name", type=click.Choice(SCHEMAS), default="environment")
def command(name: str) -> None:
    """Print the JSON Schema of environment files, or of catalogs or platforms, for an editor.

    Example: vmgen schema > schema/environment.schema.json
    """
    click.echo(read_schema_text(name), nl=False)
