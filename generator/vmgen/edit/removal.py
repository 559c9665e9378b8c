"""Remove entries and items of mappings and lists from the text of a YAML file, with the comments behind them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from vmgen.edit.text_lines import LINE_BREAK, CannotSplice, ends_with_line, find_dash, find_line_end, find_line_start
from vmgen.read.located import KeyPath, format_path
from vmgen.read.yaml_nodes import Node


def remove_values(text: str, holder: Node, path: KeyPath, steps: Sequence[str | int]) -> str:
    """Remove entries or items of a mapping or list that has others, and whose path is `path`. Raises CannotSplice."""
    if holder.kind == "sequence":
        spans = [(child.begin, child.end) for child in holder.children]
        indexes = {step for step in steps if isinstance(step, int)}
    else:
        spans = [(key.begin, value.end) for key, value in holder.entries]
        positions = {key.value: index for index, (key, _) in enumerate(holder.entries)}
        missing = [step for step in steps if step not in positions]
        if missing:
            raise CannotSplice(f"{format_path((*path, missing[0]))} is not written here")
        indexes = {positions[str(step)] for step in steps}
    for index in sorted(indexes, reverse=True):  # from the last on, so that the places before it stay the same
        if not holder.is_block:
            shorter_text = _remove_in_flow(text, spans, index)
        else:
            start = find_dash(text, holder, index) if holder.kind == "sequence" else spans[index][0]
            shorter_text = _remove_lines(text, start, spans[index][1], spans, index)
        del spans[index]
        if index < len(spans):  # what comes next may become the neighbour of the next removal
            spans[index] = (spans[index][0] + len(shorter_text) - len(text), spans[index][1] + len(shorter_text) - len(text))
        text = shorter_text
    return text


def _remove_lines(text: str, start: int, end: int, spans: list[tuple[int, int]], index: int) -> str:
    """Remove the lines of an entry in block style, with the comment behind it; those above it stay."""
    line_start = find_line_start(text, start)
    stop = end if ends_with_line(text, start, end) else find_line_end(text, end)
    if text[line_start:start].strip(" "):  # the first key of a list's item, on the line of its dash
        following = spans[index + 1][0] if index + 1 < len(spans) else -1
        # The next key takes its place on the line of the dash, which it could not across a comment.
        if following < 0 or "#" in text[stop:following]:
            raise CannotSplice("it shares its line with another value")
        return text[:start] + text[following:]
    line_break = LINE_BREAK.match(text, stop) if stop != end or not ends_with_line(text, start, end) else None
    if line_break:
        return text[:line_start] + text[line_break.end() :]
    if stop == len(text) and not text.endswith(("\n", "\r")):  # the last line of the file had no end, nor will it have one
        line_start = len(text[:line_start].removesuffix("\n").removesuffix("\r"))
    return text[:line_start] + text[stop:]


def _remove_in_flow(text: str, spans: list[tuple[int, int]], index: int) -> str:
    start, end = spans[index]
    if index + 1 < len(spans):
        following = spans[index + 1][0]
        tail = re.split(r"[\r\n]", text[end:following], maxsplit=1)
        if len(tail) > 1 and "#" in tail[1]:
            raise CannotSplice("comments stand between the values of its brackets")
        return text[:start] + text[following:]
    before = spans[index - 1][1] if index else start
    # The comment between the two would go with the value.
    if "#" in text[before:start]:
        raise CannotSplice("comments stand between the values of its brackets")
    return text[:before] + text[end:]
