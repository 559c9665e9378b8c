"""Compile and render Jinja templates in a sandbox that reaches nothing but the values they are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Protocol

from jinja2 import BaseLoader, TemplateError, TemplateNotFound, TemplateSyntaxError, nodes

from vmgen.problems import Place, Problem, ProblemsError, suggest
from vmgen.read.repository import Project
from vmgen.read.sandbox import Sandbox, build_filter, count_steps
from vmgen.read.template_names import NameVariables, only_writes
from vmgen.read.template_steps import StepCounter, StepLimitError
from vmgen.rules import TEMPLATE_ERROR
from vmgen.secrets.redact import REDACTED

_QUOTED = r"""(?<!\w)(?P<mark>['"])(?P<text>[^'"\n]{0,4096})(?P=mark)"""
_TYPE_NAME = r"(?:[\w.]+ object|int|str|list|tuple|dict|float|bool|NoneType|builtin_function_or_method|method|function)"
# Jinja2's message on an undefined name (jinja2.Undefined).
UNDEFINED_NAME = re.compile(r"'(?P<name>\w+)' is undefined")
_TRACE_FILTERS = ("trace_condition", "enter_branch", "leave_branch", "trace_choice")

# A manifest has some fields in some versions of the platform only.
_EXISTENCE_TESTS = ("defined", "undefined")


class TemplateTracer(Protocol):
    """Follows the rendering of templates for `explain`: which line writes what, and on which conditions."""

    def mark_line(self, file: str, number: int) -> str:
        """Return the text to append to a line of a template."""

    def trace_condition(self, value: Any, file: str, number: int, first: bool) -> bool:
        """Return the truth of a condition; `first` is false for an elif."""

    def enter_branch(self, value: Any) -> Any:
        """Note that the output below a condition begins."""

    def leave_branch(self, value: Any) -> Any:
        """Note that the output below a condition ends."""

    def trace_choice(self, value: Any) -> Any:
        """Return the chosen value of an inline condition."""


class Templates:
    """Compiles templates by name (`hikube/vm-disk.yaml.j2`) once in a run, and renders them."""

    def __init__(
        self,
        project: Project,
        finalize: Callable[[Any], Any],
        filters: Mapping[str, Callable[..., Any]] | None = None,
        *,
        plain: bool = False,
        tracer: TemplateTracer | None = None,
        name_variables: NameVariables | None = None,
    ) -> None:
        """`finalize` turns the value of each `{{ … }}` into text.

        With `plain`, Jinja's filters and tests are available, except for random ones; otherwise only `filters`, and the tests
        whether a variable exists. `name_variables` are those that `is_name_independent` will be asked about.
        """
        self.project = project
        self._display_paths: dict[str, str] = {}
        self._sources: dict[str, str] = {}
        self._trees: dict[str, nodes.Template] = {}
        self._name_variables = name_variables
        self._name_independent: dict[tuple[str, NameVariables], bool] = {}
        self._steps = StepCounter()
        self._sandbox = Sandbox(self._steps, finalize, loader=_TemplateLoader(self, tracer), optimized=tracer is None)
        jinja_filters: Any = dict(self._sandbox.filters) if plain else {}
        jinja_tests: Any = self._sandbox.tests if plain else {name: self._sandbox.tests[name] for name in _EXISTENCE_TESTS}
        # Its result is another one in each run, and the output depends on the input alone.
        jinja_filters.pop("random", None)
        self._sandbox.globals = {"range": self._sandbox.globals["range"], "dict": dict} if plain else {}
        self._sandbox.replace_functions({**jinja_filters, **(filters or {})}, jinja_tests)
        if tracer:
            self._sandbox.filters.update({name: getattr(tracer, name) for name in _TRACE_FILTERS})

    @property
    def steps(self) -> int:
        """The steps that the last rendered object took."""
        return self._steps.steps

    def start_environment(self) -> None:
        """Reset the steps: each environment has its own, so that no other decides whether it renders."""
        self._steps.start_environment()

    def count_object(self, steps: int) -> None:
        """Count an object that is not rendered since it is like another one, as if it were. Raises ProblemsError."""
        try:
            self._steps.start_object(steps)
        except StepLimitError as error:
            raise ProblemsError((TEMPLATE_ERROR.build_problem(Place("templates/"), "", str(error)),)) from None

    def render(self, name: str, values: Mapping[str, Any]) -> str:
        """Return the output of a template. Raises ProblemsError, with a problem at the template's line, if it fails."""
        try:
            self._steps.start_object()
            return self._sandbox.get_template(name).render(values)
        except ProblemsError:  # a file that may not be read
            raise
        except Exception as error:  # filters and expressions of a template may raise anything
            raise ProblemsError((self._to_problem(name, error, values),)) from error

    def generate(self, name: str, values: Mapping[str, Any]) -> Iterator[str]:
        """Iterate over the pieces of the output as they are rendered, so that a tracer can tell their order."""
        self._steps.start_object()
        yield from self._sandbox.get_template(name).generate(values)

    def read_source(self, name: str) -> tuple[str, str]:
        """Return the text of a template and its path in messages. Raises TemplateNotFound if there is none.

        Raises ProblemsError if it cannot be read.
        """
        if name not in self._sources:
            self._sources[name] = self._read_file(name)
        return self._sources[name], self._display_paths[name]

    def _read_file(self, name: str) -> str:
        path = self.project.find_template(name)
        if path is None:
            raise TemplateNotFound(name, f"no template {name} in templates/")
        display_path = self._display_paths[name] = self.project.display_path(path)
        try:
            # Some editors begin a file with a byte order mark, which would end up in the middle of a manifest.
            return self.project.read_source(path).decode("utf-8-sig").replace("\r\n", "\n")
        except OSError as error:
            problem = TEMPLATE_ERROR.build_problem(Place(display_path), "", f"cannot be read: {error.strerror}")
        except UnicodeDecodeError:
            problem = TEMPLATE_ERROR.build_problem(Place(display_path), "", "is not UTF-8; save it as UTF-8")
        raise ProblemsError((problem,))

    def parse(self, name: str) -> nodes.Template:
        """Parse a template. Raises TemplateError if it is broken, too large or missing, OSError if it cannot be read."""
        source, display_path = self.read_source(name)
        return self._sandbox.parse_limited(source, name, display_path)

    def add_source(self, name: str, source: str, display_path: str) -> None:
        """Make a text a template of this name; `display_path` is the file that contains it."""
        self._sources[name], self._display_paths[name] = source, display_path
        self._trees.pop(name, None)

    def has_source(self, name: str) -> bool:
        """Return True if there is a template of this name."""
        return name in self._sources or self.project.find_template(name) is not None

    def find_place(self, name: str, pattern: str) -> Place:
        """Return the first line of a template that matches a pattern, or line 1."""
        source, display_path = self.read_source(name)
        numbers = (number for number, line in enumerate(source.splitlines(), start=1) if re.search(pattern, line))
        return Place(display_path, next(numbers, 1), 1)

    def find_referenced(self, name: str) -> Iterator[str | None]:
        """Iterate over a template and those it includes, directly or not.

        None is a computed name, or one that a broken template includes.
        """
        from jinja2.meta import find_referenced_templates

        waiting: list[str | None] = [name]
        names: set[str | None] = set()
        while waiting:
            template = waiting.pop()
            if template not in names:
                names.add(template)
                yield template
                if template is not None and self.has_source(template):
                    try:
                        waiting.extend(find_referenced_templates(self.parse(template)))
                    except (TemplateError, OSError, UnicodeError):
                        waiting.append(None)

    def is_name_independent(self, name: str, variables: NameVariables) -> bool:
        """Return whether a template only writes these variables, and tests and loops over those that allow it."""
        key = (name, variables)
        if key not in self._name_independent:
            self._trees[name] = self._trees.get(name) or self.parse(name)
            self._name_independent[key] = only_writes(self._trees[name], variables)
        return self._name_independent[key]

    def take_tree(self, name: str) -> nodes.Template:
        """Return the tree of a template for its compilation, which changes it: parsed already if it was looked at before.

        Raises like `parse`.
        """
        tree = self._trees.pop(name, None) or self.parse(name)
        if self._name_variables:  # to find out later takes another parse
            self._name_independent[name, self._name_variables] = only_writes(tree, self._name_variables)
        return tree

    def _to_problem(self, name: str, error: Exception, values: Mapping[str, Any]) -> Problem:
        line, display_path = 1, self._display_paths.get(name, f"templates/{name}")
        if isinstance(error, TemplateSyntaxError):
            line, display_path = error.lineno, error.filename or display_path
        else:
            from traceback import extract_tb

            for frame in extract_tb(error.__traceback__):
                if frame.filename in self._display_paths.values():
                    line, display_path = frame.lineno or 1, frame.filename
        message = _describe_error(error)
        # Python quotes the value that an operation failed on, and that may be a secret of the environment.
        if not isinstance(error, TemplateSyntaxError):
            message = re.sub(
                _QUOTED, lambda quotation: quotation[0] if self._is_written(quotation["text"]) else f"'{REDACTED}'", message
            )
        undefined_name = UNDEFINED_NAME.fullmatch(message)
        if undefined_name:
            message += suggest(undefined_name["name"], values)
        return TEMPLATE_ERROR.build_problem(Place(display_path, line, 1), "", message)

    def _is_written(self, quotation: str) -> bool:
        """Return whether a message quotes a type of Python or the text of a template, rather than a value."""
        if re.fullmatch(_TYPE_NAME, quotation) or not any(map(str.isalnum, quotation)):
            return True
        with suppress(OSError, TemplateError, ProblemsError, ValueError):
            return any(quotation in self.read_source(name)[0] for name in tuple(self._display_paths))
        return False


def _describe_error(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "calls or includes itself too often"
    if isinstance(error, TemplateSyntaxError):
        return error.message or "is not a template"
    if isinstance(error, TemplateError | TypeError | StepLimitError):
        return str(error)
    return f"{type(error).__name__}: {error}"


class _TemplateLoader(BaseLoader):
    """Loads the templates of a project under their display paths, instrumented if there is a tracer."""

    def __init__(self, templates: Templates, tracer: TemplateTracer | None) -> None:
        self._templates = templates
        self._tracer = tracer

    def load(self, environment: Any, name: str, globals: Any = None) -> Any:
        tree = self._templates.take_tree(name)
        display_path = self._templates.read_source(name)[1]
        count_steps(tree)
        if self._tracer:
            _instrument(tree, display_path, self._tracer)
        code = environment.compile_limited(tree, name, display_path)
        return environment.template_class.from_code(environment, code, globals or {}, lambda: True)


def _instrument(tree: nodes.Template, file: str, tracer: TemplateTracer) -> None:
    """Make a template report its lines, conditions and branches to the tracer."""
    for data in tree.find_all(nodes.TemplateData):
        first, *rest = data.data.split("\n")
        marks = (f"{tracer.mark_line(file, data.lineno + number)}\n{line}" for number, line in enumerate(rest))
        data.data = first + "".join(marks)
    conditions = list(tree.find_all(nodes.If))
    elifs = {id(node) for condition in conditions for node in condition.elif_}
    for condition in conditions:
        condition.test = build_filter("trace_condition", condition.test, file, condition.lineno, id(condition) not in elifs)
        for branch in filter(None, (condition.body, condition.else_)):
            branch[:] = [_build_statement("enter_branch", branch[0]), *branch, _build_statement("leave_branch", branch[-1])]
    for choice in tree.find_all(nodes.CondExpr):
        choice.test = build_filter("trace_condition", choice.test, file, choice.lineno, True)
        choice.expr1 = build_filter("trace_choice", choice.expr1)
        choice.expr2 = build_filter("trace_choice", choice.expr2) if choice.expr2 else None


def _build_statement(name: str, neighbour: nodes.Node) -> nodes.Stmt:
    return nodes.ExprStmt(build_filter(name, nodes.Const(None, lineno=neighbour.lineno)), lineno=neighbour.lineno)
