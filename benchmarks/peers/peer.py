"""What a peer is to the benchmark, and where its packages are: in virtual environments that `make bench` sets up."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".vmgen" / "peers" / "venv"
PYTHON = HOME / "bin" / "python"
PROGRAMS = Path(__file__).resolve().parent / "programs"
# Packages whose dependencies exclude those of the others have an environment of their own.
SEPARATE = ("kapitan", "make-argocd-fly")


class Peer(NamedTuple):
    """A tool that is installed. `command` renders the values in a file into a folder; `how` describes it."""

    name: str
    version: str
    largest: int
    """The largest fleet, in VMs, that it is measured with."""
    how: str
    command: Callable[[Path, Path], tuple[str, ...]]


class Absent(NamedTuple):
    """A tool that cannot be measured here, and why."""

    name: str
    reason: str


def python_of(distribution: str) -> Path:
    """The Python of the virtual environment that has a package."""
    return HOME.with_name(distribution) / "bin" / "python" if distribution in SEPARATE else PYTHON


def version_of(distribution: str, module: str) -> str | None:
    """The version of a Python package of the peers; None where it is not installed or cannot be imported."""
    python = python_of(distribution)
    if not python.exists():
        return None
    asked = f"import {module}, importlib.metadata; print(importlib.metadata.version({distribution!r}))"
    done = subprocess.run([str(python), "-c", asked], capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None


def called_from_python(name: str, distribution: str, module: str, largest: int, program: str) -> Peer | Absent:
    """A package of Python that one of `programs/` calls: with the file of values, and the file for its YAML stream."""
    version = version_of(distribution, module)
    if version is None:
        return Absent(name, not_installed(distribution))

    def command(values: Path, output: Path) -> tuple[str, ...]:
        return str(PYTHON), str(PROGRAMS / program), str(values), str(output / "fleet.yaml")

    return Peer(name, version, largest, "called from Python, one YAML stream", command)


def writing_a_folder(name: str, module: str, largest: int, how: str, program: str) -> Peer | Absent:
    """A package with an environment of its own, called with the file of values and the folder to fill."""
    version = version_of(name, module)
    if version is None:
        return Absent(name, not_installed(name))

    def command(values: Path, output: Path) -> tuple[str, ...]:
        return str(python_of(name)), str(PROGRAMS / program), str(values), str(output)

    return Peer(name, version, largest, how, command)


def not_installed(distribution: str) -> str:
    """The reason of a peer whose package is not there."""
    return f"the package {distribution} is not installed"
