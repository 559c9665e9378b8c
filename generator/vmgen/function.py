"""A ResourceList, the language of KRM functions: read without touching what is passed through, and written again.

A KRM function: the environment in the functionConfig becomes items of the ResourceList, what is wrong its results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from vmgen.pipeline import Renderer
from vmgen.problems import Place, Problem, VmgenError, sort_problems
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import Project
from vmgen.render.manifests import KUSTOMIZATION
from vmgen.rules import FUNCTION_CONFIG
from vmgen.yaml_text import to_block

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class ResourceList(NamedTuple):
    """A list as it came in. `config` is the functionConfig, `spec` the text of its spec, `root` the document's nodes."""

    function_config: Mapping[str, Any]
    spec: str
    root: Any


def parse_resource_list(text: bytes) -> ResourceList:
    """Read a ResourceList. VmgenError where the text is none."""
    try:
        found = parse_objects(text)
        root = yaml.compose(text, Loader=_LOADER)
    except (InvalidYamlError, yaml.YAMLError) as error:
        raise VmgenError(f"what stands on stdin is not YAML: {' '.join(str(error).split())}") from None
    if len(found) != 1 or not isinstance(found[0], dict) or found[0].get("kind") != "ResourceList":
        raise VmgenError("what stands on stdin is no ResourceList (config.kubernetes.io/v1)")
    config = found[0].get("functionConfig")
    if not isinstance(config, dict):
        raise VmgenError("the ResourceList has no functionConfig")
    spec = _find_value(_find_value(root, "functionConfig"), "spec")
    return ResourceList(config, "" if spec is None else _serialize(spec), root)


def render_items(received: ResourceList, manifests: Iterable[str | bytes]) -> str:
    """The YAML of `items`: those that came, and the manifests, each in the place of an item of the same name if there is one.

    What is passed through is, scalar for scalar, as it came: nothing is resolved and written anew.
    """
    items = _find_value(received.root, "items")
    nodes = {_identify(node): node for node in (items.value if isinstance(items, yaml.SequenceNode) else ())}
    for text in manifests:
        node = yaml.compose(text, Loader=_LOADER)
        nodes[_identify(node)] = node
    listed = yaml.SequenceNode("tag:yaml.org,2002:seq", list(nodes.values()), flow_style=False)
    key = yaml.ScalarNode("tag:yaml.org,2002:str", "items")
    return _serialize(yaml.MappingNode("tag:yaml.org,2002:map", [(key, listed)], flow_style=False))


def _serialize(node: Any) -> str:
    written: str = yaml.serialize(node, Dumper=_DUMPER, allow_unicode=False, width=1_000_000)
    return written


def _find_value(node: Any, name: str) -> Any:
    """The node of a key, or None."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value
    return None


def _identify(node: Any) -> object:
    """What no two objects of a list share; an item that is no object is only itself."""
    metadata = _find_value(node, "metadata")
    parts = (
        _find_value(node, "apiVersion"),
        _find_value(node, "kind"),
        _find_value(metadata, "namespace"),
        _find_value(metadata, "name"),
    )
    return tuple(part.value if part else None for part in parts) if parts[3] else id(node)


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
    wrong = (Problem(Place(""), FUNCTION_CONFIG.id, key, message) for key, message in messages.items() if message)
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
        spec = own and problem.rule != FUNCTION_CONFIG.id
        result["field"] = {"path": f"spec.{problem.subject}" if spec else problem.subject}
    annotations: Any = metadata.get("annotations") or {}
    paths = [annotations[key] for key in _PATH_ANNOTATIONS if key in annotations] if own else [problem.place.file]
    if paths:
        result["file"] = {"path": str(paths[0])}
    return result
