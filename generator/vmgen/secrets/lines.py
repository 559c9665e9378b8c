"""Find secrets on one line: a value behind a name, in an address, in a header, in SQL, on a command line."""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from vmgen.secrets.commands import find_command_secrets, split_words
from vmgen.secrets.encoded import decode_base64
from vmgen.secrets.harmless import is_change_me, is_code, is_path, is_random_looking, is_reference
from vmgen.secrets.line_formats import (
    AUTH_PATTERN,
    BOOTSTRAP_PATTERN,
    COOKIE_PATTERN,
    EXPECT_PATTERN,
    LINE_FORMATS,
    NAMED_DESCRIPTION,
    NAMED_PATTERN,
    QUOTED_WORD_PATTERN,
    SLASH_IN_URL_PATTERN,
    SUBSTITUTION_PATTERN,
    TOKEN_IN_URL_PATTERN,
    USER_LINE_PATTERN,
    WORD_PATTERN,
)
from vmgen.secrets.names import MAX_NAME_LENGTH, NAME_WORDS, compile_pattern, is_sensitive_name

MIN_VALUE_LENGTH = 4  # shorter values after a name are prose, or numbers
CHANGE_ME_DESCRIPTION = "a placeholder instead of a secret"

_COMMAND_WORDS = (
    *(*NAME_WORDS, "user", "login", "alias", "wpa_", "creds", "install", "echo", "printf", "unseal", "pass:"),
    *(
        " -p",
        " -a",
        " -w",
        " -u",
        " -x",
        " -b",
        " -n",
        " -k",
        " -r",
        "<<<",
        "attach",
        "enroll",
        "/rp",
        "curl",
        "wget",
        "openssl",
        "config ",
        "net use",
        "yes ",
        "radtest",
        "obscure",
        "--value",
        " -t",
        "kv put",
        "kv patch",
        "smbclient",
        "register",
        "/p:",
        "/po:",
        "/pd:",
        " -code",
        "-hmac",
    ),
)
_FORMAT_WORDS = sorted({word for _, words, _ in LINE_FORMATS for word in words})
_CERTAIN_WORDS = {"requirepass", "masterauth", "auth_pass", "rootpw", "bindpw"}
_CERTAIN_PREFIX = r"\s{0,80}(?:sentinel\s{1,20}auth-pass\s{1,20}\S{1,80}|rootpw\s{1,20}--plaintext)\s{1,20}(?P<value>\S{1,400})"
_NAME_SERVICES = {"files", "compat", "systemd", "sss", "ldap", "winbind", "db"}  # `passwd: files` in nsswitch.conf
_PROSE = r"[.,;:]? {1,8}[A-Za-z]{1,40}[.,;:]? {1,8}[A-Za-z]"
_WORD_BEFORE = r"[\w.-]{0,80}\Z"
_STRONG_VALUE = r"(?=[^\d]{0,200}\d|\w{0,200}[^\w\s])\S{6,}"
_KEY_NAME = r"[A-Za-z_][A-Za-z_-]{0,60}|[a-z][a-z0-9]{0,30}(?:[._-][a-z0-9]{1,30}){1,6}"
# What follows `--secret` of these is the name of a secret.
_SECRET_STORE = r"\b(?:secretsmanager|gcloud\s{1,8}secrets|keyvault\s{1,8}secret)\b"  # noqa: S105 - a pattern
# Words of the line in lower case, pattern, description.
_RANDOM_FORMATS = (
    (("://",), TOKEN_IN_URL_PATTERN, "a login in a URL"),
    (("://",), SLASH_IN_URL_PATTERN, "a login in a URL"),
    (("cookie", "curl"), COOKIE_PATTERN, "a cookie"),
    (("send",), EXPECT_PATTERN, "a password of expect"),
    (("user",), USER_LINE_PATTERN, NAMED_DESCRIPTION),
)
_LIST_MARKS = str.maketrans("[],", "   ")


class LineMatch(NamedTuple):
    """A secret on a line: its position and a description."""

    description: str
    start: int
    end: int


@lru_cache(maxsize=65536)  # user data of many VMs repeats its lines
def find_in_line(line: str) -> tuple[LineMatch, ...]:
    """Return the secrets on a line that its words tell. Those that a format tells are for find_tokens()."""
    lower_line = line.lower()
    matches = [match for find in _FINDERS for match in find(line, lower_line)]
    return tuple(sorted(set(matches), key=lambda match: (match.description == CHANGE_ME_DESCRIPTION, match.start)))


def _has_word(lower_line: str, words: Iterable[str]) -> bool:
    """Return whether a line has one of some words. A loop: most lines have none, and any() takes twice as long for them."""
    for word in words:  # noqa: SIM110
        if word in lower_line:
            return True
    return False


def _find_formats(line: str, lower_line: str) -> Iterator[LineMatch]:
    if not _has_word(lower_line, _FORMAT_WORDS):
        return
    for description, words, pattern in LINE_FORMATS:
        if _has_word(lower_line, words):
            for match in compile_pattern(pattern).finditer(line):
                yield from _check_value(description, match)


def _find_named(line: str, lower_line: str) -> Iterator[LineMatch]:
    if not _has_word(lower_line, NAME_WORDS):
        return
    for match in compile_pattern(NAMED_PATTERN).finditer(line):
        before = compile_pattern(_WORD_BEFORE).search(line, max(0, match.start() - MAX_NAME_LENGTH), match.start())
        name = (before.group() if before else "") + re.split(r"[\"'\s:=\\\]%\uff1a]", match.group(), maxsplit=1)[0]
        value = match["value"].strip("\"'")
        if "[" in line[match.start() : match.start("value")]:  # a list: `"passwords": ["x"]`
            name = name.removesuffix("s")
        if is_sensitive_name(name) and len(value) >= MIN_VALUE_LENGTH and not _is_false_positive(name, value, match):
            yield from _check_value(NAMED_DESCRIPTION, match)


def _find_word_value(line: str, lower_line: str) -> Iterator[LineMatch]:
    if not _has_word(lower_line, NAME_WORDS):
        return
    if match := compile_pattern(_CERTAIN_PREFIX).match(line):
        yield from _check_value(NAMED_DESCRIPTION, match)
    match = compile_pattern(WORD_PATTERN).match(line)
    if match and is_sensitive_name(match["name"]):
        value = match["value"].strip("\"'")
        is_certain = match["name"].lower() in _CERTAIN_WORDS
        is_value = is_certain or (
            compile_pattern(_STRONG_VALUE).fullmatch(value) and not _is_false_positive(match["name"], value, match)
        )
        if is_value and not value.startswith("-"):
            yield from _check_value(NAMED_DESCRIPTION, match)


def _find_random_looking(line: str, lower_line: str) -> Iterator[LineMatch]:
    """Find what only a value that nobody would think of makes a secret: a token in an address, the new text of `sed`."""
    for words, pattern, description in _RANDOM_FORMATS:
        if _has_word(lower_line, words):
            for match in compile_pattern(pattern).finditer(line):
                if is_random_looking(match["value"]):
                    yield from _check_value(description, match)
    if _has_word(lower_line, NAME_WORDS):
        for match in compile_pattern(QUOTED_WORD_PATTERN).finditer(line):
            if is_sensitive_name(match["name"]) and is_random_looking(match["value"]):
                yield from _check_value(NAMED_DESCRIPTION, match)
    if "sed" in lower_line or "perl" in lower_line:
        for match in compile_pattern(SUBSTITUTION_PATTERN).finditer(line):
            if is_sensitive_name(match["name"].strip("_@%{}$<>#^")) and is_random_looking(match["value"]):
                yield from _check_value(NAMED_DESCRIPTION, match)


def _find_command(line: str, lower_line: str, depth: int = 0) -> Iterator[LineMatch]:
    if not _has_word(lower_line, _COMMAND_WORDS):
        return
    if "[" in line and ('",' in line or "'," in line):  # a list of words, as CMD of a Dockerfile has it
        yield from _find_command(line.translate(_LIST_MARKS), lower_line, depth)
    words = split_words(line)
    texts = [word.text for word in words]
    for secret in find_command_secrets(texts):
        word = words[secret.word_index]
        description = CHANGE_ME_DESCRIPTION if secret.is_change_me else secret.description
        yield LineMatch(description, word.start + secret.offset, word.end)
    for word in words if depth < 2 else ():
        if " " in word.text and len(words) < 1000:
            for match in _find_command(word.text, word.text.lower(), depth + 1):
                yield match._replace(start=match.start + word.start, end=match.end + word.start)


def _find_encoded_login(line: str, lower_line: str) -> Iterator[LineMatch]:
    """Find `auth` of Docker's config.json and of npmrc: a login in base64."""
    if "auth" in lower_line:
        for match in compile_pattern(AUTH_PATTERN).finditer(line):
            login = decode_base64(match["value"])
            if b":" in login[1:-1] and login.isascii() and login.decode().isprintable():
                yield LineMatch("a login, encoded", *match.span("value"))


def _find_bootstrap_token(line: str, lower_line: str) -> Iterator[LineMatch]:
    if any(word in lower_line for word in ("token", "join", "bootstrap")):
        for match in compile_pattern(BOOTSTRAP_PATTERN).finditer(line):
            yield LineMatch("a bootstrap token", *match.span())


_FINDERS: tuple[Callable[[str, str], Iterator[LineMatch]], ...] = (
    _find_formats,
    _find_named,
    _find_random_looking,
    _find_command,
    _find_word_value,
    _find_encoded_login,
    _find_bootstrap_token,
)


def _check_value(description: str, match: re.Match[str]) -> Iterator[LineMatch]:
    """Yield the value of a match, unless it is a reference. A bracket of the format around it is no part of it."""
    value = match["value"].strip("\"'")
    if value and not any(is_reference(text, in_shell=True) for text in (value, value.rstrip("}])"))):
        yield LineMatch(CHANGE_ME_DESCRIPTION if is_change_me(value) else description, *match.span("value"))


def _is_false_positive(name: str, value: str, match: re.Match[str]) -> bool:
    """Return whether a value after a secret's name is a path, code, a flow collection, a tag, a name of a key, or prose."""
    is_expression = value.startswith(("{{", "{%"))
    if is_path(value) or is_code(value) or (value[0] in "{[|<>&!(" and not is_expression) or value in _NAME_SERVICES:
        return True
    if match["value"].startswith("*") or (
        name.endswith(("secret", "secret-id")) and compile_pattern(_SECRET_STORE).search(match.string)
    ):
        return True
    # Of an ExternalSecret it is the key of the Secret that it fills.
    if name == "secretKey" and compile_pattern(_KEY_NAME).fullmatch(value):
        return True
    return match.string.lstrip().startswith("#") and bool(compile_pattern(_PROSE).match(match.string, match.end()))
