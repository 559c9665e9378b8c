"""Secrets in a text of user data: by the keys of its cloud-config, by the shapes in its texts and comments, by the library."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.secrets import library
from vmgen.check.secrets.cloud_config import find_cloud_config_secrets
from vmgen.check.secrets.shapes import HASH_DESCRIPTION, find_secrets
from vmgen.expand.cloud_init import headers
from vmgen.expand.cloud_init.document import CloudConfigDocument, parse_document
from vmgen.expand.cloud_init.finding import KeyPath, UserDataFinding
from vmgen.expand.cloud_init.rules import PASSWORD_HASH, SECRET


def scan_secrets(text: str, document: CloudConfigDocument | None) -> Iterator[UserDataFinding]:
    """The secrets in a text, one a line, what is most specific first. `document` is its cloud-config, if it is one."""
    lines: set[int] = set()
    paths: set[KeyPath] = set()
    for found in _scan_all(text, document):
        if found.line not in lines and not (found.path and found.path in paths and found.inner_line >= 0):
            yield found
        lines.add(found.line)
        if found.inner_line < 0:
            paths.add(found.path)


def _scan_all(text: str, document: CloudConfigDocument | None) -> Iterator[UserDataFinding]:
    kind = headers.detect_header(text)
    if kind == headers.JINJA_HEADER:
        document, _ = parse_document("#" + text[text.find("\n") :])
    if document is not None:
        yield from _scan_document(document)
    if kind == headers.ARCHIVE_HEADER:
        yield from _scan_archive(text)
    elif kind == headers.MIME_HEADER:
        yield from _scan_mime(text)
    for line, what in find_secrets(text):
        yield _build_secret_finding(what, line)
    for line, what in library.find_secrets_with_plugins(text):
        yield _build_secret_finding(what, line)


def _build_secret_finding(what: str, line: int, column: int = 0, path: KeyPath = (), inner: int = -1) -> UserDataFinding:
    if what.startswith(HASH_DESCRIPTION):
        message = f"holds {what}; use SSH keys, or hand it over as docs/secrets.md says"
        return UserDataFinding(PASSWORD_HASH, message, line, column, path, inner)
    return UserDataFinding(SECRET, f"holds {what}; keep it out of Git (docs/secrets.md)", line, column, path, inner)


def _scan_document(document: CloudConfigDocument) -> Iterator[UserDataFinding]:
    for path, what in find_cloud_config_secrets(document.data):
        line, column = document.locate(path)
        yield _build_secret_finding(what, line, column, path, path[-1] if isinstance(path[-1], int) else -1)
    for text in document.iter_texts():
        for offset, what in find_secrets(text.value):
            if text.is_block:
                yield _build_secret_finding(what, text.line + 1 + offset, 0, text.path, offset)
            else:
                yield _build_secret_finding(what, text.line, text.column, text.path, offset)


def _scan_archive(text: str) -> Iterator[UserDataFinding]:
    """What is in the parts of an archive; the lines of a part in a literal block are lines of the text."""
    archive, _ = parse_document(text)
    for part in archive.iter_texts() if archive else ():
        config, _ = (
            parse_document(part.value) if headers.detect_header(part.value) == headers.CLOUD_CONFIG_HEADER else (None, [])
        )
        for found in scan_secrets(part.value, config):
            yield found._replace(line=part.line + (1 + found.line if part.is_block else 0), column=0, path=(), inner_line=-1)


def _scan_mime(text: str) -> Iterator[UserDataFinding]:
    """What is in the parts of a MIME message, where it does not show in the text: by keys, or encoded."""
    from email import message_from_string

    for part in message_from_string(text).walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            content = payload.decode("utf-8", "replace")
            config, _ = parse_document(content) if headers.detect_header(content) == headers.CLOUD_CONFIG_HEADER else (None, [])
            yield from (found._replace(line=0, column=0, path=(), inner_line=-1) for found in scan_secrets(content, config))
