"""Which environments cannot have changed since they were last rendered, so that a run costs what changed.

A stamp under `.vmgen/stamps/` holds digests of all that an environment was rendered from, and of the listing (names, sizes,
times, inodes) of what was written. Where both still hold, a render has nothing to do. A stamp is a note to oneself: Git
ignores it, deleting it costs one render, `check`, `--check` and `--verify` never look at it, and none survives a day, a new
version of vmgen, or a clone. This module imports nothing that parses or renders: a run without work must start fast.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from generator import __version__
from generator.digests import digest
from generator.listing import listing
from generator.problems import Place, Problem
from generator.read.project import Project, program_folders
from generator.records import Record

FOLDER = Path(".vmgen") / "stamps"
# What every environment may be rendered from, below the root.
_FOR_ALL = ("templates", "policies")
_FILES_FOR_ALL = ("environments/_catalog.yaml", "environments/_defaults.yaml")


class Stamp(Record):
    """What a render left: how many files, the warnings it gave, and whether it also wrote below `delivery/`."""

    files: int
    warnings: tuple[Problem, ...]
    delivers: bool


class Stamps:
    """The stamps of one repository, on one day. `known` are all its environments: with one more or less, none holds."""

    def __init__(self, project: Project, known: tuple[str, ...], today: date) -> None:
        self._root = str(project.root)
        self._output = project.output
        self._known = known
        self._today = today
        self._for_all: str | None = None

    def fresh(self, name: str) -> Stamp | None:
        """The stamp of an environment for which there is nothing to do; None where there may be something."""
        try:
            with open(self._path(name), encoding="utf-8") as stream:
                written = json.load(stream)
            if written["for_all"] != self._common() or written["inputs"] != self._inputs(written["inputs"]):
                return None
            if written["outputs"] != self._outputs(name):
                return None
            return Stamp(written["files"], tuple(map(_warning, written["warnings"])), written["delivers"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def record(self, name: str, inputs: Iterable[str], stamp: Stamp) -> None:
        """Note that an environment is rendered. `inputs` are its files, relative to the root; a failure costs only time."""
        content = {
            "for_all": self._common(),
            "inputs": self._inputs(inputs),
            "outputs": self._outputs(name),
            "files": stamp.files,
            "warnings": [list(warning) for warning in stamp.warnings],
            "delivers": stamp.delivers,
        }
        path = Path(self._path(name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".tmp")
            beside.write_text(json.dumps(content), encoding="utf-8")
            os.replace(beside, path)
        except OSError:
            return

    def forget(self, name: str) -> None:
        """Drop a stamp before anything is written: a killed run must not leave one that seems to hold."""
        try:
            os.unlink(self._path(name))
        except OSError:
            return

    def _path(self, name: str) -> str:
        return os.path.join(self._root, FOLDER, f"{name}.json")

    def _common(self) -> str:
        if self._for_all is None:
            own = [f"{self._root}/{folder}" for folder in _FOR_ALL]
            lines = [__version__, str(self._today), *self._known]
            for folder in (*map(str, program_folders()), *own):
                lines += listing(folder)
            lines += [f"{file} {_content(f'{self._root}/{file}')}" for file in _FILES_FOR_ALL]
            self._for_all = digest(["\n".join(lines)])
        return self._for_all

    def _inputs(self, files: Iterable[str]) -> dict[str, str]:
        return {file: _content(f"{self._root}/{file}") for file in sorted(files)}

    def _outputs(self, name: str) -> str:
        places = (f"{self._root}/{self._output}/{name}", f"{self._root}/delivery")
        return digest(["\n".join(listing(place)) for place in places])


def _warning(row: list[Any]) -> Problem:
    place, rule, subject, message, severity, lines = row
    return Problem(Place(*place), rule, subject, message, severity, tuple(lines))


def _content(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return digest([stream.read()])
    except OSError:
        return ""
