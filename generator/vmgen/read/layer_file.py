"""Read one file of an environment: validate it, expand its short forms, and inline its key files."""

import re
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import Place, Problem
from vmgen.read.located import INVALID, Located
from vmgen.read.own_keys import load_environment_schema
from vmgen.read.repository import Project, explain_missing_file
from vmgen.read.schema import Schema, prune_invalid
from vmgen.read.source_file import describe_unreadable
from vmgen.read.yaml_reader import describe_unprintable, read_yaml
from vmgen.rules import EMPTY_KEY_FILE, MISSING_KEY_FILE, UNPRINTABLE_CHARACTER, Rule

MAX_KEY_FILE_BYTES = 1024 * 1024

# The first line of a file that holds one key in another format: SSH2, PEM, a private key, a file of PuTTY.
_OTHER_FORMAT = r"\s*(?:-{4,5} ?BEGIN |PuTTY-User-Key-File-)"

_Change = Callable[[Located], Located]


class LayerFile(NamedTuple):
    """The content of a file. Rejected values are INVALID or missing; `problems` has the reasons."""

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
        """The schema of an environment in this repository."""
        return load_environment_schema(self.project)

    def load(self, path: Path) -> LayerFile:
        """Return the file at a path. A file that cannot be read is INVALID, with a problem."""
        if path not in self._layers:
            try:
                self._layers[path] = _parse_layer(path, self.project.read_source(path), self)
            except OSError as error:
                problem = describe_unreadable(self.project.display_path(path), error)
                self._layers[path] = LayerFile(path, Located(INVALID, problem.place), (problem,))
        return self._layers[path]

    def override_text(self, path: Path, text: bytes) -> None:
        """Use a text as the content of a file for the rest of the run, for files that do not exist yet."""
        self._layers[path] = _parse_layer(path, text, self)


def _parse_layer(path: Path, text: bytes, loader: LayerLoader) -> LayerFile:
    project = loader.project
    file = project.display_path(path)
    content, problems = read_yaml(text, file)
    if content is None:
        return LayerFile(path, Located(INVALID, Place(file)), tuple(problems))
    schema_problems = loader.schema.find_problems(content)
    # Each once: an anchor that is used twice has its mistake at one place.
    problems.extend(dict.fromkeys(problem for _, problem in schema_problems))
    content = prune_invalid(content, [invalid_path for invalid_path, _ in schema_problems])
    return LayerFile(path, _expand_shorthand(content, path, project, problems), tuple(problems))


def _expand_shorthand(content: Located, path: Path, project: Project, problems: list[Problem]) -> Located:
    """Return the content with every short form in its long form, so that layers merge key by key."""
    key_files = _KeyFileReader(path.parent, project, problems)

    def expand_group(group: Located) -> Located:
        return _map_keys(
            group,
            {
                "disks": expand_disks,
                "attach": _expand_attachments,
                "sshKeys": key_files.inline_keys,
                "instances": expand_groups,
            },
        )

    def expand_groups(groups: Located) -> Located:
        return _map_keys(groups, dict.fromkeys(groups.mapping, expand_group))

    def expand_disks(disks: Located) -> Located:
        return _map_keys(disks, dict.fromkeys(disks.mapping, _expand_disk))

    return _map_keys(content, {"defaults": expand_group, "vms": expand_groups, "disks": expand_disks})


def _map_keys(value: Located, changes: Mapping[str, _Change]) -> Located:
    if changes.keys().isdisjoint(value.mapping):
        return value
    return value.with_data({name: changes[name](item) if name in changes else item for name, item in value.mapping.items()})


def _expand_disk(disk: Located) -> Located:
    return disk.with_data({"storage": disk}) if isinstance(disk.data, str | int) else disk


def _expand_attachments(attachments: Located) -> Located:
    if not isinstance(attachments.data, tuple):
        return attachments
    items = (Located({"name": item}, item.place) if isinstance(item.data, str) else item for item in attachments.data)
    return attachments.with_data(tuple(items))


class _KeyFileReader(NamedTuple):
    """Reads the key files that one layer names, relative to its folder."""

    folder: Path
    project: Project
    problems: list[Problem]

    def inline_keys(self, ssh_keys: Located) -> Located:
        """Return the list with each `{file: …}` replaced by the keys of the file, each at its line there."""
        if not isinstance(ssh_keys.data, tuple):
            return ssh_keys
        keys: list[Located] = []
        for item in ssh_keys.data:
            file = item.get("file")
            # sshd reads `authorized_keys` line by line, and so does this: https://man.openbsd.org/sshd.8#AUTHORIZED_KEYS_FILE_FORMAT
            keys.extend([item] if file is None else self._load_keys(file))
        return ssh_keys.with_data(tuple(keys))

    def _load_keys(self, file: Located) -> list[Located]:
        path = self.folder / file.text
        name = self.project.display_path(path)
        if not self.project.contains(path):
            message = f"the key file {name} is outside of the repository; copy it into the repository"
            self._report(file.place, MISSING_KEY_FILE, message)
            return []
        try:
            content = self.project.read_source(path, MAX_KEY_FILE_BYTES)
            # Windows editors put a mark before UTF-8, which would become a part of the first key.
            text = content.decode("utf-8-sig").replace("\r\n", "\n")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            hint = explain_missing_file(path) or "; name a file of public keys, one per line"
            message = f"the key file {name} cannot be read: {reason}{hint}"
            self._report(file.place, MISSING_KEY_FILE, message)
            return []
        keys = self._parse_keys(text, name, file.place)
        if not keys:
            message = f"the key file {name} contains no key; add public keys, one per line"
            self._report(file.place, EMPTY_KEY_FILE, message)
        return keys

    def _parse_keys(self, text: str, name: str, key_place: Place) -> list[Located]:
        keys: list[Located] = []
        for number, line in enumerate(text.split("\n"), start=1):
            place = Place(name, number, 1)
            if re.match(_OTHER_FORMAT, line) and not keys:
                return [Located(line.strip(), place, key_place)]  # the rules on keys explain how to convert the whole file
            if character := describe_unprintable(line):
                message = f"the character {character} is lost or changed by YAML tools; remove it"
                self._report(place, UNPRINTABLE_CHARACTER, message)
            elif line.strip() and not line.lstrip().startswith("#"):
                keys.append(Located(line.strip(), place, key_place))
        return keys

    def _report(self, place: Place, rule: Rule, message: str) -> None:
        self.problems.append(rule.build_problem(place, "sshKeys", message))
