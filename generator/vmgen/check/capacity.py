"""Which instance type somebody means who wrote a size, such as `2x8` or `2 vCPU 8 GB`, or a name from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from vmgen.quantities import format_size
from vmgen.read.catalog import InstanceType
from vmgen.suggestions import did_you_mean, find_closest

_CAPACITY_PATTERN = re.compile(
    r"""(?xi)
    (?P<cpu> [0-9]{1,4})
    ( \s* v? (cpus? | cores? | c) ( and | [\s,;:/x*_+-] )* | ( and | [\s,;:/x*_+-] )+ )
    (?P<memory> [0-9]{1,7}) \s* (?P<unit> [gmt])? ( ib? | b )?
    (\s* (ram | memory | mem))?
    """
)
_UNIT_MEBIBYTES = {"m": 1, "g": 1024, "t": 1024 * 1024}


def suggest_type(written: str, types: Mapping[str, InstanceType]) -> str:
    """The end of a message on an unknown instance type: which one is meant."""
    current = {name: each for name, each in types.items() if not each.deprecated}
    wanted = parse_capacity(written)
    if wanted and current:
        return f"; {_suggest_for_capacity(*wanted, current.values())}"
    size_name = written.rpartition(".")[2].lower()
    alike = [name for name in current if name.rpartition(".")[2] == size_name]
    match = find_closest(written, alike)
    if match:
        return f"; did you mean '{match}'?"
    return did_you_mean(written, types) or f"; for example {_format_examples(current.values())}"


def parse_capacity(written: str) -> tuple[int, int] | None:
    """The vCPUs and MiB of memory that a text asks for, or None where it is no size."""
    found = _CAPACITY_PATTERN.fullmatch(written.strip())
    if found is None:
        return None
    return int(found["cpu"]), int(found["memory"]) * _UNIT_MEBIBYTES[(found["unit"] or "g").lower()]


def format_type(type_: InstanceType) -> str:
    """`2 vCPU 8 Gi is u1.large`."""
    memory = format_size(type_.memory)
    return f"{type_.cpu} vCPU {memory[:-2]} {memory[-2:]} is {type_.name}"


def find_smallest_type(types: Iterable[InstanceType], cpu: int, memory: int) -> InstanceType | None:
    """The smallest type that has at least so much, or None."""
    fitting = [each for each in types if each.cpu >= cpu and each.memory >= memory]
    return min(fitting, key=lambda each: (each.cpu, each.memory, each.name)) if fitting else None


def _suggest_for_capacity(cpu: int, memory: int, types: Iterable[InstanceType]) -> str:
    same = [each for each in types if (each.cpu, each.memory) == (cpu, memory)]
    if same:
        return format_type(same[0]) + "".join(f" or {each.name}" for each in same[1:3])
    fitting = find_smallest_type(types, cpu, memory)
    if fitting:
        return f"no type has just that; the smallest with as much: {format_type(fitting)}"
    largest = max(types, key=lambda each: (each.cpu, each.memory, each.name))
    return f"no type is that large; the largest: {format_type(largest)}"


def _format_examples(types: Iterable[InstanceType]) -> str:
    few = sorted(types, key=lambda each: (each.cpu, each.memory, each.name))[:3]
    return ", ".join(format_type(each) for each in few) + "; all: `vmgen catalog types`"
