"""How layers merge: which files make up an environment, in which order, and what becomes of a key that two of them set.

Platform data and catalogs use the same merge.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import Place, Problem, ProblemsError, has_errors, sort_problems
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.located import INVALID, Located, walk
from vmgen.read.repository import Project, explain_missing_file
from vmgen.rules import EXTENDS_CYCLE, MISSING_LAYER

DEFAULTS_FILE = "_defaults.yaml"
DEFAULT_PLATFORM = "hikube"
DISK_SOURCES = ("image", "url", "clone", "upload")
# Layers of values that somebody wrote. Any other layer is the text of an inference rule; `overrides` then holds its inputs.
WRITTEN_LAYERS = ("", "platform", "catalog")
# The shapes below the keys of a shape. Keys are names in some mappings: a group called `image` is not the key `image`.
_CHILD_SHAPES: Mapping[str, Mapping[str, str]] = {
    "environment": {"defaults": "group", "vms": "groups", "disks": "disks"},
    "groups": {"*": "group"},
    "group": {"disks": "disks", "previous": "disks", "instances": "groups", "cloudInit": "cloudInit"},
    "disks": {"*": "disk"},
    "disk": {"previous": "disks"},
    "cloudInit": {"*": "cloudConfig"},
    "cloudConfig": {"*": "cloudConfig"},
    # Data files of a platform; what changes with a version is merged when the version is known, nulls included.
    "data": {"changes": "changes", "*": "data"},
    "changes": {"*": "changes"},
}
# Keys that exclude each other: a higher layer that sets one removes the others of the lower layers.
EXCLUSIVE_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "group": (DISK_SOURCES, ("count", "names")),
    "disk": (DISK_SOURCES,),
}
# Shapes that are merged over further layers later (`defaults:`, the platform), from which their nulls remove keys too.
_KEEP_NULLS_IN = ("group", "groups", "disks", "changes")
_CLOUD_INIT_FORMS = ("template", "text", "merge")


class Layered(NamedTuple):
    """The merged content of an environment, its layers from lowest to highest, and the problems in them."""

    name: str
    file: str
    content: Located
    files: tuple[LayerFile, ...]
    problems: tuple[Problem, ...]

    @property
    def is_readable(self) -> bool:
        """Return whether every layer could be read. If not, a key that seems to be missing may be in the unreadable one."""
        return all(layer.content.data is not INVALID for layer in self.files)


def load_layers(name: str, files: LayerLoader) -> Layered:
    """Load and merge an environment: `_defaults.yaml`, then the layers that its file extends, then its file."""
    path = files.project.environments / f"{name}.yaml"
    stack = _push_defaults(files)
    stack.push(path)
    return stack.merge(name, files.project.display_path(path))


def load_defaults(files: LayerLoader) -> Located:
    """Load and merge what every environment starts from: `_defaults.yaml`, and the layers that it extends.

    Raises ProblemsError if one of them has an error: what is built on it would have half of its values.
    """
    path = files.project.environments / DEFAULTS_FILE
    layers = _push_defaults(files).merge("", files.project.display_path(path))
    if has_errors(layers.problems):
        raise ProblemsError(sort_problems(layers.problems))
    return layers.content


def _push_defaults(files: LayerLoader) -> _LayerStack:
    stack = _LayerStack(files)
    path = files.project.environments / DEFAULTS_FILE
    if os.path.lexists(path):
        stack.push(path)
    return stack


class _LayerStack:
    """The layers of an environment, lowest first, and the problems of their `extends:`."""

    def __init__(self, files: LayerLoader) -> None:
        self.layers: list[LayerFile] = []
        self.problems: list[Problem] = []
        self._files = files
        self._root = Path(os.path.realpath(files.project.root))

    def push(self, path: Path, extending: tuple[Path, ...] = ()) -> None:
        """Push the layers that a file extends, then the file; a file that is on the stack already is not pushed again.

        `extending` are the resolved paths of the files that led here.
        """
        # Two layers may extend one file; it counts at its first, lowest place, as a base class does in Python.
        if any(layer.path == path for layer in self.layers):
            return
        layer = self._files.load(path)
        chain = (*extending, Path(os.path.realpath(path)))
        extends = layer.content.get("extends")
        for base in extends.items if extends else ():
            # By the real path, or a link would hide a circle, or a file outside of the repository.
            target = Path(os.path.realpath(path.parent / base.text))
            if target in chain:
                message = f"{base.data} extends this file in turn; remove one of the two"
                self.problems.append(EXTENDS_CYCLE.build_problem(base.place, "extends", message))
            elif not self._files.project.contains(target):
                message = f"{base.data} is outside of the repository; copy it into the repository"
                self.problems.append(MISSING_LAYER.build_problem(base.place, "extends", message))
            elif not os.path.exists(target) or os.path.isdir(target):
                hint = explain_missing_file(path.parent / base.text) or "; correct the path"
                message = f"no file {base.data} beside {self._files.project.display_path(path)}{hint}"
                self.problems.append(MISSING_LAYER.build_problem(base.place, "extends", message))
            else:
                self.push(self._files.project.root / os.path.relpath(target, self._root), chain)
        self.layers.append(layer)

    def merge(self, name: str, file: str) -> Layered:
        """Return the merged layers of an environment, without `extends`, and all of their problems."""
        content = Located({}, Place(file, 1, 1))
        for layer in self.layers:
            self.problems.extend(layer.problems)
            if layer.content.mapping:
                content = merge(content, layer.content, "environment")
        settings = {key: value for key, value in content.mapping.items() if key != "extends"}
        return Layered(name, file, Located(settings, Place(file, 1, 1)), tuple(self.layers), tuple(self.problems))


def merge(lower: Located, upper: Located, shape: str = "", *, nulls: bool = False) -> Located:
    """Merge `upper` over `lower`: mappings key by key, lists and scalars replaced, `null` removes the key (RFC 7396).

    Keys keep the order of the lower layer, new ones are appended. Each value remembers in `overrides` what it replaced.
    `shape` is what the mapping describes (environment, group, disk, cloudInit; empty for plain data): some shapes have
    exclusive keys. With `nulls`, a null stays in the result, which is then merged over further layers from which the null
    removes too; `drop_nulls` removes it in the end. Groups and disks of an environment always keep theirs.
    """
    if not isinstance(upper.data, dict) or _has_other_form(lower, upper, shape):
        return upper._replace(overrides=_append_override(upper, lower))
    if not isinstance(lower.data, dict):
        # Merged over nothing, as RFC 7396 has it (https://www.rfc-editor.org/rfc/rfc7396#section-2), so that its nulls go.
        merged_mapping = merge(Located({}, lower.place), upper, shape, nulls=nulls)
        return upper._replace(data=merged_mapping.data, overrides=lower)
    mapping = dict(lower.data)
    for keys in EXCLUSIVE_KEYS.get(shape, ()):
        _drop_excluded(mapping, upper.data, keys)
    if shape == "environment" and _names_other_platform(lower, upper):
        mapping.pop("platformVersion", None)  # a version of the other platform
    child_shapes = _CHILD_SHAPES.get(shape, {})
    for name, value in upper.data.items():
        # An empty value (`storage:`) is a null of YAML too, so it also means "as if no lower layer had set it".
        if value.data is None:
            _remove_key(mapping, name, value, shape, nulls=nulls)
            continue
        child_shape = child_shapes.get(name) or child_shapes.get("*", "")
        keep_nulls = (nulls or child_shape in _KEEP_NULLS_IN) and child_shape != "cloudInit"
        if name in mapping:
            mapping[name] = merge(mapping[name], value, child_shape, nulls=keep_nulls)
        elif isinstance(value.data, dict):  # merged over nothing, so that the nulls in it go
            merged_mapping = merge(Located({}, value.place), value, child_shape, nulls=keep_nulls)
            mapping[name] = Located(merged_mapping.data, value.place, value.key_place, value.layer, value.overrides)
        else:
            mapping[name] = value
    return Located(mapping, upper.place, upper.key_place, upper.layer, _append_override(upper, lower))


def drop_nulls(value: Located) -> Located:
    """Return a mapping without the nulls that `merge` kept, those in a cloud-init excepted.

    A default of the platform that a null removed comes back: defaults apply wherever a key is not set.
    """
    if not isinstance(value.data, dict):
        return value
    data = {}
    for name, item in value.data.items():
        setting = _find_platform_default(item) if item.data is None else item if name == "cloudInit" else drop_nulls(item)
        if setting is not None:
            data[name] = setting
    # The same object, since settings are shared by their identity: a copy for each VM would render each on its own.
    same = len(data) == len(value.data) and all(data[name] is item for name, item in value.data.items())
    return value if same else value._replace(data=data)


def _append_override(upper: Located, lower: Located) -> Located | None:
    """Return the chain of values below `upper` with `lower` at its end. The inputs of an inference rule stay alone."""
    if upper.overrides is None:
        return lower
    if upper.layer not in WRITTEN_LAYERS:
        return upper.overrides
    return upper.overrides._replace(overrides=_append_override(upper.overrides, lower))


def _find_platform_default(null: Located) -> Located | None:
    """Return the default that a null puts back, at the place of the null: another value there replaces it."""
    lower = null.overrides
    # The chain of overrides ends at the platform, whose defaults a null of a user cannot remove.
    while lower is not None and lower.layer != "platform":
        lower = lower.overrides
    return null._replace(data=lower.data, layer="default that null restores", overrides=lower) if lower else None


def _remove_key(mapping: dict[str, Located], name: str, null: Located, shape: str, *, nulls: bool) -> None:
    if nulls:
        mapping[name] = null._replace(overrides=mapping.get(name))
    elif name in mapping:
        del mapping[name]
    elif shape in ("cloudInit", "cloudConfig"):
        mapping[name] = null  # cloud-init gives some keys a meaning when they are null


def _drop_excluded(mapping: dict[str, Located], upper: Mapping[str, Located], keys: tuple[str, ...]) -> None:
    # `image` over a `url` of a lower layer means the image. Two keys of one layer stay, so that a rule can report them.
    if any(name in upper and upper[name].data is not None for name in keys):
        for name in keys:
            if name not in upper:
                mapping.pop(name, None)


def _names_other_platform(lower: Located, upper: Located) -> bool:
    # A `platform:` without a value is a null and means the default platform.
    platform = upper.get("platform")
    return platform is not None and (platform.data or DEFAULT_PLATFORM) != lower.get_plain("platform", DEFAULT_PLATFORM)


def _has_other_form(lower: Located, upper: Located, shape: str) -> bool:
    """Return whether the two are different forms of a cloud-init, which do not merge."""
    return shape == "cloudInit" and any(form in value.mapping for form in _CLOUD_INIT_FORMS for value in (lower, upper))


def find_source_files(layers: Iterable[LayerFile], project: Project) -> Iterator[str]:
    """Yield the files that the layers are read from: their own, those of SSH keys, and those that cloud-init names."""
    for layer in layers:
        yield project.display_path(layer.path)
        for path, value in walk(layer.content):
            yield value.place.file
            if value.key_place:
                yield value.key_place.file
            if is_cloud_init_file(path) and isinstance(value.data, str):
                yield project.display_path(layer.path.parent / value.data)


def is_cloud_init_file(path: tuple[str | int, ...]) -> bool:
    """Return whether the value at a key path names a template or a fragment of cloud-init, or is in one."""
    return "cloudInit" in path and ("template" in path or "merge" in path) and "text" not in path
