"""The layers of an environment, lowest first: `_defaults.yaml`, what the file extends, the file itself."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import Place, Problem
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.located import INVALID, Located, walk
from vmgen.read.overlay import merge
from vmgen.read.project import Project

DEFAULTS_FILE = "_defaults.yaml"


class Layered(NamedTuple):
    """An environment's merged content, with the files that it came from and what was wrong in them."""

    name: str
    file: str
    content: Located
    files: tuple[LayerFile, ...]
    problems: tuple[Problem, ...]

    @property
    def is_readable(self) -> bool:
        """Whether every layer could be read. If not, what seems to be missing may stand in the one that could not."""
        return all(layer.content.data is not INVALID for layer in self.files)


def load_layers(name: str, files: LayerLoader) -> Layered:
    """The environment of a name, its layers laid over each other."""
    path = files.project.environments / f"{name}.yaml"
    problems: list[Problem] = []
    layers: list[LayerFile] = []
    defaults = path.parent / DEFAULTS_FILE
    if defaults.is_file():
        _collect_layers(defaults, files, layers, problems, ())
    _collect_layers(path, files, layers, problems, ())
    shown = files.project.display_path(path)
    content = Located({}, Place(shown, 1, 1))
    for layer in layers:
        problems.extend(layer.problems)
        if layer.content.mapping:
            content = merge(content, layer.content, "environment")
    kept = {key: value for key, value in content.mapping.items() if key != "extends"}
    return Layered(name, shown, Located(kept, Place(shown, 1, 1)), tuple(layers), tuple(problems))


def _collect_layers(
    path: Path, files: LayerLoader, layers: list[LayerFile], problems: list[Problem], above: tuple[Path, ...]
) -> None:
    """Put a file's own layers, then the file, on the stack; a file that two layers extend stands once."""
    if any(layer.path == path for layer in layers):
        return
    layer = files.load(path)
    extends = layer.content.get("extends")
    for base in extends.items if extends else ():
        target = Path(os.path.realpath(path.parent / base.data))
        root = Path(os.path.realpath(files.project.root))
        if target in (*above, Path(os.path.realpath(path))):
            message = f"{base.data} extends this file in turn; remove one of the two"
            problems.append(Problem(base.place, "extends-cycle", "extends", message))
        elif not target.is_relative_to(root):
            message = f"{base.data} lies outside of the repository; copy it in, so that every clone renders the same"
            problems.append(Problem(base.place, "missing-layer", "extends", message))
        elif not os.path.isfile(target):
            message = f"no file {base.data} beside {files.project.display_path(path)}; correct the path"
            problems.append(Problem(base.place, "missing-layer", "extends", message))
        else:
            below = files.project.root / target.relative_to(root)
            _collect_layers(below, files, layers, problems, (*above, Path(os.path.realpath(path))))
    layers.append(layer)


def find_source_files(layers: Iterable[LayerFile], project: Project) -> Iterator[str]:
    """The layers, the key files that their values come from, and the files that cloud-init names."""
    for layer in layers:
        yield project.display_path(layer.path)
        for path, value in walk(layer.content):
            yield value.place.file
            if value.key_place:
                yield value.key_place.file
            if is_cloud_init_file(path) and isinstance(value.data, str):
                yield project.display_path(layer.path.parent / value.data)


def is_cloud_init_file(path: tuple[str | int, ...]) -> bool:
    """Whether a value names a template or a fragment of cloud-init, or is in one."""
    return "cloudInit" in path and ("template" in path or "merge" in path)
