"""A KRM function: the environment in the functionConfig becomes items of the ResourceList, what is wrong its results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vmgen.pipeline import Renderer
from vmgen.problems import Place, Problem, sort_problems
from vmgen.quoting import to_block
from vmgen.read.project import Project
from vmgen.read.resource_list import ResourceList, parse_resource_list, render_items
from vmgen.render.kustomization import KUSTOMIZATION

KIND = "Environment"
_PATH_ANNOTATIONS = ("config.kubernetes.io/path", "internal.config.kubernetes.io/path")


class FunctionOutput(NamedTuple):
    """The ResourceList to print, and the problems that are in it as results."""

    text: str
    problems: tuple[Problem, ...]


def run_function(text: bytes, folder: Path) -> FunctionOutput:
    """The answer to a ResourceList. VmgenError where it is none.

    The spec is what `environments/<name>.yaml` would hold; `folder` is where the function was started.
    """
    received = parse_resource_list(text)
    name, misnamed = _read_name(received.function_config)
    if misnamed:
        return _build_output(received, {}, misnamed, "")
    project = Project(_find_root(folder))
    workshop = Renderer(project)
    path = project.environments / f"{name}.yaml"
    workshop.layer_loader.override_text(path, received.spec.encode())
    done = workshop.render(name)
    return _build_output(received, done.files, done.problems, project.display_path(path))


def _read_name(config: Mapping[str, Any]) -> tuple[str, tuple[Problem, ...]]:
    """The environment's name, and what makes the functionConfig none."""
    metadata = config.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    messages = {
        "kind": f"must be {KIND}, and is {config.get('kind')!r}" if config.get("kind") != KIND else "",
        "metadata.name": "is missing; it names the environment" if not isinstance(name, str) else "",
        "spec": "is missing; write in it what the environment's file would hold" if "spec" not in config else "",
    }
    unknown = sorted(set(config) - {"apiVersion", "kind", "metadata", "spec"})
    messages |= dict.fromkeys(unknown, "is no key of an Environment; put it under spec")
    wrong = (Problem(Place(""), "function-config", key, message) for key, message in messages.items() if message)
    return str(name), tuple(wrong)


def _find_root(folder: Path) -> Path:
    """The repository that the folder lies in; the folder itself where it lies in none."""
    return next((each for each in (folder, *folder.parents) if (each / "environments").is_dir()), folder)


def _build_output(
    received: ResourceList, files: Mapping[str, bytes], problems: tuple[Problem, ...], shown: str
) -> FunctionOutput:
    wrong = any(problem.severity == "error" for problem in problems)
    manifests = [text for path, text in files.items() if path.count("/") > 1 and not path.endswith(f"/{KUSTOMIZATION}")]
    said = sort_problems([_drop_spec_location(problem, shown) for problem in problems])
    results = [_build_result(problem, received.function_config) for problem in said]
    text = f"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n{render_items(received, [] if wrong else manifests)}"
    return FunctionOutput(f"{text}results:{to_block(results, 2)}\n" if results else text, said)


def _drop_spec_location(problem: Problem, shown: str) -> Problem:
    """A problem of the spec itself has no line: its text is the one that kustomize made, not the user's."""
    if problem.place.file != shown:
        return problem
    return Problem(Place("functionConfig"), problem.rule, problem.subject, problem.message, problem.severity)


def _build_result(problem: Problem, config: Mapping[str, Any]) -> dict[str, Any]:
    metadata: Any = config.get("metadata") or {}
    reference = {"apiVersion": config.get("apiVersion"), "kind": config.get("kind")}
    reference |= {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    result: dict[str, Any] = {
        "message": f"{problem.message} [{problem.rule}]",
        "severity": problem.severity,
        "resourceRef": {key: str(value) for key, value in reference.items() if value},
    }
    own = problem.place.file in ("", "functionConfig")
    if problem.subject:
        spec = own and problem.rule != "function-config"
        result["field"] = {"path": f"spec.{problem.subject}" if spec else problem.subject}
    annotations: Any = metadata.get("annotations") or {}
    paths = [annotations[key] for key in _PATH_ANNOTATIONS if key in annotations] if own else [problem.place.file]
    if paths:
        result["file"] = {"path": str(paths[0])}
    return result
