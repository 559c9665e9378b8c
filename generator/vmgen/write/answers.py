"""Write down in `vmgen.toml` what `vmgen init` was answered and what it wrote, and write its files again from that.

The model is copier's, whose updates start from the answers: https://copier.readthedocs.io/en/stable/updating/
"""

import json
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from vmgen.filesystem.reader import find_work_tree, read_file, read_source
from vmgen.filesystem.system_errors import describe_write_error
from vmgen.filesystem.writer import replace_file
from vmgen.problems import VmgenError
from vmgen.read.configuration import CONFIGURATION_FILE
from vmgen.read.repository import VALUES_SCHEMA_FILE
from vmgen.write.starter import FORGES, StarterOptions, locate_file

# A user's own work is written once and never again; the schema of the editor is refreshed by render.
_NEVER_UPDATED = ("environments/", "README.md", VALUES_SCHEMA_FILE)
_HEADER = "# The configuration of this repository; `vmgen schema configuration` prints its schema.\n"
_TABLE = re.compile(r"(?m)^\s*\[([^\]\n]+)\]")


class Update(NamedTuple):
    """What an update did, by path: written, left alone since it was edited, and not written again since it was removed."""

    new_files: tuple[str, ...]
    edited_files: tuple[str, ...]
    removed_files: tuple[str, ...]


def build_options(answers: Mapping[str, Any]) -> StarterOptions:
    """Return the options that recorded answers stand for."""
    ci = answers.get("ci", "both")
    return StarterOptions(
        namespace=answers.get("namespace", ""),
        platform=answers.get("platform", StarterOptions._field_defaults["platform"]),
        forges=FORGES if ci == "both" else tuple(forge for forge in FORGES if forge == ci),
        owners=answers.get("owners", ""),
        argocd=answers.get("argocd", ""),
        flux=answers.get("flux", ""),
        requirement=answers.get("requirement", ""),
        directory=answers.get("directory", ""),
        platform_version=answers.get("platformVersion", ""),
    )


def record_answers(folder: Path, options: StarterOptions, files: Mapping[str, str]) -> None:
    """Write the answers and the digest of each file as vmgen makes it into vmgen.toml, and keep what else is in there.

    Raises VmgenError if the file cannot be written.
    """
    path = folder / CONFIGURATION_FILE
    try:
        text = read_source(str(path), find_work_tree(str(folder))).decode() if os.path.lexists(path) else _HEADER
        other_text = _remove_tables(text).rstrip("\n")
        replace_file(str(folder), CONFIGURATION_FILE, f"{other_text}\n\n{_format_answers(options, files)}".encode())
    except OSError as error:
        raise VmgenError(describe_write_error(error, path)) from None


def update_files(folder: Path, files: Mapping[str, str], digests: Mapping[str, str]) -> Update:
    """Write the files of this version where the ones of an earlier version are unedited. Raises VmgenError.

    A file that no earlier version wrote is added if nothing has its path.
    """
    new_files: list[str] = []
    edited_files: list[str] = []
    removed_files: list[str] = []
    for path, content in files.items():
        target = folder / path
        if path.startswith(_NEVER_UPDATED):
            continue
        if not target.exists() and not target.is_symlink():
            (removed_files if path in digests else new_files).append(path)
        elif not target.is_file() or target.is_symlink() or _digest(read_file(str(target))) not in (digests.get(path), ""):
            if not target.is_file() or read_file(str(target)) != content.encode():
                edited_files.append(path)
        elif read_file(str(target)) != content.encode():
            new_files.append(path)
    for path in new_files:
        target = folder / path
        try:
            root, name = locate_file(folder, path)
            replace_file(str(root), name, files[path].encode())
        except OSError as error:
            raise VmgenError(describe_write_error(error, target)) from None
    return Update(tuple(new_files), tuple(edited_files), tuple(removed_files))


def _format_answers(options: StarterOptions, files: Mapping[str, str]) -> str:
    ci = "both" if options.forges == FORGES else options.forges[0] if options.forges else "none"
    answers = {
        "namespace": options.namespace,
        "platform": options.platform,
        "platformVersion": options.platform_version,
        "ci": ci,
        "owners": options.owners,
        "argocd": options.argocd,
        "flux": options.flux,
        "requirement": options.requirement,
        "directory": options.directory,
    }
    lines = ["# Answers to vmgen init, and digests of its files, for `vmgen init --update`.", "[init]"]
    lines += [f"{key} = {_quote(value)}" for key, value in answers.items() if value]
    lines += ["", "[init.files]"]
    digests = {path: _digest(text.encode()) for path, text in files.items() if not path.startswith(_NEVER_UPDATED)}
    lines += [f"{_quote(path)} = {_quote(digest)}" for path, digest in sorted(digests.items())]
    return "\n".join(lines) + "\n"


def _remove_tables(text: str) -> str:
    """Return a TOML text without the tables that record_answers writes, and without the comment above them."""
    lines_outside, inside = [], False
    for line in text.splitlines():
        match = _TABLE.match(line)
        if match:
            inside = match.group(1).strip() in ("init", "init.files")
        if not inside and not line.startswith("# Answers to vmgen init"):
            lines_outside.append(line)
    return "\n".join(lines_outside)


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # a basic string of TOML has the escapes of JSON


def _digest(content: bytes) -> str:
    return sha256(content, usedforsecurity=False).hexdigest()[:16]
