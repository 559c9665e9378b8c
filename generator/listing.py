"""What lies in a folder, as the system lists it: whoever has the same listing twice has the same files, unopened.

As in git's index, an edit that keeps a file's size, time and inode escapes a listing.
"""

from __future__ import annotations

import os


def listing(folder: str) -> list[str]:
    """Name, size, time and inode of each file in a folder and below it, and the names of the folders; sorted.

    Compiled Python is left out, and so is what is not there, or goes in the meantime.
    """
    lines: list[str] = []
    waiting = [(folder, "")]
    while waiting:
        path, below = waiting.pop()
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if not entry.is_dir(follow_symlinks=False):
                        status = entry.stat(follow_symlinks=False)
                        lines.append(f"{below}/{entry.name} {status.st_size} {status.st_mtime_ns} {status.st_ino}")
                    elif entry.name != "__pycache__":
                        lines.append(f"{below}/{entry.name}")
                        waiting.append((entry.path, f"{below}/{entry.name}"))
        except OSError:
            continue
    lines.sort()
    return lines


def names(folder: str) -> list[str]:
    """The path of each file in a folder and below it, from the folder on: `/vms/web/web-1.yaml`; sorted."""
    return sorted(f"{path[len(folder) :]}/{name}" for path, _, files in os.walk(folder) for name in files)
