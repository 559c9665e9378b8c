"""Split MIME messages as cloud-init does (cloudinit/user_data.py), and locate each part."""

from __future__ import annotations

import binascii
import re
import zlib
from bisect import bisect_left
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.cloud_init.document import UserDataFinding, detect_header
from vmgen.cloud_init.parts import Envelope, Part, build_part, check_part
from vmgen.cloud_init.rules import INVALID_PART
from vmgen.problems import did_you_mean

if TYPE_CHECKING:
    from email.message import Message

# Python's parser of messages calls itself for each level.
MAX_BOUNDARIES = 50
MAX_DECODED_BYTES = 16 * 1024 * 1024
_ENCODINGS = ("7bit", "8bit", "binary", "base64", "quoted-printable")
# cloudinit/user_data.py, DECOMP_TYPES.
_GZIP_TYPE = r"application/(?:gzip(?:-compressed|ped)?|x-(?:compress(?:ed)?|gunzip|gzip(?:-compressed)?))"
_BOUNDARY_LINE = re.compile(r"^--(\S+)$", re.MULTILINE)
_LOST_BOUNDARY = re.compile(r"^--(\S+)\n(?:MIME-Version:.*\n)?Content-", re.MULTILINE | re.IGNORECASE)


class _Body(NamedTuple):
    """A part of a message that has no parts itself. `start` is where its headers begin in the text."""

    message: Message[str, str]
    start: int


def split_message(text: str, types: tuple[str, ...] = ()) -> Envelope:
    """Return the parts of a MIME message, decoded. `types` are those that another reader than cloud-init takes."""
    from email import message_from_string  # it takes a while to import, and few user data are messages

    # Python's parser compares each line with each open boundary, which is quadratic in a hostile text.
    if len(re.findall("boundary", text, re.IGNORECASE)) > MAX_BOUNDARIES:
        finding = UserDataFinding(INVALID_PART, f"has more than {MAX_BOUNDARIES} boundaries; nest fewer messages")
        return Envelope((), (finding,))
    findings: list[UserDataFinding] = []
    bodies = _find_bodies(message_from_string(text), text, 0, findings)
    has_handler = any(body.message.get_content_type() == "text/part-handler" for body in bodies)
    parts = []
    for body in bodies:
        part = _decode_body(body, text, findings)
        if part is None:
            continue
        parts.append(part)
        if types:
            if part.content_type not in types:
                message = f"has a type that cloudbase-init does not handle{did_you_mean(part.content_type, types)}"
                findings.append(UserDataFinding(INVALID_PART, message, part.line))
        elif not re.fullmatch(_GZIP_TYPE, body.message.get_content_type()):
            findings += check_part(part, body.message.get_content_type(), has_handler=has_handler)
    return Envelope(tuple(parts), tuple(findings))


def _find_bodies(message: Message[str, str], text: str, start: int, findings: list[UserDataFinding]) -> list[_Body]:
    if not message.is_multipart():
        if message.get_content_maintype() != "multipart":
            return [_Body(message, start)]
        findings.append(_build_boundary_finding(message, text, start))
        return []
    # The parser of Python gives no positions, so each part is found again by its boundary: a problem names its line.
    children: Any = message.get_payload()
    boundary = message.get_boundary() or ""
    pattern = re.compile(rf"^--{re.escape(boundary)}[ \t]*$", re.MULTILINE)
    bodies, position = [], start
    for child in children:
        match = pattern.search(text, position) if boundary else None
        position = match.end() + 1 if match else position
        bodies += _find_bodies(child, text, position, findings)
    return bodies


def _build_boundary_finding(message: Message[str, str], text: str, start: int) -> UserDataFinding:
    line = _find_header_line(text, start, "content-type")
    boundary = message.get_boundary()
    if not boundary:
        message_text = 'has no boundary, so cloud-init finds no part and ignores all of it; write `boundary="//"`'
        return UserDataFinding(INVALID_PART, message_text, line)
    other = _BOUNDARY_LINE.search(text, start)
    where = f"; line {_count_line_feeds(text, other.start()) + 1} of the text begins with another one" if other else ""
    remedy = f"write `--{boundary}` before each part"
    reason = "no line matches the boundary of this header, so cloud-init finds no part and ignores all of it"
    return UserDataFinding(INVALID_PART, f"{reason}{where}; {remedy}", line)


def _find_header_line(text: str, start: int, name: str) -> int:
    """Return the line (from 0) of a header of the part that begins at a position; the line of that position if it has none."""
    first = number = _count_line_feeds(text, start)
    end = 0
    while end >= 0:
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)]
        if not line.strip():
            break
        if line.lower().startswith(f"{name}:"):
            return number
        start, number = end + 1, number + 1
    return first


def _count_line_feeds(text: str, end: int) -> int:
    """Return the number of line feeds before a position. A text is searched once, however many parts it has."""
    return bisect_left(_find_line_feeds(text), end)


@lru_cache(maxsize=1)
def _find_line_feeds(text: str) -> list[int]:
    return [match.start() for match in re.finditer("\n", text)]


def _decode_body(body: _Body, text: str, findings: list[UserDataFinding]) -> Part | None:
    """Return a body as a part; None if it cannot be decoded, which the findings then report."""
    message, start = body
    content_type, payload = message.get_content_type(), str(message.get_payload() or "")
    line = _find_body_line(text, start, payload)
    encoding = str(message.get("Content-Transfer-Encoding", "7bit")).strip().lower()
    header_line = _find_header_line(text, start, "content-transfer-encoding")
    lost_boundary = _LOST_BOUNDARY.search(payload)
    if lost_boundary:
        reason = "looks like a boundary but differs from the header's, so the following lines would belong to the part above"
        findings.append(
            UserDataFinding(INVALID_PART, f"{reason}; correct it", line + payload.count("\n", 0, lost_boundary.start()))
        )
    if encoding not in _ENCODINGS:
        hint = did_you_mean(encoding, _ENCODINGS) or f"; write one of {', '.join(_ENCODINGS)}"
        message_text = f"is not a transfer encoding that cloud-init decodes{hint}"
        findings.append(UserDataFinding(INVALID_PART, message_text, header_line))
        return None
    content = _decode_payload(message, payload, encoding)
    is_gzip = bool(re.fullmatch(_GZIP_TYPE, content_type))
    if content is not None and is_gzip:
        content = decompress(content)
    if content is None:
        reason = "gzip" if is_gzip else "base64"
        findings.append(UserDataFinding(INVALID_PART, f"the part is not {reason} as in its header; encode it again", line))
        return None
    if is_gzip:
        plain_text = content.decode("utf-8", "replace")
        return Part(plain_text, detect_header(plain_text), line, False)
    if encoding in ("7bit", "8bit", "binary"):
        return build_part(content_type, payload, line)
    return build_part(content_type, content.decode("utf-8", "replace"), line, is_literal=False)


def _find_body_line(text: str, start: int, payload: str) -> int:
    """Return the line (from 0) at which the body of a part begins, which the text contains unchanged."""
    body = start + 1 if text.startswith("\n", start) else text.find("\n\n", start) + 2
    if body < start + 1 or not text.startswith(payload, body):
        body = max(text.find(payload, start), start)
    return _count_line_feeds(text, body)


def _decode_payload(message: Message[str, str], payload: str, encoding: str) -> bytes | None:
    if encoding == "base64":
        return decode_base64(payload)
    content = message.get_payload(decode=True)
    return content if isinstance(content, bytes) else payload.encode("utf-8", "replace")


def decode_base64(content: str) -> bytes | None:
    """Return the bytes of a text in base64, with or without line feeds; None if it is not base64.

    An example that ends in dots is taken as cloud-init takes it, which skips other characters than those of base64.
    """
    try:
        if content.rstrip().endswith("..."):
            return binascii.a2b_base64(content)
        return binascii.a2b_base64("".join(content.split()).encode(), strict_mode=True)
    except (binascii.Error, ValueError):
        return None


def decompress(content: bytes) -> bytes | None:
    """Return at most MAX_DECODED_BYTES of what gzip compressed; None if the content is not whole or not gzip."""
    decompressor = zlib.decompressobj(wbits=31)
    try:
        text = decompressor.decompress(content, MAX_DECODED_BYTES)
    except zlib.error:
        return None
    return text if decompressor.eof or len(text) == MAX_DECODED_BYTES else None
