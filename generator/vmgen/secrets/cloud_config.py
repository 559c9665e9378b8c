"""Secrets by the places where cloud-config has them: what a key is called, whatever the value looks like."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vmgen.secrets.patterns import HASH_DESCRIPTION, find_secrets, is_locked_password, is_path, is_reference

KeyPath = tuple[str | int, ...]
MAX_DECODED_BYTES = 1024 * 1024

_SECRET_KEY = re.compile(
    r"(?i)(?:.*[_.-])?(?:pass|psk|private)|.*(?:passw(?:or)?d|passphrase|secret|token|credentials?)"
    r"|.*(?:api|access|secret|private|activation|registration|license|auth|encryption|token|consumer|pre-?shared)[_-]?key"
)
_PASSWORD_KEY = re.compile(r"(?i).*passw(?:or)?d")
_HASH_PREFIX = re.compile(r"\$[0-9a-z]+\$")


def find_cloud_config_secrets(config: Any) -> Iterator[tuple[KeyPath, str]]:
    """The paths of secrets in a cloud-config, as plain values, and what each is. Texts are only looked into where encoded."""
    if not isinstance(config, dict):
        return
    yield from _find_by_key(config, ())
    chpasswd = config.get("chpasswd")
    if isinstance(chpasswd, dict):
        yield from _find_chpasswd_passwords(chpasswd.get("list"), ("chpasswd", "list"))
    files = config.get("write_files")
    for index, file in enumerate(files if isinstance(files, list) else ()):
        if isinstance(file, dict) and _find_encoded_secret(file):
            yield ("write_files", index, "content"), _find_encoded_secret(file)


def _find_by_key(value: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            below = (*path, str(key))
            if isinstance(item, dict | list):
                yield from _find_by_key(item, below)
            elif not _is_random_password(value) and _is_secret_entry(str(key), item):
                yield below, _describe(str(key), str(item))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find_by_key(item, (*path, index))


def _is_secret_entry(key: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int) or not _SECRET_KEY.fullmatch(key):
        return False
    text = str(value)
    if _PASSWORD_KEY.fullmatch(key):
        return not (is_locked_password(text) or is_reference(text))
    return not (is_reference(text) or is_path(text))


def _is_random_password(user: dict[Any, Any]) -> bool:
    """Whether this is an entry of chpasswd for which cloud-init makes a password up."""
    return user.get("type") == "RANDOM"


def _describe(key: str, value: str) -> str:
    return HASH_DESCRIPTION if _HASH_PREFIX.match(value) else f"the value of `{key}`"


def _find_chpasswd_passwords(written: Any, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    """Lines of `user:password`, of which `R` and `RANDOM` ask for a password to be made up."""
    lines = written.split("\n") if isinstance(written, str) else written if isinstance(written, list) else []
    for index, line in enumerate(lines):
        password = line.partition(":")[2].strip() if isinstance(line, str) else ""
        if password and password not in ("R", "RANDOM") and not is_locked_password(password) and not is_reference(password):
            yield (*path, index), HASH_DESCRIPTION if _HASH_PREFIX.match(password) else "a password"


def _find_encoded_secret(file: dict[Any, Any]) -> str:
    """What secret an encoded file holds, or empty. A file that is not encoded is a text like any other."""
    content = file.get("content")
    encoding = str(file.get("encoding", ""))
    if isinstance(content, str) and ("b64" in encoding or "base64" in encoding):
        content = _decode_base64(content)
    if isinstance(content, bytes):
        text = _decompress(content) if encoding.startswith("gz") else content
        return next((f"{found.description}, encoded" for found in find_secrets(text.decode("utf-8", "replace"))), "")
    return ""


def _decode_base64(content: str) -> bytes:
    import binascii

    try:
        return binascii.a2b_base64(content)
    except ValueError:
        return b""


def _decompress(content: bytes) -> bytes:
    import zlib

    try:
        return zlib.decompressobj(wbits=31).decompress(content, MAX_DECODED_BYTES)
    except zlib.error:
        return content
