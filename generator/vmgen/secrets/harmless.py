"""Decide whether a value after the name of a secret is none: a reference, a placeholder, a path, a locked password."""

from __future__ import annotations

from vmgen.secrets.names import compile_pattern

MAX_VALUE_LENGTH = 4096
_MIN_MIXED_LENGTH = 8

# What Flux, cloud-init, Jinja and other tools replace by a value.
_TEMPLATE_EXPRESSION = (
    r"\$\{[^{}]{0,200}\}|\{\{[^{}]{0,200}\}\}|\{%[^{}%]{0,200}%\}|%[A-Za-z_]{1,60}%|@@?[A-Z_]{2,60}@@?"
    r"|%\([A-Za-z_]\w{0,60}\)s|#\{[^{}]{0,200}\}#?|<%[^<>]{0,200}%>|\(\([\w./-]{1,80}\)\)"
)
# A template or a shell falls back to this text: `{{ x | default('text') }}`, `{{ 'text' }}`, `${X:-text}`.
_FALLBACK = (
    r"""\$\{\w{1,80}:?[-=](?P<shell>[^{}]{1,200})\}"""
    r"""|\{\{-?[^{}"']{0,80}\|\s{0,8}(?:default|d)\(\s{0,8}["'](?P<default>[^"'{}]{1,200})["'][^{}]{0,80}\}\}"""
    r"""|\{\{-?\s{0,8}["'](?P<literal>[^"'{}]{1,200})["']\s{0,8}(?:\|\s{0,8}(?:b64encode|string|quote|trim|e)\s{0,8})?-?\}\}"""
)
# What a shell replaces as well.
_SHELL_EXPANSION = r"\$\([^()]{0,200}\)?|`[^`]{0,200}`?|\$[A-Za-z_]\w{0,60}|\$[0-9@*#?!$-]"
_PLACEHOLDER = (
    r"<[^<>]{0,200}>|\[[A-Z_ -]{1,60}\]|__[A-Z_]{1,60}__|\W*|(?:%s|\\n){1,40}"
    r"|(?i:redacted|none|null|nil|true|false|yes|no|on|off|undefined|empty|unset|required|optional|prompt|ask|stdin"
    r"|disabled|enabled|default|auto|random|generated|managed|external|include|omit)"
)
_REPEATED_CHARACTER = r"([*xX.?#-])\1+"
_LOCKED_PASSWORDS = ("!", "*", "!!", "!*", "*LK*", "x", "NP")
_FILE_PATH = r"(?:file:(?://)?|~?/|\.\.?/|[A-Z]:\\)[\w./\\:~@%+${}-]{1,400}"
_FILE_NAME = (
    r"[\w-]{1,80}(?:\.[\w-]{1,40})?"
    r"\.(?:pem|key|crt|cer|txt|json|ya?ml|conf|cfg|env|ini|p12|pfx|jks|gpg|asc|pub|sh|service|secret)"
)
# A secret of a vault, by its address; a value that is encrypted for SOPS or Ansible.
_VAULT_REFERENCE = (
    r"(?i)(?:op|vault|awssm|awsps|gcpsm|azkv|akv|bws|doppler|infisical|secret|secrets|ref\+\w{1,20})://\S*|vault:\S*|env:\w+"
    r"|arn:aws[\w-]*:(?:secretsmanager|ssm):\S*|projects/[^/\s]{1,80}/secrets/\S*|@Microsoft\.KeyVault\S*|ENC\[\S*"
    r"|\$ANSIBLE_VAULT\S*"
)
# A program asks for the value: `os.environ["TOKEN"]`, `get_token()`, `config.password`.
_CODE = (
    r"(?s)[A-Za-z_][\w.]{0,80}\(.*|(?:os|process|sys|env|environ|config|cfg|settings|vars|var|local|self|args|secrets|params|values"
    r"|each|module|data|this)\.[\w.]{1,80}(?:\[.*)?|[A-Za-z_]\w{0,40}\[.*"
)
_VARIABLE_NAME = r"[A-Z][A-Z0-9]*_[A-Z0-9_]*"
_CHANGE_ME = (
    r"(?i)(?:please[_-]?)?(?:change|replace)[_-]?(?:me|it|this|now)?(?:[_-]?(?:please|now))?[!.]*|todo|fixme|tbd|placeholder|dummy"
    r"|(?:your|my|insert|enter|put|some)[_-][a-z_-]{2,40}|example|to[_-]be[_-](?:changed|replaced|filled)"
)


def is_reference(value: str, *, in_shell: bool = False) -> bool:
    """Return whether a value only refers to a secret, or is a placeholder that a tool replaces.

    With `in_shell`, variables and commands of a shell are references too.
    """
    value = value[:MAX_VALUE_LENGTH]
    if _is_numbered_word(value):
        return False
    expansion = _resolve_fallbacks(value)
    if expansion != value and is_path(expansion):
        return True
    rest = compile_pattern(_TEMPLATE_EXPRESSION).sub("", expansion)
    if in_shell:
        rest = compile_pattern(_SHELL_EXPANSION).sub("", rest)
    rest = rest.strip().strip("\"'").strip()
    return bool(
        compile_pattern(_PLACEHOLDER).fullmatch(rest)
        or compile_pattern(_REPEATED_CHARACTER).fullmatch(rest)
        or compile_pattern(_VAULT_REFERENCE).fullmatch(rest)
    )


def is_code(value: str) -> bool:
    """Return whether a value is an expression of a program, or the name of a variable in capitals."""
    return bool(
        compile_pattern(_CODE).fullmatch(value[:MAX_VALUE_LENGTH])
        or compile_pattern(_VARIABLE_NAME).fullmatch(value[:MAX_VALUE_LENGTH])
    )


def is_path(value: str) -> bool:
    """Return whether a value names a file, as `/etc/app/token` or `server.key` does."""
    # The last item of a list in one line brings the bracket that closes the list.
    value = value[:MAX_VALUE_LENGTH].strip("\"'").rstrip("]),")
    return bool(compile_pattern(_FILE_PATH).fullmatch(value) or compile_pattern(_FILE_NAME).fullmatch(value))


def is_locked_password(value: str) -> bool:
    """Return whether nobody can log in with this value of a password field."""
    return value in _LOCKED_PASSWORDS


def is_change_me(value: str) -> bool:
    """Return whether a value asks to be replaced, as CHANGEME does. Anyone who forgets to do it has a well-known password."""
    value = value[:MAX_VALUE_LENGTH]
    return not _is_numbered_word(value) and bool(compile_pattern(_CHANGE_ME).fullmatch(_resolve_fallbacks(value).strip("\"'")))


def _is_numbered_word(value: str) -> bool:
    """Return whether a value is a word with a digit, as most names of VMs are: no reference or placeholder is one."""
    letters = value.replace("-", "")
    return letters.isascii() and letters.isalnum() and not letters.isalpha()


def _resolve_fallbacks(value: str) -> str:
    """Return a value with each fallback in the place of its expression, since the fallback is what everybody can read."""
    if "{" not in value:
        return value
    return compile_pattern(_FALLBACK).sub(lambda match: match["shell"] or match["default"] or match["literal"], value)


def is_mixed_word(word: str) -> bool:
    """Return whether a word among names is no name: it looks random, and is longer than such as `app2`."""
    return len(word) >= _MIN_MIXED_LENGTH and is_random_looking(word)


def is_random_looking(value: str) -> bool:
    """Return whether a value mixes digits and letters, and both cases where it has parts, as no name of a thing does."""
    has_parts = any(character in "-_./" for character in value)
    is_mixed = any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    return is_mixed and not (has_parts and (value == value.lower() or value == value.upper()))
