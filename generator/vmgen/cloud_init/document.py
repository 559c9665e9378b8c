"""The first line of user data, by which cloud-init tells what it is.

A `#cloud-config` as cloud-init reads it (YAML 1.1, PyYAML's safe loader), with the line of every value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import yaml

from vmgen.cloud_init.rules import DUPLICATE_KEY, INVALID_SYNTAX, UNKNOWN_HEADER, KeyPath, UserDataFinding
from vmgen.problems import find_closest

CLOUD_CONFIG_HEADER = "#cloud-config"
JINJA_HEADER = "## template: jinja"
ARCHIVE_HEADER = "#cloud-config-archive"
# cloudinit/handlers/__init__.py, INCLUSION_TYPES_MAP; the longest first, as cloud-init compares them.
_KNOWN_HEADERS = (
    ARCHIVE_HEADER,
    "#cloud-config-jsonp",
    JINJA_HEADER,
    "#cloud-boothook",
    "#include-once",
    "#part-handler",
    CLOUD_CONFIG_HEADER,
    "#include",
    "#!",
)
MIME_HEADER = "MIME"
# cloud-init looks for the header of a MIME message in so many bytes.
_MIME_SEARCH_BYTES = 4096
_KEY_PATTERN = re.compile(r"^[a-z][a-z0-9_-]*:(\s|$)", re.MULTILINE)


def detect_header(text: str) -> str:
    """The header of user data, `MIME` for a message of several parts, or empty where cloud-init knows none."""
    if "mime-version:" in text[:_MIME_SEARCH_BYTES].lower():
        return MIME_HEADER
    start = text[:64].lower()
    return next((known for known in _KNOWN_HEADERS if start.startswith(known)), "")


def check_header(text: str) -> Iterator[UserDataFinding]:
    """What is wrong with the first line."""
    if text[:1].isspace():
        yield UserDataFinding(
            UNKNOWN_HEADER, "begins with a blank or an empty line; the first line must be the header, such as #cloud-config"
        )
    elif not detect_header(text):
        yield UserDataFinding(
            UNKNOWN_HEADER, f"{_describe_first_line(text)}, so cloud-init would ignore all of it; {_suggest_header(text)}"
        )
    elif detect_header(text) == JINJA_HEADER:
        second = text.partition("\n")[2]
        if not detect_header(second) and not second.startswith("{"):
            message = "after `## template: jinja` the next line must be a header, such as #cloud-config"
            yield UserDataFinding(UNKNOWN_HEADER, message, line=1)


def _describe_first_line(text: str) -> str:
    return "the first line is no header of cloud-init's" if text.startswith("#") else "the first line is not a header"


def _suggest_header(text: str) -> str:
    first, _, rest = text.partition("\n")
    for number, line in enumerate(rest.split("\n"), start=2):
        if detect_header(line) and not line.startswith("#!"):
            return f"move `{detect_header(line)}` up from line {number}"
    meant = find_closest(first.strip().lower().replace(" ", ""), (CLOUD_CONFIG_HEADER, "#include", "#cloud-boothook"))
    if first.startswith("#") and meant:
        return f"did you mean `{meant}`?"
    if _KEY_PATTERN.search(text):
        return f"begin with the line `{CLOUD_CONFIG_HEADER}`, or write it as a mapping instead of a text"
    return f"begin with `{CLOUD_CONFIG_HEADER}`, or with `#!/bin/sh` for a script"


MAX_DEPTH = 50
MAX_VALUES = 200_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class TextValue(NamedTuple):
    """A text in a cloud-config: its path, its value, its place; the line after `first` lies at `line + 1` if it is a block."""

    path: KeyPath
    value: str
    line: int
    column: int
    is_block: bool


class CloudConfigDocument(NamedTuple):
    """A cloud-config: its plain values, and the nodes that they came from."""

    data: Any
    root: Any

    def locate(self, path: KeyPath) -> tuple[int, int]:
        """Line and column, from 0, of the value at a path, or of the nearest one above it.

        A number below a text is a line of it.
        """
        node = self.root
        for step in path:
            below = _find_child(node, step)
            if below is None:
                if isinstance(step, int) and _is_block(node):
                    return node.start_mark.line + 1 + step, 0
                break
            node = below
        return node.start_mark.line, node.start_mark.column

    def locate_key(self, path: KeyPath) -> tuple[int, int]:
        """Line and column of the key that ends a path."""
        node = self.root
        for step in path[:-1]:
            node = _find_child(node, step) or node
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value == path[-1]:
                return key.start_mark.line, key.start_mark.column
        return self.locate(path)

    def iter_texts(self) -> Iterator[TextValue]:
        """Every text in it, keys aside."""
        for path, node in _walk_nodes(self.root, ()):
            if isinstance(node, yaml.ScalarNode):
                mark = node.start_mark
                yield TextValue(path, str(node.value), mark.line, mark.column, _is_block(node))


def _is_block(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style == "|"


def _find_child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in reversed(node.value) if str(key.value) == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _walk_nodes(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    yield path, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk_nodes(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _walk_nodes(value, (*path, index))


def parse_document(text: str) -> tuple[CloudConfigDocument | None, list[UserDataFinding]]:
    """The document of a text, and what is wrong with it; None where cloud-init could not read it either."""
    if _is_too_deep(text):
        return None, [UserDataFinding(INVALID_SYNTAX, f"has more than {MAX_DEPTH} levels; simplify it")]
    loader = _LOADER(text)
    try:
        root = loader.get_single_node()
        if root is None:
            return CloudConfigDocument(
                {}, yaml.MappingNode("tag:yaml.org,2002:map", [], _START_MARK, _START_MARK)
            ), []  # comments only
        if _count_expanded(root) > MAX_VALUES:
            return None, [UserDataFinding(INVALID_SYNTAX, "its aliases unfold to too many values; write them out")]
        duplicates = list(_find_duplicate_keys(root))  # before the values are made, for that writes merge keys out
        return CloudConfigDocument(loader.construct_document(root), root), duplicates
    except yaml.MarkedYAMLError as error:
        return None, [_build_syntax_finding(error, text.rstrip().count("\n"))]
    except (yaml.YAMLError, ValueError):
        return None, [
            UserDataFinding(
                INVALID_SYNTAX, "holds a value that no YAML parser takes, such as a date that is none; put it in quotes"
            )
        ]
    finally:
        loader.dispose()


_START_MARK = yaml.Mark("", 0, 0, 0, None, 0)


def _build_syntax_finding(error: yaml.MarkedYAMLError, last: int) -> UserDataFinding:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if line > last:  # what is never closed is missed after the end
        line, column = last, 0
    message = error.problem or "not YAML"
    if "alias" in message or "constructor" in message or "tag" in message:  # these repeat a word of the text
        message = "a plain value cannot begin with '*' or '!'; put it in quotes" if "alias" in message else "an unknown tag"
    elif "single document" in (error.context or ""):
        message = "a second document begins here; cloud-init takes one"
    elif "mapping values are not allowed" in message:
        message += "; quote a text that holds ': '"
    return UserDataFinding(INVALID_SYNTAX, f"not YAML, so cloud-init would ignore all of it: {message}", line, column)


def _is_too_deep(text: str) -> bool:
    """Whether the nesting could exhaust the parser's stack. Only a text with very many openings is counted through."""
    if sum(map(text.count, ("[", "{", "- ", "? ", ": "))) < MAX_DEPTH:
        return False
    depth = 0
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > MAX_DEPTH:
                    return True
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    except yaml.YAMLError:
        return False
    return False


def _count_expanded(root: Any) -> int:
    """How many values there are when every alias is written out; more than the most where an alias holds itself."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if id(node) not in sizes:
            sizes[id(node)] = MAX_VALUES + 1
            children = [part for pair in node.value for part in pair] if isinstance(node, yaml.MappingNode) else node.value
            whole = 1 + sum(map(size, children)) if isinstance(node, yaml.CollectionNode) else 1
            sizes[id(node)] = min(whole, MAX_VALUES + 1)
        return sizes[id(node)]

    return size(root)


def _find_duplicate_keys(root: Any) -> Iterator[UserDataFinding]:
    for path, node in _walk_nodes(root, ()):
        seen: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            if key.value in seen:
                message = f"stands twice, first at line {seen[key.value] + 1} of the text; put both values under one key"
                yield UserDataFinding(DUPLICATE_KEY, message, key.start_mark.line, key.start_mark.column, (*path, key.value))
            seen.setdefault(key.value, key.start_mark.line)
