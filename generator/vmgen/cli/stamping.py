"""What of a run is to be stamped."""

from __future__ import annotations

from collections.abc import Mapping

from vmgen.cli.session import Session
from vmgen.merge.layers import files_of
from vmgen.outcome import Outcome
from vmgen.problems import in_order
from vmgen.stamps import Made, Stamp


def stamped(session: Session, done: Outcome) -> Mapping[str, Made]:
    """The environments of a run that is in order, with what a stamp says of each.

    One with tombstones is not stamped: what is said of those depends on what is committed.
    """
    found = {}
    compared = {each.environment: each.problems for each in done.changes}
    for each in done.rendered:
        if each.wanted and each.wanted.tombstones:
            continue
        warnings = in_order([*each.problems, *compared.get(each.name, ())])
        stamp = Stamp(len(each.files), warnings, delivers=each.delivery is not None)
        found[each.name] = Made(frozenset(files_of(each.layers, session.project)), stamp, each.files)
    return found
