"""cdk8s: the app `programs/cdk8s/app.py` in Python, which talks to the library of cdk8s in Node.js."""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.peers.peer import PROGRAMS, PYTHON, Absent, Peer, describe_missing_package, find_version


def find() -> Peer | Absent:
    """The package cdk8s, and the Node.js that it runs in."""
    if shutil.which("node") is None:
        return Absent("cdk8s", "there is no `node` on PATH")
    version = find_version("cdk8s", "cdk8s")
    if version is None:
        return Absent("cdk8s", describe_missing_package("cdk8s"))
    return Peer("cdk8s", version, 10_000, "an app in Python over Node.js, one file a namespace", _command)


def _command(values: Path, output: Path) -> tuple[str, ...]:
    return str(PYTHON), str(PROGRAMS / "cdk8s" / "app.py"), str(values), str(output)
