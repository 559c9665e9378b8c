"""The peers render what vmgen renders."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.fleets import write_fleet, write_values
from benchmarks.peers import FINDERS
from benchmarks.peers.peer import Absent, Peer
from vmgen.api import load, render

# Four groups of two: the third is exposed, the fourth has cloud-init and one VM of another size.
VMS, SIZES = 40, (2, 14, 1)
Objects = Mapping[tuple[str, ...], Mapping[str, Any]]


def objects(texts: Iterable[str | bytes]) -> Objects:
    """The VMs and disks of YAML streams: their annotations and specs, by what identifies them."""
    documents = (document for text in texts for document in yaml.safe_load_all(text) if document)
    return {
        (one["apiVersion"], one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]): {
            "annotations": one["metadata"].get("annotations", {}),
            "spec": one["spec"],
        }
        for one in documents
        if one.get("kind") in ("VMInstance", "VMDisk")
    }


@pytest.fixture(scope="module")
def of_vmgen(tmp_path_factory: pytest.TempPathFactory) -> Objects:
    """What vmgen makes of the fleet."""
    root = tmp_path_factory.mktemp("fleet")
    write_fleet(VMS, root, SIZES)
    environments = render(load(str(root)))
    assert not [problem for environment in environments for problem in environment.problems if problem.severity == "error"]
    return objects(text for environment in environments for text in environment.files.values())


def test_the_fleet_is_mixed(of_vmgen: Objects) -> None:
    """A fleet has three objects a VM, exposed and configured groups, and VMs of two sizes."""
    machines = [one["spec"] for (_, kind, *_), one in of_vmgen.items() if kind == "VMInstance"]
    assert len(of_vmgen) == 3 * VMS
    assert len(machines) == VMS
    assert {one["external"] for one in machines} == {True, False}
    texts = {one["cloudInit"] for one in machines}
    assert "" in texts
    assert len(texts) > VMS // 2
    assert {one["instanceType"] for one in machines} == {"u1.large", "u1.xlarge"}


@pytest.mark.parametrize("find", FINDERS, ids=lambda find: find.__module__.rpartition(".")[2])
def test_a_peer_renders_the_same_objects(find: Callable[[], Peer | Absent], of_vmgen: Objects, tmp_path: Path) -> None:
    """Every peer that is installed makes the objects that vmgen makes, field by field."""
    peer = find()
    if isinstance(peer, Absent):
        pytest.skip(peer.reason)
    values, output = tmp_path / "values.json", tmp_path / "output"
    output.mkdir()
    write_values(VMS, values, SIZES)
    subprocess.run(peer.command(values, output), capture_output=True, check=True)
    written = [path.read_text(encoding="utf-8") for path in output.rglob("*") if path.is_file()]
    assert objects(written) == of_vmgen
