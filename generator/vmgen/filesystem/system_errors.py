"""Describe an error of the system with what to do about it, the same wherever a file is read or written."""

from __future__ import annotations

import errno

# What to do about an error, before the same command is run again.
_REMEDIES = {
    errno.ENOSPC: "free some space",
    errno.EDQUOT: "free some space, or raise the quota",
    errno.EROFS: "make the file system writable",
    errno.EACCES: "change the permissions",
    errno.EPERM: "change the permissions",
    errno.ENOTDIR: "move that file away",
}


def describe_os_error(error: OSError, remedy: str = "") -> str:
    """Return the reason that the system gives, and what to do about it: of a reason without a known remedy, `remedy`."""
    known_remedy = _REMEDIES.get(error.errno or 0)
    remedy = f"{known_remedy}, and run it again" if known_remedy else remedy
    return f"{error.strerror or error}{f'; {remedy}' if remedy else ''}"


def describe_write_error(error: OSError, file: object = "", *, remedy: str = "") -> str:
    """Return the message of a write that the system refused; `file` is the one that the error names, if none is passed."""
    return f"cannot write {file or error.filename}: {describe_os_error(error, remedy)}"
