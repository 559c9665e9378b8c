"""Parse manifests, and other YAML that nobody wrote for vmgen, into plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from vmgen.read.nesting import TooDeepError, check_levels

# What aliases may unfold to; the largest export of a cluster holds as many values without one.
MAX_VALUES = 2_000_000
# What merge keys may add to one mapping, counted with those that are written twice.
MAX_MERGED_KEYS = 100_000

_BASE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class InvalidYamlError(Exception):
    """The text is not YAML; the message has the reason and the line."""


class _ManifestLoader(_BASE_LOADER):  # type: ignore[misc]
    """PyYAML's safe loader, except that a duplicate key is an error, and a lone `=` or `<<` is text."""

    def flatten_mapping(self, node: Any) -> None:
        """Add what merge keys name. Raises ConstructorError where each of them multiplies the keys of the last."""
        size = len(node.value)
        super().flatten_mapping(node)
        if len(node.value) > max(size, MAX_MERGED_KEYS):
            raise yaml.constructor.ConstructorError(None, None, "merge keys expand to too many keys", node.start_mark)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        keys: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in keys:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} is a duplicate", key.start_mark)
            keys.add(key.value)
        return super().construct_mapping(node, deep)


class _TextKeyLoader(_ManifestLoader):
    """Also rejects keys that are not text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        mapping = super().construct_mapping(node, deep)
        for key in mapping:
            if not isinstance(key, str):
                message = f"the key {key} is not text for every parser; quote it"
                raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        return mapping


# A day is text, as it is to kubectl; what JSON does not have is an error, which the loader has for tags that it does not know.
for _tag in ("binary", "omap", "pairs", "set"):
    _ManifestLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _ManifestLoader.construct_undefined)
for _tag in ("tag:yaml.org,2002:value", "tag:yaml.org,2002:merge", "tag:yaml.org,2002:timestamp"):
    _ManifestLoader.add_constructor(_tag, yaml.SafeLoader.construct_yaml_str)


def parse_objects(text: str | bytes, *, text_keys: bool = False) -> list[Any]:
    """Return the non-empty documents of a text. Raises InvalidYamlError if it cannot be parsed.

    With `text_keys`, a key such as `on` or `1` is an error too: others may write one, but vmgen does not.
    """
    loader = _TextKeyLoader if text_keys else _ManifestLoader
    try:
        documents = [document for document in yaml.load_all(text, Loader=loader) if document is not None]
        if "*" in text if isinstance(text, str) else b"*" in text:
            _check_size(documents)
        if _may_be_deep(text):
            check_levels(documents)
        return documents
    except RecursionError:
        raise InvalidYamlError(str(TooDeepError())) from None
    except (yaml.YAMLError, ValueError, TypeError) as error:  # TypeError: a key that is a list or a mapping
        raise InvalidYamlError(" ".join(str(error).split())) from None


def _may_be_deep(text: str | bytes) -> bool:
    """Return whether a text has enough openings or indentation for more levels than a manifest has."""
    content = text.encode() if isinstance(text, str) else text
    return b" " * 40 in content or sum(map(content.count, (b"[", b"{", b"- ", b"? "))) > 50


def _check_size(documents: list[Any]) -> None:
    """Raise InvalidYamlError if aliases make more of the documents than any manifest holds, or make them endless."""
    waiting, count = [*documents], 0
    while waiting:
        value = waiting.pop()
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        waiting.extend(children)
        count += 1
        if count > MAX_VALUES:
            raise InvalidYamlError("aliases expand to too many values")


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


def get_mapping(document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the mapping below a key; an empty one if there is none: a manifest of others may hold anything there."""
    value = document.get(key)
    return value if isinstance(value, dict) else {}
