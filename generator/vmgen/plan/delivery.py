"""The changes of what delivers: Applications, ApplicationSets and Kustomizations, with the VMs and disks that go with them."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.check.guards import list_missing_guards
from vmgen.plan.baseline import Baseline, PlanBase
from vmgen.plan.change_kinds import ABSENT
from vmgen.plan.delivered import (
    APPLICATION,
    APPLICATION_SET,
    KUSTOMIZATION,
    HeldObject,
    HeldObjects,
    Holding,
    deletes_what_it_holds,
    find_holding,
)
from vmgen.plan.delivery_fields import assess_field, moves_or_deletes
from vmgen.plan.desired import KIND_BY_KEY, DesiredState, Identity
from vmgen.plan.diff import parse_delivered_environment
from vmgen.plan.matching import ManifestParser
from vmgen.plan.plan import Action, ObjectChange, Plan, sort_changes
from vmgen.plan.verdicts import FieldChange, Verdict
from vmgen.problems import Place, Problem
from vmgen.quantities import format_count
from vmgen.read.manifests import InvalidYamlError, get_mapping, parse_objects
from vmgen.read.repository import ARGOCD, DELIVERY_FOLDER, FLUX
from vmgen.rules import DELIVERY_CASCADE, UNREADABLE_BASELINE
from vmgen.secrets.redact import redact_value

DELIVERY_KINDS = (APPLICATION, APPLICATION_SET, KUSTOMIZATION)
_SOURCE = "argo-cd docs/user-guide/app_deletion.md, kustomize-controller docs/spec/v1/kustomizations.md"


class EngineObject(NamedTuple):
    """An object of Argo CD or Flux. `path` is that of its file below `delivery/`."""

    identity: Identity
    path: str
    document: Mapping[str, Any]


class DeliveryState(NamedTuple):
    """What delivers, and the VMs and disks that there are, before or after a change."""

    engine_objects: Mapping[Identity, EngineObject]
    held_objects: HeldObjects


def list_changed_files(baseline: Baseline, files: Mapping[str, bytes], only: Iterable[str]) -> dict[str, bytes | None]:
    """Return the files of the engines that are new, differ or go, by path below `delivery/`, as the baseline has them.

    `only` are the environments of the run, empty for all.
    """
    changed_files: dict[str, bytes | None] = {path: None for path in files if not baseline.contains(path)}
    changed_files |= baseline.find_differing((ARGOCD, FLUX), files)
    names = set(only)
    return {
        path: content
        for path, content in sorted(changed_files.items())
        if path.startswith((f"{ARGOCD}/", f"{FLUX}/")) and (not names or parse_delivered_environment(path) in names)
    }


def add_delivery(
    plan: Plan, base: PlanBase, desired_states: Iterable[DesiredState], files: Mapping[str, bytes], only: Iterable[str]
) -> Plan:
    """Return the plan with the changes of what delivers. `files` are the rendered ones below `delivery/`.

    Raises VmgenError if git fails.
    """
    only = tuple(only)
    changed_files = list_changed_files(base.delivery, files, only) if base.delivery else {}
    if not changed_files:
        return plan
    before, problems = _read_engine_objects({path: content for path, content in changed_files.items() if content is not None})
    after, _ = _read_engine_objects({path: files[path] for path in changed_files if path in files})
    names = [name for name in base.baseline.environments if not only or name in only]
    new_manifests = {path: state.files[path] for state in desired_states for path in state.objects}
    output = base.baseline.project.output
    old_state = DeliveryState(before, HeldObjects(_iter_held_objects(base.baseline.find_differing(names, {}))))
    new_state = DeliveryState(after, HeldObjects(_iter_held_objects(new_manifests)))
    held_by_new: set[Identity] = set()
    # Of all rendered files: an object that does not change itself may hold what another one gives up.
    for each in _read_engine_objects(files)[0].values():
        holding = find_holding(each.document, new_state.held_objects, output)
        held_by_new.update((*holding.vms, *holding.disks))
    retired_disks = tuple(change.identity for change in plan.changes if change.is_retired)
    changes = _find_changes(old_state, new_state, output, retired_disks, held_by_new)
    return plan._replace(changes=sort_changes([*plan.changes, *changes]), problems=(*plan.problems, *problems))


def _iter_held_objects(files: Mapping[str, bytes]) -> Iterator[HeldObject]:
    """Yield the VMs and disks of manifests; those that cannot be read are problems of the plan already."""
    parser = ManifestParser()
    for path, content in files.items():
        try:
            documents = parser.parse(path, content) if path.endswith((".yaml", ".yml")) else []
        except InvalidYamlError:
            continue
        for document in documents:
            if isinstance(document, dict) and document.get("kind") in KIND_BY_KEY.values():
                is_guarded = document["kind"] != "VMDisk" or not list_missing_guards(document)
                yield HeldObject(path, _identify(document), is_guarded)


def _identify(document: Mapping[str, Any]) -> Identity:
    names = get_mapping(document, "metadata")
    return Identity(kind=document["kind"], namespace=str(names.get("namespace", "")), name=str(names.get("name", "")))


def _read_engine_objects(files: Mapping[str, bytes]) -> tuple[dict[Identity, EngineObject], list[Problem]]:
    """Return the engines' objects in files below `delivery/`, and a problem for each file that is not YAML."""
    engine_objects: dict[Identity, EngineObject] = {}
    problems = []
    for path, content in sorted(files.items()):
        if path.partition("/")[0] not in (ARGOCD, FLUX) or not path.endswith((".yaml", ".yml")):
            continue
        try:
            documents = parse_objects(content)
        except InvalidYamlError:
            message = "the file is not valid YAML, so the plan cannot show its effect"
            problems.append(UNREADABLE_BASELINE.build_problem(Place(f"{DELIVERY_FOLDER}/{path}"), "", message))
            continue
        for document in documents:
            if isinstance(document, dict) and document.get("kind") in DELIVERY_KINDS:
                identity = _identify(document)
                engine_objects[identity] = EngineObject(identity, path, document)
    return engine_objects, problems


def _find_changes(
    before: DeliveryState, after: DeliveryState, output: str, retired_disks: tuple[Identity, ...], retained_disks: set[Identity]
) -> Iterator[ObjectChange]:
    """Yield the change of each engine's object that goes, or changes what it holds. `retained_disks` is what any one holds
    after it.

    A new one is not a change of any VM or disk, and neither is a sync option.
    """
    for identity, old in before.engine_objects.items():
        # What a tombstone names may go, in whatever way it goes.
        holding = find_holding(old.document, before.held_objects, output).without(retired_disks)
        new = after.engine_objects.get(identity)
        if new is None:
            yield _build_deletion(old, holding, holding.without(retained_disks))
        else:
            change = _build_update(
                old, new, find_holding(new.document, after.held_objects, output), holding.without(retained_disks)
            )
            if change:
                yield change


def _build_deletion(old: EngineObject, holding: Holding, remainder: Holding) -> ObjectChange:
    """Build the deletion of an engine's object; `remainder` is what it holds and no other one takes over."""
    verdict, remedy = Verdict.DELETE, ""
    if deletes_what_it_holds(old.document):
        # Flux never deletes guarded objects; Argo CD asks, and one answer deletes all of them.
        at_risk = holding.unguarded_disks if old.identity.kind == KUSTOMIZATION else holding.disks
        says = f"Its objects are deleted with it: {holding}."
        if at_risk:
            verdict = Verdict.DESTROYS_DATA
            unguarded_count = len(holding.unguarded_disks)
            says += (
                f" Without confirmation: {format_count(unguarded_count, 'disk')}."
                if unguarded_count
                else " One confirmation in Argo CD deletes the disks."
            )
            deleting_options = {
                APPLICATION: "`finalizer: true`",
                APPLICATION_SET: "the option to delete its Applications",
                KUSTOMIZATION: "its `deletionPolicy`",
            }
            remedy = (
                f"restore it, remove {deleting_options[old.identity.kind]} in a separate change, apply that, "
                "and remove it in a later change"
            )
    elif remainder.vms or remainder.disks:
        says = f"No object is deleted with it. Kept, but no longer synced: {remainder}."
    else:
        says = "No object is deleted with it: its objects are applied by another one, or already deleted."
    return _build_change(old, "delete", verdict, says)._replace(remedy=remedy)


def _build_update(old: EngineObject, new: EngineObject, holding: Holding, losses: Holding) -> ObjectChange | None:
    fields = []
    for path, before, after in _diff(old.document, new.document):
        verdict, says = assess_field(old.document, new.document, path, holding, losses)
        name = path.rpartition(".")[2]
        # A report goes into a merge request, and a field such as `postBuild.substitute` takes any text, a password too.
        old_value, new_value = (value if value is ABSENT else redact_value(value, name) for value in (before, after))
        fields.append(FieldChange(path, old_value, new_value, "", verdict, says, _SOURCE))
    if not any(moves_or_deletes(field.path) for field in fields):
        return None
    verdict = max((field.verdict for field in fields), key=lambda verdict: verdict.severity)
    return _build_change(new, "update", verdict, "")._replace(fields=tuple(fields))


def _build_change(engine_object: EngineObject, action: Action, verdict: Verdict, says: str) -> ObjectChange:
    path = f"{DELIVERY_FOLDER}/{engine_object.path}"
    source = _SOURCE if says else ""
    return ObjectChange(
        engine_object.identity, parse_delivered_environment(engine_object.path), path, action, verdict, says, source
    )


def _diff(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield path and values of each field that differs, down to the last mapping that both have."""
    for key in dict.fromkeys((*after, *before)):
        old, new = before.get(key, ABSENT), after.get(key, ABSENT)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _diff(old, new, f"{prefix}{key}.")
        elif old != new:
            yield f"{prefix}{key}", old, new


def find_delivery_refusals(changes: Iterable[ObjectChange], desired_states: Iterable[DesiredState]) -> Iterator[Problem]:
    """Yield a problem for each change of what delivers that would delete disks."""
    files = {state.environment: state.file for state in desired_states}
    for change in changes:
        if change.identity.kind in DELIVERY_KINDS and change.verdict == Verdict.DESTROYS_DATA:
            fields = [f"{field.path}: {field.says}" for field in change.fields if field.verdict == Verdict.DESTROYS_DATA]
            remedy = change.remedy or "undo it, or first protect the disks and sync that"
            message = f"{change.identity}: {' '.join(filter(None, (change.says, *fields)))} So {remedy}"
            yield DELIVERY_CASCADE.build_problem(Place(files.get(change.environment, change.path)), "delivery", message)
