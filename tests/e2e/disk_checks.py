"""What has to hold for disks that leave Git, get another name, or move: who asks, who refuses, and what stays."""

from __future__ import annotations

import time
from collections.abc import Iterator

from api import documents
from bench import PRODUCTION, STAGING, WEB_2, WEB_3, Bench
from source import URL, first_line


def disks_are_guarded(bench: Bench) -> Iterator[str]:
    """A VM and its disks go with `retire:`: Argo CD asks and then deletes all, Flux deletes the VM alone."""
    bench.repository.edit("environments/production.yaml", ("    count: 3\n", "    count: 2\n"))
    bench.repository.edit("environments/staging.yaml", ("web: {count: 2,", "web: {count: 1,"))
    refused = bench.repository.vmgen("render")
    assert refused.returncode == 1, refused.stderr
    yield f"without tombstones `render` refuses: {first_line(refused.stderr)}"
    for name, text in (("production", WEB_3), ("staging", WEB_2)):
        path = bench.repository.clone / f"environments/{name}.yaml"
        path.write_text(path.read_text(encoding="utf-8") + text)
    bench.repository.render()
    commit = bench.repository.commit("Two web servers are enough")
    bench.argocd.refresh("production")
    bench.until("Argo CD to ask", lambda: "confirmation" in bench.argocd.said("production")["message"])
    time.sleep(5)
    assert {"web-3-system", "web-3-data"} <= bench.names("VMDisk", PRODUCTION)
    assert "web-3" in bench.names("VMInstance", PRODUCTION)
    yield f"Argo CD says: {bench.argocd.said('production')['message']}; 5 s later VM web-3 and both of its disks are there"
    bench.flux.publish(bench.repository, commit)
    for name in ("staging-disks", "staging-vms"):
        bench.flux.until_applied(name, commit)
    assert "web-2" not in bench.names("VMInstance", STAGING)
    assert {"web-2-system", "web-2-data"} <= bench.names("VMDisk", STAGING)
    yield "Flux deleted VM web-2 and is ready; both of its disks are there"
    bench.argocd.approve("production")
    bench.until("the disks to go", lambda: not {"web-3-system", "web-3-data"} & bench.names("VMDisk", PRODUCTION))
    bench.until("the VM to go", lambda: "web-3" not in bench.names("VMInstance", PRODUCTION))
    bench.until("production to be Synced", lambda: bench.argocd.said("production")["sync"] == "Synced")
    yield "after the confirmation Argo CD deleted the VM and the two disks, and production is Synced"


def rename_leaves_a_vm(bench: Bench) -> Iterator[str]:
    """A VM and its disks renamed together: the new VM runs while Argo CD asks whether the old disks may go."""
    path = bench.repository.clone / "environments/production.yaml"
    written = path.read_text(encoding="utf-8")
    rows = "".join(f"  - {{disk: renamed-{disk}, reason: another name}}\n" for disk in ("system", "data"))
    group = "  {name}: {{instanceType: s1.small, image: ubuntu-2404, disks: {{data: 5Gi}}}}\n"
    before = written.replace("\n  bastion: {}\n", f"\n  bastion: {{}}\n{group.format(name='renamed')}")
    assert before != written
    path.write_text(before, encoding="utf-8")
    bench.repository.render()
    bench.repository.commit("A VM to rename")
    bench.argocd.refresh("production")
    bench.until("the VM", lambda: "renamed" in bench.names("VMInstance", PRODUCTION))
    bench.until("production to be Synced", lambda: bench.argocd.said("production")["sync"] == "Synced")
    after = before.replace("\n  renamed: ", "\n  another: ")
    path.write_text(after.replace("retire:\n", f"retire:\n{rows}") if "retire:\n" in after else f"{after}retire:\n{rows}")
    bench.repository.render()
    bench.repository.commit("Another name")
    bench.argocd.refresh("production")
    bench.until("Argo CD to ask", lambda: "confirmation" in bench.argocd.said("production")["message"])
    assert "another" in bench.names("VMInstance", PRODUCTION)
    assert {"renamed-system", "another-system"} <= bench.names("VMDisk", PRODUCTION)
    old = "still runs" if "renamed" in bench.names("VMInstance", PRODUCTION) else "is gone"
    yield f"another runs, renamed {old}, and the old disks are there: {bench.argocd.said('production')['message']}"
    bench.argocd.approve("production")
    bench.until("the old disks to go", lambda: "renamed-system" not in bench.names("VMDisk", PRODUCTION))
    bench.until("production to be Synced", lambda: bench.argocd.said("production")["sync"] == "Synced")
    assert "renamed" not in bench.names("VMInstance", PRODUCTION)
    yield "after the confirmation the old VM and its disks are gone"


def shared_disks_are_refused(bench: Bench) -> Iterator[str]:
    """A second Application with the disks of production is refused by Argo CD, and touches none of them."""
    [second] = documents(bench.repository.clone / "delivery/argocd/production.yaml")
    second["metadata"]["name"] = "second"
    before = bench.versions(PRODUCTION)
    bench.api.create(second)
    bench.until("Argo CD to refuse", lambda: "Shared resource found" in bench.argocd.said("second")["message"])
    said = bench.argocd.said("second")["message"]
    bench.api.delete("Application", "second", "argocd")
    time.sleep(5)
    assert bench.versions(PRODUCTION) == before
    yield f"Argo CD says: {said}; not one object was written, nor deleted with the Application"


def cascade_is_refused(bench: Bench) -> Iterator[str]:
    """An Application with a finalizer that is removed is refused by vmgen before any engine sees it."""
    path = bench.repository.clone / "environments/production.yaml"
    written = path.read_text(encoding="utf-8")
    path.write_text(f"{written}delivery: {{argocd: {{finalizer: true}}}}\n", encoding="utf-8")
    bench.repository.render()
    bench.repository.commit("A finalizer")
    path.write_text(f"{written}delivery: {{argocd: null}}\n", encoding="utf-8")
    refused = bench.repository.vmgen("render")
    assert refused.returncode == 1, refused.stderr
    assert "[delivery-cascade]" in refused.stderr, refused.stderr
    yield f"`render` refuses: {first_line(refused.stderr)}"
    path.write_text(written, encoding="utf-8")
    bench.repository.render()
    bench.repository.commit("As it was")


GROUP = "  {}: {{instanceType: s1.small, image: ubuntu-2404}}\n"
DELIVERY = """delivery:
  argocd:
    repoURL: {url}
    targetRevision: main
    destination: {{name: hikube}}
    {options}
"""
OPTIONS = "syncOptions: [ApplyOutOfSyncOnly=true, FailOnSharedResource={fails}]"


def disks_move_between_applications(bench: Bench) -> Iterator[str]:
    """VMs move to the Application of another environment in the order of docs/delivery.md, and keep their disks."""
    written = (bench.repository.clone / "environments/production.yaml").read_text(encoding="utf-8")
    folder = bench.repository.clone / "delivery/argocd"
    _write_move(bench, written, "first", "second", "third", to_mobile=())
    bench.argocd.replace(folder, "production")
    for document in documents(folder / "mobile.yaml"):
        bench.api.create(document)
    for name in ("production", "mobile"):
        bench.argocd.refresh(name)
    bench.until("the VMs", lambda: {"first", "second", "third", "resident"} <= bench.names("VMInstance", PRODUCTION))
    _until_both_are_synced(bench)
    before = bench.identities("VMDisk", PRODUCTION)

    _write_move(bench, written, "second", "third", to_mobile=("first",))
    bench.argocd.refresh("mobile")
    bench.until("mobile to take over", lambda: _is_owned(bench, "first-system", "mobile"))
    bench.argocd.refresh("production")
    time.sleep(5)
    message = bench.argocd.said("production")["message"]
    assert "confirmation" not in message, message
    _until_both_are_synced(bench)
    yield f"the one that gains, synced first, takes over; the one that loses asks nothing: {message}"

    _write_move(bench, written, "third", to_mobile=("first", "second"))
    bench.argocd.refresh("production")
    bench.until("Argo CD to ask", lambda: "confirmation" in bench.argocd.said("production")["message"])
    yield f"the one that loses, synced first, asks: {bench.argocd.said('production')['message']}"
    bench.argocd.refresh("mobile")
    bench.until("mobile to take over", lambda: _is_owned(bench, "second-system", "mobile"))
    bench.argocd.terminate("production")
    _until_both_are_synced(bench)
    yield "the other one takes over, the question is terminated, and both are Synced"

    _write_move(bench, written, to_mobile=("first", "second", "third"), fails="true")
    bench.argocd.replace(folder, "mobile")
    bench.argocd.refresh("mobile")
    bench.until("Argo CD to refuse", lambda: "Shared resource found" in bench.argocd.said("mobile")["message"])
    yield f"without the option the one that gains is refused: {bench.argocd.said('mobile')['message']}"
    _write_move(bench, written, to_mobile=("first", "second", "third"))
    bench.argocd.replace(folder, "mobile")
    bench.argocd.terminate("mobile")
    bench.until("the refused sync to end", lambda: bench.argocd.said("mobile")["phase"] != "Running")
    bench.argocd.sync("mobile")
    bench.until("mobile to take over", lambda: _is_owned(bench, "third-system", "mobile"))
    bench.argocd.refresh("production")
    _until_both_are_synced(bench)
    assert bench.identities("VMDisk", PRODUCTION) == before
    (bench.repository.clone / "environments/production.yaml").write_text(written, encoding="utf-8")
    bench.repository.render()
    bench.repository.commit("The option as it was")
    bench.argocd.replace(folder, "production")
    bench.argocd.refresh("production")
    yield f"terminated, and synced by hand with the option, it takes over; all {len(before)} disks are the ones that they were"


def _write_move(bench: Bench, written: str, *staying: str, to_mobile: tuple[str, ...], fails: str = "false") -> None:
    """Commit production with some groups more, and an environment `mobile` of the same namespace with others."""
    groups = "".join(map(GROUP.format, staying))
    production, mobile = (bench.repository.clone / f"environments/{name}.yaml" for name in ("production", "mobile"))
    moved = written.replace("\n  bastion: {}\n", f"\n  bastion: {{}}\n{groups}")
    production.write_text(f"{moved}delivery: {{argocd: {{{OPTIONS.format(fails='false')}}}}}\n", encoding="utf-8")
    delivery = DELIVERY.format(url=URL, options=OPTIONS.format(fails=fails))
    mobile.write_text(
        f"namespace: {PRODUCTION}\n{delivery}vms:\n" + "".join(map(GROUP.format, ("resident", *to_mobile))), encoding="utf-8"
    )
    bench.repository.render()
    bench.repository.commit(f"{len(to_mobile)} VMs have moved")


def _until_both_are_synced(bench: Bench) -> None:
    bench.until(
        "both to be Synced", lambda: {bench.argocd.said(name)["sync"] for name in ("production", "mobile")} == {"Synced"}
    )


def _is_owned(bench: Bench, disk: str, application: str) -> bool:
    found = bench.api.get("VMDisk", disk, PRODUCTION) or {"metadata": {}}
    return str(found["metadata"].get("annotations", {}).get("argocd.argoproj.io/tracking-id", "")).startswith(f"{application}:")
