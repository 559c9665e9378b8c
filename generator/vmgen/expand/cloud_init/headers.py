"""The first line of user data, by which cloud-init tells what it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vmgen.expand.cloud_init.finding import Finding
from vmgen.expand.cloud_init.rules import HEADER
from vmgen.suggestions import nearest

CLOUD_CONFIG = "#cloud-config"
JINJA = "## template: jinja"
ARCHIVE = "#cloud-config-archive"
# cloudinit/handlers/__init__.py, INCLUSION_TYPES_MAP; the longest first, as cloud-init compares them.
_HEADERS = (
    ARCHIVE,
    "#cloud-config-jsonp",
    JINJA,
    "#cloud-boothook",
    "#include-once",
    "#part-handler",
    CLOUD_CONFIG,
    "#include",
    "#!",
)
MIME = "MIME"
# cloud-init looks for the header of a MIME message in so many bytes.
_MIME_WITHIN = 4096
_KEY = re.compile(r"^[a-z][a-z0-9_-]*:(\s|$)", re.MULTILINE)


def header(text: str) -> str:
    """The header of user data, `MIME` for a message of several parts, or empty where cloud-init knows none."""
    if "mime-version:" in text[:_MIME_WITHIN].lower():
        return MIME
    start = text[:64].lower()
    return next((known for known in _HEADERS if start.startswith(known)), "")


def findings(text: str) -> Iterator[Finding]:
    """What is wrong with the first line."""
    if text[:1].isspace():
        yield Finding(HEADER, "begins with a blank or an empty line; the first line must be the header, such as #cloud-config")
    elif not header(text):
        yield Finding(HEADER, f"{_looks_like(text)}, so cloud-init would ignore all of it; {_remedy(text)}")
    elif header(text) == JINJA:
        second = text.partition("\n")[2]
        if not header(second) and not second.startswith("{"):
            message = "after `## template: jinja` the next line must be a header, such as #cloud-config"
            yield Finding(HEADER, message, line=1)


def _looks_like(text: str) -> str:
    return "the first line is no header of cloud-init's" if text.startswith("#") else "the first line is not a header"


def _remedy(text: str) -> str:
    first, _, rest = text.partition("\n")
    for number, line in enumerate(rest.split("\n"), start=2):
        if header(line) and not line.startswith("#!"):
            return f"move `{header(line)}` up from line {number}"
    meant = nearest(first.strip().lower().replace(" ", ""), (CLOUD_CONFIG, "#include", "#cloud-boothook"))
    if first.startswith("#") and meant:
        return f"did you mean `{meant}`?"
    if _KEY.search(text):
        return f"begin with the line `{CLOUD_CONFIG}`, or write it as a mapping instead of a text"
    return f"begin with `{CLOUD_CONFIG}`, or with `#!/bin/sh` for a script"
