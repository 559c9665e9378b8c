"""`vmgen function` as a KRM function: turn the Environment in the functionConfig of a ResourceList into items of the list.

https://github.com/kubernetes-sigs/kustomize/blob/master/cmd/config/docs/api-conventions/functions-spec.md
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from vmgen.problems import Place, Problem, VmgenError, has_errors, sort_problems
from vmgen.read.manifests import InvalidYamlError, get_mapping, parse_objects
from vmgen.read.repository import Project, is_environment_name
from vmgen.render.manifests import is_manifest
from vmgen.renderer import Renderer
from vmgen.rules import FUNCTION_CONFIG
from vmgen.secrets.redact import redact_problem
from vmgen.yaml_text import to_block

KIND = "Environment"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_PATH_ANNOTATIONS = ("config.kubernetes.io/path", "internal.config.kubernetes.io/path")
# The file of problems in the functionConfig itself; they have no line, since kustomize wrote the text that is read here.
_CONFIG_FILE = "functionConfig"


class FunctionOutput(NamedTuple):
    """The ResourceList to print, and the problems that are its results."""

    text: str
    problems: tuple[Problem, ...]


def run_function(text: bytes, folder: Path) -> FunctionOutput:
    """Render the Environment in a ResourceList. Raises VmgenError if the text is no ResourceList with a functionConfig.

    The spec is what `environments/<name>.yaml` would hold in the repository that `folder` is in.
    """
    resource_list = parse_resource_list(text)
    problems = _find_config_problems(resource_list.function_config)
    if problems:
        return _build_output(resource_list, {}, problems)
    name = resource_list.function_config["metadata"]["name"]
    root = next((path for path in (folder, *folder.parents) if (path / "environments").is_dir()), folder)
    project = Project(root)
    renderer = Renderer(project)
    path = project.environments / f"{name}.yaml"
    renderer.layer_loader.override_text(path, resource_list.spec.encode())
    result = renderer.render(name)
    environment_file = project.display_path(path)
    problems = tuple(
        problem._replace(place=Place(_CONFIG_FILE), lines=()) if problem.place.file == environment_file else problem
        for problem in result.problems
    )
    return _build_output(resource_list, result.files, problems)


class ResourceList(NamedTuple):
    """A parsed ResourceList. `spec` is the YAML text of the functionConfig's spec, `root` the YAML node of the document."""

    function_config: Mapping[str, Any]
    spec: str
    root: Any


def parse_resource_list(text: bytes) -> ResourceList:
    """Parse a ResourceList. Raises VmgenError if the text is none, or has no functionConfig."""
    try:
        documents = parse_objects(text)
        root = yaml.compose(text, Loader=_LOADER)
    except (InvalidYamlError, yaml.YAMLError) as error:
        raise VmgenError(f"stdin is not valid YAML: {' '.join(str(error).split())}") from None
    if len(documents) != 1 or not isinstance(documents[0], dict) or documents[0].get("kind") != "ResourceList":
        raise VmgenError("stdin is not a ResourceList (config.kubernetes.io/v1)")
    config = documents[0].get("functionConfig")
    if not isinstance(config, dict):
        raise VmgenError("the ResourceList has no functionConfig")
    spec = _find_value(_find_value(root, "functionConfig"), "spec")
    return ResourceList(config, "" if spec is None else _serialize(spec), root)


def _find_config_problems(config: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Return what keeps a functionConfig from being a named Environment with a spec."""
    name = get_mapping(config, "metadata").get("name")
    # The name becomes that of a file and a folder.
    is_valid = isinstance(name, str) and is_environment_name(name)
    messages = {
        "kind": f"must be {KIND}, and is {config.get('kind')!r}" if config.get("kind") != KIND else "",
        "metadata.name": "" if is_valid else "must name the environment, in lower-case letters, digits and dashes",
        "spec": "is missing; it has the content of an environment file" if "spec" not in config else "",
    }
    unknown_keys = sorted(set(config) - {"apiVersion", "kind", "metadata", "spec"})
    messages |= dict.fromkeys(unknown_keys, "is not a key of an Environment; put it under spec")
    return tuple(Problem(Place(_CONFIG_FILE), FUNCTION_CONFIG.id, key, message) for key, message in messages.items() if message)


def _build_output(resource_list: ResourceList, files: Mapping[str, bytes], problems: tuple[Problem, ...]) -> FunctionOutput:
    problems = sort_problems(map(redact_problem, problems))
    manifests = [content for path, content in files.items() if is_manifest(path)]
    items = render_items(resource_list, [] if has_errors(problems) else manifests)
    text = f"apiVersion: config.kubernetes.io/v1\nkind: ResourceList\n{items}"
    results = [_build_result(problem, resource_list.function_config) for problem in problems]
    return FunctionOutput(f"{text}results:{to_block(results, 2)}\n" if results else text, problems)


def render_items(resource_list: ResourceList, manifests: Iterable[str | bytes]) -> str:
    """Return the YAML of `items`: those of the list, and the manifests, which replace items of the same identity.

    Items that are passed through keep every scalar as it was written: they are nodes, never resolved to values.
    """
    items = _find_value(resource_list.root, "items")
    nodes = {_identify(node): node for node in (items.value if isinstance(items, yaml.SequenceNode) else ())}
    for text in manifests:
        node = yaml.compose(text, Loader=_LOADER)
        # A build that runs twice must not list its objects twice.
        nodes[_identify(node)] = node
    sequence = yaml.SequenceNode("tag:yaml.org,2002:seq", list(nodes.values()), flow_style=False)
    key = yaml.ScalarNode("tag:yaml.org,2002:str", "items")
    return _serialize(yaml.MappingNode("tag:yaml.org,2002:map", [(key, sequence)], flow_style=False))


def _identify(node: Any) -> object:
    """Return apiVersion, kind, namespace and name of an object; of an item without a name, what only it has."""
    metadata = _find_value(node, "metadata")
    keys = [_find_value(node, "apiVersion"), _find_value(node, "kind")]
    keys += [_find_value(metadata, "namespace"), _find_value(metadata, "name")]
    is_named = all(key is None or isinstance(key, yaml.ScalarNode) for key in keys) and keys[-1]
    return tuple(key.value if key else None for key in keys) if is_named else id(node)


def _find_value(node: Any, name: str) -> Any:
    """Return the node of a key of a mapping, or None."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == name:
                return value
    return None


def _serialize(node: Any) -> str:
    text: str = yaml.serialize(node, Dumper=_DUMPER, allow_unicode=False, width=1_000_000)
    return text


def _build_result(problem: Problem, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result of the functions specification: message, severity, and where the problem is."""
    metadata = get_mapping(config, "metadata")
    reference = {"apiVersion": config.get("apiVersion"), "kind": config.get("kind")}
    reference |= {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    result: dict[str, Any] = {
        "message": f"{problem.message} [{problem.rule}]",
        # The three words of the specification.
        # https://github.com/kubernetes-sigs/kustomize/blob/master/cmd/config/docs/api-conventions/functions-spec.md
        "severity": "info" if problem.severity == "notice" else problem.severity,
        "resourceRef": {key: str(value) for key, value in reference.items() if value},
    }
    in_config = problem.place.file in ("", _CONFIG_FILE)
    if problem.subject:
        in_spec = in_config and problem.rule != FUNCTION_CONFIG.id
        result["field"] = {"path": f"spec.{problem.subject}" if in_spec else problem.subject}
    annotations = get_mapping(metadata, "annotations")
    paths = [annotations[key] for key in _PATH_ANNOTATIONS if key in annotations] if in_config else [problem.place.file]
    if paths:
        result["file"] = {"path": str(paths[0])}
    return result
