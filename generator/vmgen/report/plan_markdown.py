"""A plan as Markdown for a comment on a pull request, cut to the size that a comment may have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vmgen.plan.plan import ObjectChange, Plan, PlanSummary, summarize
from vmgen.plan.totals import sum_deltas
from vmgen.plan.verdicts import Verdict
from vmgen.printable import escape
from vmgen.problems import Problem, shorten
from vmgen.quantities import format_count
from vmgen.report.plan import (
    INCOMPLETE,
    ChangeGroup,
    describe_baseline,
    format_difference,
    format_live_note,
    group_changes,
    redact_plan,
)
from vmgen.report.totals import describe_retained, format_delta
from vmgen.secrets.redact import redact_problem

if TYPE_CHECKING:  # most plans are of files alone, and import nothing that reads a cluster
    from vmgen.status.live_plan import LiveNote

# The first line of the Markdown, by which a bot finds its comment again.
COMMENT_MARKER = "<!-- vmgen-plan -->"
# GitHub rejects longer comments: https://github.com/telia-oss/github-pr-resource/issues/259
MAX_COMMENT_BYTES = 65536
# Kept free for the line about the omitted part.
_RESERVED_BYTES = 200
# At most so many names in one block: a block is cut as a whole.
_MAX_BLOCK_NAMES = 20
# A refusal names every object, and may be longer than the plan.
_MAX_MESSAGE_LENGTH = 1000
_MAX_PROBLEM_LINES = 20
_SEVERE_VERDICTS = (
    Verdict.DESTROYS_DATA,
    Verdict.REJECTED,
    Verdict.PROTECTION_DROPPED,
    Verdict.EXPOSURE_WIDENS,
    Verdict.DELETE,
)
_TABLE_HEADER = "| environment | create | update | delete | destroy data | retired | updates |\n|---|--:|--:|--:|--:|--:|---|\n"
_ESCAPES = {ord(character): f"&#{ord(character)};" for character in "\\`*_{}[]|@#~$:"} | {ord("\n"): " "}


class _Block(NamedTuple):
    """Text that is written as a whole or not at all, and the number of objects that it shows."""

    text: str
    object_count: int


class _Section(NamedTuple):
    """Blocks between an opening and a closing text, which are left out if no block fits."""

    opening: str
    blocks: tuple[_Block, ...]
    closing: str = ""


def format_markdown(plan: Plan, max_bytes: int = MAX_COMMENT_BYTES, live: Sequence[LiveNote] = ()) -> str:
    """Format a table of environments, the severe changes, and the others folded; cut to `max_bytes` at whole objects."""
    plan = redact_plan(plan)
    baseline = _to_html(escape(describe_baseline(plan.against)))
    head = f"{COMMENT_MARKER}\n### Plan: {plan.summary}\n\nCompared with {baseline}.\n"
    totals = format_delta(sum_deltas(plan.deltas.values()))
    head += f"\nTotals: **{_to_html(totals)}**.\n" if totals else ""
    for name, delta in sorted(plan.retained_totals.items()):
        head += f"\n{_format_code(name)}: {_to_html(describe_retained(delta))}\n"
    head += "" if plan.complete else f"\n**{INCOMPLETE}**\n"
    # A share each, so that neither takes the room of the table of changes.
    head += _format_live_list(live, max_bytes // 4)
    head += _format_refusals(plan.problems, max_bytes // 2 - len(head.encode()))
    texts, bytes_left, cut_count = [head], max_bytes - len(head.encode()) - _RESERVED_BYTES, 0
    for section in _build_sections(plan):
        fitting, bytes_left = _fit_blocks(section, bytes_left)
        if fitting:
            texts.extend((section.opening, *(block.text for block in fitting), section.closing))
        cut_count += sum(block.object_count for block in section.blocks[len(fitting) :])
    if cut_count:
        objects = format_count(cut_count, "more object is", "more objects are")
        texts.append(f"\n_Cut to {max_bytes} bytes: {objects} not shown. `vmgen plan` shows all of them._\n")
    return "".join(texts)


def _to_html(text: str, *, quote: bool = True) -> str:
    """Return a text with the characters escaped that mean something in HTML."""
    from html import escape as escape_html  # only Markdown needs it

    return escape_html(text, quote=quote)


def _format_live_list(live: Sequence[LiveNote], max_bytes: int) -> str:
    """Format the facts of a dump as a list that is cut at whole lines."""
    lines, size = [], 0
    for index, note in enumerate(live):
        line = f"- {_to_html(escape(format_live_note(note)))}\n"
        size += len(line.encode())
        if size > max_bytes:
            lines.append(f"- and {len(live) - index} more\n")
            break
        lines.append(line)
    return "\nLive, from the dump:\n\n" + "".join(lines) if lines else ""


def _fit_blocks(section: _Section, bytes_left: int) -> tuple[list[_Block], int]:
    """Return the blocks that fit, and the bytes that are left after them."""
    fitting: list[_Block] = []
    frame_size = len((section.opening + section.closing).encode())
    for block in section.blocks:
        size = len(block.text.encode()) + (0 if fitting else frame_size)
        if size > bytes_left:
            break
        fitting.append(block)
        bytes_left -= size
    return fitting, bytes_left


def _build_sections(plan: Plan) -> Iterator[_Section]:
    if plan.changes:
        yield from _build_change_sections(plan)
    others = [problem for problem in plan.problems if problem.severity != "error"]
    if others:
        yield _Section("\n", tuple(_Block(_format_problem(problem), 0) for problem in others))


def _build_change_sections(plan: Plan) -> Iterator[_Section]:
    rows = tuple(_Block(_format_row(name, summarize(changes)), 0) for name, changes in plan.by_environment.items())
    yield _Section(f"\n{_TABLE_HEADER}", rows)
    severe = [change for change in plan.changes if _is_severe(change)]
    if severe:
        yield _Section("\n", _build_blocks(sorted(severe, key=lambda change: _SEVERE_VERDICTS.index(change.verdict))))
    for name, changes in plan.by_environment.items():
        mild = [change for change in changes if not _is_severe(change)]
        for label, section_changes in (
            ("retired", [change for change in mild if change.is_retired]),
            ("to update", [change for change in mild if change.action in ("update", "move")]),
            ("to create", [change for change in mild if change.action == "create"]),
        ):
            if section_changes:
                opening = f"\n<details><summary>{_escape_text(name)}: {len(section_changes)} {label}</summary>\n\n"
                yield _Section(opening, _build_blocks(section_changes), "\n</details>\n")


def _format_refusals(problems: Iterable[Problem], max_bytes: int) -> str:
    """Format the errors of a run, at most in so many bytes; their number is always there."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors:
        return ""
    heading = f"\n**Refused: {format_count(len(errors), 'problem')}.** `render` and `check` refuse this commit.\n"
    blocks = tuple(_Block(_format_problem(problem), 0) for problem in errors)
    fitting, _ = _fit_blocks(_Section("\n", blocks), max_bytes - len(heading.encode()) - _RESERVED_BYTES)
    rest = ""
    if len(fitting) < len(errors):
        more = format_count(len(errors) - len(fitting), "more problem is", "more problems are")
        rest = f"\n_{more} not shown; `vmgen check` shows them._\n"
    return "".join((heading, "\n" if fitting else "", *(block.text for block in fitting), rest))


def _format_problem(problem: Problem) -> str:
    """Format a problem as a list item, with the lines to paste as they stand; long ones cut."""
    problem = redact_problem(problem)
    place, rule = _format_code(str(problem.place)), _format_code(problem.rule)
    subject = f"{_format_code(problem.subject)}: " if problem.subject else ""
    message = _format_sentence(shorten(problem.message, _MAX_MESSAGE_LENGTH))
    item = f"- {problem.severity}: {place}: {subject}{message} ({rule})\n"
    first_lines = problem.lines[:_MAX_PROBLEM_LINES]
    rest = [f"... and {len(problem.lines) - len(first_lines)} more lines"] if len(problem.lines) > len(first_lines) else []
    # In a <pre> of one line: a line break would end the item of the list. https://spec.commonmark.org/0.31.2/#html-blocks
    lines = "<br>".join(map(_escape_text, (*first_lines, *rest)))
    return f"{item}  <pre>{lines}</pre>\n" if lines else item


def _is_severe(change: ObjectChange) -> bool:
    return change.verdict in _SEVERE_VERDICTS and not change.is_retired


def _format_row(name: str, summary: PlanSummary) -> str:
    notes = ", ".join(f"{count} {verdict}" for verdict, count in summary.verdict_counts.items()) or " "
    destroy = f"**{summary.destroy}**" if summary.destroy else "0"
    cells = (summary.create, summary.update, summary.delete, destroy, summary.retired_count, notes)
    return f"| {_format_code(name)} | {' | '.join(map(str, cells))} |\n"


def _build_blocks(changes: list[ObjectChange]) -> tuple[_Block, ...]:
    return tuple(map(_build_block, group_changes(changes, _MAX_BLOCK_NAMES)))


def _build_block(group: ChangeGroup) -> _Block:
    """Build a list item of the objects, their verdict, their description and their fields."""
    change = group.representative
    names = ", ".join(map(_format_code, group.names))
    where = f" in {_format_code(change.environment)}" if _is_severe(change) else ""
    lines = [f"- {change.identity.kind} {names}{where}: **{group.title}**"]
    lines.extend(f"  <br>{_format_sentence(sentence)}" for sentence in group.sentences)
    for field in change.fields:
        lines.append(f"  - {_format_code(field.path)}: {_format_code(format_difference(field))}")
        verdict = "" if field.verdict == change.verdict else f"**{field.verdict}**: "
        lines[-1] += f"<br>{verdict}{_format_sentence(field.says)}"
    return _Block("\n".join(lines) + "\n", len(group.names))


def _format_sentence(text: str) -> str:
    """Escape a sentence, and format the text between its backticks as code."""
    pieces = text.split("`")
    return "".join(_format_code(piece) if index % 2 else _escape_text(piece) for index, piece in enumerate(pieces))


def _format_code(text: str) -> str:
    return f"<code>{_escape_text(text)}</code>"


def _escape_text(text: str) -> str:
    """Escape text so that it contains no Markdown, HTML, mention or table cell."""
    return _to_html(escape(text, keep="\n"), quote=False).translate(_ESCAPES)
