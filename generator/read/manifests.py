"""Manifests read back: the one place that parses YAML which is not written by a person for vmgen."""

from __future__ import annotations

from typing import Any

import yaml

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class NotYaml(Exception):
    """The text is no YAML; says why, with the line."""


def objects(text: str | bytes) -> list[Any]:
    """The documents of a text, empty ones left out. NotYaml where it cannot be read."""
    try:
        return [document for document in yaml.load_all(text, Loader=_LOADER) if document is not None]
    except (yaml.YAMLError, ValueError) as error:
        raise NotYaml(" ".join(str(error).split())) from None
