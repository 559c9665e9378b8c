"""What `vmgen check` looks at: everything rendered anew, held against what lies there, and built by the kustomize engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vmgen.cli.progress import Progress
from vmgen.cli.session import Session
from vmgen.compare.baseline import Start
from vmgen.compare.changes import Changes
from vmgen.outcome import Outcome, outcome
from vmgen.pipeline import Listeners
from vmgen.problems import Place, Problem, has_errors
from vmgen.read.project import Project
from vmgen.report.drift import short_diff

_EDITED = "is not what its environment renders; run vmgen render, and change the environment, not the manifest"


def rendered(session: Session, names: tuple[str, ...], gone: tuple[str, ...], start: Start, jobs: int) -> Outcome:
    """Environments rendered, read back, compared, and passed through the gate."""
    with Progress("rendering", len(names)) as told:
        return outcome(
            session.project,
            names,
            gone=gone,
            allow_empty=True,
            verify_all=True,
            jobs=jobs,
            start=start,
            listeners=Listeners(session.begins, told),
        )


def problems(session: Session, done: Outcome, kustomize: str, jobs: int) -> list[Problem]:
    """All that is wrong with what was rendered, and with what lies there; `kustomize` is auto, full or off."""
    session.begins("drift")
    made = {path: content for each in done.rendered for path, content in each.files.items()}
    found = [*done.problems, *_drift(session, session.project, done.changes, made)]
    found.extend(_drift(session, done.delivered.project, done.delivered.changes, done.delivered.files))
    if kustomize != "off" and not has_errors((*session.name_problems, *found)):
        session.begins("kustomize")
        found.extend(_built(session, done, full=kustomize == "full", jobs=jobs))
    return found


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
    from vmgen.compare.kustomize import differing, planned

    rendered = {each.name: each.files for each in done.rendered if each.files}
    builds, problems = planned(session.project, rendered, full=full)
    yield from problems
    with Progress("building with kustomize", len(builds)) as told:
        yield from differing(session.project, builds, told, jobs=jobs)
