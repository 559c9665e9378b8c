"""What of a run is to be stamped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from generator.cli.session import Session
from generator.merge.layers import files_of
from generator.outcome import Outcome
from generator.stamps import Stamp


def stamped(session: Session, done: Outcome) -> Mapping[str, tuple[Iterable[str], Stamp]]:
    """The environments of a run that is in order, each with the files that it was made from, and what a stamp says of it.

    One with tombstones is not stamped: what is said of those depends on what is committed.
    """
    found = {}
    for each in done.rendered:
        if each.wanted and each.wanted.tombstones:
            continue
        inputs = set(files_of(each.layers, session.project))
        output = f"{session.project.output}/{each.name}"
        warnings = (one for one in done.problems if one.place.file in inputs or one.place.file.startswith(output))
        delivers = bool(each.delivery and each.delivery.files)
        found[each.name] = inputs, Stamp(len(each.files), tuple(warnings), delivers)
    return found
