"""What a killed run left: temporary files and folders of vmgen's own, to remove before the next run writes."""

from __future__ import annotations

import os

from vmgen.filesystem.reader import read_start
from vmgen.filesystem.writer import TEMPORARY_SUFFIX
from vmgen.yaml_text import HEADER_PREFIX

_MARK = HEADER_PREFIX.encode()


def is_leftover(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is of a killed run: it has a temporary name, and all in it begins with our mark.

    A file may have been cut short anywhere, also in its mark. What a user has named so is the user's.
    """
    return entry.name.startswith(".") and entry.name.endswith(TEMPORARY_SUFFIX) and _is_ours(entry)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    try:
        if entry.is_dir(follow_symlinks=False):
            with os.scandir(entry.path) as entries:
                return all(map(_is_ours, entries))
        if not entry.is_file(follow_symlinks=False):
            return False
        return _MARK.startswith(read_start(entry.path, len(_MARK)))
    except OSError:
        return False
