"""The layers of an environment: which files there are, in which order, and what becomes of their values."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from vmgen.merge.layers import Layered, load_layers
from vmgen.read.layer_file import LayerLoader
from vmgen.read.located import to_plain


@pytest.fixture
def layers(repository: Callable) -> Callable[..., Layered]:
    """The merged layers of `environments/production.yaml`, from files by their names below environments/."""

    def merged(files: dict[str, str]) -> Layered:
        made = repository(files={f"environments/{name}": text for name, text in files.items()})
        return load_layers("production", LayerLoader(made.project))

    return merged


def test_order_of_layers(layers: Callable[..., Layered]) -> None:
    """`_defaults.yaml` first, then what a file extends, in order, each after its own layers and once; the file last."""
    found = layers(
        {
            "_defaults.yaml": "vars: {a: 0, b: 0, c: 0, d: 0}",
            "base/one.yaml": "extends: [common.yaml]\nvars: {b: 2}",
            "base/two.yaml": "extends: [common.yaml, one.yaml]\nvars: {c: 3, b: 3}",
            "base/common.yaml": "vars: {a: 1, b: 1, c: 1}",
            "production.yaml": "extends: [base/one.yaml, base/two.yaml]\nvars: {c: 4}",
        }
    )
    assert [layer.path.name for layer in found.files] == [
        "_defaults.yaml",
        "common.yaml",
        "one.yaml",
        "two.yaml",
        "production.yaml",
    ]
    assert to_plain(found.content) == {"vars": {"a": 1, "b": 3, "c": 4, "d": 0}}
    assert not found.problems


def test_a_value_remembers_its_file(layers: Callable[..., Layered]) -> None:
    """A merged value has the place of the layer that wrote it."""
    found = layers({"_defaults.yaml": "namespace: tenant-a\nvars:\n  a: 1\n", "production.yaml": "vars:\n  b: 2\n"})
    variables = found.content.data["vars"].data
    assert str(found.content.data["namespace"].place) == "environments/_defaults.yaml:1:12"
    assert (str(variables["a"].place), str(variables["b"].place)) == (
        "environments/_defaults.yaml:3:6",
        "environments/production.yaml:2:6",
    )


BROKEN = {
    "extends: [nope.yaml]": ("missing-layer", "no file nope.yaml beside environments/production.yaml; correct the path"),
    "extends: [base]": ("missing-layer", "no file base beside environments/production.yaml"),
    "extends: [production.yaml]": ("extends-cycle", "production.yaml extends this file in turn; remove one of the two"),
    "extends: [../../../etc/hostname]": ("missing-layer", "is outside of the repository; copy it into the repository"),
    "extends: [/etc/hostname]": ("missing-layer", "is outside of the repository; copy it into the repository"),
    "extends: [link.yaml]": ("missing-layer", "is outside of the repository; copy it into the repository"),
    "extends: [loop.yaml]": ("missing-layer", "no file loop.yaml beside"),
    f"extends: [{'x' * 300}]": ("missing-layer", f"no file {'x' * 300} beside environments/production.yaml"),
}


@pytest.mark.parametrize("text", BROKEN, ids=lambda text: text[:40])
def test_layers_that_cannot_be_had(repository: Callable, text: str) -> None:
    """A layer that is missing, in a circle or not ours is a problem where it is named."""
    made = repository(text, {"environments/base/x": ""})
    os.symlink("/etc/hostname", made.root / "environments/link.yaml")
    os.symlink("loop.yaml", made.root / "environments/loop.yaml")
    [problem] = load_layers("production", LayerLoader(made.project)).problems
    assert (str(problem.place), problem.rule) == ("environments/production.yaml:1:11", BROKEN[text][0])
    assert BROKEN[text][1] in problem.message


def test_a_circle_of_three(layers: Callable[..., Layered]) -> None:
    """A circle is found wherever it closes, and said once."""
    found = layers({"production.yaml": "extends: [a.yaml]", "a.yaml": "extends: [b.yaml]", "b.yaml": "extends: [a.yaml]"})
    [problem] = found.problems
    assert (str(problem.place), problem.rule) == ("environments/b.yaml:1:11", "extends-cycle")


def test_problems_of_all_layers(layers: Callable[..., Layered]) -> None:
    """Mistakes in every layer are found together, each in its file."""
    found = layers({"_defaults.yaml": "a: 1", "base.yaml": "b: 1", "production.yaml": "extends: [base.yaml]\nc: 1"})
    assert sorted(str(problem.place) for problem in found.problems) == [
        "environments/_defaults.yaml:1:1",
        "environments/base.yaml:1:1",
        "environments/production.yaml:2:1",
    ]
