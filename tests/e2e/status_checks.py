"""What has to hold for `vmgen status`: it names what differs in a cluster, and nothing else."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from bench import STAGING, Bench

KINDS = ("VMDisk", "VMInstance")


def status_names_what_differs(bench: Bench) -> Iterator[str]:
    """`vmgen status` says of what Flux delivered that it is in step, and names each thing that then differs."""
    exit_code, states = _status(bench)
    assert exit_code == 0, states
    assert set(states.values()) == {"in step"}, states
    yield f"all {len(states)} objects of staging are in step, exit code 0"

    bench.api.merge("VMInstance", "web-1", STAGING, {"spec": {"instanceType": "u1.xlarge"}})
    bench.api.delete("VMInstance", "bastion", STAGING)
    foreign = bench.api.get("VMInstance", "web-2", STAGING)
    assert foreign
    foreign["metadata"] = {"name": "stranger", "namespace": STAGING}
    bench.api.create({key: foreign[key] for key in ("apiVersion", "kind", "metadata", "spec")})
    bench.platform.failed["db-1-data"] = "no space left in the pool"
    bench.until("the disk to fail", lambda: _is_failed(bench, "db-1-data"))
    exit_code, states = _status(bench)
    assert exit_code == 1, states
    different = {name: state for name, state in states.items() if state != "in step"}
    assert different == {
        "VMInstance web-1": "drift",
        "VMInstance bastion": "missing",
        "VMInstance stranger": "orphan",
        "VMDisk db-1-data": "failed",
    }, different
    text = bench.repository.vmgen("status", "staging", "-", stdin=_dump(bench)).stdout
    assert "no space left in the pool" in text, text
    yield f"named, exit code 1: {different}"

    bench.platform.failed.clear()
    # Flux would find the disk failed once more, and wait for its interval before it goes on to the VMs.
    bench.until("the disk to be ready again", lambda: not _is_failed(bench, "db-1-data"))
    bench.api.delete("VMInstance", "stranger", STAGING)
    for name in ("staging-disks", "staging-vms"):
        bench.flux.reconcile(name)
    bench.until("the VM", lambda: "bastion" in bench.names("VMInstance", STAGING))
    time.sleep(2)
    exit_code, states = _status(bench)
    assert exit_code == 0, states
    yield "Flux reconciled once more, and all is in step"


def _dump(bench: Bench) -> str:
    """What `kubectl get vminstances,vmdisks -o json` prints."""
    items = [found for kind in KINDS for found in bench.api.all(kind, STAGING)]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _status(bench: Bench) -> tuple[int, dict[str, str]]:
    """The exit code of `vmgen status`, and the state of each object."""
    done = bench.repository.vmgen("status", "staging", "-", "-o", "json", stdin=_dump(bench))
    assert done.returncode in (0, 1), done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, {f"{each['kind']} {each['name']}": each["state"] for each in answer["objects"]}


def _is_failed(bench: Bench, disk: str) -> bool:
    found = bench.api.get("VMDisk", disk, STAGING) or {}
    return any(each["status"] == "False" for each in found.get("status", {}).get("conditions", ()))
