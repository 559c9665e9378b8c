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

from vmgen.fingerprint import compute_digest
from vmgen.hands import Sent, hands
from vmgen.listing import listing, names, newest, saved
from vmgen.problems import Place, Problem
from vmgen.read.repository import Project, installation_id
from vmgen.write.lock import STATE_FOLDER, ensure_state_folder

RENDER_STAMPS, CHECK_STAMPS = f"{STATE_FOLDER}/stamps", f"{STATE_FOLDER}/checked"
# What every environment may be rendered from, below the root.
_SHARED_FOLDERS = ("templates", "policies")
_SHARED_FILES = ("environments/_catalog.yaml", "environments/_defaults.yaml")


class Stamp(NamedTuple):
    """What a render left: how many files, the warnings it gave, and whether it also wrote below `delivery/`."""

    file_count: int
    warnings: tuple[Problem, ...]
    has_delivery: bool


class StampInput(NamedTuple):
    """An environment of this run, to be stamped: the files that it was made from, by their paths from the root, its stamp, and
    what it was made into, by their paths below the folder of manifests."""

    inputs: Collection[str]
    stamp: Stamp
    files: Mapping[str, bytes]


class UnchangedInputs:
    """Environments for which there is nothing to do, if what was written for them is still there as it was."""

    def __init__(self, stamps: Mapping[str, Stamp], outputs: Mapping[str, str], looking: Sent[str]) -> None:
        self.stamps = stamps
        self._expected_outputs = outputs
        self._current_outputs = looking

    def find_fresh(self) -> dict[str, Stamp]:
        """The stamps of those where it is. Ask once."""
        outputs = dict(zip(self.stamps, self._current_outputs.answers()))
        found = {name: stamp for name, stamp in self.stamps.items() if outputs[name] == self._expected_outputs[name]}
        return found if len(found) == len(self.stamps) else _without_shared_outputs(found)


class StampStore:
    """The stamps of one repository, on one day. `known` are all its environments: with one more or less, none holds."""

    folder = RENDER_STAMPS

    def __init__(self, project: Project, known: tuple[str, ...], today: date) -> None:
        self._root = str(project.root)
        self._output = project.output
        self._environments = known
        self._today = today
        self._start_ns = 0

    def find_fresh(self, names: Sequence[str]) -> dict[str, Stamp]:
        """The stamps of those environments for which there is nothing to do; for the others there may be something."""
        return self.find_unchanged_inputs(names).find_fresh()

    def find_unchanged_inputs(self, names: Sequence[str]) -> UnchangedInputs:
        """Those environments of which nothing that they are made from has changed; what was written is still looked at."""
        written = {name: found for name in names if (found := self._load_if_unchanged(name))}
        stamps = {name: stamp for name, (stamp, _) in written.items()}
        if len(stamps) < len(names):
            stamps = _without_shared_outputs(stamps)
        # Where there is something to do, this process does it while others look at these.
        looking = (
            self._submit_output_digests(stamps) if len(stamps) == len(names) else self._submit_output_digests(stamps, own=0)
        )
        return UnchangedInputs(stamps, {name: output for name, (_, output) in written.items()}, looking)

    def begin(self) -> None:
        """Something is about to be read: only what is not saved after that can be stamped."""
        self._shared_digest  # noqa: B018 - the digest of what is there now
        try:
            last = max(newest(f"{self._root}/{folder}") for folder in ("environments", *_SHARED_FOLDERS))
            self._start_ns = _wait_for_tick(ensure_state_folder(Path(self._root)), last)
        except OSError:
            return

    def record(self, made: Mapping[str, StampInput]) -> None:
        """Stamp environments, but for those made from what was saved in the meantime. A failure costs only time."""
        # Digests first: what is saved after they were taken is then seen to be new.
        inputs = {name: self._digest_inputs(each.inputs) for name, each in made.items()}
        settled = {name: each for name, each in made.items() if self._is_older_than_run(each.inputs)}
        for name, outputs in self._digest_outputs(settled).items():
            stamp = settled[name].stamp
            content = {
                "for_all": self._shared_digest,
                "inputs": inputs[name],
                "outputs": outputs,
                "files": stamp.file_count,
                "warnings": [list(warning) for warning in stamp.warnings],
                "delivers": stamp.has_delivery,
            }
            self._write(name, content)

    def forget(self, name: str) -> None:
        """Drop a stamp before anything is written: a killed run must not leave one that seems to hold."""
        try:
            os.unlink(self._stamp_path(name))
        except OSError:
            return

    def _load_if_unchanged(self, name: str) -> tuple[Stamp, str] | None:
        """A stamp that holds as far as its inputs go, and what it says of the outputs."""
        try:
            with open(self._stamp_path(name), encoding="utf-8") as stream:
                written = json.load(stream)
            if written["for_all"] != self._shared_digest or written["inputs"] != self._digest_inputs(written["inputs"]):
                return None
            stamp = Stamp(int(written["files"]), tuple(map(_parse_warning, written["warnings"])), written["delivers"])
            return stamp, written["outputs"]
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _is_older_than_run(self, inputs: Collection[str]) -> bool:
        """Whether none of some files was saved since the run began, nor taken out of its folder where there is none."""
        paths = [f"{self._root}/{file}" for file in inputs]
        return all((saved(path) or saved(os.path.dirname(path))) < self._start_ns for path in paths)

    def _write(self, name: str, content: Mapping[str, Any]) -> None:
        path = Path(self._stamp_path(name))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_suffix(".tmp")
            beside.write_text(json.dumps(content), encoding="utf-8")
            os.replace(beside, path)
        except OSError:
            return

    def _stamp_path(self, name: str) -> str:
        return os.path.join(self._root, self.folder, f"{name}.json")

    @cached_property
    def _shared_digest(self) -> str:
        own = [f"{self._root}/{folder}" for folder in _SHARED_FOLDERS]
        lines = [installation_id(), str(self._today), *self._environments]
        for folder in own:
            lines.append("\n".join(listing(folder, links=True)))
        lines += [f"{file} {_digest_file(f'{self._root}/{file}')}" for file in _SHARED_FILES]
        return compute_digest(lines)

    def _digest_inputs(self, files: Iterable[str]) -> dict[str, str]:
        return {file: _digest_file(f"{self._root}/{file}") for file in sorted(files)}

    def _digest_outputs(self, made: Mapping[str, StampInput]) -> dict[str, str]:
        """What was written for environments, as `_looking` will see it while it is the same."""
        return dict(zip(made, self._submit_output_digests({name: each.stamp for name, each in made.items()}).answers()))

    def _submit_output_digests(self, stamps: Mapping[str, Stamp], own: int | None = None) -> Sent[str]:
        """Looks at what was written for environments: their first ones in this process, and where it is much, in others too."""
        delivery = self._snapshot_folder(f"{self._root}/delivery")

        def look(name: str) -> str:
            return compute_digest(
                [self._snapshot_folder(f"{self._root}/{self._output}/{name}"), delivery, str(self._is_symlinked(name))]
            )

        most = hands(sum(stamp.file_count for stamp in stamps.values()))
        return Sent(look, list(stamps), most - 1, len(stamps) // most if own is None else own)

    def _is_symlinked(self, name: str) -> bool:
        """Whether a link stands in the place of the folder of an environment, or of that above it."""
        return any(os.path.islink(f"{self._root}/{self._output}{below}") for below in ("", f"/{name}"))

    @staticmethod
    def _snapshot_folder(folder: str) -> str:
        """What tells a folder from the same one with other files in it."""
        return "\n".join(listing(folder))


class CheckStampStore(StampStore):
    """Stamps of what was checked with the kustomize engine in some mode. They look at every byte, not at times and sizes."""

    folder = CHECK_STAMPS

    def __init__(self, project: Project, known: tuple[str, ...], today: date, mode: str) -> None:
        super().__init__(project, (*known, mode), today)
        self._delivery_snapshot = ""

    def begin(self) -> None:
        """Something is about to be looked at."""
        super().begin()
        self._delivery_snapshot = self._snapshot_folder(f"{self._root}/delivery")

    def _digest_outputs(self, made: Mapping[str, StampInput]) -> dict[str, str]:
        # What was in order is what was rendered, whatever somebody makes of the files in the meantime.
        return {
            name: compute_digest([self._digest_rendered(name, each.files), self._delivery_snapshot, str(False)])
            for name, each in made.items()
        }

    @staticmethod
    def _digest_rendered(name: str, files: Mapping[str, bytes]) -> str:
        return compute_digest(part for path in sorted(files) for part in (path[len(name) :], compute_digest([files[path]])))

    @staticmethod
    def _snapshot_folder(folder: str) -> str:
        return compute_digest(part for path in names(folder) for part in (path, _digest_file(f"{folder}{path}", links=False)))


def _wait_for_tick(folder: Path, last: int) -> int:
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


def _without_shared_outputs(stamps: dict[str, Stamp]) -> dict[str, Stamp]:
    """Stamps that hold by themselves: what environments share below delivery/ is made from all of them."""
    return {} if any(stamp.has_delivery for stamp in stamps.values()) else stamps


def _parse_warning(row: list[Any]) -> Problem:
    place, rule, subject, message, severity, lines = row
    return Problem(Place(*place), rule, subject, message, severity, tuple(lines))


def _digest_file(path: str, *, links: bool = True) -> str:
    """The digest of a file; of none, empty. Without `links`, what is no file itself, a link or a pipe, is not opened."""
    try:
        if not links and not stat.S_ISREG(os.lstat(path).st_mode):
            return "no file"
        with open(path, "rb") as stream:
            return compute_digest([stream.read()])
    except OSError:
        return ""
