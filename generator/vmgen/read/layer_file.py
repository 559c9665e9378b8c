"""One file of an environment, read: located, of the right shape, its short forms written out, its key files taken in."""

from __future__ import annotations

import errno
import os
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from vmgen.problems import Place, Problem
from vmgen.read.located import INVALID, Located
from vmgen.read.repository import Project
from vmgen.read.schema import Schema, load_builtin_schema, prune_invalid
from vmgen.read.yaml_reader import describe_unprintable, read_yaml

MAX_KEY_FILE_BYTES = 1024 * 1024


class LayerFile(NamedTuple):
    """A file's content; what was refused in it stands as INVALID or is gone, and `problems` says why."""

    path: Path
    content: Located
    problems: tuple[Problem, ...]


class LayerLoader:
    """Reads each file once in a run, however many environments share it."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._layers: dict[Path, LayerFile] = {}

    @cached_property
    def schema(self) -> Schema:
        return load_builtin_schema("environment")

    def load(self, path: Path) -> LayerFile:
        """The file at a path; the path exists."""
        found = self._layers.get(path)
        if found is None:
            found = self._layers[path] = _load_layer(path, self.project, self.schema)
        return found

    def override_text(self, path: Path, text: bytes) -> None:
        """Take a file to hold a text from here on, whatever lies at its path: for what is not written yet."""
        self._layers[path] = _load_layer(path, self.project, self.schema, text)


def _load_layer(path: Path, project: Project, schema: Schema, text: bytes | None = None) -> LayerFile:
    shown = project.display_path(path)
    try:
        content, problems = read_yaml(project.read_source(path) if text is None else text, shown)
    except OSError as error:
        unreadable = Problem(Place(shown), "unreadable-file", "", f"cannot be read: {error.strerror}")
        return LayerFile(path, Located(INVALID, Place(shown)), (unreadable,))
    if content is None:
        return LayerFile(path, Located(INVALID, Place(shown)), tuple(problems))
    refused = schema.find_problems(content)
    problems.extend(dict.fromkeys(problem for _, problem in refused))
    content = prune_invalid(content, [taken for taken, _ in refused])
    return LayerFile(path, _expand_shorthand(content, path, project, problems), tuple(problems))


def _expand_shorthand(content: Located, path: Path, project: Project, problems: list[Problem]) -> Located:
    """The file with every short form in its long form, so that layers merge key by key."""
    keys = _KeyFileReader(path.parent, project, problems)

    def group(value: Located) -> Located:
        return _map_keys(
            value, {"disks": disks, "attach": _expand_attachments, "sshKeys": keys.inline_keys, "instances": groups}
        )

    def groups(value: Located) -> Located:
        return _map_values(value, group)

    def disks(value: Located) -> Located:
        return _map_values(value, _expand_disk)

    return _map_keys(content, {"defaults": group, "vms": groups, "disks": disks})


def _map_keys(value: Located, changes: dict[str, Any]) -> Located:
    if not isinstance(value.data, dict) or not any(name in value.data for name in changes):
        return value
    data = {name: changes[name](item) if name in changes else item for name, item in value.data.items()}
    return Located(data, value.place, value.key_place)


def _map_values(value: Located, change: Any) -> Located:
    if not isinstance(value.data, dict):
        return value
    return Located({name: change(item) for name, item in value.data.items()}, value.place, value.key_place)


def _expand_disk(value: Located) -> Located:
    if not isinstance(value.data, str):
        return value
    return Located({"storage": Located(value.data, value.place, value.key_place)}, value.place, value.key_place)


def _expand_attachments(value: Located) -> Located:
    if not isinstance(value.data, tuple):
        return value
    items = (Located({"name": item}, item.place) if isinstance(item.data, str) else item for item in value.data)
    return Located(tuple(items), value.place, value.key_place)


class _KeyFileReader(NamedTuple):
    folder: Path
    project: Project
    problems: list[Problem]

    def inline_keys(self, value: Located) -> Located:
        """The list of keys with each `{file: …}` replaced by the file's keys, each at its line there."""
        if not isinstance(value.data, tuple):
            return value
        keys: list[Located] = []
        for item in value.data:
            file = item.get("file")
            keys.extend([item] if file is None else self._read_keys(file))
        return Located(tuple(keys), value.place, value.key_place)

    def _read_keys(self, file: Located) -> list[Located]:
        path = self.folder / file.data
        shown = self.project.display_path(path)
        if not self.project.contains(path):
            message = "the key file lies outside of the repository; copy it in, so that every clone renders the same"
            self.problems.append(Problem(file.place, "missing-key-file", "sshKeys", message))
            return []
        try:
            content = self.project.read_source(path, MAX_KEY_FILE_BYTES + 1)
            if len(content) > MAX_KEY_FILE_BYTES:
                raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            message = f"the key file {shown} cannot be read: {reason}; name a file of public keys, one a line"
            self.problems.append(Problem(file.place, "missing-key-file", "sshKeys", message))
            return []
        keys = []
        for number, line in enumerate(text.split("\n"), start=1):
            place = Place(shown, number, 1)
            if describe_unprintable(line):
                message = f"the character {describe_unprintable(line)} does not survive YAML tools; remove it"
                self.problems.append(Problem(place, "unprintable-character", "sshKeys", message))
            elif line.strip() and not line.lstrip().startswith("#"):
                keys.append(Located(line.strip(), place, file.place))
        if not keys:
            message = f"the key file {shown} holds no key; put public keys in it, one a line"
            self.problems.append(Problem(file.place, "empty-key-file", "sshKeys", message))
        return keys
