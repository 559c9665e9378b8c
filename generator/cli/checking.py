"""What `vmgen check` does, whatever read its options."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from generator.cli.door import answered
from generator.cli.progress import Progress
from generator.cli.session import Session
from generator.cli.stamping import stamped
from generator.compare.baseline import Start
from generator.compare.changes import Changes
from generator.listing import names
from generator.outcome import Outcome, outcome
from generator.pipeline import Listeners
from generator.problems import Place, Problem, has_errors, in_order
from generator.read.project import Project
from generator.records import Record
from generator.report.drift import short_diff
from generator.stamps import Stamp

_EDITED = "is not what its environment renders; run vmgen render, and change the environment, not the manifest"


class Wish(Record):
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
    if wish.kustomize != "off":  # what was not built with the engine is not stamped
        stamps.begin()
    session.begins("import")
    done = _rendered(session, wish, chosen, gone, start, fresh)
    if fresh and any(each.delivery for each in done.rendered):
        fresh = {}  # what environments share below delivery/ is made from all of them
        done = _rendered(session, wish, chosen, gone, start, fresh)
    session.begins("drift")
    made = {path: content for each in done.rendered for path, content in each.files.items()}
    problems = [*session.name_problems, *done.problems, *_drift(session, session.project, done.changes, made)]
    problems.extend(_drift(session, done.delivered.project, done.delivered.changes, done.delivered.files))
    if wish.kustomize != "off" and not has_errors(tuple(problems)):
        session.begins("kustomize")
        problems.extend(_built(session, done, full=wish.kustomize == "full", jobs=wish.jobs))
    if session.report(in_order([*problems, *(warning for stamp in fresh.values() for warning in stamp.warnings)])):
        return 1
    session.begins("stamps")
    if wish.kustomize != "off":
        warned = {each.environment for each in done.changes if each.foreign}  # of what may go without a change here
        stamps.record({name: made for name, made in stamped(session, done).items() if name not in warned})
    count, same = len(done.rendered) + len(fresh), f"; {len(fresh)} as they were" if fresh else ""
    session.say(f"{count} {'environment is' if count == 1 else 'environments are'} in order{same}.")
    return 0


def _rendered(
    session: Session, wish: Wish, chosen: tuple[str, ...], gone: tuple[str, ...], start: Start, fresh: Mapping[str, Stamp]
) -> Outcome:
    """Everything rendered, read back and compared, but for the environments that are fresh."""
    stale = tuple(name for name in chosen if name not in fresh)
    with Progress("rendering", len(stale)) as told:
        return outcome(
            session.project,
            stale,
            gone=gone,
            allow_empty=True,
            verify_all=True,
            jobs=wish.jobs,
            start=start,
            listeners=Listeners(session.begins, told),
        )


def _undisturbed(session: Session, fresh: dict[str, Stamp], start: Start) -> dict[str, Stamp]:
    """Those of the environments that were in order and are the same, in which the gate has nothing to look at either."""
    if any(stamp.delivers for stamp in fresh.values()):
        return {}
    root = session.project.manifests
    files = {f"{name}{path}": (root / f"{name}{path}").read_bytes() for name in fresh for path in names(f"{root}/{name}")}
    disturbed = {path.partition("/")[0] for path in start.baseline.differing(fresh, files)}
    return {name: stamp for name, stamp in fresh.items() if name not in disturbed}


def _drift(session: Session, project: Project, compared: Iterable[Changes], wanted: Mapping[str, bytes]) -> Iterator[Problem]:
    """Each file that is not what it should be; in text with the lines that differ."""
    for each in compared:
        for paths, what in (
            (each.created, "is missing; run vmgen render"),
            (each.updated, _EDITED),
            (each.pruned, "is no longer wanted; run vmgen render"),
        ):
            for path in paths:
                file = project.manifests / path
                shown: tuple[str, ...] = ()
                if path in each.updated and session.output == "text":
                    shown = tuple(f"    {line}" for line in short_diff(file.read_bytes(), wanted[path]))
                yield Problem(Place(project.shown(file)), "drift", "", what, lines=shown)


def _built(session: Session, done: Outcome, *, full: bool, jobs: int) -> Iterator[Problem]:
    from generator.compare.kustomize import differing, planned

    rendered = {each.name: each.files for each in done.rendered if each.files}
    builds, problems = planned(session.project, rendered, full=full)
    yield from problems
    with Progress("building with kustomize", len(builds)) as told:
        yield from differing(session.project, builds, told, jobs=jobs)
