"""The rule on secrets outside of cloud-init: in labels, annotations, addresses and all else that becomes a field."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.read.located import Located, format_path, walk
from vmgen.secrets.patterns import find_secrets

# Keys that become no field by themselves, or have rules of their own: cloud-init is scanned once it is assembled.
_EXCLUDED_KEYS = frozenset({"cloudInit", "vars", "sshKeys", "defaults", "vms", "disks", "retire", "waivers"})


@rule("secret-in-manifest")
def secret_in_manifest(environment: Environment) -> Iterator[Finding]:
    """A secret in a label, an annotation, an address or another field: it would be committed, and everybody who may see
    the object could read it.

    Remove it, and replace it where it is used: what was ever committed is known. docs/secrets.md has the ways to hand a
    VM its secrets.
    """
    levels = [("", environment.settings)]
    levels += [(f"{path}.", vm.values) for _, vm, path in environment.vm_settings]
    levels += [(f"{path}.", disk) for disk, path, _ in environment.disk_settings]
    for prefix, settings in levels:
        for name, value in settings.located.mapping.items():
            if name not in _EXCLUDED_KEYS and not value.layer:
                yield from _scan_value(value, prefix + name)


def _scan_value(value: Located, subject: str) -> Iterator[Finding]:
    for path, item in walk(value):
        if isinstance(item.data, str) and not item.layer:
            for secret in find_secrets(_prefix_key(path, item.data)):
                message = f"holds {secret.description}; remove it, and replace it where it is used"
                yield Finding(item.place, format_path((subject, *path)), message)


def _prefix_key(path: tuple[str | int, ...], text: str) -> str:
    """Return the text after its key, which may tell that it is a secret: `example.com/db-password: …`."""
    return f"{path[-1]}: {text}" if path and isinstance(path[-1], str) and "\n" not in text else text
