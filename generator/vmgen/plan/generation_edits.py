"""The keys that make the next generation of disks whose source or storage class changed, and keep the one before.

Keys of a group reach each of its VMs. They are right where all VMs that exist change alike; else each VM gets its own.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.merge.environment import Environment, Group, Instance
from vmgen.merge.own_disks import GENERATION, OwnDisk
from vmgen.problems import Place
from vmgen.read.located import Located, to_plain
from vmgen.yaml_text import to_flow, to_scalar

Generations = Mapping[tuple[str, str], Sequence[tuple[str, int]]]


class ChangedDisk(NamedTuple):
    """An own disk of a VM that cannot become what is written; `entry` is its entry below `previous:`, without `of:`."""

    group: Group
    instance: Instance
    disk: OwnDisk
    entry: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.instance.name}-{self.disk.suffix}"


class GenerationEdit(NamedTuple):
    """Keys to write, as plain data, at the key path of a group or an instance; `disks` are the names of what they are for."""

    path: tuple[str, ...]
    values: dict[str, Any]
    disks: tuple[str, ...]


def list_used_generations(owners: Iterable[tuple[Instance, OwnDisk]], reserved_generations: Generations) -> set[int]:
    """Return the generations of the disks of VMs: those in use, all that the file keeps, and what no new disk may have."""
    generations: set[int] = set()
    for instance, disk in owners:
        kept_disks = (entry.disk for entry in instance.settings.previous if entry.disk.key == disk.key)
        rows = reserved_generations.get((instance.name, disk.key), ())
        generations |= {disk.generation, *(other.generation for other in kept_disks), *(number for _, number in rows)}
    return generations


def find_changed_disks(entries: Mapping[str, Mapping[str, Any]], environment: Environment) -> Iterator[ChangedDisk]:
    """Yield the own disks of an environment among entries below `previous:` by the name of the disk."""
    for group in environment.groups:
        for instance in group.instances:
            for disk in instance.settings.disks:
                entry = entries.get(f"{instance.name}-{disk.suffix}")
                if entry is not None:
                    yield ChangedDisk(group, instance, disk, entry)


def build_generation_edits(
    changed_disks: Sequence[ChangedDisk], new_disks: Collection[str], reserved_generations: Generations
) -> tuple[GenerationEdit, ...]:
    """Return the edits for changed disks of one environment, one for each group or VM that is to get keys.

    `new_disks` are the names of the disks that did not exist before, `reserved_generations` what no new disk may have.
    """
    by_disk: dict[tuple[str, str], list[ChangedDisk]] = defaultdict(list)
    for each in changed_disks:
        by_disk[each.group.key, each.disk.key].append(each)
    values: dict[tuple[str, ...], dict[str, Any]] = {}
    names: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for alike in by_disk.values():
        for edit in _build_disk_edits(alike, new_disks, reserved_generations):
            values[edit.path] = _merge_mappings(values.get(edit.path, {}), edit.values)
            names[edit.path].extend(edit.disks)
    return tuple(GenerationEdit(path, values[path], tuple(names[path])) for path in values)


def _build_disk_edits(
    alike: list[ChangedDisk], new_disks: Collection[str], reserved_generations: Generations
) -> Iterator[GenerationEdit]:
    """Yield the edits for one disk key of one group."""
    group, key = alike[0].group, alike[0].disk.key
    shared = [each for each in alike if not _has_own_generation(each)]
    names = {each.name for each in shared}
    is_uniform = all((each.entry, each.disk.generation) == (shared[0].entry, shared[0].disk.generation) for each in shared)
    if shared and is_uniform and not any(name not in names for name in _list_reached(group, key, new_disks)):
        of = [each.instance.label for each in shared]
        yield GenerationEdit(
            ("vms", group.key), _build_values(shared, of, group.located, reserved_generations), tuple(sorted(names))
        )
        alike = [each for each in alike if each.name not in names]
    for each in alike:
        override = group.find_override(each.instance) or Located({}, group.place)
        path = group.get_override_path(each.instance)
        yield GenerationEdit(path, _build_values([each], [each.instance.label], override, reserved_generations), (each.name,))


def _list_reached(group: Group, key: str, new_disks: Collection[str]) -> Iterator[str]:
    """Yield the disks that exist, and whose generation the group's keys decide."""
    for instance in group.instances:
        for disk in instance.settings.disks:
            each = ChangedDisk(group, instance, disk, {})
            if disk.key == key and each.name not in new_disks and not _has_own_generation(each):
                yield each.name


def _build_values(
    alike: Sequence[ChangedDisk], of: list[int | str], level: Located, reserved_generations: Generations
) -> dict[str, Any]:
    """Return the keys at a level, the group or an override, with what its `previous:` has already."""
    changed_disk = alike[0]
    disk = changed_disk.disk
    is_system = disk is changed_disk.instance.settings.system_disk
    own = level if is_system else find_disk_entry(level, disk.key)
    previous = (own.get_plain("previous") if own else None) or {}
    entries = {int(number): entry for number, entry in previous.items() if GENERATION.fullmatch(number)}
    entries[disk.generation] = {**changed_disk.entry, "of": of}
    generations = list_used_generations(((each.instance, each.disk) for each in alike), reserved_generations)
    # Above all numbers of the file, so that no new disk gets the name of one that is kept.
    keys = {"system" if is_system else "generation": max(generations) + 1, "previous": dict(sorted(entries.items()))}
    if is_system:
        return keys
    return {"disks": {disk.key: {**(to_plain(own) if own else {}), **keys}}}


def find_disk_entry(level: Located, key: str) -> Located | None:
    """Return what a group or an override writes of a further disk; None if nothing."""
    disks = level.get("disks")
    return disks.get(key) if disks else None


def _has_own_generation(changed_disk: ChangedDisk) -> bool:
    """Return true if the override of the VM, rather than its group, sets the generation of the disk."""
    override = changed_disk.group.find_override(changed_disk.instance)
    if override is None:
        return False
    is_system = changed_disk.disk is changed_disk.instance.settings.system_disk
    level = override if is_system else find_disk_entry(override, changed_disk.disk.key)
    return level is not None and level.get("system" if is_system else "generation") is not None


def _merge_mappings(lower: dict[str, Any], upper: dict[str, Any]) -> dict[str, Any]:
    mapping = dict(lower)
    for key, value in upper.items():
        is_mapping = isinstance(mapping.get(key), dict) and isinstance(value, dict)
        mapping[key] = _merge_mappings(mapping[key], value) if is_mapping else value
    return mapping


class PasteLines(NamedTuple):
    """Lines, and where they belong, as the end of a sentence; `place` is what they belong to."""

    lines: tuple[str, ...]
    where: str
    place: Place


def format_edit(edit: GenerationEdit, environment: Environment) -> PasteLines:
    """Format an edit as lines that go below a line of the file, or as all keys from the top where they replace something."""
    file = environment.file
    anchor = next(group for group in environment.groups if group.key == edit.path[1]).located
    place, name, path = anchor.key_place or anchor.place, edit.path[1], edit.path[2:]
    while path and (child := anchor.get(path[0])) and _is_block(child, file):
        anchor, name, path = child, path[0], path[1:]
    top_keys = path[:1] or tuple(edit.values)
    present = (value for key in top_keys if (value := anchor.get(str(key))))
    is_free = not any(value.place.file == file and not value.layer for value in present)
    if is_free and _is_block(anchor, file) and anchor.key_place:
        line = anchor.key_place.line
        where = f"adding these lines below line {line} of {file} (`{name}:`)"
        return PasteLines(tuple(_format_lines(path, edit.values, anchor.place.column - 1)), where, anchor.key_place)
    where = f"writing these keys into {file}, in place of those of the same name that are there"
    return PasteLines(format_rooted(edit.path, edit.values), where, place)


def format_rooted(path: Sequence[str], values: Mapping[Any, Any]) -> tuple[str, ...]:
    """Format keys as lines from the top of a file."""
    return tuple(_format_lines(path, values, 0))


def _format_lines(path: Sequence[str], values: Mapping[Any, Any], indent: int) -> Iterator[str]:
    """Yield a line for each step of the path, and one for each key; the entries of `disks:` get lines of their own."""
    for step in path:
        yield f"{' ' * indent}{step}:"
        indent += 2
    for key, value in values.items():
        if key == "disks":
            yield from _format_lines(("disks",), value, indent)
        else:
            yield f"{' ' * indent}{to_scalar(key)}: {to_flow(value)}"


def _is_block(value: Located, file: str) -> bool:
    """Return true if a mapping is written in block style in a file: its first key is on a line below its own."""
    return (
        value.key_place is not None
        and value.key_place.file == file
        and value.place.file == file
        and (value.place.line > value.key_place.line)
    )
