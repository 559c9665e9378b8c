"""`vmgen report`: write one HTML page of the fleet."""

from __future__ import annotations

import click

from vmgen.cli.completed_words import complete_refs
from vmgen.cli.options import environments_argument
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.cli.status import load_status
from vmgen.filesystem.system_errors import describe_write_error
from vmgen.filesystem.writer import write_named_file
from vmgen.pipeline import plan_and_gate
from vmgen.problems import VmgenError
from vmgen.renderer import Renderer
from vmgen.report.page.data import PageEnvironment, build_page_data
from vmgen.report.page.document import render_page


@click.command("report")
@environments_argument
@click.option("-o", "--output", metavar="FILE", default="fleet.html", show_default=True, help="Output file; - for stdout.")
@click.option(
    "--against",
    metavar="REF",
    shell_complete=complete_refs,
    help="Include the changes against this commit, for example HEAD.",
)
@click.option("--live", metavar="FILE", help="Colour the page by the status in a dump of the cluster.")
@click.pass_obj
def command(color: str, names: tuple[str, ...], output: str, against: str | None, live: str | None) -> bool:
    """Write one HTML page of the fleet: totals, budgets, every VM and disk, manifests and the origin of their values.

    The page is one file without external requests; cloud-init and keys are masked. With --live, colours show the status of
    each object, compared with HEAD.

    Example: vmgen report -o fleet.html --against main
    """
    session = Session(color)
    selected_names = session.select_environments(names)
    status = load_status(session, names, live, None) if live else None
    base = session.load_plan_base(names, against) if against else None
    # In this process: the page shows where values come from, which workers do not return.
    renderer = Renderer(session.project)
    results = tuple(renderer.render(name) for name in selected_names)
    has_failed = session.report_results(results)
    environments = [
        PageEnvironment(result.environment, result.fleet, result.files, result.layers)
        for result in results
        if result.environment and result.fleet
    ]
    # An environment that failed has no objects here, which would look like their deletion.
    plan = plan_and_gate(session.project, results, base)[0] if base and not has_failed else None
    text = render_page(build_page_data(session.project, environments, plan, status))
    if output == "-":
        write_output(text)
        return not has_failed
    try:
        write_named_file(output, text.encode(), str(session.project.root))
    except OSError as error:
        raise VmgenError(describe_write_error(error, output)) from None
    session.print_message(f"Wrote {output}.")
    return not has_failed
