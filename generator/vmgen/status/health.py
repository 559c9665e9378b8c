"""Read what the platform reports about a live VM or disk: failures, and what it is still waiting for."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.merge.platform import load_extended, validate
from vmgen.read.dump import Dump, LiveKey
from vmgen.read.located import to_plain
from vmgen.read.repository import Project
from vmgen.secrets.redact import redact_line

_MAX_MESSAGE_LENGTH = 300
# Causes of findings that more than their text depends on.
RESTART, NOT_RUNNING = "restart", "not running"


class HealthFinding(NamedTuple):
    """One finding of the platform about an object.

    `state` is failed or pending; `since` is a time, or empty; `cause` is RESTART, NOT_RUNNING, or empty for any other.
    """

    state: str
    text: str
    since: str = ""
    cause: str = ""


class HealthReader:
    """Reads the health of live objects from a dump, by templates/shared/status.yaml."""

    def __init__(self, project: Project, tables: Mapping[str, Any], dump: Dump) -> None:
        self._project = project
        self._tables = tables
        self._dump = dump
        self._warnings = _collect_warnings(dump)

    def find(
        self, key: LiveKey, manifest: Mapping[str, Any], *, has_consumer: bool, binds_late: bool
    ) -> Iterator[HealthFinding]:
        """Yield the failures and pending changes of an object. `manifest` is the committed one.

        A disk whose class binds it when a VM uses it first (`binds_late`) waits without fault if no VM in Git attaches it.
        """
        kind, namespace, name = key
        live = self._dump.find(*key)
        release_name = f"{self._tables['releases'][kind]}{name}"
        release = self._dump.find("HelmRelease", namespace, release_name)
        for holder in (live, release):
            yield from self._read_conditions(holder)
        deletion_time = _get_text(_dig(live, "metadata") or {}, "deletionTimestamp")
        if deletion_time:
            yield HealthFinding("failed", "is being deleted, and Git wants it", deletion_time)
        if _dig(release, "spec", "suspend") is True:
            yield HealthFinding(
                "pending", f"its HelmRelease {release_name} is suspended: no change is applied until it is resumed"
            )
        if kind == "VMDisk":
            yield from self._read_volume(namespace, release_name, waits=binds_late and not has_consumer)
        else:
            yield from self._read_machine(live, manifest, namespace, release_name)
            yield from self._read_service(manifest, namespace, release_name)

    def _read_conditions(self, holder: Mapping[str, Any] | None) -> Iterator[HealthFinding]:
        for condition in iter_conditions(holder):
            if condition.get("type") not in ("Ready", "Released") or condition.get("status") == "True":
                continue
            # Unknown means that a controller has not decided yet, not that it failed.
            # https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#typical-status-properties
            progresses = condition.get("status") == "Unknown" or condition.get("reason") in self._tables["progressReasons"]
            text = self._translate(condition)
            yield HealthFinding("pending" if progresses else "failed", text, _get_text(condition, "lastTransitionTime"))

    def _read_volume(self, namespace: str, release: str, *, waits: bool) -> Iterator[HealthFinding]:
        volume = self._dump.find("DataVolume", namespace, release)
        status = volume.get("status") if volume else None
        if not isinstance(status, dict):
            return
        phase, phases = _get_text(status, "phase"), self._tables["volume"]
        # A volume of a class that waits for its first consumer is done when no VM uses it yet.
        # https://github.com/kubevirt/containerized-data-importer/blob/main/doc/waitforfirstconsumer-storage-handling.md
        if phase in phases["done"] or (phase in phases["unbound"] and waits):
            return
        if phase in phases["failed"]:
            reasons = [self._translate(condition) for condition in iter_conditions(volume) if condition.get("message")]
            reasons += self._warnings.get((namespace, release), [])[-1:]
            yield HealthFinding("failed", f"its volume is {phase}: {'; '.join(reasons) or 'the platform gives no reason'}")
        elif phase in phases["unbound"]:
            yield HealthFinding("pending", "its volume is bound when a VM that uses it starts")
        else:
            progress = _get_text(status, "progress")
            warning = self._explain_by_events(namespace, release)
            yield HealthFinding("pending", f"its volume is {phase or 'new'}{f', {progress} done' if progress else ''}{warning}")

    def _explain_by_events(self, namespace: str, release: str) -> str:
        """Return the newest warning about an object to end a text with; the empty text if there is none."""
        return "".join(f": {message}" for message in self._warnings.get((namespace, release), [])[-1:])

    def _read_service(self, manifest: Mapping[str, Any], namespace: str, release: str) -> Iterator[HealthFinding]:
        """Yield that a public address is not there yet; a dump without the Service tells nothing."""
        service = self._dump.find("Service", namespace, release)
        # MetalLB and cloud providers write the address into the status once they have assigned one.
        # https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
        is_public = _dig(manifest, "spec", "external") is True and _dig(service, "spec", "type") == "LoadBalancer"
        if is_public and not _dig(service, "status", "loadBalancer", "ingress"):
            warning = self._explain_by_events(namespace, release)
            yield HealthFinding("pending", f"its public address is not assigned yet{warning}")

    def _read_machine(
        self, live: Mapping[str, Any] | None, manifest: Mapping[str, Any], namespace: str, release: str
    ) -> Iterator[HealthFinding]:
        machine = self._dump.find("VirtualMachine", namespace, release)
        if machine is None:
            return
        status = machine.get("status")
        # KubeVirt's own summary of a VM: https://kubevirt.io/user-guide/user_workloads/lifecycle/
        printable = _get_text(status, "printableStatus") if isinstance(status, dict) else ""
        states = self._tables["machine"]
        reasons = []
        for condition in iter_conditions(machine):
            if condition.get("type") == "RestartRequired" and condition.get("status") == "True":
                change = find_waiting_change(machine, self._dump.find("VirtualMachineInstance", namespace, release))
                since = _get_text(condition, "lastTransitionTime")
                yield HealthFinding("pending", f"waits for a restart{f', for {change}' if change else ''}", since, RESTART)
            elif condition.get("status") == "False" and condition.get("message"):
                reasons.append(self._translate(condition))
        reasons += self._warnings.get((namespace, release), [])[-1:]
        detail = f": {reasons[0]}" if reasons else ""
        if printable in states["progress"]:
            yield HealthFinding("pending", f"the VM is {printable}{detail}", cause=NOT_RUNNING)
        elif printable in states["stopped"] and not _has_value(live, states["stoppedBy"]):
            yield HealthFinding("failed", f"the VM is {printable}, and Git wants it to run{detail}", cause=NOT_RUNNING)
        elif printable in states["running"] and _has_value(manifest, states["haltedBy"]):
            yield HealthFinding("failed", f"the VM is {printable}, and Git wants it stopped{detail}")
        elif printable and printable not in (*states["running"], *states["stopped"]):
            yield HealthFinding("failed", f"the VM is {printable}{detail}", cause=NOT_RUNNING)

    def _translate(self, condition: Mapping[str, Any]) -> str:
        """Return the message of a condition in words if it is a known one, and the platform's own words behind it."""
        message = " ".join(_get_text(condition, "message").split())
        # Redacted before it is cut: a secret that is cut in two has another form.
        own = redact_line(message)[:_MAX_MESSAGE_LENGTH] or _get_text(condition, "reason") or "the platform gives no reason"
        for row in self._tables["messages"]:
            if row["contains"] in message:
                return f'{row["says"]} ("{own}")'
        return own


def load_tables(project: Project) -> Mapping[str, Any]:
    """Load templates/shared/status.yaml. Raises ProblemsError if the repository's own does not fit its schema."""
    tables: Mapping[str, Any] = to_plain(validate(load_extended("shared/status.yaml", project), "status-tables"))
    return tables


def iter_conditions(holder: Mapping[str, Any] | None) -> Iterator[Mapping[str, Any]]:
    """Yield the conditions of an object; nothing for None or an object without a status."""
    status = holder.get("status") if holder else None
    conditions = status.get("conditions") if isinstance(status, dict) else None
    yield from (entry for entry in conditions if isinstance(entry, dict)) if isinstance(conditions, list) else ()


def find_waiting_change(machine: Mapping[str, Any], running: Mapping[str, Any] | None) -> str:
    """Return what a restart would bring, as far as the dump shows it: the instance type and the volumes; else the empty text.

    KubeVirt writes the type of a running instance as an annotation (kubevirt.io/cluster-instancetype-name).
    """
    if running is None:
        return ""
    changes = []
    desired_type = _dig(machine, "spec", "instancetype", "name")
    actual = _dig(running, "metadata", "annotations", "kubevirt.io/cluster-instancetype-name")
    if isinstance(desired_type, str) and isinstance(actual, str) and desired_type != actual:
        changes.append(f"instance type {actual} to {desired_type}")
    volumes = [
        _list_volumes(_dig(machine, "spec", "template", "spec", "volumes")),
        _list_volumes(_dig(running, "spec", "volumes")),
    ]
    if volumes[0] != volumes[1]:
        new_volumes, old_volumes = sorted(volumes[0] - volumes[1]), sorted(volumes[1] - volumes[0])
        changes += [*(f"disk {name} attached" for name in new_volumes), *(f"disk {name} detached" for name in old_volumes)]
    return ", ".join(changes)


def _list_volumes(volumes: Any) -> set[str]:
    return (
        {str(_dig(volume, "dataVolume", "name") or _dig(volume, "name")) for volume in volumes}
        if isinstance(volumes, list)
        else set()
    )


def _dig(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _has_value(item: Mapping[str, Any] | None, values_by_field: Mapping[str, list[Any]]) -> bool:
    return any(_dig(item, "spec", field) in values for field, values in values_by_field.items())


def _get_text(mapping: Mapping[str, Any], key: str) -> str:
    value = mapping.get(key)
    return value if isinstance(value, str) else ""


def _collect_warnings(dump: Dump) -> Mapping[tuple[str, str], list[str]]:
    """Return the messages of warning events by namespace and name of the object, oldest first, secrets hidden."""
    warnings: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for (_, namespace, _), event in dump.list_kind("Event"):
        if event.get("type") == "Warning":
            # The API events.k8s.io/v1 calls the object `regarding` and the message `note`, the core API v1 otherwise.
            # https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/
            name = str(_dig(event, "involvedObject", "name") or _dig(event, "regarding", "name"))
            message = redact_line(" ".join(str(event.get("message") or event.get("note") or "").split()))[:_MAX_MESSAGE_LENGTH]
            warnings.setdefault((namespace, name), []).append((str(event.get("lastTimestamp") or ""), message))
    return {key: [message for _, message in sorted(entries)] for key, entries in warnings.items()}
