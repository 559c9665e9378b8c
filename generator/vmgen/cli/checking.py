"""What `vmgen check` does, whatever read its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vmgen.cli.door import exit_code
from vmgen.cli.session import Session
from vmgen.compare.baseline import PlanBase
from vmgen.listing import names
from vmgen.problems import Problem, sort_problems
from vmgen.stamps import Stamp


class CheckOptions(NamedTuple):
    """What the command line asks for."""

    names: tuple[str, ...]
    against: str | None = None
    since: str | None = None
    kustomize: str = "auto"
    verify: bool = False
    jobs: int = 1


def check(names: Sequence[str]) -> int:
    """`vmgen check [ENV]...` without an option: the exit code of the run."""
    return exit_code(lambda: run_check(Session(), CheckOptions(tuple(names))))


def run_check(session: Session, wish: CheckOptions) -> int:
    """Say everything that is wrong, and give the exit code."""
    session.on_stage("list")
    chosen, gone = session.select_environments(wish.names, wish.since), session.find_removed_environments(wish.names)
    session.on_stage("baseline")
    start = session.load_plan_base(wish.names, wish.against)
    session.on_stage("stamps")
    stamps = session.open_check_stamps(wish.kustomize)
    fresh = (
        {}
        if wish.verify or wish.since or gone or start.removed_environments
        else _select_undisturbed(session, stamps.find_fresh(chosen), start)
    )
    if fresh and len(fresh) == len(chosen):
        return _report_result(session, (), fresh, len(fresh))
    if wish.kustomize != "off":  # what was not built with the engine is not stamped
        stamps.begin()
    session.on_stage("import")
    from vmgen.cli.examination import find_problems, render_environments
    from vmgen.cli.stamping import build_stamps

    done = render_environments(session, tuple(name for name in chosen if name not in fresh), gone, start, wish.jobs)
    if fresh and any(each.delivery for each in done.environments):
        fresh = {}  # what environments share below delivery/ is made from all of them
        done = render_environments(session, chosen, gone, start, wish.jobs)
    code = _report_result(session, find_problems(session, done, wish.kustomize, wish.jobs), fresh, len(chosen))
    session.on_stage("stamps")
    if code == 0 and wish.kustomize != "off":
        warned = {each.environment for each in done.changes if each.foreign}  # of what may go without a change here
        stamps.record({name: made for name, made in build_stamps(session, done).items() if name not in warned})
    return code


def _report_result(session: Session, problems: Sequence[Problem], fresh: Mapping[str, Stamp], count: int) -> int:
    """Say what is wrong, or that so many environments are in order, and which of them are as they were."""
    warnings = (warning for stamp in fresh.values() for warning in stamp.warnings)
    if session.report_problems(sort_problems([*session.name_problems, *problems, *warnings])):
        return 1
    same = "" if not fresh else ", as it was" if count == 1 else f"; {len(fresh)} as they were"
    session.print_message(f"{count} {'environment is' if count == 1 else 'environments are'} in order{same}.")
    return 0


def _select_undisturbed(session: Session, fresh: dict[str, Stamp], start: PlanBase) -> dict[str, Stamp]:
    """Those of the environments that were in order and are the same, in which the gate has nothing to look at either."""
    if any(stamp.has_delivery for stamp in fresh.values()):
        return {}
    if start.baseline.repository is None:
        return fresh  # what there is to start from are the files, which are the same
    root = session.project.manifests
    files = {f"{name}{path}": (root / f"{name}{path}").read_bytes() for name in fresh for path in names(f"{root}/{name}")}
    disturbed = {path.partition("/")[0] for path in start.baseline.find_differing(fresh, files)}
    return {name: stamp for name, stamp in fresh.items() if name not in disturbed}
