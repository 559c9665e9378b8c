"""The shape of the program: which module may import what, how large it may be, and what it may be called."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "generator" / "vmgen"
# From what imports nothing of ours to what imports all: a module imports from its own folder and from those before it.
# Each new module or folder has to be placed here.
LEAVES = ("fingerprint", "problems", "quantities", "yaml_text")
STAGES = (
    "secrets",
    "read",
    "merge",
    "check",
    "cloud_init",
    "expand",
    "render",
    "delivery",
    "kustomize",
    "explain",
    "plan",
    "write",
)
USERS = ("pipeline", "stamps", "importer", "function", "api", "report", "cli", "__main__")
ORDER = (*LEAVES, *STAGES, *USERS)
# Each library has one home; a name that ends in a dot is a folder.
HOMES = {
    "jinja2": ("read.templates",),
    "yaml": ("read.yaml_reader", "read.manifests", "function", "cloud_init."),
    "click": ("cli.",),
    "jsonschema_rs": ("read.schema",),
    "watchfiles": ("cli.watch",),
    "subprocess": ("plan.git", "kustomize."),
}
# The output depends on none of these, and nothing is fetched from anywhere.
NOWHERE = ("socket", "ssl", "http", "ftplib", "requests", "httpx", "random", "secrets", "uuid", "locale", "getpass", "platform")
PERMITTED = {("report.terminal", "socket"), ("cli.errors", "platform")}
# Fields of one platform stand in its folder; these few modules have to know the two spellings of one thing.
FIELDS_OF_ONE = ("runStrategy", "cpuModel", "externalAllowICMP")
NAMED_IN = {("importer.key_groups", "runStrategy"), ("importer.translate", "runStrategy"), ("report.fleet", "runStrategy")}
MAX_LINES, MAX_FUNCTION_LINES = 500, 60
BANNED_WORDS = {"util", "utils", "helper", "helpers", "manager", "managers", "misc", "stuff", "handler", "processor"}


def modules() -> list[str]:
    """Every module, without the package's name: `read.schema`, `read` for a folder's own."""
    found = (path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py"))
    return sorted(".".join(path.parts).removesuffix(".__init__") for path in found if path.parts != ("__init__",))


def source(module: str) -> str:
    """The text of a module."""
    path = PACKAGE.joinpath(*module.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.read_text(encoding="utf-8")


@cache
def tree(module: str) -> ast.Module:
    """A module, parsed."""
    return ast.parse(source(module))


def imported(module: str) -> Iterator[str]:
    """The full names that a module imports anywhere in it; from a package, the names may be modules of it."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            yield node.module or ""
            yield from (f"{node.module}.{name.name}" for name in node.names)


def ours(module: str) -> set[str]:
    """The modules of ours that a module imports."""
    names = {name.removeprefix("vmgen.") for name in imported(module) if name.startswith("vmgen.")}
    return names & set(modules())


def functions(module: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module, those in others too."""
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_module_is_placed() -> None:
    """Each module and folder of the package stands in the order, and all in the order are there."""
    assert {module.partition(".")[0] for module in modules()} == set(ORDER)


@pytest.mark.parametrize("module", modules())
def test_imports_go_one_way(module: str) -> None:
    """A module imports from its own stage and from those before it; a leaf imports nothing of ours."""
    stage = module.partition(".")[0]
    allowed = () if stage in LEAVES else ORDER[: ORDER.index(stage) + 1]
    assert {name for name in ours(module) if name.partition(".")[0] not in (stage, *allowed)} == set()


def test_no_circles() -> None:
    """No module imports itself by way of others, not even late."""
    graph = {module: ours(module) - {module} for module in modules()}
    while graph:
        free = {module for module, needs in graph.items() if not needs & graph.keys()}
        assert free, f"a circle among {sorted(graph)}"
        graph = {module: needs for module, needs in graph.items() if module not in free}


@pytest.mark.parametrize("library", HOMES)
def test_libraries_have_one_home(library: str) -> None:
    """Only its home imports a library, and each home that stands here does."""
    users = {module for module in modules() if any(name.partition(".")[0] == library for name in imported(module))}
    homes = HOMES[library]
    assert {user for user in users if not any(user == home or f"{user}.".startswith(home) for home in homes)} == set()
    assert users


def test_no_network_clock_or_chance() -> None:
    """Nothing that a render passes through can reach the network, or learn who and where it is."""
    found = {(module, name.partition(".")[0]) for module in modules() for name in imported(module)}
    assert {(module, name) for module, name in found if name in NOWHERE} - PERMITTED == set()
    clocks = {module.partition(".")[0] for module, name in found if name == "time"}
    assert clocks <= {"cli"}


def test_platforms_are_data() -> None:
    """No code asks which platform it is, nor names a field that only one has."""
    for module in modules():
        text = source(module)
        assert {(module, word) for word in FIELDS_OF_ONE if word in text} <= NAMED_IN
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Compare | ast.Match):
                names = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
                assert not {"hikube", "cozystack"} & {name for name in names if isinstance(name, str)}, module


@pytest.mark.parametrize("module", modules())
def test_modules_and_functions_are_small(module: str) -> None:
    """A module fits in one reading, a function on one screen."""
    assert len(source(module).splitlines()) <= MAX_LINES
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(module)}
    assert {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("module", modules())
def test_everything_public_says_what_it_is(module: str) -> None:
    """Each module, and each public class and function in it, has a docstring."""
    nodes = [node for node in tree(module).body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
    said = {"the module": ast.get_docstring(tree(module))}
    said |= {node.name: ast.get_docstring(node) for node in nodes if not node.name.startswith("_")}
    assert [name for name, text in said.items() if not text] == []


@pytest.mark.parametrize("module", modules())
def test_names_say_something(module: str) -> None:
    """No module, class or function is called by what it is not: a helper, a manager, a util."""
    names = [*module.split("."), *(node.name for node in functions(module))]
    names += [node.name for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef)]
    words = {word.lower() for name in names for word in re.findall(r"[A-Z]?[a-z]+", name)}
    assert words & BANNED_WORDS == set()


@pytest.mark.parametrize("module", modules())
def test_nothing_is_swallowed(module: str) -> None:
    """No bare `except`; and nothing but the last door catches every exception without a word why."""
    for node in ast.walk(tree(module)):
        assert not (isinstance(node, ast.ExceptHandler) and node.type is None)


TESTS = sorted(path for path in Path(__file__).parent.rglob("test_*.py"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.relative_to(Path(__file__).parent).as_posix())
def test_tests_are_sentences(path: Path) -> None:
    """Every test says in a sentence what holds."""
    nodes = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)]
    silent = [
        node.name
        for node in nodes
        if node.name.startswith("test_") and not (ast.get_docstring(node) or "").endswith((".", "?"))
    ]
    assert silent == []
