"""What was made of files once, and would be made of them again: kept between runs in a folder of the user's.

The folder is `vmgen` in $XDG_CACHE_HOME, or in ~/.cache; VMGEN_CACHE names another one, and, where it is empty, none. It may be
deleted at any time, which costs one slower run. An entry counts only for the key under which it was kept: a digest of all
that it was made from, the program itself and Python included. It is not read where anybody else may write to it, since what
it holds may be code, nor where it is not whole.
"""

from __future__ import annotations

import marshal
import os
import re
import sys
from collections.abc import Callable
from typing import Any, TypeVar

from vmgen.fingerprint import compute_digest
from vmgen.read.repository import installation_id

Value = TypeVar("Value")
# A folder with more entries than this is emptied: repositories come and go, and what is needed is soon made again.
MOST_ENTRIES = 1000
_OTHERS_MAY_WRITE = 0o022
_DIGITS = 40
_ENTRY = re.compile(r"[0-9a-f]{40}")


class Prepared:
    """The entries in a folder; without a folder nothing is kept. What is kept is what `marshal` takes: plain data and code."""

    def __init__(self, folder: str | None = None) -> None:
        self._folder = folder
        self._program = f"{installation_id()} {sys.version}" if folder else ""

    def get(self, name: str, key: str) -> Any:
        """What was kept under a name for a key; None where nothing was, or for another key."""
        if self._folder is None:
            return None
        try:
            with open(self._path(name), "rb") as stream:
                status = os.fstat(stream.fileno())
                written = stream.read()
            if status.st_mode & _OTHERS_MAY_WRITE or status.st_uid != os.getuid():
                return None
            head, content = written[: 2 * _DIGITS], written[2 * _DIGITS :]
            if head.decode("ascii") != self._key(key) + compute_digest([content]):
                return None
            return marshal.loads(content)  # noqa: S302 - the user's own file, and whole
        except (OSError, ValueError, EOFError, TypeError, AttributeError):
            return None

    def put(self, name: str, key: str, value: Any) -> None:
        """Keep a value. A failure costs only time."""
        if self._folder is None:
            return
        try:
            content = marshal.dumps(value)
        except ValueError:  # it holds what is no plain data, such as a scalar that YAML's versions read differently
            return
        path = self._path(name)
        beside = f"{path}.{os.getpid()}"
        try:
            os.makedirs(self._folder, mode=0o700, exist_ok=True)
            if not os.path.exists(path):
                self._make_room()
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(handle, "wb") as stream:
                stream.write(f"{self._key(key)}{compute_digest([content])}".encode() + content)
            os.replace(beside, path)
        except OSError:
            return

    def kept(
        self,
        name: str,
        key: str,
        make: Callable[[], Value],
        packed: Callable[[Value], Any] = lambda value: value,
        unpacked: Callable[[Any], Value] = lambda kept: kept,
    ) -> Value:
        """What was kept under a name for a key; what `make` gives, kept from now on, where nothing was.

        `packed` makes plain data of a value, and `unpacked` the value of it.
        """
        found = self.get(name, key)
        if found is not None:
            return unpacked(found)
        made = make()
        if self._folder is not None:
            self.put(name, key, packed(made))
        return made

    def _make_room(self) -> None:
        # Only what is named as an entry: the user may have named a folder that holds other things.
        names = [name for name in os.listdir(self._folder) if _ENTRY.fullmatch(name)]
        for name in names if len(names) >= MOST_ENTRIES else ():
            os.unlink(os.path.join(self._folder or "", name))

    def _path(self, name: str) -> str:
        return os.path.join(self._folder or "", compute_digest([name]))

    def _key(self, key: str) -> str:
        return compute_digest([self._program, key])


def users_folder() -> str | None:
    """Where a user's entries are kept; None where they want none, or have no place of their own."""
    named = os.environ.get("VMGEN_CACHE")
    if named is not None:
        return named or None
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.path.join(caches, "vmgen") if os.path.isabs(caches) else None
