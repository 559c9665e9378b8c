"""Check a text of user data and the texts inside of it, each by what cloud-init takes it for."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.cloud_init.advice import OLD_KEYS, explain_syntax, find_own_variables, suggest_type
from vmgen.cloud_init.document import (
    ARCHIVE_HEADER,
    BOOTHOOK_HEADER,
    CLOUD_CONFIG_HEADER,
    INCLUDE_HEADER,
    INCLUDE_ONCE_HEADER,
    JINJA_HEADER,
    JSON_PATCH_HEADER,
    MIME_HEADER,
    SCRIPT_HEADER,
    CloudConfigDocument,
    TextValue,
    UserDataFinding,
    detect_header,
    parse_document,
)
from vmgen.cloud_init.encodings import PLACEHOLDER, find_undecodable
from vmgen.cloud_init.parts import Envelope
from vmgen.cloud_init.rules import INVALID_PART, INVALID_SYNTAX, UNDECODABLE_CONTENT, UNKNOWN_KEY

# An archive may hold a message, that an archive, and so on.
MAX_LEVELS = 8


def check_content(text: str, header: str, level: int = 0) -> Iterator[UserDataFinding]:
    """Yield the faults of a text that cloud-init takes for what a header announces, its parts included."""
    if header == CLOUD_CONFIG_HEADER:
        yield from check_cloud_config(text)
    elif header in (SCRIPT_HEADER, BOOTHOOK_HEADER):
        yield from find_own_variables([TextValue((), text, -1, 0, is_block=True)])
    elif header == JINJA_HEADER:
        yield from _check_template(text, level)
    elif header == JSON_PATCH_HEADER:
        yield from _check_json_patch(text)
    elif header in (INCLUDE_HEADER, INCLUDE_ONCE_HEADER):
        from vmgen.cloud_init.archive import check_include

        yield from check_include(text)
    envelope = split_envelope(text, header)
    yield from envelope.findings
    for part in envelope.parts:
        if level == MAX_LEVELS:
            yield UserDataFinding(INVALID_PART, f"is nested in more than {MAX_LEVELS} other texts; simplify it", part.line)
            return
        yield from map(part.lift, check_content(part.text, part.header, level + 1))


def split_envelope(text: str, header: str) -> Envelope:
    """Return the parts of a message or an archive; none of any other text."""
    if header == MIME_HEADER:
        from vmgen.cloud_init.mime import split_message

        return split_message(text)
    if header == ARCHIVE_HEADER:
        from vmgen.cloud_init.archive import split_archive

        return split_archive(text)
    return Envelope()


def check_cloud_config(text: str) -> Iterator[UserDataFinding]:
    """Check the YAML of a cloud-config, its keys and values, and its encoded contents."""
    document, syntax_findings = parse_document(text)
    yield from (explain_syntax(finding, text) for finding in syntax_findings)
    if document is None:
        return
    if not isinstance(document.data, dict):
        message = "must be a mapping of cloud-config keys, such as `packages: [nginx]`"
        yield UserDataFinding(INVALID_SYNTAX, message)
        return
    yield from _check_schema(document)
    yield from find_own_variables(document.iter_texts())
    for path, message in find_undecodable(document.data):
        yield UserDataFinding(UNDECODABLE_CONTENT, message, *document.locate(path), path)


def _check_schema(document: CloudConfigDocument) -> Iterator[UserDataFinding]:
    from vmgen.cloud_init.upstream_schema import find_schema_violations  # only a cloud-config needs it

    for rule, path, message, expected in find_schema_violations(document.data):
        is_key = rule is UNKNOWN_KEY or (len(path) == 1 and path[0] in OLD_KEYS)
        line, column = document.locate_key(path) if is_key else document.locate(path)
        if expected:
            message += suggest_type(expected, path, document.get_value(path), document.get_source(path))
        yield UserDataFinding(rule, message, line, column, path)


def _check_json_patch(text: str) -> Iterator[UserDataFinding]:
    from vmgen.cloud_init.archive import check_json_patch
    from vmgen.cloud_init.upstream_schema import find_schema_violations

    data, lines, findings = check_json_patch(text)
    yield from findings
    for rule, path, message, _ in find_schema_violations(data):
        yield UserDataFinding(rule, message, lines.get(path[0], 1) if path else 1, 0, path)


def _check_template(text: str, level: int) -> Iterator[UserDataFinding]:
    """Check the template, then the shapes that it may come out as, as far as they do not hang on unknown values."""
    from vmgen.cloud_init.guest_template import build_shapes, find_template_faults

    yield from find_template_faults(text)
    findings: set[UserDataFinding] = set()
    for shape in build_shapes(text):
        # cloud-init drops the line `## template: jinja` before it looks at the header of the rest.
        body = shape.text.partition("\n")[2]
        header = detect_header(body)
        if header in (JINJA_HEADER, MIME_HEADER) or level == MAX_LEVELS:
            continue
        for finding in check_content(f"#\n{body}" if header == CLOUD_CONFIG_HEADER else body, header, level + 1):
            number = finding.line + (0 if header == CLOUD_CONFIG_HEADER else 1)
            line = shape.lines[number] if number < len(shape.lines) else 0
            file_finding = finding._replace(line=line)
            if file_finding not in findings and (line not in shape.open_lines or _is_certain(file_finding)):
                findings.add(file_finding)
                yield file_finding


def _is_certain(finding: UserDataFinding) -> bool:
    """Return True if a finding on a line with an unknown value is about the key beside it."""
    return finding.rule is UNKNOWN_KEY and not any(PLACEHOLDER in str(step) for step in finding.path)
