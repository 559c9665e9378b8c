"""Look for the protection of each disk in its manifest as it was rendered, whatever template, layer or table wrote it.

A disk is protected unless its settings say `protect: false`. Its manifest must carry every guard and no hazard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.check.guards import FLUX_PRUNE, SYNC_OPTIONS, list_hazards, list_missing_guards
from vmgen.check.rules.metadata import find_effective_annotation, list_annotation_levels
from vmgen.expand.model import Disk
from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem
from vmgen.quantities import format_names
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import Project
from vmgen.rules import FREEZING_ANNOTATION, PROTECTION_LOST, RECREATING_ANNOTATION, Rule

if TYPE_CHECKING:
    from vmgen.render.manifests import Tree

GITOPS_DATA = "shared/gitops.yaml"


# https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_GUARDED = {SYNC_OPTIONS: "Prune=confirm,Delete=confirm", FLUX_PRUNE: "disabled"}
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
# Other files, or programs, decide what these do.
_OPAQUE = ("components", "transformers", "replacements", "generators", "helmCharts", "helmChartInflationGenerator")
# An object under another name or in another namespace is another object.
_RENAMING = ("namePrefix", "nameSuffix", "namespace")
_METADATA_WORDS = ("annotations", "labels", "$patch")


class _Fault(NamedTuple):
    """A fault of the protection in one manifest."""

    rule: Rule
    key: str
    message: str


def find_protection_faults(environment: Environment, tree: Tree, project: Project) -> Iterator[Problem]:
    """Yield a problem for each key that unprotects disks, with the number of the disks that it hits."""
    entries = {id(settings): (settings, path, vm) for settings, path, vm in environment.all_disk_settings}
    disks_by_problem: dict[tuple[Place, str, _Fault], list[str]] = defaultdict(list)
    faults_by_text: dict[bytes, tuple[_Fault, ...]] = {}
    for path, disk in tree.resources.items():
        if not isinstance(disk, Disk) or disk.settings.get_plain("protect") is False:
            continue
        # Most disks of a group differ in this line only, and parsing costs a hundred times as much.
        text = tree.files[path].replace(f"\n  name: {disk.name}\n".encode(), b"\n", 1)
        if text not in faults_by_text:
            faults_by_text[text] = tuple(_find_faults(tree.files[path]))
        for fault in faults_by_text[text]:
            settings, key_path, vm = entries.get(id(disk.settings), (disk.settings, "", None))
            # From the disk to the environment, so that the message names the line that decides.
            levels = list_annotation_levels(environment, settings, key_path, vm)
            place, subject = _locate(levels, fault, disk, environment, project)
            disks_by_problem[place, subject, fault].append(disk.name)
    for (place, subject, fault), names in disks_by_problem.items():
        yield fault.rule.build_problem(place, subject, f"{fault.message} (VMDisk {format_names(names, 1)})")


def _find_faults(content: bytes) -> Iterator[_Fault]:
    try:
        documents = parse_objects(content)
    except InvalidYamlError:
        return  # a problem of the template already
    for document in documents:
        if isinstance(document, dict):
            yield from _find_document_faults(document)


def _find_document_faults(document: Mapping[str, Any]) -> Iterator[_Fault]:
    for guard in list_missing_guards(document):
        message = (
            f"the manifest lacks `{guard.spelling}` in {guard.key}, so it is not true that {guard.name}; "
            "restore the annotation, or set `protect: false` on the disk"
        )
        yield _Fault(PROTECTION_LOST, guard.key, message)
    for hazard in list_hazards(document):
        key = hazard.key.removesuffix("*")
        rule = RECREATING_ANNOTATION if hazard.severity == "error" else FREEZING_ANNOTATION
        yield _Fault(rule, key, f"{hazard.says}; remove it, or set `protect: false` on the disk")


def _locate(
    levels: list[tuple[Any, str]], fault: _Fault, disk: Disk, environment: Environment, project: Project
) -> tuple[Place, str]:
    """Return the annotation or label in the environment that is at fault; else the file that replaces a built-in one."""
    for section in ("annotations", "labels"):
        value, level = find_effective_annotation(levels, fault.key, section)
        if value:
            return value.place, f"{level}.{section}.{fault.key}".lstrip(".")
    kind = environment.platform.kinds[disk.kind]
    metadata_source = {"metadata": {"annotations": disk.values.get("annotations"), "labels": disk.values.get("labels")}}
    is_given = fault in tuple(_find_document_faults(metadata_source))
    for name in (GITOPS_DATA, kind.template) if is_given else (kind.template, GITOPS_DATA):
        path = project.find_own_template(name)
        if path:
            return Place(project.display_path(path)), fault.key
    return disk.settings.located.place, fault.key


def find_overriding_kustomizations(files: Mapping[str, bytes], root: str) -> Iterator[Problem]:
    """Yield a problem for each transformation that overrides a guard. `files` are by path below the folder `root`."""
    for path, content in sorted(files.items()):
        if path.rpartition("/")[2] not in KUSTOMIZATION_NAMES:
            continue
        try:
            documents = parse_objects(content)
        except InvalidYamlError:
            continue  # no engine builds it
        for document in documents:
            for key, message in _find_overrides(document) if isinstance(document, dict) else ():
                message = f"{message}; remove it, since disks lose their protection when a sync tool builds this"
                yield PROTECTION_LOST.build_problem(Place(f"{root}/{path}"), key, message)


def _find_overrides(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    labels = [document.get("commonLabels")]
    labels += [each.get("pairs") for each in document.get("labels") or () if isinstance(each, dict)]
    for key, section, values in (
        ("commonAnnotations", "annotations", document.get("commonAnnotations")),
        *(("labels", "labels", value) for value in labels),
    ):
        if isinstance(values, dict):
            metadata: dict[str, Any] = {"annotations": dict(_GUARDED), "labels": {}}
            metadata[section] |= values
            for guard in list_missing_guards({"metadata": metadata}):
                yield key, f"overrides `{guard.spelling}` in {guard.key} of every disk"
            for hazard in list_hazards({"metadata": metadata}):
                if hazard.severity == "error":
                    yield key, f"{hazard.key.removesuffix('*')}: {hazard.says}"
    for key in _PATCHES:
        for patch in document.get(key) or ():
            if _may_touch_protection(patch):
                yield key, "has a patch of annotations or labels, or a patch in another file"
    yield from ((key, "its effect cannot be checked here") for key in _OPAQUE if document.get(key))
    yield from ((key, "builds other, empty disks beside those of the manifests") for key in _RENAMING if document.get(key))


def _may_touch_protection(patch: Any) -> bool:
    """Return whether a patch names annotations or labels, or is not written in place."""
    text = patch if isinstance(patch, str) else patch.get("patch") if isinstance(patch, dict) else None
    if not isinstance(text, str) or ("\n" not in text.strip() and text.strip().endswith((".yaml", ".yml", ".json"))):
        return True
    return any(word in text for word in _METADATA_WORDS)
