"""Kustomizations below manifests/ that take the protection of disks away when an engine builds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from vmgen.check.guards import FLUX_PRUNE, SYNC_OPTIONS, list_hazards, list_missing_guards
from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.rules import PROTECTION_LOST

# https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
KUSTOMIZATION_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_GUARDED = {SYNC_OPTIONS: "Prune=confirm,Delete=confirm", FLUX_PRUNE: "disabled"}
_PATCHES = ("patches", "patchesStrategicMerge", "patchesJson6902")
# Other files, or programs, decide what these do.
_OPAQUE = ("components", "transformers", "replacements", "generators", "helmCharts", "helmChartInflationGenerator")
# An object under another name or in another namespace is another object.
_RENAMING = ("namePrefix", "nameSuffix", "namespace")
_METADATA_WORDS = ("annotations", "labels", "$patch")


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
