"""Find SSH keys of examples in user data: in lists of keys, in files and in commands, encoded ones included."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vmgen.check.ssh_key import SshKeyFault, parse_ssh_key
from vmgen.cloud_init.content import MAX_LEVELS, split_envelope
from vmgen.cloud_init.document import CLOUD_CONFIG_HEADER, UserDataFinding, parse_document
from vmgen.cloud_init.rules import PLACEHOLDER_KEY
from vmgen.secrets.encoded import find_encoded_texts

_KEY_LISTS = ("ssh_authorized_keys", "ssh-authorized-keys")
_TYPED_KEY = re.compile(
    r"""(?<![\w+,-])(?P<type>ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}|sk-[a-z0-9-]{3,20}@openssh\.com)[ \t]{1,8}"""
    r"""(?P<body>[^\s"'`,;)\]]{1,4096})"""
)
# A value that a template or a shell puts there is none of an example.
_VARIABLE = re.compile(r"\{[{%]|\$[A-Za-z_{(]")
# The shortest key, one of ed25519, has 68 characters.
_SHORTEST_BODY = 68
_MESSAGE = "the SSH key is a placeholder; write the line of your .pub file, preferably below `sshKeys:`"


def find_placeholder_keys(text: str, header: str, level: int = 0) -> Iterator[UserDataFinding]:
    """Yield the keys of examples in user data, one a line. `header` is what cloud-init takes the text for."""
    lines: set[int] = set()
    for finding in _find_all(text, header, level):
        if finding.line not in lines:
            lines.add(finding.line)
            yield finding


def _find_all(text: str, header: str, level: int) -> Iterator[UserDataFinding]:
    document = parse_document(text)[0] if header == CLOUD_CONFIG_HEADER else None
    for value in document.iter_texts() if document else ():
        is_key = len(value.path) > 1 and value.path[-2] in _KEY_LISTS
        for inner_line in [0] if is_key and _is_placeholder(value.value) else _find_lines(value.value):
            line, column = (value.line + 1 + inner_line, 0) if value.is_block else (value.line, value.column)
            yield UserDataFinding(PLACEHOLDER_KEY, _MESSAGE, line, column, value.path, inner_line if value.is_block else -1)
    for part in split_envelope(text, header).parts if level < MAX_LEVELS else ():
        for finding in find_placeholder_keys(part.text, part.header, level + 1):
            yield part.lift(finding)._replace(column=0, path=())
    for line in () if document else _find_lines(text):
        yield UserDataFinding(PLACEHOLDER_KEY, _MESSAGE, line)


def _find_lines(text: str) -> Iterator[int]:
    """Yield the numbers, from 0, of the lines of a text with a key of an example. Lines of comments are left out."""
    if "ssh-" in text or "ecdsa-" in text:
        for number, line in enumerate(text.split("\n")):
            if not line.lstrip().startswith("#") and any(map(_is_example, _TYPED_KEY.finditer(line))):
                yield number
    for encoded_text in find_encoded_texts(text):
        if any(True for _ in _find_lines(encoded_text.text)):
            yield text.count("\n", 0, encoded_text.start)


def _is_example(match: re.Match[str]) -> bool:
    body = match["body"]
    if body.startswith("AAAA") and len(body) < _SHORTEST_BODY:
        return True
    return _is_placeholder(f"{match['type']} {body}")


def _is_placeholder(line: str) -> bool:
    key = parse_ssh_key(line)
    return isinstance(key, SshKeyFault) and key.kind == "placeholder" and not _VARIABLE.search(line)
