"""Build the JSON Schema with which an editor completes values too: the environment's, with the repository's catalogs in it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vmgen.merge.layers import DEFAULT_PLATFORM
from vmgen.merge.platform import Platform, PlatformLoader
from vmgen.read.layer_file import LayerLoader
from vmgen.read.own_keys import build_environment_document
from vmgen.read.repository import Project, read_schema_text

_CLOUD_CONFIG = "cloud-init/cloud-config"
_CLOUD_PREFIX = "cloud-config."
# The mappings below `cloudInit:` that are no cloud-config.
_OWN_FORMS = {
    "type": "object",
    "properties": {
        "template": {"description": "A template below templates/cloud-init/.", "type": "string"},
        "merge": {"description": "Fragments, lowest first.", "type": "array"},
    },
    "anyOf": [{"required": ["template"]}, {"required": ["merge"]}],
}


def build_values_schema(project: Project, platform: str = "", version: str = "") -> str:
    """Return the schema as text, for a version of one platform or for those that the repository's environments name.

    Raises ProblemsError if a platform or a catalog is not right.
    """
    document: dict[str, Any] = copy.deepcopy(dict(build_environment_document(project)))
    loader = PlatformLoader(project)
    if platform:
        catalogs = [loader.load(platform, loader.load_release(platform).resolve(version or None)).catalog]
    else:
        catalogs = [each.catalog for each in _load_named_platforms(project, loader)]
    values = {
        "instanceType": _collect(catalog.instance_types for catalog in catalogs),
        "instanceProfile": _collect(catalog.profiles for catalog in catalogs),
        "image": _collect(catalog.image_names for catalog in catalogs),
        "storageClass": _collect(catalog.storage_classes for catalog in catalogs),
    }
    definitions = document["$defs"]
    for name, names in values.items():
        for owner in (definitions, *(definitions[shape]["properties"] for shape in ("disk", "ownDisk"))):
            if name in owner and names:
                owner[name] = _restrict(owner[name], names)
    document["properties"]["platform"] = _restrict(document["properties"]["platform"], project.platform_names)
    definitions["gpus"]["items"] = {"anyOf": [{"enum": _collect(catalog.gpus for catalog in catalogs)}, {"type": "string"}]}
    definitions["cloudInit"] = _describe_cloud_init(definitions["cloudInit"], definitions)
    document["$id"] = "urn:vmgen:schema:environment-values"
    document["description"] += " This copy knows the values of the catalogs; vmgen render keeps it up to date."
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def _load_named_platforms(project: Project, loader: PlatformLoader) -> Iterator[Platform]:
    """Yield the platforms that files below environments/ name, at the versions that they name; the default one if none."""
    files = LayerLoader(project)
    paths = sorted(project.environments.glob("*.yaml")) if project.environments.is_dir() else []
    layers = [files.load(path).content for path in paths if path != project.own_catalog]
    platforms = {str(layer.get_plain("platform", "")) for layer in layers}
    own_versions = [str(layer.get_plain("platformVersion")) for layer in layers if layer.get("platformVersion")]
    for name in tuple(name for name in project.platform_names if name in platforms) or (DEFAULT_PLATFORM,):
        release = loader.load_release(name)
        versions = {version for text in own_versions if (version := release.find(text))}
        for version in sorted(versions) or [release.versions.default]:
            yield release.build(version)


def _collect(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({name for mapping in entries for name in mapping})


def _restrict(node: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return a node that takes these names, an empty text and null, and offers the names alone."""
    keywords = {key: value for key, value in node.items() if key in ("description", "default", "examples", "x-platform-field")}
    return {**keywords, "anyOf": [{"enum": list(names)}, {"type": "string", "maxLength": 0}, {"type": "null"}]}


def _describe_cloud_init(node: Mapping[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the node of `cloudInit:` with cloud-init's own schema in it, and add the definitions of that schema."""
    cloud_config = json.loads(read_schema_text(_CLOUD_CONFIG))
    modules = cloud_config["$defs"]
    for name, definition in modules.items():
        definitions[_CLOUD_PREFIX + name] = _rename_references(definition)
    # Upstream puts the keys of each module beside the others under `allOf`, where editors offer those of the first ones only.
    keys: dict[str, Any] = dict(cloud_config["properties"])
    for reference in cloud_config["allOf"]:
        keys.update(modules[reference["$ref"].rsplit("/", 1)[1]].get("properties", {}))
    definitions[f"{_CLOUD_PREFIX}document"] = {
        "type": "object",
        "additionalProperties": False,
        "properties": _rename_references(keys),
    }
    document = {"$ref": f"#/$defs/{_CLOUD_PREFIX}document"}
    return {"description": node["description"], "anyOf": [{"type": ["string", "null"]}, _OWN_FORMS, document]}


def _rename_references(node: Any) -> Any:
    if isinstance(node, list):
        return [_rename_references(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("enum"), dict):  # readers of draft 4 accept more than lists; a mapping is the whole definition
        node = {key: value for key, value in node.items() if key != "enum"} | node["enum"]
    start = "#/$defs/"
    return {
        key: f"{start}{_CLOUD_PREFIX}{value.removeprefix(start)}"
        if key == "$ref" and isinstance(value, str)
        else _rename_references(value)
        for key, value in node.items()
        if key != "default" or value is not None  # a default of null ends the completion of yaml-language-server
    }
