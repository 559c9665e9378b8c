"""Parts of user data: the texts inside of a MIME message or an archive, each with its place in the text around it."""

from typing import NamedTuple

from vmgen.cloud_init.document import (
    ARCHIVE_HEADER,
    BOOTHOOK_HEADER,
    CLOUD_CONFIG_HEADER,
    INCLUDE_HEADER,
    INCLUDE_ONCE_HEADER,
    JINJA_HEADER,
    JSON_PATCH_HEADER,
    PART_HANDLER_HEADER,
    SCRIPT_HEADER,
    UserDataFinding,
    check_header,
    detect_header,
)
from vmgen.cloud_init.rules import INVALID_PART
from vmgen.problems import did_you_mean

# cloudinit/handlers/__init__.py, INCLUSION_TYPES_MAP, the other way round.
TYPE_HEADERS = {
    "text/cloud-config": CLOUD_CONFIG_HEADER,
    "text/x-shellscript": SCRIPT_HEADER,
    "text/x-shellscript-per-boot": SCRIPT_HEADER,
    "text/x-shellscript-per-instance": SCRIPT_HEADER,
    "text/x-shellscript-per-once": SCRIPT_HEADER,
    "text/cloud-boothook": BOOTHOOK_HEADER,
    "text/part-handler": PART_HANDLER_HEADER,
    "text/x-include-url": INCLUDE_HEADER,
    "text/x-include-once-url": INCLUDE_ONCE_HEADER,
    "text/cloud-config-archive": ARCHIVE_HEADER,
    "text/cloud-config-jsonp": JSON_PATCH_HEADER,
    "text/jinja2": JINJA_HEADER,
}
# cloudinit/user_data.py, TYPE_NEEDED: the first line of the part decides.
UNTYPED = ("text/plain", "text/x-not-multipart")


class Part(NamedTuple):
    """A text inside of another one. `header` is what cloud-init takes it for, empty if it takes it for nothing that it knows.

    `line` is where the part begins in the text around it, from 0. With `is_literal`, each line of the part is a line there.
    """

    text: str
    header: str
    line: int
    is_literal: bool
    content_type: str = ""

    def lift(self, finding: UserDataFinding) -> UserDataFinding:
        """Return a finding in the part as a finding in the text around it."""
        if self.is_literal:
            return finding._replace(line=self.line + finding.line, inner_line=-1)
        message = f"in the encoded part, line {finding.line + 1}: {finding.message}" if finding.line else finding.message
        # Lines of base64 are no lines of its content, so the place is that of the part.
        return finding._replace(line=self.line, column=0, inner_line=-1, message=message)


class Envelope(NamedTuple):
    """The parts of a text, and the faults in the way they are put together."""

    parts: tuple[Part, ...] = ()
    findings: tuple[UserDataFinding, ...] = ()


def build_part(content_type: str, text: str, line: int, *, is_literal: bool = True) -> Part:
    """Return the part that a text of a type is; a script that is another kind counts as that, as in cloud-init."""
    header = TYPE_HEADERS.get(content_type, "")
    # Every script begins with `#!`, so a part that begins otherwise is none: cloudinit/user_data.py, _process_msg.
    if content_type in UNTYPED or content_type == "text/x-shellscript":
        header = detect_header(text.lstrip()) or header
    return Part(text, header, line, is_literal, content_type)


def check_part(part: Part, content_type: str, *, has_handler: bool = False) -> list[UserDataFinding]:
    """Check the type of a part, and that its text begins as the type wants it. `has_handler`: a part may take other types."""
    if content_type in UNTYPED:
        return [part.lift(finding) for finding in check_header(part.text)]
    if content_type not in TYPE_HEADERS:
        hint = did_you_mean(content_type, TYPE_HEADERS) or "; write text/cloud-config or text/x-shellscript"
        message = f"has a type that cloud-init does not handle, so it would skip the part{hint}"
        return [] if has_handler else [UserDataFinding(INVALID_PART, message, part.line)]
    message = _describe_start(part, content_type)
    return [UserDataFinding(INVALID_PART, message, part.line)] if message else []


def _describe_start(part: Part, content_type: str) -> str:
    """Return the fault of the first line of a part; empty if it has none."""
    start = part.text[:64].lower()
    if part.header == SCRIPT_HEADER and not start.startswith(SCRIPT_HEADER):
        return "the script does not begin with `#!`, so the system cannot run it; begin with a line such as `#!/bin/sh`"
    if content_type == "text/cloud-config" and start.startswith(JINJA_HEADER):
        return "has type text/cloud-config, so cloud-init would not render it; write `text/jinja2` as its type"
    if part.header == JINJA_HEADER and not start.startswith(JINJA_HEADER):
        return f"has type text/jinja2, but does not begin with `{JINJA_HEADER}`; cloud-init would fail"
    return ""
