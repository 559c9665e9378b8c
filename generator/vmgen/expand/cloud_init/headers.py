"""The first line of user data, by which cloud-init tells what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vmgen.expand.cloud_init.finding import UserDataFinding
from vmgen.expand.cloud_init.rules import UNKNOWN_HEADER
from vmgen.suggestions import find_closest

CLOUD_CONFIG_HEADER = "#cloud-config"
JINJA_HEADER = "## template: jinja"
ARCHIVE_HEADER = "#cloud-config-archive"
# cloudinit/handlers/__init__.py, INCLUSION_TYPES_MAP; the longest first, as cloud-init compares them.
_KNOWN_HEADERS = (
    ARCHIVE_HEADER,
    "#cloud-config-jsonp",
    JINJA_HEADER,
    "#cloud-boothook",
    "#include-once",
    "#part-handler",
    CLOUD_CONFIG_HEADER,
    "#include",
    "#!",
)
MIME_HEADER = "MIME"
# cloud-init looks for the header of a MIME message in so many bytes.
_MIME_SEARCH_BYTES = 4096
_KEY_PATTERN = re.compile(r"^[a-z][a-z0-9_-]*:(\s|$)", re.MULTILINE)


def detect_header(text: str) -> str:
    """The header of user data, `MIME` for a message of several parts, or empty where cloud-init knows none."""
    if "mime-version:" in text[:_MIME_SEARCH_BYTES].lower():
        return MIME_HEADER
    start = text[:64].lower()
    return next((known for known in _KNOWN_HEADERS if start.startswith(known)), "")


def check_header(text: str) -> Iterator[UserDataFinding]:
    """What is wrong with the first line."""
    if text[:1].isspace():
        yield UserDataFinding(
            UNKNOWN_HEADER, "begins with a blank or an empty line; the first line must be the header, such as #cloud-config"
        )
    elif not detect_header(text):
        yield UserDataFinding(
            UNKNOWN_HEADER, f"{_describe_first_line(text)}, so cloud-init would ignore all of it; {_suggest_header(text)}"
        )
    elif detect_header(text) == JINJA_HEADER:
        second = text.partition("\n")[2]
        if not detect_header(second) and not second.startswith("{"):
            message = "after `## template: jinja` the next line must be a header, such as #cloud-config"
            yield UserDataFinding(UNKNOWN_HEADER, message, line=1)


def _describe_first_line(text: str) -> str:
    return "the first line is no header of cloud-init's" if text.startswith("#") else "the first line is not a header"


def _suggest_header(text: str) -> str:
    first, _, rest = text.partition("\n")
    for number, line in enumerate(rest.split("\n"), start=2):
        if detect_header(line) and not line.startswith("#!"):
            return f"move `{detect_header(line)}` up from line {number}"
    meant = find_closest(first.strip().lower().replace(" ", ""), (CLOUD_CONFIG_HEADER, "#include", "#cloud-boothook"))
    if first.startswith("#") and meant:
        return f"did you mean `{meant}`?"
    if _KEY_PATTERN.search(text):
        return f"begin with the line `{CLOUD_CONFIG_HEADER}`, or write it as a mapping instead of a text"
    return f"begin with `{CLOUD_CONFIG_HEADER}`, or with `#!/bin/sh` for a script"
