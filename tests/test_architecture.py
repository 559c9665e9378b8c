"""The shape of the program: which module may import what, how large it may be, and what it may be called."""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from vmgen.merge.platform import PlatformLoader
from vmgen.read.located import to_plain
from vmgen.read.repository import Project

CHECKOUT = Path(__file__).resolve().parent.parent
PACKAGE = CHECKOUT / "generator" / "vmgen"
# From what imports nothing of ours to what imports all: a module imports from its own folder and from those before it.
# Each new module or folder has to be placed here.
LEAVES = (
    "clock",
    "filesystem",
    "fingerprint",
    "nameless",
    "printable",
    "problems",
    "programs",
    "quantities",
    "rules",
    "yaml_text",
)
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
USERS = (
    "renderer",
    "pipeline",
    "stamps",
    "importer",
    "status",
    "edit",
    "upgrade",
    "function",
    "api",
    "report",
    "cli",
    "__main__",
)
ORDER = (*LEAVES, *STAGES, *USERS)
# Each library has one home; a name that ends in a dot is a folder.
HOMES = {
    "jinja2": ("read.templates", "read.template_names", "read.sandbox", "cloud_init.guest_template"),
    "yaml": ("read.yaml_reader", "read.yaml_nodes", "read.manifests", "function", "cloud_init."),
    "click": ("cli.",),
    "jsonschema_rs": ("read.schema",),
    "watchfiles": ("cli.watch",),
    "filelock": ("write.state",),
    "subprocess": ("programs", "kustomize."),
}
# The output depends on none of these, and nothing is fetched from anywhere.
NOWHERE = {
    "socket",
    "ssl",
    "http",
    "ftplib",
    "requests",
    "httpx",
    "random",
    "secrets",
    "uuid",
    "locale",
    "getpass",
    "platform",
    "time",
}
PERMITTED = {("report.terminal", "socket"), ("cli.errors", "platform"), ("cli.session", "time")}
# The day decides which waivers and tombstones still count. The command line asks for it once and hands it down.
CLOCKS = {"clock", "cli.status"}
# Words that are also the name of a field which not every version of every platform has. Each has another owner, which is all
# that these modules may mean by it: the field itself is in the rows of templates/, and Python asks for its role.
OTHER_MEANINGS = {
    # A source of a disk in an environment, beside `image`, `url` and `upload`; the field of a manifest is `source.disk`.
    "clone": {
        *("check.rules.boot", "check.rules.disks", "cli.rebuild", "expand.template_context", "importer.environment"),
        *("importer.translate", "merge.layers", "plan.clones", "plan.desired", "plan.previous_entry"),
    },
    # A section of the catalog and of prices, and a column of totals; KubeVirt's instance types have it too.
    "gpus": {
        *(
            "check.catalog_references",
            "check.rules.catalog",
            "check.totals",
            "cli.catalog",
            "cli.catalog_import",
            "importer.catalog_dump",
        ),
        *("importer.catalog_update", "merge.catalog", "merge.values_schema", "report.totals"),
    },
    # The list of files in a kustomization.yaml, and the request of a PersistentVolumeClaim.
    "resources": {
        *("delivery.files", "importer.catalog_dump", "kustomize.comparison", "kustomize.engine", "plan.foreign"),
        "render.manifests",
    },
    # The key that every version takes for a VM that is on, whatever is rendered from it; and a state of a live VM.
    "running": {"read.foreign_words", "status.health"},
}
# The disks of a VM and the content of a disk: every version has them, and only their form differs, which the rows say.
OF_EVERY_VERSION = {"disks", "source"}
# Only these open files: the two gateways; what builds copies of manifests in a new folder of the system's, which nobody else
# can write to; and what puts the null device in the place of a closed stream.
FILE_MODULES = {"filesystem.reader", "filesystem.writer", "kustomize.engine", "__main__"}
# What runs code of others, or is the last to see an exception, may catch every one.
CATCH_ALL = {"cli.errors", "cli.completed_words", "programs", "read.templates"}
MAX_LINES, MAX_FUNCTION_LINES = 500, 60
# Words that name nothing, and the metaphors that this code once used.
BANNED_WORDS = set(
    "util utils helper helpers manager managers misc stuff handler processor "
    "door hand hands sight workshop press leaf leaves wish gravity judge twin twins dialect unheard nobody told "
    "laid overlaid settled spared packed unpacked kept presumed apart gone heard misread sighting forms facts "
    "given".split()
)
# A participle says that something happened to a value, not what it is. These are adjectives of the field: `desired` state,
# `shared` settings, `committed` and `expected` objects, a `deprecated` entry, the `created` and `pruned` files of a diff.
# `left` is the side of an operator, beside `right`; `exposed` is the option of `vmgen list`, whose name click hands over.
ADJECTIVES = set(
    "desired shared committed expected deprecated replicated untracked ignored located affected "
    "created updated pruned unchanged seed left exposed".split()
)
IRREGULAR_PARTICIPLES = set(
    "broken brought built chosen found given gone held hidden kept known lost made meant rendered seen sent shown spent taken "
    "thrown told understood won written".split()
)
MODULES = sorted(
    ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if path != PACKAGE / "__init__.py"
)
# What developers run. Other environments run the rest, whose libraries choose some of its names.
PROGRAMS = sorted(
    ".".join(path.relative_to(CHECKOUT).with_suffix("").parts).removesuffix(".__init__")
    for folder in ("benchmarks", "tools")
    for path in (CHECKOUT / folder).rglob("*.py")
    if not path.is_relative_to(CHECKOUT / "benchmarks" / "peers" / "programs") and path.parent.name != "site"
)


def source(module: str) -> str:
    """The text of a module."""
    root = CHECKOUT if module.partition(".")[0] in ("benchmarks", "tools") else PACKAGE
    path = root.joinpath(*module.split("."))
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


@cache
def ours(module: str) -> frozenset[str]:
    """The modules of ours that a module imports."""
    names = {name.removeprefix("vmgen.") for name in imported(module) if name.startswith("vmgen.")}
    return frozenset(names & set(MODULES) - {module})


def functions(module: str) -> Iterator[ast.FunctionDef]:
    """Every function and method of a module, nested ones too."""
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.FunctionDef))


def classes(module: str) -> Iterator[ast.ClassDef]:
    """Every class of a module."""
    return (node for node in ast.walk(tree(module)) if isinstance(node, ast.ClassDef))


def test_every_module_is_placed() -> None:
    """Each module and folder of the package is in the order, and all in the order exist."""
    assert {module.partition(".")[0] for module in MODULES} == set(ORDER)


def test_imports_go_one_way() -> None:
    """A module imports from its own folder and from those before it; a leaf imports leaves before it only."""
    upward = [
        (module, name)
        for module in MODULES
        for name in ours(module)
        if ORDER.index(name.partition(".")[0]) > ORDER.index(module.partition(".")[0])
    ]
    assert upward == []


def test_no_cycles() -> None:
    """No module imports itself by way of others, not even inside of a function."""
    graph = {module: set(ours(module)) for module in MODULES}
    while graph:
        free = {module for module, needs in graph.items() if not needs & graph.keys()}
        assert free, f"a cycle among {sorted(graph)}"
        graph = {module: needs for module, needs in graph.items() if module not in free}


def test_libraries_have_one_home() -> None:
    """Only its home imports a library, and each home that is listed here does."""
    users = {library: {m for m in MODULES if any(n.partition(".")[0] == library for n in imported(m))} for library in HOMES}
    strangers = {
        (library, user)
        for library, homes in HOMES.items()
        for user in users[library]
        if not any(user == home or f"{user}.".startswith(home) for home in homes)
    }
    unused = {
        (library, home)
        for library, homes in HOMES.items()
        for home in homes
        if not any(user == home or f"{user}.".startswith(home) for user in users[library])
    }
    assert (strangers, unused) == (set(), set())


def test_files_are_opened_in_one_place() -> None:
    """One module reads files and one writes them; no other asks the system for a file's content, or changes it."""
    calls = re.compile(
        r"(?<![\w.])open\(|\.open\(\"|\.(read_text|read_bytes|write_text|write_bytes|mkdir|touch|symlink_to)\("
        r"|\bos\.(replace|rename|open|mkdir|makedirs|unlink|remove|rmdir|symlink|link)\(|\.(unlink|rmdir)\(\)|\brmtree|\btempfile\b"
    )
    # The metadata of an installed package is no file of the repository.
    texts = {module: source(module).replace('distribution("vmgen").read_text(', "") for module in MODULES}
    assert {module for module, text in texts.items() if calls.search(text)} == FILE_MODULES


def test_no_network_clock_or_randomness() -> None:
    """Nothing that a render passes through can reach the network, read a clock, or learn who and where it is."""
    names = {(module, name.partition(".")[0]) for module in MODULES for name in imported(module)}
    assert {(module, name) for module, name in names if name in NOWHERE} == PERMITTED
    clocks = {module for module in MODULES if re.search(r"\b(date\.today|datetime\.(now|utcnow)|time\.time)\b", source(module))}
    assert clocks == CLOCKS


def _find_differing_fields() -> set[str]:
    """The fields, and keys of an environment, that a version of a platform lacks, or that it has in another form."""
    loader = PlatformLoader(Project(Path("/nowhere")))
    releases = [loader.load_release(name) for name in ("cozystack", "hikube")]
    differing = set()
    for section in ("fields", "diskFields"):
        every = [
            to_plain(release.build(version).content.mapping[section])
            for release in releases
            for version in release.versions.names
        ]
        for name in set().union(*every):
            forms = [(rows[name].get("spec"), rows[name].get("key")) if name in rows else None for rows in every]
            if any(form != forms[0] for form in forms):
                differing.add(name)
    return differing


def test_platforms_are_data() -> None:
    """No code asks which platform or version it is, nor names a field that not every version has, or has in this form."""
    fields = _find_differing_fields()
    assert {"runStrategy", "externalAllowICMP", "networks", "bus", "running", "resources", *OF_EVERY_VERSION} <= fields
    named: dict[str, set[str]] = {}
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in fields - OF_EVERY_VERSION:
                named.setdefault(node.value, set()).add(module)
    assert named == OTHER_MEANINGS
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Compare | ast.Match):
                constants = {part.value for part in ast.walk(node) if isinstance(part, ast.Constant)}
                assert not {"hikube", "cozystack"} & constants, module
                assert not {part for part in constants if isinstance(part, str) and re.fullmatch(r"[0-9]+\.[0-9]+", part)}, (
                    module
                )


def test_modules_and_functions_are_small() -> None:
    """A module fits in one reading, a function on one screen."""
    assert {
        module: len(source(module).splitlines())
        for module in (*MODULES, *PROGRAMS)
        if len(source(module).splitlines()) > MAX_LINES
    } == {}
    long = {
        f"{module}.{node.name}": (node.end_lineno or 0) - node.lineno + 1
        for module in (*MODULES, *PROGRAMS)
        for node in functions(module)
        if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_everything_public_has_a_docstring() -> None:
    """Each module, and each public class and function in it, has a docstring."""
    silent = [module for module in (*MODULES, *PROGRAMS) if not ast.get_docstring(tree(module))]
    for module in (*MODULES, *PROGRAMS):
        nodes = (node for node in tree(module).body if isinstance(node, ast.ClassDef | ast.FunctionDef))
        silent += [f"{module}.{n.name}" for n in nodes if not n.name.startswith("_") and not ast.get_docstring(n)]
    assert silent == []


def test_names_are_the_fields_words() -> None:
    """No metaphor, no empty word; a function is a verb, not a participle; no module has the name of its one function.

    A property is read like a field and a rule is named for what it finds: both are decorated, and may be adjectives.
    """
    modules = (*MODULES, *PROGRAMS)
    names = {(module, part) for module in modules for part in module.split(".")}
    names |= {(module, node.name) for module in modules for node in (*functions(module), *classes(module))}
    banned = {
        (module, name) for module, name in names if BANNED_WORDS & {word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)}
    }
    assert banned == set()
    participles = [
        f"{module}.{node.name}"
        for module in modules
        for node in functions(module)
        if re.match(r"_?[a-z]+ed(_|$)", node.name)
        and not node.decorator_list
        and not node.name.startswith(("need", "_need", "embed"))
        and not node.name.endswith("_option")  # named for the option that it adds, as click.option is
    ]
    assert participles == []
    twins = [m for m in MODULES if [n.name for n in tree(m).body if isinstance(n, ast.FunctionDef)] == [m.rpartition(".")[2]]]
    assert twins == []


def _iter_raised(nodes: Iterable[ast.AST], caught: set[str], returns: dict[str, str]) -> Iterator[tuple[str, set[str] | None]]:
    """Yield the errors that statements raise and do not catch, and the functions they call, with the errors caught there."""
    for node in nodes:
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(node, ast.Raise | ast.Call):
            call = (node.exc.func if isinstance(node.exc, ast.Call) else node.exc) if isinstance(node, ast.Raise) else node.func
            name = call.id if isinstance(call, ast.Name) else call.attr if isinstance(call, ast.Attribute) else ""
            is_call = isinstance(node, ast.Call)
            name = name if is_call else returns.get(name, name)  # `raise refuse_edit(...)` raises what that returns
            if is_call or (name[:1].isupper() and name not in caught):
                yield name, caught if is_call else None
        if isinstance(node, ast.Try):
            types = {
                n.id for handler in node.handlers if handler.type for n in ast.walk(handler.type) if isinstance(n, ast.Name)
            }
            yield from _iter_raised(node.body, caught | types, returns)
            yield from _iter_raised([*node.handlers, *node.orelse, *node.finalbody], caught, returns)
        else:
            yield from _iter_raised(ast.iter_child_nodes(node), caught, returns)


def _find_errors(function: ast.FunctionDef, module: str, returns: dict[str, str], callers: frozenset[str]) -> set[str]:
    """Find the errors that a function raises itself or by a private function of its module, which it does not catch."""
    errors: set[str] = set()
    private = {node.name: node for node in functions(module) if node.name.startswith("_")}
    for name, caught in _iter_raised(function.body, set(), returns):
        if caught is None:
            errors.add(name)
        elif name in private and name not in callers:
            errors |= _find_errors(private[name], module, returns, callers | {name}) - caught
    return errors


def test_public_docstrings_name_their_errors() -> None:
    """A public function names in its docstring each error that it raises, itself or by a private function, or a class above it.

    The docstring of a command is its help, so it names none. An AssertionError is a bug, not a contract.
    """
    returns = {node.name: ast.unparse(node.returns) for m in MODULES for node in functions(m) if node.returns}
    silent = []
    for module in MODULES:
        bodies = [tree(module).body, *(node.body for node in classes(module) if not node.name.startswith("_"))]
        for node in (node for body in bodies for node in body if isinstance(node, ast.FunctionDef)):
            is_command = any("command" in ast.unparse(decorator) for decorator in node.decorator_list) or module == "cli.app"
            if node.name.startswith("_") or is_command:
                continue
            for error in _find_errors(node, module, returns, frozenset()) - {"AssertionError"}:
                names = {error, *(base.__name__ for base in getattr(builtins, error, object).__mro__[1:-3])}
                if not any(name in (ast.get_docstring(node) or "") for name in names):
                    silent.append(f"{module}.{node.name}: {error}")
    assert silent == []


def _values(module: str) -> Iterator[str]:
    """The names of the variables, parameters, fields and properties of a module."""
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.id if isinstance(node, ast.Name) else node.attr
        elif isinstance(node, ast.arg):
            yield node.arg
        elif (isinstance(node, ast.ExceptHandler) and node.name) or (isinstance(node, ast.FunctionDef) and node.decorator_list):
            yield node.name


def test_values_are_nouns() -> None:
    """No variable, parameter, field or property is a bare participle such as `found` or `rendered`."""
    participles = {
        (module, name)
        for module in (*MODULES, *PROGRAMS)
        for name in _values(module)
        if name.lstrip("_") not in ADJECTIVES
        and (name.lstrip("_") in IRREGULAR_PARTICIPLES or re.fullmatch(r"[a-z]+ed", name.lstrip("_")))
    }
    assert participles == set()


def test_class_names_are_unique() -> None:
    """No two classes have one name: a reader who searches for it finds one."""
    counts = Counter(node.name for module in MODULES for node in classes(module))
    assert [name for name, count in counts.items() if count > 1] == []


def test_only_the_edges_catch_everything() -> None:
    """No bare `except`; `except Exception` only where code of others runs, and where a run ends."""
    broad = set()
    for module in MODULES:
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.ExceptHandler):
                caught = ast.unparse(node.type) if node.type else "BaseException"
                if re.search(r"\b(Base)?Exception\b", caught):
                    broad.add(module)
    assert broad == CATCH_ALL


def test_tests_are_sentences() -> None:
    """Every test says in a sentence what holds."""
    silent = [
        f"{path.name}: {node.name}"
        for path in sorted(Path(__file__).parent.rglob("test_*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and node.name.startswith("test_")
        and not (ast.get_docstring(node) or "").endswith((".", "?"))
    ]
    assert silent == []
