"""The one home of Jinja2: templates of the project's folders, sandboxed, with nothing in reach but what they are given."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from generator.problems import Place, Problem, Refused
from generator.read.project import Project

# A product of a text and a number is the cheap way to fill the memory.
MOST_PRODUCT = 1_000_000


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["*", "**", "%"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sizes = [len(side) if isinstance(side, str | list | tuple) else side for side in (left, right)]
        numbers = [abs(size) for size in sizes if isinstance(size, int | float)]
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"the operator {operator} is not for templates")
        if operator == "*" and len(numbers) == 2 and numbers[0] * numbers[1] > MOST_PRODUCT:
            raise SecurityError("a product this large is not for templates")
        return super().call_binop(context, operator, left, right)


class Templates:
    """Compiles and renders templates by name (`hikube/vm-disk.yaml.j2`); a mistake in one is a Problem at its line."""

    def __init__(
        self,
        project: Project,
        finalize: Callable[[Any], Any],
        filters: Mapping[str, Callable[..., Any]] | None = None,
        *,
        plain: bool = False,
    ) -> None:
        """With `plain`, Jinja's own filters and tests are there (but what is random); else only `filters`."""
        self.project = project
        self._shown: dict[str, str] = {}
        self._sandbox = _Sandbox(
            undefined=StrictUndefined,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            loader=_Loader(self),
            cache_size=-1,
        )
        if plain:
            self._sandbox.filters.pop("random")
            self._sandbox.globals = {"range": self._sandbox.globals["range"], "dict": dict}
        else:
            self._sandbox.filters = {}
            self._sandbox.tests = {}
            self._sandbox.globals = {}
        self._sandbox.filters.update(filters or {})

    def source(self, name: str) -> tuple[str, str]:
        """The text of a template and the name that messages give its file."""
        path = self.project.template(name) if ".." not in name.split("/") else None
        if path is None:
            raise TemplateNotFound(name, f"no template {name} in templates/")
        shown = self._shown[name] = self.project.shown(path)
        return path.read_text(encoding="utf-8"), shown

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """The text that a template makes of some values. Refused, at the template's line, where it fails."""
        try:
            return self._sandbox.get_template(name).render(values)
        except Exception as error:
            raise Refused((self._problem(name, error),)) from error

    def place_of(self, name: str, pattern: str) -> Place:
        """The line of a template that matches a pattern, or its first line."""
        source, shown = self.source(name)
        for number, line in enumerate(source.splitlines(), start=1):
            if re.search(pattern, line):
                return Place(shown, number, 1)
        return Place(shown, 1, 1)

    def _problem(self, name: str, error: Exception) -> Problem:
        rule, line, shown = "template-error", 1, self._shown.get(name, f"templates/{name}")
        if isinstance(error, TemplateSyntaxError):
            line, shown = error.lineno, error.filename or shown
        else:
            for frame in traceback.extract_tb(error.__traceback__):
                if frame.filename in self._shown.values():
                    line, shown = frame.lineno or 1, frame.filename
        message = str(error) if isinstance(error, TemplateError | TypeError) else f"{type(error).__name__}: {error}"
        return Problem(Place(shown, line, 1), rule, "", message)


class _Loader:
    """Hands Jinja the templates of the project's folders; quacks like jinja2.BaseLoader."""

    has_source_access = True

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def load(self, environment: Any, name: str, globals: Any = None) -> Any:
        source, shown = self._templates.source(name)
        code = environment.compile(source, name, shown)
        return environment.template_class.from_code(environment, code, globals or {}, lambda: True)
