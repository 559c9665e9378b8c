"""A plan as Markdown, for a comment on a pull request: within a budget of bytes, cut at whole objects."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import NamedTuple

from vmgen.compare.plan import ObjectChange, Plan, PlanSummary, summarize
from vmgen.compare.totals import sum_deltas
from vmgen.report.plan_values import ChangeGroup, describe_baseline, describe_change, format_difference, group_changes
from vmgen.report.totals import format_delta

# The first line, by which a bot finds its comment again.
COMMENT_MARKER = "<!-- vmgen-plan -->"
MAX_COMMENT_BYTES = 65536
_SEVERE_VERDICTS = ("DESTROYS DATA", "rejected", "delete")
# So many objects that change alike stand in one block; with more, a cut would take too many at once.
_MAX_NAMES = 20
# Kept free for the line that says what was cut.
_RESERVED_BYTES = 200


class _Block(NamedTuple):
    """Text that is written whole or not at all, and how many objects it shows."""

    text: str
    object_count: int


class _Section(NamedTuple):
    """Blocks that stand together between two lines; where none of them fits, neither line is written."""

    opening: str
    blocks: tuple[_Block, ...]
    closing: str = ""


def format_markdown(plan: Plan, most_bytes: int = MAX_COMMENT_BYTES) -> str:
    """The plan: a table of the environments, what is grave, and the rest folded."""
    head = f"{COMMENT_MARKER}\n### Plan: {plan.summary}\n\nCompared with {html.escape(describe_baseline(plan.against))}.\n"
    totals = format_delta(sum_deltas(plan.deltas.values()))
    head += f"\nTotals: **{html.escape(totals)}**.\n" if totals else ""
    written, left = [head], most_bytes - len(head.encode()) - _RESERVED_BYTES
    cut = 0
    for section in _build_sections(plan):
        taken, left = _fit_blocks(section, left)
        if taken:
            written.extend((section.opening, *(block.text for block in taken), section.closing))
        cut += sum(block.object_count for block in section.blocks[len(taken) :])
    if cut:
        written.append(f"\n_Cut to {most_bytes} bytes: {cut} more objects are not shown. `vmgen plan` shows all of them._\n")
    return "".join(written)


def _fit_blocks(section: _Section, left: int) -> tuple[list[_Block], int]:
    """The blocks that fit, and the bytes that are left after them."""
    lines = len((section.opening + section.closing).encode())
    taken: list[_Block] = []
    for block in section.blocks:
        size = len(block.text.encode()) + (0 if taken else lines)
        if size > left:
            break
        taken.append(block)
        left -= size
    return taken, left


def _build_sections(plan: Plan) -> Iterator[_Section]:
    if not plan.changes:
        return
    rows = tuple(_Block(_format_row(name, summarize(changes)), 0) for name, changes in plan.by_environment.items())
    yield _Section(f"\n{_TABLE_HEADER}\n{'|'.join(('', '---', *['--:'] * 5, '---', ''))}\n", rows)
    grave = [change for change in plan.changes if _is_severe(change)]
    grave.sort(key=lambda change: _SEVERE_VERDICTS.index(change.verdict))
    if grave:
        yield _Section("\n", _build_group_blocks(grave))
    for name, changes in plan.by_environment.items():
        calm = [change for change in changes if not _is_severe(change)]
        for what, chosen in (
            ("retired", [change for change in calm if change.is_retired]),
            ("to update", [change for change in calm if change.action in ("update", "move")]),
            ("to create", [change for change in calm if change.action == "create"]),
        ):
            if chosen:
                opening = f"\n<details><summary>{html.escape(name)}: {len(chosen)} {what}</summary>\n\n"
                yield _Section(opening, _build_group_blocks(chosen), "\n</details>\n")


def _is_severe(change: ObjectChange) -> bool:
    return change.verdict in _SEVERE_VERDICTS and not change.is_retired


_TABLE_HEADER = "| environment | create | update | delete | destroy data | retired | what the updates do |"


def _format_row(name: str, counts: PlanSummary) -> str:
    notes = ", ".join(f"{count} {verdict}" for verdict, count in counts.verdict_counts.items()) or " "
    destroy = f"**{counts.destroy}**" if counts.destroy else "0"
    cells = (counts.create, counts.update, counts.delete, destroy, counts.retired, notes)
    return f"| {_format_code(name)} | {' | '.join(map(str, cells))} |\n"


def _build_group_blocks(changes: list[ObjectChange]) -> tuple[_Block, ...]:
    return tuple(_build_block(same) for same in group_changes(changes, _MAX_NAMES))


def _build_block(same: ChangeGroup) -> _Block:
    """Objects that change alike: their verdict, what is said of them, and their fields, as one list item."""
    change = same.representative
    names = ", ".join(map(_format_code, same.names))
    where = f" in {_format_code(change.environment)}" if _is_severe(change) else ""
    lines = [f"- {change.identity.kind} {names}{where}: **{same.title}**"]
    lines.extend(f"  <br>{_format_sentence(sentence)}" for sentence in describe_change(change))
    lines.extend(
        f"  - {_format_code(field.path)}: {_format_code(format_difference(field))}<br>**{field.verdict}**: {_format_sentence(field.says)}"
        for field in change.fields
    )
    return _Block("\n".join(lines) + "\n", len(same.names))


def _format_code(text: str) -> str:
    """Text that no Markdown, HTML, mention or table can be made of."""
    return f"<code>{_escape_text(text)}</code>"


def _format_sentence(text: str) -> str:
    """A sentence, with what stands between backticks as code."""
    parts = text.split("`")
    return "".join(_format_code(part) if index % 2 else _escape_text(part) for index, part in enumerate(parts))


_ESCAPES = {ord(character): f"&#{ord(character)};" for character in "\\`*_{}[]|@#~$:"} | {ord("\n"): " "}


def _escape_text(text: str) -> str:
    return html.escape(text, quote=False).translate(_ESCAPES)
