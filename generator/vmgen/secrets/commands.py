"""Find secrets on command lines: an option, or the place in a command, tells which word is one.

A command is a line of a script or a list of words, as `runcmd` takes it: both come here as words.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vmgen.secrets.harmless import is_change_me, is_mixed_word, is_path, is_reference
from vmgen.secrets.names import compile_pattern, is_sensitive_file, is_sensitive_name
from vmgen.secrets.programs import PROGRAMS, Program

COMMAND_DESCRIPTION = "a secret on a command line"
CHPASSWD_DESCRIPTION = "a password for chpasswd"
PASSWD_DESCRIPTION = "a password for passwd"  # noqa: S105 - a description
# A bound for the time of one line: no command has as many words.
MAX_WORDS = 20_000
MIN_FILE_SECRET_LENGTH = 6

# A word of a shell, with its quotes, or what separates commands.
WORD_PATTERN = r"""(?:"(?:\\.|[^"\\]){0,4096}"|'[^']{0,4096}'|\\.|[^\s"'\\|;&<>()])+|\|\|?|&&?|;+|<<<|<<-?|[<>()]"""
_SEPARATORS = {"|", "||", "&", "&&", ";", ";;", "(", ")", "<", ">", "<<", "<<-"}
_PREFIX_WORDS = set("sudo env exec nohup time then do else - doas command if ! while busybox".split())
_ASSIGNMENT = r"[A-Za-z_]\w{0,80}="


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
    "mkpasswd": COMMAND_DESCRIPTION,
    "htpasswd": COMMAND_DESCRIPTION,
    "runas": COMMAND_DESCRIPTION,
    "su": COMMAND_DESCRIPTION,
    "encfs": COMMAND_DESCRIPTION,
    "veracrypt": COMMAND_DESCRIPTION,
    "ecryptfs-add-passphrase": COMMAND_DESCRIPTION,
    "elasticsearch-keystore": COMMAND_DESCRIPTION,
    "elasticsearch-reset-password": COMMAND_DESCRIPTION,
    "logstash-keystore": COMMAND_DESCRIPTION,
    "kibana-keystore": COMMAND_DESCRIPTION,
}
# Words of a command that reads a secret from standard input, and is none of the programs above.
_STDIN_COMMANDS = (
    frozenset({"secret", "create", "-"}),
    frozenset({"gcloud", "secrets"}),
    frozenset({"openssl", "-stdin"}),
    frozenset({"aws", "configure"}),
    frozenset({"zfs", "load-key"}),
    frozenset({"zfs", "keyformat=passphrase"}),
    frozenset({"wg", "pubkey"}),
    frozenset({"systemd-creds", "encrypt"}),
    frozenset({"clevis", "bind"}),
)
_WRITERS = ("echo", "printf", "yes")
_MARKED = {"openssl", "smbclient", "rpcclient", "smbmap", "net", "samba-tool"}
_NAMES = {*PROGRAMS, *_ECHO_DESCRIPTIONS, *_MARKED}
_SETTING_WORDS = {"set", "config", "configure", "setenv", "setx", "put", "--set", "SET"}
_SECRET_STORES = {"secretsmanager", "secrets", "keyvault"}  # `--secret-id` of these is the name of a secret
_STDIN_OPTIONS = {
    "--password-stdin",
    "-S",
    "--stdin",
    "--passphrase-fd",
    "--with-token",
    "--token-stdin",
    "--pass-stdin",
    "--stdin-password",
}


def split_words(line: str) -> list[Word]:
    """Return the words of a command line as a shell splits them, at most MAX_WORDS."""
    words = []
    for match in compile_pattern(WORD_PATTERN).finditer(line):
        text, start, end = match.group(), match.start(), match.end()
        # Marks around quotes are those of the sentence, the list or the mapping around them.
        if ('"' in text or "'" in text) and (text[0] in "{[" or text[-1] in ",:.]}"):
            inner = text.lstrip("{[")
            literal = inner.rstrip(",:.]}")
            if len(literal) >= 2 and literal[0] == literal[-1] and literal[0] in "\"'":
                start += len(text) - len(inner)
                text, end = literal, start + len(literal)
        # Only a word that is quoted as a whole: `"a"b"c"` is the word abc, whose quotes are parts of it here.
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
    yield from _find_in_files(words)


def _find_in_command(words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    while start < end and (words[start] in _PREFIX_WORDS or _is_assignment(words[start])):
        start += 1
    if start >= end:
        return
    yield from _find_by_option(words, start, end)
    if "<<<" in words[start:end] and not _STDIN_OPTIONS.isdisjoint(words[start:end]):
        yield from _check(words, words.index("<<<", start) + 1, 0, COMMAND_DESCRIPTION)
    # A program may stand behind others, as in `docker exec db mysql -p…`.
    starts = [index for index in range(start, end) if _is_program(words, index, start)]
    for first, last in zip(starts, [*starts[1:], end]):
        yield from _find_by_name(_get_program_name(words[first]), words, first, last)


def _is_program(words: Sequence[str], index: int, start: int) -> bool:
    """Return whether a word is the name of a program. Behind another it may be its command, as in `openssl passwd`."""
    name = words[index]
    before = PROGRAMS.get(_get_program_name(words[index - 1]), ()) if index > start else ()
    return _get_program_name(name) in _NAMES and not any(name in program.after for program in before)


def _is_assignment(word: str) -> bool:
    """Return whether a word sets a variable before a command. `ExecStart=/usr/bin/redis-cli` of systemd is the command."""
    return bool(compile_pattern(_ASSIGNMENT).match(word)) and not (_get_program_name(word) in _NAMES and "=/" in word)


def _get_program_name(word: str) -> str:
    return word.rpartition("/")[2].removesuffix(".exe")


def _find_by_name(name: str, words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    for program in PROGRAMS.get(name, ()):
        arguments = words[start + 1 : end]
        has_word = not program.after or any(word in program.after for word in arguments)
        if has_word and (not program.flags or any(compile_pattern(program.flags).fullmatch(word) for word in arguments)):
            for secret in _find_by_program(program, words, start, end):
                text = words[secret.word_index][secret.offset :].strip("\"'")
                if not program.is_mixed or is_mixed_word(text):
                    yield secret
    if name in _MARKED:
        yield from _find_after_marker(words, start, end)
    if "<<<" in words[start:end]:
        value = words.index("<<<", start) + 1
        if name == "chpasswd":
            yield from _check_login(words, value, CHPASSWD_DESCRIPTION)
        elif name in _ECHO_DESCRIPTIONS:
            yield from _check(words, value, 0, _ECHO_DESCRIPTIONS[name])


def _find_by_option(words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    """Find values of options such as `--db-password`, and of names that a command such as `aws configure set` takes."""
    is_setting = not _SETTING_WORDS.isdisjoint(words[start:end])
    for index in range(start, end):
        name, equals, _ = words[index].partition("=")
        if not (name.startswith("-") or is_setting) or name in _STDIN_OPTIONS or not is_sensitive_name(name):
            continue
        if name.endswith(("secret", "secret-id")) and not _SECRET_STORES.isdisjoint(words[start:end]):
            continue
        if equals:
            yield from _check(words, index, len(name) + 1, COMMAND_DESCRIPTION)
        # `SET PASSWORD FOR x` of SQL has its password behind the user.
        elif index + 1 < end and not words[index + 1].startswith("-") and words[index + 1].upper() != "FOR":
            yield from _check(words, index + 1, 0, COMMAND_DESCRIPTION)


def _find_by_program(program: Program, words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    position = 0
    for index in range(start + 1, end):
        word, before = words[index], words[index - 1]
        joined_option = max(
            (option for option in program.joined_options if word.startswith(option) and word != option), key=len, default=""
        )
        if before in program.options:
            yield from _check(words, index, 0, COMMAND_DESCRIPTION)
        elif _is_login_option(before, program):
            yield from _check_login(words, index, COMMAND_DESCRIPTION, mark=program.login_mark)
        elif joined_option and (not word.startswith("--") or joined_option.endswith("=")):
            yield from _check(words, index, len(joined_option), COMMAND_DESCRIPTION)
        else:
            glue = (f"{option}=" if option.startswith("--") else option for option in program.login_options)
            login = next((option for option in glue if word.startswith(option) and word != option), "")
            if login:
                yield from _check_login(words, index, COMMAND_DESCRIPTION, len(login), program.login_mark)
        if not word.startswith("-") and before not in program.arguments:
            position += 1
            if position in program.positions:
                yield from _check(words, index, 0, COMMAND_DESCRIPTION)
            elif position in program.login_positions:
                yield from _check_login(words, index, COMMAND_DESCRIPTION, mark=program.login_mark)


def _is_login_option(word: str, program: Program) -> bool:
    """Return whether the next word is a login. `-sSu` of curl is `-s -S -u`."""
    is_cluster = word[:1] == "-" and word[1:2] != "-" and word[1:].isalpha() and f"-{word[-1]}" == "-u"
    return word in program.login_options or (is_cluster and "-u" in program.login_options)


def _find_after_marker(words: Sequence[str], start: int, end: int) -> Iterator[CommandSecret]:
    """Find `pass:x` of openssl and `user%x` of Samba's clients."""
    for index in range(start + 1, end):
        word = words[index]
        if word.startswith("pass:"):
            yield from _check(words, index, len("pass:"), COMMAND_DESCRIPTION)
        elif words[index - 1] in ("-U", "--user") and "%" in word:
            yield from _check(words, index, word.index("%") + 1, COMMAND_DESCRIPTION)


def _find_piped_secrets(words: Sequence[str]) -> Iterator[CommandSecret]:
    """Find what `echo`, `printf` or `yes` hands to a program that reads a password."""
    pipe = 0
    for index in range(len(words) - 1, -1, -1):  # from the end, so that the next pipe is known at once
        pipe = index if words[index] == "|" else pipe
        if words[index] not in _WRITERS:
            continue
        # Enough for a program with its options; the rest of a long line is another command.
        reader = words[pipe + 1 : pipe + 12] if pipe else ()
        program = next((word for word in reader if word not in _PREFIX_WORDS and not word.startswith("-")), "")
        description = _ECHO_DESCRIPTIONS.get(_get_program_name(program), "")
        is_reader = bool(_STDIN_OPTIONS.intersection(reader)) or any(each.issubset(reader) for each in _STDIN_COMMANDS)
        if (not description and not is_reader) or (words[index] == "yes" and len(words[index + 1]) < MIN_FILE_SECRET_LENGTH):
            continue
        for number in range(index + 1, pipe):
            if words[number] in _SEPARATORS or words[number] in _WRITERS:
                break
            if description == CHPASSWD_DESCRIPTION and (":" in words[number] or number == index + 1):
                yield from _check_login(words, number, description)
            elif not words[number].startswith("-"):
                yield from _check(words, number, 0, description or COMMAND_DESCRIPTION)


def _find_in_files(words: Sequence[str]) -> Iterator[CommandSecret]:
    """Find what `echo` or `printf` writes to a file that is named like a secret: `echo x > /etc/app/db_password`."""
    for index, word in enumerate(words):
        if word not in ("echo", "printf"):
            continue
        end = next((number for number in range(index, min(index + 20, len(words))) if words[number] in _SEPARATORS), 0)
        if not end:
            continue
        if words[end] == ">":
            target = next((each for each in words[end : end + 3] if each != ">"), "")
        else:
            reader = [each for each in words[end + 1 : end + 6] if each not in _PREFIX_WORDS and not each.startswith("-")]
            target = reader[1] if words[end] == "|" and len(reader) > 1 and reader[0] == "tee" else ""
        if is_sensitive_file(target):
            for number in range(index + 1, end):
                if len(words[number]) >= MIN_FILE_SECRET_LENGTH and not re.search(r"\s|\A-|\A%", words[number]):
                    yield from _check(words, number, 0, COMMAND_DESCRIPTION)


def _check_login(
    words: Sequence[str], index: int, description: str, offset: int = 0, mark: str = ":"
) -> Iterator[CommandSecret]:
    """Check the part behind the mark of `user:password`."""
    if index < len(words):
        colon = words[index].find(mark, offset)
        # The colon of an address is no mark of a login.
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
