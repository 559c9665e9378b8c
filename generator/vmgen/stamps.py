"""Which environments cannot have changed since they were last rendered, or checked, so that a run costs what changed.

A stamp under `.vmgen/` holds digests of all that an environment is made from, and of what was written: for `render` of the
listing (names, sizes, times, inodes), for `check` of every byte. Where both still hold, there is nothing to do. A stamp is a
note to oneself: Git ignores it, deleting it costs one run, `--check` and `--verify` never look at it, and none survives a day,
a new version of vmgen, or a clone. This module imports nothing that parses or renders: a run without work must start fast.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from vmgen.digests import digest
from vmgen.hands import Sent, hands
from vmgen.listing import listing, names, newest, saved
from vmgen.problems import Place, Problem
from vmgen.read.project import Project, program
from vmgen.write.lock import NOTES, notes_folder

RENDERED, CHECKED = f"{NOTES}/stamps", f"{NOTES}/checked"
# What every environment may be rendered from, below the root.
_FOR_ALL = ("templates", "policies")
_FILES_FOR_ALL = ("environments/_catalog.yaml", "environments/_defaults.yaml")


class Stamp(NamedTuple):
    """What a render left: how many files, the warnings it gave, and whether it also wrote below `delivery/`."""

    files: int
    warnings: tuple[Problem, ...]
    delivers: bool


class Made(NamedTuple):
    """An environment of this run, to be stamped: the files that it was made from, by their paths from the root, its stamp, and
    what it was made into, by their paths below the folder of manifests."""

    inputs: Collection[str]
    stamp: Stamp
    files: Mapping[str, bytes]


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
        self._began = 0

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

    def begin(self) -> None:
        """Something is about to be read: only what is not saved after that can be stamped."""
        self._common  # noqa: B018 - the digest of what is there now
        try:
            last = max(newest(f"{self._root}/{folder}") for folder in ("environments", *_FOR_ALL))
            self._began = _clock(notes_folder(Path(self._root)), last)
        except OSError:
            return

    def record(self, made: Mapping[str, Made]) -> None:
        """Stamp environments, but for those made from what was saved in the meantime. A failure costs only time."""
        # Digests first: what is saved after they were taken is then seen to be new.
        inputs = {name: self._inputs(each.inputs) for name, each in made.items()}
        settled = {name: each for name, each in made.items() if self._settled(each.inputs)}
        for name, outputs in self._outputs(settled).items():
            stamp = settled[name].stamp
            content = {
                "for_all": self._common,
                "inputs": inputs[name],
                "outputs": outputs,
                "files": stamp.files,
                "warnings": [list(warning) for warning in stamp.warnings],
                "delivers": stamp.delivers,
            }
            self._write(name, content)

    def forget(self, name: str) -> None:
        """Drop a stamp before anything is written: a killed run must not leave one that seems to hold."""
        try:
            os.unlink(self._path(name))
        except OSError:
            return

    def _with_same_inputs(self, name: str) -> tuple[Stamp, str] | None:
        """A stamp that holds as far as its inputs go, and what it says of the outputs."""
        try:
            with open(self._path(name), encoding="utf-8") as stream:
                written = json.load(stream)
            if written["for_all"] != self._common or written["inputs"] != self._inputs(written["inputs"]):
                return None
            stamp = Stamp(int(written["files"]), tuple(map(_warning, written["warnings"])), written["delivers"])
            return stamp, written["outputs"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _settled(self, inputs: Collection[str]) -> bool:
        """Whether none of some files was saved since the run began, nor taken out of its folder where there is none."""
        paths = [f"{self._root}/{file}" for file in inputs]
        return all((saved(path) or saved(os.path.dirname(path))) < self._began for path in paths)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        path = Path(self._path(name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".tmp")
            beside.write_text(json.dumps(content), encoding="utf-8")
            os.replace(beside, path)
        except OSError:
            return

    def _path(self, name: str) -> str:
        return os.path.join(self._root, self.folder, f"{name}.json")

    @cached_property
    def _common(self) -> str:
        own = [f"{self._root}/{folder}" for folder in _FOR_ALL]
        lines = [program(), str(self._today), *self._known]
        for folder in own:
            lines.append("\n".join(listing(folder, links=True)))
        lines += [f"{file} {_content(f'{self._root}/{file}')}" for file in _FILES_FOR_ALL]
        return digest(lines)

    def _inputs(self, files: Iterable[str]) -> dict[str, str]:
        return {file: _content(f"{self._root}/{file}") for file in sorted(files)}

    def _outputs(self, made: Mapping[str, Made]) -> dict[str, str]:
        """What was written for environments, as `_looking` will see it while it is the same."""
        return dict(zip(made, self._looking({name: each.stamp for name, each in made.items()}).answers()))

    def _looking(self, stamps: Mapping[str, Stamp], own: int | None = None) -> Sent[str]:
        """Looks at what was written for environments: their first ones in this process, and where it is much, in others too."""
        delivery = self._state(f"{self._root}/delivery")

        def look(name: str) -> str:
            return digest([self._state(f"{self._root}/{self._output}/{name}"), delivery, str(self._linked(name))])

        most = hands(sum(stamp.files for stamp in stamps.values()))
        return Sent(look, list(stamps), most - 1, len(stamps) // most if own is None else own)

    def _linked(self, name: str) -> bool:
        """Whether a link stands in the place of the folder of an environment, or of that above it."""
        return any(os.path.islink(f"{self._root}/{self._output}{below}") for below in ("", f"/{name}"))

    @staticmethod
    def _state(folder: str) -> str:
        """What tells a folder from the same one with other files in it."""
        return "\n".join(listing(folder))


class CheckedStamps(Stamps):
    """Stamps of what was checked with the kustomize engine in some mode. They look at every byte, not at times and sizes."""

    folder = CHECKED

    def __init__(self, project: Project, known: tuple[str, ...], today: date, mode: str) -> None:
        super().__init__(project, (*known, mode), today)
        self._delivery = ""

    def begin(self) -> None:
        """Something is about to be looked at."""
        super().begin()
        self._delivery = self._state(f"{self._root}/delivery")

    def _outputs(self, made: Mapping[str, Made]) -> dict[str, str]:
        # What was in order is what was rendered, whatever somebody makes of the files in the meantime.
        return {name: digest([self._meant(name, each.files), self._delivery, str(False)]) for name, each in made.items()}

    @staticmethod
    def _meant(name: str, files: Mapping[str, bytes]) -> str:
        return digest(part for path in sorted(files) for part in (path[len(name) :], digest([files[path]])))

    @staticmethod
    def _state(folder: str) -> str:
        return digest(part for path in names(folder) for part in (path, _content(f"{folder}{path}", links=False)))


def _clock(folder: Path, last: int) -> int:
    """The time of the file system, past that of what is there: what is saved from now on is not older. Nanoseconds."""
    handle = os.open(folder / "began", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        now = 0
        while now <= last:  # its clock goes by steps of some milliseconds
            os.utime(handle)
            now = os.fstat(handle).st_mtime_ns
            last = min(last, now)
        return now
    finally:
        os.close(handle)


def _apart(stamps: dict[str, Stamp]) -> dict[str, Stamp]:
    """Stamps that hold by themselves: what environments share below delivery/ is made from all of them."""
    return {} if any(stamp.delivers for stamp in stamps.values()) else stamps


def _warning(row: list[Any]) -> Problem:
    place, rule, subject, message, severity, lines = row
    return Problem(Place(*place), rule, subject, message, severity, tuple(lines))


def _content(path: str, *, links: bool = True) -> str:
    """The digest of a file; of none, empty. Without `links`, what is no file itself, a link or a pipe, is not opened."""
    try:
        if not links and not stat.S_ISREG(os.lstat(path).st_mode):
            return "no file"
        with open(path, "rb") as stream:
            return digest([stream.read()])
    except OSError:
        return ""
