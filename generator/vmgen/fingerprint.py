"""Content digests of texts, files and folders. They tell whether something changed and protect against nobody."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping

_NOT_A_FILE = "not a regular file"


def compute_digest(parts: Iterable[str | bytes]) -> str:
    """Return the digest of a sequence of parts, 40 hexadecimal digits. `["ab", "c"]` and `["a", "bc"]` differ."""
    state = hashlib.blake2b(digest_size=20)
    for part in parts:
        content = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        state.update(b"%d:" % len(content))
        state.update(content)
    return state.hexdigest()


def combine_digests(digests: Mapping[str, str]) -> str:
    """Return one digest of a set of files, given by their paths and digests; the order of the mapping does not matter."""
    return compute_digest(text for entry in sorted(digests.items()) for text in entry)


def digest_file(path: str) -> str:
    """Return the digest of a file's content, links followed; the empty text if there is none or it cannot be read."""
    try:
        with open(path, "rb", buffering=0) as stream:
            return compute_digest([stream.read()])
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return ""


def digest_folder(folder: str, *, follow_links: bool = False) -> dict[str, str]:
    """Return the digest of each file below a folder, by its path from there; empty if the folder does not exist.

    Compiled Python is left out. Without `follow_links` nothing is read through a link, and the link itself counts as a file.
    """
    digests: dict[str, str] = {}
    pending = [(folder, "")]
    visited: set[str] = set()
    while pending:
        path, prefix = pending.pop()
        if follow_links:
            real = os.path.realpath(path)
            if real in visited:  # by way of a link to a folder above
                continue
            visited.add(real)
        for entry in _scan(path):
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=follow_links):
                if entry.name != "__pycache__":
                    pending.append((entry.path, f"{name}/"))
            elif entry.is_file(follow_symlinks=follow_links):
                digests[name] = digest_file(entry.path)
            else:  # a link, or a pipe, which would block whoever opens it
                digests[name] = _NOT_A_FILE
    return digests


def _scan(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
