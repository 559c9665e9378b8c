"""`vmgen status`: compare a dump of the cluster with the committed manifests."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click

from vmgen.cli.options import against_option, format_option
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.filesystem.reader import MAX_JSON_BYTES, read_named_file, read_stream
from vmgen.merge.layers import load_layers
from vmgen.plan.baseline import load_baseline
from vmgen.problems import ProblemsError, VmgenError, sort_problems
from vmgen.read.dump import read_dump
from vmgen.read.layer_file import LayerLoader
from vmgen.read.located import INVALID
from vmgen.report.status import STATUS_FORMATS
from vmgen.status.compare import FleetStatus, StatusBuilder, load_committed, require_one_cluster
from vmgen.status.health import load_tables
from vmgen.status.restarts import RestartPlan, plan_restarts

STDIN = "-"


@click.command("status")
@click.argument("arguments", metavar="[ENV]... FILE", nargs=-1, required=True)
@against_option
@click.option("--restarts", is_flag=True, help="Print commands for pending restarts instead of the status.")
@format_option(list(STATUS_FORMATS))
@click.pass_obj
def command(color: str, arguments: tuple[str, ...], against: str | None, restarts: bool, output: str) -> bool:
    """Compare a dump of the cluster with the committed manifests: in step, drift, pending, failed, missing, orphan.

    FILE is a dump in JSON or YAML, or - for standard input; vmgen opens no connection. Exit status 1 if an object is not in
    step, 2 if FILE is not a dump.

    Example: kubectl get vminstances,vmdisks -o json | vmgen status -
    """
    session = Session(color)
    *names, file = arguments
    fleet = load_status(session, tuple(names), file, against)
    if restarts:
        _print_restarts(plan_restarts(fleet, load_tables(session.project)["releases"]["VMInstance"]))
        return True
    text = STATUS_FORMATS[output](fleet, datetime.now(UTC), session.paint_for(sys.stdout))
    write_output(text, color=session.color_override)
    return fleet.is_in_step


def load_status(session: Session, names: tuple[str, ...], file: str, against: str | None) -> FleetStatus:
    """Compare a dump with what environments have committed at a ref, by default HEAD.

    Raises VmgenError if it is no dump, and ProblemsError if the cluster of an environment cannot be read.
    """
    environments = session.select_environments(names)
    tables = load_tables(session.project)
    dump = read_dump(read_dump_file(file), "<stdin>" if file == STDIN else file, tables["groups"])
    clusters = {name: _find_cluster(session, name) for name in session.environment_names}
    cluster = require_one_cluster({name: clusters[name] for name in environments})
    # What belongs to an environment of the same cluster is no orphan, though it was not asked for.
    neighbours = [name for name in session.environment_names if clusters[name] == cluster]
    committed = load_committed(load_baseline(session.project, against), neighbours)
    return StatusBuilder(session.project, dump, committed, tables).build(environments)


def _find_cluster(session: Session, name: str) -> str:
    """Return the cluster that an environment names. Raises ProblemsError if that cannot be read."""
    layers = load_layers(name, LayerLoader(session.project))
    cluster = layers.content.get("cluster")
    if not layers.is_readable or (cluster and cluster.data is INVALID):
        raise ProblemsError(sort_problems(layers.problems))
    return str(cluster.data) if cluster else ""


def read_dump_file(file: str) -> bytes:
    """Read the dump, one byte more than the limit at most. Raises VmgenError if it cannot be read."""
    # One byte more than the limit, so that the reader can tell a large dump from one that fits.
    limit = MAX_JSON_BYTES + 1
    try:
        return read_stream(sys.stdin.buffer, file, limit) if file == STDIN else read_named_file(file, limit)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not a path"
        raise VmgenError(
            f"{file} cannot be read: {reason}; the last argument must be the dump, or - for standard input"
        ) from None


def _print_restarts(plan: RestartPlan) -> None:
    for index, machines in enumerate(plan.rounds):
        if index:
            write_output("# Continue when the VMs above are running again.\n")
        for machine in machines:
            write_output(f"virtctl restart {machine}\n")
    for held_restart in plan.held_restarts:  # as comments, so that a shell that is handed these lines leaves them alone
        one = len(held_restart.down) == 1
        write_output(
            f"# {', '.join(held_restart.down)} {'does' if one else 'do'} not run: restart the others of the group afterwards.\n"
        )
        for machine in held_restart.machines:
            write_output(f"# virtctl restart {machine}\n")
