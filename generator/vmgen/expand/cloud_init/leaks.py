"""Secrets in a text of user data: by the keys of its cloud-config, by the shapes in its texts and comments, by the library."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.secrets import library
from vmgen.check.secrets.cloud_config import secrets
from vmgen.check.secrets.shapes import HASH, sightings
from vmgen.expand.cloud_init import headers
from vmgen.expand.cloud_init.document import Document, parsed
from vmgen.expand.cloud_init.finding import Finding, Path
from vmgen.expand.cloud_init.rules import PASSWORD_HASH, SECRET


def leaks(text: str, document: Document | None) -> Iterator[Finding]:
    """The secrets in a text, one a line, what is most specific first. `document` is its cloud-config, if it is one."""
    lines: set[int] = set()
    paths: set[Path] = set()
    for found in _all(text, document):
        if found.line not in lines and not (found.path and found.path in paths and found.inner >= 0):
            yield found
        lines.add(found.line)
        if found.inner < 0:
            paths.add(found.path)


def _all(text: str, document: Document | None) -> Iterator[Finding]:
    kind = headers.header(text)
    if kind == headers.JINJA:
        document, _ = parsed("#" + text[text.find("\n") :])
    if document is not None:
        yield from _in_document(document)
    if kind == headers.ARCHIVE:
        yield from _in_archive(text)
    elif kind == headers.MIME:
        yield from _in_message(text)
    for line, what in sightings(text):
        yield _leak(what, line)
    for line, what in library.sightings(text):
        yield _leak(what, line)


def _leak(what: str, line: int, column: int = 0, path: Path = (), inner: int = -1) -> Finding:
    if what.startswith(HASH):
        message = f"holds {what}; use SSH keys, or hand it over as docs/secrets.md says"
        return Finding(PASSWORD_HASH, message, line, column, path, inner)
    return Finding(SECRET, f"holds {what}; keep it out of Git (docs/secrets.md)", line, column, path, inner)


def _in_document(document: Document) -> Iterator[Finding]:
    for path, what in secrets(document.data):
        line, column = document.spot(path)
        yield _leak(what, line, column, path, path[-1] if isinstance(path[-1], int) else -1)
    for text in document.texts():
        for offset, what in sightings(text.value):
            if text.block:
                yield _leak(what, text.line + 1 + offset, 0, text.path, offset)
            else:
                yield _leak(what, text.line, text.column, text.path, offset)


def _in_archive(text: str) -> Iterator[Finding]:
    """What is in the parts of an archive; the lines of a part in a literal block are lines of the text."""
    archive, _ = parsed(text)
    for part in archive.texts() if archive else ():
        config, _ = parsed(part.value) if headers.header(part.value) == headers.CLOUD_CONFIG else (None, [])
        for found in leaks(part.value, config):
            yield found._replace(line=part.line + (1 + found.line if part.block else 0), column=0, path=(), inner=-1)


def _in_message(text: str) -> Iterator[Finding]:
    """What is in the parts of a MIME message, where it does not show in the text: by keys, or encoded."""
    from email import message_from_string

    for part in message_from_string(text).walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            content = payload.decode("utf-8", "replace")
            config, _ = parsed(content) if headers.header(content) == headers.CLOUD_CONFIG else (None, [])
            yield from (found._replace(line=0, column=0, path=(), inner=-1) for found in leaks(content, config))
