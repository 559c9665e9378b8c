"""A plan as text for a terminal and as JSON (schema/plan.schema.json), and what its formats share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from vmgen.plan.change_kinds import ABSENT
from vmgen.plan.desired import Identity
from vmgen.plan.matching import remove_name
from vmgen.plan.moves import describe_move
from vmgen.plan.plan import ObjectChange, Plan, PlanSummary, summarize
from vmgen.plan.rebuild import Rebuild, describe_rebuild
from vmgen.plan.totals import NO_DELTA, sum_deltas
from vmgen.plan.verdicts import FieldChange, Verdict
from vmgen.printable import escape
from vmgen.printable import format_json as dump_json
from vmgen.report.problems import problem_to_dict
from vmgen.report.terminal import Paint
from vmgen.report.totals import delta_to_dict, describe_retained, format_delta
from vmgen.secrets.redact import redact_path, redact_subject, redact_text
from vmgen.yaml_text import to_flow

if TYPE_CHECKING:  # most plans are of files alone, and import nothing that reads a cluster
    from vmgen.status.live_plan import LiveNote

_MAX_WIDTH = 100
_MAX_VALUE_LENGTH = 200
_ACTION_SYMBOLS = {"create": "+", "update": "~", "move": "~", "delete": "-"}
_VERDICT_COLOURS = {
    Verdict.NO_EFFECT: "dim",
    Verdict.UPDATE_IN_PLACE: "green",
    Verdict.DELETE: "red",
    Verdict.CREATE: "green",
    Verdict.MOVES: "yellow",
    Verdict.NEEDS_RESTART: "yellow",
    Verdict.STOPS: "yellow",
    Verdict.BOOT_ORDER_CHANGES: "yellow",
    Verdict.ADDRESS_MAY_CHANGE: "yellow",
    Verdict.EXPOSURE_WIDENS: "magenta",
    Verdict.REPROVISION: "magenta",
    Verdict.REBUILD: "magenta",
    Verdict.PROTECTION_DROPPED: "red",
    Verdict.REJECTED: "red",
    Verdict.DESTROYS_DATA: "red",
}

INCOMPLETE = "Incomplete: this plan lacks the changes that cannot be expanded."
_OBJECT_NAME = re.compile(r"[a-z0-9.-]*")


def redact_plan(plan: Plan) -> Plan:
    """Return a plan without secrets in its names, keys and reasons, which users write. The values of its fields have none."""
    return plan._replace(changes=tuple(map(_redact_change, plan.changes)))


def _redact_change(change: ObjectChange) -> ObjectChange:
    if change.tombstone:
        change = change._replace(tombstone=change.tombstone._replace(reason=redact_text(change.tombstone.reason)))
    # A key of a committed manifest is part of the field's path.
    change = change._replace(fields=tuple(field._replace(path=redact_subject(field.path)) for field in change.fields))
    identities = filter(None, (change.identity, change.rename_candidate))
    names = [name for identity in identities for name in (identity.name, identity.namespace)]
    if all(_OBJECT_NAME.fullmatch(name) for name in names):
        return change
    # No object can have such a name: its environment has an error.
    return change._replace(
        identity=_redact_identity(change.identity),
        path=redact_path(change.path),
        rename_candidate=change.rename_candidate and _redact_identity(change.rename_candidate),
        remedy=redact_text(change.remedy),
        rebuild=change.rebuild and Rebuild(*(tuple(map(redact_text, names)) for names in change.rebuild)),
    )


def _redact_identity(identity: Identity) -> Identity:
    return identity._replace(name=redact_text(identity.name), namespace=redact_text(identity.namespace))


def format_value(value: Any) -> str:
    """Format a redacted value as YAML on one line, at most 200 characters."""
    if value is ABSENT:
        return "(not there)"
    text = escape(value if isinstance(value, str) and value else to_flow(value))
    return text if len(text) <= _MAX_VALUE_LENGTH else f"{text[: _MAX_VALUE_LENGTH - 3]}..."


def describe_change(change: ObjectChange) -> Iterator[str]:
    """Describe what happens to an object as a whole, in sentences; none for one that is new and nothing else."""
    if change.action == "create" and not change.is_refused and not change.rename_candidate:
        return
    if change.move:
        yield from describe_move(change.move, change.environment, change.path)
    if change.says:
        yield change.says
    if change.rebuild:
        yield describe_rebuild(change.rebuild)
    if change.rename_candidate:
        yield _describe_rename(change, change.rename_candidate)
    if change.tombstone and (change.is_retired or change.is_refused):
        until = f", until {change.tombstone.until}" if change.tombstone.until else ""
        yield f"Retired at {change.tombstone.place}: {change.tombstone.reason}{until}."


def _describe_rename(change: ObjectChange, candidate: Identity) -> str:
    is_elsewhere = candidate.namespace != change.identity.namespace
    if change.action == "delete":
        fate = f"moved to namespace {candidate.namespace}" if is_elsewhere else f"renamed to {candidate.name}"
        return f"It looks {fate}; {change.remedy}."
    return (
        f"It looks like {candidate.name} under a new name."
        if not is_elsewhere
        else f"It looks like an object of namespace {candidate.namespace} in another one; it starts empty, without its data."
    )


def describe_baseline(against: str) -> str:
    """Describe what a plan compares with; `against` is a Git ref, or empty for the files."""
    return against if against else "the files in manifests/"


class ChangeGroup(NamedTuple):
    """Objects with the same change: one of them, all their names, and the sentences on them.

    In the sentences and fields of several objects, a name derived from the object's begins with `<name>`.
    """

    representative: ObjectChange
    names: tuple[str, ...]
    sentences: tuple[str, ...]

    @property
    def title(self) -> str:
        return f"{self.representative.verdict}, retired" if self.representative.is_retired else self.representative.verdict


def group_changes(changes: Iterable[ObjectChange], max_names: int) -> Iterator[ChangeGroup]:
    """Group the objects with the same change, at most so many in each group, in the order of the first."""
    groups: dict[str, list[ObjectChange]] = {}
    for change in changes:
        content = (change.identity.kind, change.environment, change.action, change.verdict)
        groups.setdefault(repr((*content, *_describe_nameless(change))), []).append(change)
    for group in groups.values():
        # A comment is cut between blocks, so that one block must not be the whole comment.
        for start in range(0, len(group), max_names):
            part = group[start : start + max_names]
            fields, sentences = _describe_nameless(part[0]) if len(part) > 1 else (part[0].fields, describe_change(part[0]))
            names = tuple(change.identity.name for change in part)
            yield ChangeGroup(part[0]._replace(fields=fields), names, tuple(sentences))


def _describe_nameless(change: ObjectChange) -> tuple[tuple[FieldChange, ...], tuple[str, ...]]:
    """Return the fields and sentences of a change, with `<name>` in names derived from its object's."""
    name = change.identity.name
    fields = tuple(
        field._replace(before=remove_name(field.before, name), after=remove_name(field.after, name)) for field in change.fields
    )
    rebuild = change.rebuild and Rebuild(*(tuple(remove_name(list(names), name)) for names in change.rebuild))
    return fields, tuple(describe_change(change._replace(rebuild=rebuild)))


def format_difference(field: FieldChange) -> str:
    """Format the value of a field before and after."""
    text = f"{format_value(field.before)} -> {format_value(field.after)}"
    return f"{text} ({field.detail})" if field.detail else text


def format_text(plan: Plan, paint: Paint, live: Sequence[LiveNote] = ()) -> str:
    """Format each environment with its objects, the most severe change first, and the summary as the last line."""
    return "".join(f"{line}\n" for line in _format_lines(redact_plan(plan), paint, live))


def _format_lines(plan: Plan, paint: Paint, live: Sequence[LiveNote]) -> Iterator[str]:
    if not plan.changes:
        yield f"Nothing differs from {describe_baseline(plan.against)}."
    for environment, changes in plan.by_environment.items():
        yield paint(escape(environment), "bold")
        for group in group_changes(changes, len(changes)):
            yield from _format_group(group, paint)
        if environment in plan.retained_totals:
            yield f"  {describe_retained(plan.retained_totals[environment])}"
        yield ""
    if live:
        yield from (paint("Live, from the dump", "bold"), *(f"  {escape(format_live_note(note))}" for note in live), "")
    totals = format_delta(sum_deltas(plan.deltas.values()))
    if totals:
        yield f"Totals: {totals}."
    if not plan.complete:
        yield INCOMPLETE
    yield f"Plan: {plan.summary}."


def _format_group(group: ChangeGroup, paint: Paint) -> Iterator[str]:
    import textwrap

    change, colour = group.representative, _VERDICT_COLOURS[group.representative.verdict]
    names = escape(f"{change.identity.kind} {', '.join(group.names)}")
    first, *more = textwrap.wrap(names, _MAX_WIDTH, break_on_hyphens=False, break_long_words=False)
    yield f"  {paint(_ACTION_SYMBOLS[change.action], colour)} {first}"
    for line in (*more, paint(group.title, colour), *map(escape, group.sentences)):
        yield f"      {line}"
    for field in change.fields:
        yield escape(f"      {field.path}: {format_difference(field)}")
        # The object's own verdict is already printed above.
        verdict = "" if field.verdict == change.verdict else f"{paint(field.verdict, _VERDICT_COLOURS[field.verdict])}: "
        yield f"          {verdict}{escape(field.says)}"


def format_live_note(note: LiveNote) -> str:
    """Return a fact of the dump with the object that it is about."""
    return f"{note.environment}: {note.kind} {note.name} {note.text}"


def format_json(plan: Plan, live: Sequence[LiveNote] = ()) -> str:
    """Format the plan as a versioned document; values are redacted as in every other format."""
    plan = redact_plan(plan)
    document = {
        "version": 1,
        "against": plan.against,
        "complete": plan.complete,
        "problems": [problem_to_dict(problem) for problem in plan.problems],
        "summary": _summary_to_dict(plan.summary),
        "totals": delta_to_dict(sum_deltas(plan.deltas.values())),
        "environments": [
            {
                "name": name,
                "summary": _summary_to_dict(summarize(changes)),
                "totals": delta_to_dict(plan.deltas.get(name, NO_DELTA)),
                **({"kept": delta_to_dict(plan.retained_totals[name])} if name in plan.retained_totals else {}),
                "objects": [_change_to_dict(change) for change in changes],
            }
            for name, changes in plan.by_environment.items()
        ],
        "live": [note._asdict() for note in live],
    }
    return dump_json(document)


def _summary_to_dict(summary: PlanSummary) -> dict[str, Any]:
    return {
        "create": summary.create,
        "update": summary.update,
        "delete": summary.delete,
        "destroyData": summary.destroy,
        "retired": summary.retired_count,
        "verdicts": dict(summary.verdict_counts),
    }


def _change_to_dict(change: ObjectChange) -> dict[str, Any]:
    data: dict[str, Any] = {**_identity_to_dict(change.identity), "path": change.path, "action": change.action}
    data |= {"verdict": change.verdict, "says": change.says, "source": change.source}
    data["fields"] = [_field_to_dict(field) for field in change.fields]
    if change.rename_candidate:
        data["renamedTo" if change.action == "delete" else "renamedFrom"] = _identity_to_dict(change.rename_candidate)
    if change.remedy:
        data["remedy"] = change.remedy
    if change.rebuild:
        rebuild = change.rebuild
        data["rebuild"] = {"gained": rebuild.new_disks, "putAside": rebuild.put_aside, "staying": rebuild.staying}
    if change.move:
        data |= {"movedFrom": change.move.environment, "movedFromGroup": change.move.group}
    if change.tombstone and (change.is_retired or change.is_refused):
        tombstone = change.tombstone
        data["retired"] = {"reason": tombstone.reason, "file": tombstone.place.file, "line": tombstone.place.line}
        if tombstone.until:
            data["retired"]["until"] = tombstone.until.isoformat()
    return data


def _identity_to_dict(identity: Identity) -> dict[str, str]:
    return {"kind": identity.kind, "namespace": identity.namespace, "name": identity.name}


def _field_to_dict(field: FieldChange) -> dict[str, Any]:
    values = {name: value for name, value in (("before", field.before), ("after", field.after)) if value is not ABSENT}
    detail = {"detail": field.detail} if field.detail else {}
    return {"path": field.path, **values, **detail, "verdict": field.verdict, "says": field.says, "source": field.source}
