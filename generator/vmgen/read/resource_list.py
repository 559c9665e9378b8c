"""A ResourceList, the language of KRM functions: read without touching what is passed through, and written again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import yaml

from vmgen.problems import VmgenError
from vmgen.read.manifests import InvalidYamlError, parse_objects

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
