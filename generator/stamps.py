"""Which environments cannot have changed since they were last rendered, or checked, so that a run costs what changed.

A stamp under `.vmgen/` holds digests of all that an environment is made from, and of what was written: for `render` of the
listing (names, sizes, times, inodes), for `check` of every byte. Where both still hold, there is nothing to do. A stamp is a
note to oneself: Git ignores it, deleting it costs one run, `--check` and `--verify` never look at it, and none survives a day,
a new version of vmgen, or a clone. This module imports nothing that parses or renders: a run without work must start fast.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from generator.digests import digest
from generator.hands import Sent, hands
from generator.listing import listing, names
from generator.problems import Place, Problem
from generator.read.project import Project, program
from generator.records import Record
from generator.write.lock import NOTES, notes_folder

RENDERED, CHECKED = f"{NOTES}/stamps", f"{NOTES}/checked"
# What every environment may be rendered from, below the root.
_FOR_ALL = ("templates", "policies")
_FILES_FOR_ALL = ("environments/_catalog.yaml", "environments/_defaults.yaml")


class Stamp(Record):
    """What a render left: how many files, the warnings it gave, and whether it also wrote below `delivery/`."""

    files: int
    warnings: tuple[Problem, ...]
    delivers: bool


class Presumed:
    """Environments for which there is nothing to do, if what was written for them is still there as it was."""

    def __init__(self, stamps: Mapping[str, Stamp], outputs: Mapping[str, str], looking: Sent[str]) -> None:
        self.stamps = stamps
        self._outputs = outputs
        self._looking = looking

    def fresh(self) -> dict[str, Stamp]:
        """The stamps of those where it is. Ask once."""
        outputs = dict(zip(self.stamps, self._looking.answers()))
        found = {name: stamp for name, stamp in self.stamps.items() if outputs[name] == self._outputs[name]}
        return found if len(found) == len(self.stamps) else _apart(found)


class Stamps:
    """The stamps of one repository, on one day. `known` are all its environments: with one more or less, none holds."""

    folder = RENDERED

    def __init__(self, project: Project, known: tuple[str, ...], today: date) -> None:
        self._root = str(project.root)
        self._output = project.output
        self._known = known
        self._today = today
        self._for_all: str | None = None

    def fresh(self, names: Sequence[str]) -> dict[str, Stamp]:
        """The stamps of those environments for which there is nothing to do; for the others there may be something."""
        return self.presumed(names).fresh()

    def presumed(self, names: Sequence[str]) -> Presumed:
        """Those environments of which nothing that they are made from has changed; what was written is still looked at."""
        written = {name: found for name in names if (found := self._with_same_inputs(name))}
        stamps = {name: stamp for name, (stamp, _) in written.items()}
        if len(stamps) < len(names):
            stamps = _apart(stamps)
        # Where there is something to do, this process does it while others look at these.
        looking = self._looking(stamps) if len(stamps) == len(names) else self._looking(stamps, own=0)
        return Presumed(stamps, {name: output for name, (_, output) in written.items()}, looking)

    def _with_same_inputs(self, name: str) -> tuple[Stamp, str] | None:
        """A stamp that holds as far as its inputs go, and what it says of the outputs."""
        try:
            with open(self._path(name), encoding="utf-8") as stream:
                written = json.load(stream)
            if written["for_all"] != self._common() or written["inputs"] != self._inputs(written["inputs"]):
                return None
            stamp = Stamp(int(written["files"]), tuple(map(_warning, written["warnings"])), written["delivers"])
            return stamp, written["outputs"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def record(self, rendered: Mapping[str, tuple[Iterable[str], Stamp]]) -> None:
        """Note that environments are rendered: of each its input files, relative to the root. A failure costs only time."""
        outputs = dict(zip(rendered, self._looking({name: stamp for name, (_, stamp) in rendered.items()}).answers()))
        for name, (inputs, stamp) in rendered.items():
            content = {
                "for_all": self._common(),
                "inputs": self._inputs(inputs),
                "outputs": outputs[name],
                "files": stamp.files,
                "warnings": [list(warning) for warning in stamp.warnings],
                "delivers": stamp.delivers,
            }
            self._write(name, content)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        path = Path(self._path(name))
        try:
            notes_folder(Path(self._root))
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

    @staticmethod
    def _state(folder: str) -> str:
        """What tells a folder from the same one with other files in it."""
        return "\n".join(listing(folder))

    def _path(self, name: str) -> str:
        return os.path.join(self._root, self.folder, f"{name}.json")

    def _common(self) -> str:
        if self._for_all is None:
            own = [f"{self._root}/{folder}" for folder in _FOR_ALL]
            lines = [program(), str(self._today), *self._known]
            for folder in own:
                lines += listing(folder)
            lines += [f"{file} {_content(f'{self._root}/{file}')}" for file in _FILES_FOR_ALL]
            self._for_all = digest(["\n".join(lines)])
        return self._for_all

    def _inputs(self, files: Iterable[str]) -> dict[str, str]:
        return {file: _content(f"{self._root}/{file}") for file in sorted(files)}

    def _looking(self, stamps: Mapping[str, Stamp], own: int | None = None) -> Sent[str]:
        """Looks at what was written for environments: their first ones in this process, and where it is much, in others too."""
        delivery = self._state(f"{self._root}/delivery")

        def look(name: str) -> str:
            return digest([self._state(f"{self._root}/{self._output}/{name}"), delivery])

        most = hands(sum(stamp.files for stamp in stamps.values()))
        return Sent(look, list(stamps), most - 1, len(stamps) // most if own is None else own)


class CheckedStamps(Stamps):
    """Stamps of what was checked by the kustomize engine in some mode: they look at every byte, not at times and sizes."""

    folder = CHECKED

    def __init__(self, project: Project, known: tuple[str, ...], today: date, mode: str) -> None:
        super().__init__(project, (*known, mode), today)

    @staticmethod
    def _state(folder: str) -> str:
        return digest(part for path in names(folder) for part in (path, _content(f"{folder}{path}")))


def _apart(stamps: dict[str, Stamp]) -> dict[str, Stamp]:
    """Stamps that hold by themselves: what environments share below delivery/ is made from all of them."""
    return {} if any(stamp.delivers for stamp in stamps.values()) else stamps


def _warning(row: list[Any]) -> Problem:
    place, rule, subject, message, severity, lines = row
    return Problem(Place(*place), rule, subject, message, severity, tuple(lines))


def _content(path: str) -> str:
    try:
        with open(path, "rb") as stream:
            return digest([stream.read()])
    except OSError:
        return ""
