"""Secrets in a text of user data: by the keys of its cloud-config, by the shapes in its texts and comments, by the library.

What is wrong with user data: looked at once for each distinct text, said at the places where it was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache

from vmgen.cloud_init import document as headers
from vmgen.cloud_init.document import CloudConfigDocument, parse_document
from vmgen.cloud_init.render import UserDataBuilder
from vmgen.cloud_init.rules import (
    INVALID_SYNTAX,
    LARGE_USER_DATA,
    PASSWORD_HASH,
    SECRET,
    UNKNOWN_KEY,
    UNPRINTABLE_CHARACTER,
    USER_DATA_TOO_LARGE,
    KeyPath,
    UserDataFinding,
)
from vmgen.cloud_init.user_data import UserData
from vmgen.cloud_init.variables import TemplateVariables
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import format_path
from vmgen.read.yaml_reader import describe_unprintable, find_unprintable
from vmgen.secrets import patterns as library
from vmgen.secrets.cloud_config import find_cloud_config_secrets
from vmgen.secrets.patterns import HASH_DESCRIPTION, find_secrets


def scan_secrets(text: str, document: CloudConfigDocument | None) -> Iterator[UserDataFinding]:
    """The secrets in a text, one a line, what is most specific first. `document` is its cloud-config, if it is one."""
    lines: set[int] = set()
    paths: set[KeyPath] = set()
    for found in _scan_all(text, document):
        if found.line not in lines and not (found.path and found.path in paths and found.inner_line >= 0):
            yield found
        lines.add(found.line)
        if found.inner_line < 0:
            paths.add(found.path)


def _scan_all(text: str, document: CloudConfigDocument | None) -> Iterator[UserDataFinding]:
    kind = headers.detect_header(text)
    if kind == headers.JINJA_HEADER:
        document, _ = parse_document("#" + text[text.find("\n") :])
    if document is not None:
        yield from _scan_document(document)
    if kind == headers.ARCHIVE_HEADER:
        yield from _scan_archive(text)
    elif kind == headers.MIME_HEADER:
        yield from _scan_mime(text)
    for line, what in find_secrets(text):
        yield _build_secret_finding(what, line)
    for line, what in library.find_secrets_with_plugins(text):
        yield _build_secret_finding(what, line)


def _build_secret_finding(what: str, line: int, column: int = 0, path: KeyPath = (), inner: int = -1) -> UserDataFinding:
    if what.startswith(HASH_DESCRIPTION):
        message = f"holds {what}; use SSH keys, or hand it over as docs/secrets.md says"
        return UserDataFinding(PASSWORD_HASH, message, line, column, path, inner)
    return UserDataFinding(SECRET, f"holds {what}; keep it out of Git (docs/secrets.md)", line, column, path, inner)


def _scan_document(document: CloudConfigDocument) -> Iterator[UserDataFinding]:
    for path, what in find_cloud_config_secrets(document.data):
        line, column = document.locate(path)
        yield _build_secret_finding(what, line, column, path, path[-1] if isinstance(path[-1], int) else -1)
    for text in document.iter_texts():
        for offset, what in find_secrets(text.value):
            if text.is_block:
                yield _build_secret_finding(what, text.line + 1 + offset, 0, text.path, offset)
            else:
                yield _build_secret_finding(what, text.line, text.column, text.path, offset)


def _scan_archive(text: str) -> Iterator[UserDataFinding]:
    """What is in the parts of an archive; the lines of a part in a literal block are lines of the text."""
    archive, _ = parse_document(text)
    for part in archive.iter_texts() if archive else ():
        config, _ = (
            parse_document(part.value) if headers.detect_header(part.value) == headers.CLOUD_CONFIG_HEADER else (None, [])
        )
        for found in scan_secrets(part.value, config):
            yield found._replace(line=part.line + (1 + found.line if part.is_block else 0), column=0, path=(), inner_line=-1)


def _scan_mime(text: str) -> Iterator[UserDataFinding]:
    """What is in the parts of a MIME message, where it does not show in the text: by keys, or encoded."""
    from email import message_from_string

    for part in message_from_string(text).walk():
        payload = part.get_payload(decode=True)
        if isinstance(payload, bytes):
            content = payload.decode("utf-8", "replace")
            config, _ = parse_document(content) if headers.detect_header(content) == headers.CLOUD_CONFIG_HEADER else (None, [])
            yield from (found._replace(line=0, column=0, path=(), inner_line=-1) for found in scan_secrets(content, config))


# kubectl and Argo CD copy the manifest to an annotation, which together with the others may have 256 KiB.
WARN_BYTES = 240 * 1024
# A Secret may have 1 MiB, and the Helm release holds the text beside its chart.
MAX_BYTES = 1000 * 1024


def validate_user_data(texts: Iterable[UserData], *, verify_all: bool = False) -> list[Problem]:
    """What is wrong with user data; what several VMs inherit from one place is said once.

    The first text of each shape is looked at; with `verify_all`, every one is.
    """
    found: list[Problem] = []
    said: set[tuple[Place, str, str]] = set()
    by_shape: dict[str, tuple[UserDataFinding, ...]] = {}
    for each in texts:
        shape = each.text if verify_all else each.normalized_text
        if shape not in by_shape:
            by_shape[shape] = check_text(each.text)
        for problem in (*each.problems, *_locate_findings(each, by_shape[shape])):
            if (problem.place, problem.rule, problem.message) not in said:
                said.add((problem.place, problem.rule, problem.message))
                found.append(problem)
    return found


def preview_user_data(environment: Environment, forms: UserDataBuilder) -> Iterator[UserData]:
    """The user data of an environment that failed its checks, so that its mistakes are said in the same run.

    A template is rendered for the first VM of its group; where that fails, it may be for what was said already.
    """
    facts = TemplateVariables(environment)
    for group, settings, path in environment.vm_settings():
        found = forms.build(settings.values, f"{path}.cloudInit")
        if isinstance(found, UserData):
            yield found
            continue
        for index, instance in enumerate(group.instances):
            if instance.settings is settings:
                rendered = found.render(facts.build(group, index, [disk.suffix for disk in settings.disks]))
                yield rendered._replace(problems=())
                break


def _locate_findings(each: UserData, findings: Iterable[UserDataFinding]) -> Iterator[Problem]:
    for finding in findings:
        place = each.source.locate(finding)
        subject = each.subject + (f".{format_path(finding.path)}" if finding.path else "")
        yield finding.rule.build_problem(place, subject, finding.message)


@lru_cache(maxsize=1024)
def check_text(text: str) -> tuple[UserDataFinding, ...]:
    """Everything wrong with a text, whoever wrote it; an empty one is no user data."""
    if not text:
        return ()

    found = [*_check_characters(text), *_check_size(text), *headers.check_header(text)]
    documents = list(_parse_cloud_config(text, found))
    found.extend(scan_secrets(text, documents[0] if documents else None))
    return tuple(found)


def _check_characters(text: str) -> Iterator[UserDataFinding]:
    position = find_unprintable(text)
    if position is not None:
        line = text.count("\n", 0, position)
        message = (
            f"the character {describe_unprintable(text[position])} does not survive YAML tools; remove it, or encode the file"
        )
        yield UserDataFinding(UNPRINTABLE_CHARACTER, message, line, position - text.rfind("\n", 0, position) - 1)


def _check_size(text: str) -> Iterator[UserDataFinding]:
    if len(text) * 4 < WARN_BYTES:
        return
    size = len(text.encode())
    if size > MAX_BYTES:
        message = f"{size} bytes do not fit into the Secret of the VM ({MAX_BYTES}); fetch the bulk at the first boot"
        yield UserDataFinding(USER_DATA_TOO_LARGE, message)
    elif len(json.dumps(text, ensure_ascii=False).encode()) > WARN_BYTES:
        message = f"{size} bytes do not fit into the annotation of `kubectl apply`; use ServerSideApply=true, or `#include`"
        yield UserDataFinding(LARGE_USER_DATA, message)


def _parse_cloud_config(text: str, found: list[UserDataFinding]) -> Iterator[CloudConfigDocument]:
    """The document of a `#cloud-config`; what is wrong with it goes to `found`."""
    if headers.detect_header(text) != headers.CLOUD_CONFIG_HEADER:
        return
    document, wrong = parse_document(text)
    found.extend(wrong)
    if document is None:
        return
    if not isinstance(document.data, dict):
        found.append(UserDataFinding(INVALID_SYNTAX, "must be a mapping of cloud-config keys, such as `packages: [nginx]`"))
        return
    found.extend(_check_schema(document))
    yield document


def _check_schema(document: CloudConfigDocument) -> Iterator[UserDataFinding]:
    from vmgen.cloud_init.upstream_schema import find_schema_violations

    for rule, path, message in find_schema_violations(document.data):
        line, column = document.locate_key(path) if rule is UNKNOWN_KEY else document.locate(path)
        yield UserDataFinding(rule, message, line, column, path)
