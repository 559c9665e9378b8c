"""Find secrets in cloud-config by what their keys are called, whatever the values look like, and in commands that are lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from vmgen.secrets.commands import MIN_FILE_SECRET_LENGTH, find_command_secrets
from vmgen.secrets.encoded import decode_base64, decompress, to_text
from vmgen.secrets.harmless import is_change_me, is_code, is_locked_password, is_mixed_word, is_path, is_reference
from vmgen.secrets.lines import CHANGE_ME_DESCRIPTION
from vmgen.secrets.names import is_sensitive_file, is_sensitive_name
from vmgen.secrets.patterns import HASH_DESCRIPTION, find_secrets

# Like vmgen.read.located.KeyPath, which this folder cannot import: read/ hides secrets in its messages.
_KeyPath = tuple[str | int, ...]

_PRIVATE_KEY = re.compile(r"(?i)(?:.*[_.-])?private")
_PASSWORD_KEY = re.compile(r"(?i).*passw(?:or)?d")
_LOGIN = re.compile(r"\A[\w.@-]{1,80}:")
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
        if isinstance(file, dict) and (description := _find_encoded_secret(file) or _find_whole_file_secret(file)):
            yield ("write_files", index, "content"), description


def _find_by_key(value: Any, path: _KeyPath) -> Iterator[tuple[_KeyPath, str]]:
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, dict | list):
                yield from _find_by_key(item, (*path, str(key)))
            elif value.get("type") != "RANDOM" and _is_secret_entry(str(key), item):  # chpasswd makes those passwords up
                yield (*path, str(key)), _describe(str(item), f"the value of `{key}`")
    elif isinstance(value, list):
        yield from _find_in_command(value, path)
        for index, item in enumerate(value):
            yield from _find_by_key(item, (*path, index))


def _find_in_command(words: list[Any], path: _KeyPath) -> Iterator[tuple[_KeyPath, str]]:
    """Search a list of words that may be a command and its arguments."""
    if len(words) > 1 and all(isinstance(word, str | int | float) for word in words):
        for secret in find_command_secrets([str(word) for word in words]):
            yield (*path, secret.word_index), CHANGE_ME_DESCRIPTION if secret.is_change_me else secret.description


def _is_secret_entry(key: str, value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return False
    if not is_sensitive_name(key) and not _PRIVATE_KEY.fullmatch(key):
        return False
    text = str(value)
    is_harmless = is_locked_password(text) if _PASSWORD_KEY.fullmatch(key) else is_path(text) or is_code(text)
    return not is_harmless and not is_reference(text)


def _describe(value: str, description: str) -> str:
    return HASH_DESCRIPTION if _HASH_PREFIX.match(value) else CHANGE_ME_DESCRIPTION if is_change_me(value) else description


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
        content = decode_base64(content)
    if not isinstance(content, bytes):
        return ""
    content = decompress(content)
    text = to_text(content) or content.decode("utf-8", "replace")
    descriptions = [match.description for match in find_secrets(text) if match.description != CHANGE_ME_DESCRIPTION]
    return f"{descriptions[0].removesuffix(', encoded')}, encoded" if descriptions else ""


def _find_whole_file_secret(file: Mapping[Any, Any]) -> str:
    """Return the description of a file whose name is that of a secret, such as `db_password` or `rsyncd.secrets`.

    Its only word is a secret; of several, which have names of users among them, one that mixes letters and digits.
    """
    path, content = file.get("path"), file.get("content")
    if not isinstance(path, str) or not isinstance(content, str) or not is_sensitive_file(path):
        return ""
    words = content.split()
    if len(words) == 1:
        words = [_LOGIN.sub("", words[0])]
        if len(words[0]) < MIN_FILE_SECRET_LENGTH or is_path(words[0]):
            return ""
    else:
        lines = (line for line in content.splitlines() if not line.lstrip().startswith("#"))
        parts = (part.strip("\"'") for line in lines for part in re.split(r"[\s:]+", line))
        words = list(filter(is_mixed_word, parts))
    word = next((word for word in words if not is_reference(word)), "")
    return _describe(word, f"the content of `{path.rpartition('/')[2]}`") if word else ""
