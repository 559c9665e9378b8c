"""The one home of Jinja2: templates of the project's folders, sandboxed, with nothing in reach but what they are given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import jinja2
from jinja2 import StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from vmgen.problems import Place, Problem, Refused
from vmgen.read.prepared import Prepared
from vmgen.read.project import Project

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
        watch: Watch | None = None,
        prepared: Prepared | None = None,
    ) -> None:
        """With `plain`, Jinja's own filters and tests are there (but what is random); else only `filters`.

        `prepared` keeps what is compiled from run to run.
        """
        self.project = project
        self.watch = watch
        self._prepared = prepared or Prepared()
        self._settings = f"{jinja2.__version__} {plain} {finalize.__qualname__} {sorted(filters or ())}"
        self._shown: dict[str, str] = {}
        self._only_writes: dict[tuple[str, frozenset[str]], bool] = {}
        self._sandbox = _Sandbox(
            undefined=StrictUndefined,
            finalize=finalize,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            loader=_Loader(self),
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
            self._sandbox.filters.update({name: getattr(watch, name) for name in _WATCHING})

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

    def only_writes(self, name: str, variables: frozenset[str]) -> bool:
        """Whether a template does no more with some variables than write them, and ask whether a list has items."""
        asked = (name, variables)
        if asked not in self._only_writes:
            source, _ = self.source(name)
            what = f"only writes {sorted(variables)}"
            answer = self.kept(name, what, source, lambda: _only_writes(self._sandbox.parse(source), variables))
            self._only_writes[asked] = answer
        return self._only_writes[asked]

    def kept(self, name: str, what: str, source: str, make: Callable[[], Any]) -> Any:
        """What is made from the text of a template, of an earlier run where there was one."""
        if self.watch:
            return make()
        return self._prepared.kept(f"{self.project.template(name)} {what}", f"{self._settings} {source}", make)

    def place_of(self, name: str, pattern: str) -> Place:
        """The line of a template that matches a pattern, or its first line."""
        source, shown = self.source(name)
        for number, line in enumerate(source.splitlines(), start=1):
            if re.search(pattern, line):
                return Place(shown, number, 1)
        return Place(shown, 1, 1)

    def pieces(self, name: str, values: Mapping[str, Any]) -> Iterator[str]:
        """The text in the pieces in which it comes about, so that a watch can tell what was asked before which."""
        yield from self._sandbox.get_template(name).generate(values)

    def referenced(self, name: str) -> Iterator[str | None]:
        """The templates that a template includes, itself first; None for one whose name is worked out."""
        from jinja2.meta import find_referenced_templates

        waiting: list[str | None] = [name]
        seen: set[str | None] = set()
        while waiting:
            found = waiting.pop()
            if found not in seen:
                seen.add(found)
                yield found
                if found is not None and self.project.template(found):
                    waiting.extend(find_referenced_templates(self._sandbox.parse(self.source(found)[0])))

    def _problem(self, name: str, error: Exception) -> Problem:
        rule, line, shown = "template-error", 1, self._shown.get(name, f"templates/{name}")
        if isinstance(error, TemplateSyntaxError):
            line, shown = error.lineno, error.filename or shown
        else:
            from traceback import extract_tb

            for frame in extract_tb(error.__traceback__):
                if frame.filename in self._shown.values():
                    line, shown = frame.lineno or 1, frame.filename
        message = str(error) if isinstance(error, TemplateError | TypeError) else f"{type(error).__name__}: {error}"
        return Problem(Place(shown, line, 1), rule, "", message)


def _only_writes(tree: nodes.Template, variables: frozenset[str]) -> bool:
    targets = [loop.target for loop in tree.find_all(nodes.For)]
    if not all(isinstance(target, nodes.Name) for target in targets):
        return False
    loops = {target.name for target in targets if isinstance(target, nodes.Name)}
    if list(tree.find_all((nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends, nodes.Assign, nodes.Macro))):
        return False
    watched = variables | loops
    plain = sum(_plain_uses(tree, watched))
    return plain == sum(1 for use in tree.find_all(nodes.Name) if use.name in watched and use.ctx == "load")


def _plain_uses(tree: nodes.Template, watched: frozenset[str] | set[str]) -> Iterator[bool]:
    """True for each place where a watched variable, or a field of it, is written, looped over or asked for."""
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            yield _is_one(
                part.node if isinstance(part, nodes.Filter) and part.name == "block" and not part.args else part, watched
            )
    for loop in tree.find_all(nodes.For):
        yield _is_one(loop.iter, watched)
    for question in tree.find_all(nodes.If):
        yield _is_one(question.test, watched)


def _is_one(node: Any, watched: frozenset[str] | set[str]) -> bool:
    node = node.node if isinstance(node, nodes.Getattr) else node
    return isinstance(node, nodes.Name) and node.name in watched


class Watch(Protocol):
    """Follows the rendering of templates, for `explain`: which line writes what, and on which conditions."""

    def line(self, file: str, number: int) -> str:
        """What to add to the end of a line of a template."""

    def asked(self, value: Any, file: str, number: int, first: bool) -> bool:
        """The answer to a condition; `first` where it begins an if, not an elif."""

    def enter(self, value: Any) -> Any:
        """What the condition guards begins."""

    def leave(self, value: Any) -> Any:
        """What the condition guards ends."""

    def chosen(self, value: Any) -> Any:
        """One of the two values of an inline condition."""


_WATCHING = ("asked", "enter", "leave", "chosen")


def _watched(tree: nodes.Template, file: str, watch: Watch) -> None:
    """Let a watch see what the template does, line by line and condition by condition."""
    for data in tree.find_all(nodes.TemplateData):
        first, *rest = data.data.split("\n")
        marks = (f"{watch.line(file, data.lineno + number)}\n{line}" for number, line in enumerate(rest))
        data.data = first + "".join(marks)
    conditions = list(tree.find_all(nodes.If))
    later = {id(node) for condition in conditions for node in condition.elif_}
    for condition in conditions:
        condition.test = _call("asked", condition.test, file, condition.lineno, id(condition) not in later)
        for branch in filter(None, (condition.body, condition.else_)):
            branch[:] = [_statement("enter", branch[0]), *branch, _statement("leave", branch[-1])]
    for choice in tree.find_all(nodes.CondExpr):
        choice.test = _call("asked", choice.test, file, choice.lineno, True)
        choice.expr1 = _call("chosen", choice.expr1)
        choice.expr2 = _call("chosen", choice.expr2) if choice.expr2 else None


def _call(name: str, node: Any, *arguments: object) -> nodes.Expr:
    return nodes.Filter(node, name, [nodes.Const(each) for each in arguments], [], None, None, lineno=node.lineno)


def _statement(name: str, beside: nodes.Node) -> nodes.Stmt:
    return nodes.ExprStmt(_call(name, nodes.Const(None, lineno=beside.lineno)), lineno=beside.lineno)


class _Loader:
    """Hands Jinja the templates of the project's folders; quacks like jinja2.BaseLoader."""

    has_source_access = True

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    def load(self, environment: Any, name: str, globals: Any = None) -> Any:
        source, shown = self._templates.source(name)
        code = self._templates.kept(name, f"as {shown}", source, lambda: self._compiled(environment, name, source, shown))
        return environment.template_class.from_code(environment, code, globals or {}, lambda: True)

    def _compiled(self, environment: Any, name: str, source: str, shown: str) -> Any:
        if self._templates.watch is None:
            return environment.compile(source, name, shown)
        tree = environment.parse(source, name, shown)
        _watched(tree, shown, self._templates.watch)
        return environment.compile(tree, name, shown)
