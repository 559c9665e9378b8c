"""Validate user data: each distinct text is checked once, and each finding is reported where the user wrote it.

The checks look at the text that a VM gets: characters, size, header, YAML, schema, secrets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from vmgen.check.rules.secrets import placeholder_secret
from vmgen.check.ssh_key import SshKeyFault, parse_ssh_key
from vmgen.cloud_init.content import MAX_LEVELS, check_content, split_envelope
from vmgen.cloud_init.document import (
    CLOUD_CONFIG_HEADER,
    JINJA_HEADER,
    CloudConfigDocument,
    UserDataFinding,
    check_header,
    detect_header,
    parse_document,
)
from vmgen.cloud_init.render import UserDataBuilder
from vmgen.cloud_init.rules import (
    LARGE_USER_DATA,
    PASSWORD_HASH,
    PLACEHOLDER_KEY,
    SECRET,
    UNPRINTABLE_CHARACTER,
    USER_DATA_TOO_LARGE,
)
from vmgen.cloud_init.user_data import UserData
from vmgen.cloud_init.variables import TemplateVariables
from vmgen.cloud_init.windows import check_windows, is_windows
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import KeyPath
from vmgen.read.yaml_reader import describe_unprintable, find_unprintable
from vmgen.secrets.cloud_config import find_cloud_config_secrets
from vmgen.secrets.encoded import find_encoded_texts
from vmgen.secrets.patterns import CHANGE_ME_DESCRIPTION, HASH_DESCRIPTION, find_secrets

# kubectl and Argo CD copy the manifest to an annotation, and all annotations of an object share 256 KiB.
WARN_BYTES = 240 * 1024
# A Secret may have 1 MiB, and the Helm release holds the text beside its chart.
MAX_BYTES = 1000 * 1024
# Helm stores a release in one Secret: its values and its manifest, so the text twice, compressed, in base64
# (https://github.com/helm/helm/blob/main/pkg/storage/driver/util.go). On Cozystack v1.6, 450 KB of base64 pass and 560 KB fail.
RELEASE_BYTES = 1024 * 1024
_RELEASE_RESERVE = 24 * 1024  # the chart, which is stored too
# Longer texts are refused without a look at their content.
MAX_SEARCHED_LENGTH = 2 * MAX_BYTES


_KEY_LISTS = ("ssh_authorized_keys", "ssh-authorized-keys")
_TYPED_KEY = (
    r"""(?<![\w+,-])(?P<type>ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}|sk-[a-z0-9-]{3,20}@openssh\.com)[ \t]{1,8}"""
    r"""(?P<body>[^\s"'`,;)\]]{1,4096})"""
)
# A value that a template or a shell puts there is none of an example.
_VARIABLE = re.compile(r"\{[{%]|\$[A-Za-z_{(]")
# The shortest key, one of ed25519, has 68 characters.
_SHORTEST_BODY = 68
_MESSAGE = "the SSH key is a placeholder; write the line of your .pub file, preferably below `sshKeys:`"


class UserDataChecker:
    """Checks the user data of a run. Of texts with the same `check_key` the first is checked, whatever environment it is of."""

    def __init__(self) -> None:
        self._findings: dict[tuple[tuple[str, ...], bool], tuple[UserDataFinding, ...]] = {}

    def find_problems(self, user_data: Iterable[UserData]) -> list[Problem]:
        """Return the problems of user data; what several VMs inherit from one place is reported once."""
        problems: dict[tuple[Place, str, str], Problem] = {}
        for item in user_data:
            key = (item.check_key, item.for_windows)
            if key not in self._findings:
                self._findings[key] = check_text(item.text, for_windows=item.for_windows)
            for problem in (*item.problems, *map(item.build_problem, self._findings[key])):
                problems.setdefault((problem.place, problem.rule, problem.message), problem)
        return list(problems.values())


def preview_user_data(environment: Environment, builder: UserDataBuilder) -> Iterator[UserData]:
    """Yield the user data of an environment that failed its checks, so that all problems are reported in one run.

    A template is rendered for the first VM of its group. If that fails, the text is empty and without problems, since the
    failed checks may be the cause.
    """
    variables = TemplateVariables(environment)
    for group, settings, path in environment.vm_settings:
        user_data = builder.build(settings.values, f"{path}.cloudInit")
        if isinstance(user_data, UserData):
            yield user_data._replace(for_windows=is_windows(settings.values, environment.platform))
            continue
        for index, instance in enumerate(group.instances):
            if instance.settings is settings:
                suffixes = [disk.suffix for disk in settings.disks]
                user_data_of_vm = user_data.render(variables.build(group, index, suffixes))
                yield user_data_of_vm._replace(problems=(), for_windows=is_windows(settings.values, environment.platform))
                break


def check_text(text: str, *, for_windows: bool = False) -> tuple[UserDataFinding, ...]:
    """Return all findings in a text of user data; none in an empty one, which is no user data."""
    if not text:
        return ()
    findings = [*_check_characters(text), *_check_size(text)]
    if len(text) > MAX_SEARCHED_LENGTH:  # it is refused by its size; a waiver of that alone must not let a secret pass
        message = f"is longer than {MAX_SEARCHED_LENGTH} characters, so it was not searched for secrets; shorten it"
        return (*findings, UserDataFinding(SECRET, message))
    if for_windows:
        findings.extend(check_windows(text))
    else:
        findings.extend((*check_header(text), *check_content(text, detect_header(text))))
    findings.extend(_scan_secrets(text, detect_header(text)))
    findings.extend(find_placeholder_keys(text, detect_header(text)))
    return tuple(findings)


def _check_characters(text: str) -> Iterator[UserDataFinding]:
    position = find_unprintable(text)
    if position is not None:
        line = text.count("\n", 0, position)
        character = describe_unprintable(text[position])
        message = f"the character {character} is lost or changed by YAML tools; remove it, or encode the file"
        yield UserDataFinding(UNPRINTABLE_CHARACTER, message, line, position - text.rfind("\n", 0, position) - 1)


def _check_size(text: str) -> Iterator[UserDataFinding]:
    if len(text) * 4 < WARN_BYTES:  # UTF-8 has at most four bytes a character
        return
    size = len(text.encode())
    if size > MAX_BYTES:
        message = f"{size} bytes do not fit into the Secret of the VM ({MAX_BYTES}); fetch large files at the first boot"
        yield UserDataFinding(USER_DATA_TOO_LARGE, message)
    elif _measure_release(text) > RELEASE_BYTES:
        message = (
            f"{size} bytes do not fit into the Secret of the Helm release ({RELEASE_BYTES} bytes), which holds them twice, "
            "compressed; fetch the bulk at the first boot"
        )
        yield UserDataFinding(USER_DATA_TOO_LARGE, message)
    elif len(json.dumps(text, ensure_ascii=False).encode()) > WARN_BYTES:
        message = f"{size} bytes do not fit into the annotation of `kubectl apply`; use ServerSideApply=true, or `#include`"
        yield UserDataFinding(LARGE_USER_DATA, message)


def _measure_release(text: str) -> int:
    """Return the bytes of a Helm release with a user data, about: the chart's part is taken as fixed."""
    import zlib

    compressed_size = len(zlib.compress((text + text.replace("\n", "\n    ")).encode(), 9))
    return (compressed_size + 2) // 3 * 4 + _RELEASE_RESERVE


def _scan_secrets(text: str, header: str, level: int = 0) -> Iterator[UserDataFinding]:
    """Yield the secrets in a text, one a line: the most specific finding wins. `header` is what cloud-init takes it for."""
    reported_lines: set[int] = set()
    reported_paths: set[KeyPath] = set()
    for finding in _scan_all(text, header, level):
        inside_value = finding.inner_line >= 0
        if finding.line not in reported_lines and not (inside_value and finding.path and finding.path in reported_paths):
            yield finding
        reported_lines.add(finding.line)
        if not inside_value:
            reported_paths.add(finding.path)


def _scan_all(text: str, header: str, level: int) -> Iterator[UserDataFinding]:
    document = None
    if header == CLOUD_CONFIG_HEADER:
        document, _ = parse_document(text)
    elif header == JINJA_HEADER:
        document, _ = parse_document("#" + text[text.find("\n") :])  # the `#` keeps the number of lines
    if document is not None:
        yield from _scan_document(document)
    for part in split_envelope(text, header).parts if level < MAX_LEVELS else ():
        for finding in _scan_secrets(part.text, part.header, level + 1):
            yield part.lift(finding)._replace(column=0, path=())
    for line, description in find_secrets(text):
        yield _build_secret_finding(description, line)


def _scan_document(document: CloudConfigDocument) -> Iterator[UserDataFinding]:
    for path, description in find_cloud_config_secrets(document.data):
        line, column = document.locate(path)
        yield _build_secret_finding(description, line, column, path, path[-1] if isinstance(path[-1], int) else -1)
    for text in document.iter_texts():
        for inner_line, description in find_secrets(text.value):
            line, column = (text.line + 1 + inner_line, 0) if text.is_block else (text.line, text.column)
            yield _build_secret_finding(description, line, column, text.path, inner_line)


def _build_secret_finding(
    description: str, line: int, column: int = 0, path: KeyPath = (), inner_line: int = -1
) -> UserDataFinding:
    if description == CHANGE_ME_DESCRIPTION:
        message = f"contains {description}; write a reference instead (see docs/secrets.md)"
        return UserDataFinding(placeholder_secret.rule, message, line, column, path, inner_line)
    if description.startswith(HASH_DESCRIPTION):
        message = f"contains {description}; use SSH keys, or see docs/secrets.md for ways to provide it"
        return UserDataFinding(PASSWORD_HASH, message, line, column, path, inner_line)
    return UserDataFinding(
        SECRET, f"contains {description}; keep it out of Git (see docs/secrets.md)", line, column, path, inner_line
    )


def find_placeholder_keys(text: str, header: str, level: int = 0) -> Iterator[UserDataFinding]:
    """Yield the keys of examples in user data, one a line. `header` is what cloud-init takes the text for."""
    lines: set[int] = set()
    for finding in _find_all(text, header, level):
        if finding.line not in lines:
            lines.add(finding.line)
            yield finding


def _find_all(text: str, header: str, level: int) -> Iterator[UserDataFinding]:
    document = parse_document(text)[0] if header == CLOUD_CONFIG_HEADER else None
    for value in document.iter_texts() if document else ():
        is_key = len(value.path) > 1 and value.path[-2] in _KEY_LISTS
        for inner_line in [0] if is_key and _is_placeholder(value.value) else _find_lines(value.value):
            line, column = (value.line + 1 + inner_line, 0) if value.is_block else (value.line, value.column)
            yield UserDataFinding(PLACEHOLDER_KEY, _MESSAGE, line, column, value.path, inner_line if value.is_block else -1)
    for part in split_envelope(text, header).parts if level < MAX_LEVELS else ():
        for finding in find_placeholder_keys(part.text, part.header, level + 1):
            yield part.lift(finding)._replace(column=0, path=())
    for line in () if document else _find_lines(text):
        yield UserDataFinding(PLACEHOLDER_KEY, _MESSAGE, line)


def _find_lines(text: str) -> Iterator[int]:
    """Yield the numbers, from 0, of the lines of a text with a key of an example. Lines of comments are left out."""
    if "ssh-" in text or "ecdsa-" in text:
        for number, line in enumerate(text.split("\n")):
            if not line.lstrip().startswith("#") and any(map(_is_example, re.finditer(_TYPED_KEY, line))):
                yield number
    for encoded_text in find_encoded_texts(text):
        if any(True for _ in _find_lines(encoded_text.text)):
            yield text.count("\n", 0, encoded_text.start)


def _is_example(match: re.Match[str]) -> bool:
    body = match["body"]
    if body.startswith("AAAA") and len(body) < _SHORTEST_BODY:
        return True
    return _is_placeholder(f"{match['type']} {body}")


def _is_placeholder(line: str) -> bool:
    key = parse_ssh_key(line)
    return isinstance(key, SshKeyFault) and key.kind == "placeholder" and not _VARIABLE.search(line)
