"""Find what erases disks in user data: keys of cloud-config, and commands, in whichever form cloud-init gets them.

On a new system disk cloud-init runs as at a first boot, and what formatted an empty data disk then formats a full one now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from vmgen.cloud_init.content import MAX_LEVELS, split_envelope
from vmgen.cloud_init.document import CLOUD_CONFIG_HEADER, JINJA_HEADER, JSON_PATCH_HEADER, detect_header, parse_document
from vmgen.read.nesting import parse_json
from vmgen.secrets.encoded import find_encoded_texts

# A program that is called: by its name or its path, at the beginning of a word.
_START = r"(?:^|(?<=[\s;&|({`\"'=/]))"
_DEVICE = r"(?:/dev/(?!null\b|zero\b|u?random\b|std|tty|full\b|shm\b|fd\b)|\$|`|(?:LABEL|UUID)=)"
# Each with its effect on a disk according to its manual. A command is searched for 1,000 characters, so that a line of many
# commands takes time in proportion to its length. `PATH` is a device or a variable.
_COMMANDS = tuple(
    (name, re.compile(_START + pattern.replace("PATH", _DEVICE), re.IGNORECASE))
    for name, pattern in (
        ("mkfs", r"(?:mkfs(?:\.\w+)?|mke2fs|mkntfs|mkdosfs|mkswap|newfs)\b(?=[^#\n]{0,1000}PATH)"),
        ("mkfs", r"mkfs(?:\.\w+)?[\"']?(?:\s*;|\s*$)"),
        ("wipefs", r"wipefs\b(?=[^;|&\n]{0,1000}\s(?:-[a-z]*[aof]\b|-[a-z]*a|--all|--offset|--force))"),
        ("parted", r"parted\b(?=[^;|&\n]{0,1000}\s[\"']?(?:mklabel|mktable|mkpart|mkpartfs|rm)\b)"),
        ("sgdisk", r"sgdisk\b(?=[^;|&\n]{0,1000}\s(?:-[a-z0-9:]*[zod]|--zap|--clear|--delete|--load-backup|-l\b))"),
        (
            "sfdisk",
            r"sfdisk\b(?![^;|&\n]{0,1000}\s(?:-[dlJVFsg]\b|--dump|--list|--json|--verify|--show|--version|--help))(?=[^\n]{0,1000}PATH)",
        ),
        ("fdisk", r"[cg]?fdisk\b(?![^;|&\n]{0,1000}\s(?:-l|--list|-s|--version|--help)\b)(?=[^\n]{0,1000}PATH)"),
        ("gdisk", r"gdisk\b(?![^;|&\n]{0,1000}\s-l\b)(?=[^\n]{0,1000}PATH)"),
        ("dd", r"dd\b(?=[^;|&\n]{0,1000}\bof=[\"']?PATH)"),
        ("shred", r"shred\b(?=[^;|&\n]{0,1000}PATH)"),
        ("blkdiscard", r"blkdiscard\b(?=[^;|&\n]{0,1000}PATH)"),
        ("badblocks", r"badblocks\b(?=[^;|&\n]{0,1000}\s-[a-z]*w)"),
        ("hdparm", r"hdparm\b(?=[^;|&\n]{0,1000}(?:--security-erase|--trim-sector|--write-sector))"),
        ("nvme", r"nvme\s+(?:format|sanitize|delete-ns)\b"),
        ("cryptsetup", r"cryptsetup\b(?=[^;|&\n]{0,1000}\s(?:luksFormat|luksErase|erase|reencrypt|--type\s))"),
        ("pvcreate", r"(?:pvcreate|vgcreate)\b(?=[^;|&\n]{0,1000}\s(?:-[a-z]*[fy]+|--force|--yes))"),
        ("LVM", r"(?:pvremove|vgremove|lvremove)\b"),
        ("zpool", r"zpool\s+(?:destroy|labelclear|create\b(?=[^;|&\n]{0,1000}\s-[a-z]*f))"),
        ("mdadm", r"mdadm\b(?=[^;|&\n]{0,1000}\s(?:--create|-C\b|--zero-superblock))"),
        ("ceph-volume", r"ceph-volume\s+lvm\s+(?:zap|create|prepare|batch)\b"),
        ("make-bcache", r"make-bcache\b"),
        ("a redirection", r">{1,2}\s*[\"']?/dev/(?:[svx]v?d[a-z]|nvme|disk/|mapper/|md\d|dm-)"),
        ("tee", r"tee\b(?=[^;|&\n]{0,1000}\s[\"']?/dev/(?:[svx]v?d[a-z]|nvme|disk/|mapper/))"),
        ("cp", r"cp\b(?=[^;|&\n]{0,1000}\s[\"']?/dev/(?:[svx]v?d[a-z]|nvme|disk/|mapper/)\S*[\"']?\s*(?:$|[;&|]))"),
        ("Format-Volume", r"(?:Format-Volume|Clear-Disk|Initialize-Disk|Reset-PhysicalDisk|Remove-Partition)\b"),
        ("diskpart", r"diskpart\b"),
    )
)
_XARGS = re.compile(r"xargs\b(?:(?!xargs\b)[^\n])*\b(?:mkfs(?:\.\w+)?|wipefs|blkdiscard|shred)\b")
_COMMENT = re.compile(r"\s*(?:#|//|REM\b|::)", re.IGNORECASE)


@lru_cache(maxsize=256)
def find_disk_wipes(text: str) -> tuple[str, ...]:
    """Return what in a text of user data erases disks, as short names such as `mkfs`, each once."""
    return tuple(dict.fromkeys(_find_in_text(text, 0)))


def _find_in_text(text: str, level: int) -> Iterator[str]:
    if level > MAX_LEVELS:
        return
    header = detect_header(text)
    if header == JINJA_HEADER:
        yield from _find_in_text(text.partition("\n")[2], level + 1)
        return
    parts = split_envelope(text, header).parts
    for part in parts:
        # A part is a cloud-config by its type alone, while a text needs the header to be read as one.
        is_headed = part.header != CLOUD_CONFIG_HEADER or detect_header(part.text) == CLOUD_CONFIG_HEADER
        yield from _find_in_text(part.text if is_headed else f"{CLOUD_CONFIG_HEADER}\n{part.text}", level + 1)
    if parts:
        return
    config = _parse(text, header)
    if config is None:
        yield from _find_in_commands(text, level)
    else:
        yield from _find_in_config(config)
        yield from _find_in_value(config, level)


def _parse(text: str, header: str) -> Any:
    """Return the data of a cloud-config or a JSON patch; None for any other text, and for one that cannot be read."""
    if header == CLOUD_CONFIG_HEADER:
        document, _ = parse_document(text)
        return document.data if document else None
    if header == JSON_PATCH_HEADER:
        try:
            operations = parse_json(text.partition("\n")[2])
        except ValueError:
            return None
        return {"patch": operations} if isinstance(operations, list) else operations
    return None


def _find_in_config(value: Any) -> Iterator[str]:
    """Find `disk_setup` and `fs_setup` that overwrite, at any depth: a patch adds them below its operations.

    https://cloudinit.readthedocs.io/en/latest/reference/modules.html#disk-setup
    """
    if isinstance(value, list):
        for item in value:
            yield from _find_in_config(item)
        return
    for key, item in value.items() if isinstance(value, dict) else ():
        name = key if key in ("disk_setup", "fs_setup") else _find_patched_key(value) if key == "value" else ""
        entries = (
            item.values() if isinstance(item, dict) and name == "disk_setup" else item if isinstance(item, list) else (item,)
        )
        for entry in entries if name else ():
            if isinstance(entry, dict) and (entry.get("overwrite") or str(entry.get("layout")).lower() == "remove"):
                yield f"`{name}` with `overwrite: true`" if entry.get("overwrite") else "`disk_setup` with `layout: remove`"
        yield from _find_in_config(item)


def _find_patched_key(operation: dict[Any, Any]) -> str:
    path = str(operation.get("path", ""))
    return next((key for key in ("disk_setup", "fs_setup") if f"/{key}" in path), "")


def _find_in_value(value: Any, level: int) -> Iterator[str]:
    """Find commands in all texts of data, and in lists of words."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _find_in_value(item, level)
    elif isinstance(value, list):
        # `runcmd` takes a command as a list of words, whose device is no part of the first one.
        # https://cloudinit.readthedocs.io/en/latest/reference/modules.html#runcmd
        if value and all(isinstance(item, str | int | float) for item in value):
            yield from _find_in_commands(" ".join(map(str, value)), level)
        for item in value:
            yield from _find_in_value(item, level)
    elif isinstance(value, str | bytes):
        yield from _find_in_commands(value if isinstance(value, str) else value.decode("utf-8", "replace"), level)


def _find_in_commands(text: str, level: int) -> Iterator[str]:
    for line in text.replace("\\\n", " ").splitlines():
        if not _COMMENT.match(line):
            yield from (f"`{name}`" for name, pattern in _COMMANDS if pattern.search(line))
            if _XARGS.search(line):
                yield "`xargs` with `mkfs` or its like"
    for encoded_text in find_encoded_texts(text):
        yield from _find_in_text(encoded_text.text, level + 1)
