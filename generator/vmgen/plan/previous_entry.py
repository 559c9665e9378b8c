"""Build the entry of a committed disk in `previous:`: its long form, from its manifest, with nothing inherited."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vmgen.check.guards import list_missing_guards
from vmgen.merge.environment import Environment
from vmgen.quantities import max_size
from vmgen.read.located import to_plain
from vmgen.read.manifests import get_mapping

_METADATA = ("labels", "annotations")


def build_previous_entry(document: Mapping[str, Any], environment: Environment) -> dict[str, Any]:
    """Return the entry below `previous:` that renders a committed disk as it is, without `of:`.

    What the environment gives to every disk is left out: the platform's defaults, and the environment's labels.
    """
    values = get_mapping(document, "spec")
    entry = _describe_source(values.get("source"), environment)
    if values.get("storage") != _find_default_size(entry.get("image"), environment):
        entry["storage"] = values.get("storage")
    defaults = environment.platform.disk_defaults.mapping
    for key in ("storageClass", "optical"):
        if key in values and (key not in defaults or values[key] != to_plain(defaults[key])):
            entry[key] = values[key]
    protect = not list_missing_guards(document)
    if not protect:
        entry["protect"] = False
    return entry | dict(_describe_metadata(document, environment, protect=protect))


def _describe_source(source: Any, environment: Environment) -> dict[str, Any]:
    """Return the key of a source, or the source itself if no key expresses it on this platform."""
    # The pattern `{}` matches every mapping, and the others match mappings with further keys too, so each has a guard.
    # https://docs.python.org/3/reference/compound_stmts.html#mapping-patterns
    match source:
        case None | {} if not source:
            return {}
        case {"image": {"name": str(name)}} if (
            len(source) == 1 and environment.platform.catalog.image_names.get(name, name) == name
        ):
            return {"image": name}
        case {"http": {"url": str(url)}} if len(source) == 1:
            return {"url": url}
        case {"disk": {"name": str(name)}} if len(source) == 1:
            return {"clone": name}
        case {"upload": {}} if source == {"upload": {}}:
            return {"upload": True}
        case _:
            return {"rawSource": source}


def _find_default_size(image: str | None, environment: Environment) -> str | None:
    """Return the size of a disk from an image of the catalog where none is written; None for any other disk."""
    if image is None:
        return None
    least = environment.platform.system_disk_storage.text
    entry = environment.platform.catalog.find_image(image)
    return max_size(least, entry.min_storage) if entry else least


def _describe_metadata(document: Mapping[str, Any], environment: Environment, *, protect: bool) -> Iterator[tuple[str, Any]]:
    metadata = document.get("metadata")
    content = environment.platform.content
    generated_entries = (
        content.get_plain("order", {}) | content.get_plain("protection", {})["protected" if protect else "unprotected"]
    )
    for section in _METADATA:
        values = metadata.get(section) if isinstance(metadata, dict) else None
        inherited_entries = environment.settings.get_plain(section, {})
        if section == "annotations":
            inherited_entries = generated_entries | inherited_entries
        own = {key: value for key, value in (values or {}).items() if inherited_entries.get(key) != value}
        if own:
            yield section, own
