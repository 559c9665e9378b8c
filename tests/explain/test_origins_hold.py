"""The promise of explain and impact: what stands at a named place is what makes the value, and nothing else is reached."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from vmgen.explain.origins import Explanation
from vmgen.problems import Place

SETTINGS = settings(
    max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.reuse, Phase.generate]
)
Spot = tuple[str, tuple[str | int, ...]]
Spots = dict[tuple[Place, ...], set[Spot]]


def spots(explanations: list[Explanation]) -> Spots:
    """For each place that is named as an origin: the objects and fields whose value came from there.

    A key that several layers write counts as one: the name goes only when all of them are edited.
    """
    found: Spots = defaultdict(set)
    for each in explanations:
        for field in each.fields:
            named = (*field.origins, *field.condition_origins)
            for origin in named:
                name = origin.key.rpartition(".")[2] if isinstance(origin.value, str) else ""
                alike = {other.place for other in named if name and (other.value, other.rule) == (name, origin.rule)}
                key = tuple(sorted(alike)) if origin.value == name and origin.place in alike else (origin.place,)
                found[key].add((f"{each.kind}/{each.name}", field.path))
    return found


def value(manifests: Mapping[str, Any], spot: Spot) -> Any:
    """What stands in a field; None where the object or the field is not there."""
    found = manifests.get(spot[0])
    for step in spot[1]:
        try:
            found = found[step]
        except (KeyError, IndexError, TypeError):
            return None
    return found


def objects_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    """The objects that are there before and not the same after."""
    return {name for name in before if after.get(name) != before[name]}


def results(lab: Any, name: str, places: tuple[Place, ...]) -> Iterator[Mapping[str, Any]]:
    """What the environment renders with each other value in some places, where that can be rendered."""
    for _ in lab.edits(places):
        made = lab.manifests(name, places[0].file)
        if made is not None:
            yield made


def assert_holds(lab: Any, name: str, before: Mapping[str, Any], places: tuple[Place, ...], spots_of: Spots) -> None:
    """Some edit at the place changes every field that names it, and no edit changes an object that does not."""
    unchanged = set(spots_of[places])
    named = {name for other, spots_ in spots_of.items() if {*other} & {*places} for name, _ in spots_}
    for after in results(lab, name, places):
        unchanged = {spot for spot in unchanged if value(after, spot) == value(before, spot)}
        others = objects_changed(before, after) - named
        assert not others, f"an edit at {places} changed {others}, which do not name it"
        if not unchanged:
            break
    assert not unchanged, f"no edit at {places} changed {unchanged}"


TEMPLATED = ["    cloudInit:", "      template: app.yaml.j2"]
MERGED = ["    cloudInit:", "      merge:", "        - parts/base.yaml", "        - packages:", "            - nginx"]
VERBATIM = ['    cloudInit: "#cloud-config"']
USER_DATA = """#cloud-config
hostname: {{ vm.name }}
{% if vars.port == 80 %}
runcmd: [open, {{ vars.port }}, {{ env.namespace }}]
{% endif %}
"""


@st.composite
def environments(draw: st.DrawFn) -> dict[str, str]:
    """Files of an environment with its layers, one value a line, over either platform."""
    words = st.sampled_from(["shop", "blue", "seven"])
    maybe = st.booleans()
    base = ["namespace: tenant-base", "labels:", f"  team: {draw(words)}", "vms:", "  web:", "    instanceType: u1.large"]
    base += ["    labels:", f"      tier: {draw(words)}"] * draw(maybe)
    top = [f"platform: {draw(st.sampled_from(['hikube', 'cozystack']))}", "extends:", "  - base/all.yaml"]
    top += ["namespace: tenant-top"] * draw(maybe)
    top += ["defaults:", f"  running: {draw(st.sampled_from(['true', 'false']))}"]
    top += ["  storageClass: replicated"] * draw(maybe)
    top += ["labels:", "  stage: one", f"  team: {draw(words)}"] * draw(maybe)
    top += ["vms:", "  web:", f"    image: {draw(st.sampled_from(['ubuntu-2404', 'debian-12', 'golden-9']))}"]
    top += [f"    count: {draw(st.integers(1, 3))}"] * draw(maybe)
    top += ["    name: shop"] * draw(maybe)
    top += ["    storage: 50Gi"] * draw(maybe)
    top += ["    sshKeys:", "      - file: keys/ops.pub"] * draw(maybe)
    top += ["    externalPorts: [80]"] * draw(maybe)
    top += ["    protect: false"] * draw(maybe)
    top += ["    disks:", "      data: 50Gi", "      logs:", "        storage: 10Gi", "        protect: true"] * draw(maybe)
    top += ["    cloudInit:", "      packages:", "        - curl", "        - nginx"] * draw(maybe)
    top += ["    instances:", "      web-1:", "        instanceType: m1.large"] * draw(maybe)
    top += [
        "  db:",
        "    instanceType: m1.xlarge",
        "    instanceProfile: ubuntu",
        "    storage: 30Gi",
        "    attach:",
        "      - shared-iso",
    ]
    top += ["    cloudInitSeed: first"] * draw(maybe)
    top += ["    externalMethod: WholeIP"] * draw(maybe)
    top += draw(st.sampled_from([[], ["    names:", "      - alpha", "      - beta"]]))
    top += [
        "  app:",
        "    instanceType: u1.large",
        "    clone: golden",
        "    cloudInitSeed: auto",
        "    vars:",
        "      port: 80",
    ]
    top += draw(st.sampled_from([TEMPLATED, MERGED, VERBATIM]))
    top += ["disks:", "  shared-iso:", "    url: https://example.com/a.iso", "    optical: true", "    storage: 2Gi"]
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDl7rH4kqzJc1fXPZ0nq3s2yQmS7o9gTzJ6r5vYkUe1e ops@three"
    return {
        "environments/base/all.yaml": "\n".join(base) + "\n",
        "environments/top.yaml": "\n".join(top) + "\n",
        "templates/cloud-init/app.yaml.j2": USER_DATA,
        "environments/parts/base.yaml": "#cloud-config\npackages:\n  - curl\n",
        "environments/_catalog.yaml": "images: {golden-9: {os: Ours, minStorage: 90Gi, profile: linux}}\n",
        "environments/keys/ops.pub": f"# keys\n{key}\n",
    }


@given(files=environments(), data=st.data())
@SETTINGS
def test_an_edit_at_an_origin_changes_the_fields_that_name_it(lab: Any, files: dict[str, str], data: st.DataObject):
    """Whatever the environment: another value at an origin changes each field that names it, and no other object."""
    made = lab(files)
    before = made.manifests("top")
    named = spots(made.explanations("top"))
    # The platform's default of `optical` decides the bus of each disk too, and a bus that is not written cannot name it.
    drawn = sorted(places for places, fields in named.items() if not {path for _, path in fields} <= {("spec", "optical")})
    for places in data.draw(st.lists(st.sampled_from(drawn), min_size=2, max_size=4, unique=True)):
        assert_holds(made, "top", before, places, named)


@given(files=environments(), data=st.data())
@SETTINGS
def test_a_line_reaches_exactly_what_an_edit_of_it_changes(lab: Any, files: dict[str, str], data: st.DataObject):
    """Whatever the environment: the objects that impact names are those that edits of the line change, and no others."""
    made = lab(files)
    before = made.manifests("top")
    by_line: dict[tuple[str, int], set[tuple[Place, ...]]] = defaultdict(set)
    for places in spots(made.explanations("top")):
        for place in places:
            if place.line and place.file.startswith("environments/"):
                by_line[place.file, place.line].add(places)
    for file, line in data.draw(st.lists(st.sampled_from(sorted(by_line)), min_size=2, max_size=4, unique=True)):
        changed: set[str] = set()
        for places in sorted(by_line[file, line]):
            for after in results(made, "top", places):
                changed |= objects_changed(before, after)
        reached = {f"{each.kind}/{each.name}" for each in made.reached("top", f"{file}:{line}") if each.fields}
        assert changed == reached, f"{file}:{line}"


@pytest.mark.parametrize("name", ["production", "staging", "windows"])
def test_every_origin_of_the_examples_holds(example_lab: Any, name: str):
    """Each leaf of each object of the examples has an origin, and an edit there changes that leaf."""
    explanations = example_lab.explanations(name)
    before = example_lab.manifests(name)
    assert {f"{each.kind}/{each.name}" for each in explanations} == set(before)
    for each in explanations:
        assert all(field.origins or field.template_line.line for field in each.fields)
    named = spots(explanations)
    for places in named:
        assert_holds(example_lab, name, before, places, named)
