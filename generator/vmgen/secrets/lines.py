"""Find secrets on one line: a value behind a name, in an address, in a header, in SQL, on a command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache
from typing import NamedTuple

from vmgen.secrets.commands import find_command_secrets, split_words
from vmgen.secrets.encoded import decode_base64
from vmgen.secrets.harmless import is_change_me, is_code, is_path, is_reference
from vmgen.secrets.names import MAX_NAME_LENGTH, SENSITIVE_NAME, is_sensitive_name

MIN_VALUE_LENGTH = 4  # shorter values after a name are prose, or numbers
NAMED_DESCRIPTION = "a value with the name of a secret"
CHANGE_ME_DESCRIPTION = "a placeholder instead of a secret"

_VALUE = r"""(?:\\(?=["']))?(?P<value>"(?:\\.|[^"\\]){0,4096}"?|'[^']{0,4096}'?|[^\s"',;&|]{1,4096})"""
NAMED_PATTERN = rf"""(?i)(?:{SENSITIVE_NAME})\d{{0,2}}(?:\\?["'])?\s{{0,8}}(?:=>|:=|=|:)\s{{0,8}}{_VALUE}"""
# Lines of a name and a value with a blank between, as in the files of Redis, keepalived and OpenLDAP.
WORD_PATTERN = (
    rf"""[ \t]{{0,80}}(?:-[ \t]{{1,8}})?(?P<name>[A-Za-z_][\w.-]{{0,80}})[ \t]{{1,40}}{_VALUE}[ \t]{{0,80}}(?:#.{{0,400}})?\Z"""
)
# Formats of lines whose value is a secret, unless it is a reference: description, words of the line in lower case, pattern.
LINE_FORMATS = (
    ("a login in a URL", ("://",), r"://[^\s/:@\"'\[\]]{0,200}:(?P<value>[^\s/@\"'\[\]]{1,400})@"),
    ("a signature in an address", ("sig",), r"(?i)[?&](?:sig|[a-z-]{0,20}signature)=(?P<value>[^&\s\"'#]{16,800})"),
    (
        "a login in a header",
        ("authoriz",),
        r"(?i)\bauthorization[\"']?\s{0,8}[:=]\s{0,8}[\"']?(?:bearer|basic|token|apikey|splunk)\s{1,8}(?P<value>[\w.~+/=-]{8,2000})",
    ),
    (
        "a password in SQL",
        ("identified", "password"),
        r"(?i)\b(?:identified\s{1,8}(?:with\s{1,8}\S{1,80}\s{1,8})?by|password)\s{1,8}'(?P<value>[^']{1,400})'",
    ),
    ("a login of a netrc file", ("password",), rf"\blogin\s{{1,40}}\S{{1,200}}\s{{1,40}}password\s{{1,40}}{_VALUE}"),
    ("a pre-shared key", ("psk", "xauth", "eap"), r"\b(?:PSK|XAUTH|EAP)\s{1,20}[\"'](?P<value>[^\"']{4,400})[\"']"),
    ("a gossip key", ("encrypt",), r"\bencrypt[\"']?\s{0,8}[:=]\s{0,8}[\"'](?P<value>[A-Za-z0-9+/]{22,43}={1,2})[\"']"),
    (
        "a password in plain text",
        ("convertto-securestring",),
        rf"(?i)ConvertTo-SecureString\s{{1,8}}(?:-String\s{{1,8}})?(?!-){_VALUE}",
    ),
    ("a login of a page", ("stats",), r"\bstats\s{1,20}auth\s{1,20}[^\s:]{1,80}:(?P<value>\S{1,200})"),
    (
        "a login of a request",
        ("auth",),
        r"\bauth\s{0,8}=\s{0,8}\(\s{0,8}[\"'][^\"']{1,80}[\"']\s{0,8},\s{0,8}[\"'](?P<value>[^\"']{1,400})",
    ),
    (
        "a password of a pgpass file",
        (":",),
        r"\A\s{0,80}[\w.*-]{1,200}:(?:\d{2,5}|\*):[\w.*-]{1,80}:[\w.*-]{1,80}:(?P<value>[^\s:]{6,400})\s{0,80}\Z",
    ),
    (
        NAMED_DESCRIPTION,
        ("define",),
        rf"""(?i)\bdefine\s{{0,8}}\(\s{{0,8}}["'][^"']{{0,80}}{SENSITIVE_NAME}["']\s{{0,8}},\s{{0,8}}["'](?P<value>[^"']{{1,400}})["']""",
    ),
    (
        NAMED_DESCRIPTION,
        ('value="',),
        rf"""(?i)(?:key|name)="[^"=]{{0,80}}{SENSITIVE_NAME}"\s{{1,20}}value=(?P<value>"[^"]{{1,400}}")""",
    ),
)
AUTH_PATTERN = (
    r"""(?i)(?<![A-Za-z0-9])_?auth(?:\\?["'])?\s{0,8}[:=]\s{0,8}(?:\\?["'])?(?P<value>[A-Za-z0-9+/_-]{8,800}={0,2})"""
)
BOOTSTRAP_PATTERN = r"(?<![\w.])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.])"
# Words that a line with a secret has one of, in lower case; the others are searched for nothing.
_NAME_WORDS = ("pass", "pwd", "psk", "secret", "token", "credential", "key", "auth", "rootpw", "bindpw", "adminpw", "userpw")
_COMMAND_WORDS = (
    *(*_NAME_WORDS, "user", "login", "alias", "wpa_", "install", "echo", "printf", "unseal", "pass:"),
    *(" -p", " -a", " -w", " -u", " -x", " -b", " -n", "<<<"),
)
_CERTAIN_WORDS = {"requirepass", "masterauth", "auth_pass", "rootpw", "bindpw"}
_CERTAIN_PREFIX = re.compile(r"\s{0,80}sentinel\s{1,20}auth-pass\s{1,20}\S{1,80}\s{1,20}(?P<value>\S{1,400})")
_NAME_SERVICES = {"files", "compat", "systemd", "sss", "ldap", "winbind", "db"}  # `passwd: files` in nsswitch.conf
_PROSE = re.compile(r"[.,;:]? {1,8}[A-Za-z]{1,40}[.,;:]? {1,8}[A-Za-z]")
_WORD_BEFORE = re.compile(r"[\w.-]{0,80}\Z")
_STRONG_VALUE = re.compile(r"(?=[^\d]{0,200}\d|\w{0,200}[^\w\s])\S{6,}")
_KEY_NAME = re.compile(r"[A-Za-z_][A-Za-z_-]{0,60}")


class LineMatch(NamedTuple):
    """A secret on a line: its position and a description."""

    description: str
    start: int
    end: int


@lru_cache(maxsize=65536)  # user data of many VMs repeats its lines
def find_in_line(line: str) -> tuple[LineMatch, ...]:
    """Return the secrets on a line that its words tell. Those that a format tells are for find_tokens()."""
    lowered = line.lower()
    matches = [match for find in _FINDERS for match in find(line, lowered)]
    return tuple(sorted(set(matches), key=lambda match: (match.description == CHANGE_ME_DESCRIPTION, match.start)))


def iter_patterns() -> Iterator[str]:
    """Iterate over the patterns that meet the text of a user, for tests of their speed."""
    yield from (NAMED_PATTERN, WORD_PATTERN, AUTH_PATTERN, BOOTSTRAP_PATTERN)
    yield from (pattern for _, _, pattern in LINE_FORMATS)


def _find_formats(line: str, lowered: str) -> Iterator[LineMatch]:
    for description, words, pattern in LINE_FORMATS:
        if any(word in lowered for word in words):
            for match in compile_pattern(pattern).finditer(line):
                yield from _check_value(description, match)


def _find_named(line: str, lowered: str) -> Iterator[LineMatch]:
    if not any(word in lowered for word in _NAME_WORDS):
        return
    for match in compile_pattern(NAMED_PATTERN).finditer(line):
        before = _WORD_BEFORE.search(line, max(0, match.start() - MAX_NAME_LENGTH), match.start())
        name = (before.group() if before else "") + re.split(r"[\"'\s:=\\]", match.group(), maxsplit=1)[0]
        value = match["value"].strip("\"'")
        if is_sensitive_name(name) and len(value) >= MIN_VALUE_LENGTH and not _is_false_positive(name, value, match):
            yield from _check_value(NAMED_DESCRIPTION, match)


def _find_word_value(line: str, lowered: str) -> Iterator[LineMatch]:
    if not any(word in lowered for word in _NAME_WORDS):
        return
    if match := _CERTAIN_PREFIX.match(line):
        yield from _check_value(NAMED_DESCRIPTION, match)
    match = compile_pattern(WORD_PATTERN).match(line)
    if match and is_sensitive_name(match["name"]):
        value = match["value"].strip("\"'")
        is_certain = match["name"].lower() in _CERTAIN_WORDS
        if is_certain or (_STRONG_VALUE.fullmatch(value) and not _is_false_positive(match["name"], value, match)):
            yield from _check_value(NAMED_DESCRIPTION, match)


def _find_command(line: str, lowered: str, depth: int = 0) -> Iterator[LineMatch]:
    if not any(word in lowered for word in _COMMAND_WORDS):
        return
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


def _find_encoded_login(line: str, lowered: str) -> Iterator[LineMatch]:
    """Find `auth` of Docker's config.json and of npmrc: a login in base64."""
    if "auth" in lowered:
        for match in compile_pattern(AUTH_PATTERN).finditer(line):
            decoded = decode_base64(match["value"])
            if b":" in decoded[1:-1] and decoded.isascii() and decoded.decode().isprintable():
                yield LineMatch("a login, encoded", *match.span("value"))


def _find_bootstrap_token(line: str, lowered: str) -> Iterator[LineMatch]:
    if any(word in lowered for word in ("token", "join", "bootstrap")):
        for match in compile_pattern(BOOTSTRAP_PATTERN).finditer(line):
            yield LineMatch("a bootstrap token", *match.span())


_FINDERS: tuple[Callable[[str, str], Iterator[LineMatch]], ...] = (
    _find_formats,
    _find_named,
    _find_command,
    _find_word_value,
    _find_encoded_login,
    _find_bootstrap_token,
)


@cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Compile a pattern for the first line that needs it."""
    return re.compile(pattern)


def _check_value(description: str, match: re.Match[str]) -> Iterator[LineMatch]:
    """Yield the value of a match, unless it is a reference. A bracket of the format around it is no part of it."""
    value = match["value"].strip("\"'")
    if value and not any(is_reference(text, in_shell=True) for text in (value, value.rstrip("}])"))):
        yield LineMatch(CHANGE_ME_DESCRIPTION if is_change_me(value) else description, *match.span("value"))


def _is_false_positive(name: str, value: str, match: re.Match[str]) -> bool:
    """Return whether a value after a secret's name is a path, code, a flow collection, a tag, a name of a key, or prose."""
    if is_path(value) or is_code(value) or value[0] in "{[|<>&!(" or value in _NAME_SERVICES:
        return True
    if name == "secretKey" and _KEY_NAME.fullmatch(value):  # of an ExternalSecret: the key of the Secret that it fills
        return True
    return match.string.lstrip().startswith("#") and bool(_PROSE.match(match.string, match.end()))
