"""Parse manifests, and other YAML that nobody wrote for vmgen, into plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

_BASE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class InvalidYamlError(Exception):
    """The text is not YAML; the message has the reason and the line."""


class _ManifestLoader(_BASE_LOADER):  # type: ignore[misc]
    """PyYAML's safe loader, except that a duplicate key is an error, and a lone `=` or `<<` is text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _TextKeyLoader(_ManifestLoader):
    """Also rejects keys that are not text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        mapping = super().construct_mapping(node, deep)
        for key in mapping:
            if not isinstance(key, str):
                message = f"the key {key} is not text to every reader; quote it"
                raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        return mapping


for _tag in ("tag:yaml.org,2002:value", "tag:yaml.org,2002:merge"):
    _ManifestLoader.add_constructor(_tag, yaml.SafeLoader.construct_yaml_str)


def parse_objects(text: str | bytes, *, text_keys: bool = False) -> list[Any]:
    """Return the non-empty documents of a text. Raises InvalidYamlError if it cannot be parsed.

    With `text_keys`, a key such as `on` or `1` is an error too: others may write one, but vmgen does not.
    """
    loader = _TextKeyLoader if text_keys else _ManifestLoader
    try:
        return [document for document in yaml.load_all(text, Loader=loader) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidYamlError(" ".join(str(error).split())) from None


def is_manifest_file(name: str) -> bool:
    """Return true if an engine takes a file of this name for manifests.

    https://argo-cd.readthedocs.io/en/stable/user-guide/directory/
    """
    return name.lower().endswith((".yaml", ".yml", ".json"))


def iter_objects(documents: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the Kubernetes objects of documents, and the items of a `kind: List` in its place."""
    for document in documents:
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            continue
        items = document.get("items")
        if document["kind"].endswith("List") and isinstance(items, list):
            yield from iter_objects(items)
        else:
            yield document
