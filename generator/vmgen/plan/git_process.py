"""Run git without the network, and without any program, file or setting that the repository names. No other module runs it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from vmgen.filesystem.reader import MAX_FILE_BYTES
from vmgen.problems import VmgenError
from vmgen.programs import ProgramTimeout, finish_program, start_program
from vmgen.quantities import parse_number

# A hook inherits the repository of its caller, and others name programs to run, files to write or what a path means. Only what
# says which repositories and settings git trusts is passed on; the folder alone decides which repository is meant.
# https://git-scm.com/docs/git#_environment_variables
_INHERITED_VARIABLE = (
    r"(?!GIT_)|GIT_(CEILING_DIRECTORIES|CONFIG_(COUNT|GLOBAL|KEY_\d+|NOSYSTEM|SYSTEM|VALUE_\d+)|DISCOVERY_ACROSS_FILESYSTEM"
    r"|EXEC_PATH)\Z"
)
# A partial clone fetches what it lacks on demand. GIT_NO_LAZY_FETCH forbids that from Git 2.45 on, and with no protocol
# allowed an older Git cannot either: https://git-scm.com/docs/git#Documentation/git.txt-GITNOLAZYFETCH
_OFFLINE_VARIABLES = {
    "LC_ALL": "C",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
}
# Replaced objects and grafted parents would make another baseline than the one that was reviewed.
_FIXED_VARIABLES = {"GIT_NO_REPLACE_OBJECTS": "1", "GIT_GRAFT_FILE": os.devnull}
# A file system monitor and hooks are programs.
_FIXED_OPTIONS = ("--no-pager", "-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}")
# A program that an attribute names: git would run it on a file to compare it.
_FILTER_KEYS = r"^filter\..*\.(clean|smudge|process|required)$"
_MAX_SECONDS = 60
# The names of half a million files. A few small objects can make a tree that would never be listed to its end.
_MAX_LIST_BYTES = 64 * 1024 * 1024
# `<id> <type> <size>`, with room for a longer id.
_MAX_HEADER_BYTES = 256
FETCH_HINT = "fetch all objects (git fetch --refetch, or fetch-depth: 0 and no filter in CI)"


def check_git_output(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    settings: Mapping[str, str] | None = None,
    check_output: Callable[[bytes], None] | None = None,
) -> bytes:
    """Run git in a folder and return its stdout. Raises VmgenError if it fails."""
    code, output, complaint = run_git(folder, *arguments, stdin=stdin, settings=settings, check_output=check_output)
    if code:
        hint = "remove .git/index, and run git reset" if "index file" in complaint else FETCH_HINT
        hint = "change the permissions" if "Permission denied" in complaint else hint
        raise VmgenError(f"git {arguments[0]} failed: {complaint}; {hint}")
    return output


def run_git(
    folder: Path,
    *arguments: str,
    stdin: bytes = b"",
    settings: Mapping[str, str] | None = None,
    check_output: Callable[[bytes], None] | None = None,
) -> tuple[int, bytes, str]:
    """Run git in a folder. Return its exit code, its stdout, and its stderr on one line.

    `check_output` sees each part of stdout. Raises VmgenError if git does not end in time or writes too much, and
    FileNotFoundError if there is no git.
    """
    environment = {name: value for name, value in os.environ.items() if re.match(_INHERITED_VARIABLE, name)}
    environment |= _OFFLINE_VARIABLES | _FIXED_VARIABLES | _format_settings(settings or {})
    process = start_program(["git", *_FIXED_OPTIONS, *arguments], folder, environment)
    try:
        output, errors = finish_program(process, _MAX_SECONDS, stdin, check_output or _ListLength().check)
    except ProgramTimeout:
        raise VmgenError(
            f"git {arguments[0]} did not end within {_MAX_SECONDS} s and was stopped; run it by hand to find the cause"
        ) from None
    return process.returncode, output, " ".join(errors.decode(errors="replace").split())


def disable_filters(folder: Path) -> Mapping[str, str]:
    """Return settings that keep git from running the filters of a configuration: a file they would change counts as changed."""
    # An empty command turns a filter off: https://git-scm.com/docs/gitattributes#_filter
    names = run_git(folder, "config", "-z", "--name-only", "--get-regexp", _FILTER_KEYS)[1].split(b"\0")
    return {os.fsdecode(name): "false" if name.endswith(b".required") else "" for name in names if name}


def _format_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that give git settings, after those that it gets so already. A key may hold any character."""
    # GIT_CONFIG_COUNT, GIT_CONFIG_KEY_0, GIT_CONFIG_VALUE_0 and so on: https://git-scm.com/docs/git-config
    first = parse_number(os.environ.get("GIT_CONFIG_COUNT", "")) or 0
    variables = {"GIT_CONFIG_COUNT": str(first + len(settings))} if settings else {}
    for number, (key, value) in enumerate(settings.items(), first):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return variables


class BlobSizes:
    """Checks the size of each blob in the parts of an output of `cat-file --batch`, before its content comes."""

    def __init__(self) -> None:
        self._bytes_to_skip = 0
        self._header = b""

    def check(self, part: bytes) -> None:
        """Raise VmgenError if a blob is larger than a file may be."""
        position = 0
        while position + self._bytes_to_skip < len(part):
            position += self._bytes_to_skip
            line, end, _ = part[position : position + _MAX_HEADER_BYTES].partition(b"\n")
            self._header += line
            self._bytes_to_skip = 0
            if not end:
                return
            position += len(line) + 1
            fields, self._header = self._header.split(), b""
            if len(fields) == 3:
                self._bytes_to_skip = int(fields[2]) + 1
                if self._bytes_to_skip > MAX_FILE_BYTES + 1:
                    blob_id = fields[0].decode()
                    raise VmgenError(
                        f"the committed file {blob_id} is larger than {MAX_FILE_BYTES // 2**20} MiB, so it is not read; "
                        f"git log --all --find-object={blob_id} shows its name"
                    )
        self._bytes_to_skip -= len(part) - position


class _ListLength:
    """Checks how long a list of names becomes."""

    def __init__(self) -> None:
        self._size = 0

    def check(self, part: bytes) -> None:
        """Raise VmgenError if the list is too long."""
        self._size += len(part)
        if self._size > _MAX_LIST_BYTES:
            raise VmgenError(
                f"git lists more than {_MAX_LIST_BYTES // 2**20} MiB of file names, and so the repository is not read"
            )
