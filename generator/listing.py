"""What lies in a folder, as the system lists it: whoever has the same listing twice has the same files, unopened.

As in git's index, an edit that keeps a file's size, time and inode escapes a listing.
"""

from __future__ import annotations

import os


def listing(folder: str) -> list[str]:
    """Name, size, time and inode of each file in a folder and below it, sorted. Compiled Python is left out.

    A folder that is not there, or cannot be listed, is empty.
    """
    lines: list[str] = []
    waiting = [(folder, "")]
    while waiting:
        path, below = waiting.pop()
        try:
            entries = os.scandir(path)
        except OSError:
            continue
        with entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    lines.append(f"{below}/{entry.name} {status.st_size} {status.st_mtime_ns} {status.st_ino}")
                elif entry.name != "__pycache__":
                    lines.append(f"{below}/{entry.name}")
                    waiting.append((entry.path, f"{below}/{entry.name}"))
    lines.sort()
    return lines
