"""A plan for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from vmgen.compare.plan import Plan
from vmgen.compare.totals import together
from vmgen.report.colour import Paint
from vmgen.report.plan_values import COLOURS, SIGNS, Alike, alike, baseline_name, difference, remarks
from vmgen.report.totals import delta_in_words


def as_text(plan: Plan, paint: Paint) -> str:
    """Each environment with its objects, the gravest first, and the summary as the last line."""
    return "".join(f"{line}\n" for line in _lines(plan, paint))


def _lines(plan: Plan, paint: Paint) -> Iterator[str]:
    if not plan.changes:
        yield f"Nothing differs from {baseline_name(plan.against)}."
    for environment, changes in plan.by_environment.items():
        yield paint(environment, "bold")
        for same in alike(changes, len(changes)):
            yield from _objects(same, paint)
        yield ""
    totals = delta_in_words(together(plan.deltas.values()))
    if totals:
        yield f"Totals: {totals}."
    yield f"Plan: {plan.summary}."


def _objects(same: Alike, paint: Paint) -> Iterator[str]:
    change, colour = same.change, COLOURS[same.change.verdict]
    first, *more = _wrapped(f"{change.identity.kind} {', '.join(same.names)}")
    yield f"  {paint(SIGNS[change.action], colour)} {first}"
    yield from (f"      {line}" for line in more)
    yield f"      {paint(same.title, colour)}"
    yield from (f"      {sentence}" for sentence in remarks(change))
    for field in change.fields:
        yield f"      {field.path}: {difference(field)}"
        yield f"          {paint(field.verdict, COLOURS[field.verdict])}: {field.says}"


def _wrapped(text: str) -> list[str]:
    """A list of names on lines of at most 100 characters."""
    import textwrap

    return textwrap.wrap(text, 100, break_on_hyphens=False, break_long_words=False)
