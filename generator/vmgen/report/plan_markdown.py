"""A plan as Markdown, for a comment on a pull request: within a budget of bytes, cut at whole objects."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import NamedTuple

from vmgen.compare.plan import ObjectChange, Plan, Summary, summary
from vmgen.compare.totals import together
from vmgen.report.plan_values import Alike, alike, baseline_name, difference, remarks
from vmgen.report.totals import delta_in_words

# The first line, by which a bot finds its comment again.
MARKER = "<!-- vmgen-plan -->"
BUDGET = 65536
_GRAVE = ("DESTROYS DATA", "rejected", "delete")
# So many objects that change alike stand in one block; with more, a cut would take too many at once.
_MOST_NAMES = 20
# Kept free for the line that says what was cut.
_RESERVE = 200


class _Block(NamedTuple):
    """Text that is written whole or not at all, and how many objects it shows."""

    text: str
    objects: int


class _Section(NamedTuple):
    """Blocks that stand together between two lines; where none of them fits, neither line is written."""

    opening: str
    blocks: tuple[_Block, ...]
    closing: str = ""


def as_markdown(plan: Plan, most_bytes: int = BUDGET) -> str:
    """The plan: a table of the environments, what is grave, and the rest folded."""
    head = f"{MARKER}\n### Plan: {plan.summary}\n\nCompared with {html.escape(baseline_name(plan.against))}.\n"
    totals = delta_in_words(together(plan.deltas.values()))
    head += f"\nTotals: **{html.escape(totals)}**.\n" if totals else ""
    written, left = [head], most_bytes - len(head.encode()) - _RESERVE
    cut = 0
    for section in _sections(plan):
        taken, left = _taken(section, left)
        if taken:
            written.extend((section.opening, *(block.text for block in taken), section.closing))
        cut += sum(block.objects for block in section.blocks[len(taken) :])
    if cut:
        written.append(f"\n_Cut to {most_bytes} bytes: {cut} more objects are not shown. `vmgen plan` shows all of them._\n")
    return "".join(written)


def _taken(section: _Section, left: int) -> tuple[list[_Block], int]:
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


def _sections(plan: Plan) -> Iterator[_Section]:
    if not plan.changes:
        return
    rows = tuple(_Block(_row(name, summary(changes)), 0) for name, changes in plan.by_environment.items())
    yield _Section(f"\n{_COLUMNS}\n{'|'.join(('', '---', *['--:'] * 5, '---', ''))}\n", rows)
    grave = [change for change in plan.changes if _is_grave(change)]
    grave.sort(key=lambda change: _GRAVE.index(change.verdict))
    if grave:
        yield _Section("\n", _blocks(grave))
    for name, changes in plan.by_environment.items():
        calm = [change for change in changes if not _is_grave(change)]
        for what, chosen in (
            ("retired", [change for change in calm if change.retired]),
            ("to update", [change for change in calm if change.action in ("update", "move")]),
            ("to create", [change for change in calm if change.action == "create"]),
        ):
            if chosen:
                opening = f"\n<details><summary>{html.escape(name)}: {len(chosen)} {what}</summary>\n\n"
                yield _Section(opening, _blocks(chosen), "\n</details>\n")


def _is_grave(change: ObjectChange) -> bool:
    return change.verdict in _GRAVE and not change.retired


_COLUMNS = "| environment | create | update | delete | destroy data | retired | what the updates do |"


def _row(name: str, counts: Summary) -> str:
    notes = ", ".join(f"{count} {verdict}" for verdict, count in counts.notable.items()) or " "
    destroy = f"**{counts.destroy}**" if counts.destroy else "0"
    cells = (counts.create, counts.update, counts.delete, destroy, counts.retired, notes)
    return f"| {_code(name)} | {' | '.join(map(str, cells))} |\n"


def _blocks(changes: list[ObjectChange]) -> tuple[_Block, ...]:
    return tuple(_block(same) for same in alike(changes, _MOST_NAMES))


def _block(same: Alike) -> _Block:
    """Objects that change alike: their verdict, what is said of them, and their fields, as one list item."""
    change = same.change
    names = ", ".join(map(_code, same.names))
    where = f" in {_code(change.environment)}" if _is_grave(change) else ""
    lines = [f"- {change.identity.kind} {names}{where}: **{same.title}**"]
    lines.extend(f"  <br>{_sentence(sentence)}" for sentence in remarks(change))
    lines.extend(
        f"  - {_code(field.path)}: {_code(difference(field))}<br>**{field.verdict}**: {_sentence(field.says)}"
        for field in change.fields
    )
    return _Block("\n".join(lines) + "\n", len(same.names))


def _code(text: str) -> str:
    """Text that no Markdown, HTML, mention or table can be made of."""
    return f"<code>{_text(text)}</code>"


def _sentence(text: str) -> str:
    """A sentence, with what stands between backticks as code."""
    parts = text.split("`")
    return "".join(_code(part) if index % 2 else _text(part) for index, part in enumerate(parts))


_SPECIAL = {ord(character): f"&#{ord(character)};" for character in "\\`*_{}[]|@#~$:"} | {ord("\n"): " "}


def _text(text: str) -> str:
    return html.escape(text, quote=False).translate(_SPECIAL)
