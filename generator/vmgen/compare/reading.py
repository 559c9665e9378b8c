"""Many manifests read fast: objects that differ in nothing but their names are parsed once."""

from __future__ import annotations

from typing import Any

from vmgen.read.manifests import parse_objects

# Stands where a name was; no YAML text holds it.
_NAME_PLACEHOLDER = b"\0"


class ManifestParser:
    """Reads manifests by their paths. A name is the stem of the path, and stands in the text wherever it stands in the object.

    So the object of a text that is known but for the name is the known object with the other name put in: a name is lower-case
    letters, digits and dashes, which mean nothing to YAML, and those that are words of it stand in quotes.
    """

    def __init__(self) -> None:
        self._cache: dict[bytes, tuple[str, list[Any]]] = {}

    def parse(self, path: str, content: bytes) -> list[Any]:
        """The documents of a manifest. NotYaml where it cannot be read."""
        name = path.rpartition("/")[2].partition(".")[0]
        shape = content.replace(name.encode(errors="surrogateescape"), _NAME_PLACEHOLDER) if name else content
        known = self._cache.get(shape)
        if known is None:
            found = parse_objects(content)
            self._cache[shape] = (name, found)
            return found
        return [_replace_name(document, known[0], name) for document in known[1]]


def _replace_name(value: Any, old: str, new: str) -> Any:
    if isinstance(value, str):
        return value.replace(old, new) if old in value else value
    if isinstance(value, dict):
        return {_replace_name(key, old, new): _replace_name(item, old, new) for key, item in value.items()}
    if isinstance(value, list):
        return [_replace_name(item, old, new) for item in value]
    return value
