"""A plan for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.compare.plan import Plan
from vmgen.compare.totals import sum_deltas
from vmgen.report.colour import Paint
from vmgen.report.plan_values import (
    ACTION_SYMBOLS,
    VERDICT_COLOURS,
    ChangeGroup,
    describe_baseline,
    describe_change,
    format_difference,
    group_changes,
)
from vmgen.report.totals import format_delta


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
