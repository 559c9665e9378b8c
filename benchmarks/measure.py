"""Time whole commands: wall and CPU seconds and peak memory, by the system's own accounting of the finished process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

_LAUNCHER = (sys.executable, "-I", "-S", str(Path(__file__).with_name("launcher.py")))


class Run(NamedTuple):
    """The measurements of one run, in seconds and MiB.

    Processes that the command itself waited for count too; of memory, the largest one.
    """

    wall: float
    cpu: float
    memory: float


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Run:
    """Run a command to its end, its output thrown away. An exit code other than 0 is an error."""
    # Else this run would wait until the system has written the files of the one before.
    os.sync()
    # Settings of Python that a developer may have, such as not to write compiled modules, are not those of users.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    process = subprocess.run(
        [*_LAUNCHER, *command], cwd=folder, env={**plain, **environment}, capture_output=True, text=True, check=False
    )
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)}: could not be started\n{process.stderr}")
    code, *figures = process.stdout.split()
    if code != "0":
        raise RuntimeError(f"{' '.join(command)}: exit code {code}\n{process.stderr}")
    return Run(*map(float, figures))
