"""Choose the mutations of a session of cosmic-ray: none of an annotation, and only so many.

    build/mutants/venv/bin/python tools/mutation_choice.py SESSION MODULE LIMIT    LIMIT 0 takes all

`tools/mutants.py` runs it by the Python that has cosmic-ray. `from __future__ import annotations` keeps annotations from being
evaluated, so `int | None` mutated to `int + None` survives every test and tells nothing.
"""

import ast
import random
import sys
from pathlib import Path

from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import WorkerOutcome, WorkResult


def main(session: str, module: str, limit: int) -> None:
    """Mark each mutation that is not chosen as skipped."""
    annotations = list(_iter_annotations(ast.parse(Path(module).read_text(encoding="utf-8"))))
    with use_db(session, WorkDB.Mode.open) as database:
        items = sorted(database.pending_work_items, key=_sort_key)
        choice = [item for item in items if not any(start <= item.mutations[0].start_pos < end for start, end in annotations)]
        if limit:
            # The ids of a session are random; by the order of the text the same number chooses the same mutations.
            choice = random.Random(0).sample(choice, min(limit, len(choice)))  # noqa: S311 - nothing secret depends on it
        others = {item.job_id for item in items} - {item.job_id for item in choice}
        database.set_multiple_results(others, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))


def _sort_key(item):
    mutation = item.mutations[0]
    return mutation.start_pos, mutation.operator_name, mutation.occurrence


def _iter_annotations(tree):
    """Yield the start and the end of each annotation: its line, from 1, and its column, from 0."""
    for node in ast.walk(tree):
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if annotation is not None:
                yield (annotation.lineno, annotation.col_offset), (annotation.end_lineno, annotation.end_col_offset)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
