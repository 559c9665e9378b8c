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


def locate_python(distribution: str) -> Path:
    """Return the path of the Python whose virtual environment has a package."""
    return HOME.with_name(distribution) / "bin" / "python" if distribution in SEPARATE else PYTHON


def find_version(distribution: str, module: str) -> str | None:
    """Return the version of a Python package of the peers; None where it is not installed or cannot be imported."""
    python = locate_python(distribution)
    if not python.exists():
        return None
    program = f"import {module}, importlib.metadata; print(importlib.metadata.version({distribution!r}))"
    process = subprocess.run([str(python), "-c", program], capture_output=True, text=True, check=False)
    return process.stdout.strip() if process.returncode == 0 else None


def build_python_peer(name: str, distribution: str, module: str, largest: int, program: str) -> Peer | Absent:
    """Return a package that one of `programs/` calls, with the file of values and the file for its YAML stream."""
    version = find_version(distribution, module)
    if version is None:
        return Absent(name, describe_missing_package(distribution))

    def command(values: Path, output: Path) -> tuple[str, ...]:
        return str(PYTHON), str(PROGRAMS / program), str(values), str(output / "fleet.yaml")

    return Peer(name, version, largest, "called from Python, one YAML stream", command)


def build_folder_peer(name: str, module: str, largest: int, how: str, program: str) -> Peer | Absent:
    """Return a package with a virtual environment of its own, called with the file of values and the folder to fill."""
    version = find_version(name, module)
    if version is None:
        return Absent(name, describe_missing_package(name))

    def command(values: Path, output: Path) -> tuple[str, ...]:
        return str(locate_python(name)), str(PROGRAMS / program), str(values), str(output)

    return Peer(name, version, largest, how, command)


def describe_missing_package(distribution: str) -> str:
    """Return the reason why a peer without its package is not measured."""
    return f"the package {distribution} is not installed"
