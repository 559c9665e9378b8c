"""Rules on names that the catalog has to know."""

from __future__ import annotations

from collections.abc import Iterator

from generator.check.rule import Finding, rule
from generator.merge.environment import Environment
from generator.quantities import size
from generator.read.catalog import InstanceType
from generator.suggestions import did_you_mean


@rule("unknown-instance-type")
def unknown_instance_type(environment: Environment) -> Iterator[Finding]:
    """An instance type that is not in the catalog. The platform accepts any text and the release fails minutes later.

    Write a type of `vmgen catalog types`, or add a private one to `environments/_catalog.yaml`.
    """
    types = environment.platform.catalog.instance_types
    for _, vm, path in environment.vm_settings():
        written = vm.values.get("instanceType")
        if written and written.data and written.data not in types:
            hint = did_you_mean(written.data, types) or _by_capacity(types.values())
            message = f"unknown instance type '{written.data}'{hint}"
            yield Finding(written.place, f"{path}.instanceType", message)


def _by_capacity(types: object) -> str:
    smallest = sorted((each for each in types if isinstance(each, InstanceType)), key=lambda t: (t.cpu, t.memory))[:3]  # type: ignore[attr-defined]
    return "; for example " + ", ".join(f"{t.cpu} vCPU {size(t.memory)} is {t.name}" for t in smallest)
