"""Jinja's sandbox, in which every loop, call, filter, test, operator and output counts its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import BuiltinMethodType, FunctionType, ModuleType
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes, pass_context
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from vmgen.read.template_limits import guard_method, guard_operands, limit_arguments, limit_function, limit_result
from vmgen.read.template_steps import CHARACTERS_PER_STEP, MAX_SOURCE_CHARACTERS, MAX_TOKENS, StepCounter
from vmgen.yaml_text import find_surrogate

_CALL_STEPS = 20  # of a macro, a block or an included template, beside its content
_NODES_PER_STEP = 4
_MAX_ATTRIBUTES = 1000  # whose safety is known; a template can compute any number of names
# Filters that the instrumented templates call. Their names cannot be written in a template.
_COUNT_ITEMS, _SPEND, _MEASURE = "count items", "spend steps", "measure value"
_CONCATENATE, _CONTAINS = "concatenate texts", "contains value"
_MEMBERSHIPS = ("in", "notin")
_SCOPES = (nodes.Macro, nodes.CallBlock, nodes.Block)


class Sandbox(ImmutableSandboxedEnvironment):
    """A sandbox of Jinja that counts steps, and raises StepLimitError where a template takes too many."""

    intercepted_binops = frozenset(["*", "**", "%", "+", "-"])

    def __init__(self, steps: StepCounter, finalize: Callable[[Any], str], **options: Any) -> None:
        self.steps = steps
        self._safe_attributes: dict[tuple[type, str], bool] = {}
        super().__init__(
            # By default an undefined variable writes nothing: https://jinja.palletsprojects.com/en/stable/api/#undefined-types
            undefined=StrictUndefined,
            finalize=_limit_output(finalize, steps),
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
            autoescape=False,
            cache_size=-1,
            **options,
        )

    def replace_functions(self, filters: Mapping[str, Callable[..., Any]], tests: Mapping[str, Callable[..., Any]]) -> None:
        """Make these the only filters and tests, and count what they do."""
        self.filters = {name: limit_function(name, function, self.steps) for name, function in filters.items()}
        self.tests = {name: limit_function(f"is {name}", function, self.steps) for name, function in tests.items()}
        self.filters |= {
            _COUNT_ITEMS: self._count_items,
            _SPEND: self._spend,
            _MEASURE: self._measure,
            _CONCATENATE: self._concatenate,
            _CONTAINS: self._contains,
        }

    def parse_limited(self, source: str, name: str, path: str) -> nodes.Template:
        """Parse a template. Raises TemplateSyntaxError, also if it is too large to be compiled in a short time."""
        if len(source) > MAX_SOURCE_CHARACTERS:
            raise TemplateSyntaxError(f"has more than {MAX_SOURCE_CHARACTERS:,} characters", 1, name, path)
        # Lexing is linear in the text; parsing and compiling are not, so tokens are counted before. Each has a character.
        for number, (line, _, _) in enumerate(self.lex(source, name, path) if len(source) > MAX_TOKENS else ()):
            if number > MAX_TOKENS:
                raise TemplateSyntaxError(f"has more than {MAX_TOKENS:,} tokens; split it up", line, name, path)
        try:
            return self.parse(source, name, path)
        except RecursionError:
            raise TemplateSyntaxError("is nested too deeply", 1, name, path) from None

    def compile_limited(self, tree: nodes.Template, name: str, path: str) -> Any:
        """Compile a template. Raises TemplateSyntaxError if it is nested deeper than Python takes."""
        # Jinja compiles each loop to a block of Python, which allows 20 of them in each other.
        try:
            return self.compile(tree, name, path)
        except (SyntaxError, RecursionError):
            raise TemplateSyntaxError("is nested too deeply: at most 20 nested loops", 1, name, path) from None

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Apply an operator to two values whose product or sum may be large."""
        guard_operands(operator, left, right, self.steps)
        return limit_result(super().call_binop(context, operator, left, right), self.steps)

    def call(__self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a macro, a function or a method, and count what it is given and what it makes."""
        marks = {name: kwargs.pop(name) for name in ("_block_vars", "_loop_vars") if name in kwargs}
        args, kwargs = limit_arguments(args, kwargs, __self.steps)
        # The sandbox hides the methods `format` and `format_map` in a function of its own.
        method = getattr(__obj, "__wrapped__", __obj) if isinstance(__obj, FunctionType) else __obj
        if isinstance(method, BuiltinMethodType) and not isinstance(method.__self__, ModuleType):
            if method.__name__ == "join" and args:
                args = (list(args[0]), *args[1:])
            guard_method(method.__self__, method.__name__, args, kwargs, __self.steps)
        # `loop(items)` of a recursive loop: https://jinja.palletsprojects.com/en/stable/templates/#for
        if isinstance(__obj, LoopContext) and args:
            args = (__self.steps.count_items(args[0], _CALL_STEPS), *args[1:])
        return limit_result(super().call(__context, __obj, *args, **kwargs, **marks), __self.steps)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Return whether a template may read an attribute. Jinja decides by the type of the object, in a dozen checks."""
        key = (type(obj), attr)
        is_safe = self._safe_attributes.get(key)
        if is_safe is None:
            is_safe = super().is_safe_attribute(obj, attr, value)
            if len(self._safe_attributes) < _MAX_ATTRIBUTES:
                self._safe_attributes[key] = is_safe
        return is_safe

    # Filters with a context are not computed when a template is compiled.

    @pass_context
    def _count_items(self, _context: Any, items: Iterable[Any], weight: int) -> Iterator[Any]:
        return self.steps.count_items(items, weight)

    @pass_context
    def _spend(self, _context: Any, steps: int) -> None:
        self.steps.spend(steps)

    @pass_context
    def _measure(self, _context: Any, value: Any) -> Any:
        self.steps.measure(value)
        return value

    @pass_context
    def _concatenate(self, _context: Any, values: list[Any]) -> str:
        self.steps.measure(values)
        return "".join(map(str, values))

    @pass_context
    def _contains(self, _context: Any, pair: list[Any]) -> bool:
        value, container = pair
        self.steps.measure(pair)
        self.steps.spend_search(container, value)
        return value in container


def _limit_output(finalize: Callable[[Any], str], steps: StepCounter) -> Callable[[Any], str]:
    """Return a function that counts a value and the text that `finalize` makes of it for a `{{ … }}`."""
    measure, spend = steps.measure, steps.spend

    def write(value: Any) -> str:
        measure(value)
        text = finalize(value)
        if text:
            spend(1 + len(text) // CHARACTERS_PER_STEP)
        if not text.isascii() and find_surrogate(text) is not None:
            raise TypeError("writes half of a character (a surrogate), which no file can contain")
        return text

    return write


def count_steps(tree: nodes.Template) -> None:
    """Make a parsed template count its steps when it is rendered.

    Raises TemplateSyntaxError if it chains comparisons with `in`.
    """
    # Counted by filters that are added to the parsed template: Jinja has no hook for the steps of a loop.
    parts: list[Any] = list(tree.find_all(nodes.Node))
    for loop in (part for part in parts if isinstance(part, nodes.For)):
        loop.iter = build_filter(_COUNT_ITEMS, loop.iter, _weigh(loop.body))
    for scope in (tree, *(part for part in parts if isinstance(part, _SCOPES))):
        line = scope.body[0].lineno if scope.body else 1
        spend = build_filter(_SPEND, nodes.Const(_CALL_STEPS + _weigh(scope.body), lineno=line))
        scope.body.insert(0, nodes.ExprStmt(spend, lineno=line))
    for compare in (part for part in parts if isinstance(part, nodes.Compare)):
        if any(operand.op in _MEMBERSHIPS for operand in compare.ops):
            continue  # replaced below
        sides: list[Any] = [compare, *compare.ops]
        for side in sides:
            side.expr = build_filter(_MEASURE, side.expr)
    _replace_expressions(tree)


def _weigh(body: list[nodes.Node]) -> int:
    """Return the steps of some statements: of their parts and their text, without what inner loops and scopes count."""
    parts, characters = 0, 0
    for node in _walk_once(body):
        parts += 1
        characters += len(node.data) if isinstance(node, nodes.TemplateData) else 0
    return 1 + parts // _NODES_PER_STEP + characters // CHARACTERS_PER_STEP


def _walk_once(body: list[nodes.Node]) -> Iterator[nodes.Node]:
    waiting = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, nodes.For):
            waiting += [node.iter, *node.else_]
        elif not isinstance(node, _SCOPES):
            waiting.extend(node.iter_child_nodes())


def _replace_expressions(node: nodes.Node) -> None:
    """Let `~` and slices count what they make: Jinja compiles them to plain Python."""
    waiting = [node]
    while waiting:
        parent = waiting.pop()
        for name, value in parent.iter_fields():
            if isinstance(value, nodes.Node):
                setattr(parent, name, _replace_expression(value, parent))
            elif isinstance(value, list):
                value[:] = [_replace_expression(item, parent) if isinstance(item, nodes.Node) else item for item in value]
        waiting.extend(parent.iter_child_nodes())


def _replace_expression(node: Any, parent: nodes.Node) -> Any:
    if isinstance(node, nodes.Concat):
        return build_filter(_CONCATENATE, nodes.List(node.nodes, lineno=node.lineno))
    if isinstance(node, nodes.Compare) and any(operand.op in _MEMBERSHIPS for operand in node.ops):
        # A chain computes its middle value once; a filter for each comparison would compute it twice.
        if len(node.ops) > 1:
            raise TemplateSyntaxError("chains comparisons with `in`; write `and` between two comparisons", node.lineno)
        contains = build_filter(_CONTAINS, nodes.List([node.expr, node.ops[0].expr], lineno=node.lineno))
        return contains if node.ops[0].op == "in" else nodes.Not(contains, lineno=node.lineno)
    is_slice = isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Slice)
    is_counted = isinstance(parent, nodes.Filter) and parent.name == _MEASURE
    return build_filter(_MEASURE, node) if is_slice and not is_counted else node


def build_filter(name: str, node: Any, *arguments: object) -> nodes.Expr:
    """Return the tree of a filter over the value of a node, with constants as its arguments."""
    constants: list[nodes.Expr] = [nodes.Const(argument) for argument in arguments]
    return nodes.Filter(node, name, constants, [], None, None, lineno=node.lineno)
