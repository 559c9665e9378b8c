"""The one home of Jinja2: templates of the project's folders, sandboxed, with nothing in reach but what they are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from jinja2 import StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from vmgen.problems import Place, Problem, ProblemsError
from vmgen.read.repository import Project

# A product of a text and a number is the cheap way to fill the memory.
MAX_PRODUCT = 1_000_000


class _Sandbox(ImmutableSandboxedEnvironment):
    intercepted_binops = frozenset(["*", "**", "%"])

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        sizes = [len(side) if isinstance(side, str | list | tuple) else side for side in (left, right)]
        numbers = [abs(size) for size in sizes if isinstance(size, int | float)]
        if operator == "**" or (operator == "%" and isinstance(left, str)):
            raise SecurityError(f"the operator {operator} is not for templates")
        if operator == "*" and len(numbers) == 2 and numbers[0] * numbers[1] > MAX_PRODUCT:
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
        watch: TemplateTracer | None = None,
    ) -> None:
        """With `plain`, Jinja's own filters and tests are there (but what is random); else only `filters`."""
        self.project = project
        self.tracer = watch
        self._display_paths: dict[str, str] = {}
        self._name_independent: dict[tuple[str, frozenset[str]], bool] = {}
        self._sandbox = _Sandbox(
            undefined=StrictUndefined,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            loader=_TemplateLoader(self),
            cache_size=-1,
            optimized=watch is None,
        )
        if plain:
            self._sandbox.filters.pop("random")
            self._sandbox.globals = {"range": self._sandbox.globals["range"], "dict": dict}
        else:
            self._sandbox.filters = {}
            self._sandbox.tests = {}
            self._sandbox.globals = {}
        self._sandbox.filters.update(filters or {})
        if watch:
            self._sandbox.filters.update({name: getattr(watch, name) for name in _TRACE_FILTERS})

    def read_source(self, name: str) -> tuple[str, str]:
        """The text of a template and the name that messages give its file."""
        path = self.project.find_template(name) if ".." not in name.split("/") else None
        if path is None:
            raise TemplateNotFound(name, f"no template {name} in templates/")
        shown = self._display_paths[name] = self.project.display_path(path)
        return path.read_text(encoding="utf-8"), shown

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """The text that a template makes of some values. Refused, at the template's line, where it fails."""
        try:
            return self._sandbox.get_template(name).render(values)
        except Exception as error:
            raise ProblemsError((self._to_problem(name, error),)) from error

    def is_name_independent(self, name: str, variables: frozenset[str]) -> bool:
        """Whether a template does no more with some variables than write them, and ask whether a list has items."""
        asked = (name, variables)
        if asked not in self._name_independent:
            source, _ = self.read_source(name)
            self._name_independent[asked] = _is_output_only(self._sandbox.parse(source), variables)
        return self._name_independent[asked]

    def find_place(self, name: str, pattern: str) -> Place:
        """The line of a template that matches a pattern, or its first line."""
        source, shown = self.read_source(name)
        for number, line in enumerate(source.splitlines(), start=1):
            if re.search(pattern, line):
                return Place(shown, number, 1)
        return Place(shown, 1, 1)

    def generate(self, name: str, values: Mapping[str, Any]) -> Iterator[str]:
        """The text in the pieces in which it comes about, so that a watch can tell what was asked before which."""
        yield from self._sandbox.get_template(name).generate(values)

    def find_referenced(self, name: str) -> Iterator[str | None]:
        """The templates that a template includes, itself first; None for one whose name is worked out."""
        from jinja2.meta import find_referenced_templates

        waiting: list[str | None] = [name]
        seen: set[str | None] = set()
        while waiting:
            found = waiting.pop()
            if found not in seen:
                seen.add(found)
                yield found
                if found is not None and self.project.find_template(found):
                    waiting.extend(find_referenced_templates(self._sandbox.parse(self.read_source(found)[0])))

    def _to_problem(self, name: str, error: Exception) -> Problem:
        rule, line, shown = "template-error", 1, self._display_paths.get(name, f"templates/{name}")
        if isinstance(error, TemplateSyntaxError):
            line, shown = error.lineno, error.filename or shown
        else:
            from traceback import extract_tb

            for frame in extract_tb(error.__traceback__):
                if frame.filename in self._display_paths.values():
                    line, shown = frame.lineno or 1, frame.filename
        message = str(error) if isinstance(error, TemplateError | TypeError) else f"{type(error).__name__}: {error}"
        return Problem(Place(shown, line, 1), rule, "", message)


def _is_output_only(tree: nodes.Template, variables: frozenset[str]) -> bool:
    targets = [loop.target for loop in tree.find_all(nodes.For)]
    if not all(isinstance(target, nodes.Name) for target in targets):
        return False
    loops = {target.name for target in targets if isinstance(target, nodes.Name)}
    if list(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Assign, nodes.Macro))):
        return False
    watched = variables | loops
    plain = sum(_find_output_uses(tree, watched))
    return plain == sum(1 for use in tree.find_all(nodes.Name) if use.name in watched and use.ctx == "load")


def _find_output_uses(tree: nodes.Template, watched: frozenset[str] | set[str]) -> Iterator[bool]:
    """True for each place where a watched variable, or a field of it, is written, looped over or asked for."""
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            yield _is_variable(
                part.node if isinstance(part, nodes.Filter) and part.name == "block" and not part.args else part, watched
            )
    for loop in tree.find_all(nodes.For):
        yield _is_variable(loop.iter, watched)
    for question in tree.find_all(nodes.If):
        yield _is_variable(question.test, watched)


def _is_variable(node: Any, watched: frozenset[str] | set[str]) -> bool:
    node = node.node if isinstance(node, nodes.Getattr) else node
    return isinstance(node, nodes.Name) and node.name in watched


class TemplateTracer(Protocol):
    """Follows the rendering of templates, for `explain`: which line writes what, and on which conditions."""

    def mark_line(self, file: str, number: int) -> str:
        """What to add to the end of a line of a template."""

    def trace_condition(self, value: Any, file: str, number: int, first: bool) -> bool:
        """The answer to a condition; `first` where it begins an if, not an elif."""

    def enter_branch(self, value: Any) -> Any:
        """What the condition guards begins."""

    def leave_branch(self, value: Any) -> Any:
        """What the condition guards ends."""

    def trace_choice(self, value: Any) -> Any:
        """One of the two values of an inline condition."""


_TRACE_FILTERS = ("trace_condition", "enter_branch", "leave_branch", "trace_choice")


def _instrument(tree: nodes.Template, file: str, watch: TemplateTracer) -> None:
    """Let a watch see what the template does, line by line and condition by condition."""
    for data in tree.find_all(nodes.TemplateData):
        first, *rest = data.data.split("\n")
        marks = (f"{watch.mark_line(file, data.lineno + number)}\n{line}" for number, line in enumerate(rest))
        data.data = first + "".join(marks)
    conditions = list(tree.find_all(nodes.If))
    later = {id(node) for condition in conditions for node in condition.elif_}
    for condition in conditions:
        condition.test = _build_filter("trace_condition", condition.test, file, condition.lineno, id(condition) not in later)
        for branch in filter(None, (condition.body, condition.else_)):
            branch[:] = [_build_statement("enter_branch", branch[0]), *branch, _build_statement("leave_branch", branch[-1])]
    for choice in tree.find_all(nodes.CondExpr):
        choice.test = _build_filter("trace_condition", choice.test, file, choice.lineno, True)
        choice.expr1 = _build_filter("trace_choice", choice.expr1)
        choice.expr2 = _build_filter("trace_choice", choice.expr2) if choice.expr2 else None


def _build_filter(name: str, node: Any, *arguments: object) -> nodes.Expr:
    return nodes.Filter(node, name, [nodes.Const(each) for each in arguments], [], None, None, lineno=node.lineno)


def _build_statement(name: str, beside: nodes.Node) -> nodes.Stmt:
    return nodes.ExprStmt(_build_filter(name, nodes.Const(None, lineno=beside.lineno)), lineno=beside.lineno)


class _TemplateLoader:
    """Hands Jinja the templates of the project's folders; quacks like jinja2.BaseLoader."""

    has_source_access = True

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def load(self, environment: Any, name: str, globals: Any = None) -> Any:
        source, shown = self._templates.read_source(name)
        code = self._compile(environment, name, source, shown)
        return environment.template_class.from_code(environment, code, globals or {}, lambda: True)

    def _compile(self, environment: Any, name: str, source: str, shown: str) -> Any:
        if self._templates.tracer is None:
            return environment.compile(source, name, shown)
        tree = environment.parse(source, name, shown)
        _instrument(tree, shown, self._templates.tracer)
        return environment.compile(tree, name, shown)
