"""Read files. A source of an environment is a regular file inside of Git's work tree, with links followed, of at most 16 MiB.

A pull request of a stranger may hold a link to anything. A pipe or a device would block, or never end; a file outside of the
work tree, or in `.git`, may hold what nobody meant to publish. All of them are refused before they are opened.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from typing import BinaryIO, Self

MAX_FILE_BYTES = 16 * 1024 * 1024
# What a user names on the command line, or pipes in, was not written by a stranger, and may be an export of a cluster.
MAX_JSON_BYTES = 512 * 1024 * 1024
MAX_YAML_BYTES = 64 * 1024 * 1024
GIT_FOLDER = ".git"
_CHUNK_BYTES = 1024 * 1024
# Should a pipe take the file's place after it was looked at, this does not wait for somebody to write to it.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_CLOEXEC", 0)
# Names that lead elsewhere than to a file of their folder, or to one that may not be read.
_RESOLVED_NAMES = frozenset(("", os.curdir, os.pardir, GIT_FOLDER))
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


def find_work_tree(folder: str) -> str:
    """Return the real path of the Git work tree that holds a folder; outside of Git, that of the folder."""
    real = start = os.path.realpath(folder)
    while not os.path.lexists(os.path.join(real, GIT_FOLDER)):
        parent = os.path.dirname(real)
        if parent == real:
            return start
        real = parent
    return real


def is_inside(path: str, top: str) -> bool:
    """Return whether a path leads into a folder, given by its real path, and not into Git's own folder there."""
    return _is_below(os.path.realpath(path), top)


def _is_below(real: str, top: str) -> bool:
    if real == top:
        return True
    prefix = top if top.endswith(os.sep) else f"{top}{os.sep}"
    # A file in `.git` is inside the work tree, but may hold a token in the URL of a remote. In any case: a file system that
    # ignores case has the folder under each spelling.
    return real.startswith(prefix) and GIT_FOLDER not in real[len(prefix) :].lower().split(os.sep)


def read_source(path: str, top: str, limit: int = MAX_FILE_BYTES) -> bytes:
    """Read a file of a repository whose work tree has the real path `top`.

    Raises OSError, with a reason that names nothing the path leads to, if the file may not be read or is too large.
    """
    real = os.path.realpath(path)
    if not _is_below(real, top):
        raise OSError(errno.EPERM, "it leads out of the repository; copy the file into the repository")
    return read_file(real, limit, _OPEN_FLAGS | _NO_FOLLOW)


def read_file(path: str, limit: int = MAX_FILE_BYTES, flags: int = _OPEN_FLAGS) -> bytes:
    """Read a regular file: one of vmgen's own, or of a folder that was listed. Raises OSError for anything else."""
    _require_regular(os.stat(path), path)
    return _read_open_file(os.open(path, flags), path, limit)


class FolderReader:
    """Reads sources one after the other as `read_source` does, and resolves the path of a folder once for all files in it.

    A folder stays open until a file of another one is read. Files are opened within the open folder, so that a link that
    takes the place of the folder meanwhile leads nowhere.
    """

    def __init__(self, top: str, limit: int = MAX_FILE_BYTES) -> None:
        self._top = top
        self._limit = limit
        self._folder = ""
        self._handle = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def read(self, path: str) -> bytes:
        """Read a file. Raises OSError, with a reason that names nothing the path leads to, if it may not be read."""
        before, slash, name = path.rpartition("/")
        folder = before + slash
        if folder != self._folder or self._handle < 0:
            self._open(folder)
        is_direct = self._handle >= 0 and name.lower() not in _RESOLVED_NAMES
        if is_direct and stat.S_ISREG(os.stat(name, dir_fd=self._handle, follow_symlinks=False).st_mode):
            return _read_open_file(os.open(name, _OPEN_FLAGS | _NO_FOLLOW, dir_fd=self._handle), path, self._limit)
        # The path of a link has to be resolved as a whole; anything else is refused with its reason.
        return read_source(path, self._top, self._limit)

    def _open(self, folder: str) -> None:
        """Open a folder if all files of it may be read; what may not is refused by its own path."""
        self._close()
        real = os.path.realpath(folder)
        if _is_below(real, self._top) and os.open in os.supports_dir_fd:
            self._folder = folder
            self._handle = os.open(real, _OPEN_FLAGS | _NO_FOLLOW | os.O_DIRECTORY)

    def _close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1


def _read_open_file(handle: int, path: str, limit: int) -> bytes:
    """Read a file that was opened, and close it. Raises OSError if it is no regular file, or too large."""
    try:
        # Asked again of the open file: another one may have taken the path since.
        status = os.fstat(handle)
        _require_regular(status, path)
        if status.st_size > limit:
            raise _build_size_error(path, limit)
        # One byte more than the size, so that a file that is as long as it said needs one system call and no join.
        content = os.read(handle, status.st_size + 1)
        if len(content) == status.st_size:
            return content
        return b"".join((content, *_read_rest(handle, path, len(content), limit)))
    finally:
        os.close(handle)


def read_start(path: str, size: int) -> bytes:
    """Read the first bytes of a regular file. Raises OSError."""
    _require_regular(os.stat(path), path)
    handle = os.open(path, _OPEN_FLAGS)
    try:
        return os.read(handle, size)
    finally:
        os.close(handle)


def _read_rest(handle: int, path: str, size: int, limit: int) -> Iterator[bytes]:
    """Yield the rest of a file that has grown since its size was asked for, or whose size is given as 0, as in /proc."""
    while chunk := os.read(handle, _CHUNK_BYTES):
        size += len(chunk)
        if size > limit:
            raise _build_size_error(path, limit)
        yield chunk


def read_named_file(path: str, limit: int = 0) -> bytes:
    """Read a file that the user names, which may be a pipe, as `<(command)` is. Raises OSError, also if it is too large."""
    with open(path, "rb", buffering=0) as stream:
        return read_stream(stream, path, limit)


def read_stream(stream: BinaryIO, name: str, limit: int = 0) -> bytes:
    """Read a stream to its end. Without a limit of its own: 512 MiB of JSON, 64 MiB of YAML. Raises OSError if it is longer."""
    chunks: list[bytes] = []
    size = 0
    while chunk := stream.read(_CHUNK_BYTES):
        chunks.append(chunk)
        size += len(chunk)
        # The first chunk tells the format. JSON is parsed many times faster than YAML, so more of it is read.
        limit = limit or (MAX_JSON_BYTES if chunk.lstrip().startswith((b"{", b"[")) else MAX_YAML_BYTES)
        if size > limit:
            raise _build_size_error(name, limit)
    return b"".join(chunks)


def list_files(folder: str, top: str = "") -> Iterator[str]:
    """Yield the paths below a folder of all files in it, sorted, also of pipes and dead links.

    Links to folders are followed inside of `top` only, and each folder is entered once; without `top` none is followed.
    """
    pending, visited_folders = [""], set()
    names: list[str] = []
    while pending:
        prefix = pending.pop()
        path = os.path.join(folder, prefix)
        # A link may lead to a folder above it, which is a circle without end.
        if top and (os.path.realpath(path) in visited_folders or not is_inside(path, top)):
            continue
        visited_folders.add(os.path.realpath(path) if top else path)
        for entry in scan_folder(path):
            name = f"{prefix}{entry.name}"
            if entry.is_dir(follow_symlinks=bool(top)):
                pending.append(f"{name}/")
            else:
                names.append(name)
    # The order of a folder is that of the file system, and no output may depend on it.
    yield from sorted(names)


def scan_folder(folder: str) -> list[os.DirEntry[str]]:
    """Return the entries of a folder; none if it does not exist or cannot be read."""
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []


def _require_regular(status: os.stat_result, path: str) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe, a socket or a device, not a file", path)


def _build_size_error(path: str, limit: int) -> OSError:
    size = f"{limit // 2**20} MiB" if limit >= 2**20 else f"{limit} bytes"
    return OSError(errno.EFBIG, f"it is larger than {size}", path)
