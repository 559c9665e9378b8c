"""Find secrets in text: tokens and keys by their format, other values by the name or the command before them."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any, NamedTuple

HASH_DESCRIPTION = "a password hash"
MIN_VALUE_LENGTH = 4  # shorter values after a name are prose, or numbers

# Words that tell that a key holds a secret, for the whole program: as its end when secrets are searched for, anywhere in it
# when values are redacted.
SENSITIVE_WORDS = r"passw(?:or)?d|passphrase|pwd|psk|secret|token|credentials?"
KEY_KINDS = "api|access|private|secret|auth|encryption|account|license|pre-?shared|activation|registration|consumer|token"
SENSITIVE_NAME = rf"(?:(?:\b|[_.-])pass|{SENSITIVE_WORDS}|(?:{KEY_KINDS})[_-]?key)"

_VALUE = r"""(?P<value>"(?:\\.|[^"\\])*"|'[^']*'|[^\s"',;&|]+)"""

# Formats that only secrets have. Those of tokens are documented by their issuers; compare the rules of gitleaks:
# https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml
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
# Names and commands that a secret follows, unless the value is a reference.
_CONTEXT_PATTERNS = (
    ("a login in a URL", r"\b[A-Za-z][A-Za-z0-9+.-]*://[^\s/:@\"'\[\]]*:(?P<value>[^\s/@\"'\[\]]+)@"),
    ("a value of a secret's name", rf"(?i)(?<![A-Za-z0-9])(?P<name>[\w.-]*{SENSITIVE_NAME})[\"']?\s*(?:=>|:=|=|:)\s*{_VALUE}"),
    ("a secret on a command line", rf"(?i)(?<!\S)--?[a-z0-9-]*{SENSITIVE_NAME}(?:=|\s+){_VALUE}"),
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
# In lower case: a line without any of these matches no pattern above. Compiling it takes a third of the time without `(?i)`.
_PREFILTER = re.compile(
    r"pass|pwd|secret|token|[_-]key|[a-z]key|psk|credential|://[^\s/]*@|begin |\$[0-9a-z]+\$|\{s?sha|a[ksbc]ia|gh[pousr]_"
    r"|github_pat|gl[a-z]+-|xox|slack|aiza|k_live|k_test|npm_|pypi-|sg\.|hv[sbr]\.|dckr|do[opr]_v1|hf_|sk-|eyj|mysql|curl|wget"
    r"|-u|--user|usermod|useradd|adduser|net user|authoriz|identified|login|join|bootstrap"
)

# Names that end like those of secrets.
_PUBLIC_NAMES = re.compile(r"(?i)nopasswd|(?:^|[_.-])(?:public|ssh)[_-]?key")
_NAME_SERVICES = {"files", "compat", "systemd", "sss", "ldap", "winbind", "db"}  # `passwd: files` in nsswitch.conf
_PROSE = re.compile(r"[.,;:]? +[A-Za-z]+[.,;:]? +[A-Za-z]")

# What Flux, cloud-init and Jinja replace by a value.
_TEMPLATE_EXPRESSION = re.compile(r"\$\{[^}]*\}|\{\{.*?\}\}|\{%.*?%\}")
# What a shell replaces as well.
_SHELL_EXPANSION = re.compile(r"\$\([^)]*\)?|`[^`]*`?|\$[A-Za-z_]\w*|\$[0-9@*#?!$-]|%[A-Z_]+%")
_PLACEHOLDER = re.compile(r"<[^<>]*>|\[[A-Z_ -]+\]|\W*|(?i:redacted|none|null|nil|true|false|yes|no|on|off|undefined|empty)")
_REPEATED_CHARACTER = re.compile(r"([*xX.?#-])\1+")
_LOCKED_PASSWORDS = ("!", "*", "!!", "!*", "*LK*", "x", "NP")
_FILE_PATH = re.compile(r"(?:file://|~?/|\./|[A-Z]:\\)[\w./\\:~@%+-]+")

# Plugins of detect-secrets that report public keys, checksums and addresses, or names, which are matched above.
_DISABLED_PLUGINS = {"Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector", "KeywordDetector"}
_PUBLIC_KEY = re.compile(r"\b(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]+")
# Loading the library takes a quarter of a second, so it gets only the lines that a plugin could match: those with a login in a
# URL, or with a long word of letters and digits.
_PLUGIN_PREFILTER = re.compile(r"(?i)://[^\s/]*@|(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{24,}")


class SecretMatch(NamedTuple):
    """A secret in a text: the index of its line, from 0, and a description. The value itself is not kept."""

    line: int
    description: str


def find_secrets(text: str) -> Iterator[SecretMatch]:
    """Iterate over the secrets in a text, at most one per line."""
    for index, line in enumerate(text.split("\n")):
        description = match_line(line) if _PREFILTER.search(line.casefold()) else ""
        if description:
            yield SecretMatch(index, description)


@lru_cache(maxsize=65536)  # user data of many VMs repeats its lines
def match_line(line: str) -> str:
    """Return the description of the secret on a line, or nothing."""
    for description, pattern in _compile(_TOKEN_PATTERNS):
        if pattern.search(line):
            return description
    for description, pattern in _compile(_CONTEXT_PATTERNS):
        if any(_is_secret_match(match) for match in pattern.finditer(line)):
            return description
    return ""


def find_secrets_with_plugins(text: str) -> Iterator[SecretMatch]:
    """Iterate over the secrets that detect-secrets finds in a text; none if it is not installed. Nothing is verified online."""
    for index, line in enumerate(text.split("\n")):
        line = _PUBLIC_KEY.sub("", line)
        description = _match_line_with_plugins(line) if _PLUGIN_PREFILTER.search(line) else ""
        if description:
            yield SecretMatch(index, description)


def is_reference(value: str, *, in_shell: bool = False) -> bool:
    """Return whether a value only refers to a secret, or is a placeholder for one.

    With `in_shell`, variables and commands of a shell are references too.
    """
    rest = _TEMPLATE_EXPRESSION.sub("", value)
    if in_shell:
        rest = _SHELL_EXPANSION.sub("", rest)
    rest = rest.strip().strip("\"'").strip()
    return bool(_PLACEHOLDER.fullmatch(rest) or _REPEATED_CHARACTER.fullmatch(rest))


def is_path(value: str) -> bool:
    """Return whether a value names a file, as `/etc/app/token` does."""
    return bool(_FILE_PATH.fullmatch(value.strip("\"'")))


def is_locked_password(value: str) -> bool:
    """Return whether nobody can log in with this value of a password field."""
    return value in _LOCKED_PASSWORDS


@cache
def _compile(patterns: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Compile the patterns for the first line that needs them: that takes longer than most runs search."""
    return tuple((description, re.compile(pattern)) for description, pattern in patterns)


def _is_secret_match(match: re.Match[str]) -> bool:
    value = match["value"].strip("\"'")
    name = match.groupdict().get("name")
    if name is not None and (len(value) < MIN_VALUE_LENGTH or _is_false_positive(name, value) or _is_prose(match)):
        return False
    return not any(is_reference(text, in_shell=True) for text in (value, value.rstrip("}])")))


def _is_false_positive(name: str, value: str) -> bool:
    """Return whether a value after the name of a secret is a path, a flow collection, a tag or a name service."""
    return bool(_PUBLIC_NAMES.search(name)) or is_path(value) or value[0] in "{[|<>&!(" or value in _NAME_SERVICES


def _is_prose(match: re.Match[str]) -> bool:
    """Return whether a comment explains a name instead of giving it a value: more words follow."""
    return match.string.lstrip().startswith("#") and bool(_PROSE.match(match.string, match.end()))


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
        plugins = importlib.import_module("detect_secrets.core.plugins.util")
    except ImportError:
        return ()
    classes = plugins.get_mapping_from_secret_type_to_class().values()
    return tuple(plugin() for plugin in classes if plugin.__name__ not in _DISABLED_PLUGINS)
