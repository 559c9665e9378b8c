"""Compare a committed manifest with the live object: field by field, defaults of the platform left out."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.importer.conventions import PlatformConventions
from vmgen.plan.change_kinds import are_equal
from vmgen.read.manifests import get_mapping


class Drift(NamedTuple):
    """A field that differs. `git` and `live` are the plain values; None is a field that is not there."""

    field: str
    git: Any
    live: Any


def find_drift(manifest: Mapping[str, Any], live: Mapping[str, Any], conventions: PlatformConventions) -> tuple[Drift, ...]:
    """Return the fields in which a live object differs from its manifest.

    A field that only one side writes, with the value that the API fills in, is no drift: the API server adds its defaults on
    every read (cozystack pkg/registry/apps/application/rest_defaulting.go). Labels and annotations that Git does not write
    belong to somebody else.
    """
    kind = str(manifest["kind"])
    git_spec, live_spec = get_mapping(manifest, "spec"), get_mapping(live, "spec")
    names = dict.fromkeys((*git_spec, *live_spec))
    drifts = [drift for name in names for drift in _compare_field(kind, name, git_spec, live_spec, conventions)]
    git_metadata, live_metadata = get_mapping(manifest, "metadata"), get_mapping(live, "metadata")
    for section in ("labels", "annotations"):
        actual = get_mapping(live_metadata, section)
        for name, value in get_mapping(git_metadata, section).items():
            if actual.get(name) != value:
                drifts.append(Drift(f"metadata.{section}[{name}]", value, actual.get(name)))
    return tuple(drifts)


def get_field(live: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path such as `spec.storage` or `metadata.labels[team]`; None if there is none."""
    value: Any = live
    # A label has dots in its name, so that the last step takes the rest.
    for key in path.replace("[", ".", 1).removesuffix("]").split(".", 2 if "[" in path else -1):
        value = value.get(key) if isinstance(value, dict) else None
    return _normalize(path.removeprefix("spec."), value)


def _compare_field(
    kind: str, name: str, git: Mapping[str, Any], live: Mapping[str, Any], conventions: PlatformConventions
) -> Iterator[Drift]:
    default = conventions.get_default(kind, name)
    if name in git and name in live:
        yield from _compare_values(f"spec.{name}", _normalize(name, git[name]), _normalize(name, live[name]))
        return
    value = git[name] if name in git else live[name]
    if not are_equal(value, default) and value not in ("", [], {}, None):
        yield Drift(f"spec.{name}", git.get(name), live.get(name))


def _normalize(name: str, value: Any) -> Any:
    """Write each disk as a mapping without empty values, so that `[a]`, `[{name: a}]` and `[{name: a, bus: ""}]` are equal."""
    if name == "disks" and isinstance(value, list):
        disks = [{"name": item} if isinstance(item, str) else item for item in value]
        return [
            {key: field for key, field in disk.items() if field not in ("", None)} if isinstance(disk, dict) else disk
            for disk in disks
        ]
    return value


def _compare_values(field: str, git: Any, live: Any) -> Iterator[Drift]:
    if isinstance(git, dict) and isinstance(live, dict):
        for name in dict.fromkeys((*git, *live)):
            yield from _compare_values(f"{field}.{name}", git.get(name), live.get(name))
    # Empty and missing are the same to a chart: Helm templates test for both at once.
    # https://helm.sh/docs/chart_template_guide/control_structures/
    elif not are_equal(git, live) and not (git in ("", [], {}, None) and live in ("", [], {}, None)):
        yield Drift(field, git, live)
