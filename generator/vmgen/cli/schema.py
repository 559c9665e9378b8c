"""`vmgen schema`: the one source of the file's shape."""

from __future__ import annotations

import click

from vmgen.read.repository import read_schema_text

SCHEMAS = ("environment", "catalog", "platform", "policy", "verdicts", "plan")


@click.command("schema", short_help="Print the JSON Schema of environment files.")
@click.argument("name", type=click.Choice(SCHEMAS), default="environment")
def command(name: str) -> None:
    """Print the JSON Schema of environment files, or of catalogs or platforms, for an editor.

    Example: vmgen schema > schema/environment.schema.json
    """
    click.echo(read_schema_text(name), nl=False)
