"""What `vmgen check` looks at: everything rendered anew, held against what lies there, and built by the kustomize engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from vmgen.cli.progress import Progress
from vmgen.cli.session import Session
from vmgen.compare.baseline import PlanBase
from vmgen.compare.changes import FileChanges
from vmgen.outcome import RunResult, evaluate
from vmgen.pipeline import ProgressCallbacks
from vmgen.problems import Place, Problem, has_errors
from vmgen.read.project import Project
from vmgen.report.drift import format_diff

_EDITED_MESSAGE = "is not what its environment renders; run vmgen render, and change the environment, not the manifest"


def render_environments(
    session: Session, names: tuple[str, ...], gone: tuple[str, ...], start: PlanBase, jobs: int
) -> RunResult:
    """Environments rendered, read back, compared, and passed through the gate."""
    with Progress("rendering", len(names)) as told:
        return evaluate(
            session.project,
            names,
            gone=gone,
            allow_empty=True,
            verify_all=True,
            jobs=jobs,
            start=start,
            listeners=ProgressCallbacks(session.on_stage, told),
        )


def find_problems(session: Session, done: RunResult, kustomize: str, jobs: int) -> list[Problem]:
    """All that is wrong with what was rendered, and with what lies there; `kustomize` is auto, full or off."""
    session.on_stage("drift")
    made = {path: content for each in done.environments for path, content in each.files.items()}
    found = [*done.problems, *_find_drift(session, session.project, done.changes, made)]
    found.extend(_find_drift(session, done.delivery.project, done.delivery.changes, done.delivery.files))
    if kustomize != "off" and not has_errors((*session.name_problems, *found)):
        session.on_stage("kustomize")
        found.extend(_verify_builds(session, done, full=kustomize == "full", jobs=jobs))
    return found


def _find_drift(
    session: Session, project: Project, compared: Iterable[FileChanges], wanted: Mapping[str, bytes]
) -> Iterator[Problem]:
    """Each file that is not what it should be; in text with the lines that differ."""
    for each in compared:
        for paths, what in (
            (each.created, "is missing; run vmgen render"),
            (each.updated, _EDITED_MESSAGE),
            (each.pruned, "is no longer wanted; run vmgen render"),
        ):
            for path in paths:
                file = project.manifests / path
                shown: tuple[str, ...] = ()
                if path in each.updated and session.output_format == "text":
                    shown = tuple(f"    {line}" for line in format_diff(file.read_bytes(), wanted[path]))
                yield Problem(Place(project.display_path(file)), "drift", "", what, lines=shown)


def _verify_builds(session: Session, done: RunResult, *, full: bool, jobs: int) -> Iterator[Problem]:
    from vmgen.compare.kustomize.built import verify_builds
    from vmgen.compare.kustomize.parts import plan_builds

    rendered = {each.name: each.files for each in done.environments if each.files}
    builds, problems = plan_builds(session.project, rendered, full=full)
    yield from problems
    with Progress("building with kustomize", len(builds)) as told:
        yield from verify_builds(session.project, builds, told, jobs=jobs)
