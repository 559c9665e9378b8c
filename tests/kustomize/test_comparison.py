"""What kustomize builds is compared with what was rendered; objects that differ in their names only are read once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import product

import pytest

from vmgen.kustomize.comparison import EqualityCache, compare_build
from vmgen.kustomize.engine import Kustomizer
from vmgen.read.manifests import InvalidYamlError, parse_objects

FLEET = """\
namespace: tenant-acme
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404}
disks:
  iso: {url: "https://example.com/a.iso", optical: true, storage: 1Gi}
"""


def test_what_the_engine_changes_is_found(repository: Callable, engine: list[str]) -> None:
    """An object that is not built, not wanted or not the same is a problem of the environment's folder."""
    made = repository(FLEET)
    made.run("render")
    wanted = {f"production/{name}": text for name, text in made.files("manifests/production").items()}
    folder = made.root / "manifests/production"
    assert compare_build("production", "manifests/production", Kustomizer().build(folder, "production"), wanted) == []
    for name, old, new in (("vms/web/web-1.yaml", "u1.large", "u1.xlarge"), ("disks/iso.yaml", "name: iso", "name: other")):
        path = folder / name
        path.write_text(path.read_text().replace(old, new))
    problems = compare_build("production", "manifests/production", Kustomizer().build(folder, "production"), wanted)
    assert [(str(problem.place), problem.rule) for problem in problems] == [("manifests/production", "kustomize-differs")] * 3
    assert sorted(problem.message for problem in problems) == [
        "VMDisk iso is not built when kustomize builds production; run render",
        "VMDisk other is not wanted when kustomize builds production; run render",
        "VMInstance web-1 differs when kustomize builds production; run render",
    ]


def test_what_is_built_is_no_yaml() -> None:
    """An engine that writes what is no YAML is a problem, not a traceback."""
    [problem] = compare_build("production", "manifests/production", b"a: [", {})
    assert "kustomize builds invalid YAML" in problem.message


def _map(name: str, text: str) -> bytes:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ntext: {text}\n".encode()


STREAMS: dict[str, tuple[str, str, list[str]]] = {
    "the same": ("|\n  a\n", "|\n  a\n", []),
    "the same, otherwise written": ("|\n  a\n", '"a\\n"', []),
    "a last line that ends": ("|-\n  a", "|\n  a", ["one", "two"]),
    "empty lines at the end": ("|+\n  a\n", "|+\n  a\n\n", ["one", "two"]),
    "a line of dashes in a text": ("|\n  a\n  ---\n  b", "|\n  a\n  ---\n  b", []),
    "another line of dashes in a text": ("|\n  a\n  ---\n  b", "|\n  a\n   ---\n  b", ["one", "two"]),
    "the name of the other": ("of one", "of two", ["one", "two"]),
    "a name for the word that it is": ('"one"', "one", []),
}


@pytest.mark.parametrize(("meant", "got", "differing"), STREAMS.values(), ids=STREAMS)
def test_a_stream_is_taken_apart(meant: str, got: str, differing: list[str]) -> None:
    """Whether a document is the first or the last of what was built, it is compared to its last line."""
    wanted = {f"production/vms/{name}.yaml": _map(name, meant) for name in ("one", "two")}
    built = b"---\n".join(_map(name, got) for name in ("two", "one"))
    found = compare_build("production", "manifests/production", built, wanted)
    assert [problem.message.split()[1] for problem in found] == differing


def test_an_object_that_is_built_twice() -> None:
    """The second of two that are built for one is not wanted, even where the first is as it should be."""
    wanted = {"production/vms/one.yaml": _map("one", "a")}
    [problem] = compare_build("production", "manifests/production", _map("one", "a") + b"---\n" + _map("one", "b"), wanted)
    assert problem.message == "ConfigMap one is not wanted when kustomize builds production; run render"


# Ways to write a value with a name in it, and names that YAML takes for something else in one of these places.
PLAIN = (
    *"{0} {0}-data 0{0} 0x{0} 1{0} 1.{0} .{0} -.{0} {0}s {0}ff n{0} 1:{0} {0}.5 2001-12-14{0}21:59:43".split(),
    *("2001-12-14 {0}", "web", "\ue000", "a {0} b", "{0}: "),
)
OTHER = (
    *("'{0}'", '"\\n{0}"', "|\n  {0}", "|-\n  {0}", '"\\x77eb"', "{{{0}: 1}}", "[{0}]", "# {0}"),
    *("&{0} a", "!{0} a", "!!{0} 1", "[&web a, &{0} b, *web]", "[a, b, a]"),
)
VALUES = (*PLAIN, *(f'"{value}"' for value in PLAIN), *OTHER)
NAMES = "web db web-1 a1 x1f e5 e-5 no o y n t z inf nan true null int str".split()


def _read(text: bytes) -> object:
    try:
        return parse_objects(text)
    except InvalidYamlError:
        return text


def test_what_is_equal_is_the_same_when_read() -> None:
    """Of no two texts, whatever the names that came before, equality is said where reading them says otherwise."""
    cache = EqualityCache()
    pairs = 0
    for wanted, built, name in product(VALUES, VALUES, NAMES):
        meant, got = (f"a: {value.format(name)}\n".encode() for value in (wanted, built))
        if cache.is_equal(name, meant, got):
            assert _read(meant) == _read(got), (meant, got)
            pairs += wanted != built
    assert pairs > 100


@pytest.mark.parametrize("value", ["{0}", "{0}-data", '"{0}"', "|\n  {0}", "[{0}]"])
def test_a_shape_is_read_once(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The second object of a shape is known to be as it should be without a look."""
    cache = EqualityCache()
    texts = [(name, f"a: {value.format(name)}\n".encode()) for name in ("web-1", "web-2", "db")]
    assert cache.is_equal(*texts[0], texts[0][1])
    monkeypatch.setattr("vmgen.kustomize.comparison.parse_objects", None)
    assert all(cache.is_equal(name, text, b"" + text) for name, text in texts)


def test_two_documents_are_not_one() -> None:
    """What holds more than the one object of a file, or none, has to be read."""
    for text in (b"a: web\n---\na: web\n", b"# web\n", b"a: ["):
        assert not EqualityCache().is_equal("web", text, text)


# Ways in which two texts may hold lines that look like a literal block under a key.
LINES = ("{0}\n", " {0}\n", "{0}\n\n", "{0}\n  {0}\n", "b: |\n  {0}\n", "# {0}\n", "\n{0}\n", "---\n", "'{0}\n", '"\n')
HEADERS = ("|", "|-", "|+", "|2", "|1-", ">", "", "'", '"')
FRAMES = (
    *("a:\n  b: {0}", "a:\n  b: {0}  c: 1\n", "a:\n  c: |\n    b: {0}"),
    *("a:\n  - b: {0}", "a:\n  b: {0}\n\nc: 1\n", "a:\n  b: {0}# 1\n"),
)


def _write_blocks() -> list[str]:
    """Write each of the lines below each of the keys, in each frame."""
    bodies = [f"{header}\n" + lines.replace("\n", "\n    ").rstrip(" ") for header in HEADERS for lines in LINES]
    bodies = [body.replace("\n", "\n    ", 1) for body in bodies]
    return [frame.format(body) for frame in FRAMES for body in bodies]


def test_equal_blocks_are_the_same_when_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts with the same literal block are equal only if reading them says so, whatever the lines look like."""
    texts = _write_blocks()
    # Each text is in a thousand pairs. Nothing here changes what was read.
    monkeypatch.setattr("vmgen.kustomize.comparison.parse_objects", functools.cache(parse_objects))
    read = functools.cache(_read)
    cache = EqualityCache()
    equal = 0
    for first, second in product(texts, texts):
        meant, got = (text.replace("{0}", "web-17").encode() for text in (first, second))
        if cache.is_equal("web-17", meant, got):
            assert read(meant) == read(got), (meant, got)
            equal += first != second
    assert equal > 5


def test_user_data_of_its_own_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A VM whose user data is like that of no other is of the shape of the others all the same."""
    cache = EqualityCache()
    shape = "spec:\n  cloudInit: |\n    #cloud-config\n    hostname: {0}\n    uid: {1}\n\n    x: 1\n  disks: [{0}-data]\n"
    texts = [(f"web-{number}", shape.format(f"web-{number}", number * 77).encode()) for number in range(1, 9)]
    assert cache.is_equal(*texts[0], texts[0][1])
    monkeypatch.setattr("vmgen.kustomize.comparison.parse_objects", None)
    assert all(cache.is_equal(name, text, b"" + text) for name, text in texts)
