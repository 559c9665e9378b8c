"""Write files below a folder, and never through a link: folders are opened one by one, and a new name is new.

A pull request may contain a link instead of any file or folder that vmgen writes. Each folder is opened from the one above
it and only if it is a folder itself; files are written under a temporary name that did not exist, and renamed in that folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from types import TracebackType

# The suffix of a file that is being written. One that exists before a run was left by a run that was killed.
TEMPORARY_SUFFIX = ".vmgen-tmp"
_MAX_TEMPORARY_NAMES = 100
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_CREATE_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | getattr(os, "O_CLOEXEC", 0)


class TreeWriter:
    """Writes below a root, which is trusted as it was named. Paths are relative to it, with slashes. Methods raise OSError.

    The folders on the way to the last path stay open, since a fleet has many files in few folders.
    """

    def __init__(self, root: str) -> None:
        self._root = root
        self._names: list[str] = []
        self._folder = ""
        self._handles: list[int] = []

    def __enter__(self) -> TreeWriter:
        self._handles = [os.open(self._root, _FOLDER_FLAGS)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._names.clear()
        while self._handles:
            os.close(self._handles.pop())

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it, where they are missing. Raises OSError."""
        self._open_folder(path, create=True)

    def check_folder(self, path: str) -> None:
        """Refuse a folder that is none, or that a link leads to; one that is missing may be made. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            self._open_folder(path)

    def make_temporary_folder(self, path: str) -> str:
        """Make a new folder beside a path that is to become a folder, and return its path. Raises OSError."""
        folder, name = _split(path)
        handle = self._open_folder(folder, create=True)
        with _PathInErrors(self._root, path):
            for temporary in _iter_temporary_names(name):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(temporary, dir_fd=handle)
                    return f"{folder}/{temporary}" if folder else temporary
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), f"{self._root}/{path}")

    def create(self, path: str, content: bytes) -> None:
        """Write a new file, and the folders above it. Raises FileExistsError if anything has that name, else OSError."""
        folder, name = _split(path)
        handle = self._open_folder(folder, create=True)
        with _PathInErrors(self._root, path):
            _write_new(name, content, handle)

    def replace(self, path: str, content: bytes, *, keep_mode: bool = False) -> None:
        """Put a whole file in its place, in a folder that exists. See docs/decisions.md#no-fsync.

        With `keep_mode` it has the permissions of the file that it replaces. Raises OSError.
        """
        folder, name = _split(path)
        handle = self._open_folder(folder)
        with _PathInErrors(self._root, path):
            # A rename in one folder is atomic, so a reader gets the old file or the new one, never a half:
            # https://pubs.opengroup.org/onlinepubs/9799919799/functions/rename.html
            temporary = _write_temporary(name, content, handle)
            try:
                if keep_mode:
                    mode = stat.S_IMODE(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)
                    os.chmod(temporary, mode, dir_fd=handle)
                os.replace(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
            except OSError:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=handle)
                raise

    def rename(self, path: str, name: str) -> None:
        """Give a file or folder another name in its folder. Raises OSError."""
        folder, old_name = _split(path)
        handle = self._open_folder(folder)
        with _PathInErrors(self._root, f"{folder}/{name}"):
            os.rename(old_name, name, src_dir_fd=handle, dst_dir_fd=handle)

    def remove(self, path: str) -> None:
        """Remove a file, or a link itself and nothing that it leads to. A missing file is fine; a folder is an error.

        Raises OSError.
        """
        folder, name = _split(path)
        with contextlib.suppress(FileNotFoundError):
            handle = self._open_folder(folder)
            with _PathInErrors(self._root, path):
                os.unlink(name, dir_fd=handle)

    def discard(self, paths: Iterable[str]) -> None:
        """Remove files that were just written, as far as the system permits it: what is left of them is in nobody's way."""
        for path in paths:
            with contextlib.suppress(OSError):
                self.remove(path)

    def remove_tree(self, path: str) -> None:
        """Remove a file, or a folder with all in it; no link in it is followed. A missing file is fine. Raises OSError."""
        folder, name = _split(path)
        with contextlib.suppress(FileNotFoundError):
            handle = self._open_folder(folder)
            with _PathInErrors(self._root, path):
                from shutil import rmtree  # few runs delete a folder

                is_folder = stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode)
                rmtree(name, dir_fd=handle) if is_folder else os.unlink(name, dir_fd=handle)

    def remove_empty_folders(self, path: str, stop: str) -> None:
        """Remove a folder and those above it, up to `stop` and without it, as far as they are empty. Raises OSError."""
        with contextlib.suppress(OSError):  # the first that is not empty
            while path and path != stop:
                folder, name = _split(path)
                os.rmdir(name, dir_fd=self._open_folder(folder))
                path = folder

    def _open_folder(self, path: str, *, create: bool = False) -> int:
        if self._names and path == self._folder:  # as for most files
            return self._handles[-1]
        names = path.split("/") if path else []
        common = 0
        # Close only the folders that the last path does not share with this one, then open what is missing.
        while common < len(self._names) and self._names[common : common + 1] == names[common : common + 1]:
            common += 1
        self._folder = ""
        while len(self._names) > common:
            self._names.pop()
            os.close(self._handles.pop())
        for name in names[common:]:
            with _PathInErrors(self._root, "/".join((*self._names, name))):
                self._handles.append(_open_child(name, self._handles[-1], create=create))
            self._names.append(name)
        self._folder = path
        return self._handles[-1]


class _PathInErrors:
    """Names the whole path in an error, where the system knows the last part only."""

    def __init__(self, root: str, path: str) -> None:
        self._root = root
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if isinstance(error, OSError):
            error.filename, error.filename2 = f"{self._root}/{self._path}", None


def replace_file(root: str, path: str, content: bytes) -> None:
    """Put one whole file in its place below a root, and make the folders above it. Raises OSError."""
    with TreeWriter(root) as writer:
        writer.make_folder(path.rpartition("/")[0])
        writer.replace(path, content)


def write_named_file(path: str, content: bytes, root: str) -> None:
    """Write a file that the user names. In the repository at `root` no link is followed to it; elsewhere it is the user's own.

    Raises OSError.
    """
    # By its spelling, not by where it leads: a link in the repository may be of a stranger, and is not followed to decide.
    inside = os.path.relpath(os.path.abspath(path), os.path.abspath(root)).replace(os.sep, "/")
    if inside != ".." and not inside.startswith("../"):
        with TreeWriter(root) as writer:
            writer.replace(inside, content)
    elif os.path.exists(path) and not os.path.isfile(path):  # /dev/stdout, or a pipe
        with open(path, "wb") as stream:
            stream.write(content)
    else:
        real = os.path.realpath(path)
        with TreeWriter(os.path.dirname(real)) as writer:
            writer.replace(os.path.basename(real), content)


def make_named_folder(path: str) -> None:
    """Make a folder that the user names, and those above it. Raises OSError if a file is in its place."""
    os.makedirs(path, exist_ok=True)


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _open_child(name: str, parent: int, *, create: bool) -> int:
    # O_NOFOLLOW looks at the last part of a path only, so a path of one part is opened at a time:
    # https://man7.org/linux/man-pages/man2/open.2.html
    if name in ("", ".", ".."):
        raise OSError(errno.EINVAL, "it leads out of its folder")
    if create:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=parent)
    try:
        return os.open(name, _FOLDER_FLAGS | _NO_FOLLOW, dir_fd=parent)
    except OSError as error:
        # With O_DIRECTORY a link is ENOTDIR on Linux, and ELOOP on other systems.
        if error.errno in (errno.ELOOP, errno.ENOTDIR) and stat.S_ISLNK(
            os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
        ):
            raise OSError(errno.ELOOP, "it is a symbolic link, which vmgen does not follow when it writes") from None
        raise


def _iter_temporary_names(name: str) -> Iterator[str]:
    """Yield names to try: the first may belong to the user."""
    yield f".{name}{TEMPORARY_SUFFIX}"
    yield from (f".{name}.{number}{TEMPORARY_SUFFIX}" for number in range(1, _MAX_TEMPORARY_NAMES))


def _write_temporary(name: str, content: bytes, parent: int) -> str:
    for temporary in _iter_temporary_names(name):
        with contextlib.suppress(FileExistsError):
            _write_new(temporary, content, parent)
            return temporary
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))


def _write_new(name: str, content: bytes, parent: int) -> None:
    """Write a file that did not exist, or leave none."""
    handle = os.open(name, _CREATE_FLAGS, 0o644, dir_fd=parent)
    try:
        # A short write of a regular file means a full disk or a quota.
        if os.write(handle, content) != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=parent)
        raise
    finally:
        os.close(handle)
