"""Budgets: the limits that an environment sets itself, what it asks for, and where it goes past them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from vmgen.check.demand import Part, parts
from vmgen.check.totals import Totals, total
from vmgen.merge.environment import Environment
from vmgen.problems import Place
from vmgen.quantities import mebibytes, size


class Measure(NamedTuple):
    """A key of `budget:`: what it limits, and a number of it in words."""

    key: str
    of: Callable[[Totals], int]
    words: Callable[[int], str]
    title: str


def counted(one: str, several: str) -> Callable[[int], str]:
    """A number with its noun."""
    return lambda number: f"{number} {one if number == 1 else several}"


MEASURES: Mapping[str, Measure] = {
    measure.key: measure
    for measure in (
        Measure("vms", lambda totals: totals.vms, counted("VM", "VMs"), "VMs"),
        Measure("cpu", lambda totals: totals.cpu, counted("vCPU", "vCPU"), "vCPU"),
        Measure("memory", lambda totals: totals.memory, size, "Memory"),
        Measure("storage", lambda totals: totals.all_storage, size, "Storage"),
        Measure("externalVMs", lambda totals: totals.addresses, counted("public VM", "public VMs"), "Public addresses"),
    )
}


class Limit(NamedTuple):
    """One limit that an environment sets; memory and storage in MiB."""

    measure: Measure
    most: int
    place: Place

    @property
    def words(self) -> str:
        return self.measure.words(self.most)


def limits(environment: Environment) -> Iterator[Limit]:
    """The limits of an environment, in the order of MEASURES."""
    budget = environment.settings.get("budget")
    for key, measure in MEASURES.items():
        written = budget.get(key) if budget else None
        if written is None or not isinstance(written.data, int | str):
            continue
        most = mebibytes(written.data) if isinstance(written.data, str) else written.data
        yield Limit(measure, most, written.place)


class Excess(NamedTuple):
    """A limit that is exceeded: by which part first, how many of its units fit, what is left for it, and what all ask for."""

    limit: Limit
    part: Part
    fit: int
    left: int
    asked: int


def excesses(environment: Environment) -> Iterator[Excess]:
    """Each limit that an environment goes past."""
    found = tuple(limits(environment))
    if not found:
        return
    ordered = tuple(parts(environment))
    for limit in found:
        of = limit.measure.of
        asked = of(total(each for part in ordered for each in part.each))
        if asked > limit.most:
            yield _first(limit, ordered, asked)


def _first(limit: Limit, ordered: tuple[Part, ...], asked: int) -> Excess:
    """Where the sum, taken in the order of the file, goes past the limit."""
    used = 0
    for part in ordered:
        before = used
        for fit, each in enumerate(part.each):
            used += limit.measure.of(each)
            if used > limit.most:
                return Excess(limit, part, fit, limit.most - before, asked)
    raise AssertionError("the sum exceeds the limit, so one of its parts does")
