"""Tell from the syntax of a template whether it only writes names: then it renders another object with other names alike."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from jinja2 import nodes

# Any other statement, such as a macro, a block or an included template, could hand a name on to where it is not seen.
_STATEMENTS = (nodes.Output, nodes.For, nodes.If, nodes.Assign)
# The fields of `loop` that give an item, or depend on one.
_LEAKING_LOOP_FIELDS = frozenset({"previtem", "nextitem", "changed"})


class NameVariables(NamedTuple):
    """The variables of a template in which the objects of one shape differ; `vm.name` is a field of a variable.

    Those in `condition_names` are empty in all objects of a shape or in none, and those in `lists` have as many items in
    each. `shared` are fields beside them, which are equal in all objects of a shape.
    """

    output_names: frozenset[str]
    condition_names: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        """All of them: each may be written."""
        return self.output_names | self.condition_names | self.lists


def only_writes(tree: nodes.Template, variables: NameVariables) -> bool:
    """Return whether each use of the variables is an output as it is, or else a plain condition or a loop that they allow.

    The items of their lists, and the fields of these, may be written and tested.
    """
    parts = list(tree.find_all(nodes.Node))  # each walk takes as long as to parse the template
    if not all(isinstance(part, _STATEMENTS) for part in parts if isinstance(part, nodes.Stmt)):
        return False
    loops = [part for part in parts if isinstance(part, nodes.For) and _get_path(part.iter) in variables.lists]
    loop_fields = (_get_path(node).partition(".")[2] for node in _find_references(tree, frozenset({"loop"})))
    if loops and any(not field or field in _LEAKING_LOOP_FIELDS for field in loop_fields):
        return False
    if not all(isinstance(loop.target, nodes.Name) for loop in loops):
        return False
    items = frozenset(loop.target.name for loop in loops if isinstance(loop.target, nodes.Name))
    roots = frozenset(path.partition(".")[0] for path in variables.all)
    if any(part.ctx != "load" and part.name in roots for part in parts if isinstance(part, nodes.Name)):
        return False  # the template gives the variable another value
    outputs, tests, loop_nodes = _collect_places(parts)
    for node in _find_references(tree, roots | items):
        path, is_item = _get_path(node), _get_root(node) in items
        is_written = id(node) in outputs and (is_item or path in variables.all)
        is_tested = id(node) in tests and (is_item or path in variables.condition_names | variables.lists)
        is_looped = id(node) in loop_nodes and path in variables.lists
        if not (is_written or is_tested or is_looped or path in variables.shared):
            return False
    return True


def _collect_places(parts: Iterable[nodes.Node]) -> tuple[set[int], set[int], set[int]]:
    """Return the ids of the expressions that are written as they are, tested, and looped over."""
    outputs, tests, loops = set(), set(), set()
    for part in parts:
        if isinstance(part, nodes.Output):
            outputs |= {id(_unwrap_block(node)) for node in part.nodes}
        elif isinstance(part, nodes.If):
            tests.add(id(part.test))
        elif isinstance(part, nodes.For):
            loops.add(id(part.iter))
    return outputs, tests, loops


def _unwrap_block(node: Any) -> Any:
    """Return the expression that the filter `block` writes; any other as it is."""
    return node.node if isinstance(node, nodes.Filter) and node.name == "block" and not node.args else node


def _find_references(tree: nodes.Node, names: frozenset[str]) -> Iterator[Any]:
    """Yield each use of some variables: a field of one where it is used so, else the variable."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if _get_root(node) in names:
            yield node
        else:
            waiting.extend(node.iter_child_nodes())


def _get_root(node: Any) -> str:
    """Return the variable of an expression that is a variable or a field of one; empty for any other."""
    return _get_path(node).partition(".")[0]


def _get_path(node: Any) -> str:
    """Return `name` of a variable, `vm.name` of a field of one; empty for any other expression."""
    if isinstance(node, nodes.Name):
        return str(node.name) if node.ctx == "load" else ""
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    is_key = isinstance(node, nodes.Getitem) and isinstance(node.node, nodes.Name)
    if is_key and isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str):
        return f"{node.node.name}.{node.arg.value}"
    return ""
