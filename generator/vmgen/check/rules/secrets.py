"""The rules on secrets outside of cloud-init: in labels, annotations, addresses, variables and all else that is committed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.problems import Place
from vmgen.read.located import Located, format_path, walk
from vmgen.secrets.patterns import CHANGE_ME_DESCRIPTION, SecretMatch, find_secrets
from vmgen.secrets.tokens import PRIVATE_KEY_DESCRIPTION, Token, find_tokens

# Keys that hold other settings, and are scanned where those are; cloud-init is scanned once it is assembled.
_EXCLUDED_KEYS = frozenset({"cloudInit", "defaults", "vms", "disks"})
# Keys that become no field by themselves, and are committed all the same.
_UNRENDERED_KEYS = frozenset({"vars", "retire", "waivers"})


@rule("secret-in-manifest")
def secret_in_manifest(environment: Environment) -> Iterator[Finding]:
    """A secret in a label, an annotation, an address, the comment of an SSH key or another field. It would be committed, and
    everybody with access to the object could read it.

    Remove it, and replace it everywhere it is used if it was ever committed. docs/secrets.md shows how to provide secrets
    to a VM.
    """
    for subject, place, description in _find_secrets(environment):
        if description != CHANGE_ME_DESCRIPTION and not _is_unrendered(subject):
            yield Finding(place, subject, f"contains {description}; remove it, and replace it everywhere it is used")


@rule("secret-in-environment")
def secret_in_environment(environment: Environment) -> Iterator[Finding]:
    """A secret in a part of an environment that is not rendered: a variable, or the reason of a tombstone or a waiver. It
    would still be committed.

    Remove it, and replace it everywhere it is used if it was ever committed. docs/secrets.md shows how to provide secrets
    to a VM.
    """
    for subject, place, description in _find_secrets(environment):
        if description != CHANGE_ME_DESCRIPTION and _is_unrendered(subject):
            yield Finding(place, subject, f"contains {description}; remove it, and replace it everywhere it is used")


@rule("placeholder-secret", "warning")
def placeholder_secret(environment: Environment) -> Iterator[Finding]:
    """A placeholder such as `CHANGEME` for a secret, in user data or in a field. If you forget to replace it, the VM has a
    well-known password.

    Write a reference that Flux, cloud-init or a script replaces, such as `${db_password}`; see docs/secrets.md.
    """
    for subject, place, description in _find_secrets(environment):
        if description == CHANGE_ME_DESCRIPTION:
            yield Finding(place, subject, f"contains {description}; write a reference instead (docs/secrets.md)")


def _find_secrets(environment: Environment) -> Iterator[tuple[str, Place, str]]:
    """Yield subject, place and description of each secret in the settings of an environment, its groups, VMs and disks."""
    levels: list[tuple[str, Mapping[str, Located]]] = [("", environment.settings.located.mapping)]
    levels += [(f"{path}.", vm.values.located.mapping) for _, vm, path in environment.vm_settings]
    levels += [(f"{path}.", disk.located.mapping) for disk, path, _ in environment.all_disk_settings]
    earlier_values: set[tuple[str, int]] = set()
    for prefix, settings in levels:
        for name, value in settings.items():
            if (name, id(value)) in earlier_values:  # inherited: what has one place is reported once
                continue
            earlier_values.add((name, id(value)))
            # Most values are a word without a secret, which needs no path.
            if (
                name not in _EXCLUDED_KEYS
                and not value.layer
                and (not isinstance(value.data, str) or _find_in_text(value.data))
            ):
                yield from _scan_value(value, prefix + name)


def _scan_value(value: Located, subject: str) -> Iterator[tuple[str, Place, str]]:
    for path, item in walk(value):
        if item.layer:
            continue
        if isinstance(item.data, str):
            # An id below `policy:` such as `no-ssh-key` has a severity as its value, which the schema checks.
            text = item.data if subject == "policy" else _prefix_key(path, item.data)
            for secret in _find_in_text(text):
                if secret.description.startswith(PRIVATE_KEY_DESCRIPTION) and subject.endswith("sshKeys"):
                    continue  # it has a rule of its own
                yield format_path((subject, *path)), item.place, secret.description
        for key, below in item.mapping.items():
            for token in _find_in_key(key):
                yield format_path((subject, *path, key)), below.key_place or below.place, token.description


# The same few keys and values stand in every group, and each VM that differs from its group has them all again.
@lru_cache(maxsize=4096)
def _find_in_text(text: str) -> tuple[SecretMatch, ...]:
    return tuple(find_secrets(text))


@lru_cache(maxsize=4096)
def _find_in_key(key: str) -> tuple[Token, ...]:
    return tuple(find_tokens(key))


def _is_unrendered(subject: str) -> bool:
    return not _UNRENDERED_KEYS.isdisjoint(subject.replace("[", ".").split("."))


def _prefix_key(path: tuple[str | int, ...], text: str) -> str:
    """Return the text after its key, which may tell that it is a secret: `example.com/db-password: …`."""
    return f"{path[-1]}: {text}" if path and isinstance(path[-1], str) and "\n" not in text else text
