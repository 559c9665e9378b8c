"""Rules on labels and annotations."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vmgen.check.guards import GUARDS
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.merge.own_disks import VmSettings
from vmgen.merge.settings import Settings
from vmgen.problems import shorten
from vmgen.read.located import Located

# The API stores the keys of an object on a HelmRelease with this prefix.
_STORED_PREFIX = "apps.cozystack.io-"
# The limits of Kubernetes. https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_MAX_NAME_LENGTH = 63
_MAX_PREFIX_LENGTH = 253
_NAME_PATTERN = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_PREFIX_PATTERN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_NAME_SYNTAX = "letters, digits, '-', '_' and '.', a letter or digit first and last"


@rule("invalid-label-key")
def invalid_label_key(environment: Environment) -> Iterator[Finding]:
    """A label with a key that Kubernetes refuses. A key has letters, digits, `-`, `_` and `.`, with or without `prefix/`.
    The platform adds 18 characters, so a key without a prefix may have 45 characters instead of 63; the API answers a
    longer one with an internal error.

    Shorten or correct the key.
    """
    for key, value, subject in _iter_metadata(environment, "labels"):
        error = _find_key_error(key, key)
        if error:
            yield Finding(value.key_place or value.place, subject, f"the label key {error}")


@rule("invalid-annotation-key")
def invalid_annotation_key(environment: Environment) -> Iterator[Finding]:
    """An annotation with a key that Kubernetes refuses. The rules are those of label keys, except that the prefix may
    contain capitals. The platform adds 18 characters, so a key without a prefix may have 45 characters.

    Shorten or correct the key.
    """
    for key, value, subject in _iter_metadata(environment, "annotations"):
        error = _find_key_error(key, key.lower())
        if error:
            yield Finding(value.key_place or value.place, subject, f"the annotation key {error}")


@rule("invalid-label-value")
def invalid_label_value(environment: Environment) -> Iterator[Finding]:
    """A label with a value that Kubernetes refuses. A value has at most 63 letters, digits, `-`, `_` and `.`, and may be
    empty.

    Shorten or correct the value, or use an annotation, which may contain any text.
    """
    for _, value, subject in _iter_metadata(environment, "labels"):
        text = value.data
        if isinstance(text, str) and text and (len(text) > _MAX_NAME_LENGTH or not re.fullmatch(_NAME_PATTERN, text)):
            message = f"the label value '{shorten(text)}' is not 1 to 63 {_NAME_SYNTAX}; correct it, or make it an annotation"
            yield Finding(value.place, subject, message)


@rule("reserved-annotation")
def reserved_annotation(environment: Environment) -> Iterator[Finding]:
    """An annotation that replaces the protection of a disk with `protect: true`. Argo CD or Flux would prune the disk
    without a question.

    Add the values of the protection to yours, in their exact spelling and before others of their kind: of several
    `Prune=`, Argo CD uses the first. Or set `protect: false` on the disk.
    """
    for disk, path, vm in environment.all_disk_settings:
        if disk.get_plain("protect") is not True:
            continue
        levels = list_annotation_levels(environment, disk, path, vm)
        for key in dict.fromkeys(guard.key for guard in GUARDS):
            annotation, level_path = find_effective_annotation(levels, key)
            if (
                annotation
                and isinstance(annotation.data, str)
                and not all(guard.is_met(annotation.data) for guard in GUARDS if guard.key == key)
            ):
                options = ",".join(guard.spelling for guard in GUARDS if guard.key == key)
                message = f"replaces the protection '{options}' of a disk; remove it, or write `protect: false` on the disk"
                yield Finding(annotation.place, f"{level_path}.annotations.{key}".lstrip("."), message)


def _iter_metadata(environment: Environment, kind: str) -> Iterator[tuple[str, Located, str]]:
    """Yield the key, value and key path of each label or annotation."""
    levels = [(environment.settings, "")]
    levels += [(vm.values, f"{path}.") for _, vm, path in environment.vm_settings if vm.values.is_set(kind)]
    levels += [(disk, f"{path}.") for disk, path, _ in environment.all_disk_settings if disk.is_set(kind)]
    for settings, path in levels:
        for key, value in settings.get_entries(kind):
            yield key, value, f"{path}{kind}.{shorten(key)}"


def _find_key_error(key: str, compared_key: str) -> str | None:
    """Return the end of a message about a key, or None if Kubernetes takes it. It compares keys of annotations in lower case.

    https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
    """
    prefix, slash, name = compared_key.rpartition("/")
    quoted_key = f"'{shorten(key)}'"
    if not re.fullmatch(_NAME_PATTERN, name):
        return f"{quoted_key} is not {_NAME_SYNTAX}, with or without 'prefix/'; correct it"
    if slash and not re.fullmatch(_PREFIX_PATTERN, prefix):
        return f"{quoted_key} has a prefix that is not a domain name; write one such as 'example.com/'"
    max_length = _MAX_NAME_LENGTH if slash else _MAX_NAME_LENGTH - len(_STORED_PREFIX)
    if len(name) > max_length:
        cause = "" if slash else f", since the platform adds '{_STORED_PREFIX}'"
        return f"{quoted_key} has more than {max_length} characters{' after the prefix' if slash else ''}{cause}; shorten it"
    if len(prefix) > _MAX_PREFIX_LENGTH - len(_STORED_PREFIX):
        return f"{quoted_key} has a prefix of more than {_MAX_PREFIX_LENGTH - len(_STORED_PREFIX)} characters; shorten it"
    return None


def list_annotation_levels(
    environment: Environment, disk: Settings, path: str, vm: VmSettings | None
) -> list[tuple[Settings, str]]:
    """Return the settings that a disk takes annotations and labels from, each with its key path; the first one wins.

    `path` is the key path of the disk, and `vm` has the settings of its VM, None if it is standalone.
    """
    machine = [(vm.values, path.partition(".disks.")[0])] if vm else []
    return [(disk, path), *machine, (environment.settings, "")]


def find_effective_annotation(
    levels: list[tuple[Settings, str]], key: str, section: str = "annotations"
) -> tuple[Located | None, str]:
    """Return the annotation that a disk gets, and the path of its level; None if no level sets it. The first level wins.

    A `section` of `labels` finds a label.
    """
    for settings, path in levels:
        values = settings.get(section)
        if values and key in values.mapping:
            return values.mapping[key], path
    return None, ""
