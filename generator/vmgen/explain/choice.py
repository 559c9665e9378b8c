"""The object and the fields that somebody names on the command line."""

from __future__ import annotations

from vmgen.expand.model import Fleet, Resource
from vmgen.explain.objects import ExplainedField, Explanation
from vmgen.problems import VmgenError
from vmgen.suggestions import did_you_mean

# What people call the kinds, in lower case; the kind's own name goes, too.
_KIND_ALIASES = {"vm": "VMInstance", "vms": "VMInstance", "disk": "VMDisk", "disks": "VMDisk"}


def find_resource(written: str, fleet: Fleet) -> Resource:
    """The object of `web-1`, `vm/web-1` or `VMDisk/web-1-data`. VmgenError, with a suggestion, where there is none."""
    prefix, _, name = written.rpartition("/")
    kind = _resolve_kind(prefix, fleet)
    found = [each for each in fleet.resources if each.name == name and kind in ("", each.kind)]
    if len(found) == 1:
        return found[0]
    if found:
        raise VmgenError(f"'{name}' is a VM and a disk in {fleet.environment}; write vm/{name} or disk/{name}")
    names = [each.name for each in fleet.resources if kind in ("", each.kind)]
    what = kind or "object"
    hint = did_you_mean(name, names) or f"; it has {len(names)}, see vmgen list {fleet.environment}"
    raise VmgenError(f"no {what} '{name}' in {fleet.environment}{hint}")


def _resolve_kind(prefix: str, fleet: Fleet) -> str:
    if not prefix:
        return ""
    kinds = _KIND_ALIASES | {kind.lower(): kind for kind in fleet.platform.kinds}
    if prefix.lower() not in kinds:
        raise VmgenError(f"no kind '{prefix}'{did_you_mean(prefix, kinds) or '; write vm/NAME or disk/NAME'}")
    return kinds[prefix.lower()]


def select_fields(written: str | None, explanation: Explanation) -> tuple[ExplainedField, ...]:
    """The fields at and below a path, or the end of one; all of them where none is named."""
    if written is None:
        return explanation.fields
    exact = tuple(field for field in explanation.fields if _is_at_or_below(field.name, written))
    if exact:
        return exact
    ending = {name: _is_path_ending(name, written) for name in _list_field_paths(explanation)}
    paths = [name for name, matches in ending.items() if matches]
    if len(paths) == 1:
        return tuple(field for field in explanation.fields if _is_at_or_below(field.name, paths[0]))
    if paths:
        raise VmgenError(f"several fields of {explanation.name} end in '{written}': {', '.join(paths)}; write one of them")
    known = list(ending) + [path.rpartition(".")[2] for path in ending]
    raise VmgenError(f"no field '{written}' in {explanation.kind} {explanation.name}{did_you_mean(written, known)}")


def _is_at_or_below(name: str, path: str) -> bool:
    return name == path or name.startswith((f"{path}.", f"{path}["))


def _is_path_ending(name: str, written: str) -> bool:
    return name.endswith(f".{written}")


def _list_field_paths(explanation: Explanation) -> list[str]:
    """The paths of all fields and of the lists and mappings that hold them."""
    paths: dict[str, None] = {}
    for field in explanation.fields:
        path = ""
        for step in field.path:
            path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else step
            paths[path] = None
    return list(paths)
