"""Find secrets in text: the one place that decides which text is a secret.

Tokens and keys are known by their format, other values by the name or the command before them, in plain or encoded text.
"""

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.secrets.documents import find_in_document
from vmgen.secrets.encoded import find_encoded_texts
from vmgen.secrets.lines import CHANGE_ME_DESCRIPTION, find_in_line
from vmgen.secrets.names import compile_pattern
from vmgen.secrets.tokens import HASH_DESCRIPTION, find_tokens, lower

__all__ = ["CHANGE_ME_DESCRIPTION", "HASH_DESCRIPTION", "SecretMatch", "find_secrets", "find_spans"]

_MAX_DEPTH = 3  # base64 in base64 in a script
_PUBLIC_KEY = r"\b(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]{1,60} [A-Za-z0-9+/=]+"


class SecretMatch(NamedTuple):
    """A secret in a text: the index of its line, from 0, and a description. The value itself is not kept."""

    line: int
    description: str


class SecretSpan(NamedTuple):
    """A secret in a text: its description and position."""

    description: str
    start: int
    end: int


def find_secrets(text: str) -> Iterator[SecretMatch]:
    """Iterate over the secrets in a text, at most one a line."""
    lines: dict[int, str] = {}
    line = position = 0
    for span in sorted(find_spans(text), key=lambda span: span.start):
        # From the last span on, so that a text of many secrets is counted once.
        line += text.count("\n", position, span.start)
        position = span.start
        if line not in lines or lines[line] == CHANGE_ME_DESCRIPTION:
            lines[line] = span.description
    yield from (SecretMatch(number, description) for number, description in lines.items())


def find_spans(text: str, depth: int = 0) -> Iterator[SecretSpan]:
    """Iterate over the positions of all secrets in a text; they may overlap."""
    lower_text = lower(text)
    yield from (SecretSpan(*token) for token in find_tokens(text, lower_text))
    yield from _find_in_lines(text)
    yield from (SecretSpan(*match) for match in find_in_document(text, lower_text))
    if depth < _MAX_DEPTH:
        if "ssh-" in text or "ecdsa-" in text:  # a public key is base64, and no secret
            text = compile_pattern(_PUBLIC_KEY).sub(lambda key: " " * len(key.group()), text)
        for encoded_text in find_encoded_texts(text):
            inner = next((s for s in find_spans(encoded_text.text, depth + 1) if s.description != CHANGE_ME_DESCRIPTION), None)
            if inner:
                suffix = "" if inner.description.endswith(", encoded") else ", encoded"
                yield SecretSpan(f"{inner.description}{suffix}", encoded_text.start, encoded_text.end)


def _find_in_lines(text: str) -> Iterator[SecretSpan]:
    """Search each line; one that ends with a backslash goes on in the next, as in a shell."""
    start = 0
    # Blanks of the same length, so that the positions stay those of the text.
    for line in text.replace("\\\r\n", "   ").replace("\\\n", "  ").split("\n"):
        for description, first, last in find_in_line(line):
            yield SecretSpan(description, start + first, start + last)
        start += len(line) + 1
