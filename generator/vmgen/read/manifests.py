"""Manifests read back: the one place that parses YAML which is not written by a person for vmgen."""

from __future__ import annotations

from typing import Any

import yaml

_BASE_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class InvalidYamlError(Exception):
    """The text is no YAML; says why, with the line."""


class _ManifestLoader(_BASE_LOADER):  # type: ignore[misc]
    """PyYAML's loader, but that a key may stand once, and that a lone `=` or `<<` is text."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"the key {key.value} stands twice", key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _TextKeyLoader(_ManifestLoader):
    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        found = super().construct_mapping(node, deep)
        for key in found:
            if not isinstance(key, str):
                message = f"the key {key} is not text to every reader; quote it"
                raise yaml.constructor.ConstructorError(None, None, message, node.start_mark)
        return found


for _tag in ("tag:yaml.org,2002:value", "tag:yaml.org,2002:merge"):
    _ManifestLoader.add_constructor(_tag, yaml.SafeLoader.construct_yaml_str)


def parse_objects(text: str | bytes, *, text_keys: bool = False) -> list[Any]:
    """The documents of a text, empty ones left out. NotYaml where it cannot be read.

    With `text_keys`, a key such as `on` or `1` is an error: in what others wrote it is passed on, and not written by us.
    """
    loader = _TextKeyLoader if text_keys else _ManifestLoader
    try:
        return [document for document in yaml.load_all(text, Loader=loader) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidYamlError(" ".join(str(error).split())) from None
