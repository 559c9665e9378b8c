"""Decide by the name of a value, a key or an option, whether it holds a secret."""

from __future__ import annotations

import re
from functools import cache, lru_cache

# Words that end the name of a secret. When values are redacted, a name that has one of them anywhere is enough.
SENSITIVE_WORDS = (
    r"passw(?:or)?d|passphrase|passcode|pwd|psk|secret|token|credentials?|passwort|kennwort|mot[_-]?de[_-]?passe|contrase[nñ]a"
)
# Words before `key` that make it a secret one.
KEY_KINDS = (
    "api|access|private|secret|auth|encryption|account|license|pre-?shared|shared|activation|registration|consumer|token"
    "|signing|master|setup|certificate|unseal|recovery|deploy|session|app(?:lication)?|subscription|ingestion|edge|enroll?ment"
    "|(?:service[_-])?role|gotify|hmac|fernet|luks|nessus|cf|props"
)
SENSITIVE_NAME = (
    rf"(?:(?<![A-Za-z0-9])pass|{SENSITIVE_WORDS}|(?:{KEY_KINDS})[._-]?key(?:[_-]?data)?|client-key-data"
    r"|requirepass|masterauth|(?:root|bind|admin|user|db|pg)pw|(?<![A-Za-z0-9])pw|secret[_-]?id|auth[_-]?pass|authtok(?:en)?"
    r"|(?:store|key|ssh|db|user|root|admin|smtp|mail)pass|rediscli_auth|(?<![A-Za-z0-9])skey|secret[_-]key[_-]base|erlang[_-]cookie"
    r"|(?-i:_PAT)|nuget[_-]?key|password[_-]?salt|oauth2-bearer|gitlab_session|honeycomb-team|jfrog-art-api"
    r"|pass4symmkey)"
)
# Words that such a name has one of, in lower case.
NAME_WORDS = (
    *("pass", "pw", "psk", "secret", "token", "credential", "key", "auth", "kennwort", "mot-de", "mot_de", "motde", "contrase"),
    *("_pat", "cookie", "bearer", "gitlab_session", "honeycomb-team", "jfrog"),
)
MAX_NAME_LENGTH = 80

_SENSITIVE_END = rf"(?i){SENSITIVE_NAME}\d{{0,2}}\Z"
# Names that end like those of secrets, and hold none: public keys, names of Secrets and of keys in them, limits.
_PUBLIC_NAME = (
    r"(?i)nopasswd|(?:\A|[_.-])(?:public|ssh)[_-]?key|(?:existing|pull|tls|external|kube)[_-]?secret\Z"
    r"|(?:\A|[_.-])(?:max|min|num|limit|count|total)[_-]\w*\Z|next[_-]?token\Z"
)
# Broader than the names of reported secrets: hiding too much is harmless. A public key keeps its type and comment, so `key` and
# `sshKeys` can be here.
_HIDDEN_NAME = (
    rf"(?i){SENSITIVE_WORDS}|passw|(?:\b|_)pass(?:\b|_)|private|(?:{KEY_KINDS}).?key|(?:\b|_)key\Z|\Aauth(?!or)"
    r"|requirepass|masterauth|(?:root|bind|admin|user|db)pw|cloudInit\Z|sshKeys\Z"
)

_ACCOUNT_FILES = {"passwd", "nopasswd", "htpasswd", "smbpasswd"}  # a user and more on each line
_PROGRAM_SUFFIXES = {
    "sh",
    "py",
    "service",
    "socket",
    "timer",
    "conf",
    "yaml",
    "yml",
    "json",
    "d",
    "pub",
    "crt",
    "rules",
    "md",
    "j2",
}
_CREDENTIAL_FILES = {"passwd-s3fs", ".passwd-s3fs", ".erlang.cookie", "userlist.txt"}


@cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern for the first text that needs it: all of them take longer than most runs search."""
    return re.compile(pattern)


def is_sensitive_name(name: str) -> bool:
    """Return whether the value of a name is a secret, as that of `db_password` or `--setup-key` is."""
    # The end of a name says what it is, and a bound keeps the search linear.
    name = name[-MAX_NAME_LENGTH:]
    # To a pattern that ignores case, a few characters outside of ASCII are letters of these words.
    if name.isascii() and not any(word in name.lower() for word in NAME_WORDS):
        return False
    return bool(compile_pattern(_SENSITIVE_END).search(name)) and not compile_pattern(_PUBLIC_NAME).search(name)


@lru_cache(maxsize=4096)
def is_hidden_name(name: str) -> bool:
    """Return whether the value of a name is hidden when it is printed, whatever it looks like."""
    return bool(compile_pattern(_HIDDEN_NAME).search(name[-MAX_NAME_LENGTH:]))


def is_sensitive_file(path: str) -> bool:
    """Return whether a file holds a secret and nothing else by its name, as `/etc/app/db_password` or `token.txt`."""
    name = path.replace("\\", "/").rpartition("/")[2].strip("\"'")
    stem, _, suffix = name.rpartition(".")
    if name in _ACCOUNT_FILES or suffix in _PROGRAM_SUFFIXES:
        return False
    # `rsyncd.secrets`, `passwords.txt`; the last letter of `vault_pass` is no plural.
    names = (name, stem, name.removesuffix("s"), stem.removesuffix("s"))
    return name in _CREDENTIAL_FILES or any(map(is_sensitive_name, names))
