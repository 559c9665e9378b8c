"""Rules on labels and annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.merge.settings import Settings
from vmgen.read.located import Located

# The API stores the keys of an object on a HelmRelease, with this in front of them.
STORED_PREFIX = "apps.cozystack.io-"
_MOST_NAME = 63
_MOST_PREFIX = 253
_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_RULE_OF_NAMES = "letters, digits, '-', '_' and '.', a letter or digit first and last"


@rule("invalid-label-key")
def invalid_label_key(environment: Environment) -> Iterator[Finding]:
    """A label whose key Kubernetes refuses: a name of letters, digits, `-`, `_` and `.`, with or without `prefix/` before it.

    The platform puts 18 characters of its own before the key, so a key without prefix may have 45 characters instead of
    63; it answers a longer one with an internal error. Shorten or correct the key.
    """
    for key, value, subject in _metadata(environment, "labels"):
        wrong = _wrong_key(key, key)
        if wrong:
            yield Finding(value.key or value.place, subject, f"the label key {wrong}")


@rule("invalid-annotation-key")
def invalid_annotation_key(environment: Environment) -> Iterator[Finding]:
    """An annotation whose key Kubernetes refuses. The rules are those of label keys, capitals in the prefix aside.

    The platform puts 18 characters of its own before the key, so a key without prefix may have 45 characters. Shorten
    or correct the key.
    """
    for key, value, subject in _metadata(environment, "annotations"):
        wrong = _wrong_key(key, key.lower())
        if wrong:
            yield Finding(value.key or value.place, subject, f"the annotation key {wrong}")


@rule("invalid-label-value")
def invalid_label_value(environment: Environment) -> Iterator[Finding]:
    """A label whose value Kubernetes refuses: at most 63 letters, digits, `-`, `_` and `.`; it may be empty.

    Shorten or correct the value, or make it an annotation: those take any text.
    """
    for _, value, subject in _metadata(environment, "labels"):
        text = value.data
        if isinstance(text, str) and text and (len(text) > _MOST_NAME or not _NAME.fullmatch(text)):
            message = f"the label value '{_cut(text)}' is not 1 to 63 {_RULE_OF_NAMES}; correct it, or make it an annotation"
            yield Finding(value.place, subject, message)


@rule("reserved-annotation")
def reserved_annotation(environment: Environment) -> Iterator[Finding]:
    """An annotation that replaces the protection of a disk with `protect: true`: Argo CD or Flux would prune it unasked.

    Add the protection's own values to yours, or say openly that the disk is not protected: `protect: false` on it.
    """
    protected: Mapping[str, str] = environment.platform.data("protection")["protected"]
    anywhere = _annotated(environment.settings)
    for disk, path, vm in environment.disk_settings():
        if disk.value("protect") is not True or not (anywhere or _annotated(disk) or (vm and _annotated(vm.values))):
            continue
        levels = [(disk, path), (environment.settings, "")]
        if vm:
            levels.insert(1, (vm.values, path.partition(".disks.")[0]))
        for key, needed in protected.items():
            found, at = _highest(levels, key)
            if found and isinstance(found.data, str) and not _includes(found.data, needed):
                message = f"replaces the protection '{needed}' of a disk; remove it, or write `protect: false` on the disk"
                yield Finding(found.place, f"{at}.annotations.{key}".lstrip("."), message)


def _metadata(environment: Environment, kind: str) -> Iterator[tuple[str, Located, str]]:
    """Each label or annotation, with its key and its path."""
    levels = [(environment.settings, "")]
    levels += [(vm.values, f"{path}.") for _, vm, path in environment.vm_settings() if vm.values.written(kind)]
    levels += [(disk, f"{path}.") for disk, path, _ in environment.disk_settings() if disk.written(kind)]
    for settings, path in levels:
        for key, value in settings.entries(kind):
            yield key, value, f"{path}{kind}.{_cut(key)}"


def _annotated(settings: Settings) -> bool:
    return settings.written("annotations")


def _wrong_key(written: str, key: str) -> str | None:
    """What is wrong with a key as Kubernetes compares it, to follow its noun; None where nothing is."""
    prefix, slash, name = key.rpartition("/")
    shown = f"'{_cut(written)}'"
    if not _NAME.fullmatch(name):
        return f"{shown} is not {_RULE_OF_NAMES}, with or without 'prefix/'; correct it"
    if slash and not _PREFIX.fullmatch(prefix):
        return f"{shown} has a prefix that is not a domain name; write one such as 'example.com/'"
    most_name = _MOST_NAME if slash else _MOST_NAME - len(STORED_PREFIX)
    if len(name) > most_name:
        own = "" if slash else f", since the platform adds '{STORED_PREFIX}'"
        return f"{shown} has more than {most_name} characters{' after the prefix' if slash else ''}{own}; shorten it"
    if len(prefix) > _MOST_PREFIX - len(STORED_PREFIX):
        return f"{shown} has a prefix of more than {_MOST_PREFIX - len(STORED_PREFIX)} characters; shorten it"
    return None


def _highest(levels: list[tuple[Settings, str]], key: str) -> tuple[Located | None, str]:
    """The annotation that the disk ends up with, and whose it is: the nearest level wins."""
    for settings, path in levels:
        written = settings.get("annotations")
        if written and key in written.mapping:
            return written.mapping[key], path
    return None, ""


def _includes(written: str, needed: str) -> bool:
    return set(needed.lower().split(",")) <= {part.strip().lower() for part in written.split(",")}


def _cut(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
