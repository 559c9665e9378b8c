"""Compare the committed objects of environments with a dump: the state of each object."""

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.check.totals import Totals, compute_disk_totals, compute_vm_totals, load_prices
from vmgen.importer.conventions import PlatformConventions, load_conventions
from vmgen.merge.environment import Environment, merge_environment
from vmgen.merge.layers import DEFAULT_PLATFORM, Layered, load_layers
from vmgen.merge.platform import PlatformLoader
from vmgen.plan.baseline import Baseline
from vmgen.plan.desired import KIND_BY_KEY
from vmgen.plan.matching import ManifestParser
from vmgen.problems import ProblemsError, VmgenError
from vmgen.quantities import format_size
from vmgen.read.dump import Dump, LiveKey
from vmgen.read.layer_file import LayerLoader
from vmgen.read.manifests import InvalidYamlError, get_mapping
from vmgen.read.repository import Project, find_group
from vmgen.status.drift import Drift, find_drift
from vmgen.status.health import HealthFinding, HealthReader
from vmgen.status.quotas import list_limits

KINDS = tuple(KIND_BY_KEY.values())
IN_STEP, DRIFT, PENDING, FAILED, MISSING, ORPHAN, OTHER = (
    "in step",
    "drift",
    "pending",
    "failed",
    "missing",
    "orphan",
    "other environment",
)
# The worst first: an object has the first state that applies, and all its details.
STATES = (FAILED, MISSING, ORPHAN, DRIFT, PENDING, OTHER, IN_STEP)


class CommittedObject(NamedTuple):
    """A VM or disk as it is committed. `path` is below `manifests/`, `group` its folder there."""

    environment: str
    path: str
    document: Mapping[str, Any]

    @property
    def key(self) -> LiveKey:
        """The kind, namespace and name, by which it is found in a dump."""
        metadata = self.document["metadata"]
        return self.document["kind"], str(metadata.get("namespace", "")), metadata["name"]

    @property
    def group(self) -> str:
        """The group, or the empty text for a standalone disk."""
        return find_group(self.path)


class ObjectStatus(NamedTuple):
    """One object with its state. `size`, `cost` and `adopt` (the command that imports it) are for orphans only."""

    environment: str
    key: LiveKey
    state: str
    path: str = ""
    group: str = ""
    drifts: tuple[Drift, ...] = ()
    findings: tuple[HealthFinding, ...] = ()
    size: str = ""
    cost: str = ""
    adopt: str = ""


class FleetStatus(NamedTuple):
    """The status of all objects, sorted; `notes` list what the dump cannot tell."""

    objects: tuple[ObjectStatus, ...]
    notes: tuple[str, ...]
    newest: str

    def count_states(self) -> Mapping[str, int]:
        """Return how many objects have each state."""
        return Counter(status.state for status in self.objects)

    @property
    def is_in_step(self) -> bool:
        """True if no object asks for anything. An object of another environment is not this run's."""
        return all(status.state in (IN_STEP, OTHER) for status in self.objects)


def require_one_cluster(clusters: Mapping[str, str]) -> str:
    """Return the one cluster of environments, by their names. Raises VmgenError if they are of several, as no dump is."""
    names: dict[str, list[str]] = {}
    for environment, cluster in clusters.items():
        names.setdefault(cluster, []).append(environment)
    if len(names) > 1:
        groups = "; ".join(f"{', '.join(group)} of {cluster or 'no named cluster'}" for cluster, group in sorted(names.items()))
        raise VmgenError(f"a dump is of one cluster, and these environments are of several: {groups}. Name those of the dump's")
    return next(iter(names), "")


def load_committed(baseline: Baseline, environments: Iterable[str]) -> tuple[CommittedObject, ...]:
    """Return the committed VMs and disks of environments. Raises VmgenError if a committed manifest is not YAML."""
    parser = ManifestParser()
    objects = []
    for path, content in baseline.find_differing(environments, {}).items():
        try:
            documents = parser.parse(path, content)
        except InvalidYamlError as error:
            raise VmgenError(f"manifests/{path} is not YAML as it is committed: {error}") from None
        for document in documents:
            if isinstance(document, dict) and document.get("kind") in KINDS:
                objects.append(CommittedObject(path.partition("/")[0], path, document))
    return tuple(objects)


class StatusBuilder:
    """Builds the status of some environments. `committed` are the objects of all environments of the repository."""

    def __init__(self, project: Project, dump: Dump, committed: Iterable[CommittedObject], tables: Mapping[str, Any]) -> None:
        self._project = project
        self._dump = dump
        self._committed = tuple(committed)
        # Of all environments: a disk of one may be attached by a VM of another.
        self._attachments = frozenset(
            (item.key[1], name)
            for item in self._committed
            if item.key[0] == "VMInstance"
            for name in _list_disk_names(get_mapping(item.document, "spec"))
        )
        self._layer_loader = LayerLoader(project)
        self._platform_loader = PlatformLoader(project)
        self._health = HealthReader(project, tables, dump)
        self._conventions: dict[str, PlatformConventions] = {}

    def build(self, environments: Iterable[str]) -> FleetStatus:
        """Return the status of environments. Raises ProblemsError if a platform's files are not valid."""
        selected_names = set(environments)
        statuses = [self._build_object(item) for item in self._committed if item.environment in selected_names]
        owners = {item.key: item.environment for item in self._committed}
        # An environment of which nothing is committed still has a namespace, and what lives there is not in Git.
        namespaces: dict[str, str] = {}
        for name in sorted(selected_names):
            namespace = self._load_layers(name).content.get("namespace")
            namespaces[namespace.text if namespace else ""] = name
        namespaces |= {item.key[1]: item.environment for item in self._committed if item.environment in selected_names}
        for kind in KINDS:
            for key, live in self._dump.list_kind(kind):
                if key[1] in namespaces and key not in owners:
                    statuses.append(self._build_orphan(namespaces[key[1]], key, live))
                # Environments share a namespace, so what belongs to one that is not asked for is no orphan.
                elif key in owners and owners[key] not in selected_names and key[1] in namespaces:
                    statuses.append(ObjectStatus(owners[key], key, OTHER))
        statuses.sort(key=lambda status: (status.environment, STATES.index(status.state), status.key))
        return FleetStatus(tuple(statuses), tuple(self._build_notes(statuses)), self._dump.newest)

    def _build_object(self, item: CommittedObject) -> ObjectStatus:
        kind, namespace, name = item.key
        live = self._dump.find(kind, namespace, name)
        if live is None:
            return ObjectStatus(item.environment, item.key, MISSING, item.path, item.group)
        conventions = self._load_conventions(item.environment)
        class_name = str(get_mapping(item.document, "spec").get("storageClass"))
        storage_class = conventions.platform.catalog.storage_classes.get(class_name)
        findings = tuple(
            self._health.find(
                item.key,
                item.document,
                has_consumer=(namespace, name) in self._attachments,
                binds_late=storage_class is not None and not storage_class.replicated,
            )
        )
        drifts = find_drift(item.document, live, conventions)
        states = {finding.state for finding in findings} | ({DRIFT} if drifts else set())
        # STATES has the worst first.
        state = next((state for state in STATES if state in states), IN_STEP)
        return ObjectStatus(item.environment, item.key, state, item.path, item.group, drifts, findings)

    def _build_orphan(self, environment: str, key: LiveKey, live: Mapping[str, Any]) -> ObjectStatus:
        kind = key[0]
        spec = get_mapping(live, "spec")
        # With the prices of the environment whose namespace it is in, which pays for it.
        settings = self._merge(environment)
        platform = self._load_conventions(environment).platform
        totals = compute_disk_totals(spec.get) if kind == "VMDisk" else compute_vm_totals(spec.get, platform)
        prices = load_prices(settings) if settings else None
        # A VM of an unknown type has no cost, which is better than one that leaves it out.
        cost = f"{prices.compute_cost(totals)} a month" if prices and not totals.unsized_count else ""
        size = _format_size(spec, totals, kind)
        return ObjectStatus(environment, key, ORPHAN, size=size, cost=cost, adopt=self._build_adoption(environment, key, spec))

    def _build_adoption(self, environment: str, key: LiveKey, spec: Mapping[str, Any]) -> str:
        """Return the command that imports an orphan; a VM with its disks, since import takes none without them."""
        kind, namespace, name = key
        platform = self._load_conventions(environment).platform
        objects = (
            [f"vmdisks/{name}"]
            if kind == "VMDisk"
            else [f"vminstances/{name}", *(f"vmdisks/{disk}" for disk in _list_disk_names(spec))]
        )
        get = shlex.join(["kubectl", "get", *objects, "-n", namespace, "-o", "yaml"])
        version = ["--platform-version", platform.version] if platform.version else []
        take = ["vmgen", "import", "-", "--env", f"{environment}-{name}", "--platform", platform.name, *version]
        return f"{get} | {shlex.join(take)}"

    def _build_notes(self, statuses: list[ObjectStatus]) -> Iterator[str]:
        if not any(self._dump.has_kind(kind) for kind in KINDS) and statuses:
            namespaces = sorted({status.key[1] for status in statuses})
            yield f"the dump has no VMInstance and no VMDisk: was it made for the namespace {', '.join(namespaces)}?"
        else:
            for kind in KINDS:
                if not self._dump.has_kind(kind) and any(status.key[0] == kind for status in statuses):
                    yield f"the dump has no {kind} at all: was it asked for {kind.lower()}s?"
        for kind, topic in (("VirtualMachine", "restarts"), ("DataVolume", "volumes")):
            if not self._dump.has_kind(kind):
                yield f"{topic}: not known, the dump has no {kind.lower()}s"
        namespaces_in_use = {status.key[1] for status in statuses}
        for limit in list_limits(self._dump):
            if limit.namespace in namespaces_in_use and limit.usage >= limit.total:
                yield f"the quota {limit.quota} of {limit.namespace} is used up: {limit.text} of {limit.resource}"

    def _load_conventions(self, environment: str) -> PlatformConventions:
        if environment not in self._conventions:
            try:
                platform = self._platform_loader.load_written(self._load_layers(environment).content)
            except ProblemsError:  # `vmgen check` reports an unknown platform or version
                platform = self._platform_loader.load(DEFAULT_PLATFORM)
            self._conventions[environment] = load_conventions(platform, self._platform_loader)
        return self._conventions[environment]

    def _load_layers(self, environment: str) -> Layered:
        return load_layers(environment, self._layer_loader)

    def _merge(self, environment: str) -> Environment | None:
        """Return the merged environment for its prices; None if its files have problems, which are not this command's."""
        layers = self._load_layers(environment)
        if layers.problems:
            return None
        try:
            return merge_environment(layers, self._load_conventions(environment).platform)
        except ProblemsError:
            return None


def _list_disk_names(spec: Mapping[str, Any]) -> list[str]:
    disks = spec.get("disks")
    return [str(disk.get("name") if isinstance(disk, dict) else disk) for disk in disks] if isinstance(disks, list) else []


def _format_size(spec: Mapping[str, Any], totals: Totals, kind: str) -> str:
    """Return the size of a live object; as it is written, if that is none."""
    if totals.unsized_count:
        return str(spec.get("storage" if kind == "VMDisk" else "instanceType") or "size not known")
    return format_size(totals.all_storage) if kind == "VMDisk" else f"{totals.cpu} vCPU, {format_size(totals.memory)}"
