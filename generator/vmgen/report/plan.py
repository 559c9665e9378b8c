"""The words that the reports of a plan share.

A plan for people at a terminal.

A plan as Markdown, for a comment on a pull request: within a budget of bytes, cut at whole objects.

A plan as a versioned document (schema/plan.schema.json).
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from vmgen.plan.change_kinds import ABSENT
from vmgen.plan.desired import Identity, Tombstone
from vmgen.plan.plan import ObjectChange, Plan, PlanSummary, summarize
from vmgen.plan.totals import NO_DELTA, sum_deltas
from vmgen.plan.verdicts import FieldChange, Verdict
from vmgen.report.terminal import Paint
from vmgen.report.totals import delta_to_dict, format_delta
from vmgen.yaml_text import to_flow

ACTION_SYMBOLS = {"create": "+", "update": "~", "move": "~", "delete": "-"}
VERDICT_COLOURS = {
    Verdict.CREATE: "green",
    Verdict.NO_EFFECT: "dim",
    Verdict.UPDATE_IN_PLACE: "green",
    Verdict.RESTART: "yellow",
    Verdict.ADDRESS_MAY_CHANGE: "yellow",
    Verdict.BOOT_ORDER_CHANGES: "yellow",
    Verdict.REPROVISION: "magenta",
    Verdict.DELETE: "red",
    Verdict.REJECTED: "red",
    Verdict.DESTROYS_DATA: "red",
}
_MAX_VALUE_LENGTH = 200


def format_value(shown: Any) -> str:
    """A masked value on one line, as it would be written in YAML; long ones cut."""
    if shown is ABSENT:
        return "(not there)"
    text = shown if isinstance(shown, str) and shown else to_flow(shown)
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 3]}..."


def format_difference(field: FieldChange) -> str:
    """`before -> after`, with what else may be said of it."""
    text = f"{format_value(field.before)} -> {format_value(field.after)}"
    return f"{text} ({field.detail})" if field.detail else text


def describe_change(change: ObjectChange) -> Iterator[str]:
    """What is said of the object as a whole, a sentence each; nothing of one that is simply new."""
    if change.action == "create" and not change.is_refused and not change.rename_candidate:
        return
    if change.moved_from:
        yield f"Moves here from environment {change.moved_from}."
    if change.says:
        yield change.says
    if change.rename_candidate and change.action == "delete":
        yield f"It looks renamed to {change.rename_candidate.name}; {change.remedy}."
    if change.rename_candidate and change.action == "create":
        yield f"It looks like {change.rename_candidate.name} under a new name."
    if change.tombstone and (change.is_retired or change.is_refused):
        until = f", until {change.tombstone.until}" if change.tombstone.until else ""
        yield f"Retired at {change.tombstone.place}: {change.tombstone.reason}{until}."


def describe_baseline(against: str) -> str:
    """What a plan compares with, in words."""
    return f"what is committed at {against}" if against else "the files in manifests/"


class ChangeGroup(NamedTuple):
    """Objects that change alike: the first of them, and all their names."""

    representative: ObjectChange
    names: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.representative.verdict}, retired" if self.representative.is_retired else self.representative.verdict


def group_changes(changes: Iterable[ObjectChange], most: int) -> Iterator[ChangeGroup]:
    """The changes with those that say the same taken together, at most so many at a time, in the order of the first."""
    found: dict[str, list[ObjectChange]] = {}
    for change in changes:
        key = repr(
            (change.identity.kind, change.environment, change.action, change.verdict, change.fields, *describe_change(change))
        )
        found.setdefault(key, []).append(change)
    for same in found.values():
        for start in range(0, len(same), most):
            part = same[start : start + most]
            yield ChangeGroup(part[0], tuple(change.identity.name for change in part))


def format_text(plan: Plan, paint: Paint) -> str:
    """Each environment with its objects, the gravest first, and the summary as the last line."""
    return "".join(f"{line}\n" for line in _format_lines(plan, paint))


def _format_lines(plan: Plan, paint: Paint) -> Iterator[str]:
    if not plan.changes:
        yield f"Nothing differs from {describe_baseline(plan.against)}."
    for environment, changes in plan.by_environment.items():
        yield paint(environment, "bold")
        for same in group_changes(changes, len(changes)):
            yield from _format_group(same, paint)
        yield ""
    totals = format_delta(sum_deltas(plan.deltas.values()))
    if totals:
        yield f"Totals: {totals}."
    yield f"Plan: {plan.summary}."


def _format_group(same: ChangeGroup, paint: Paint) -> Iterator[str]:
    change, colour = same.representative, VERDICT_COLOURS[same.representative.verdict]
    first, *more = _wrap_names(f"{change.identity.kind} {', '.join(same.names)}")
    yield f"  {paint(ACTION_SYMBOLS[change.action], colour)} {first}"
    yield from (f"      {line}" for line in more)
    yield f"      {paint(same.title, colour)}"
    yield from (f"      {sentence}" for sentence in describe_change(change))
    for field in change.fields:
        yield f"      {field.path}: {format_difference(field)}"
        yield f"          {paint(field.verdict, VERDICT_COLOURS[field.verdict])}: {field.says}"


def _wrap_names(text: str) -> list[str]:
    """A list of names on lines of at most 100 characters."""
    import textwrap

    return textwrap.wrap(text, 100, break_on_hyphens=False, break_long_words=False)


# The first line, by which a bot finds its comment again.
COMMENT_MARKER = "<!-- vmgen-plan -->"
MAX_COMMENT_BYTES = 65536
_SEVERE_VERDICTS = (Verdict.DESTROYS_DATA, Verdict.REJECTED, Verdict.DELETE)
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


FORMAT_VERSION = 1


def format_json(plan: Plan) -> str:
    """The plan; values are masked as in every other report."""
    document = {
        "version": FORMAT_VERSION,
        "against": plan.against,
        "summary": _summary_to_dict(plan.summary),
        "totals": delta_to_dict(sum_deltas(plan.deltas.values())),
        "environments": [_environment_to_dict(plan, name, changes) for name, changes in plan.by_environment.items()],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _environment_to_dict(plan: Plan, name: str, changes: tuple[ObjectChange, ...]) -> dict[str, Any]:
    totals = delta_to_dict(plan.deltas.get(name, NO_DELTA))
    return {
        "name": name,
        "summary": _summary_to_dict(summarize(changes)),
        "totals": totals,
        "objects": [_change_to_dict(each) for each in changes],
    }


def _summary_to_dict(counts: PlanSummary) -> dict[str, Any]:
    return {
        "create": counts.create,
        "update": counts.update,
        "delete": counts.delete,
        "destroyData": counts.destroy,
        "retired": counts.retired,
        "verdicts": dict(counts.verdict_counts),
    }


def _change_to_dict(change: ObjectChange) -> dict[str, Any]:
    found: dict[str, Any] = {**_identity_to_dict(change.identity), "path": change.path, "action": change.action}
    found |= {"verdict": change.verdict, "says": change.says, "source": change.source}
    found["fields"] = [_field_to_dict(field) for field in change.fields]
    if change.rename_candidate:
        found["renamedTo" if change.action == "delete" else "renamedFrom"] = _identity_to_dict(change.rename_candidate)
    if change.remedy:
        found["remedy"] = change.remedy
    if change.moved_from:
        found["movedFrom"] = change.moved_from
    if change.tombstone and (change.is_retired or change.is_refused):
        found["retired"] = _tombstone_to_dict(change.tombstone)
    return found


def _identity_to_dict(identity: Identity) -> dict[str, str]:
    return {"kind": identity.kind, "namespace": identity.namespace, "name": identity.name}


def _field_to_dict(field: FieldChange) -> dict[str, Any]:
    found: dict[str, Any] = {"path": field.path}
    found |= {name: value for name, value in (("before", field.before), ("after", field.after)) if value is not ABSENT}
    if field.detail:
        found["detail"] = field.detail
    return {**found, "verdict": field.verdict, "says": field.says, "source": field.source}


def _tombstone_to_dict(tombstone: Tombstone) -> dict[str, Any]:
    found = {"reason": tombstone.reason, "file": tombstone.place.file, "line": tombstone.place.line}
    return {**found, "until": tombstone.until.isoformat()} if tombstone.until else found
