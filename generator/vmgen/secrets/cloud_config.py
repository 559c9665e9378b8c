"""Find secrets in cloud-config by what their keys are called, whatever the values look like."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from vmgen.secrets.patterns import HASH_DESCRIPTION, SENSITIVE_NAME, find_secrets, is_locked_password, is_path, is_reference

# Like vmgen.read.located.KeyPath, which this folder cannot import: read/ hides secrets in its messages.
_KeyPath = tuple[str | int, ...]

MAX_DECODED_BYTES = 1024 * 1024

_SECRET_KEY = re.compile(rf"(?i).*{SENSITIVE_NAME}|(?:.*[_.-])?private")
_PASSWORD_KEY = re.compile(r"(?i).*passw(?:or)?d")
_HASH_PREFIX = re.compile(r"\$[0-9a-z]+\$")


def find_cloud_config_secrets(config: Any) -> Iterator[tuple[_KeyPath, str]]:
    """Iterate over the secrets in a cloud-config, which is plain data: their paths and descriptions.

    Of texts, only encoded ones are searched; others are for find_secrets().
    """
    if not isinstance(config, dict):
        return
    yield from _find_by_key(config, ())
    chpasswd = config.get("chpasswd")
    if isinstance(chpasswd, dict):
        yield from _find_chpasswd_passwords(chpasswd.get("list"), ("chpasswd", "list"))
    files = config.get("write_files")
    for index, file in enumerate(files if isinstance(files, list) else ()):
        if isinstance(file, dict) and (description := _find_encoded_secret(file)):
            yield ("write_files", index, "content"), description


def _find_by_key(value: Any, path: _KeyPath) -> Iterator[tuple[_KeyPath, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list):
                yield from _find_by_key(item, (*path, str(key)))
            elif value.get("type") != "RANDOM" and _is_secret_entry(str(key), item):  # chpasswd makes those passwords up
                yield (*path, str(key)), _describe(str(item), f"the value of `{key}`")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _find_by_key(item, (*path, index))


def _is_secret_entry(key: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int) or not _SECRET_KEY.fullmatch(key):
        return False
    text = str(value)
    is_harmless = is_locked_password(text) if _PASSWORD_KEY.fullmatch(key) else is_path(text)
    return not is_harmless and not is_reference(text)


def _describe(value: str, description: str) -> str:
    return HASH_DESCRIPTION if _HASH_PREFIX.match(value) else description


def _find_chpasswd_passwords(entries: Any, path: _KeyPath) -> Iterator[tuple[_KeyPath, str]]:
    """Search lines of `user:password`; cloud-init makes a password up for `R` and `RANDOM`."""
    lines = entries.split("\n") if isinstance(entries, str) else entries if isinstance(entries, list) else []
    for index, line in enumerate(lines):
        password = line.partition(":")[2].strip() if isinstance(line, str) else ""
        if password not in ("", "R", "RANDOM") and not is_locked_password(password) and not is_reference(password):
            yield (*path, index), _describe(password, "a password")


def _find_encoded_secret(file: Mapping[Any, Any]) -> str:
    """Return the description of the first secret in an encoded file, or nothing."""
    content = file.get("content")
    encoding = str(file.get("encoding", ""))
    if isinstance(content, str) and ("b64" in encoding or "base64" in encoding):
        content = _decode_base64(content)
    if not isinstance(content, bytes):
        return ""
    text = _decompress(content) if encoding.startswith("gz") else content
    return next((f"{match.description}, encoded" for match in find_secrets(text.decode("utf-8", "replace"))), "")


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
