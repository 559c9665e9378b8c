"""Secrets by the places where cloud-config has them: what a key is called, whatever the value looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vmgen.check.secrets.harmless import is_locked, is_path, is_reference
from vmgen.check.secrets.shapes import HASH, sightings

Path = tuple[str | int, ...]
MOST_DECODED = 1024 * 1024

_SECRET_KEY = re.compile(
    r"(?i)(?:.*[_.-])?(?:pass|psk|private)|.*(?:passw(?:or)?d|passphrase|secret|token|credentials?)"
    r"|.*(?:api|access|secret|private|activation|registration|license|auth|encryption|token|consumer|pre-?shared)[_-]?key"
)
_PASSWORD_KEY = re.compile(r"(?i).*passw(?:or)?d")
_HASH = re.compile(r"\$[0-9a-z]+\$")


def secrets(config: Any) -> Iterator[tuple[Path, str]]:
    """The paths of secrets in a cloud-config, as plain values, and what each is. Texts are only looked into where encoded."""
    if not isinstance(config, dict):
        return
    yield from _by_key(config, ())
    chpasswd = config.get("chpasswd")
    if isinstance(chpasswd, dict):
        yield from _logins(chpasswd.get("list"), ("chpasswd", "list"))
    files = config.get("write_files")
    for index, file in enumerate(files if isinstance(files, list) else ()):
        if isinstance(file, dict) and _encoded_secret(file):
            yield ("write_files", index, "content"), _encoded_secret(file)


def _by_key(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            below = (*path, str(key))
            if isinstance(item, dict | list):
                yield from _by_key(item, below)
            elif not _is_random(value) and _is_secret(str(key), item):
                yield below, _what(str(key), str(item))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _by_key(item, (*path, index))


def _is_secret(key: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int) or not _SECRET_KEY.fullmatch(key):
        return False
    text = str(value)
    if _PASSWORD_KEY.fullmatch(key):
        return not (is_locked(text) or is_reference(text))
    return not (is_reference(text) or is_path(text))


def _is_random(user: dict[Any, Any]) -> bool:
    """Whether this is an entry of chpasswd for which cloud-init makes a password up."""
    return user.get("type") == "RANDOM"


def _what(key: str, value: str) -> str:
    return HASH if _HASH.match(value) else f"the value of `{key}`"


def _logins(written: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Lines of `user:password`, of which `R` and `RANDOM` ask for a password to be made up."""
    lines = written.split("\n") if isinstance(written, str) else written if isinstance(written, list) else []
    for index, line in enumerate(lines):
        password = line.partition(":")[2].strip() if isinstance(line, str) else ""
        if password and password not in ("R", "RANDOM") and not is_locked(password) and not is_reference(password):
            yield (*path, index), HASH if _HASH.match(password) else "a password"


def _encoded_secret(file: dict[Any, Any]) -> str:
    """What secret an encoded file holds, or empty. A file that is not encoded is a text like any other."""
    content = file.get("content")
    encoding = str(file.get("encoding", ""))
    if isinstance(content, str) and ("b64" in encoding or "base64" in encoding):
        content = _from_base64(content)
    if isinstance(content, bytes):
        text = _unzipped(content) if encoding.startswith("gz") else content
        return next((f"{found.what}, encoded" for found in sightings(text.decode("utf-8", "replace"))), "")
    return ""


def _from_base64(content: str) -> bytes:
    import binascii

    try:
        return binascii.a2b_base64(content)
    except ValueError:
        return b""


def _unzipped(content: bytes) -> bytes:
    import zlib

    try:
        return zlib.decompressobj(wbits=31).decompress(content, MOST_DECODED)
    except zlib.error:
        return content
