"""The rule on secrets outside of cloud-init: in labels, annotations, addresses, and whatever else becomes a field."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.read.located import Located, format_path, walk
from vmgen.secrets.patterns import find_secrets

# What does not become a field by itself. Cloud-init is looked at when it has been put together, and SSH keys have rules.
_EXCLUDED_KEYS = frozenset({"cloudInit", "vars", "sshKeys", "defaults", "vms", "disks", "retire", "waivers"})


@rule("secret-in-manifest")
def secret_in_manifest(environment: Environment) -> Iterator[Finding]:
    """A secret in a label, an annotation, an address or another field: it would be committed, and everybody who may see
    the object could read it.

    Remove it, and replace it where it is used: what was ever committed is known. docs/secrets.md has the ways to hand a
    VM its secrets.
    """
    for subject, whole in _iter_levels(environment):
        for name, value in whole.mapping.items():
            if name not in _EXCLUDED_KEYS and not value.layer:
                yield from _find_in_value(value, f"{subject}{name}")


def _iter_levels(environment: Environment) -> Iterator[tuple[str, Located]]:
    yield "", environment.settings.located
    for _, vm, path in environment.vm_settings:
        yield f"{path}.", vm.values.located
    for disk, path, _ in environment.disk_settings:
        yield f"{path}.", disk.located


def _find_in_value(value: Located, subject: str) -> Iterator[Finding]:
    for path, item in walk(value):
        if isinstance(item.data, str) and not item.layer:
            for found in find_secrets(_prefix_key(path, item.data)):
                where = subject + (
                    format_path(path) if path and isinstance(path[0], int) else f".{format_path(path)}" * bool(path)
                )
                yield Finding(item.place, where, f"holds {found.description}; remove it, and replace it where it is used")


def _prefix_key(path: tuple[str | int, ...], text: str) -> str:
    """The text after its key, which may say that it is a secret: `example.com/db-password: …`."""
    return f"{path[-1]}: {text}" if path and isinstance(path[-1], str) and "\n" not in text else text
