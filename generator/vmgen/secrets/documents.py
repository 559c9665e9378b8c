"""Find secrets that take several lines to tell: a value below its name, a pair of name and value, a heredoc, an XML element."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from vmgen.secrets.commands import CHPASSWD_DESCRIPTION, MIN_FILE_SECRET_LENGTH, PASSWD_DESCRIPTION
from vmgen.secrets.harmless import is_change_me, is_locked_password, is_path, is_random_looking, is_reference
from vmgen.secrets.line_formats import NAMED_DESCRIPTION
from vmgen.secrets.lines import CHANGE_ME_DESCRIPTION, MIN_VALUE_LENGTH
from vmgen.secrets.names import NAME_WORDS, SENSITIVE_NAME, compile_pattern, is_sensitive_file, is_sensitive_name

_VALUE = r"""["']?(?P<value>[^\s"',;{}\[\]]{4,400})["']?"""
# `<Password><Value>x</Value>` of an answer file of Windows, `<password>x</password>` of others.
XML_PATTERN = (
    rf"(?i)<[\w:.-]{{0,60}}{SENSITIVE_NAME}>\s{{0,200}}(?:<(?:\w{{1,20}}:)?value>\s{{0,40}})?(?:<!\[CDATA\[)?"
    r"(?P<value>[^<>\s\]][^<>\]]{0,400})(?:\]\]>)?</"
)
NETRC_PATTERN = r"\blogin\s{1,40}\S{1,200}\s{1,40}password\s{1,40}(?P<value>\S{1,400})"
HEREDOC_PATTERN = r"<<-?[ \t]{0,8}[\"'\\]?(?P<end>\w{1,60})"
LOGIN_FILE_PATTERN = r"\bchpasswd\b[^\n<]{0,80}<[ \t]{0,8}(?P<file>[^\s;&|<>]{1,200})"
# On both sides of `<<`, for the words of its command.
_MAX_COMMAND_LENGTH = 400
_NAME_OF_PAIR = r"""["']?\b(?:name|key|env|variable)["']?\s{0,8}[:=]\s{0,8}["']?(?P<name>[\w.-]{1,80})["']?"""
_VALUE_OF_PAIR = rf"""["']?\bvalue["']?\s{{0,8}}[:=]\s{{0,8}}{_VALUE}"""
_BETWEEN = r"\s{0,40}[,\n]\s{0,80}"
PAIR_PATTERN = rf"(?i){_NAME_OF_PAIR}{_BETWEEN}{_VALUE_OF_PAIR}"
REVERSED_PAIR_PATTERN = rf"(?i){_VALUE_OF_PAIR}{_BETWEEN}{_NAME_OF_PAIR}"
HCL_PATTERN = (
    r"""(?i)variable[ \t]{1,8}"(?P<name>[\w.-]{1,80})"\s{0,8}\{"""
    rf"""[^{{}}]{{0,200}}\bdefault\s{{0,20}}=\s{{0,20}}{_VALUE}"""
)
_PAIR_WORDS = ("value:", "value=", "value =", 'value"', "value'")
# Hadoop's configuration: <name>x.password</name> <value>x</value>
XML_PAIR_PATTERN = r"<name>\s{0,40}(?P<name>[\w.-]{1,120})\s{0,40}</name>\s{0,80}<value>\s{0,40}(?P<value>[^<>\s]{1,400})"
# Description, words of the text in lower case, pattern.
DOCUMENT_FORMATS = (
    (NAMED_DESCRIPTION, ("</",), XML_PATTERN),
    (NAMED_DESCRIPTION, ("</name>",), XML_PAIR_PATTERN),
    ("a login of a netrc file", ("login",), NETRC_PATTERN),
    (NAMED_DESCRIPTION, _PAIR_WORDS, PAIR_PATTERN),
    (NAMED_DESCRIPTION, _PAIR_WORDS, REVERSED_PAIR_PATTERN),
    (NAMED_DESCRIPTION, ('variable "',), HCL_PATTERN),
)
_PASSWORD_READERS = {"chpasswd": CHPASSWD_DESCRIPTION, "smbpasswd": PASSWD_DESCRIPTION, "passwd": PASSWD_DESCRIPTION}
# A key whose value is on the next line: `password:`, `password: |`, `? password`.
_OPEN_KEY = (
    r"""[ \t]{0,200}(?P<mark>(?:[-?][ \t]{1,8}){0,3})["']?(?P<name>[\w.-]{1,80})["']?[ \t]{0,8}"""
    r"""(?P<colon>:?)[ \t]{0,8}(?P<block>[|>][-+0-9]{0,2})?[ \t]{0,80}\r?"""
)
_LONE_VALUE = (
    r"""[ \t]{0,200}(?P<mark>[-:][ \t]{1,8})?(?P<value>"[^"\s]{4,400}"|'[^'\s]{4,400}'|[^\s"',:]{4,400}),?[ \t]{0,80}\r?"""
)
_OPEN_ENDS = (":", "|", ">", "-", "+")
_LISTS_OF_NAMES = ("secrets", "credentials")


class DocumentMatch(NamedTuple):
    """A secret in a text: its description and position."""

    description: str
    start: int
    end: int


def find_in_document(text: str, lower_text: str) -> Iterator[DocumentMatch]:
    """Iterate over the secrets in a text that more than one line tells. `lower_text` is the text in lower case."""
    for description, words, pattern in DOCUMENT_FORMATS:
        if any(word in lower_text for word in words):
            for match in compile_pattern(pattern).finditer(text):
                value, name = match["value"], match.groupdict().get("name")
                is_named = name is None or is_sensitive_name(name)
                if is_named and not is_reference(value, in_shell=True) and not is_path(value):
                    yield DocumentMatch(CHANGE_ME_DESCRIPTION if is_change_me(value) else description, *match.span("value"))
    yield from _find_below_names(text, lower_text)
    if "<<" in text:
        yield from _find_in_heredocs(text)


def _find_below_names(text: str, lower_text: str) -> Iterator[DocumentMatch]:
    """Find a value on the line below its key, as a scalar, the text of a block, or the first item of a list."""
    if not any(word in lower_text for word in NAME_WORDS):
        return
    start = 0
    key = None
    for line in text.split("\n"):
        value = compile_pattern(_LONE_VALUE).fullmatch(line) if key else None
        if key and value and _is_value_of(key, value, line):
            description = CHANGE_ME_DESCRIPTION if is_change_me(value["value"]) else NAMED_DESCRIPTION
            yield DocumentMatch(description, start + value.start("value"), start + value.end("value"))
        is_open = line.rstrip()[-1:] in _OPEN_ENDS or line.lstrip()[:1] == "?"
        # Two cheap tests first: most lines have their value on the same line.
        candidate = compile_pattern(_OPEN_KEY).fullmatch(line) if is_open and len(line) < 400 else None
        key = candidate if candidate and _is_open_key(candidate) else None
        start += len(line) + 1


def _is_open_key(key: re.Match[str]) -> bool:
    name = key["name"].lower()
    is_key = bool(key["colon"]) or key["mark"].startswith("?")
    # `passwords:` has a list of them, while `secrets:` of a manifest lists names.
    return is_key and (is_sensitive_name(name) or (is_sensitive_name(name.removesuffix("s")) and name not in _LISTS_OF_NAMES))


def _is_value_of(key: re.Match[str], value: re.Match[str], line: str) -> bool:
    text = value["value"].strip("\"'")
    if is_reference(text, in_shell=True) or is_path(text) or len(text) < MIN_VALUE_LENGTH:
        return False
    mark = (value["mark"] or "").strip()
    if key["mark"].startswith("?") and not key["colon"]:
        return mark == ":"
    # A value is further in than its key; a list may begin in the column of its key.
    # https://yaml.org/spec/1.2.2/#82-block-collection-styles
    indent = len(line) - len(line.lstrip())
    if indent <= len(key.string) - len(key.string.lstrip()) and not mark:
        return False
    if key["block"]:
        return not mark
    is_list_of_names = mark == "-" and key["name"].lower() in ("secret", "credential", "credentials")
    return not is_list_of_names and (is_random_looking(text) or value["value"][0] in "\"'")


def _find_in_heredocs(text: str) -> Iterator[DocumentMatch]:
    """Find the lines that a script hands to chpasswd or passwd, or writes to a file that holds a secret: `chpasswd <<EOF`."""
    # Each line is read once, and its end looked for once, however many heredocs begin on it or before it.
    end_of_last = next_line = 0
    for match in compile_pattern(HEREDOC_PATTERN).finditer(text):
        first = text.rfind("\n", max(0, match.start() - _MAX_COMMAND_LENGTH), match.start()) + 1
        first = max(first, match.start() - _MAX_COMMAND_LENGTH)
        if match.start() >= next_line:
            next_line = text.find("\n", match.end()) + 1
        if not next_line or end_of_last >= len(text):
            return
        last = min(next_line, match.end() + _MAX_COMMAND_LENGTH)
        description, is_login = _describe_heredoc(text, text[first:last].replace(">", " > ").split())
        start = max(next_line, end_of_last)
        while description and start < len(text):
            end = text.find("\n", start)
            line = text[start : end if end >= 0 else len(text)]
            end_of_last = start + len(line) + 1
            if line.strip() == match["end"]:
                break
            offset = line.find(":") + 1 if is_login else 0
            value = line[offset:].strip()
            is_word = description != NAMED_DESCRIPTION or (len(value) >= MIN_FILE_SECRET_LENGTH and len(value.split()) == 1)
            if value and is_word and not is_reference(value, in_shell=True) and not is_locked_password(value):
                yield DocumentMatch(description, start + offset, start + len(line))
            start = end_of_last


def _describe_heredoc(text: str, command: list[str]) -> tuple[str, bool]:
    """Return what the lines of a heredoc are, and whether each is a login; nothing if they are no secrets."""
    names = [word.rpartition("/")[2] for word in command]
    description = next((_PASSWORD_READERS[name] for name in names if name in _PASSWORD_READERS), "")
    target = next((command[index + 1] for index in range(len(command) - 1) if command[index] == ">" != command[index + 1]), "")
    if target and target in _list_login_files(text):
        description = CHPASSWD_DESCRIPTION
    if not description and target and is_sensitive_file(target):
        return NAMED_DESCRIPTION, False
    return description, description == CHPASSWD_DESCRIPTION


@lru_cache(maxsize=1)
def _list_login_files(text: str) -> frozenset[str]:
    """Return the files that a script gives to chpasswd: `chpasswd < FILE`."""
    return frozenset(match["file"] for match in compile_pattern(LOGIN_FILE_PATTERN).finditer(text))
