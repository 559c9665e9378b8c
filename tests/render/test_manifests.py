"""A manifest with names filled in has the bytes of a rendered one, and a template that looks at names is always rendered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.read.templates import Templates
from vmgen.render.manifests import MANIFEST_FILTERS, NAME_VARIABLES
from vmgen.renderer import Renderer
from vmgen.yaml_text import finalize

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
HIKUBE = (TEMPLATES / "hikube/vm-instance.yaml.j2").read_text()

ENVIRONMENTS = {
    "plain": "vms: {web: {count: 4, instanceType: u1.large, image: debian-12, disks: {data: 5Gi}}}",
    "names that need quotes": "vms: {web: {names: ['no', 'yes', 'y', 'null', web], instanceType: u1.large, image: debian-12}}",
    "differences": (
        "vms: {w: {count: 4, instanceType: u1.large, image: debian-12, instances: {2: {running: false}, 3: {disks: {d: 1Gi}}}}}"
    ),
    "user data by template": (
        "vms: {w: {count: 3, instanceType: u1.large, image: rocky-9, cloudInitSeed: auto, cloudInit: {template: host.yaml.j2}}}"
    ),
    "placeholders": ("annotations: {a: \ue000 \ue001}\nvms: {web: {count: 3, instanceType: u1.large, image: debian-12}}"),
    "stand-ins for names": (
        "vms: {web: {count: 3, instanceType: u1.large, image: debian-12, cloudInit: '#!/bin/sh vmgen-stand-in-0'}}"
    ),
    "words of the manifest": "vms: {web: {names: [running, disks, web], instanceType: u1.large, image: debian-12}}",
    "standalone and attached": (
        "disks: {iso: {url: 'https://x.example/a.iso', optical: true, storage: 2Gi}}\n"
        "vms: {web: {count: 2, instanceType: u1.large, image: debian-12, attach: [iso]}}"
    ),
}
HOST = "#cloud-config\nhostname: {{ vm.name }}\n"


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
@pytest.mark.parametrize("environment", ENVIRONMENTS.values(), ids=ENVIRONMENTS.keys())
def test_both_ways_give_the_same_bytes(repository: Callable, platform: str, environment: str) -> None:
    """A manifest with its names filled in is what the template renders for that object."""
    text = f"platform: {platform}\nnamespace: tenant-a\n{environment}\n"
    made = repository(text, {"templates/cloud-init/host.yaml.j2": HOST})
    fast, plain = (Renderer(made.project, verify_all=by_itself).render("production") for by_itself in (False, True))
    assert [problem for problem in plain.problems if problem.severity == "error"] == []
    assert fast.files == plain.files
    assert len(fast.files) > 5


def test_a_template_that_decides_by_name_is_rendered_for_each_vm(repository: Callable) -> None:
    """A VM that a template singles out is singled out, whichever way is taken."""
    own = HIKUBE.replace(
        "  running: {{ running }}\n",
        '{% if name == "web-2" %}\n  running: false\n{% else %}\n  running: {{ running }}\n{% endif %}\n',
    )
    made = repository(f"namespace: tenant-a\n{ENVIRONMENTS['plain']}\n", {"templates/hikube/vm-instance.yaml.j2": own})
    fast, plain = (Renderer(made.project, verify_all=by_itself).render("production") for by_itself in (False, True))
    assert fast.files == plain.files
    assert b"running: false" in fast.files["production/vms/web/web-2.yaml"]
    assert b"running: true" in fast.files["production/vms/web/web-3.yaml"]


@pytest.mark.parametrize(
    ("line", "only_writes"),
    [
        ("a: {{ name }}", True),
        ("a:{{ diskNames | block }}", True),
        ("{% for disk in disks %}\n- {{ disk.name }}\n{% endfor %}", True),
        ("{% if disks %}\na: 1\n{% endif %}", True),
        ("a: {{ other }}", True),
        ("a: {{ name ~ 'x' }}", False),
        ("a: {{ name == 'web-1' }}", False),
        ("a: {{ diskNames[0] }}", False),
        ("{% if name == 'web-1' %}\na: 1\n{% endif %}", False),
        ("{% set x = name %}\na: {{ x }}", False),
        ("{% for disk in disks if disk.bus %}\n- {{ disk.name }}\n{% endfor %}", False),
        ("a: {{ 1 if name else 2 }}", False),
        ("{% for disk in disks %}\n- {{ loop.index }}\n{% endfor %}", True),
        ("{% for a, b in disks %}\n- {{ a }}\n{% endfor %}", False),
        ("{% include 'other.j2' %}", False),
        ("{% set x %}{{ name }}{% endset %}\n{% if x == 'web-2' %}\na: 1\n{% endif %}", False),
        ("{% for disk in disks %}\n{% if loop.previtem == 'web-1' %}\na: 1\n{% endif %}\n{% endfor %}", False),
        ("{% for disk in disks %}\n{% if loop['changed'](disk) %}\na: 1\n{% endif %}\n{% endfor %}", False),
        ("{% for disk in disks %}\n{% if loop.first %}\na: {{ disk.name }}\n{% endif %}\n{% endfor %}", True),
        ("{% for letter in name %}\na: 1\n{% endfor %}", False),
        ("{% for line in cloudInit %}\na: 1\n{% endfor %}", False),
        ("{% if cloudInit %}\na:{{ cloudInit | block }}\n{% endif %}", True),
        ("{% if 'web' in cloudInit %}\na: 1\n{% endif %}", False),
        ("a:{{ cloudInit | block(4) }}", False),
        ("{% set x = other %}\na: {{ x }}\nb: {{ name }}", True),
        ("{% set name = other %}\na: {{ name }}", False),
        ("{% for name in other %}\n- {{ name }}\n{% endfor %}", False),
    ],
)
def test_what_counts_as_only_writing(repository: Callable, line: str, only_writes: bool) -> None:
    """A template that does anything with a name but write it is rendered for each object."""
    made = repository("namespace: tenant-a\n", {"templates/own/x.yaml.j2": f"{line}\n"})
    templates = Templates(made.project, finalize, MANIFEST_FILTERS)
    assert templates.is_name_independent("own/x.yaml.j2", NAME_VARIABLES) is only_writes


@pytest.mark.parametrize("name", ["hikube/vm-disk.yaml.j2", "hikube/vm-instance.yaml.j2", "kustomize/kustomization.yaml.j2"])
def test_a_template_with_a_byte_order_mark(repository: Callable, name: str) -> None:
    """The mark that some editors write is no part of a template; what is no UTF-8 is an error at the template."""
    text = (Path(__file__).resolve().parents[2] / "templates" / name).read_bytes()
    environment = "namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n"
    plain, marked = repository(environment), repository(environment, {f"templates/{name}": b"\xef\xbb\xbf" + text})
    assert (plain.run("render").code, marked.run("render").code) == (0, 0)
    assert marked.files() == plain.files()
    marked.write({f"templates/{name}": b"\xff" + text})
    done = marked.run("render")
    assert done.code == 1
    assert f"templates/{name}: error: is not UTF-8" in done.messages
