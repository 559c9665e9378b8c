"""The objects of the baseline and of the desired state, matched by kind, namespace and name, wherever their files are.

A removed object and a created one that differ in nothing but their names are rename candidates.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from vmgen.check.totals import ValueGetter
from vmgen.expand.objects import Omissions
from vmgen.merge.own_disks import SYSTEM_DISK, list_generations, split_name
from vmgen.nameless import NUMBER_PLACEHOLDER, abstract_object, fill_value, has_whole_words, is_text_for_any_number
from vmgen.plan.baseline import Baseline
from vmgen.plan.desired import KIND_BY_KEY, DesiredState, Identity
from vmgen.problems import Place, Problem
from vmgen.quantities import parse_number
from vmgen.read.manifests import InvalidYamlError, get_mapping, is_manifest_file, iter_objects, parse_objects
from vmgen.rules import UNREADABLE_BASELINE
from vmgen.yaml_text import is_plain


class ManifestParser:
    """A parser of manifests, which parses those that differ in their names only once. A name is the stem of a path."""

    def __init__(self) -> None:
        self._documents_by_text: dict[str, list[Any] | None] = {}

    def parse(self, path: str, content: bytes) -> list[Any]:
        """Return the documents of a manifest. Raises InvalidYamlError if it is not YAML."""
        documents, names = self.parse_nameless(path, content)
        return [fill_value(document, names) for document in documents] if names else documents

    def build_spec_getter(self, path: str, content: bytes) -> ValueGetter:
        """Return a function from a key to its value in `spec`, cheaper than `parse` if few keys are needed."""
        documents, names = self.parse_nameless(path, content)
        # A VM called `kustomization` is an error, and its path holds the list of the folder, which has no spec.
        spec = get_mapping(documents[0], "spec")
        return lambda key: fill_value(spec.get(key), names) if names else spec.get(key)

    def parse_nameless(self, path: str, content: bytes) -> tuple[list[Any], tuple[str, ...]]:
        """Return documents with placeholders for the returned texts, the name and perhaps its number.

        Manifests that differ in these only have one list of documents. Without texts, the documents are of this manifest
        alone.

        Raises InvalidYamlError if it is not YAML.
        """
        name = path.rpartition("/")[2].partition(".")[0]
        try:
            text = content.decode() if is_plain([name]) else ""
        except UnicodeDecodeError:
            text = ""
        for nameless, names in abstract_object(text, name) if text else ():
            if nameless not in self._documents_by_text:
                self._documents_by_text[nameless] = _parse_reusable(nameless)
            documents = self._documents_by_text[nameless]
            if documents is not None:
                return documents, names
        return parse_objects(content), ()


def _parse_reusable(nameless: str) -> list[Any] | None:
    """Return the documents of a text with placeholders; None if YAML may read them otherwise with the names."""
    if not has_whole_words(nameless):
        return None
    try:
        documents = parse_objects(nameless)
    except InvalidYamlError:  # whose message has to quote the file itself
        return None
    return documents if NUMBER_PLACEHOLDER not in nameless or all(map(_is_reusable, documents)) else None


def _is_reusable(value: Any) -> bool:
    if isinstance(value, str):
        return is_text_for_any_number(value)
    if isinstance(value, dict):
        return all(_is_reusable(key) and _is_reusable(item) for key, item in value.items())
    return not isinstance(value, list) or all(map(_is_reusable, value))


class ExistingObject(NamedTuple):
    """An object of the baseline."""

    identity: Identity
    environment: str
    path: str
    document: Mapping[str, Any]

    @property
    def spec_getter(self) -> ValueGetter:
        """The function from a key to its value in `spec`."""
        spec = self.document.get("spec")
        return spec.get if isinstance(spec, dict) else {}.get


class PlannedObject(NamedTuple):
    """An object of the desired state whose manifest is not in the baseline with the same bytes."""

    identity: Identity
    environment: str
    path: str
    content: bytes
    parser: ManifestParser

    @property
    def document(self) -> Mapping[str, Any]:
        """The parsed manifest. Most plans need it of few objects."""
        document: Mapping[str, Any] = self.parser.parse(self.path, self.content)[0]
        return document

    @property
    def spec_getter(self) -> ValueGetter:
        """The function from a key to its value in `spec`."""
        return self.parser.build_spec_getter(self.path, self.content)


class Matching(NamedTuple):
    """The objects before and after (`pairs`), those only after, and those only before.

    `rename_candidates` maps a removed object to a created one that looks the same, and back.
    """

    pairs: tuple[tuple[ExistingObject, PlannedObject], ...]
    created: tuple[PlannedObject, ...]
    removed_objects: tuple[ExistingObject, ...]
    rename_candidates: Mapping[Identity, Identity]
    problems: tuple[Problem, ...]


def match_objects(
    environments: tuple[DesiredState, ...],
    baseline: Baseline,
    names: Iterable[str],
    differing: Mapping[str, bytes] | None = None,
) -> Matching:
    """Match the desired objects with those of the baseline in the named environments.

    Only manifests that differ in bytes are parsed: `differing`, found in the baseline for None.
    """
    if differing is None:
        files = {path: content for desired in environments for path, content in desired.files.items()}
        differing = baseline.find_differing(names, files)
    parser = ManifestParser()
    desired_paths = {path: identity for desired in environments for path, identity in desired.objects.items()}
    omissions = {desired.environment: desired.omissions for desired in environments}
    nothing = Omissions()
    comparable = {
        path: content for path, content in differing.items() if not omissions.get(path.partition("/")[0], nothing).covers(path)
    }
    existing, problems = _parse_existing(comparable, baseline, desired_paths, parser)
    clusters = _Clusters({desired.environment: desired.cluster for desired in environments}, baseline)
    existing = [each._replace(identity=clusters.add_to(each)) for each in existing]
    planned_objects = _collect_planned(environments, baseline, differing, parser)
    elsewhere = {old.identity for old in existing} - planned_objects.keys()
    unchanged = _collect_unchanged(environments, elsewhere, parser) if elsewhere else {}
    pairs, removed_objects = [], []
    for old in existing:
        candidates = planned_objects.get(old.identity, [])
        unchanged_objects = [unchanged[old.identity]] if not candidates and old.identity in unchanged else []
        new = next((new for new in (*candidates, *unchanged_objects) if new.environment == old.environment), None)
        # In its own environment an object stays; only if that has none of its name it may have moved.
        new = new or next((new for new in (*candidates, *unchanged_objects) if clusters.may_move(old, new)), None)
        if new is None:
            removed_objects.append(old)
            continue
        if new in candidates:
            candidates.remove(new)
        pairs.append((old, new))
    own_identities = _list_unchanged(environments, baseline, differing, planned_objects) if planned_objects else frozenset()
    created = tuple(new for candidates in planned_objects.values() for new in candidates if new.identity not in own_identities)
    return Matching(tuple(pairs), created, tuple(removed_objects), find_rename_candidates(removed_objects, created), problems)


def _collect_planned(
    environments: tuple[DesiredState, ...], baseline: Baseline, differing: Mapping[str, bytes], parser: ManifestParser
) -> Mapping[Identity, list[PlannedObject]]:
    planned_objects = defaultdict(list)
    for desired in environments:
        changed_paths = baseline.select_missing(desired.objects) | differing.keys()
        for path, identity in desired.objects.items():
            if path in changed_paths:
                new = PlannedObject(identity, desired.environment, path, desired.files[path], parser)
                planned_objects[identity].append(new)
    return planned_objects


def _list_unchanged(
    environments: tuple[DesiredState, ...], baseline: Baseline, differing: Mapping[str, bytes], identities: Container[Identity]
) -> frozenset[Identity]:
    """Return those objects that exist and do not change. Another environment that claims one does not create it."""
    return frozenset(
        identity
        for desired in environments
        for path, identity in desired.objects.items()
        if identity in identities and path not in differing and baseline.contains(path)
    )


class _Clusters:
    """The clusters that environments name, at the baseline and now. A name is no more than what an environment says."""

    def __init__(self, current: Mapping[str, str], baseline: Baseline) -> None:
        self._current = current
        self._baseline = baseline
        self._committed: dict[str, str] = {}

    def add_to(self, old: ExistingObject) -> Identity:
        """Return the identity with the cluster of its environment at the baseline, or of now if it was not written then."""
        current, committed = self._current.get(old.environment, ""), self._find_committed(old.environment)
        is_written = committed and (current or old.environment not in self._current)
        return old.identity._replace(cluster=committed if is_written else current)

    def may_move(self, old: ExistingObject, new: PlannedObject) -> bool:
        """Return false if one of two environments only names another cluster: the objects of both stay where they are."""
        if not self._baseline.knows_clusters:
            return True
        committed = self._find_committed(new.environment)
        is_renamed = self._baseline.has_environment(new.environment) and committed != new.identity.cluster
        # `cluster:` is a word of the file: to change it alone moves no disk, so nothing may be taken over by it.
        return not is_renamed and self._find_committed(old.environment) == new.identity.cluster

    def _find_committed(self, environment: str) -> str:
        if environment not in self._committed:
            self._committed[environment] = self._baseline.find_cluster(environment)
        return self._committed[environment]


def list_committed_identities(environment: str, baseline: Baseline) -> Iterator[Identity]:
    """Yield the VMs and disks that the baseline has of an environment. Files that cannot be read are left out."""
    parser, cluster = ManifestParser(), baseline.find_cluster(environment)
    for path, content in baseline.read_manifests(environment):
        try:
            for identity, _ in _iter_platform_objects(parser.parse(path, content)):
                yield identity._replace(cluster=cluster)
        except InvalidYamlError:
            continue


def _collect_unchanged(
    environments: tuple[DesiredState, ...], identities: Container[Identity], parser: ManifestParser
) -> Mapping[Identity, PlannedObject]:
    """Return those objects, whose manifest is the same in the baseline. An object that goes elsewhere has moved to them."""
    return {
        identity: PlannedObject(identity, desired.environment, path, desired.files[path], parser)
        for desired in environments
        for path, identity in desired.objects.items()
        if identity in identities
    }


def _parse_existing(
    contents: Mapping[str, bytes], baseline: Baseline, desired: Mapping[str, Identity], parser: ManifestParser
) -> tuple[list[ExistingObject], tuple[Problem, ...]]:
    objects, problems = [], []
    for path, content in contents.items():
        try:
            if path in baseline.blobs and baseline.blobs[path].is_link:
                # Git stores the target of a link as its content, which reads as YAML text and as no object.
                raise InvalidYamlError("is a symbolic link")
            objects += [
                ExistingObject(identity, path.partition("/")[0], path, document)
                for identity, document in _iter_platform_objects(parser.parse(path, content))
            ]
        except InvalidYamlError as error:
            if is_manifest_file(path) or str(error).startswith("is "):
                problems.append(_build_unreadable_problem(baseline, path, str(error), is_desired=path in desired))
    return objects, tuple(problems)


def _iter_platform_objects(documents: Iterable[Any]) -> Iterator[tuple[Identity, Mapping[str, Any]]]:
    """Yield the VMs and disks of documents. Raises InvalidYamlError if there may be one whose name cannot be read."""
    documents = list(documents)
    if any(isinstance(document, str) for document in documents):
        raise InvalidYamlError("is plain text, such as the pointer of a filter")
    for document in iter_objects(documents):
        if document["kind"] in KIND_BY_KEY.values():
            metadata = document.get("metadata")
            names = [metadata.get(key) for key in ("namespace", "name")] if isinstance(metadata, dict) else []
            if not names or not isinstance(names[1], str) or not isinstance(names[0], str | None):
                raise InvalidYamlError(f"is a {document['kind']} without a name")
            yield Identity(document["kind"], names[0] or "", names[1]), document


def _build_unreadable_problem(baseline: Baseline, path: str, reason: str, *, is_desired: bool) -> Problem:
    """Report a file of the baseline. It is an error unless the manifest of a desired object takes its place."""
    place = Place(baseline.project.display_path(baseline.project.manifests / path))
    committed = f"the version at {baseline.ref}" if baseline.ref else "the file"
    message = (
        f"{committed} {reason if reason.startswith('is ') else 'is not YAML'}, so vmgen cannot tell which disk it contains"
    )
    if is_desired:
        return UNREADABLE_BASELINE.build_problem(place, "", f"{message}; the render replaces it")._replace(severity="warning")
    remedy = "restore the earlier manifest in a separate change, and remove it in a later one"
    return UNREADABLE_BASELINE.build_problem(place, "", f"{message}; {remedy}")


def find_rename_candidates(
    removed_objects: Sequence[ExistingObject], created: Sequence[ExistingObject | PlannedObject]
) -> Mapping[Identity, Identity]:
    """Map each removed object that looks renamed to its created counterpart, and back.

    Of several that look the same, those are paired whose names end alike: web-2-data with shop-2-data.
    """
    if not removed_objects or not created:
        return {}
    old_by_likeness, new_by_likeness = _group_by_likeness(removed_objects), _group_by_likeness(created)
    candidates: dict[Identity, Identity] = {}
    for likeness in old_by_likeness.keys() & new_by_likeness.keys():
        for old, new in _pair_by_suffix(old_by_likeness[likeness], new_by_likeness[likeness]):
            candidates[old], candidates[new] = new, old
    return _drop_implausible(candidates, [old.identity for old in removed_objects])


def _drop_implausible(
    candidates: Mapping[Identity, Identity], removed_identities: Iterable[Identity]
) -> Mapping[Identity, Identity]:
    """Drop the disks of a VM that is removed and not renamed: all system disks look the same, so one alone is no rename."""
    removed_identities = list(removed_identities)
    new_vms = {(vm.namespace, vm.name): candidates.get(vm) for vm in removed_identities if vm.kind == "VMInstance"}
    plausible = dict(candidates)
    for disk in removed_identities:
        if disk.kind != "VMDisk" or disk not in plausible:
            continue
        new_disk = plausible[disk]
        owners = [(disk.namespace, vm) for vm, _ in split_name(disk.name)]
        owning_vms = [new_vms[owner] for owner in owners if owner in new_vms]
        if any(vm is None or not new_disk.name.startswith(f"{vm.name}-") for vm in owning_vms):
            del plausible[new_disk], plausible[disk]
    return plausible


def _group_by_likeness(objects: Iterable[ExistingObject | PlannedObject]) -> Mapping[str, list[Identity]]:
    """Group objects that have the same environment, kind and spec, except for their names and names derived from these."""
    groups = defaultdict(list)
    for each in objects:
        # Sorted keys, since only the order of lists means anything in a manifest.
        spec = json.dumps(remove_name(each.document.get("spec"), each.identity.name), sort_keys=True, default=str)
        groups[f"{each.environment} {each.identity.kind} {spec}"].append(each.identity)
    return groups


def remove_name(value: Any, name: str) -> Any:
    """Replace a name where it is a text or its beginning: on web-1, the disk `web-1-data` becomes `<name>-data`."""
    if isinstance(value, dict):
        return {key: remove_name(item, name) for key, item in value.items()}
    if isinstance(value, list):
        return [remove_name(item, name) for item in value]
    if isinstance(value, str) and (value == name or value.startswith(f"{name}-")):
        return f"<name>{value[len(name) :]}"
    return value


def _pair_by_suffix(removed_identities: list[Identity], created: list[Identity]) -> Iterator[tuple[Identity, Identity]]:
    """Pair by the longest suffix of whole name parts that two names share; pair the rest in order."""
    unpaired_old, unpaired_new = dict.fromkeys(sorted(removed_identities)), dict.fromkeys(sorted(created))
    new_by_suffix = defaultdict(list)
    for new in reversed(unpaired_new):  # so that the first is popped first
        for step_count in range(new.name.count("-") + 1):
            new_by_suffix[_drop_leading_parts(new.name, step_count)].append(new)
    for step_count in range(max(old.name.count("-") for old in removed_identities) + 1):
        for old in list(unpaired_old):
            candidates = new_by_suffix.get(_drop_leading_parts(old.name, step_count), [])
            while candidates and candidates[-1] not in unpaired_new:
                candidates.pop()
            if candidates:
                new = candidates.pop()
                del unpaired_old[old], unpaired_new[new]
                yield old, new
    yield from zip(unpaired_old, unpaired_new)


def _drop_leading_parts(name: str, count: int) -> str:
    """Return a name without its first parts, empty if it has no more than those."""
    return name.split("-", count)[count] if count <= name.count("-") else ""


def find_old_base_name(old: str, new: str) -> str:
    """Return the old name without the suffix that it shares with the new one: `web` for web-1-data and shop-1-data."""
    old_parts, new_parts = old.split("-"), new.split("-")
    while len(old_parts) > 1 and len(new_parts) > 1 and old_parts[-1] == new_parts[-1]:
        old_parts.pop()
        new_parts.pop()
    return "-".join(old_parts)


class VmNames:
    """The names of the VMs that an environment has after a change, the numbers at their ends, and their groups."""

    def __init__(self, groups: Mapping[str, str]) -> None:
        """`groups` has the group of each VM by the VM's name."""
        self.names = groups.keys()
        self._groups = groups

    @cached_property
    def _sizes(self) -> Mapping[str, int]:
        return Counter(self._groups.values())

    def is_one_of_many(self, name: str) -> bool:
        """Return whether the group of a VM has others."""
        return self._sizes.get(self._groups.get(name, ""), 0) > 1

    @cached_property
    def numbers(self) -> Mapping[str, list[int]]:
        """The numbers, by the part of the names before them."""
        numbers = defaultdict(list)
        for name in self.names:
            base_name, dash, digits = name.rpartition("-")
            number = parse_number(digits) if dash else None
            if number is not None:
                numbers[base_name].append(number)
        return numbers

    def find_owner(self, *disks: Identity) -> str:
        """Return the longest name of a VM that all of these disks would have been named after; empty if there is none."""
        owners = [vm for vm, _ in split_name(disks[0].name) if vm in self.names]
        return next((vm for vm in reversed(owners) if all(_is_disk_of(disk, vm) for disk in disks)), "")


def find_rename_remedy(old: Identity, new: Identity, path: str, vms: VmNames) -> str:
    """Return the edit that keeps an object at a path, which looks renamed. `vms` are those after the change."""
    if new.namespace != old.namespace:
        keep = f"write `namespace: {old.namespace}` back to keep it"
        if old.kind != "VMDisk":
            return keep
        return (
            f"{keep}; its data does not come along. To move the data, create the disk in {new.namespace} beside this one, by "
            "another environment, copy the data over the network, and then retire this one (docs/day-2.md)"
        )
    # A standalone disk is in the folder of its kind, and the disks and VMs of a group one folder deeper.
    if path.count("/") < 3:
        return f"write the key `{old.name}` back to keep it"
    vm_name = vms.find_owner(old, new)
    if vm_name:
        suffix = old.name[len(vm_name) + 1 :]
        if any(key == SYSTEM_DISK for key, _ in list_generations(suffix)):  # no disk under `disks:` may have this key
            return f"write the source of the system disk, such as `image:`, back to `{vm_name}` to keep it"
        return f"write the disk's key `{suffix}` back to keep it"
    base_name = find_old_base_name(old.name, new.name)
    numbers = sorted(vms.numbers.get(base_name, ()))
    # A single VM that gets `count:`: no count has its name, which has no number. It pairs with the first of the new VMs.
    if numbers and base_name not in vms.names and f"{new.name}-".startswith(f"{base_name}-{numbers[0]}-"):
        new_names = ", ".join((base_name, *(f"{base_name}-{number}" for number in numbers[1:])))
        return f"write `names: [{new_names}]` instead of `count:` in its group to keep the old name"
    new_base_name = find_old_base_name(new.name, old.name)
    if new_base_name in vms.names and vms.is_one_of_many(new_base_name):
        swap = f"write `{base_name}` instead of `{new_base_name}`"
        return f"list the VMs of its group under `names:`, without `count:`, and {swap}, to keep the old name"
    return f"write `name: {base_name}`, or `names:`, in its group to keep the old names"


def _is_disk_of(disk: Identity, vm_name: str) -> bool:
    return disk.kind == "VMDisk" and disk.name.startswith(f"{vm_name}-")
