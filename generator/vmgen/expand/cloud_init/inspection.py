"""What is wrong with user data: looked at once for each distinct text, said at the places where it was written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache

from vmgen.check.secrets import library
from vmgen.digests import compute_digest
from vmgen.expand.cloud_init import headers
from vmgen.expand.cloud_init.document import CloudConfigDocument, parse_document
from vmgen.expand.cloud_init.facts import TemplateVariables
from vmgen.expand.cloud_init.finding import UserDataFinding
from vmgen.expand.cloud_init.forms import UserDataBuilder
from vmgen.expand.cloud_init.rules import (
    INVALID_SYNTAX,
    LARGE_USER_DATA,
    UNKNOWN_KEY,
    UNPRINTABLE_CHARACTER,
    USER_DATA_TOO_LARGE,
)
from vmgen.expand.cloud_init.user_data import UserData
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import format_path
from vmgen.read.prepared import Prepared
from vmgen.read.scalars import describe_unprintable, find_unprintable

# kubectl and Argo CD copy the manifest to an annotation, which together with the others may have 256 KiB.
WARN_BYTES = 240 * 1024
# A Secret may have 1 MiB, and the Helm release holds the text beside its chart.
MAX_BYTES = 1000 * 1024


class KnownGoodTexts:
    """The texts of an environment in which an earlier run of this program found nothing; as digests, which tell nothing.

    `file` is the environment's, its whole path: each has an entry of its own. To look at one text takes as long as to render
    a hundred VMs, mostly for the schema of cloud-init.
    """

    def __init__(self, prepared: Prepared, file: str) -> None:
        self._cache = prepared
        self._cache_name = f"sound user data of {file}"
        self._cache_key = library.plugin_version()
        self._known = frozenset(prepared.get(self._cache_name, self._cache_key) or ())
        self._confirmed: set[str] = set()

    def check(self, text: str) -> tuple[UserDataFinding, ...]:
        """What is wrong with a text; an earlier run's answer where that was: nothing."""
        name = compute_digest([text])
        found = () if name in self._known else check_text(text)
        if not found:
            self._confirmed.add(name)
        return found

    def save(self) -> None:
        """Keep what was found to be sound for the next run."""
        if self._confirmed != self._known:
            self._cache.put(self._cache_name, self._cache_key, frozenset(self._confirmed))


def validate_user_data(
    texts: Iterable[UserData], sound: KnownGoodTexts | None = None, *, verify_all: bool = False
) -> list[Problem]:
    """What is wrong with user data; what several VMs inherit from one place is said once.

    The first text of each shape is looked at; with `verify_all`, every one is. `sound` knows some of the texts.
    """
    found: list[Problem] = []
    said: set[tuple[Place, str, str]] = set()
    by_shape: dict[str, tuple[UserDataFinding, ...]] = {}
    for each in texts:
        shape = each.text if verify_all else each.normalized_text
        if shape not in by_shape:
            by_shape[shape] = sound.check(each.text) if sound else check_text(each.text)
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
    from vmgen.expand.cloud_init.leaks import scan_secrets  # imported late: most runs have no user data

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
    from vmgen.expand.cloud_init.published import find_schema_violations

    for rule, path, message in find_schema_violations(document.data):
        line, column = document.locate_key(path) if rule is UNKNOWN_KEY else document.locate(path)
        yield UserDataFinding(rule, message, line, column, path)
