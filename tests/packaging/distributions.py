"""Distributions as files: what a wheel requires, and wheels of what is installed here. Nothing is downloaded."""

from __future__ import annotations

import os
import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

from vmgen import __version__

CHECKOUT = Path(__file__).resolve().parents[2]


def run(*command: str | Path, cwd: Path) -> str:
    """Run a program that has to succeed, with nothing of this checkout on its path."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GIT_", "COV_"))}
    environment |= {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def list_requirements(wheel: Path, extra: str = "") -> Iterator[str]:
    """The distributions that the wheel requires, with an extra of its own or none, and what those require on this system."""
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read(f"vmgen-{__version__}.dist-info/METADATA").decode()
    lines = [line.removeprefix("Requires-Dist: ") for line in metadata.splitlines() if line.startswith("Requires-Dist: ")]
    waiting, seen = list(_keep_names(lines, extra)), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            yield name
            waiting.extend(_keep_names(distribution(name).requires or [], ""))


def _keep_names(requirements: Iterable[str], extra: str) -> Iterator[str]:
    for requirement in map(Requirement, requirements):
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement.name


def pack_wheel(found: Distribution, folder: Path) -> None:
    """Make a wheel of what is installed, as its list of files says; not compressed, for speed.

    https://packaging.python.org/en/latest/specifications/binary-distribution-format/
    """
    name, commands = re.sub(r"[-.]+", "_", found.name), {entry.name for entry in found.entry_points}
    tags = re.findall(r"(?m)^Tag: (\S+)-(\S+)-(\S+)$", found.read_text("WHEEL") or "")
    tag = "-".join(".".join(dict.fromkeys(parts)) for parts in zip(*tags))
    with zipfile.ZipFile(folder / f"{name}-{found.version}-{tag}.whl", "w") as archive:
        for file in found.files or []:
            if "__pycache__" in file.parts or file.name in ("INSTALLER", "REQUESTED", "direct_url.json"):
                continue
            if ".." not in file.parts:
                archive.write(str(found.locate_file(file)), str(file))
            elif "bin" in file.parts and file.name not in commands:
                archive.write(str(found.locate_file(file)), f"{name}-{found.version}.data/scripts/{file.name}")
