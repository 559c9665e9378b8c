"""Find secrets on command lines: an option, or the place in a command, tells which word is one.

A command is a line of a script or a list of words, as `runcmd` takes it: both come here as words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import NamedTuple

from vmgen.secrets.harmless import is_change_me, is_path, is_reference
from vmgen.secrets.names import is_sensitive_name

COMMAND_DESCRIPTION = "a secret on a command line"
CHPASSWD_DESCRIPTION = "a password for chpasswd"
PASSWD_DESCRIPTION = "a password for passwd"  # noqa: S105 - a description
MAX_WORDS = 20_000

# A word of a shell, with its quotes, or what separates commands.
WORD_PATTERN = r"""(?:"(?:\\.|[^"\\]){0,4096}"|'[^']{0,4096}'|\\.|[^\s"'\\|;&<>()])+|\|\|?|&&?|;+|<<<|<<-?|[<>()]"""
_SEPARATORS = {"|", "||", "&", "&&", ";", ";;", "(", ")", "<", ">", "<<", "<<-"}
_PREFIX_WORDS = {"sudo", "env", "exec", "nohup", "time", "then", "do", "else", "-", "doas", "command", "if", "!", "while"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w{0,80}=")


class Word(NamedTuple):
    """A word of a command without its quotes, and the position of its text in the line."""

    text: str
    start: int
    end: int


class CommandSecret(NamedTuple):
    """A secret among words: the index of its word, the part of it from `offset` on, and a description."""

    word_index: int
    offset: int
    description: str
    is_change_me: bool = False


class _Program(NamedTuple):
    """Where a program takes a secret: after options, glued to options, as the word of a position, behind a colon of an option.

    Without `after`, always; else only if a word of it precedes. A position counts words that are no options.
    """

    options: tuple[str, ...] = ()
    glued: tuple[str, ...] = ()
    login_options: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()
    after: tuple[str, ...] = ()


_MYSQL = _Program(glued=("-p",))
_REGISTRY = _Program(options=("-p",), glued=("-p=",), after=("login",))
_MONGO = _Program(options=("-p",))
_LDAP = _Program(options=("-w",), glued=("-w",))
_WEB = _Program(options=("--pass",), login_options=("-u", "--user", "--proxy-user", "-U", "-a", "--auth"))
_USERADD = _Program(options=("-p",), glued=("-p=", "-p"))
_MQTT = _Program(options=("-P",))
PROGRAMS: Mapping[str, tuple[_Program, ...]] = {
    **dict.fromkeys(
        (
            "mysql",
            "mysqldump",
            "mysqladmin",
            "mysqlimport",
            "mysqlcheck",
            "mysqlshow",
            "mariadb",
            "mariadb-dump",
            "mariadb-admin",
        ),
        (_MYSQL,),
    ),
    **dict.fromkeys(
        ("docker", "podman", "nerdctl", "buildah", "skopeo", "helm", "crane", "oras", "ctr", "az", "cf", "oc", "ibmcloud"),
        (_REGISTRY,),
    ),
    **dict.fromkeys(
        ("mongo", "mongosh", "mongodump", "mongorestore", "mongoexport", "mongoimport", "influx", "cqlsh", "clickhouse-client"),
        (_MONGO,),
    ),
    **dict.fromkeys(
        (
            "ldapadd",
            "ldapmodify",
            "ldapsearch",
            "ldapdelete",
            "ldappasswd",
            "ldapwhoami",
            "kadmin",
            "ipa-client-install",
            "ipa-replica-install",
        ),
        (_LDAP,),
    ),
    **dict.fromkeys(("curl", "wget", "http", "https", "xh"), (_WEB,)),
    **dict.fromkeys(("useradd", "usermod", "adduser"), (_USERADD,)),
    **dict.fromkeys(("mosquitto_pub", "mosquitto_sub", "sqlcmd", "bcp", "ipmitool", "unzip"), (_MQTT,)),
    "redis-cli": (_Program(options=("-a", "--pass")),),
    "valkey-cli": (_Program(options=("-a", "--pass")),),
    "sshpass": (_Program(options=("-p",), glued=("-p",)),),
    "ipa-server-install": (_Program(options=("-a", "-p")),),
    "ldapsetpasswd": (_Program(options=("-w",)),),
    "htpasswd": (
        _Program(positions=(3,), after=("-b", "-bc", "-cb", "-bB", "-Bb", "-bcB", "-Bbc", "-cbB")),
        _Program(positions=(2,), after=("-nb", "-bn", "-nbB", "-bnB", "-Bbn")),
    ),
    "mosquitto_passwd": (_Program(positions=(3,), after=("-b",)),),
    "net": (_Program(positions=(3,), after=("user",)), _Program(positions=(4,), after=("use",))),
    "rabbitmqctl": (_Program(positions=(3,), after=("add_user", "change_password", "authenticate_user")),),
    "mc": (_Program(positions=(5, 6), after=("alias", "config")),),
    "vault": (_Program(positions=(2,), after=("login", "unseal")), _Program(positions=(3,), after=("unseal",))),
    "wpa_passphrase": (_Program(positions=(2,)),),
    "cloudflared": (_Program(positions=(3,), after=("install",)),),
    "nmcli": (_Program(options=("password", "wifi-sec.psk", "802-11-wireless-security.psk")),),
    "snmpwalk": (_Program(options=("-A", "-X")),),
    "snmpget": (_Program(options=("-A", "-X")),),
    "7z": (_Program(glued=("-p",), after=("a", "x", "e")),),
    "7za": (_Program(glued=("-p",), after=("a", "x", "e")),),
    "zip": (_Program(options=("-P",)),),
}
_ECHO_DESCRIPTIONS = {
    "chpasswd": CHPASSWD_DESCRIPTION,
    "passwd": PASSWD_DESCRIPTION,
    "smbpasswd": COMMAND_DESCRIPTION,
    "pdbedit": COMMAND_DESCRIPTION,
    "kinit": COMMAND_DESCRIPTION,
    "vncpasswd": COMMAND_DESCRIPTION,
    "cryptsetup": COMMAND_DESCRIPTION,
    "saslpasswd2": COMMAND_DESCRIPTION,
    "realm": COMMAND_DESCRIPTION,
}
_MARKED = {"openssl", "smbclient", "rpcclient", "smbmap"}
_NAMES = {*PROGRAMS, *_ECHO_DESCRIPTIONS, *_MARKED}
_SETTING_WORDS = {"set", "config", "configure", "setenv", "setx"}
_STDIN_OPTIONS = {"--password-stdin", "-S", "--stdin", "--passphrase-fd", "--with-token", "--token-stdin", "--pass-stdin"}


@cache
def _compile_words() -> re.Pattern[str]:
    return re.compile(WORD_PATTERN)


def split_words(line: str) -> list[Word]:
    """Return the words of a command line as a shell splits them, at most MAX_WORDS."""
    words = []
    for match in _compile_words().finditer(line):
        text, start, end = match.group(), match.start(), match.end()
        if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
            text, start, end = text[1:-1], start + 1, end - 1
        words.append(Word(text, start, end))
        if len(words) == MAX_WORDS:
            break
    return words


def find_command_secrets(words: Sequence[str]) -> Iterator[CommandSecret]:
    """Iterate over the secrets among the words of a line, which may be several commands."""
    start = 0
    for end in range(len(words) + 1):
        if end == len(words) or words[end] in _SEPARATORS:
            yield from _find_in_command(words, start, end)
            start = end + 1
    yield from _find_piped_secrets(words)


def _find_in_command(words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    while start < end and (words[start] in _PREFIX_WORDS or _ASSIGNMENT.match(words[start])):
        start += 1
    if start >= end:
        return
    yield from _find_by_option(words, start, end)
    # A program may stand behind others, as in `docker exec db mysql -p…`.
    starts = [index for index in range(start, end) if _get_program_name(words[index]) in _NAMES]
    for first, last in zip(starts, [*starts[1:], end]):
        yield from _find_by_name(_get_program_name(words[first]), words, first, last)


def _get_program_name(word: str) -> str:
    return word.rpartition("/")[2].removesuffix(".exe")


def _find_by_name(name: str, words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    for program in PROGRAMS.get(name, ()):
        if not program.after or any(word in program.after for word in words[start + 1 : end]):
            yield from _find_by_program(program, words, start, end)
    if name in _MARKED:
        yield from _find_after_marker(words, start, end)
    if name in _ECHO_DESCRIPTIONS and "<<<" in words[start:end]:
        value = words.index("<<<", start) + 1
        if name == "chpasswd":
            yield from _check_login(words, value, CHPASSWD_DESCRIPTION)
        else:
            yield from _check(words, value, 0, _ECHO_DESCRIPTIONS[name])


def _find_by_option(words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    """Find values of options such as `--db-password`, and of names that a command such as `aws configure set` takes."""
    is_setting = not _SETTING_WORDS.isdisjoint(words[start:end])
    for index in range(start, end):
        name, equals, _ = words[index].partition("=")
        if not is_sensitive_name(name) or not (name.startswith("-") or is_setting):
            continue
        if equals:
            yield from _check(words, index, len(name) + 1, COMMAND_DESCRIPTION)
        elif index + 1 < end and not words[index + 1].startswith("-"):
            yield from _check(words, index + 1, 0, COMMAND_DESCRIPTION)


def _find_by_program(program: _Program, words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    position = 0
    for index in range(start + 1, end):
        word, before = words[index], words[index - 1]
        glued = max((option for option in program.glued if word.startswith(option) and word != option), key=len, default="")
        if before in program.options:
            yield from _check(words, index, 0, COMMAND_DESCRIPTION)
        elif before in program.login_options:
            yield from _check_login(words, index, COMMAND_DESCRIPTION)
        elif glued and not word.startswith("--"):
            yield from _check(words, index, len(glued), COMMAND_DESCRIPTION)
        else:
            login = next(
                (option for option in program.login_options if option.startswith("--") and word.startswith(f"{option}=")), ""
            )
            if login:
                yield from _check_login(words, index, COMMAND_DESCRIPTION, len(login) + 1)
        if not word.startswith("-"):
            position += 1
            if position in program.positions:
                yield from _check(words, index, 0, COMMAND_DESCRIPTION)


def _find_after_marker(words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    """Find `pass:x` of openssl and `user%x` of Samba's clients."""
    for index in range(start + 1, end):
        word = words[index]
        if word.startswith("pass:"):
            yield from _check(words, index, len("pass:"), COMMAND_DESCRIPTION)
        elif words[index - 1] in ("-U", "--user") and "%" in word:
            yield from _check(words, index, word.index("%") + 1, COMMAND_DESCRIPTION)


def _find_piped_secrets(words: Sequence[str]) -> Iterator[CommandSecret]:
    """Find what `echo` or `printf` hands to a program that reads a password."""
    pipe = 0
    for index in range(len(words) - 1, -1, -1):  # from the end, so that the next pipe is known at once
        pipe = index if words[index] == "|" else pipe
        if words[index] not in ("echo", "printf"):
            continue
        reader = words[pipe + 1 : pipe + 12] if pipe else ()
        program = next((word for word in reader if word not in _PREFIX_WORDS and not word.startswith("-")), "")
        description = _ECHO_DESCRIPTIONS.get(_get_program_name(program), "")
        if not description and not _STDIN_OPTIONS.intersection(reader):
            continue
        for number in range(index + 1, pipe):
            if words[number] in _SEPARATORS or words[number] in ("echo", "printf"):
                break
            if description == CHPASSWD_DESCRIPTION:
                yield from _check_login(words, number, description)
            elif not words[number].startswith("-"):
                yield from _check(words, number, 0, description or COMMAND_DESCRIPTION)


def _check_login(words: Sequence[str], index: int, description: str, offset: int = 0) -> Iterator[CommandSecret]:
    """Check the part behind the colon of `user:password`."""
    if index < len(words):
        colon = words[index].find(":", offset)
        if colon >= 0 and not words[index][offset:].startswith(("http://", "https://")):
            yield from _check(words, index, colon + 1, description)


def _check(words: Sequence[str], index: int, offset: int, description: str) -> Iterator[CommandSecret]:
    if index >= len(words):
        return
    value = words[index][offset:].strip("\"'")
    if (
        value
        and value[0] not in "<>&|"
        and not value.isspace()
        and not is_path(value)
        and not is_reference(value, in_shell=True)
    ):
        yield CommandSecret(index, offset, description, is_change_me(value))
