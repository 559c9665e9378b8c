"""Find secrets in text: the one place that decides which text is a secret.

Tokens and keys are known by their format, other values by the name or the command before them, in plain or encoded text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from vmgen.secrets.commands import CHPASSWD_DESCRIPTION, PASSWD_DESCRIPTION
from vmgen.secrets.encoded import find_encoded_texts
from vmgen.secrets.harmless import is_change_me, is_locked_password, is_reference
from vmgen.secrets.lines import CHANGE_ME_DESCRIPTION, NAMED_DESCRIPTION, compile_pattern, find_in_line
from vmgen.secrets.names import SENSITIVE_NAME
from vmgen.secrets.tokens import HASH_DESCRIPTION, PRIVATE_KEY_DESCRIPTION, find_tokens

__all__ = ["CHANGE_ME_DESCRIPTION", "HASH_DESCRIPTION", "SecretMatch", "find_secrets", "find_spans"]

_MAX_DEPTH = 3  # base64 in base64 in a script
_PUBLIC_KEY = re.compile(r"\b(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]{1,60} [A-Za-z0-9+/=]+")
# `<Password><Value>x</Value>` of an answer file of Windows, `<password>x</password>` of others.
XML_PATTERN = rf"(?i)<[\w:.-]{{0,60}}{SENSITIVE_NAME}>\s{{0,200}}(?:<value>\s{{0,40}})?(?P<value>[^<>\s][^<>]{{0,400}})</"
NETRC_PATTERN = r"\blogin\s{1,40}\S{1,200}\s{1,40}password\s{1,40}(?P<value>\S{1,400})"
HEREDOC_PATTERN = r"<<-?[ \t]{0,8}[\"'\\]?(?P<end>\w{1,60})"
_DOCUMENT_FORMATS = (
    (NAMED_DESCRIPTION, "<", XML_PATTERN),
    ("a login of a netrc file", "login", NETRC_PATTERN),
)
_PASSWORD_READERS = {"chpasswd": CHPASSWD_DESCRIPTION, "smbpasswd": PASSWD_DESCRIPTION, "passwd": PASSWD_DESCRIPTION}


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
        line += text.count("\n", position, span.start)
        position = span.start
        if line not in lines or lines[line] == CHANGE_ME_DESCRIPTION:
            lines[line] = span.description
    yield from (SecretMatch(number, description) for number, description in lines.items())


def find_spans(text: str, depth: int = 0) -> Iterator[SecretSpan]:
    """Iterate over the positions of all secrets in a text; they may overlap."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few characters have a longer form in lower case
        lowered = text
    yield from (SecretSpan(*token) for token in find_tokens(text, lowered))
    yield from _find_in_lines(text)
    yield from _find_in_document(text, lowered)
    if depth < _MAX_DEPTH:
        for encoded in find_encoded_texts(_PUBLIC_KEY.sub(_blank, text) if "ssh-" in text or "ecdsa-" in text else text):
            inner = next((s for s in find_spans(encoded.text, depth + 1) if s.description != CHANGE_ME_DESCRIPTION), None)
            if inner:
                suffix = "" if inner.description.endswith(", encoded") else ", encoded"
                yield SecretSpan(f"{inner.description}{suffix}", encoded.start, encoded.end)


def iter_document_patterns() -> Iterator[str]:
    """Iterate over the patterns that look at several lines, for tests of their speed."""
    yield from (XML_PATTERN, NETRC_PATTERN, HEREDOC_PATTERN)


def _find_in_lines(text: str) -> Iterator[SecretSpan]:
    """Search each line; one that ends with a backslash goes on in the next, as in a shell."""
    start = 0
    for line in text.replace("\\\n", "  ").split("\n"):
        for description, first, last in find_in_line(line):
            yield SecretSpan(description, start + first, start + last)
        start += len(line) + 1


def _find_in_document(text: str, lowered: str) -> Iterator[SecretSpan]:
    for description, word, pattern in _DOCUMENT_FORMATS:
        if word in lowered:
            for match in compile_pattern(pattern).finditer(text):
                if not is_reference(match["value"], in_shell=True):
                    description_of_value = CHANGE_ME_DESCRIPTION if is_change_me(match["value"]) else description
                    yield SecretSpan(description_of_value, *match.span("value"))
    if "<<" in text and "passwd" in text:
        yield from _find_in_heredocs(text)


def _find_in_heredocs(text: str) -> Iterator[SecretSpan]:
    """Find the lines that a script hands to chpasswd or passwd: `chpasswd <<EOF`."""
    for match in compile_pattern(HEREDOC_PATTERN).finditer(text):
        first = text.rfind("\n", 0, match.start()) + 1
        start = text.find("\n", match.end()) + 1
        command = text[first : start or len(text)].split()
        description = next((_PASSWORD_READERS[word] for word in command if word in _PASSWORD_READERS), "")
        while description and 0 < start < len(text):
            end = text.find("\n", start)
            line = text[start : end if end >= 0 else len(text)]
            if line.strip() == match["end"]:
                break
            offset = line.find(":") + 1 if description == CHPASSWD_DESCRIPTION else 0
            value = line[offset:].strip()
            if value and not is_reference(value, in_shell=True) and not is_locked_password(value):
                yield SecretSpan(description, start + offset, start + len(line))
            start = end + 1


def _blank(match: re.Match[str]) -> str:
    return " " * len(match.group())


def is_private_key(description: str) -> bool:
    """Return whether a description is that of a private key, which has many lines."""
    return description.startswith(PRIVATE_KEY_DESCRIPTION)
