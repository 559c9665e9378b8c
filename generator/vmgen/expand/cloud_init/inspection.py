"""What is wrong with user data: looked at once for each distinct text, said at the places where it was written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import lru_cache

from vmgen.check.secrets import library
from vmgen.digests import digest
from vmgen.expand.cloud_init import headers
from vmgen.expand.cloud_init.document import Document, parsed
from vmgen.expand.cloud_init.facts import Facts
from vmgen.expand.cloud_init.finding import Finding
from vmgen.expand.cloud_init.forms import Forms
from vmgen.expand.cloud_init.rules import LARGE, SYNTAX, TOO_LARGE, UNKNOWN, UNPRINTABLE
from vmgen.expand.cloud_init.user_data import UserData
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.read.located import dotted
from vmgen.read.prepared import Prepared
from vmgen.read.scalars import first_unprintable, unprintable

# kubectl and Argo CD copy the manifest to an annotation, which together with the others may have 256 KiB.
LARGE_BYTES = 240 * 1024
# A Secret may have 1 MiB, and the Helm release holds the text beside its chart.
MOST_BYTES = 1000 * 1024


class Sound:
    """The texts of an environment in which an earlier run of this program found nothing; as digests, which tell nothing.

    `file` is the environment's, its whole path: each has an entry of its own. To look at one text takes as long as to render
    a hundred VMs, mostly for the schema of cloud-init.
    """

    def __init__(self, prepared: Prepared, file: str) -> None:
        self._prepared = prepared
        self._entry = f"sound user data of {file}"
        self._key = library.edition()
        self._before = frozenset(prepared.get(self._entry, self._key) or ())
        self._now: set[str] = set()

    def findings(self, text: str) -> tuple[Finding, ...]:
        """What is wrong with a text; an earlier run's answer where that was: nothing."""
        name = digest([text])
        found = () if name in self._before else findings(text)
        if not found:
            self._now.add(name)
        return found

    def keep(self) -> None:
        """Keep what was found to be sound for the next run."""
        if self._now != self._before:
            self._prepared.put(self._entry, self._key, frozenset(self._now))


def problems(texts: Iterable[UserData], sound: Sound | None = None, *, verify_all: bool = False) -> list[Problem]:
    """What is wrong with user data; what several VMs inherit from one place is said once.

    The first text of each shape is looked at; with `verify_all`, every one is. `sound` knows some of the texts.
    """
    found: list[Problem] = []
    said: set[tuple[Place, str, str]] = set()
    by_shape: dict[str, tuple[Finding, ...]] = {}
    for each in texts:
        shape = each.text if verify_all else each.shape
        if shape not in by_shape:
            by_shape[shape] = sound.findings(each.text) if sound else findings(each.text)
        for problem in (*each.problems, *_placed(each, by_shape[shape])):
            if (problem.place, problem.rule, problem.message) not in said:
                said.add((problem.place, problem.rule, problem.message))
                found.append(problem)
    return found


def unexpanded(environment: Environment, forms: Forms) -> Iterator[UserData]:
    """The user data of an environment that failed its checks, so that its mistakes are said in the same run.

    A template is rendered for the first VM of its group; where that fails, it may be for what was said already.
    """
    facts = Facts(environment)
    for group, settings, path in environment.vm_settings():
        found = forms.user_data(settings.values, f"{path}.cloudInit")
        if isinstance(found, UserData):
            yield found
            continue
        for index, instance in enumerate(group.instances):
            if instance.settings is settings:
                rendered = found.rendered(facts.of(group, index, [disk.suffix for disk in settings.disks]))
                yield rendered._replace(problems=())
                break


def _placed(each: UserData, findings: Iterable[Finding]) -> Iterator[Problem]:
    for finding in findings:
        place = each.source.place(finding)
        subject = each.subject + (f".{dotted(finding.path)}" if finding.path else "")
        yield finding.rule.problem(place, subject, finding.message)


@lru_cache(maxsize=1024)
def findings(text: str) -> tuple[Finding, ...]:
    """Everything wrong with a text, whoever wrote it; an empty one is no user data."""
    if not text:
        return ()
    from vmgen.expand.cloud_init.leaks import leaks  # imported late: most runs have no user data

    found = [*_characters(text), *_size(text), *headers.findings(text)]
    documents = list(_cloud_config(text, found))
    found.extend(leaks(text, documents[0] if documents else None))
    return tuple(found)


def _characters(text: str) -> Iterator[Finding]:
    position = first_unprintable(text)
    if position is not None:
        line = text.count("\n", 0, position)
        message = f"the character {unprintable(text[position])} does not survive YAML tools; remove it, or encode the file"
        yield Finding(UNPRINTABLE, message, line, position - text.rfind("\n", 0, position) - 1)


def _size(text: str) -> Iterator[Finding]:
    if len(text) * 4 < LARGE_BYTES:
        return
    size = len(text.encode())
    if size > MOST_BYTES:
        message = f"{size} bytes do not fit into the Secret of the VM ({MOST_BYTES}); fetch the bulk at the first boot"
        yield Finding(TOO_LARGE, message)
    elif len(json.dumps(text, ensure_ascii=False).encode()) > LARGE_BYTES:
        message = f"{size} bytes do not fit into the annotation of `kubectl apply`; use ServerSideApply=true, or `#include`"
        yield Finding(LARGE, message)


def _cloud_config(text: str, found: list[Finding]) -> Iterator[Document]:
    """The document of a `#cloud-config`; what is wrong with it goes to `found`."""
    if headers.header(text) != headers.CLOUD_CONFIG:
        return
    document, wrong = parsed(text)
    found.extend(wrong)
    if document is None:
        return
    if not isinstance(document.data, dict):
        found.append(Finding(SYNTAX, "must be a mapping of cloud-config keys, such as `packages: [nginx]`"))
        return
    found.extend(_breaches(document))
    yield document


def _breaches(document: Document) -> Iterator[Finding]:
    from vmgen.expand.cloud_init.published import breaches

    for rule, path, message in breaches(document.data):
        line, column = document.key_spot(path) if rule is UNKNOWN else document.spot(path)
        yield Finding(rule, message, line, column, path)
