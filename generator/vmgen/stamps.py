"""Stamps: what each environment was last rendered from and into, so that a run without changes parses and renders nothing.

A stamp under `.vmgen/stamps/` holds content digests of both. Only `render` asks for stamps. Deleting them costs one run, and
none survives a day, another version of vmgen, or a change of the set of environments.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.filesystem.reader import read_source
from vmgen.filesystem.writer import TEMPORARY_SUFFIX, TreeWriter
from vmgen.fingerprint import combine_digests, compute_digest, digest_content, digest_file, digest_folder
from vmgen.plan.git import read_tree_id
from vmgen.problems import Place, Problem, sort_problems
from vmgen.read.nesting import parse_json
from vmgen.read.repository import DELIVERY_FOLDER, Project, installation_id
from vmgen.write.state import STATE_FOLDER, ensure_state_folder

if TYPE_CHECKING:  # a run without work must not import what renders
    from vmgen.pipeline import RunResult
    from vmgen.plan.diff import DeliveryDiff

STAMPS_FOLDER = f"{STATE_FOLDER}/stamps"
# What every environment may be rendered from, below the root.
_SHARED_FOLDERS = ("templates", "policies")
_SHARED_FILES = ("environments/_catalog.yaml", "environments/_defaults.yaml")


class Stamp(NamedTuple):
    """The result of a render: the number of files, the warnings, and whether it also wrote below `delivery/`."""

    file_count: int
    warnings: tuple[Problem, ...]
    has_delivery: bool


class StampStore:
    """The stamps of one repository on one day.

    Create it before anything is read: a template or policy that is saved after that must not be stamped as rendered.
    """

    def __init__(self, project: Project, environment_names: tuple[str, ...], today: date) -> None:
        """`today` is part of each stamp, since waivers and tombstones end by date."""
        self._project = project
        self._root = str(project.root)
        # The gate looks at the committed files, so another commit may have another answer for the same files.
        committed = read_tree_id(project.root, project.output)
        shared = self._digest_shared()
        self._shared_inputs = compute_digest([installation_id(), str(today), committed, *environment_names, *shared])
        self._delivery = digest_folder(f"{self._root}/{DELIVERY_FOLDER}")

    def find_fresh(self, names: Sequence[str]) -> dict[str, Stamp]:
        """Return the stamps of those environments of which neither an input nor an output has changed."""
        fresh = {name: stamp for name in names if (stamp := self._load_if_fresh(name))}
        if len(fresh) < len(names) and any(stamp.has_delivery for stamp in fresh.values()):
            return {}  # files below delivery/ are made from all environments together
        return fresh

    def record(self, run: RunResult) -> None:
        """Stamp the environments of a run whose files were all written. A stamp that cannot be written costs only time.

        The digests are of the bytes read and written, not of later changes to the files. Environments with tombstones
        or foreign files, and those that lose a committed file, get no stamp: messages about those depend on the commit, on
        files that are not ours, and on where else a disk has gone.
        """
        delivery = _update_digests(self._delivery, run.delivery)
        changes = {environment_changes.environment: environment_changes for environment_changes in run.changes}
        for result in run.environments:
            foreign, problems = changes[result.name].foreign, changes[result.name].problems
            if foreign or result.name in run.shrinking or (result.desired and result.desired.tombstones):
                continue
            prefix = f"{result.name}/"
            outputs = {path.removeprefix(prefix): digest_content(content) for path, content in result.files.items()}
            content = {
                "shared": self._shared_inputs,
                "inputs": dict(result.inputs),
                "outputs": _combine_outputs(outputs, delivery),
                "files": len(result.files),
                "warnings": sort_problems([*result.problems, *problems]),
                "delivery": result.delivery is not None,
            }
            self._write(result.name, content)

    def _load_if_fresh(self, name: str) -> Stamp | None:
        try:
            path = self._project.root / STAMPS_FOLDER / f"{name}.json"
            content = parse_json(read_source(str(path), self._project.work_tree))
            inputs = {file: digest_file(f"{self._root}/{file}") for file in content["inputs"]}
            if content["shared"] != self._shared_inputs or content["inputs"] != inputs:
                return None
            folder = self._project.manifests / name
            is_refused = folder.is_symlink() or folder.parent.is_symlink()  # by a render, which names the link
            if is_refused or content["outputs"] != _combine_outputs(digest_folder(str(folder)), self._delivery):
                return None
            return Stamp(int(content["files"]), tuple(map(_parse_warning, content["warnings"])), content["delivery"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _digest_shared(self) -> Iterable[str]:
        for folder in _SHARED_FOLDERS:
            yield combine_digests(digest_folder(f"{self._root}/{folder}", self._project.work_tree))
        for file in _SHARED_FILES:
            yield digest_file(f"{self._root}/{file}")

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        text = json.dumps(content).encode()
        with suppress(OSError):
            ensure_state_folder(self._project.root)
            with TreeWriter(self._root) as writer:
                writer.make_folder(STAMPS_FOLDER)
                writer.remove(f"{STAMPS_FOLDER}/.{name}.json{TEMPORARY_SUFFIX}")  # of a killed run
                writer.replace(f"{STAMPS_FOLDER}/{name}.json", text)


def _combine_outputs(manifests: Mapping[str, str], delivery: Mapping[str, str]) -> str:
    return compute_digest([combine_digests(manifests), combine_digests(delivery)])


def _update_digests(digests: Mapping[str, str], delivery: DeliveryDiff) -> dict[str, str]:
    """Return the digests of the files below `delivery/` after a run has written its changes."""
    updated = dict(digests)
    for changes in delivery.changes:
        updated |= {path: digest_content(delivery.files[path]) for path in (*changes.created, *changes.updated)}
        for path in (*changes.pruned, *changes.leftovers):
            updated.pop(path, None)
    return updated


def _parse_warning(row: Sequence[Any]) -> Problem:
    place, rule, subject, message, severity, lines = row
    return Problem(Place(*place), rule, subject, message, severity, tuple(lines))
