"""What a rule is, and how rules are run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from types import ModuleType
from typing import NamedTuple

from vmgen.merge.environment import Environment
from vmgen.problems import Place, Problem, Severity


class Finding(NamedTuple):
    """What a rule found: where, at which key, and the sentence with its remedy."""

    place: Place
    subject: str
    message: str


Look = Callable[[Environment], Iterator[Finding]]


class RuleText:
    """What docs/rules.md says of a rule. `text` is its paragraph: what is refused, why, and what to do."""

    __slots__ = ("_written", "id", "severity")

    def __init__(self, id: str, severity: Severity, written: str) -> None:
        self.id = id
        self.severity = severity
        self._written = written

    @property
    def text(self) -> str:
        """The paragraph without the indentation of the docstring that it may be."""
        from inspect import cleandoc  # only documentation reads it

        return cleandoc(self._written)

    def problem(self, place: Place, subject: str, message: str) -> Problem:
        """A breach of the rule."""
        return Problem(place, self.id, subject, message, self.severity)


class Rule(RuleText):
    """A rule on a merged environment: a function whose docstring is the rule's paragraph."""

    __slots__ = ("look",)

    def __init__(self, id: str, severity: Severity, look: Look) -> None:
        super().__init__(id, severity, look.__doc__ or "")
        self.look = look

    def problems(self, environment: Environment) -> Iterator[Problem]:
        """The findings in an environment as problems; what several VMs inherit from one place is said once."""
        said: set[tuple[Place, str]] = set()
        for found in self.look(environment):
            if (found.place, found.message) not in said:
                said.add((found.place, found.message))
                yield self.problem(found.place, found.subject, found.message)


def rule(id: str, severity: Severity = "error") -> Callable[[Look], Rule]:
    """Make a rule of a function: its docstring is the rule's paragraph."""

    def made(look: Look) -> Rule:
        return Rule(id, severity, look)

    return made


def rules_of(*modules: ModuleType) -> tuple[Rule, ...]:
    """The rules of some modules, in the order in which they stand there."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Rule))


def run(rules: Iterable[Rule], environment: Environment) -> list[Problem]:
    """What all the rules find in an environment."""
    return [problem for each in rules for problem in each.problems(environment)]
