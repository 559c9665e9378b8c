"""One mapping laid over another, keeping what was replaced: the one merge that files, layers and catalogs share.

The layers of an environment, lowest first: `_defaults.yaml`, what the file extends, the file itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import Place, Problem
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.located import INVALID, Located, walk
from vmgen.read.repository import Project

# What lies below a key, where a key is not simply a free value: the merge has to know a group named `image` from the
# key `image` of a group.
_CHILD_SHAPES: Mapping[str, Mapping[str, str]] = {
    "environment": {"defaults": "group", "vms": "groups", "disks": "disks"},
    "groups": {"*": "group"},
    "group": {"disks": "disks", "instances": "groups", "cloudInit": "cloudInit"},
    "disks": {"*": "disk"},
    "cloudInit": {"*": "cloudConfig"},
    "cloudConfig": {"*": "cloudConfig"},
}
DISK_SOURCES = ("image", "url", "clone", "upload")
# Keys of which one holds: a higher layer that writes one takes the others away.
_EXCLUSIVE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "group": (DISK_SOURCES, ("count", "names")),
    "disk": (DISK_SOURCES,),
}
# Layers of values that somebody wrote. Any other is the sentence of a rule, and what lies under its value made it.
WRITTEN_LAYERS = ("", "platform", "catalog")
# What goes over further layers when the files of an environment are merged.
_KEEP_NULLS_IN = ("group", "groups", "disks")
_CLOUD_INIT_FORMS = ("template", "merge")


def merge(lower: Located, upper: Located, shape: str = "", *, nulls: bool = False) -> Located:
    """`upper` over `lower`: mappings key by key, the rest replaced, `null` removes.

    The order is the lower layer's, new keys appended. `shape` names what the mapping is: environment, group, disk.
    With `nulls`, a null stays where it was written, since the result goes over further layers, of which it removes too;
    `settled` takes it away in the end. What lies below the groups of an environment goes over its `defaults:` at least.
    """
    if not isinstance(upper.data, dict) or _has_other_form(lower, upper, shape):
        return Located(upper.data, upper.place, upper.key_place, upper.layer, _append_override(upper, lower))
    if not isinstance(lower.data, dict):
        laid = merge(Located({}, lower.place), upper, shape, nulls=nulls)
        return Located(laid.data, upper.place, upper.key_place, upper.layer, overrides=lower)
    merged = dict(lower.data)
    for choice in _EXCLUSIVE_KEYS.get(shape, ()):
        _drop_exclusive(merged, upper.data, choice)
    below = _CHILD_SHAPES.get(shape, {})
    for name, value in upper.data.items():
        if value.data is None:
            _remove_key(merged, name, value, shape, nulls=nulls)
            continue
        # A mapping is laid over nothing too, so that the nulls in it go.
        base = merged.get(name) or Located({} if isinstance(value.data, dict) else None, value.place)
        inner = below.get(name) or below.get("*", "")
        laid = merge(base, value, inner, nulls=(nulls or inner in _KEEP_NULLS_IN) and inner != "cloudInit")
        merged[name] = (
            laid if name in merged else Located(laid.data, value.place, value.key_place, value.layer, value.overrides)
        )
    return Located(merged, upper.place, upper.key_place, upper.layer, _append_override(upper, lower))


def _append_override(upper: Located, lower: Located) -> Located | None:
    """What lies under a value that has replaced something already: that, and below it all what it replaces now."""
    under = upper.overrides
    if under is None:
        return lower
    if upper.layer not in WRITTEN_LAYERS:
        return under
    return Located(under.data, under.place, under.key_place, under.layer, _append_override(under, lower))


def drop_nulls(value: Located) -> Located:
    """A mapping without the nulls that were kept in it. What a null removed of the platform's comes back: a default holds
    where nothing is written. The nulls in a cloud-init are its own."""
    if not isinstance(value.data, dict):
        return value
    data = {}
    for name, item in value.data.items():
        left = _find_platform_default(item) if item.data is None else item if name == "cloudInit" else drop_nulls(item)
        if left is not None:
            data[name] = left
    same = len(data) == len(value.data) and all(data[name] is item for name, item in value.data.items())
    return value if same else Located(data, value.place, value.key_place, value.layer, value.overrides)


def _find_platform_default(removed: Located) -> Located | None:
    lower = removed.overrides
    while lower is not None and lower.layer != "platform":
        lower = lower.overrides
    return lower


def _remove_key(merged: dict[str, Located], name: str, value: Located, shape: str, *, nulls: bool) -> None:
    if nulls:
        merged[name] = Located(None, value.place, value.key_place, value.layer, merged.get(name))
    elif name in merged:
        del merged[name]
    elif shape in ("cloudInit", "cloudConfig"):
        merged[name] = value  # cloud-init gives some keys a meaning when they are null


def _drop_exclusive(merged: dict[str, Located], upper: Mapping[str, Located], choice: tuple[str, ...]) -> None:
    if any(name in upper and upper[name].data is not None for name in choice):
        for name in choice:
            if name not in upper:
                merged.pop(name, None)


def _has_other_form(lower: Located, upper: Located, shape: str) -> bool:
    """Whether two cloud-init mappings are different forms of it, which do not merge."""
    return shape == "cloudInit" and any(form in value.mapping for form in _CLOUD_INIT_FORMS for value in (lower, upper))


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
