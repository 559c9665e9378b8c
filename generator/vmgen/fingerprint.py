"""Content digests of texts, files and folders. They tell whether something changed and protect against nobody."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping

from vmgen.filesystem.reader import is_inside, read_file, scan_folder

_NOT_A_FILE = "not a regular file"


def compute_digest(parts: Iterable[str | bytes]) -> str:
    """Return the digest of a sequence of parts, 64 hexadecimal digits. `["ab", "c"]` and `["a", "bc"]` differ."""
    contents = [part.encode(errors="surrogateescape") if isinstance(part, str) else part for part in parts]
    return digest_content(b"".join([b"%d:%b" % (len(content), content) for content in contents]))


def digest_content(content: bytes) -> str:
    """Return the digest of one content, 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def combine_digests(digests: Mapping[str, str]) -> str:
    """Return one digest of a set of files, given by their paths and digests; the order of the mapping does not matter."""
    # No path holds a NUL.
    entries = "\0".join([text for entry in sorted(digests.items()) for text in entry])
    return digest_content(entries.encode(errors="surrogateescape"))


def digest_file(path: str) -> str:
    """Return the digest of a file's content, links followed; the empty text if there is none or it cannot be read."""
    try:
        return digest_content(read_file(path))
    except (OSError, ValueError):  # ValueError: a NUL in the path
        return ""


def digest_folder(folder: str, top: str = "") -> dict[str, str]:
    """Return the digest of each file below a folder, by its path from there; empty if the folder does not exist.

    Compiled Python is left out. Links are followed inside of the folder with the real path `top` only, without it none is;
    one that is not followed counts as a file.
    """
    digests: dict[str, str] = {}
    pending = [(folder, "")]
    visited_folders: set[str] = set()
    while pending:
        path, prefix = pending.pop()
        if top:
            real = os.path.realpath(path)
            if real in visited_folders:  # by way of a link to a folder above
                continue
            visited_folders.add(real)
        for entry in scan_folder(path):
            name = f"{prefix}{entry.name}"
            is_followed = bool(top) and entry.is_symlink() and is_inside(entry.path, top)
            if entry.is_dir(follow_symlinks=is_followed):
                if entry.name != "__pycache__":
                    pending.append((entry.path, f"{name}/"))
            elif entry.is_file(follow_symlinks=is_followed):
                digests[name] = digest_file(entry.path)
            else:  # a link, or a pipe, which would block a reader
                digests[name] = _NOT_A_FILE
    return digests
