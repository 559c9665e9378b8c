"""What `vmgen render` does, whatever read its options."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vmgen.cli.door import answered
from vmgen.cli.session import Session
from vmgen.problems import Problem, in_order
from vmgen.stamps import Presumed, Stamp, Stamps
from vmgen.write.lock import locked

if TYPE_CHECKING:  # what renders is imported where there is something to render: a run without work starts fast
    from vmgen.compare.changes import Changes
    from vmgen.outcome import Outcome


class Wish(NamedTuple):
    """What the command line asks for."""

    names: tuple[str, ...]
    since: str | None = None
    only_check: bool = False
    to_stdout: bool = False
    allow_empty: bool = False
    verify: bool = False
    jobs: int = 1


def render(names: Sequence[str]) -> int:
    """`vmgen render [ENV]...` without an option: the exit code of the run."""
    return answered(lambda: rendering(Session(), Wish(tuple(names))))


def rendering(session: Session, wish: Wish) -> int:
    """Render as wished, say what was done or what is wrong, and give the exit code."""
    session.begins("list")
    chosen, gone = session.chosen(wish.names, wish.since), session.gone(wish.names)
    if wish.to_stdout:
        return _print(session, wish, chosen)
    session.begins("stamps")
    if wish.only_check:
        return _compare(session, _made(session, wish, chosen, gone, {}))
    stamps = session.stamps()
    presumed = stamps.presumed(() if wish.verify or wish.since or gone else chosen)
    fresh = presumed.fresh() if len(presumed.stamps) == len(chosen) else None
    if fresh and len(fresh) == len(chosen):
        return _nothing_to_do(session, fresh)
    with locked(session.project.root):
        stamps.begin()
        if fresh is None:
            done, fresh = _made_meanwhile(session, wish, chosen, gone, presumed)
        else:
            done = _made(session, wish, chosen, gone, fresh)
        return _write(session, wish, done, stamps, fresh)


def _made_meanwhile(
    session: Session, wish: Wish, chosen: tuple[str, ...], gone: tuple[str, ...], presumed: Presumed
) -> tuple[Outcome, dict[str, Stamp]]:
    """What has to be made is made while others look at what is presumed to be fresh; and what of that is."""
    try:
        done = _made(session, wish, chosen, gone, presumed.stamps)
    finally:  # also where nothing could be made: a watch goes on, and nobody else would wait for the others
        session.begins("stamps")
        fresh = presumed.fresh()
    if len(fresh) < len(presumed.stamps):  # somebody edited a manifest, or removed one
        done = _made(session, wish, chosen, gone, fresh)
    return done, fresh


def _nothing_to_do(session: Session, fresh: dict[str, Stamp]) -> int:
    if session.report([*session.name_problems, *in_order(_warnings(fresh))]):
        session.say("Nothing was written.")
        return 1
    for name, stamp in fresh.items():
        session.say(f"{name}: {stamp.files} files, nothing changed")
    return 0


def _made(session: Session, wish: Wish, chosen: tuple[str, ...], gone: tuple[str, ...], fresh: Mapping[str, Stamp]) -> Outcome:
    """Everything rendered and compared, but for the environments that are fresh."""
    session.begins("import")
    from vmgen.cli.progress import Progress
    from vmgen.outcome import outcome
    from vmgen.pipeline import Listeners

    session.begins("baseline")
    stale = tuple(name for name in chosen if name not in fresh)
    # What is printed destroys nothing, so the gate is for what is written.
    start = None if wish.to_stdout else session.start(wish.names or (stale if fresh else ()))
    with Progress("rendering", len(stale)) as told:
        done = outcome(
            session.project,
            stale,
            gone=gone,
            allow_empty=wish.allow_empty,
            verify_all=wish.verify,
            jobs=wish.jobs,
            start=start,
            listeners=Listeners(session.begins, told),
        )
    if fresh and any(each.delivery for each in done.rendered):
        return _made(session, wish, chosen, gone, {})
    return done


def _write(session: Session, wish: Wish, done: Outcome, stamps: Stamps, fresh: dict[str, Stamp]) -> int:
    from vmgen.cli.stamping import stamped
    from vmgen.hands import answers, hands
    from vmgen.write.files import carry_out

    fresh = {name: stamp for name, stamp in fresh.items() if all(each.name != name for each in done.rendered)}
    if session.report([*session.name_problems, *in_order([*done.problems, *_warnings(fresh)])]):
        session.say("Nothing was written.")
        return 1
    session.begins("write")
    wanted = {each.name: each.files for each in done.rendered}
    for name in wanted:
        stamps.forget(name)
    most = max(wish.jobs, hands(sum(len(each.created) + len(each.updated) for each in done.changes)))
    answers(lambda each: carry_out(each, wanted.get(each.environment, {}), session.project), done.changes, most)
    for each in done.changes:
        session.say(_summary(each))
    for each in done.delivered.changes:
        carry_out(each, done.delivered.files, done.delivered.project)
        if each:
            session.say(_summary(each))
    for name, stamp in fresh.items():
        session.say(f"{name}: {stamp.files} files, nothing changed")
    session.begins("stamps")
    stamps.record(stamped(session, done))
    return 0


def _warnings(fresh: dict[str, Stamp]) -> list[Problem]:
    return [warning for stamp in fresh.values() for warning in stamp.warnings]


def _print(session: Session, wish: Wish, chosen: tuple[str, ...]) -> int:
    from vmgen.render.kustomization import KUSTOMIZATION

    done = _made(session, wish, chosen, (), {})
    if session.report([*session.name_problems, *done.problems]):
        return 1
    for each in done.rendered:
        for path, content in each.files.items():
            if not path.endswith(KUSTOMIZATION) and path.count("/") > 1:
                sys.stdout.buffer.write(b"---\n" + content)
    return 0


def _compare(session: Session, done: Outcome) -> int:
    if session.report([*session.name_problems, *done.problems]):
        return 1
    compared = {session.project: done.changes, done.delivered.project: done.delivered.changes}
    differ = [(project, each) for project, changes in compared.items() for each in changes if each]
    for project, each in differ:
        for verb, paths in (("create", each.created), ("update", each.updated), ("remove", each.pruned)):
            for path in paths:
                session.say(f"would {verb} {project.output}/{path}")
    return 1 if differ else 0


def _summary(changes: Changes) -> str:
    counts = {"created": changes.created, "updated": changes.updated, "removed": changes.pruned}
    parts = [f"{len(paths)} {word}" for word, paths in counts.items() if paths]
    total = len(changes.created) + len(changes.updated) + changes.unchanged
    return f"{changes.environment}: {total} files, {', '.join(parts) or 'nothing changed'}"
