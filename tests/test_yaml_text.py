"""Quoting: every text comes back as it was, from every reader of YAML that there is between here and the cluster."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from vmgen.kustomize.engine import Kustomizer
from vmgen.read.manifests import parse_objects
from vmgen.read.yaml_reader import describe_unprintable
from vmgen.yaml_text import RawYaml, finalize, quote, to_block, to_flow, to_scalar

HOSTILE = (
    *"y n Y N yes no Yes NO on off On OFF true false True FALSE null Null NULL".split(),
    *"~ = << .inf -.Inf .nan nan NaN inf Infinity none".split(),
    *"0 1 -1 +1 08 09 014 0o14 0O7 0x1F 0b101 1_000 1e3 123e4 1E-3 1.5e3 24.10".split(),
    *"1. .5 22:22 1:30:00 2026-11-23 20Gi 1Ti 5".split(),
    *"- -- --- ... ? : , [ ] { } # & * ! | > ' \" % @ ` \\ a: :a a#b {{ }} {% %} {# #} ${HOME} $(id) %} }} {{x}}".split(),
    "",
    " ",
    " a",
    "a ",
    "a: b",
    "a #b",
    "- a",
    "? a",
    "! a",
    "--- a",
    "# a",
    "\t",
    "a\tb",
    "\n",
    "a\n",
    "a\n\n",
    "\na",
    " a\nb",
    "a\n  b\n",
    "a\n \nb",
    "a\nb ",
    "a\r\nb",
    "a\rb",
    "a\x07\nb",
    "é",
    "日本",
    "😀",
    "\u00a0",
    "\u200b",
    "\ufffd",
    "a" * 300,
    "a b " * 100,
    "../../x",
    "/etc/passwd",
    "2026-11-23T10:00:00Z",
    "ssh-ed25519 AAAA ops@shop",
    "Prune=confirm,Delete=confirm",
    "#cloud-config\npackages: [a]\n",
    "#!/bin/sh\n\techo x\n",
    "'\"'",
    "\\n",
    '"',
    "\x1b[31m",
    "\x07",
    "\x7f",
    "\x80",
    "\x9f",
    "\x85",
    "\u2028",
    "\u2029",
    "\ufeff",
)
# What a user may write: everything but what the reader refuses.
PRINTABLE = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff")
    | st.sampled_from("\n\t")
)
SCALARS = st.none() | st.booleans() | st.integers(-(2**40), 2**40) | PRINTABLE | st.sampled_from(HOSTILE)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(PRINTABLE | st.sampled_from(HOSTILE), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_texts_on_one_line(value: str) -> None:
    """A hostile text is one scalar on one line, and comes back as it was."""
    quoted = quote(value)
    assert "\n" not in quoted
    assert yaml.safe_load(f"key: {quoted}\n") == {"key": value}


@pytest.mark.parametrize("value", ["web-1", "u1.large", "20Gi", "PortList", "ubuntu", "tenant-acme", "apps.cozystack.io/v1"])
def test_plain_words_stay_bare(value: str) -> None:
    """What no reader takes for anything else needs no quotes."""
    assert quote(value) == value


@pytest.mark.parametrize("value", "y No ON off TRUE null Nan inf 1e3 08 0o14 22:22 24.10 2026-11-23 5 ~ -".split())
def test_words_that_a_reader_mistakes_are_quoted(value: str) -> None:
    """What any reader takes for a boolean, a number or nothing is in double quotes."""
    assert quote(value) == f'"{value}"'


@given(SCALARS)
@example("\U0010ffff")
def test_scalar_round_trip(value: Any) -> None:
    """Every scalar comes back through PyYAML, of its own type."""
    read = yaml.safe_load(f"key: {to_scalar(value)}\n")["key"]
    assert read == value
    assert type(read) is type(value)


@given(VALUES)
def test_flow_round_trip(value: Any) -> None:
    """Every value comes back from flow style, which stays on one line."""
    written = to_flow(value)
    assert "\n" not in written
    assert yaml.safe_load(f"key: {written}\n") == {"key": value}


@given(VALUES, st.sampled_from([2, 4, 6]))
@example("\n\n", 4)
@example({"a": " b\nc\n\n"}, 4)
@example([["a\n"], {"b": "c\n\n"}], 4)
@example("# not a comment\nb", 4)
@example("--- \nb", 2)
@example("a\n\tb\n", 4)
def test_block_round_trip(value: Any, indent: int) -> None:
    """Every value comes back from block style, below its key and before the next one."""
    pad = " " * (indent - 2)
    document = (
        f"top:\n{pad}key:{to_block(value, indent)}\n{pad}next: 1\n" if pad else f"key:{to_block(value, indent)}\nnext: 1\n"
    )
    read = yaml.safe_load(document)
    assert (read["top"] if pad else read) == {"key": value, "next": 1}


@given(VALUES)
def test_manifests_read_back(value: Any) -> None:
    """What is written in block style is what the reader of manifests gives back."""
    assert parse_objects(f"key:{to_block(value, 2)}\n") == [{"key": value}]


def test_literal_blocks_where_they_are_exact() -> None:
    """Text of several lines is a literal block; where a block would not give it back, it is quoted."""
    assert to_block("a\nb\n", 4) == " |\n    a\n    b"
    assert to_block("a\nb", 4) == " |-\n    a\n    b"
    assert to_block("a\n\n", 4) == " |+\n    a\n"
    assert to_block(" a\nb\n", 4) == " |2\n     a\n    b"
    assert to_block("a\r\nb\n", 4) == ' "a\\r\\nb\\n"'
    assert to_block("a\nb \n", 4) == ' "a\\nb \\n"'


def test_empty_values_stay_on_the_line() -> None:
    """Nothing below the key where there is nothing in the value."""
    assert to_block([]) == " []"
    assert to_block({}) == " {}"
    assert to_block("") == ' ""'


def test_finalized() -> None:
    """A value of a template is quoted once: YAML that was made by `block` is left alone."""
    assert finalize("no") == '"no"'
    assert finalize(RawYaml(" []")) == " []"
    assert finalize(True) == "true"
    assert finalize(["a", 1, {"b": None}]) == "[a, 1, {b: null}]"


@pytest.mark.parametrize("value", [object(), float("nan"), float("inf"), b"x", {1, 2}], ids=lambda value: type(value).__name__)
def test_what_is_no_yaml(value: Any) -> None:
    """A value that YAML has no form for is an error, not its Python name."""
    with pytest.raises(TypeError, match="cannot write a"):
        to_flow(value)


def _objects_of(values: list[str], style: Callable[[str], str]) -> bytes:
    lines = [
        "apiVersion: v1",
        "kind: ConfigMap",
        "metadata:",
        "  name: a",
        "  annotations:",
        *(f"    key{index}:{style(value)}" for index, value in enumerate(values)),
    ]
    return ("\n".join(lines) + "\n").encode()


def _many_texts() -> list[str]:
    """Hostile texts that the reader takes, alone and with each other.

    Left out: a text that begins with a tab and ends in an empty line. The engine cannot read back what it writes of it.
    """
    pieces = [value for value in HOSTILE if len(value) < 8]
    pairs = (f"{one}{other}" for one in pieces for other in pieces[:: max(1, len(one) * 5)])
    texts = [*HOSTILE, *pairs]
    return [
        value for value in texts if not describe_unprintable(value) and not (value.startswith("\t") and value.endswith("\n\n"))
    ]


STYLES: dict[str, Callable[[str], str]] = {"line": lambda value: f" {quote(value)}", "block": lambda value: to_block(value, 6)}


@pytest.mark.parametrize("style", STYLES)
def test_kustomize_reads_what_was_written(tmp_path: Path, engine: list[str], style: str) -> None:
    """The kustomize engine gives back every text: as an annotation and as data, quoted or in a block."""
    values = _many_texts()
    (tmp_path / "a.yaml").write_bytes(_objects_of(values, STYLES[style]))
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]\n")
    [built] = parse_objects(Kustomizer().build(tmp_path, "here"))
    wanted = {f"key{index}": value for index, value in enumerate(values)}
    assert built["metadata"]["annotations"] == wanted


@pytest.mark.parametrize("style", STYLES)
def test_kubectl_reads_what_was_written(tmp_path: Path, engine: list[str], style: str) -> None:
    """kubectl, whose reader Argo CD and Flux share, gives back every text."""
    if not engine[0].endswith("kubectl"):
        pytest.skip("the engine is kustomize, and kubectl is not there")
    values = _many_texts()
    (tmp_path / "a.yaml").write_bytes(_objects_of(values, STYLES[style]))
    command = [engine[0], "annotate", "--local", "-f", str(tmp_path / "a.yaml"), "added=yes", "-o", "json"]
    done = subprocess.run(command, capture_output=True, check=True)
    built = json.loads(done.stdout)
    wanted = {f"key{index}": value for index, value in enumerate(values)}
    assert built["metadata"]["annotations"] == {**wanted, "added": "yes"}
