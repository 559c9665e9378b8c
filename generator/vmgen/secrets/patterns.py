"""What stands where a secret could and is none: a reference to it, an open place for it, a locked password.

The shapes that secrets have in text: keys and tokens by their form, values by the name or the command before them.

What the optional library detect-secrets finds besides. Its plugins are asked line by line; nothing is verified online.
"""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any, NamedTuple

# What Flux, cloud-init and Jinja put the value in place of.
_TEMPLATE_EXPRESSION = re.compile(r"\$\{[^}]*\}|\{\{.*?\}\}|\{%.*?%\}")
# What a shell does besides.
_SHELL_EXPANSION = re.compile(r"\$\([^)]*\)?|`[^`]*`?|\$[A-Za-z_]\w*|\$[0-9@*#?!$-]|%[A-Z_]+%")
_PLACEHOLDER = re.compile(r"<[^<>]*>|\[[A-Z_ -]+\]|\W*|(?i:redacted|none|null|nil|true|false|yes|no|on|off|undefined|empty)")
_REPEATED_CHARACTER = re.compile(r"([*xX.?#-])\1+")
_LOCKED_PASSWORDS = ("!", "*", "!!", "!*", "*LK*", "x", "NP")
_FILE_PATH = re.compile(r"(?:file://|~?/|\./|[A-Z]:\\)[\w./\\:~@%+-]+")


def is_reference(value: str, *, in_shell: bool = False) -> bool:
    """Whether a value only says where the secret comes from, or that there is none.

    With `in_shell`, variables and commands of a shell are references too.
    """
    rest = _TEMPLATE_EXPRESSION.sub("", value)
    if in_shell:
        rest = _SHELL_EXPANSION.sub("", rest)
    rest = rest.strip().strip("\"'").strip()
    return bool(_PLACEHOLDER.fullmatch(rest) or _REPEATED_CHARACTER.fullmatch(rest))


def is_path(value: str) -> bool:
    """Whether a value names a file, as `/etc/app/token` does."""
    return bool(_FILE_PATH.fullmatch(value.strip("\"'")))


def is_locked_password(value: str) -> bool:
    """Whether a value of a password field is one that nobody can log in with."""
    return value in _LOCKED_PASSWORDS


HASH_DESCRIPTION = "a password hash"
MIN_VALUE_LENGTH = 4  # shorter values after a name are prose, or numbers


class SecretMatch(NamedTuple):
    """A secret in a text: the index of its line, and what it is. The value itself is not kept."""

    line: int
    description: str


_VALUE = r"""(?P<value>"(?:\\.|[^"\\])*"|'[^']*'|[^\s"',;&|]+)"""
_SECRET_NAME = (
    r"(?:(?:\b|[_.-])pass|pwd|passw(?:or)?d|passphrase|secret|token|psk|credentials?"
    r"|(?:api|access|private|secret|auth|encryption|account|license|pre-?shared)[_-]?key)"
)

# Forms that nothing but a secret has.
_TOKEN_PATTERNS = (
    ("a private key", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File-\d"),
    (HASH_DESCRIPTION, r"(?<![\w$])\$(?:1|2[abxy]?|5|6|7|y|gy|md5|sha1|apr1|argon2(?:id|i|d))\$[./A-Za-z0-9$=,+]{10,}"),
    (HASH_DESCRIPTION, r"\{S?SHA\d*\}\S{20,}"),
    ("an AWS access key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    ("a GitHub token", r"\b(?:gh[pousr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{40,})"),
    ("a GitLab token", r"\bgl(?:pat|ptt|dt|rt|cbt|soat|ft|imt|agent)-[A-Za-z0-9_-]{20,}"),
    ("a Slack token", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9/_-]{20,}"),
    ("a Google API key", r"\bAIza[A-Za-z0-9_-]{35}"),
    ("a Stripe key", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    ("an npm token", r"\bnpm_[A-Za-z0-9]{30,}"),
    ("a PyPI token", r"\bpypi-[A-Za-z0-9_-]{40,}"),
    ("a SendGrid key", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    ("a Vault token", r"\bhv[sbr]\.[A-Za-z0-9_-]{20,}"),
    ("a Docker Hub token", r"\bdckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}"),
    ("a DigitalOcean token", r"\bdo[opr]_v1_[a-f0-9]{40,}"),
    ("a Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    ("a Tailscale key", r"\btskey-[a-z]+-[A-Za-z0-9-]{16,}"),
    ("an API key", r"\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}"),
    ("an age key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{40,}"),
    ("a JSON web token", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    ("an Azure storage key", r"\bAccountKey=[A-Za-z0-9+/]{40,}"),
    ("a bootstrap token", r"(?i:token|join|bootstrap).*(?<![\w.])[a-z0-9]{6}\.[a-z0-9]{16}(?![\w.])"),
)
# Forms in which a name or a command says that the value is one; what is a reference does not count.
_CONTEXT_PATTERNS = (
    ("a login in a URL", r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'\[\]]*:(?P<value>[^\s/@\"'\[\]]+)@"),
    ("a value of a secret's name", rf"(?i)(?<![A-Za-z0-9])(?P<name>[\w.-]*{_SECRET_NAME})[\"']?\s*(?:=>|:=|=|:)\s*{_VALUE}"),
    ("a secret on a command line", rf"(?i)(?<!\S)--?[a-z0-9-]*{_SECRET_NAME}(?:=|\s+){_VALUE}"),
    ("a secret on a command line", rf"\bmysql(?:dump|admin|import)?\b.*\s-p{_VALUE}"),
    ("a secret on a command line", rf"\bsshpass\s+-p\s*{_VALUE}"),
    ("a secret on a command line", r"\b(?:curl|wget|http)\b.*\s(?:-u|--user)[ =]?[\"']?[^\s:\"']+:(?P<value>[^\s\"']+)"),
    ("a secret on a command line", rf"\b(?:useradd|usermod|adduser)\b.*\s-p[ =]?{_VALUE}"),
    ("a secret on a command line", rf"\bhtpasswd\s+-\w*b\w*\s+\S+\s+\S+\s+{_VALUE}"),
    ("a secret on a command line", rf"\bnet\s+user\s+\S+\s+{_VALUE}"),
    ("a password for chpasswd", r"\b(?:echo|printf)\s.*?[\w.-]+:(?P<value>[^\s\"'|]+)[\"']?\s*\|\s*(?:sudo\s+)?chpasswd"),
    ("a password for passwd", rf"\b(?:echo|printf)\s+(?:-\w+\s+)*{_VALUE}\s*\|\s*(?:sudo\s+)?passwd\b"),
    ("a login in a header", r"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?(?:bearer|basic|token)\s+(?P<value>[\w.~+/=-]{8,})"),
    ("a password in SQL", r"(?i)\b(?:identified\s+(?:with\s+\S+\s+)?by|password)\s+'(?P<value>[^']+)'"),
    ("a login of a netrc file", rf"\blogin\s+\S+\s+password\s+{_VALUE}"),
)
# No line without one of these, in small letters, is looked at twice. Compiling it takes a third of what it would with `(?i)`.
_PREFILTER = re.compile(
    r"pass|pwd|secret|token|[_-]key|[a-z]key|psk|credential|://[^\s/]*@|begin |\$[0-9a-z]+\$|\{s?sha|a[ksbc]ia|gh[pousr]_"
    r"|github_pat|gl[a-z]+-|xox|slack|aiza|k_live|k_test|npm_|pypi-|sg\.|hv[sbr]\.|dckr|do[opr]_v1|hf_|sk-|eyj|mysql|curl|wget"
    r"|-u|--user|usermod|useradd|adduser|net user|authoriz|identified|login|join|bootstrap"
)
_PUBLIC_NAMES = re.compile(r"(?i)nopasswd|(?:^|[_.-])(?:public|ssh)[_-]?key")
_PROSE = re.compile(r"[.,;:]? +[A-Za-z]+[.,;:]? +[A-Za-z]")
# `passwd:` of nsswitch.conf.
_NAME_SERVICES = {"files", "compat", "systemd", "sss", "ldap", "winbind", "db"}


def find_secrets(text: str) -> Iterator[SecretMatch]:
    """The secrets in a text, at most one a line. Texts share their lines: each distinct line is looked at once."""
    for number, line in enumerate(text.split("\n")):
        what = match_line(line) if _PREFILTER.search(line.casefold()) else ""
        if what:
            yield SecretMatch(number, what)


@lru_cache(maxsize=65536)
def match_line(line: str) -> str:
    """What secret stands on a line; empty where there is none."""
    for what, pattern in _compile(_TOKEN_PATTERNS):
        if pattern.search(line):
            return what
    for what, pattern in _compile(_CONTEXT_PATTERNS):
        if any(_is_secret_match(found) for found in pattern.finditer(line)):
            return what
    return ""


@cache
def _compile(shapes: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The patterns, compiled for the first line that is looked at: that takes longer than most runs look."""
    return tuple((what, re.compile(pattern)) for what, pattern in shapes)


def _is_secret_match(found: re.Match[str]) -> bool:
    value = found["value"].strip("\"'")
    named = found.groupdict().get("name")
    if named is not None and (len(value) < MIN_VALUE_LENGTH or _is_false_positive(named, value) or _is_prose(found)):
        return False
    return not any(is_reference(each, in_shell=True) for each in (value, value.rstrip("}])")))


def _is_prose(found: re.Match[str]) -> bool:
    """Whether a name in a comment is explained rather than given a value: more words follow."""
    return found.string.lstrip().startswith("#") and bool(_PROSE.match(found.string, found.end()))


def _is_false_positive(name: str, value: str) -> bool:
    """Whether a value only looks like a secret for its name: a path, a flow collection, a tag, a name service."""
    return bool(_PUBLIC_NAMES.search(name)) or is_path(value) or value[0] in "{[|<>&!(" or value in _NAME_SERVICES


# A public key, a checksum and an address are no secrets, and these take them for one; the shapes look at names themselves.
_DISABLED_PLUGINS = {"Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector", "KeywordDetector"}
_PUBLIC_KEY = re.compile(r"\b(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]+")
# To load the library takes a quarter of a second, so it is asked only about lines that could interest a plugin: those with
# a login in a URL, or with a long word of letters and digits.
_PLUGIN_PREFILTER = re.compile(r"(?i)://[^\s/]*@|(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{24,}")


def plugin_version() -> str:
    """Which copy of the library is asked; empty where none is. Another one may find more, or less."""
    found = find_spec("detect_secrets")
    return f"{found.origin} {os.stat(found.origin).st_mtime_ns}" if found and found.origin else ""


def find_secrets_with_plugins(text: str) -> Iterator[SecretMatch]:
    """The secrets that the library sees in a text; none where it is not installed."""
    for number, line in enumerate(text.split("\n")):
        asked = _PUBLIC_KEY.sub("", line)
        if _PLUGIN_PREFILTER.search(asked):
            what = _match_line_with_plugins(asked)
            if what:
                yield SecretMatch(number, what)


@lru_cache(maxsize=65536)
def _match_line_with_plugins(line: str) -> str:
    for plugin in _load_plugins():
        for secret in plugin.analyze_line(filename="cloud-init", line=line, line_number=1):
            value = secret.secret_value or ""
            if value and not is_reference(value, in_shell=True) and not is_path(value):
                return f"what detect-secrets calls {secret.type}"
    return ""


@cache
def _load_plugins() -> tuple[Any, ...]:
    try:
        known = importlib.import_module("detect_secrets.core.plugins.util")
    except ImportError:
        return ()
    classes = known.get_mapping_from_secret_type_to_class().values()
    return tuple(each() for each in classes if each.__name__ not in _DISABLED_PLUGINS)
