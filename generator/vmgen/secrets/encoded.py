"""Decode what hides a text: base64, also twice, and gzip."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from vmgen.secrets.names import compile_pattern

MAX_DECODED_BYTES = 1024 * 1024

# 20 characters decode to 15: shorter ones are words of prose and paths, and decode to text by chance.
_BASE64_WORD = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{20,}={0,2}")
# Between the parts of a path or a name: `environments/...`, `...-system`.
_BASE64_PART = r"[A-Za-z0-9+]{20,}={0,2}"
_NEXT_LINE = r"\r?\n[ \t]{0,80}([A-Za-z0-9+/]{1,400}={0,2})(?![^\r\n])"
_HEXADECIMAL = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_MIN_LINE_LENGTH = 40
_UNDECODABLE = "\ufffd"


class EncodedText(NamedTuple):
    """A text that was found encoded, and where: from `start` to `end` of the text around it."""

    text: str
    start: int
    end: int


def find_encoded_texts(text: str) -> Iterator[EncodedText]:
    """Iterate over the parts of a text that decode to text, a word each or several lines. Public keys and hashes do not."""
    for start, end in _find_candidates(text):
        content = decode_text(text[start:end])
        if content:
            yield EncodedText(content, start, end)
            continue
        for part in compile_pattern(_BASE64_PART).finditer(text, start, end):
            if part.span() != (start, end) and (content := decode_text(part.group())):
                yield EncodedText(content, *part.span())


def _find_candidates(text: str) -> Iterator[tuple[int, int]]:
    """Iterate over the positions of words of base64. One that fills a line reaches over the lines of its length below it."""
    position = 0
    while match := _BASE64_WORD.search(text, position):
        start, position = match.span()
        width = position - start
        while width >= _MIN_LINE_LENGTH and (line := compile_pattern(_NEXT_LINE).match(text, position)):
            length = len(line[1])
            # Encoders fill each line but the last, which ends with a whole group of four.
            # https://www.rfc-editor.org/rfc/rfc4648#section-4
            if length > width or (length < width and length % 4):
                break
            position = line.end()
            if length < width:
                break
        yield start, position


def decode_text(text: str) -> str:
    """Return the text in base64, whose content may be compressed, or in hexadecimal digits; empty if it is none."""
    if _HEXADECIMAL.fullmatch(text):
        return to_text(bytes.fromhex(text[: 2 * MAX_DECODED_BYTES]))
    return to_text(decompress(decode_base64(text)))


def decode_base64(text: str) -> bytes:
    """Return the content of base64 in either alphabet, at most MAX_DECODED_BYTES; empty if it is none."""
    import binascii

    # Padding is often lost, and RFC 4648 has a second alphabet for addresses. https://www.rfc-editor.org/rfc/rfc4648#section-5
    compact = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")[: MAX_DECODED_BYTES * 4 // 3 // 4 * 4]
    try:
        return binascii.a2b_base64(compact + "=" * (-len(compact) % 4))
    except ValueError:
        return b""


def decompress(content: bytes) -> bytes:
    """Return the content of a gzip file, at most MAX_DECODED_BYTES; any other content as it is."""
    import zlib

    if content[:2] != b"\x1f\x8b":
        return content
    try:
        # A bound for what a few bytes may unpack to; 31 means a gzip header.
        # https://docs.python.org/3/library/zlib.html#zlib.decompress
        return zlib.decompressobj(wbits=31).decompress(content, MAX_DECODED_BYTES)
    except zlib.error:
        return content


def to_text(content: bytes) -> str:
    """Return content as text; empty if it is no text. PowerShell's encoded commands are UTF-16."""
    if not content:
        return ""
    # The second byte of each Latin letter is zero in UTF-16, and hardly ever in other text.
    if content[1::2].count(0) > len(content) // 4:
        text = content.decode("utf-16-le", "replace")
    else:
        text = content.decode("utf-8", "replace")
    odd = text.count(_UNDECODABLE) + sum(not (c.isprintable() or c in "\n\r\t") for c in text[:2000])
    return "" if odd > len(text) // 50 else text
