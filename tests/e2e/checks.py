"""What has to hold, one function each: it yields what was seen, and fails with an AssertionError."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import yaml
from api import documents
from bench import CHECKOUT, OFFICE, PRODUCTION, STAGING, TEXT, Bench
from disk_checks import (
    cascade_is_refused,
    disks_are_guarded,
    disks_move_between_applications,
    rename_leaves_a_vm,
    shared_disks_are_refused,
)
from rebuild_checks import rebuild_keeps_the_old_disk
from source import URL, first_line
from status_checks import status_names_what_differs


def argocd_syncs(bench: Bench) -> Iterator[str]:
    """Argo CD syncs production: disks first, all of it Synced and Healthy, a disk of a late class in nobody's way."""
    bench.argocd.apply(bench.repository.clone / "delivery/argocd", "production")
    disks, machines = bench.wanted("VMDisk", "production"), bench.wanted("VMInstance", "production")
    bench.until("the disks", lambda: bench.names("VMDisk", PRODUCTION) == disks)
    time.sleep(5)
    assert bench.names("VMInstance", PRODUCTION) == set()
    yield f"{len(disks)} disks are there and not ready, and for 5 s no VM is: {bench.argocd.said('production')['message']}"
    bench.platform.disks = True
    bench.until("the VMs", lambda: bench.names("VMInstance", PRODUCTION) == machines)

    def well() -> bool:
        said = bench.argocd.said("production")
        return said["sync"] == "Synced" and said["health"] == "Healthy" and said["phase"] == "Succeeded"

    bench.until("production to be Synced and Healthy", well)
    yield f"production is {bench.argocd.said('production')['sync']} and {bench.argocd.said('production')['health']}"
    resources = bench.argocd.said("production")["resources"]
    assert {(each["status"], each["health"]["status"]) for each in resources} == {("Synced", "Healthy")}
    assert {each["name"] for each in resources} == disks | machines
    yield f"so is each of its {len(resources)} objects"
    yield f"each of {len(machines)} VMs was created after all of its disks, {_ordered(bench, PRODUCTION, 'production')} in all"


def _ordered(bench: Bench, namespace: str, environment: str) -> int:
    used = 0
    for machine in bench.manifests(environment):
        for disk in machine["spec"].get("disks", ()):
            used += 1
            created = bench.diary["VMDisk"].created[namespace, disk]
            assert created < bench.diary["VMInstance"].created[namespace, machine["metadata"]["name"]], disk
    return used


def flux_waits(bench: Bench) -> Iterator[str]:
    """Flux reconciles the VMs only after the disks are ready, and leaves `${VAR}` in user data as it is."""
    bench.platform.disks = False
    bench.flux.publish(bench.repository, bench.first)
    bench.flux.apply(bench.repository.clone / "delivery/flux/staging.yaml")
    disks, machines = bench.wanted("VMDisk", "staging"), bench.wanted("VMInstance", "staging")
    bench.until("the disks", lambda: bench.names("VMDisk", STAGING) == disks)
    bench.until("Flux to wait", lambda: bench.flux.said("staging-vms")["reason"] == "DependencyNotReady")
    time.sleep(5)
    assert bench.names("VMInstance", STAGING) == set()
    yield f"{len(disks)} disks are there and not ready, and for 5 s no VM is: {bench.flux.said('staging-vms')['message']}"
    bench.platform.disks = True
    for name in ("staging-disks", "staging-vms"):
        bench.flux.until_applied(name, bench.first)
    assert bench.names("VMInstance", STAGING) == machines
    used = _ordered(bench, STAGING, "staging")
    yield f"staging-disks and staging-vms are ready: {len(machines)} VMs, {used} disks, each before its VM"
    found = bench.api.get("VMInstance", "templated", STAGING)
    assert found
    text = found["spec"]["cloudInit"]
    assert text == TEXT, text
    yield f"cloudInit of templated arrived as it was written, with substitution on for others: {text!r}"


def fields_arrive(bench: Bench) -> Iterator[str]:
    """Every field in the API server is that of the committed manifest, and a second reconcile writes nothing."""
    for environment, namespace in (("production", PRODUCTION), ("staging", STAGING)):
        fields = 0
        for manifest in bench.manifests(environment):
            live = bench.api.get(manifest["kind"], manifest["metadata"]["name"], namespace)
            assert live, manifest["metadata"]["name"]
            assert live["spec"] == manifest["spec"], (live["spec"], manifest["spec"])
            for key in ("labels", "annotations"):
                wanted = manifest["metadata"].get(key, {})
                got = live["metadata"].get(key, {})
                assert {name: got.get(name) for name in wanted} == wanted, (got, wanted)
                fields += len(wanted)
            fields += len(manifest["spec"])
        yield f"{environment}: {len(list(bench.manifests(environment)))} objects, {fields} fields, all equal"
    before = {namespace: bench.versions(namespace) for namespace in (PRODUCTION, STAGING)}
    bench.argocd.refresh("production", "hard")
    for name in ("staging-disks", "staging-vms"):
        bench.flux.reconcile(name)
    time.sleep(5)
    for namespace, versions in before.items():
        assert bench.versions(namespace) == versions
    assert bench.argocd.said("production")["sync"] == "Synced"
    yield "a hard refresh by Argo CD and two more reconciles by Flux: not one resource version moved"


def emptied_is_refused(bench: Bench) -> Iterator[str]:
    """An emptied environment: vmgen refuses it, past vmgen Argo CD deletes nothing, and Flux no disk."""
    path = bench.repository.clone / "environments/production.yaml"
    written = path.read_text(encoding="utf-8")
    path.write_text("namespace: tenant-shop\n")
    refused = bench.repository.vmgen("render")
    assert refused.returncode == 1, refused.stderr
    yield f"`render` refuses: {first_line(refused.stderr)}"
    path.write_text(written)
    before = {namespace: bench.versions(namespace).keys() for namespace in (PRODUCTION, STAGING)}
    for environment in ("production", "staging"):
        for manifest in (bench.repository.clone / "manifests" / environment).rglob("*.yaml"):
            if manifest.name not in ("kustomization.yaml", "name-reference.yaml"):
                manifest.unlink()
            elif manifest.name == "kustomization.yaml":
                manifest.write_text("# +argocd:skip-file-rendering\nkind: Kustomization\n")
    commit = bench.repository.commit("Every manifest is gone, by hand")
    bench.argocd.refresh("production")
    bench.until("Argo CD to see the commit", lambda: bench.argocd.said("production")["revision"] == commit)
    bench.until("Argo CD to refuse", lambda: "SyncError" in bench.argocd.said("production")["conditions"])
    bench.flux.publish(bench.repository, commit)
    time.sleep(10)
    for namespace, there in before.items():
        left = bench.versions(namespace).keys()
        gone = there - left
        assert {kind for kind, _ in gone} <= ({"VMInstance"} if namespace == STAGING else set()), gone
    refusal = bench.argocd.said("production")["conditions"]["SyncError"]
    yield f"Argo CD refuses: {refusal}; all {len(before[PRODUCTION])} objects are there"
    kinds = [kind for kind, _ in bench.versions(STAGING)]
    yield f"Flux guards disks alone: all {kinds.count('VMDisk')} of staging are there, and {kinds.count('VMInstance')} VMs"


def shards_deliver_once(bench: Bench) -> Iterator[str]:
    """An environment in shards arrives whole, by Flux and by Argo CD, and nothing goes when the engine's objects go."""
    wanted = {(each["kind"], each["metadata"]["name"]) for each in bench.manifests("windows")}
    commit = bench.repository.commit("Nothing new")
    bench.flux.publish(bench.repository, commit)
    bench.flux.apply(bench.repository.clone / "delivery/flux/windows.yaml")
    kustomizations = ["windows-standalone-disks", "windows-office-disks", "windows-office-vms"]
    for name in kustomizations:
        bench.flux.until_applied(name, commit)
    assert bench.versions(OFFICE).keys() == wanted
    yield f"Flux: {', '.join(kustomizations)} applied all {len(wanted)} objects of windows"
    for name in kustomizations:
        bench.api.delete("Kustomization", name, "flux-system")
    bench.until("the Kustomizations to go", lambda: not any(bench.flux.said(name)["ready"] for name in kustomizations))
    assert bench.versions(OFFICE).keys() == wanted
    yield "the three Kustomizations are deleted, and every object is there"
    bench.argocd.apply(bench.repository.clone / "delivery/argocd", "windows")
    applications = ["windows-standalone", "windows-office"]
    parts = []
    for name in applications:
        bench.until(f"{name} to be Synced", lambda name=name: bench.argocd.said(name)["phase"] == "Succeeded")
        parts.append({(each["kind"], each["name"]) for each in bench.argocd.said(name)["resources"]})
    assert parts[0] | parts[1] == wanted
    assert not parts[0] & parts[1]
    yield f"Argo CD: {applications[0]} has {len(parts[0])} object, {applications[1]} the other {len(parts[1])}"
    for name in applications:
        bench.api.delete("Application", name, "argocd")
    time.sleep(5)
    assert bench.versions(OFFICE).keys() == wanted
    yield "the two Applications are deleted, and 5 s later every object is there"


def plugin_renders(bench: Bench) -> Iterator[str]:
    """Argo CD renders an environment itself, with the plugin, and gets the objects that are committed."""
    [application] = documents(bench.repository.clone / "delivery/argocd/production.yaml")
    application["metadata"] = {"name": "office", "namespace": "argocd"}
    parameters = [{"name": "environment", "string": "windows"}]
    source = {"repoURL": URL, "targetRevision": "main", "path": ".", "plugin": {"name": "vmgen", "parameters": parameters}}
    application["spec"] |= {"source": source, "destination": {"name": "hikube", "namespace": OFFICE}}
    # The objects carry the mark of the Applications that were deleted: another name takes them over only if it may.
    options = application["spec"]["syncPolicy"]["syncOptions"]
    options[options.index("FailOnSharedResource=true")] = "FailOnSharedResource=false"
    bench.api.create(application)
    bench.until("office to be Synced", lambda: bench.argocd.said("office")["phase"] == "Succeeded")
    wanted = {(each["kind"], each["metadata"]["name"]): each["spec"] for each in bench.manifests("windows")}
    for (kind, name), spec in wanted.items():
        live = bench.api.get(kind, name, OFFICE)
        assert live, name
        assert live["spec"] == spec
    yield f"{len(wanted)} objects of windows, rendered in the sidecar: {bench.argocd.said('office')['sync']}, all fields equal"


def set_makes_applications(bench: Bench) -> Iterator[str]:
    """The ApplicationSet makes an Application of each environment that takes part, and of no other."""
    folder = bench.folder / "set"
    shutil.copytree(bench.repository.clone / "environments", folder / "environments")
    shop = folder / "environments/base/shop.yaml"
    text = shop.read_text(encoding="utf-8")
    shop.write_text(text.replace("  argocd:\n", "  prefix: set-\n  argocd:\n    applicationSet: true\n"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "vmgen", "-C", str(folder), "render"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    [found] = documents(folder / "delivery/argocd/application-set.yaml")
    del found["spec"]["template"]["spec"]["syncPolicy"]["automated"]  # production has its own Application here
    bench.api.create(found)
    wanted = {"set-production": "manifests/production", "set-staging": "manifests/staging"}

    def made() -> dict[str, str]:
        applications = bench.api.all("Application", "argocd")
        names = {each["metadata"]["name"]: each["spec"]["source"]["path"] for each in applications}
        return {name: path for name, path in names.items() if name.startswith("set-")}

    bench.until("the Applications of the set", lambda: made() == wanted)
    yield f"{found['metadata']['name']} made {made()}, and none for windows"


def prefix_keeps_references(bench: Bench) -> Iterator[str]:
    """With a namePrefix above it, every disk that a VM names is a disk that is built."""
    folder = bench.folder / "prefixed"
    folder.mkdir()
    target = os.path.relpath(CHECKOUT / "manifests/production", folder)
    (folder / "kustomization.yaml").write_text(f"namePrefix: pre-\nresources: [{target}]\n")
    done = subprocess.run([bench.programs / "kustomize", "build", str(folder)], capture_output=True, check=True)
    objects = list(yaml.safe_load_all(done.stdout))
    disks = {found["metadata"]["name"] for found in objects if found["kind"] == "VMDisk"}
    named = [name for found in objects if found["kind"] == "VMInstance" for name in found["spec"]["disks"]]
    assert set(named) <= disks
    assert all(name.startswith("pre-") for name in disks)
    yield f"{len(named)} references to {len(disks)} disks, such as {named[0]}: all there"


def function_within_kustomize(bench: Bench) -> Iterator[str]:
    """The tests of `vmgen function`, with a kustomize that runs functions."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        str(CHECKOUT / "tests/test_function.py"),
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "VMGEN_KUSTOMIZE": str(bench.programs / "kustomize")}
    done = subprocess.run(command, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    yield done.stdout.strip().splitlines()[-1]


CHECKS: tuple[Callable[[Bench], Iterator[str]], ...] = (
    argocd_syncs,
    flux_waits,
    fields_arrive,
    status_names_what_differs,
    disks_are_guarded,
    rebuild_keeps_the_old_disk,
    rename_leaves_a_vm,
    shared_disks_are_refused,
    disks_move_between_applications,
    cascade_is_refused,
    emptied_is_refused,
    shards_deliver_once,
    plugin_renders,
    set_makes_applications,
    prefix_keeps_references,
    function_within_kustomize,
)
