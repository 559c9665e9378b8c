"""What lies in a folder, as the system lists it: whoever has the same listing twice has the same files, unopened.

As in git's index, an edit that keeps a file's size, time and inode escapes a listing.
"""

from __future__ import annotations

import os


def listing(folder: str, *, links: bool = False) -> list[str]:
    """Name, size, time and inode of each file in a folder and below it, and the names of the folders; sorted.

    A link is listed itself or, with `links`, as what it leads to. Compiled Python is left out, and so is what is not there, or
    goes in the meantime.
    """
    lines: list[str] = []
    waiting = [(folder, "")]
    seen: set[tuple[int, int]] = set()
    while waiting:
        path, below = waiting.pop()
        try:
            entries = () if links and _again(path, seen) else tuple(os.scandir(path))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=links):
                if entry.name != "__pycache__":
                    lines.append(f"{below}/{entry.name}")
                    waiting.append((entry.path, f"{below}/{entry.name}"))
                continue
            try:
                status = entry.stat(follow_symlinks=links)
            except OSError:
                continue
            lines.append(f"{below}/{entry.name} {status.st_size} {status.st_mtime_ns} {status.st_ino}")
    lines.sort()
    return lines


def _again(path: str, seen: set[tuple[int, int]]) -> bool:
    """Whether a folder was listed already: a link may lead to one above it."""
    status = os.stat(path)
    known = len(seen)
    seen.add((status.st_dev, status.st_ino))
    return len(seen) == known


def names(folder: str) -> list[str]:
    """The path of each file and each link in a folder and below it, from the folder on: `/vms/web/web-1.yaml`; sorted.

    No link is followed; one in the place of the folder itself is the empty path.
    """
    if os.path.islink(folder):
        return [""]
    found = []
    for path, folders, files in os.walk(folder):
        below = path[len(folder) :]
        found += [f"{below}/{name}" for name in files]
        found += [f"{below}/{name}" for name in folders if os.path.islink(f"{path}/{name}")]
    return sorted(found)


def saved(path: str) -> int:
    """When a file was last saved, put in its place, or linked to: nanoseconds, by a time that nobody can set back.

    0 where there is none.
    """
    try:
        return max(os.stat(path).st_ctime_ns, os.lstat(path).st_ctime_ns)
    except OSError:
        return 0


def newest(folder: str) -> int:
    """When the newest file in a folder was saved; 0 where there is none."""
    return max((saved(f"{folder}{name}") for name in names(folder)), default=0)
