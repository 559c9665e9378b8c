"""What has to hold for a rebuild: the new disk comes before the change of the VM, and the old one stays until it is retired."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import PRODUCTION, STAGING, Bench
from source import first_line

VM, OLD, NEW = "builder", "builder-system", "builder-system-2"
GROUP = f"  {VM}: {{instanceType: s1.small, image: ubuntu-2404}}\n"


def rebuild_keeps_the_old_disk(bench: Bench) -> Iterator[str]:
    """A VM gets a new system disk by `vmgen rebuild`: the disk before the VM, the old one there until it is retired."""
    for environment in ("production", "staging"):
        path = bench.repository.clone / f"environments/{environment}.yaml"
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace("\n  bastion: {}\n", f"\n  bastion: {{}}\n{GROUP}"), encoding="utf-8")
    _deliver(bench, "A VM to rebuild")
    machines = {namespace: bench.identities("VMInstance", namespace)[VM] for namespace in (PRODUCTION, STAGING)}

    for environment in ("production", "staging"):
        done = bench.repository.vmgen("rebuild", environment, VM, "--image", "debian-12")
        assert done.returncode == 0, done.stderr
    planned = bench.repository.vmgen("plan")
    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.count("rebuild") >= 2, planned.stdout
    _deliver(bench, "Debian for the builder")
    assert "confirmation" not in bench.argocd.said("production")["message"]
    for engine, namespace in (("Argo CD", PRODUCTION), ("Flux", STAGING)):
        bench.until(
            "the VM to have the new disk", lambda namespace=namespace: bench.diary["VMInstance"].uses(namespace, VM, NEW)
        )
        created = bench.diary["VMDisk"].created[namespace, NEW]
        changed = bench.diary["VMInstance"].uses(namespace, VM, NEW)
        assert created < changed
        assert OLD in bench.names("VMDisk", namespace)
        assert bench.identities("VMInstance", namespace)[VM] == machines[namespace]
        yield f"{engine}: {NEW} was created at {created}, {VM} changed at {changed}, and {OLD} is there"

    for environment in ("production", "staging"):
        done = bench.repository.vmgen("retire", environment, OLD, "--reason", "the new one runs")
        assert done.returncode == 0, done.stderr
    yield f"`retire` prints: {first_line(done.stdout or done.stderr)}"
    bench.repository.render()
    commit = bench.repository.commit("The old disk is not needed")
    bench.argocd.refresh("production")
    bench.until("Argo CD to ask", lambda: "confirmation" in bench.argocd.said("production")["message"])
    bench.flux.publish(bench.repository, commit)
    for name in ("staging-disks", "staging-vms"):
        bench.flux.until_applied(name, commit)
    time.sleep(5)
    for namespace in (PRODUCTION, STAGING):
        assert OLD in bench.names("VMDisk", namespace)
    yield f"Argo CD says: {bench.argocd.said('production')['message']}; Flux is ready; both old disks are there"
    bench.argocd.approve("production")
    bench.until("the old disk to go", lambda: OLD not in bench.names("VMDisk", PRODUCTION))
    assert NEW in bench.names("VMDisk", PRODUCTION)
    assert bench.identities("VMInstance", PRODUCTION)[VM] == machines[PRODUCTION]
    yield "after the confirmation Argo CD deleted the old disk; the VM and its new disk are there"


def _deliver(bench: Bench, message: str) -> None:
    """Render, commit, and wait until both engines have applied it."""
    bench.repository.render()
    commit = bench.repository.commit(message)
    bench.argocd.refresh("production")
    bench.flux.publish(bench.repository, commit)
    for name in ("staging-disks", "staging-vms"):
        bench.flux.until_applied(name, commit)
    bench.until("production to be Synced", lambda: bench.argocd.said("production")["sync"] == "Synced")
    bench.until("the VM", lambda: VM in bench.names("VMInstance", PRODUCTION) & bench.names("VMInstance", STAGING))
