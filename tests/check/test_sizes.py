"""A size, or a type from elsewhere, leads to the type that is meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from vmgen.check.rules.sizes import parse_capacity, suggest_type
from vmgen.merge.catalog import InstanceType

Read = Callable[..., Any]


@pytest.fixture(name="types")
def _types(read: Read) -> Mapping[str, InstanceType]:
    found: Mapping[str, InstanceType] = read("vms: {}\n")[0].platform.catalog.instance_types
    return found


@pytest.mark.parametrize(
    "text",
    ["2x8", "2cpu-8gb", "2 vCPU 8 GB", "2c8g", "2 CPUs, 8192 MiB", "2 vCPU and 8 Gi RAM", "2/8", "2vcpu8gib", "2 cores 8"],
)
def test_capacities(text: str) -> None:
    """However people write it, it is 2 vCPUs and 8 GiB."""
    assert parse_capacity(text) == (2, 8 * 2**30)


@pytest.mark.parametrize("text", ["u1.large", "28g", "16gb", "8", "2x8x1", "", "c2m8", "two by eight"])
def test_not_capacities(text: str) -> None:
    """A name, or a single number, is no size."""
    assert parse_capacity(text) is None


@pytest.mark.parametrize(
    ("written", "says"),
    [
        ("u1.larg", "; did you mean 'u1.large'?"),
        ("U1.Large", "; did you mean 'u1.large'?"),
        ("2x8", "; 2 vCPU 8 Gi is u1.large"),
        ("2x6", "; no type has just that; the smallest with as much: 2 vCPU 8 Gi is u1.large"),
        ("999x9999", "; no type is that large; the largest: 64 vCPU 128 Gi is s1.8xlarge"),
        ("t3.xlarge", "; did you mean 'u1.xlarge'?"),
        ("t3.2xlarge", "; did you mean 'u1.2xlarge'?"),
        (
            "Standard_D2s_v5",
            "; for example 1 vCPU 2 Gi is s1.small, 1 vCPU 4 Gi is u1.medium, 2 vCPU 4 Gi is s1.medium; "
            "all: `vmgen catalog types`",
        ),
    ],
)
def test_suggestions(written: str, says: str, types: Mapping[str, InstanceType]) -> None:
    """The message ends with the type that is meant, or with a few."""
    assert suggest_type(written, types) == says
