"""Laws that hold for every environment: rendered or reported, the same each time, whatever the order of its keys."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmgen.kustomize.comparison import compare_build
from vmgen.kustomize.engine import Kustomizer
from vmgen.problems import Problem
from vmgen.read.manifests import parse_objects
from vmgen.renderer import Renderer

CHECKOUT = Path(__file__).resolve().parent.parent
SCHEMA = json.loads((CHECKOUT / "schema/environment.schema.json").read_text())
QUICK = settings(deadline=None, suppress_health_check=list(HealthCheck))

# ---- environments of any shape, by the schema: subsets of the keys, values of right and wrong types

WORDS = st.sampled_from(
    [
        "web",
        "db",
        "data",
        "a-b",
        "x" * 50,
        "tenant-acme",
        "u1.large",
        "ubuntu-2404",
        "ubuntu",
        "replicated",
        "local",
        "20Gi",
        "1Mi",
        "no",
        "",
    ]
)
HOSTILE = st.sampled_from(
    [
        "../../x",
        "{{ x }}",
        "{% y %}",
        "---",
        "a\nb",
        "a: b",
        "\\",
        "é😀",
        "x" * 300,
        "%",
        "@",
        "#cloud-config\n{}\n",
        "#!/bin/sh\n",
        "2026-12-31",
    ]
)
TEXTS = WORDS | HOSTILE | st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
NAMES = st.sampled_from(
    ["web", "db", "data", "iso", "logs", "1", "2", "web-1", "system", "kustomization", "con", "X", "../x", "a" * 60]
)
NUMBERS = st.sampled_from([0, 1, 2, 3, 5, 22, 80, 443, 65535, 65536, -1, 10**30, 1.5])
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | TEXTS, inner, max_size=3),
    max_leaves=5,
)


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema with its reference followed."""
    while "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]]
    return schema


@st.composite
def shaped(draw: st.DrawFn, schema: dict[str, Any], wrong: int, depth: int = 0) -> Any:
    """A value by a schema; one in `wrong` is of any other shape."""
    schema = resolved(schema)
    if wrong and draw(st.integers(0, wrong)) == 0:
        return draw(ANYTHING)
    if schema.get("examples") and draw(st.booleans()):
        return draw(st.sampled_from(schema["examples"]))
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    types = schema.get("type", "object")
    kind = draw(st.sampled_from(types if isinstance(types, list) else [types]))
    return draw(_of_kind(kind, schema, wrong, depth))


def _of_kind(kind: str, schema: dict[str, Any], wrong: int, depth: int) -> st.SearchStrategy[Any]:
    if kind == "object" and depth < 6:
        return _object(schema, wrong, depth)
    if kind == "array":
        return st.lists(shaped(schema.get("items", {}), wrong, depth + 1), max_size=3)
    plain: dict[str, st.SearchStrategy[Any]] = {
        "boolean": st.booleans(),
        "integer": st.integers(0, 4) | st.sampled_from([22, 80, 65535]),
        "number": NUMBERS,
        "string": TEXTS,
        "null": st.none(),
    }
    return plain.get(kind, st.just({}))


@st.composite
def _object(draw: st.DrawFn, schema: dict[str, Any], wrong: int, depth: int) -> dict[str, Any]:
    properties = schema.get("properties", {})
    keys = draw(st.lists(st.sampled_from(sorted(properties)), max_size=7, unique=True)) if properties else []
    found = {key: draw(shaped(properties[key], wrong, depth + 1)) for key in keys}
    more = schema.get("additionalProperties", {} if not properties else False)
    if isinstance(more, dict):
        for name in draw(st.lists(NAMES, max_size=3, unique=True)):
            found[name] = draw(shaped(more, wrong, depth + 1) if more else ANYTHING)
    return found


def dumped(value: Any) -> str:
    """A value as YAML, its keys in the order in which it has them."""
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=10**6)


@pytest.fixture(scope="module")
def rendered(new_repository: Callable) -> Callable[..., tuple[tuple[Problem, ...], dict[str, bytes]]]:
    """Renders a text as the environment `production`: the problems, and the files."""
    made = new_repository({"environments/keys/ops.pub": "ssh-ed25519 AAAA ops@shop\n"})

    def run(text: str, *, verify_all: bool = False) -> tuple[tuple[Problem, ...], dict[str, bytes]]:
        made.write({"environments/production.yaml": text})
        done = Renderer(made.project, verify_all=verify_all).render("production")
        return done.problems, dict(done.files)

    return run


@pytest.mark.parametrize("wrong", [0, 12])
def test_any_environment_renders_or_reports(rendered: Callable, wrong: int) -> None:
    """Any subset of the keys, of right or wrong types, gives files or problems with a place, never a traceback."""

    @settings(QUICK, max_examples=80)
    @given(shaped(SCHEMA, wrong))
    def law(environment: Any) -> None:
        problems, files = rendered(dumped(environment))
        assert all(problem.place.file for problem in problems)
        if any(problem.severity == "error" for problem in problems):
            assert not files or all(problem.rule.startswith("template") for problem in problems if problem.severity == "error")

    law()


@QUICK
@given(
    st.lists(st.sampled_from([*"vms: {web}\n-[]#&*!|>'\"%@`\t0123,.~", "count: ", "vms:\n", "  "]), max_size=40).map("".join)
)
def test_any_text_renders_or_reports(rendered: Callable, text: str) -> None:
    """Scraps of YAML give files or problems, never a traceback."""
    problems, files = rendered(text)
    assert problems or files


# ---- environments that are in order

PORTS = st.lists(st.integers(1, 65535), min_size=1, max_size=4, unique=True)
DISKS = st.dictionaries(
    st.sampled_from(["data", "logs", "cache", "wal"]),
    st.sampled_from(["1Gi", "50Gi", {"storage": "10Gi", "storageClass": "local"}, {"storage": "5Gi", "protect": False}]),
    max_size=4,
)
CLEAN = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff")
    | st.sampled_from("\n\t"),
    max_size=30,
)
ANNOTATIONS = st.dictionaries(st.sampled_from(["a", "n", "on", "example.com/b"]), CLEAN, max_size=3)
OVERRIDES = st.fixed_dictionaries(
    {},
    optional={
        "running": st.booleans(),
        "disks": DISKS,
        "externalPorts": PORTS,
        "annotations": ANNOTATIONS,
        "cloudInitSeed": CLEAN,
    },
)
GROUPS = st.fixed_dictionaries(
    {"instanceType": st.sampled_from(["u1.large", "m1.large"]), "image": st.sampled_from(["ubuntu-2404", "debian-12"])},
    optional={
        "count": st.integers(1, 12),
        "disks": DISKS,
        "externalPorts": PORTS,
        "running": st.booleans(),
        "annotations": ANNOTATIONS,
        "labels": st.dictionaries(
            st.sampled_from(["tier", "team"]), st.sampled_from(["front", "y", "no", "1e3", "08"]), max_size=2
        ),
        "storage": st.sampled_from(["20Gi", "40Gi"]),
        "vars": st.dictionaries(st.sampled_from("ab"), CLEAN, max_size=2),
        "cloudInit": CLEAN.map(lambda text: f"#!/bin/sh\n{text}"),
        "instances": st.dictionaries(st.just("1"), OVERRIDES, max_size=1),
    },
).map(lambda group: group if "count" in group else {key: value for key, value in group.items() if key != "instances"})
ENVIRONMENTS = st.fixed_dictionaries(
    {
        "namespace": st.just("tenant-acme"),
        "vms": st.dictionaries(st.sampled_from(["web", "db", "api"]), GROUPS, min_size=1, max_size=3),
    },
    optional={"annotations": ANNOTATIONS, "platform": st.sampled_from(["hikube", "cozystack"]), "defaults": OVERRIDES},
)


def quoted(value: Any) -> str:
    """A value as YAML in which every text is quoted: JSON."""
    return json.dumps(value, ensure_ascii=False)


def errors(problems: tuple[Problem, ...]) -> list[Problem]:
    """The problems that are no warnings."""
    return [problem for problem in problems if problem.severity == "error"]


def shuffled(value: Any, chance: random.Random, ordered: tuple[str, ...]) -> Any:
    """The value with the keys of every mapping in another order, but for those below some keys."""
    if not isinstance(value, dict):
        return value
    keys = list(value)
    chance.shuffle(keys)
    return {key: value[key] if key in ordered else shuffled(value[key], chance, ordered) for key in keys}


@settings(QUICK, max_examples=30)
@given(ENVIRONMENTS, st.randoms(use_true_random=False))
def test_order_of_keys_and_repetition_change_nothing(
    rendered: Callable, environment: dict[str, Any], chance: random.Random
) -> None:
    """Rendered twice, thoroughly or fast, and with its keys in any order, an environment gives the same bytes."""
    problems, files = rendered(quoted(environment))
    assert errors(problems) == []
    assert files
    assert rendered(quoted(environment), verify_all=True)[1] == files
    again, other = rendered(quoted(shuffled(environment, chance, ("disks", "cloudInit"))))
    assert other == files
    assert sorted(problem[1:4] for problem in again) == sorted(problem[1:4] for problem in problems)


@settings(QUICK, max_examples=12)
@given(ENVIRONMENTS, st.randoms(use_true_random=False))
def test_order_of_disks_is_boot_order(rendered: Callable, environment: dict[str, Any], chance: random.Random) -> None:
    """Disks in another order change the lists of disks of VMs, system disk first, and nothing else."""
    _, files = rendered(quoted(environment))
    _, other = rendered(quoted(shuffled(environment, chance, ("cloudInit",))))
    assert other.keys() == files.keys()
    for path in files:
        [one], [two] = parse_objects(files[path]), parse_objects(other[path])
        if "/vms/" in path and one.get("kind") == "VMInstance":
            first, second = one["spec"].pop("disks"), two["spec"].pop("disks")
            assert first[0] == second[0]
            assert sorted(map(str, first)) == sorted(map(str, second))
        assert one == two


@settings(QUICK, max_examples=60)
@given(st.dictionaries(st.sampled_from(["a", "on", "example.com/c"]), CLEAN, min_size=1), CLEAN, CLEAN)
def test_every_text_arrives(rendered: Callable, annotations: dict[str, str], script: str, seed: str) -> None:
    """Every printable text is in the object as it was written: as an annotation, a seed, and as user data."""
    web = {"instanceType": "u1.large", "image": "debian-12", "cloudInit": f"#!/bin/sh\n{script}", "cloudInitSeed": seed}
    problems, files = rendered(quoted({"namespace": "tenant-acme", "annotations": annotations, "vms": {"web": web}}))
    assert errors(problems) == []
    [found] = parse_objects(files["production/vms/web/web.yaml"])
    own = {name: value for name, value in found["metadata"]["annotations"].items() if not name.startswith("kustomize.")}
    assert own == annotations
    assert found["spec"]["cloudInit"] == f"#!/bin/sh\n{script}"
    assert found["spec"]["cloudInitSeed"] == seed


def test_the_engine_builds_what_was_rendered(rendered: Callable, engine: list[str], tmp_path: Path) -> None:
    """Many environments in one: the kustomize engine gives back exactly what was rendered."""

    @settings(QUICK, max_examples=8)
    @given(ENVIRONMENTS)
    def law(environment: dict[str, Any]) -> None:
        _, files = rendered(quoted(environment))
        for name, content in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        built = Kustomizer().build(tmp_path / "production", "production")
        assert compare_build("production", "manifests/production", built, files) == []

    law()


def test_twins_differ_in_one_key(repository: Callable) -> None:
    """The same environment renders for either platform by changing the one key: the same objects, disks and names."""
    text = (CHECKOUT / "tests/cases/hikube-twin/environments/lab.yaml").read_text()
    other = (CHECKOUT / "tests/cases/cozystack-twin/environments/lab.yaml").read_text()
    assert [line for line in text.splitlines() if line not in other.splitlines()] == ["platform: hikube"]
    folders = [CHECKOUT / f"tests/cases/{name}-twin/expected" for name in ("hikube", "cozystack")]
    trees = [{path.relative_to(folder).as_posix(): path for path in folder.rglob("*.yaml")} for folder in folders]
    assert trees[0].keys() == trees[1].keys()
    for name in trees[0]:
        [one], [two] = (parse_objects(tree[name].read_bytes()) for tree in trees)
        if one.get("kind") != "VMInstance":
            continue
        assert one["metadata"] == two["metadata"]
        assert one["spec"]["disks"] == [disk["name"] for disk in two["spec"]["disks"]]
        assert two["spec"]["runStrategy"] == ("Always" if one["spec"]["running"] else "Halted")


def test_the_sentence() -> None:
    """Three VMInstances with the ten fields of the reference page and six VMDisks with the four, in the page's order."""
    folder = CHECKOUT / "tests/cases/sentence/expected/production"
    found = [parse_objects(path.read_bytes())[0] for path in sorted(folder.rglob("*.yaml"))]
    machines = [each for each in found if each.get("kind") == "VMInstance"]
    disks = [each for each in found if each.get("kind") == "VMDisk"]
    assert [each["metadata"]["name"] for each in machines] == ["web-1", "web-2", "web-3"]
    for each in machines:
        name = each["metadata"]["name"]
        assert list(each["spec"].items()) == [
            ("external", False),
            ("externalMethod", "PortList"),
            ("externalPorts", []),
            ("running", True),
            ("instanceType", "u1.large"),
            ("instanceProfile", "ubuntu"),
            ("disks", [f"{name}-system", f"{name}-data"]),
            ("sshKeys", []),
            ("cloudInit", ""),
            ("cloudInitSeed", ""),
        ]
    assert len(disks) == 6
    for each in disks:
        system = each["metadata"]["name"].endswith("-system")
        assert list(each["spec"].items()) == [
            ("source", {"image": {"name": "ubuntu-2404"}} if system else {}),
            ("optical", False),
            ("storage", "20Gi" if system else "50Gi"),
            ("storageClass", "replicated"),
        ]
    assert {each["metadata"]["namespace"] for each in machines + disks} == {"tenant-acme"}


def test_twelve_mistakes() -> None:
    """Twelve mistakes in three layered files are twelve problems, in all three files, each with a rule of its own or place."""
    lines = (CHECKOUT / "tests/cases/twelve-mistakes/problems.txt").read_text().splitlines()
    assert len(lines) == 12
    assert len({line.split(": ")[0] for line in lines}) == 12
    assert {line.split(":")[0] for line in lines} == {
        "environments/_defaults.yaml",
        "environments/base/geneva.yaml",
        "environments/production.yaml",
    }
