"""Hide secrets in values, texts, lines, user data and problems before they are printed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from vmgen.problems import Problem
from vmgen.secrets.names import compile_pattern, is_hidden_name, is_sensitive_name
from vmgen.secrets.patterns import CHANGE_ME_DESCRIPTION, find_spans
from vmgen.secrets.tokens import find_tokens

REDACTED = "***"
_MAX_SUBJECT_LEVELS = 20

_KEY_PREFIX = r"""\s*(?:-\s+)*["']?[\w./-]+["']?:(?=\s)"""
_NAME_BEFORE = r"""["']?([\w.-]{1,80})["']?\s{0,8}\Z"""
_HIDDEN_ASSIGNMENT = r"(?i)passw|phrase|passcode|pwd|psk|secret|token|credential|private|auth|key|pw\Z|(?:\b|_)pass(?:\b|_)"
_PUBLIC_KEY = r"\b((?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]{1,60})[ \t]{1,20}[A-Za-z0-9+/=]{12,}(?P<comment>[ \t][^\"'\]\n]*)?"
_COMMENT_OF_KEY = r"[ \t]+[\w.+-]{1,64}(?:@[\w.-]{1,64})?[ \t]*"
_LOGIN_IN_URL = r"""(?<=://)[^/@\s]{1,400}(?:@[^/@\s"'<>]{1,400})*(?=@)"""
_QUERY_VALUE = r"(?<=[?&])([^=&\s#]{1,200})=[^&\s#\"']*"
# Keys of cloud-init are shown; a word with a digit or a capital may be a value that looks like a key.
_USER_DATA_KEY = r"(\s*(?:- +)*[a-z][a-z_-]{0,40}:)(?:\s+(\S.*))?\s*"
_ANY_KEY = r"(\s*[\w.-]{1,60}:)(?:\s+(\S.*))?\s*"
_BLOCK_START = r"[|>][-+0-9]{0,2}"
_USER_DATA_HEADER = r"#cloud-[a-z-]{1,20}|#include(?:-once)?|#part-handler|## template: jinja|#![\w /.-]{1,60}"
_QUOTED_WORDS = r"(?<=')[^'\s]{1,200}[ \t][^']{1,400}(?=')"
_QUOTED_VALUE = r"'[^']*'|\bthe number \S+"


def redact_value(value: Any, name: str = "") -> Any:
    """Return a value of the same shape without secrets. `name` is the key of the value.

    Text of several lines may be a script, a cloud-config or a key: only its number of lines is returned.
    """
    if isinstance(value, dict):
        return {redact_text(key) if isinstance(key, str) else key: redact_value(item, str(key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact_value(item, name) for item in value]
    # A PIN may be a number; in Python a bool is an int.
    if isinstance(value, int | float) and not isinstance(value, bool) and is_sensitive_name(name):
        return REDACTED
    if not isinstance(value, str) or not value:
        return value
    if "\n" in value:
        lines = value.count("\n") + (not value.endswith("\n"))
        return "1 line" if lines == 1 else f"{lines} lines"
    if compile_pattern(_PUBLIC_KEY).search(value):
        return redact_line(value)
    text = _redact_urls(value)
    return REDACTED if is_hidden_name(name) or _has_secret(text) or _has_secret(f"{name}: {text}") else text


def redact_text(text: str) -> str:
    """Return a text, such as a message, with REDACTED instead of each secret in it."""
    parts, position = [], 0
    # The longest first: spans overlap, and a shorter one would leave the end of a secret.
    for description, start, end in sorted(find_spans(text), key=lambda span: (span.start, -span.end)):
        if end > position and description != CHANGE_ME_DESCRIPTION:
            parts += [text[position : max(start, position)], REDACTED] if start >= position else [REDACTED]
            position = end
    return "".join((*parts, text[position:])) if parts else text


def redact_path(path: str) -> str:
    """Return the path of a file with REDACTED instead of each secret in it, in the names of folders too."""
    path = redact_text(path)
    if not any(mark in path for mark in "=: "):
        return path
    # With its suffix, the value of `DB_PASSWORD=x.yaml` looks like the name of a file, which is no secret.
    parts = (part.rpartition(".") if "." in part else (part, "", "") for part in path.split("/"))
    return "/".join(f"{redact_text(stem)}{dot}{suffix}" for stem, dot, suffix in parts)


def redact_tokens(text: str) -> str:
    """Return an output with REDACTED instead of each token that its format reveals.

    No format contains a quote or a backslash, so that JSON, CSV or HTML stays valid.
    """
    parts, position = [], 0
    for _, start, end in sorted(find_tokens(text), key=lambda token: token.start):
        if start >= position:
            parts += [text[position:start], REDACTED]
            # A private key whose end is missing reaches to the end of the text, and must not take the quote behind it along.
            stops = (text.find(character, start, end) for character in "\n\"'\\<")
            position = min((stop for stop in stops if stop >= 0), default=end)
    return "".join((*parts, text[position:])) if parts else text


def redact_line(line: str) -> str:
    """Return a line of a file without secrets. The body of a private key is not recognised line by line: hide the block."""
    line = compile_pattern(_PUBLIC_KEY).sub(_redact_public_key, _redact_urls(line))
    line = _redact_assignment(line)
    if not _has_secret(line):
        return line
    key = compile_pattern(_KEY_PREFIX).match(line)
    # The key says what was hidden, unless it is itself the secret.
    return f"{key.group()} {REDACTED}" if key and not _has_secret(key.group()) else REDACTED


def redact_user_data_line(line: str, *, is_key: bool = False) -> str:
    """Return a line of user data without its value. With `is_key`, it has the key that holds the user data, in a manifest."""
    if not line.strip() or compile_pattern(_USER_DATA_HEADER).fullmatch(line.strip()):
        return line
    key = compile_pattern(_USER_DATA_KEY).fullmatch(line)
    if is_key:
        key = compile_pattern(_ANY_KEY).fullmatch(line)
    if key and not _has_secret(key[1]):
        return f"{key[1]} {REDACTED}" if key[2] and not compile_pattern(_BLOCK_START).fullmatch(key[2]) else line
    indent = line[: len(line) - len(line.lstrip())]
    return f"{indent}- {REDACTED}" if line.lstrip().startswith("- ") else f"{indent}{REDACTED}"


def redact_problem(problem: Problem) -> Problem:
    """Return a problem without secrets in any of its texts. Below the key of a secret no value is quoted."""
    # A value that a message quotes is a text of its own: `'password x'` begins with the name, the message does not.
    message = redact_text(compile_pattern(_QUOTED_WORDS).sub(lambda match: redact_text(match.group()), problem.message))
    # A message may quote a value that is no secret by its form, such as a short password.
    name = re.split(r"[.\[\]]", problem.subject.rstrip("]0123456789["))[-1]
    if is_sensitive_name(name):
        message = compile_pattern(_QUOTED_VALUE).sub(f"'{REDACTED}'", message)
    return problem._replace(
        place=problem.place._replace(file=redact_path(problem.place.file)),
        subject=redact_subject(problem.subject),
        message=message,
        lines=tuple(map(redact_text, problem.lines)),
    )


@lru_cache(maxsize=1024)  # a plan has the same fields for each VM
def redact_subject(subject: str) -> str:
    """Hide secrets in the path of a value. A key that is a command is one only without the keys before it."""
    subject = redact_text(subject)
    start = 0
    # A path has few levels; each dot or bracket behind them is one of a key.
    for _ in range(_MAX_SUBJECT_LEVELS if " " in subject else 0):
        step = re.compile(r"[.\[]").search(subject, start)
        if step is None:
            break
        start = step.end()
        subject = subject[:start] + redact_text(subject[start:])
    return subject


def _redact_assignment(line: str) -> str:
    """Hide the rest of a line behind the first name that may be that of a secret: `export DB_PASSWORD=x`."""
    last = len(line.rstrip()) - 1
    for index, character in enumerate(line):
        if character in ":=" and index < last:
            name = compile_pattern(_NAME_BEFORE).search(line, max(0, index - 90), index)
            if name and compile_pattern(_HIDDEN_ASSIGNMENT).search(name[1]):
                return f"{line[: index + 1]} {REDACTED}"
    return line


def _redact_public_key(match: re.Match[str]) -> str:
    """Keep the type of a key, and its comment if it is a name such as `ops@shop`."""
    comment = match["comment"] or ""
    is_name = compile_pattern(_COMMENT_OF_KEY).fullmatch(comment) is not None and not _has_secret(comment)
    return f"{match[1]} {REDACTED}{comment if is_name else f' {REDACTED}' if comment.strip() else comment}"


def _has_secret(text: str) -> bool:
    return any(span.description != CHANGE_ME_DESCRIPTION for span in find_spans(text))


def _redact_urls(text: str) -> str:
    if "://" not in text:
        return text
    without_login = compile_pattern(_LOGIN_IN_URL).sub(REDACTED, text)
    return compile_pattern(_QUERY_VALUE).sub(rf"\1={REDACTED}", without_login)
