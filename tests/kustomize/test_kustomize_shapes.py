"""Objects that differ in their names are read once, and whatever a name could change is read by itself."""

from __future__ import annotations

from itertools import product

import pytest

from vmgen.kustomize import comparison as shapes
from vmgen.kustomize.comparison import EqualityCache
from vmgen.read.manifests import InvalidYamlError, parse_objects

# Ways to write a value with a name in it, and names that YAML takes for something else in one of these places.
PLAIN = (
    *"{0} {0}-data 0{0} 0x{0} 1{0} 1.{0} .{0} -.{0} {0}s {0}ff n{0} 1:{0} {0}.5 2001-12-14{0}21:59:43".split(),
    *("2001-12-14 {0}", "web", "vmgen-hole-of-a-name", "a {0} b", "{0}: "),
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
    known = EqualityCache()
    pairs = 0
    for wanted, built, name in product(VALUES, VALUES, NAMES):
        meant, got = (f"a: {value.format(name)}\n".encode() for value in (wanted, built))
        if known.is_equal(name, meant, got):
            assert _read(meant) == _read(got), (meant, got)
            pairs += wanted != built
    assert pairs > 100


@pytest.mark.parametrize("value", ["{0}", "{0}-data", '"{0}"', "|\n  {0}", "[{0}]"])
def test_a_shape_is_read_once(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """The second object of a shape is known to be as it should be without a look."""
    known = EqualityCache()
    texts = [(name, f"a: {value.format(name)}\n".encode()) for name in ("web-1", "web-2", "db")]
    assert known.is_equal(*texts[0], texts[0][1])
    monkeypatch.setattr(shapes, "parse_objects", None)
    assert all(known.is_equal(name, text, b"" + text) for name, text in texts)


def test_two_documents_are_not_one() -> None:
    """What holds more than the one object of a file, or none, has to be read."""
    for text in (b"a: web\n---\na: web\n", b"# web\n", b"a: ["):
        assert not EqualityCache().is_equal("web", text, text)
