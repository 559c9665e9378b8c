"""Lines to paste that write keys of generations into an environment file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from vmgen.merge.environment import Environment
from vmgen.plan.generation_edits import GenerationEdit
from vmgen.problems import Place
from vmgen.read.located import Located
from vmgen.yaml_text import to_flow, to_scalar


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
    is_free = not any(_is_written(anchor.get(str(key)), file) for key in top_keys)
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


def _is_written(value: Located | None, file: str) -> bool:
    return value is not None and value.place.file == file and not value.layer
