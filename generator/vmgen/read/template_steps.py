"""Count the work of templates in steps, which are the same on every machine, and end a template that takes too many.

A second is no limit: what passes on one machine would fail on another. docs/templates.md says what a step is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set, ValuesView
from typing import Any

# The most that one template may take for one object. Ordinary templates take some hundreds.
MAX_STEPS = 1_000_000
# What each further VM or disk of an environment adds to that, so that no fleet takes a million times its number.
STEPS_PER_OBJECT = 10_000
CHARACTERS_PER_STEP = 16
COMPARISONS_PER_STEP = 2_048
# Of what a template is written in: names, numbers, texts and signs. Their number decides how long the compilation takes.
MAX_TOKENS = 50_000
MAX_SOURCE_CHARACTERS = 4_000_000


class StepLimitError(Exception):
    """A template takes more steps than it may; the message is for its author."""


class StepCounter:
    """Counts the steps of the templates of one environment."""

    def __init__(self) -> None:
        self.steps = 0
        self._limit = MAX_STEPS
        self.start_environment()

    def start_environment(self) -> None:
        """Forget what the objects of other environments took."""
        self._total, self._count = 0, 0
        self.steps = 0

    def start_object(self, steps: int = 0) -> None:
        """Begin to count for an object; `steps` are those that it takes for sure, by another object that is like it."""
        self._total += self.steps
        self._count += 1
        self._limit = min(MAX_STEPS, MAX_STEPS + STEPS_PER_OBJECT * self._count - self._total)
        self.steps = 0
        self.spend(steps)

    def spend(self, steps: int) -> None:
        """Count some steps. Raises StepLimitError if there are too many."""
        self.steps += steps
        if self.steps > self._limit:
            if self._limit == MAX_STEPS:
                raise StepLimitError(f"takes more than {MAX_STEPS:,} steps; loop over less, or write shorter texts")
            each = f"{STEPS_PER_OBJECT:,} steps for each object"
            raise StepLimitError(
                f"takes more than {MAX_STEPS:,} steps and {each} of the environment; make the template simpler"
            )

    def spend_text(self, length: Any) -> None:
        """Count a text of so many characters, before it is made. Anything but a number costs nothing: it makes no text."""
        if isinstance(length, int | float) and length > 0:
            self.spend(1 + int(min(length, MAX_STEPS * CHARACTERS_PER_STEP * 2)) // CHARACTERS_PER_STEP)

    def spend_search(self, text: Any, part: Any) -> None:
        """Count the search of a text for a part of it: at worst the time is the product of their lengths."""
        if isinstance(text, str) and isinstance(part, str):
            self.spend(len(text) * len(part) // COMPARISONS_PER_STEP)

    def measure(self, value: Any, factor: int = 1) -> None:
        """Count everything in a value, as often as it occurs: reading a value reads all of it."""
        if isinstance(value, str | int):  # most values are
            self.spend((1 + len(value) // CHARACTERS_PER_STEP) * factor if isinstance(value, str) else factor)
            return
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, str | bytes):
                self.spend((1 + len(item) // CHARACTERS_PER_STEP) * factor)
            elif isinstance(item, Mapping):
                self.spend((1 + len(item)) * factor)
                for key in item:
                    stack += (key, item[key])
            elif isinstance(item, list | tuple | Set | ValuesView):
                self.spend((1 + len(item)) * factor)
                stack.extend(item)
            else:
                self.spend(len(item) * factor if isinstance(item, range) else factor)

    def count_items(self, items: Iterable[Any], weight: int = 1) -> Iterator[Any]:
        """Iterate over items, and count each with the weight of what is done for it."""
        for item in items:
            self.spend(weight)
            yield item
