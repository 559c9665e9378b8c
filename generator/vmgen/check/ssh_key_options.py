"""The options before a key in authorized_keys: sshd refuses a whole line for one that it does not know."""

import re
from typing import NamedTuple

from vmgen.problems import find_closest

# https://man.openbsd.org/sshd.8#AUTHORIZED_KEYS_FILE_FORMAT, and auth-options.c: names in any case.
_FLAGS = (
    "agent-forwarding",
    "cert-authority",
    "no-agent-forwarding",
    "no-port-forwarding",
    "no-pty",
    "no-touch-required",
    "no-user-rc",
    "no-X11-forwarding",
    "port-forwarding",
    "pty",
    "restrict",
    "user-rc",
    "verify-required",
    "X11-forwarding",
)
# Options with a value, each with the form of the value.
_VALUES = {
    "command": r".+",
    "environment": r"[A-Za-z_]\w*=.*",
    "expiry-time": r"\d{8}(?:\d{4}(?:\d{2})?)?Z?",
    "from": r"\S[^\0]*",
    "permitlisten": r"(?:\S+:)?(?:\d{1,5}|\*)",
    "permitopen": r"\S+:(?:\d{1,5}|\*)",
    "principals": r"\S.*",
    "tunnel": r"\d+|any",
}
_NAMES = {name.lower(): name for name in (*_FLAGS, *_VALUES)}
_OPTION = re.compile(r'(?P<name>[^\s",=]*)(?P<value>="(?:\\.|[^"\\])*"|=[^\s",]*)?')
# What cloud-init puts before the keys of root (disable_root_opts), and other commands that let nobody in.
_REFUSING_COMMAND = r"Please login as the user|(?:^|[/;\s])(?:nologin|false)\s*$|^exit\b"
_PRINTABLE_NAME = r"[A-Za-z][A-Za-z0-9-]{0,30}"
_HOST = r"\|1\||@|\[|.*[.:*]|localhost$"


class KeyOption(NamedTuple):
    """An option with its value, None if it has none."""

    name: str
    value: str | None


def split_options(line: str) -> tuple[tuple[KeyOption, ...], str]:
    """Return the options at the beginning of a line, and the rest of the line.

    Like sshd, take all up to the first blank outside of quotes. A quote that is never closed takes the whole line.
    """
    options: list[KeyOption] = []
    position = 0
    while True:
        match = _OPTION.match(line, position)
        name, value = (match["name"], match["value"]) if match else ("", None)
        if value is not None:
            value = value[1:]  # behind the `=`
            is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
            value = value[1:-1].replace('\\"', '"') if is_quoted else value
        options.append(KeyOption(name, value))
        position = match.end() if match else position
        if line[position : position + 1] != ",":
            break
        position += 1
    if position < len(line) and line[position] not in " \t":
        return tuple(options), ""
    return tuple(options), line[position:].strip()


def describe_fault(options: tuple[KeyOption, ...]) -> str:
    """Return why sshd would refuse a line with these options, or why nobody could use its key; empty if neither."""
    for option in options:
        name = option.name.lower()
        if name not in _NAMES:
            return _describe_unknown(option)
        if name in _VALUES and not option.value:
            return f'has the option {_NAMES[name]} without its value, so sshd refuses the line; write {_NAMES[name]}="..."'
        if name not in _VALUES and option.value is not None:
            return f"has a value after the option {_NAMES[name]}, which takes none, so sshd refuses the line; remove it"
        if option.value is not None and not re.fullmatch(_VALUES[name], option.value, re.DOTALL):
            return f"has a value of the option {_NAMES[name]} that sshd does not take; see AUTHORIZED_KEYS in `man sshd`"
        if name == "command" and re.search(_REFUSING_COMMAND, option.value or ""):
            return "has a command that ends every login, as in root's authorized_keys; write the key alone, without its options"
        if name == "from" and all(pattern.strip().startswith("!") for pattern in (option.value or "").split(",")):
            return "has a `from` that only excludes, so it matches no address; add the addresses that may log in"
    return ""


def _describe_unknown(option: KeyOption) -> str:
    name = option.name
    if re.match(_HOST, name) and option.value is None:
        return "is a line of known_hosts, which names hosts; write the key of a person, the line of a .pub file"
    name_text = f"'{name}'" if re.fullmatch(_PRINTABLE_NAME, name) else "before its type"
    closest = find_closest(name, _NAMES.values())
    hint = f"did you mean {closest}?" if closest else "options stand before the type, with commas and no blanks between"
    return f"has an option {name_text} that sshd does not know, so it refuses the whole line; {hint}"
