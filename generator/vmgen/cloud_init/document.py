"""The text of user data: its header, which tells cloud-init what it is, and the YAML of a `#cloud-config`.

A cloud-config is parsed as cloud-init parses it (YAML 1.1, PyYAML's safe loader); each value keeps its line.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import yaml

from vmgen.cloud_init.rules import DUPLICATE_KEY, INVALID_SYNTAX, UNKNOWN_HEADER
from vmgen.problems import find_closest
from vmgen.read.located import KeyPath
from vmgen.rules import Rule

CLOUD_CONFIG_HEADER = "#cloud-config"
JINJA_HEADER = "## template: jinja"
ARCHIVE_HEADER = "#cloud-config-archive"
JSON_PATCH_HEADER = "#cloud-config-jsonp"
INCLUDE_HEADER = "#include"
INCLUDE_ONCE_HEADER = "#include-once"
BOOTHOOK_HEADER = "#cloud-boothook"
PART_HANDLER_HEADER = "#part-handler"
SCRIPT_HEADER = "#!"
MIME_HEADER = "MIME"
# cloudinit/handlers/__init__.py, INCLUSION_TYPES_MAP; the longest first, as cloud-init compares them.
_KNOWN_HEADERS = (
    ARCHIVE_HEADER,
    JSON_PATCH_HEADER,
    JINJA_HEADER,
    BOOTHOOK_HEADER,
    INCLUDE_ONCE_HEADER,
    PART_HANDLER_HEADER,
    CLOUD_CONFIG_HEADER,
    INCLUDE_HEADER,
    SCRIPT_HEADER,
)
# cloud-init searches this many bytes for the header of a MIME message.
_MIME_SEARCH_BYTES = 4096
# The first line of a message (email.feedparser): without one, all of the text is the body, and its own header decides.
_MULTIPART = re.compile(r"content-type:[ \t]*multipart/", re.IGNORECASE)
_MIME_FIRST_LINE = re.compile(r"From |[!-9;-~]+:|[ \t]")
_WINDOWS_SCRIPT = re.compile(r"rem\s+cmd\s|#ps1(?:_sysnative|_x86)?\s")
_KEY_PATTERN = re.compile(r"^[a-z][a-z0-9_-]*:(\s|$)", re.MULTILINE)

MAX_DEPTH = 50
MAX_VALUES = 200_000
# The loader of libyaml where PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class UserDataFinding(NamedTuple):
    """A breach of a rule in a text of user data.

    `line` and `column` count from 0 in the text. `path` is the key of the cloud-config, empty if there is none. `inner_line`
    is the line within the value at `path`, -1 for the value as a whole. `lines` are printed below the message.
    """

    rule: Rule
    message: str
    line: int = 0
    column: int = 0
    path: KeyPath = ()
    inner_line: int = -1
    lines: tuple[str, ...] = ()


def detect_header(text: str) -> str:
    """Return the header of user data, `MIME` for a multipart message, or empty if cloud-init knows none."""
    if "mime-version:" in text[:_MIME_SEARCH_BYTES].lower() and _MIME_FIRST_LINE.match(text):
        return MIME_HEADER
    start = text[:64].lower()
    return next((header for header in _KNOWN_HEADERS if start.startswith(header)), "")


def check_header(text: str) -> Iterator[UserDataFinding]:
    """Check the first line of user data, and the second where the first announces a Jinja template."""
    header = detect_header(text)
    if text[:1].isspace():
        message = "begins with a blank or an empty line; the first line must be the header, such as #cloud-config"
        yield UserDataFinding(UNKNOWN_HEADER, message)
    elif not header:
        subject = "the first line is not a header of cloud-init" if text.startswith("#") else "the first line is not a header"
        message = f"{subject}, so cloud-init would ignore all of it; {_suggest_header(text)}"
        yield UserDataFinding(UNKNOWN_HEADER, message)
    elif header == JINJA_HEADER:
        template = text.partition("\n")[2]
        if not detect_header(template) and not template.startswith("{"):
            message = "after `## template: jinja` the next line must be a header, such as #cloud-config"
            yield UserDataFinding(UNKNOWN_HEADER, message, line=1)


def _suggest_header(text: str) -> str:
    first, _, rest = text.partition("\n")
    if _WINDOWS_SCRIPT.match(text):
        return "it belongs to cloudbase-init, for a VM whose `instanceProfile` is for Windows"
    if _MULTIPART.match(text):
        return "a MIME message begins with `MIME-Version: 1.0`; add this line at the top"
    for number, line in enumerate(rest.split("\n"), start=2):
        if detect_header(line) and not line.startswith("#!"):
            return f"move `{detect_header(line)}` up from line {number}"
    closest = find_closest(first.strip().lower().replace(" ", ""), (CLOUD_CONFIG_HEADER, "#include", "#cloud-boothook"))
    if first.startswith("#") and closest:
        return f"did you mean `{closest}`?"
    if _KEY_PATTERN.search(text):
        return f"begin with the line `{CLOUD_CONFIG_HEADER}`, or write it as a mapping instead of a text"
    return f"begin with `{CLOUD_CONFIG_HEADER}`, or with `#!/bin/sh` for a script"


class TextValue(NamedTuple):
    """A text in a cloud-config, with its position from 0. The text of a literal block begins at `line + 1`."""

    path: KeyPath
    value: str
    line: int
    column: int
    is_block: bool


class CloudConfigDocument(NamedTuple):
    """A parsed cloud-config: its plain values, and the YAML nodes that they come from."""

    data: Any
    root: Any

    def locate(self, path: KeyPath) -> tuple[int, int]:
        """Return line and column, from 0, of the value at a path, or of the nearest value above it.

        A number below a literal block is a line of that block.
        """
        node = self.root
        for step in path:
            child = _find_child(node, step)
            if child is None:
                if isinstance(step, int) and _is_block(node):
                    return node.start_mark.line + 1 + step, 0
                break
            node = child
        return node.start_mark.line, node.start_mark.column

    def locate_key(self, path: KeyPath) -> tuple[int, int]:
        """Return line and column, from 0, of the key that ends a path."""
        node = self.root
        for step in path[:-1]:
            node = _find_child(node, step) or node
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.value == path[-1]:
                return key.start_mark.line, key.start_mark.column
        return self.locate(path)

    def locate_text(self, path: KeyPath) -> tuple[int, bool]:
        """Return the line, from 0, at which the text at a path begins, and whether its lines are lines of the document."""
        node = self.root
        for step in path:
            node = _find_child(node, step)
        return node.start_mark.line + _is_block(node), _is_block(node)

    def get_value(self, path: KeyPath) -> Any:
        """Return the plain value at a path; None if there is none."""
        value = self.data
        for step in path:
            if isinstance(value, dict):
                value = next((item for key, item in value.items() if str(key) == str(step)), None)
            else:
                value = value[step] if isinstance(value, list) and isinstance(step, int) and step < len(value) else None
        return value

    def get_source(self, path: KeyPath) -> str:
        """Return a scalar as it is written; empty if the value is none."""
        node = self.root
        for step in path:
            node = _find_child(node, step)
        return str(node.value) if isinstance(node, yaml.ScalarNode) else ""

    def iter_texts(self) -> Iterator[TextValue]:
        """Yield every scalar value as text; keys are left out."""
        for path, node in _walk_nodes(self.root, ()):
            if isinstance(node, yaml.ScalarNode):
                mark = node.start_mark
                yield TextValue(path, str(node.value), mark.line, mark.column, _is_block(node))


def parse_document(text: str) -> tuple[CloudConfigDocument | None, list[UserDataFinding]]:
    """Parse a text as one YAML document. None if cloud-init could not read it either, as the findings explain."""
    if _is_too_deep(text):
        return None, [UserDataFinding(INVALID_SYNTAX, f"has more than {MAX_DEPTH} levels; simplify it")]
    loader = _LOADER(text)
    try:
        root = loader.get_single_node() or yaml.compose("{}")  # a text of comments has no node
        if _count_expanded(root) > MAX_VALUES:
            return None, [UserDataFinding(INVALID_SYNTAX, "its aliases expand to too many values; write them out")]
        duplicates = list(_find_duplicate_keys(root))  # first, since construct_document replaces merge keys in the nodes
        return CloudConfigDocument(loader.construct_document(root), root), duplicates
    except yaml.MarkedYAMLError as error:
        return None, [_build_syntax_finding(error, text.rstrip().count("\n"))]
    except (yaml.YAMLError, ValueError):
        message = "contains a value that no YAML parser accepts, such as an invalid date; quote it"
        return None, [UserDataFinding(INVALID_SYNTAX, message)]
    finally:
        loader.dispose()


def _is_too_deep(text: str) -> bool:
    """Return True if the nesting could exhaust the parser's stack. Only a text with many openings is parsed for it."""
    if sum(map(text.count, ("[", "{", "- ", "? ", ": "))) < MAX_DEPTH:
        return False
    depth = 0
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=_LOADER):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                return True
    return False


def _count_expanded(root: Any) -> int:
    """Return the number of values with every alias written out, at most MAX_VALUES + 1."""
    counts: dict[int, int] = {}

    def count(node: Any) -> int:
        if id(node) not in counts:
            counts[id(node)] = MAX_VALUES + 1  # an alias that holds itself finds this
            children = [child for pair in node.value for child in pair] if isinstance(node, yaml.MappingNode) else node.value
            total = 1 + sum(map(count, children)) if isinstance(node, yaml.CollectionNode) else 1
            counts[id(node)] = min(total, MAX_VALUES + 1)
        return counts[id(node)]

    return count(root)


def _find_duplicate_keys(root: Any) -> Iterator[UserDataFinding]:
    for path, node in _walk_nodes(root, ()):
        first_lines: dict[str, int] = {}
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key, yaml.ScalarNode) or key.tag == "tag:yaml.org,2002:merge":
                continue
            mark = key.start_mark
            if key.value in first_lines:
                first = f"is a duplicate key, first at line {first_lines[key.value] + 1} of the text"
                message = f"{first}; cloud-init would use this one and drop the first: put both values under one key"
                yield UserDataFinding(DUPLICATE_KEY, message, mark.line, mark.column, (*path, key.value))
            first_lines.setdefault(key.value, mark.line)


def _build_syntax_finding(error: yaml.MarkedYAMLError, last_line: int) -> UserDataFinding:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if line > last_line:  # the parser misses a closing bracket only after the end of the text
        line, column = last_line, 0
    message = error.problem or "not YAML"
    # These messages of PyYAML repeat a word of the text, which may be a secret.
    if "alias" in message:
        message = "a plain value cannot begin with '*' or '!'; quote it"
    elif "constructor" in message or "tag" in message:
        message = "an unknown tag"
    elif "single document" in (error.context or ""):
        message = "a second document begins here; cloud-init reads only one"
    elif "mapping values are not allowed" in message:
        message += "; quote text that contains ': '"
    return UserDataFinding(INVALID_SYNTAX, f"not YAML, so cloud-init would ignore all of it: {message}", line, column)


def _walk_nodes(node: Any, path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    yield path, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _walk_nodes(value, (*path, str(key.value)))
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _walk_nodes(item, (*path, index))


def _find_child(node: Any, step: str | int) -> Any:
    """Return the node below another, of a duplicate key the last one; None if there is none."""
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in reversed(node.value) if str(key.value) == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    return None


def _is_block(node: Any) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.style == "|"
