"""User data with names filled in has the bytes, and the findings, of user data that is rendered for each VM by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmgen.cloud_init.user_data import UserData
from vmgen.cloud_init.validate import check_text
from vmgen.read.templates import Templates
from vmgen.renderer import Renderer, RenderResult

ENVIRONMENT = """\
namespace: tenant-a
vars: {region: geneva, sizes: [1, 2], on: true, port: 80, empty: '', map: {a: b}}
defaults: {instanceType: u1.large, image: ubuntu-2404, cloudInit: {template: x.j2}, disks: {data: 5Gi}}
vms:
  web: {count: 11, instances: {3: {vars: {region: bern}}, 5: {instanceType: u1.xlarge}, 9: {disks: {more: 1Gi}}}}
  db: {names: [db, db-0, db-07, "no", region, geneva, nginx, x1, a.b-2], attach: [iso], cloudInitSeed: auto}
disks: {iso: {url: "https://x.example/a.iso", optical: true, storage: 2Gi}}
"""
FIELDS = ("name", "number", "index", "group", "namespace", "disks", "disks[0]")
VARIABLES = (*(f"vm.{field}" for field in FIELDS), "vm['name']", "vars.region", "vars.port", "env.name", "vars.on")
OUTPUTS = st.sampled_from(VARIABLES).map("{{{{ {0} }}}}".format) | st.builds(
    "{{{{ {0} {1} }}}}".format,
    st.sampled_from(VARIABLES),
    st.sampled_from(["| upper", "| yaml", "| tojson", "| length", "~ '-x'", "+ 1", "| default(1)", "== 'web-2'", "| string"]),
)
CONDITIONS = st.sampled_from(
    [
        "vm.name == 'web-2'",
        "vm.number",
        "vm.index",
        "vm.disks",
        "vars.on",
        "vm.index > 3",
        "vm.number is defined",
        "vm.get('name')",
    ]
)
WORDS = st.sampled_from(
    ["a", "web-1", "12", " ", "-", ".", "/", "'", '"', ": ", "\n", "\n  - ", "#", "0", "x: ", "\ue000", "é", "AKIA"]
)
PIECES = st.recursive(
    OUTPUTS | WORDS,
    lambda inner: (
        st.builds("{{% if {0} %}}{1}{{% else %}}{2}{{% endif %}}".format, CONDITIONS, inner, inner)
        | st.builds("{{% for d in vm.disks %}}{0}{{{{ d }}}}{{% endfor %}}".format, inner)
        | st.builds("{{% for d in vars.sizes %}}{0}{{{{ loop.index }}}}{{{{ d }}}}{{% endfor %}}".format, inner)
        | st.builds("{{% set y = {0} %}}{1}{{{{ y }}}}".format, st.sampled_from(VARIABLES), inner)
        | st.builds("{{% set y %}}{0}{{% endset %}}{{% if y == 'web-2' %}}{{{{ y }}}}{{% endif %}}".format, inner)
        | st.builds("{{% macro m(x) %}}{{{{ x }}}}{0}{{% endmacro %}}{{{{ m(vm.name) }}}}".format, WORDS)
        | st.builds("{{% for vm in [vm] %}}{0}{{% endfor %}}".format, inner)
    ),
    max_leaves=6,
)
RANDOM = st.lists(PIECES, min_size=1, max_size=8).map("".join)


def render(made: Any, *, verify_all: bool) -> RenderResult:
    """Render the environment in one of the two ways."""
    return Renderer(made.project, verify_all=verify_all).render("production")


def compare(made: Any) -> int:
    """Compare both ways, to the bytes and the messages; return how many files there are."""
    fast, plain = (render(made, verify_all=by_itself) for by_itself in (False, True))
    assert fast.files == plain.files
    assert fast.problems == plain.problems
    return len(plain.files)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(template=RANDOM)
def test_random_templates(repository: Callable, template: str) -> None:
    """Whatever a template does, both ways give the same bytes and the same problems."""
    compare(repository(ENVIRONMENT, {"templates/cloud-init/x.j2": f"#cloud-config\nx: |\n  a\n{template}\n"}))


SAMPLES = {
    "name": "#cloud-config\nhostname: {{ vm.name }}\n",
    "name within a word": "#cloud-config\nhostname: a{{ vm.name }}b\nfqdn: {{ vm.name }}.example.com\n",
    "number and index": "#cloud-config\nruncmd:\n  - echo {{ vm.number | default(3) }} of {{ vm.index }} {{ vm.group }}\n",
    "disks": "#cloud-config\nruncmd:\n{% for disk in vm.disks %}\n  - echo {{ disk }}\n{% endfor %}\n",
    "one line": "#!/bin/sh {{ vm.name }}",
    "blanks at the end": "#!/bin/sh\necho {{ vm.name }} ",
    "only a name": "{{ vm.name }}",
}


@pytest.mark.parametrize("template", SAMPLES.values(), ids=SAMPLES)
def test_samples(repository: Callable, template: str) -> None:
    """Forms of user data that manifests write in other ways have the same bytes both ways."""
    assert compare(repository(ENVIRONMENT, {"templates/cloud-init/x.j2": template})) >= 0


def count_renders(made: Any, monkeypatch: pytest.MonkeyPatch, *, verify_all: bool = False) -> Mapping[str, int]:
    """Render the environment; return how often each template was rendered."""
    counts: dict[str, int] = {}
    original = Templates.render

    def count(self: Templates, name: str, values: Mapping[str, Any]) -> str:
        counts[name] = counts.get(name, 0) + 1
        return original(self, name, values)

    monkeypatch.setattr(Templates, "render", count)
    assert render(made, verify_all=verify_all).files
    return counts


PLAIN = """\
namespace: tenant-a
vms: {web: {count: 40, instanceType: u1.large, image: ubuntu-2404, cloudInit: {template: x.j2}}}
"""


def test_a_shape_is_rendered_once(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many VMs a group has, its template runs for the first one and once without names."""
    made = repository(PLAIN, {"templates/cloud-init/x.j2": SAMPLES["name"]})
    counts = count_renders(made, monkeypatch)
    assert (counts["cloud-init/x.j2"], counts["hikube/vm-instance.yaml.j2"]) == (2, 2)


def test_a_template_that_decides_is_rendered_for_each(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that looks at the VM runs for each, and the manifests still share theirs."""
    template = "#cloud-config\nhostname: {{ vm.name | upper }}\n"
    counts = count_renders(repository(PLAIN, {"templates/cloud-init/x.j2": template}), monkeypatch)
    assert (counts["cloud-init/x.j2"], counts["hikube/vm-instance.yaml.j2"]) == (40, 2)


def test_verify_renders_each(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """With `verify_all` every text and every manifest is rendered by itself."""
    made = repository(PLAIN, {"templates/cloud-init/x.j2": SAMPLES["name"]})
    counts = count_renders(made, monkeypatch, verify_all=True)
    assert (counts["cloud-init/x.j2"], counts["hikube/vm-instance.yaml.j2"]) == (41, 41)


def test_a_shape_is_checked_once(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 40 texts those with names and numbers of one and of two digits are looked at."""
    checked: list[str] = []
    monkeypatch.setattr("vmgen.cloud_init.validate.check_text", lambda text, **_: checked.append(text) or ())
    made = repository(PLAIN, {"templates/cloud-init/x.j2": SAMPLES["number and index"].replace(" | default(3)", "")})
    for by_itself in (False, True):
        checked.clear()
        render(made, verify_all=by_itself)
        assert 1 < len(checked) < 6


NUMBERS = st.sampled_from(
    ["mtu: {0}", "uid: '{0}'", "x: [{0}]", "x: [a, {0}]", "- {0}", "x: 1.{0}", "x: a{0}", "x: {0} b", "x: 0{0}"]
)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(NUMBERS | st.sampled_from(["hostname: {1}", "x: {1}", "- echo {1}"]), min_size=1, max_size=4), st.integers(1, 30)
)
def test_texts_of_one_key_have_the_same_findings(lines: list[str], number: int) -> None:
    """The findings of a text are those of any other with its key."""
    texts = ["#cloud-config\n" + "\n".join(lines).format(n, f"web-{n}") + "\n" for n in (number, number + 1, number * 3)]
    names = [f"web-{n}" for n in (number, number + 1, number * 3)]
    found = {}
    for text, name in zip(texts, names, strict=True):
        findings = [(finding.rule.id, finding.message, finding.line) for finding in check_text(text)]
        assert found.setdefault(UserData(text, name=name).check_key, findings) == findings


def test_a_number_that_is_too_large_for_one_vm(repository: Callable) -> None:
    """A number that cloud-init takes from the first VM and refuses from another is found, whichever way is taken."""
    template = (
        "#cloud-config\nswap: {filename: /swap, size: {{ vm.number }}}\npower_state: {mode: halt, delay: '+{{ vm.number }}'}\n"
    )
    assert compare(repository(PLAIN, {"templates/cloud-init/x.j2": template}))
