"""What `vmgen check` does, whatever read its options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from vmgen.cli.door import answered
from vmgen.cli.session import Session
from vmgen.compare.baseline import Start
from vmgen.listing import names
from vmgen.problems import Problem, in_order
from vmgen.stamps import Stamp


class Wish(NamedTuple):
    """What the command line asks for."""

    names: tuple[str, ...]
    against: str | None = None
    since: str | None = None
    kustomize: str = "auto"
    verify: bool = False
    jobs: int = 1


def check(names: Sequence[str]) -> int:
    """`vmgen check [ENV]...` without an option: the exit code of the run."""
    return answered(lambda: checking(Session(), Wish(tuple(names))))


def checking(session: Session, wish: Wish) -> int:
    """Say everything that is wrong, and give the exit code."""
    session.begins("list")
    chosen, gone = session.chosen(wish.names, wish.since), session.gone(wish.names)
    session.begins("baseline")
    start = session.start(wish.names, wish.against)
    session.begins("stamps")
    stamps = session.checked_stamps(wish.kustomize)
    fresh = {} if wish.verify or wish.since or gone or start.gone else _undisturbed(session, stamps.fresh(chosen), start)
    if fresh and len(fresh) == len(chosen):
        return _answer(session, (), fresh, len(fresh))
    if wish.kustomize != "off":  # what was not built with the engine is not stamped
        stamps.begin()
    session.begins("import")
    from vmgen.cli.examination import problems, rendered
    from vmgen.cli.stamping import stamped

    done = rendered(session, tuple(name for name in chosen if name not in fresh), gone, start, wish.jobs)
    if fresh and any(each.delivery for each in done.rendered):
        fresh = {}  # what environments share below delivery/ is made from all of them
        done = rendered(session, chosen, gone, start, wish.jobs)
    code = _answer(session, problems(session, done, wish.kustomize, wish.jobs), fresh, len(chosen))
    session.begins("stamps")
    if code == 0 and wish.kustomize != "off":
        warned = {each.environment for each in done.changes if each.foreign}  # of what may go without a change here
        stamps.record({name: made for name, made in stamped(session, done).items() if name not in warned})
    return code


def _answer(session: Session, problems: Sequence[Problem], fresh: Mapping[str, Stamp], count: int) -> int:
    """Say what is wrong, or that so many environments are in order, and which of them are as they were."""
    warnings = (warning for stamp in fresh.values() for warning in stamp.warnings)
    if session.report(in_order([*session.name_problems, *problems, *warnings])):
        return 1
    same = "" if not fresh else ", as it was" if count == 1 else f"; {len(fresh)} as they were"
    session.say(f"{count} {'environment is' if count == 1 else 'environments are'} in order{same}.")
    return 0


def _undisturbed(session: Session, fresh: dict[str, Stamp], start: Start) -> dict[str, Stamp]:
    """Those of the environments that were in order and are the same, in which the gate has nothing to look at either."""
    if any(stamp.delivers for stamp in fresh.values()):
        return {}
    if start.baseline.repository is None:
        return fresh  # what there is to start from are the files, which are the same
    root = session.project.manifests
    files = {f"{name}{path}": (root / f"{name}{path}").read_bytes() for name in fresh for path in names(f"{root}/{name}")}
    disturbed = {path.partition("/")[0] for path in start.baseline.differing(fresh, files)}
    return {name: stamp for name, stamp in fresh.items() if name not in disturbed}
