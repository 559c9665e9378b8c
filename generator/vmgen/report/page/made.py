"""One rendered environment, as far as the page needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vmgen.expand.model import Fleet
from vmgen.merge.environment import Environment
from vmgen.read.layer_file import LayerFile


@dataclass(frozen=True, slots=True)
class PageEnvironment:
    """One environment, as far as the page needs it."""

    environment: Environment
    fleet: Fleet
    files: Mapping[str, bytes] = field(repr=False)
    layers: tuple[LayerFile, ...] = field(repr=False)
