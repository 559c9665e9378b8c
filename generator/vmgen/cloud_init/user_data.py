"""The user data of a VM: its text, and the way back from a finding in it to the line of the user's file."""

import re
from functools import lru_cache
from pathlib import Path
from string import ascii_lowercase
from typing import Any, NamedTuple, Protocol

import yaml

from vmgen.cloud_init.document import CLOUD_CONFIG_HEADER, UserDataFinding
from vmgen.nameless import FIRST_PLACEHOLDER
from vmgen.problems import Place, Problem
from vmgen.read.located import AmbiguousScalar, KeyPath, Located, format_path
from vmgen.read.repository import Project
from vmgen.secrets.harmless import is_change_me, is_reference
from vmgen.yaml_text import is_plain, to_block

# Any digit but the 0 that a number begins with: YAML 1.1 reads digits after a leading zero as octal.
_VARIABLE_DIGIT = re.compile(r"(?<=[0-9])[0-9]|[1-9]")
_ALIKE_LETTERS = str.maketrans(dict.fromkeys(ascii_lowercase, "a"))
_WORD_WITH_DIGIT = re.compile(r"(?<![A-Za-z0-9_+/=$-])(?=[A-Za-z_+/=$-]*[0-9])[A-Za-z0-9_+/=$-]+")
# A number that is a value by itself, up to the end of a line or item, behind a key, a dash, a bracket, a comma or a quote.
_NUMBER_VALUE = re.compile(
    r"(?:^|[:,\[{'\"]|(?<![^ \t\n])[?-](?=[ \t]))[ \t]*"
    r"([-+]?(?:0[xob][0-9A-Fa-f_]+|[0-9][0-9_:]*(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?))(?=[ \t]*(?:$|[]},'\"#]))",
    re.MULTILINE,
)
_WORD_CHARACTER = re.compile(r"[A-Za-z0-9_+/=]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}")
# Shorter than every token whose form asks for certain digits, and than base64 that is decoded.
_MAX_COUNTED_LENGTH = 15


class UserDataSource(Protocol):
    """The origin of a text of user data."""

    def locate(self, finding: UserDataFinding) -> Place:
        """Return the place in the user's file that a finding in the text is about."""


class UserData(NamedTuple):
    """The user data of one VM, or of all VMs that share it.

    The text is empty if the VM has none, or if it could not be built, as `problems` explain. `source` is None only without a
    text. `name` is the name of the VM if the text was rendered for it alone, else empty. With `for_windows`, cloudbase-init
    reads it. `shape_key` is the `check_key` of texts that differ in names only, if it is known.
    """

    text: str
    subject: str = ""
    source: UserDataSource | None = None
    problems: tuple[Problem, ...] = ()
    name: str = ""
    for_windows: bool = False
    shape_key: tuple[str, ...] = ()

    @property
    def check_key(self) -> tuple[str, ...]:
        """A key of the text: texts with equal keys have the same findings.

        The text with the VM's name and short numbers made alike, and the numbers that are values of YAML, which may be too big.
        """
        if self.shape_key or not self.name:
            return self.shape_key or (self.text,)
        return (self.normalized_text, *_NUMBER_VALUE.findall(self.text))

    @property
    def normalized_text(self) -> str:
        """The text with the VM's name and short numbers made alike.

        The length of a name and of a number stays, and so does a long word: its digits may make a secret of it.
        """
        if not self.name:
            return self.text
        text = self.text
        if is_plain([self.name]) and not is_reference(self.name) and not is_change_me(self.name):
            # A name that needs quotes, or reads as a reference or a placeholder of a secret, may have findings of its own.
            text = _replace_word(text, self.name, normalize_name(self.name))
        return _WORD_WITH_DIGIT.sub(_normalize_word, text)

    def build_problem(self, finding: UserDataFinding) -> Problem:
        """Return a finding in the text as a problem in the user's file."""
        place = self.source.locate(finding) if self.source else Place("")
        subject = f"{self.subject}.{format_path(finding.path)}" if finding.path else self.subject
        return finding.rule.build_problem(place, subject, finding.message, finding.lines)


def _replace_word(text: str, word: str, replacement: str) -> str:
    """Replace a word as a whole, not inside a longer word. To compile a pattern for each word takes longer."""
    first, *others = text.split(word)
    pieces = [first]
    before = first[-1:]
    for number, piece in enumerate(others, start=1):
        after = piece[:1] or (word if number < len(others) else "")
        is_alone = not (_WORD_CHARACTER.match(before) or _WORD_CHARACTER.match(after))
        pieces += (replacement if is_alone else word, piece)
        before = piece[-1:] or word[-1:]
    return "".join(pieces)


def normalize_name(name: str) -> str:
    """Return a name with its letters and numbers made alike."""
    return FIRST_PLACEHOLDER + _VARIABLE_DIGIT.sub("1", name.translate(_ALIKE_LETTERS))


def _normalize_word(match: re.Match[str]) -> str:
    """Return a word with its numbers made alike, unless it could be a token, a hash or a date."""
    word = match.group()
    # `$6$` begins a hash of a password.
    if len(word) > _MAX_COUNTED_LENGTH or "$" in word or _DATE.fullmatch(word):
        return word
    return _VARIABLE_DIGIT.sub("1", word)


class MappingSource(NamedTuple):
    """User data that is written as a mapping of cloud-config keys."""

    located: Located
    project: Project

    def locate(self, finding: UserDataFinding) -> Place:
        """Return the place of the value at the finding's path, or of the nearest value above it."""
        value, rest = _find_deepest(self.located, finding.path)
        if rest:  # the key is missing: the mapping's own key is a better place than its first value
            return value.place
        if finding.inner_line >= 0 and isinstance(value.data, str):
            return _locate_in_block(value.place, finding.inner_line, self.project) or value.place
        return value.key_place or value.place if finding.rule.id.endswith("-key") else value.place


class TextSource(NamedTuple):
    """User data that is written as a text. The lines of a literal block are those of the user data."""

    text_place: Place
    project: Project

    def locate(self, finding: UserDataFinding) -> Place:
        """Return the finding's line in the literal block, or the place of any other text as a whole."""
        return _locate_in_block(self.text_place, finding.line, self.project, finding.column) or self.text_place


class TemplateSource(NamedTuple):
    """User data that a template rendered: the file of the template, its source, and the rendered text."""

    display_path: str
    source: str
    text: str

    def locate(self, finding: UserDataFinding) -> Place:
        """Return the template's line for the line of a finding."""
        return self.locate_rendered(finding.line)

    def locate_rendered(self, line: int) -> Place:
        """Return the template's line for a line (from 0) of the rendered text."""
        return self.locate_line(self.find_line(line))

    def locate_line(self, line: int) -> Place:
        """Return the place of a line (from 0) of the template."""
        return Place(self.display_path, line + 1, 1)

    def find_line(self, line: int) -> int:
        """Return the one template line (from 0) that equals a rendered line, or the one with its key; else the first line."""
        # Jinja keeps no lines of its output, so the line is found by what is written on it.
        rendered_lines = self.text.split("\n")
        text = rendered_lines[line] if line < len(rendered_lines) else ""
        source_lines = self.source.split("\n")
        numbers = [number for number, source_text in enumerate(source_lines) if source_text == text and text.strip()]
        if len(numbers) != 1:
            match = re.match(r"\s*(?:- )?[\w.-]+:", text)
            numbers = [n for n, source_text in enumerate(source_lines) if match and source_text.startswith(match.group())]
        return numbers[0] if len(numbers) == 1 else 0


class InlineTemplateSource(NamedTuple):
    """User data that a template in the environment rendered: the place of its text, and the template."""

    text_place: Place
    project: Project
    template: TemplateSource

    def locate(self, finding: UserDataFinding) -> Place:
        """Return the line of the environment for the line of a finding."""
        return self.locate_rendered(finding.line)

    def locate_rendered(self, line: int) -> Place:
        """Return the line of the environment for a line (from 0) of the rendered text."""
        return self.locate_line(self.template.find_line(line))

    def locate_line(self, line: int) -> Place:
        """Return the place of a line (from 0) of the template, or the place of any other text as a whole."""
        return _locate_in_block(self.text_place, line, self.project) or self.text_place


def _find_deepest(value: Located, path: KeyPath) -> tuple[Located, KeyPath]:
    """Return the value nearest to a path, and the rest of the path. A number below a text is a line of it, not a rest."""
    for index, step in enumerate(path):
        if step not in (value.data if isinstance(value.data, dict) else range(len(value.items))):
            return value, () if isinstance(value.data, str) else path[index:]
        value = value.get_child(step)
    return value, ()


def _locate_in_block(place: Place, line: int, project: Project, column: int = 0) -> Place | None:
    """Return the place of a line (from 0) of the literal block that begins at a place; None if no such block does."""
    path = project.root / place.file
    try:
        lines = _read_lines_cached(project, path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None
    number = place.line + 1 + line
    if not 0 < place.line < number <= len(lines) or not lines[place.line - 1][place.column - 1 :].startswith("|"):
        return None
    block_indent = next((_measure_indent(text) for text in lines[place.line :] if text.strip()), 0)
    return Place(place.file, number, max(_measure_indent(lines[number - 1]), block_indent + column) + 1)


def _measure_indent(line: str) -> int:
    return len(line) - len(line.lstrip())


@lru_cache(maxsize=64)
def _read_lines_cached(project: Project, path: Path, mtime: int) -> tuple[str, ...]:  # noqa: ARG001 - see below
    # The time of its change is a part of the key: with --watch a file is read again once it was saved.
    return tuple(project.read_source(path).decode("utf-8-sig").replace("\r\n", "\n").split("\n"))


def render_cloud_config(cloud_config: Located) -> str:
    """Return a mapping as the text of a `#cloud-config`, with its keys in their own order."""
    values = _resolve_as_yaml11(cloud_config)
    body = to_block(values, 0).lstrip("\n") + "\n" if values else ""
    return f"{CLOUD_CONFIG_HEADER}\n{body}"


def _resolve_as_yaml11(value: Located) -> Any:
    """Return the plain value, with ambiguous scalars read as cloud-init's parser (YAML 1.1) reads them."""
    data = value.data
    if isinstance(data, dict):
        return {key: _resolve_as_yaml11(item) for key, item in data.items()}
    if isinstance(data, tuple):
        return [_resolve_as_yaml11(item) for item in data]
    if not isinstance(data, AmbiguousScalar):
        return data
    try:
        scalar = yaml.safe_load(data)
    except (yaml.YAMLError, ValueError):
        return str(data)
    # `.inf` and `.nan` are no values of JSON, which the schema of cloud-init describes.
    is_finite = isinstance(scalar, bool | int) or (isinstance(scalar, float) and abs(scalar) < float("inf"))
    return scalar if is_finite else str(data)
