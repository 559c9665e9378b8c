"""The forms of `cloudInit`, each by what a VM gets, and by what is said where it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

BASE = "namespace: tenant-acme\nvars: {domain: shop.example, port: 80}\n"
DEFAULTS = "defaults: {instanceType: u1.medium, image: ubuntu-2404}\n"
HEAD = f"{BASE}{DEFAULTS}vms:\n"

Given = Callable[..., Any]


@pytest.fixture(name="given")
def _given(repository: Callable[..., Any]) -> Given:
    """Render VM groups, with other files beside them: the spec of a VM, or the problems as lines."""

    def given(vms: str, vm: str = "", files: Mapping[str, str] | None = None) -> Any:
        made = repository(f"{HEAD}{vms}", files)
        result = made.run("render")
        if not vm:
            return result.problems
        assert result.code == 0, result.messages
        group = vm.rpartition("-")[0] or vm
        return yaml.safe_load(made.text(f"production/vms/{group}/{vm}.yaml"))

    return given


def test_text_is_verbatim(given: Given) -> None:
    """A text goes out as it was written, comments and blank lines included."""
    text = "#!/bin/sh\n\n# a comment\necho 'x: y'  \n"
    block = "".join(f"      {line}\n" if line else "\n" for line in text.split("\n")[:-1])
    assert given(f"  web:\n    cloudInit: |\n{block}", "web")["spec"]["cloudInit"] == text


def test_mapping_is_a_cloud_config(given: Given) -> None:
    """A mapping gets its header; the order of its keys stays, and its scalars are what cloud-init's parser makes of them."""
    text = given("  web:\n    cloudInit: {runcmd: [b, a], package_update: yes, fqdn: '012'}\n", "web")["spec"]["cloudInit"]
    assert text == '#cloud-config\nruncmd:\n  - b\n  - a\npackage_update: true\nfqdn: "012"\n'


def test_layers_merge_mappings(given: Given) -> None:
    """A group adds to the mapping of the defaults, and null removes from it."""
    vms = "  web: {cloudInit: {packages: [nginx], timezone: null}}\n"
    own = {"environments/_defaults.yaml": "defaults: {cloudInit: {packages: [vim], timezone: Europe/Zurich, locale: de_CH}}\n"}
    assert yaml.safe_load(given(vms, "web", own)["spec"]["cloudInit"]) == {"packages": ["nginx"], "locale": "de_CH"}


def test_null_below_a_key_is_cloud_inits_own(given: Given) -> None:
    """`sudo: null` means something to cloud-init, so it stays."""
    text = given("  web: {cloudInit: {user: {name: ops, sudo: null}}}\n", "web")["spec"]["cloudInit"]
    assert yaml.safe_load(text) == {"user": {"name": "ops", "sudo": None}}


TEMPLATE = """#cloud-config
fqdn: {{ vm.name }}.{{ vars.domain }}
# {{ vm.group }} {{ vm.index }} {{ vm.number }} {{ vm.namespace }} {{ env.name }} {{ env.platform }} {{ env.labels.team }}
{% for disk in vm.disks %}
# {{ disk }}
{% endfor %}
packages: {{ vars.packages | yaml }}
runcmd: {{ vars.packages | tojson }}
package_update: {{ vars.update }}
"""


def test_template(given: Given) -> None:
    """A template is rendered for each VM, with the VM, the environment and the variables of all layers."""
    vms = """  web:
    count: 2
    skip: [1]
    disks: {data: 5Gi}
    vars: {packages: [nginx, "yes"], update: true, domain: web.example}
    cloudInit: {template: web.yaml.j2}
    instances: {3: {vars: {domain: three.example}}}
labels: {team: shop}
"""
    files = {"templates/cloud-init/web.yaml.j2": TEMPLATE}
    second = given(vms, "web-2", files)["spec"]["cloudInit"]
    assert second == (
        "#cloud-config\nfqdn: web-2.web.example\n# web 0 2 tenant-acme production hikube shop\n# web-2-system\n# web-2-data\n"
        'packages: [nginx, "yes"]\nruncmd: ["nginx", "yes"]\npackage_update: true\n'
    )
    third = given(vms, "web-3", files)["spec"]["cloudInit"]
    assert third.startswith("#cloud-config\nfqdn: web-3.three.example\n# web 1 3")


def test_template_for_cloud_init_itself(given: Given) -> None:
    """A file for cloud-init's own Jinja passes through untouched."""
    text = "## template: jinja\n#cloud-config\nfqdn: {{ ds.meta_data.hostname }}{{ nope }}\n"
    vms = "  web: {cloudInit: {template: own.yaml}}\n"
    assert given(vms, "web", {"templates/cloud-init/own.yaml": text})["spec"]["cloudInit"] == text


def test_merge(given: Given) -> None:
    """Lists append, mappings merge, scalars replace, null removes; the result is one cloud-config."""
    base = "#cloud-config\npackages: [vim]\ntimezone: UTC\nlocale: C\nntp: {enabled: true, servers: [a.example]}\n"
    more = "{packages: [nginx], timezone: null, locale: de_CH, ntp: {servers: [b.example]}}"
    vms = f"  web: {{cloudInit: {{merge: [cloud/base.yaml, shared.yaml, {more}]}}}}\n"
    files = {"environments/cloud/base.yaml": base, "templates/cloud-init/shared.yaml": "packages: [git]\n"}
    text = given(vms, "web", files)["spec"]["cloudInit"]
    assert text.startswith("#cloud-config\npackages:\n  - vim\n  - git\n  - nginx\n")
    ntp = {"enabled": True, "servers": ["a.example", "b.example"]}
    assert yaml.safe_load(text) == {"packages": ["vim", "git", "nginx"], "locale": "de_CH", "ntp": ntp}


def test_vms_share_one_text(repository: Callable[..., Any]) -> None:
    """Without a template, the VMs of a group have the very same text, and it is looked at once."""
    from vmgen.pipeline import Renderer

    vms = "  web: {count: 5, cloudInit: {packages: [nginx]}}\n"
    fleet = Renderer(repository(HEAD + vms).project).render("production").fleet
    assert fleet is not None
    assert len({id(machine.cloud_init) for machine in fleet.machines}) == 1
    assert len(fleet.user_data) == 1


WRONG: dict[str, tuple[str, dict[str, str], str]] = {
    "missing template": (
        "  web: {cloudInit: {template: wbe.yaml.j2}}\n",
        {"templates/cloud-init/web.yaml.j2": "#cloud-config\n"},
        "environments/production.yaml:5:31: error: vms.web.cloudInit.template: no template wbe.yaml.j2 in "
        "templates/cloud-init/; did you mean 'web.yaml.j2'? [missing-cloud-init-file]",
    ),
    "template above": (
        "  web: {cloudInit: {template: ../hikube/vm-disk.yaml.j2}}\n",
        {},
        "environments/production.yaml:5:31: error: vms.web.cloudInit.template: a template lies under templates/cloud-init/; "
        "name it without `..`, and from there [missing-cloud-init-file]",
    ),
    "beside a template": (
        "  web: {cloudInit: {template: web.yaml.j2, packages: [x]}}\n",
        {"templates/cloud-init/web.yaml.j2": "#cloud-config\n"},
        "environments/production.yaml:5:44: error: vms.web.cloudInit.packages: stands beside `template`; put cloud-config keys "
        "into a fragment of `merge`, or into the template [cloud-init-form]",
    ),
    "template of a number": (
        "  web: {cloudInit: {template: 3}}\n",
        {},
        "environments/production.yaml:5:31: error: vms.web.cloudInit.template: must be the name of a file [cloud-init-form]",
    ),
    "nothing to merge": (
        "  web: {cloudInit: {merge: []}}\n",
        {},
        "environments/production.yaml:5:28: error: vms.web.cloudInit.merge: must be a list of fragments: names of files, or "
        "mappings of cloud-config keys [cloud-init-form]",
    ),
    "a number to merge": (
        "  web: {cloudInit: {merge: [3]}}\n",
        {},
        "environments/production.yaml:5:29: error: vms.web.cloudInit.merge[0]: must be the name of a file, or a mapping of "
        "cloud-config keys [cloud-init-form]",
    ),
    "missing fragment": (
        "  web: {cloudInit: {merge: [bse.yaml]}}\n",
        {"environments/base.yaml/keep": ""},
        "environments/production.yaml:5:29: error: vms.web.cloudInit.merge[0]: no fragment bse.yaml beside this file or in "
        "templates/cloud-init/; write it there, or correct the name [missing-cloud-init-file]",
    ),
    "fragment that is a script": (
        "  web: {cloudInit: {merge: [cloud/run.sh]}}\n",
        {"environments/cloud/run.sh": "#!/bin/sh\n"},
        "environments/cloud/run.sh:1:1: error: is no cloud-config, so it cannot be merged; begin it with #cloud-config "
        "[cloud-init-merge]",
    ),
    "fragment that is a list": (
        "  web: {cloudInit: {merge: [cloud/a.yaml]}}\n",
        {"environments/cloud/a.yaml": "#cloud-config\n- x\n"},
        "environments/cloud/a.yaml:2:1: error: a fragment must be a mapping of cloud-config keys [cloud-init-merge]",
    ),
    "fragments of two types": (
        "  web: {cloudInit: {merge: [cloud/a.yaml, {ntp: [x]}]}}\n",
        {"environments/cloud/a.yaml": "ntp: {enabled: true}\n"},
        "environments/production.yaml:5:49: error: vms.web.cloudInit.ntp: is a list here and a mapping at "
        "environments/cloud/a.yaml:1:6; give it the same type in all fragments [cloud-init-merge]",
    ),
    "key of a fragment": (
        "  web: {cloudInit: {merge: [cloud/a.yaml]}}\n",
        {"environments/cloud/a.yaml": "packages: [x]\npakages: [x]\n"},
        "environments/cloud/a.yaml:2:1: error: vms.web.cloudInit.pakages: unknown key 'pakages', which cloud-init would "
        "ignore; did you mean 'packages'? [unknown-cloud-config-key]",
    ),
    "undefined in a template": (
        "  web: {cloudInit: {template: web.yaml.j2}}\n",
        {"templates/cloud-init/web.yaml.j2": "#cloud-config\nfqdn: {{ vars.nope }}\n"},
        "templates/cloud-init/web.yaml.j2:2:1: error: vms.web.cloudInit: there is no key 'nope' [template-error]",
    ),
    "undefined in a list": (
        "  web: {cloudInit: {template: web.yaml.j2}}\n",
        {"templates/cloud-init/web.yaml.j2": "#cloud-config\n\npackages: {{ [nope] | tojson }}\n"},
        "templates/cloud-init/web.yaml.j2:3:1: error: vms.web.cloudInit: 'nope' is undefined [template-error]",
    ),
    "no number": (
        "  web: {cloudInit: {template: web.yaml.j2}}\n",
        {"templates/cloud-init/web.yaml.j2": "#cloud-config\n# {{ vm.number }}\n"},
        "templates/cloud-init/web.yaml.j2:2:1: error: vms.web.cloudInit: there is no key 'number' [template-error]",
    ),
    "a list in a template": (
        "  web: {cloudInit: {template: web.yaml.j2}}\n",
        {"templates/cloud-init/web.yaml.j2": "#cloud-config\npackages: {{ vm.disks }}\n"},
        "templates/cloud-init/web.yaml.j2:2:1: error: vms.web.cloudInit: writes a list; use `| yaml`, `| tojson` or "
        "`| join(', ')` [template-error]",
    ),
    "key of a template": (
        "  web: {count: 3, cloudInit: {template: web.yaml.j2}}\n",
        {"templates/cloud-init/web.yaml.j2": "#cloud-config\n{% if true %}\npackges: [nginx]\n{% endif %}\n"},
        "templates/cloud-init/web.yaml.j2:3:1: error: vms.web.cloudInit.packges: unknown key 'packges', which cloud-init would "
        "ignore; did you mean 'packages'? [unknown-cloud-config-key]",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong(given: Given, case: str) -> None:
    """A mistake is one problem, at its place, with its remedy."""
    vms, files, said = WRONG[case]
    assert given(vms, files=files) == [said]


def test_fragment_outside(repository: Callable[..., Any]) -> None:
    """A fragment has to lie in the repository."""
    made = repository(f"{HEAD}  web: {{cloudInit: {{merge: [../../outside.yaml]}}}}\n")
    (made.root.parent / "outside.yaml").write_text("packages: [x]\n")
    (said,) = made.run("render").problems
    assert "lies outside of the repository" in said


def test_all_in_one_run(given: Given) -> None:
    """What is wrong with cloud-init is said beside what is wrong with the rest."""
    said = given("  web: {instanceType: u1.larg, cloudInit: {pakages: [x]}}\n")
    assert [line.rpartition(" ")[2] for line in said] == ["[unknown-instance-type]", "[unknown-cloud-config-key]"]


def test_said_once(given: Given) -> None:
    """A mistake in a text that every group inherits is one problem."""
    own = {"environments/_defaults.yaml": "defaults: {cloudInit: {pakages: [x]}}\n"}
    assert len(given("  web: {count: 3}\n  db: {}\n", files=own)) == 1
