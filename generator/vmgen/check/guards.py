"""The guards of a disk that Argo CD and Flux honour, and the annotations that get past them, as tables.

What an engine does with an annotation is its own program, so no template, platform or policy of a repository can change
these tables. Each row is what Argo CD v3.5.3 and kustomize-controller v1.9.6 did in a run against a real API server.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.problems import Severity
from vmgen.read.manifests import get_mapping

SYNC_OPTIONS = "argocd.argoproj.io/sync-options"
FLUX_PRUNE = "kustomize.toolkit.fluxcd.io/prune"
# A guard counts only if the engine trims no more than this; Go trims more, which is safe to leave out.
_TRIMMED = " \t\r\n"


def _first_option_is(key: str, *options: str) -> Callable[[str], bool]:
    """Return a test of a comma list: of several options with one key, the engine takes the first."""

    def is_met(value: str) -> bool:
        # `Prune=true,Prune=confirm` prunes without a question. Case counts too: `prune=confirm` is no guard.
        # https://argo-cd.readthedocs.io/en/stable/user-guide/sync-options/
        first = next((option for option in value.split(",") if option.strip().startswith(f"{key}=")), "")
        return first.strip(_TRIMMED) in {f"{key}={option}" for option in options}

    return is_met


def _has_option(option: str) -> Callable[[str], bool]:
    return lambda value: option in list_options(value)


def list_options(value: str) -> list[str]:
    """Return the options of a comma list. The engine trims blanks around an option, and takes it by its exact case."""
    return [option.strip() for option in value.split(",")]


def _is_word(*words: str) -> Callable[[str], bool]:
    """Return a test of a word as Flux makes it: in any case, with no blank trimmed."""
    # Seen: `Disabled` keeps an object, `"disabled "` does not.
    # https://fluxcd.io/flux/components/kustomize/kustomizations/#controlling-the-apply-behavior-of-resources
    return lambda value: value.casefold() in words


def _is_present(_: str) -> bool:
    return True


class Guard(NamedTuple):
    """A key that keeps an engine from deleting a disk unasked. Flux reads it as a label too. `spelling` is how to write it."""

    name: str
    key: str
    is_met: Callable[[str], bool]
    spelling: str
    label: bool = False


GUARDS = (
    Guard("Argo CD asks before it prunes", SYNC_OPTIONS, _first_option_is("Prune", "confirm", "false"), "Prune=confirm"),
    Guard("Argo CD asks before it deletes", SYNC_OPTIONS, _first_option_is("Delete", "confirm", "false"), "Delete=confirm"),
    Guard("Flux does not prune", FLUX_PRUNE, _is_word("disabled"), "disabled", label=True),
)
# Those that count when an object leaves Git.
PRUNE_GUARDS = (GUARDS[0], GUARDS[2])


class Hazard(NamedTuple):
    """A key with which an engine deletes or recreates a disk (`error`), or no longer applies it (`warning`).

    A key that ends in `*` is a prefix. Flux reads its keys as labels too.
    """

    key: str
    is_met: Callable[[str], bool]
    says: str
    severity: Severity = "error"
    label: bool = False


_HOOK_SAYS = "Argo CD treats the disk as a hook: a sync deletes it, and may recreate it empty"
HAZARDS = (
    # Any value, since an unknown word makes the disk one "to be pruned" that is not made again.
    Hazard("argocd.argoproj.io/hook", _is_present, _HOOK_SAYS),
    Hazard("argocd.argoproj.io/hook-delete-policy", _is_present, _HOOK_SAYS),
    Hazard("helm.sh/hook*", _is_present, _HOOK_SAYS),
    Hazard(
        SYNC_OPTIONS,
        _has_option("Force=true"),
        "with `Force=true` Argo CD deletes the disk and recreates it empty to change an immutable field; "
        "with `Replace=true` too, at any change",
    ),
    Hazard(
        "argocd.argoproj.io/tracking-id",
        _is_present,
        "the Application in this tracking label treats the disk as its own, and deletes objects that are not in its folder",
    ),
    Hazard(
        "kustomize.toolkit.fluxcd.io/force",
        _is_word("enabled"),
        "Flux deletes the disk and recreates it empty to change an immutable field",
        label=True,
    ),
    Hazard(
        "kustomize.toolkit.fluxcd.io/ssa",
        _is_word("ignore", "ifnotpresent"),
        "Flux no longer applies the disk, so no change takes effect, not even of its protection",
        "warning",
        label=True,
    ),
    Hazard(
        "kustomize.toolkit.fluxcd.io/reconcile",
        _is_word("disabled"),
        "Flux no longer applies the disk, so no change takes effect, not even of its protection",
        "warning",
        label=True,
    ),
    Hazard(
        "argocd.argoproj.io/compare-options",
        _has_option("IgnoreExtraneous"),
        "Argo CD reports Synced after the removal of the disk from Git, and asks only at a later sync",
        "warning",
    ),
)


def list_guards(document: Mapping[str, Any]) -> tuple[Guard, ...]:
    """Return the guards that a manifest carries in a spelling that the engine honours."""
    return tuple(guard for guard in GUARDS if any(guard.is_met(value) for value in _find_values(document, guard)))


def list_missing_guards(document: Mapping[str, Any]) -> tuple[Guard, ...]:
    """Return the guards that a manifest lacks, or carries in a spelling that no engine honours."""
    present = list_guards(document)
    return tuple(guard for guard in GUARDS if guard not in present)


def list_hazards(document: Mapping[str, Any]) -> tuple[Hazard, ...]:
    """Return the hazards that a manifest carries."""
    return tuple(hazard for hazard in HAZARDS if any(hazard.is_met(value) for value in _find_values(document, hazard)))


def _find_values(document: Mapping[str, Any], row: Guard | Hazard) -> Iterator[str]:
    sections = ("annotations", "labels") if row.label else ("annotations",)
    for section in sections:
        for key, value in get_mapping(get_mapping(document, "metadata"), section).items():
            is_key = str(key).startswith(row.key[:-1]) if row.key.endswith("*") else key == row.key
            if is_key:
                # `true` without quotes is no string, and the API refuses it; until then it counts as what it was meant to be.
                yield value if isinstance(value, str) else str(value)
