"""Split `#cloud-config-archive`, and check `#cloud-config-jsonp` and `#include`, which hold or name other user data."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.cloud_init.document import CLOUD_CONFIG_HEADER, CloudConfigDocument, UserDataFinding, detect_header, parse_document
from vmgen.cloud_init.parts import Envelope, Part, build_part, check_part
from vmgen.cloud_init.rules import INVALID_INCLUDE, INVALID_PART, INVALID_SYNTAX, UNENCRYPTED_INCLUDE
from vmgen.problems import did_you_mean
from vmgen.read.located import KeyPath
from vmgen.read.nesting import parse_json

_DEFAULT_TYPE = "text/cloud-config"
_ENTRY_KEYS = ("content", "type", "filename", "launch-index")
# cloudinit/url_helper.py, read_file_or_url.
_ADDRESS = r"(?i)(?:https?|ftps?)://[^\s/]+\S*|file://\S+|/\S+|\$\{.*|\{\{.*"
_INCLUDE_WORD = r"(?i)#include(?:-once)?"
_OPERATIONS = {"add": "value", "replace": "value", "test": "value", "move": "from", "copy": "from", "remove": "path"}


def split_archive(text: str) -> Envelope:
    """Return the parts of an archive: a YAML list of texts, and of mappings with a `content` and a `type`."""
    document, syntax_findings = parse_document(text)
    if document is None:
        return Envelope((), tuple(syntax_findings))
    if not isinstance(document.data, list):
        message = (
            "must be a list of parts, such as `- {type: text/x-shellscript, content: ...}`; cloud-init would ignore all of it"
        )
        return Envelope((), (UserDataFinding(INVALID_PART, message),))
    parts: list[Part] = []
    findings = list(syntax_findings)
    for index, entry in enumerate(document.data):
        # https://cloudinit.readthedocs.io/en/latest/explanation/format/cloud-config-archive.html
        if isinstance(entry, str):
            _add_part(entry, "", (index,), document, parts, findings)
            continue
        problem = _describe_entry(entry)
        if problem:
            line, column = document.locate((index,))
            findings.append(UserDataFinding(INVALID_PART, problem, line, column))
        else:
            content_type = str(entry.get("type") or "")
            _add_part(entry["content"], content_type, (index, "content"), document, parts, findings)
    return Envelope(tuple(parts), tuple(findings))


def _describe_entry(entry: Any) -> str:
    """Return the fault of an entry of an archive that is not a text; empty if it has none."""
    if not isinstance(entry, dict):
        return "must be text, or a mapping with a `content`; cloud-init would skip it"
    if "content" not in entry:
        unknown = next((str(key) for key in entry if key not in _ENTRY_KEYS and did_you_mean(str(key), ["content"])), "")
        return f"has no `content`{did_you_mean(unknown, ['content']) if unknown else '; write the part there'}"
    if not isinstance(entry["content"], str):
        return "its `content` must be text; write `content: |` and the part below"
    if entry.get("type") and "/" not in str(entry["type"]):
        return f"its `type` is not a MIME type, and cloud-init would fail; write `{_DEFAULT_TYPE}` or `text/x-shellscript`"
    return ""


def _add_part(
    content: str,
    content_type: str,
    path: KeyPath,
    document: CloudConfigDocument,
    parts: list[Part],
    findings: list[UserDataFinding],
) -> None:
    line, is_literal = document.locate_text(path)
    if content_type:
        part = build_part(content_type, content, line, is_literal=is_literal)
        findings += check_part(part, content_type)
    else:
        # cloud-init takes a part without a type for what its header says, and else for a cloud-config (_explode_archive).
        header = detect_header(content.lstrip())
        part = Part(content, header or CLOUD_CONFIG_HEADER, line, is_literal)
        findings += check_part(part, "text/plain" if header else _DEFAULT_TYPE)
    parts.append(part)


def check_include(text: str) -> Iterator[UserDataFinding]:
    """Check that each line of an `#include` is an address or a comment, as cloud-init reads it (_do_include)."""
    addresses = 0
    for number, line in enumerate(text.split("\n")):
        word = re.match(_INCLUDE_WORD, line)
        address = (line[word.end() :].lstrip() if word else line).strip()
        if not address or address.startswith("#"):
            continue
        addresses += 1
        if not re.fullmatch(_ADDRESS, address):
            remedy = "write one address per line, such as https://shop.example/base.yaml, and other user data in separate parts"
            yield UserDataFinding(INVALID_INCLUDE, f"is not an address, so cloud-init would fail; {remedy}", number)
        elif address.lower().startswith(("http://", "ftp://")):
            message = "is fetched unencrypted and runs as root, so an attacker on the network can replace it; use https"
            yield UserDataFinding(UNENCRYPTED_INCLUDE, message, number)
    if not addresses:
        yield UserDataFinding(
            INVALID_INCLUDE, "has no address, so it has no effect; write one address per line below the header"
        )


class JsonPatchResult(NamedTuple):
    """The mapping that a patch makes of an empty one, the line (from 0) that sets each key, and its faults."""

    data: Any
    lines: Mapping[str | int, int]
    findings: list[UserDataFinding]


def check_json_patch(text: str) -> JsonPatchResult:
    """Check the operations of a `#cloud-config-jsonp` (RFC 6902)."""
    header, _, body = text.partition("\n")
    try:
        operations = parse_json(body or "[]")
    except ValueError as error:
        line = getattr(error, "lineno", 0)
        message = "not JSON, so cloud-init would ignore all of it; write a list of operations"
        finding = UserDataFinding(INVALID_SYNTAX, message, min(line, body.rstrip().count("\n") + 1))
        return JsonPatchResult({}, {}, [finding])
    # JSON is YAML too, and this parser knows the line of each value. The header becomes a comment, so that lines stay.
    document, _ = parse_document(f"#{header}\n{body}")
    if not isinstance(operations, list):
        example = '`[{"op": "add", "path": "/timezone", "value": "UTC"}]`'
        message = f"must be a list of operations, such as {example}"
        return JsonPatchResult({}, {}, [UserDataFinding(INVALID_PART, message, 1)])
    config: dict[str, Any] = {}
    lines: dict[str | int, int] = {}
    findings = []
    for index, operation in enumerate(operations):
        problem = _describe_operation(operation)
        line, column = document.locate((index,)) if document else (1, 0)
        if problem:
            findings.append(UserDataFinding(INVALID_PART, problem, line, column))
        # The other operations need a document, which is that of another part.
        elif operation["op"] in ("add", "replace"):
            lines.setdefault(operation["path"].split("/")[1] if operation["path"] else "", line)
            _apply_operation(config, operation["path"], operation["value"])
    return JsonPatchResult(config, lines, findings)


def _describe_operation(operation: Any) -> str:
    if not isinstance(operation, dict):
        return "an operation must be a mapping with `op` and `path`"
    name = operation.get("op")
    if name not in _OPERATIONS:
        hint = did_you_mean(name, _OPERATIONS) if isinstance(name, str) else ""
        return f"`op` is not one of {', '.join(_OPERATIONS)}{hint}"
    for key in ("path", _OPERATIONS[name]):
        if key not in operation:
            return f"the operation {name} has no `{key}`"
    path = operation["path"]
    if not isinstance(path, str) or (path and not path.startswith("/")):
        return "`path` must begin with `/`, such as `/packages/-`"
    return ""


def _apply_operation(data: dict[str, Any], path: str, value: Any) -> None:
    """Set the value of a key, or append it to a list. What belongs to a text of another part is left out."""
    # In this order, so that `~01` becomes `~1`. https://www.rfc-editor.org/rfc/rfc6901#section-4
    steps = [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")[1:]]
    is_item = len(steps) > 1 and (steps[-1] == "-" or steps[-1].isdecimal())
    *parents, last = (steps[:-1] if is_item else steps) or [""]
    node = data
    for parent in parents:
        child = node.setdefault(parent, {})
        if not isinstance(child, dict):
            return
        node = child
    if is_item and isinstance(node.setdefault(last, []), list):
        node[last].append(value)
    elif last and not is_item:
        node[last] = value
