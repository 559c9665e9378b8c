"""A hand-written manifest leaves fields out; writing out what the platform takes for them is no change of anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from vmgen.merge.platform import PlatformLoader
from vmgen.plan.verdicts import diff_fields, load_verdicts
from vmgen.read.repository import Project

PROJECT = Project(Path(__file__).resolve().parent.parent.parent)


def changed(platform: str, kind: str, before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """The verdict of each field that differs between two specs."""
    table = load_verdicts(platform, PlatformLoader(PROJECT))[kind]
    return {each.path: each.verdict for each in diff_fields({"spec": before}, {"spec": after}, table)}


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
def test_a_default_that_is_written_out_has_no_effect(platform: str) -> None:
    """Neither the storage class nor the seed is a change where the platform took the same before."""
    disk = changed(platform, "VMDisk", {"storage": "20Gi"}, {"storage": "20Gi", "storageClass": "replicated", "optical": False})
    assert disk == {"spec.storageClass": "no effect", "spec.optical": "no effect"}
    machine = changed(platform, "VMInstance", {}, {"cloudInitSeed": "", "external": False, "externalPorts": [22]})
    assert set(machine.values()) == {"no effect"}


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
def test_another_value_than_the_default_is_a_change(platform: str) -> None:
    """A class other than the one that the platform took is rejected, and a seed re-provisions."""
    assert changed(platform, "VMDisk", {}, {"storageClass": "local"}) == {"spec.storageClass": "rejected"}
    assert changed(platform, "VMInstance", {}, {"cloudInitSeed": "two"}) == {"spec.cloudInitSeed": "reprovision"}
