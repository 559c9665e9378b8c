"""`vmgen new`: make a new environment."""

from __future__ import annotations

import click

from vmgen.cli.completed_words import complete_platforms
from vmgen.cli.editing import output_options, run_edit
from vmgen.cli.session import Session


@click.command("new")
@click.argument("environment", metavar="ENV")
@click.option("--namespace", help="Tenant namespace of the VMs  [default: that of _defaults.yaml].")
@click.option("--platform", shell_complete=complete_platforms, help="Platform  [default: that of _defaults.yaml].")
@output_options
@click.pass_obj
def command(color: str, environment: str, namespace: str | None, platform: str | None, output: str, dry_run: bool) -> None:
    """Create environments/ENV.yaml with a namespace and one small VM, ready to render.

    Example: vmgen new staging --namespace tenant-acme-staging
    """
    from vmgen.edit.new import new_environment

    session = Session(color)
    run_edit(session, lambda: new_environment(session.project, environment, namespace, platform), output, dry_run=dry_run)
