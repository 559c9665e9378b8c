"""What of a run is to be stamped."""

from __future__ import annotations

from collections.abc import Mapping

from vmgen.cli.session import Session
from vmgen.merge.layers import find_source_files
from vmgen.pipeline import RunResult
from vmgen.problems import sort_problems
from vmgen.stamps import Stamp, StampInput


def build_stamps(session: Session, done: RunResult) -> Mapping[str, StampInput]:
    """The environments of a run that is in order, with what a stamp says of each.

    One with tombstones is not stamped: what is said of those depends on what is committed.
    """
    found = {}
    compared = {each.environment: each.problems for each in done.changes}
    for each in done.environments:
        if each.desired and each.desired.tombstones:
            continue
        warnings = sort_problems([*each.problems, *compared.get(each.name, ())])
        stamp = Stamp(len(each.files), warnings, has_delivery=each.delivery is not None)
        found[each.name] = StampInput(frozenset(find_source_files(each.layers, session.project)), stamp, each.files)
    return found
