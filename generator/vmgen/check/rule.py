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


Check = Callable[[Environment], Iterator[Finding]]


class RuleDescriptor:
    """What docs/rules.md says of a rule. `text` is its paragraph: what is refused, why, and what to do."""

    __slots__ = ("_raw_text", "id", "severity")

    def __init__(self, id: str, severity: Severity, written: str) -> None:
        self.id = id
        self.severity = severity
        self._raw_text = written

    @property
    def text(self) -> str:
        """The paragraph without the indentation of the docstring that it may be."""
        from inspect import cleandoc  # only documentation reads it

        return cleandoc(self._raw_text)

    def build_problem(self, place: Place, subject: str, message: str) -> Problem:
        """A breach of the rule."""
        return Problem(place, self.id, subject, message, self.severity)


class Rule(RuleDescriptor):
    """A rule on a merged environment: a function whose docstring is the rule's paragraph."""

    __slots__ = ("check",)

    def __init__(self, id: str, severity: Severity, look: Check) -> None:
        super().__init__(id, severity, look.__doc__ or "")
        self.check = look

    def find_problems(self, environment: Environment) -> Iterator[Problem]:
        """The findings in an environment as problems; what several VMs inherit from one place is said once."""
        said: set[tuple[Place, str]] = set()
        for found in self.check(environment):
            if (found.place, found.message) not in said:
                said.add((found.place, found.message))
                yield self.build_problem(found.place, found.subject, found.message)


def rule(id: str, severity: Severity = "error") -> Callable[[Check], Rule]:
    """Make a rule of a function: its docstring is the rule's paragraph."""

    def made(look: Check) -> Rule:
        return Rule(id, severity, look)

    return made


def collect_rules(*modules: ModuleType) -> tuple[Rule, ...]:
    """The rules of some modules, in the order in which they stand there."""
    return tuple(value for module in modules for value in vars(module).values() if isinstance(value, Rule))


def run_rules(rules: Iterable[Rule], environment: Environment) -> list[Problem]:
    """What all the rules find in an environment."""
    return [problem for each in rules for problem in each.find_problems(environment)]
