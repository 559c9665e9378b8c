"""Rules on an environment as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.check.refused import is_invalid
from vmgen.check.rule import Finding, rule
from vmgen.merge.environment import Environment
from vmgen.problems import Place


@rule("missing-namespace")
def missing_namespace(environment: Environment) -> Iterator[Finding]:
    """No layer names the tenant namespace. Objects without one land wherever the person or the engine that applies them is.

    Write `namespace: tenant-…` in the environment, or in `_defaults.yaml` for all of them.
    """
    if not environment.settings.is_set("namespace"):
        message = "no namespace; write `namespace: tenant-...`, here or in _defaults.yaml"
        yield Finding(Place(environment.file, 1, 1), "namespace", message)


@rule("empty-environment", "warning")
def empty_environment(environment: Environment) -> Iterator[Finding]:
    """An environment with neither VMs nor disks renders nothing: mostly a key that was moved, or a file that was forgotten.

    Write `vms:` or `disks:`, or remove the file.
    """
    if environment.groups or environment.disks or is_invalid(environment.settings, "vms", "disks"):
        return
    message = "neither `vms:` nor `disks:`, so nothing is rendered; write some, or remove the file"
    yield Finding(Place(environment.file, 1, 1), "vms", message)
