"""A machine of its own for the tests: a network that holds nothing but loopback, and processes that end with this one."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

_INSIDE = "VMGEN_E2E_ISOLATED"
_SET_FLAGS, _UP = 0x8914, 0x41


def isolate() -> None:
    """Start this program again in namespaces of its own, where the kernel allows it; ports then cannot clash, nothing is
    reachable from outside, and when the program ends, however it ends, so does all that it started."""
    if os.environ.get(_INSIDE):
        _bring_up_loopback()
        return
    command = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    possible = shutil.which("unshare") and not subprocess.run([*command, "true"], capture_output=True, check=False).returncode
    if not possible:
        print("no namespaces for ordinary users here: running on this machine's loopback", flush=True)
        return
    done = subprocess.run([*command, sys.executable, *sys.argv], env={**os.environ, _INSIDE: "1"}, check=False)
    sys.exit(done.returncode)


def _bring_up_loopback() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh", b"lo", _UP))


class Processes:
    """The programs that run, each with its log; stopped in the reverse order."""

    def __init__(self, folder: Path) -> None:
        self.logs = folder / "logs"
        self.logs.mkdir()
        self._running: list[tuple[str, subprocess.Popen[bytes]]] = []

    def start(self, name: str, *command: str | Path, **environment: str) -> None:
        """Start a program; its output goes to logs/<name>.log."""
        with (self.logs / f"{name}.log").open("wb") as log:
            process = subprocess.Popen(
                [str(part) for part in command], stdout=log, stderr=log, cwd=self.logs, env={**os.environ, **environment}
            )
        self._running.append((name, process))

    def until(self, what: str, there: Callable[[], bool], seconds: float) -> None:
        """Wait until something is there, but not for ever, and not for a program that has ended."""
        wait_for(what, there, seconds, self.check)

    def check(self) -> None:
        """Fail where a program has ended by itself."""
        for name, process in self._running:
            if process.poll() is not None:
                raise AssertionError(f"{name} ended with {process.returncode}:\n{self.tail(name)}")

    def tail(self, name: str, lines: int = 15) -> str:
        """The end of a program's log."""
        return "\n".join((self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-lines:])

    def stop(self) -> None:
        """End every program, by its own handle."""
        for _, process in reversed(self._running):
            process.terminate()
        for _, process in reversed(self._running):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def wait_for(what: str, there: Callable[[], object], seconds: float, meanwhile: Callable[[], object] = bool) -> None:
    """Ask again and again until the answer is yes; AssertionError after so many seconds."""
    end = time.monotonic() + seconds
    while not there():
        meanwhile()
        if time.monotonic() > end:
            raise AssertionError(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.3)
