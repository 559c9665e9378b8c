"""A CD-ROM without a bus: rendered with the bus that the platform gives it anyway, or refused where that may change the VM."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

API = "apps.cozystack.io/v1alpha1"
BUS = "`bus: sata`"


def tenant(**bus: str) -> str:
    """Two alike VMs that attach a CD-ROM each, and a third one with a blank disk, with or without a bus."""
    objects: list[dict[str, Any]] = []
    for number in (1, 2, 3):
        name = f"web-{number}"
        names = [f"{name}-system", f"{name}-{'data' if number == 3 else 'iso'}"]
        for disk in names:
            source = (
                {"image": {"name": "ubuntu-24.04"}} if disk.endswith("system") else {"http": {"url": "https://e.org/x.iso"}}
            )
            spec = {"source": {} if disk.endswith("data") else source, "optical": disk.endswith("iso"), "storage": "20Gi"}
            objects.append(
                {"apiVersion": API, "kind": "VMDisk", "metadata": {"name": disk, "namespace": "tenant-acme"}, "spec": spec}
            )
        disks = [{"name": names[0]}, {"name": names[1], **bus}]
        machine = {"runStrategy": "Always", "instanceType": "u1.large", "instanceProfile": "ubuntu", "disks": disks}
        objects.append(
            {"apiVersion": API, "kind": "VMInstance", "metadata": {"name": name, "namespace": "tenant-acme"}, "spec": machine}
        )
    return "\n---\n".join(map(json.dumps, objects))


@pytest.mark.parametrize("version", ["1.5", "1.6"])
def test_the_bus_that_a_cd_rom_has_anyway_is_written_out(
    new_repository: Callable, import_text: Callable, render_text: Callable, version: str
) -> None:
    """Each such VM has a note, and a disk that is no CD-ROM keeps having no bus."""
    project = new_repository().project
    (environment,) = import_text(project, tenant(), platform="cozystack", platform_version=version).environments
    assert environment.is_verified, environment.problems
    notes = [note.object for note in environment.notes if note.field == "spec.disks"]
    assert notes == ["VMInstance web-1", "VMInstance web-2"]
    rendered = render_text(project, environment.content.text)
    assert ["bus: sata" in rendered[f"vms/web-{number}.yaml"] for number in (1, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("platform", "version"), [("cozystack", "1.0"), ("cozystack", "1.4"), ("hikube", "2")], ids=lambda item: item
)
def test_a_bus_that_a_cd_rom_may_not_have_is_asked_for(
    new_repository: Callable, import_text: Callable, platform: str, version: str
) -> None:
    """The message names the disk and what to write, and with that the import succeeds."""
    project = new_repository().project
    text = tenant().replace("ubuntu-24.04", "ubuntu-2404") if platform == "hikube" else tenant()
    (environment,) = import_text(project, text, platform=platform, platform_version=version).environments
    problems = [problem.message for problem in environment.problems]
    assert problems == [
        f"the optical disk 'web-{number}-iso' has no bus, and would have {BUS}; write {BUS} beside its name to accept that"
        for number in (1, 2)
    ]
    accepted = text.replace('-iso"}]', '-iso", "bus": "sata"}]')
    assert accepted != text
    assert import_text(project, accepted, platform=platform, platform_version=version).is_verified
