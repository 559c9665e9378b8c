"""Fields of an Application, ApplicationSet or Kustomization that bypass the guards of disks.

The built-in templates write nothing of this. A repository's own templates and schemas can, and no table of it can allow it:
what an engine does with a field is its own program. Seen with Argo CD v3.5.3 and kustomize-controller v1.9.6.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.check.guards import GUARDS, list_hazards, list_options

_APPROVED = "argocd.argoproj.io/deletion-approved"
_ANSWERS = "answers each question of Argo CD before it is asked, so that disks are deleted without a person"
_CHANGES = "changes the manifests on their way, behind the plan, and can take the guards off disks"


class _Hazard(NamedTuple):
    """A field of a kind, whether its value is one, and what the engine does with it."""

    kind: str
    path: tuple[str, ...]
    is_met: Callable[[Any], bool]
    says: str


def _unguards(metadata: Any) -> bool:
    """Return whether annotations and labels that are put on each object replace a guard of disks, or are hazards themselves."""
    # What is no mapping cannot be judged, so it counts as a hazard unless it is empty.
    if not isinstance(metadata, Mapping):
        return bool(metadata)
    if any(hazard.severity == "error" for hazard in list_hazards({"metadata": metadata})):
        return True
    sections = (metadata.get("annotations"), metadata.get("labels"))
    keys = {str(key) for section in sections if isinstance(section, Mapping) for key in section}
    return any(guard.key in keys for guard in GUARDS)


def _forces(options: Any) -> bool:
    return isinstance(options, list) and "Force=true" in list_options(",".join(map(str, options)))


_KUSTOMIZE_KEYS = ("patches", "commonAnnotations", "commonLabels", "components", "namePrefix", "nameSuffix", "namespace")
_HAZARDS: tuple[_Hazard, ...] = (
    _Hazard("Application", ("metadata", "annotations", _APPROVED), lambda value: value is not None, _ANSWERS),
    _Hazard("Application", ("operation",), bool, "starts a sync that can delete and recreate disks by force"),
    _Hazard(
        "Application",
        ("spec", "syncPolicy", "syncOptions"),
        _forces,
        "has `Force=true`, which deletes and recreates objects that cannot change",
    ),
    *(_Hazard("Application", ("spec", "source", "kustomize", key), bool, _CHANGES) for key in _KUSTOMIZE_KEYS),
    _Hazard("Application", ("spec", "sources"), bool, "takes manifests from elsewhere too, which the plan does not know"),
    _Hazard("ApplicationSet", ("spec", "templatePatch"), bool, "changes each Application in a way that the plan does not know"),
    *(
        _Hazard("Kustomization", ("spec", key), bool, _CHANGES)
        for key in ("patches", "patchesStrategicMerge", "patchesJson6902", "components", "namePrefix", "nameSuffix")
    ),
    _Hazard(
        "Kustomization", ("spec", "commonMetadata"), _unguards, "replaces a guard of the disks, or carries what recreates them"
    ),
    _Hazard("Kustomization", ("spec", "force"), bool, "deletes and recreates a disk, empty, if a field of it cannot change"),
)


def find_delivery_hazards(kind: str, document: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each field of a delivery object that bypasses the guards of disks."""
    yield from _find_hazards(kind, document, "")
    if kind == "ApplicationSet":
        # Each Application of a set is made from its template, so the fields of one count in the other.
        yield from _find_hazards("Application", _get(document, ("spec", "template")), "spec.template.")


def _find_hazards(kind: str, document: Any, prefix: str) -> Iterator[str]:
    for hazard in _HAZARDS:
        if hazard.kind == kind and hazard.is_met(_get(document, hazard.path)):
            yield f"{prefix}{'.'.join(hazard.path)} {hazard.says}"


def _get(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
