"""What a dump of the cluster adds to a plan: changes already made, changes that already wait, and quotas without room."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.check.totals import Totals, compute_disk_totals, compute_vm_totals
from vmgen.expand.model import Fleet
from vmgen.plan.desired import Identity
from vmgen.plan.plan import ObjectChange, Plan
from vmgen.plan.verdicts import Verdict
from vmgen.quantities import MEBIBYTE, format_size
from vmgen.read.dump import Dump
from vmgen.read.manifests import get_mapping
from vmgen.secrets.redact import REDACTED
from vmgen.status.drift import get_field
from vmgen.status.health import iter_conditions
from vmgen.status.quotas import list_limits


class LiveNote(NamedTuple):
    """One fact of the dump about an object of a plan; `name` is empty for a fact about the namespace."""

    environment: str
    kind: str
    name: str
    text: str


class PlannedSize(NamedTuple):
    """What an object adds: vCPUs, bytes of memory, bytes of storage. A smaller one adds a negative amount."""

    environment: str
    namespace: str
    name: str
    kind: str
    totals: Totals


def describe_live_state(plan: Plan, dump: Dump, prefix: str, fleets: Sequence[Fleet]) -> tuple[LiveNote, ...]:
    """Return what a dump adds to a plan of fleets. `prefix` is that of the VirtualMachine of a VM."""
    notes = [
        LiveNote(change.environment, change.identity.kind, change.identity.name, text)
        for change in plan.changes
        for text in _describe_change(change, dump, prefix)
    ]
    return (*notes, *_describe_larger_disks(fleets, dump), *_describe_quotas(_measure_added(plan, fleets), dump))


def _describe_larger_disks(fleets: Iterable[Fleet], dump: Dump) -> Iterator[LiveNote]:
    """Yield a note for each disk whose live size is above that of the file, whether or not the plan changes it."""
    for fleet in fleets:
        for disk in fleet.disks:
            live = dump.find(disk.kind, fleet.namespace, disk.name)
            live_size = compute_disk_totals(get_mapping(live, "spec").get).all_storage if live else 0
            size = compute_disk_totals(disk.values.get).all_storage
            if size and live_size > size:
                text = (
                    f"has {format_size(live_size)}, and a disk never shrinks: the platform ignores {format_size(size)}; "
                    f"write `storage: {format_size(live_size)}`"
                )
                yield LiveNote(fleet.environment, disk.kind, disk.name, text)


def _measure_added(plan: Plan, fleets: Iterable[Fleet]) -> list[PlannedSize]:
    """Return what each object adds that a plan creates or makes larger, in the order of the fleets, disks first."""
    changes = {
        (change.environment, change.identity): change for change in plan.changes if change.action in ("create", "update")
    }
    sizes = []
    for fleet in fleets:
        for resource in fleet.resources:
            change = changes.get((fleet.environment, Identity(resource.kind, fleet.namespace, resource.name)))
            if change:
                totals = _measure(resource.kind, resource.values, fleet)
                # A larger disk takes what it grows by from the quota, not its whole size.
                if change.action == "update":
                    earlier = {field.path.removeprefix("spec."): field.before for field in change.fields}
                    totals -= _measure(resource.kind, {**resource.values, **earlier}, fleet)
                sizes.append(PlannedSize(fleet.environment, fleet.namespace, resource.name, resource.kind, totals))
    return sizes


def _measure(kind: str, spec: Mapping[str, Any], fleet: Fleet) -> Totals:
    return compute_disk_totals(spec.get) if kind == "VMDisk" else compute_vm_totals(spec.get, fleet.platform)


def _describe_change(change: ObjectChange, dump: Dump, prefix: str) -> Iterator[str]:
    kind, namespace, name = change.identity.kind, change.identity.namespace, change.identity.name
    live = dump.find(kind, namespace, name)
    if change.action == "delete":
        # A dump without the kind does not say that the object is gone.
        if live is None and dump.has_kind(kind):
            yield "is gone already"
        return
    if change.action == "create":
        if live is not None:
            yield "exists already, and is taken over"
        return
    if live is None:
        return
    for field in change.fields:
        # A redacted value cannot be compared, and what is not known to be so is not said.
        if not field.detail and REDACTED not in str(field.after) and get_field(live, field.path) == field.after:
            yield f"{field.path} is already so"
    machine = dump.find("VirtualMachine", namespace, f"{prefix}{name}") if kind == "VMInstance" else None
    # KubeVirt stages a change that needs a restart, and those after it: https://kubevirt.io/user-guide/user_workloads/vm_rollout_strategies/
    waits = any(row.get("type") == "RestartRequired" and row.get("status") == "True" for row in iter_conditions(machine))
    if waits and any(field.verdict != Verdict.NO_EFFECT for field in change.fields):
        yield "waits for a restart already, and this change joins it: until then nothing is applied live"


def _describe_quotas(sizes: Sequence[PlannedSize], dump: Dump) -> Iterator[LiveNote]:
    """Yield, for each quota, the first object that does not fit into what it has left."""
    for limit in list_limits(dump):
        # Kubernetes admits objects one by one, so the first that does not fit is refused, and smaller ones behind it may pass.
        # https://kubernetes.io/docs/concepts/policy/resource-quotas/
        room = limit.total - limit.usage
        for size in sizes:
            # A quota counts in its own namespace. https://kubernetes.io/docs/concepts/policy/resource-quotas/
            amount = _get_amount(limit.resource, size.totals) if size.namespace == limit.namespace else 0
            room -= amount
            if amount > 0 and room < 0:
                free_amount = room + amount
                is_in_bytes = limit.resource.endswith(("memory", "storage"))
                remainder = format_size(int(free_amount // MEBIBYTE) * MEBIBYTE) if is_in_bytes else f"{free_amount:g}"
                text = f"does not fit: the quota {limit.quota} has {remainder} of {limit.resource} left for it"
                yield LiveNote(size.environment, size.kind, size.name, text)
                break


def _get_amount(resource: str, totals: Totals) -> float:
    """Return how much of a quota's resource an object takes: cores, bytes, or a number of disks."""
    amounts = {
        "limits.cpu": float(totals.cpu),
        "limits.memory": float(totals.memory),
        "requests.memory": float(totals.memory),
        "requests.storage": float(totals.all_storage),
        "persistentvolumeclaims": float(totals.disks),
    }
    return amounts.get(resource, 0.0)
