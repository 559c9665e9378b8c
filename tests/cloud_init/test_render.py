"""The user data of VMs, by each form of `cloudInit`; its seed, and the annotation that keeps Flux away from it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import yaml

from vmgen.cloud_init.vm_values import is_substituted
from vmgen.renderer import Renderer

HEAD = """namespace: tenant-acme
vars: {domain: shop.example, port: 80}
defaults: {instanceType: u1.medium, image: ubuntu-2404}
vms:
"""
ENVIRONMENT = "environments/production.yaml"
TEMPLATE_FILE = "templates/cloud-init/web.yaml.j2"
FRAGMENT_FILE = "environments/cloud/a.yaml"
FROM_TEMPLATE = "  web: {cloudInit: {template: web.yaml.j2}}\n"
TWO_FROM_TEMPLATE = FROM_TEMPLATE.replace("{cloudInit", "{count: 2, cloudInitSeed: auto, cloudInit")
Files = Mapping[str, str]
Manifests = Callable[..., dict[str, Any]]
Texts = Callable[..., dict[str, str]]


@pytest.fixture(name="manifests")
def _manifests(repository: Callable[..., Any]) -> Manifests:
    """Render VM groups, with other files beside them; the manifests of the VMs by name."""

    def render(vms: str, files: Files | None = None, platform: str = "hikube") -> dict[str, Any]:
        made = repository(f"platform: {platform}\n{HEAD}{vms}", files)
        result = made.run("render", "--verify")
        assert result.code == 0, result.messages
        objects = map(yaml.safe_load, made.files("manifests/production/vms").values())
        return {manifest["metadata"]["name"]: manifest for manifest in objects if manifest["kind"] == "VMInstance"}

    return render


@pytest.fixture(name="texts")
def _texts(manifests: Manifests) -> Texts:
    """Render VM groups; the user data of the VMs by name."""
    return lambda vms, files=None: {name: each["spec"]["cloudInit"] for name, each in manifests(vms, files).items()}


def test_text_is_verbatim(texts: Texts) -> None:
    """A text goes out as it was written, comments and blank lines included."""
    text = "#!/bin/sh\n\n# a comment\necho 'x: y'  \n"
    block = "".join(f"      {line}\n" if line else "\n" for line in text.split("\n")[:-1])
    assert texts(f"  web:\n    cloudInit: |\n{block}")["web"] == text


def test_mapping_is_a_cloud_config(texts: Texts) -> None:
    """A mapping gets its header; the order of its keys stays, and its scalars are what cloud-init's parser makes of them."""
    text = texts("  web:\n    cloudInit: {runcmd: [b, a], package_update: yes, fqdn: '012'}\n")["web"]
    assert text == '#cloud-config\nruncmd:\n  - b\n  - a\npackage_update: true\nfqdn: "012"\n'


def test_layers_merge_mappings(texts: Texts) -> None:
    """A group adds to the mapping of the defaults, and null removes from it."""
    vms = "  web: {cloudInit: {packages: [nginx], timezone: null}}\n"
    own = {"environments/_defaults.yaml": "defaults: {cloudInit: {packages: [vim], timezone: Europe/Zurich, locale: de_CH}}\n"}
    assert yaml.safe_load(texts(vms, own)["web"]) == {"packages": ["nginx"], "locale": "de_CH"}


def test_null_below_a_key_is_cloud_inits_own(texts: Texts) -> None:
    """`sudo: null` means something to cloud-init, so it stays."""
    text = texts("  web: {cloudInit: {user: {name: ops, sudo: null}}}\n")["web"]
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


def test_template(texts: Texts) -> None:
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
    rendered = texts(vms, {TEMPLATE_FILE: TEMPLATE})
    assert rendered["web-2"] == (
        "#cloud-config\nfqdn: web-2.web.example\n# web 0 2 tenant-acme production hikube shop\n# web-2-system\n# web-2-data\n"
        'packages: [nginx, "yes"]\nruncmd: ["nginx", "yes"]\npackage_update: true\n'
    )
    assert rendered["web-3"].startswith("#cloud-config\nfqdn: web-3.three.example\n# web 1 3")


def test_template_for_cloud_init_itself(texts: Texts) -> None:
    """A file for cloud-init's own Jinja passes through untouched."""
    text = "## template: jinja\n#cloud-config\nfqdn: {{ ds.meta_data.hostname }}{{ nope | default('') }}\n"
    assert texts(FROM_TEMPLATE, {TEMPLATE_FILE: text})["web"] == text


def test_merge(texts: Texts) -> None:
    """Lists append, mappings merge, scalars replace, null removes; the result is one cloud-config."""
    base = "#cloud-config\npackages: [vim]\ntimezone: UTC\nlocale: C\nntp: {enabled: true, servers: [a.example]}\n"
    more = "{packages: [nginx], timezone: null, locale: de_CH, ntp: {servers: [b.example]}}"
    vms = f"  web: {{cloudInit: {{merge: [cloud/base.yaml, shared.yaml, {more}]}}}}\n"
    files = {"environments/cloud/base.yaml": base, "templates/cloud-init/shared.yaml": "packages: [git]\n"}
    text = texts(vms, files)["web"]
    assert text.startswith("#cloud-config\npackages:\n  - vim\n  - git\n  - nginx\n")
    ntp = {"enabled": True, "servers": ["a.example", "b.example"]}
    assert yaml.safe_load(text) == {"packages": ["vim", "git", "nginx"], "locale": "de_CH", "ntp": ntp}


def test_vms_share_one_text(repository: Callable[..., Any]) -> None:
    """Without a template, the VMs of a group have the very same text, and it is looked at once."""
    vms = "  web: {count: 5, cloudInit: {packages: [nginx]}}\n"
    fleet = Renderer(repository(HEAD + vms).project).render("production").fleet
    assert fleet is not None
    assert len({id(machine.cloud_init) for machine in fleet.machines}) == 1
    assert len(fleet.user_data) == 1


# A value of `cloudInit:`, the text of a fragment, and the one problem: its place and what is said after `error:`.
WRONG = {
    "missing template": (
        "{template: wbe.yaml.j2}",
        "",
        f"{ENVIRONMENT}:5:31",
        "vms.web.cloudInit.template: no template wbe.yaml.j2 in templates/cloud-init/; did you mean 'web.yaml.j2'? "
        "[missing-cloud-init-file]",
    ),
    "template above": (
        "{template: ../hikube/vm-disk.yaml.j2}",
        "",
        f"{ENVIRONMENT}:5:31",
        "vms.web.cloudInit.template: a template belongs to templates/cloud-init/; name it relative to that folder, without "
        "`..` [missing-cloud-init-file]",
    ),
    "beside a template": (
        "{template: web.yaml.j2, packages: [x]}",
        "",
        f"{ENVIRONMENT}:5:44",
        "vms.web.cloudInit.packages: is combined with `template`; put cloud-config keys into a fragment of `merge`, or into "
        "the template [cloud-init-form]",
    ),
    "template of a number": (
        "{template: 3}",
        "",
        f"{ENVIRONMENT}:5:31",
        "vms.web.cloudInit.template: must be the name of a file [cloud-init-form]",
    ),
    "nothing to merge": (
        "{merge: []}",
        "",
        f"{ENVIRONMENT}:5:28",
        "vms.web.cloudInit.merge: must be a list of fragments: names of files, templates, or mappings of cloud-config keys "
        "[cloud-init-form]",
    ),
    "a number to merge": (
        "{merge: [3]}",
        "",
        f"{ENVIRONMENT}:5:29",
        "vms.web.cloudInit.merge[0]: must be the name of a file, a template, or a mapping of cloud-config keys"
        " [cloud-init-form]",
    ),
    "missing fragment": (
        "{merge: [bse]}",
        "",
        f"{ENVIRONMENT}:5:29",
        "vms.web.cloudInit.merge[0]: no fragment bse beside this file or in templates/cloud-init/; create it, or "
        "correct the name [missing-cloud-init-file]",
    ),
    "fragment that is a script": (
        "{merge: [cloud/a.yaml]}",
        "#!/bin/sh\n",
        f"{FRAGMENT_FILE}:1:1",
        "is not a cloud-config, so it cannot be merged; begin it with #cloud-config [cloud-init-merge]",
    ),
    "fragment that is a list": (
        "{merge: [cloud/a.yaml]}",
        "#cloud-config\n- x\n",
        f"{FRAGMENT_FILE}:2:1",
        "a fragment must be a mapping of cloud-config keys [cloud-init-merge]",
    ),
    "fragments of two types": (
        "{merge: [cloud/a.yaml, {ntp: [x]}]}",
        "ntp: {enabled: true}\n",
        f"{ENVIRONMENT}:5:49",
        f"vms.web.cloudInit.ntp: is a list here and a mapping at {FRAGMENT_FILE}:1:6; use the same type in all fragments "
        "[cloud-init-merge]",
    ),
    "key of a fragment": (
        "{merge: [cloud/a.yaml]}",
        "packages: [x]\npakages: [x]\n",
        f"{FRAGMENT_FILE}:2:1",
        "vms.web.cloudInit.pakages: unknown key 'pakages', which cloud-init would ignore; did you mean 'packages'? "
        "[unknown-cloud-config-key]",
    ),
}


@pytest.mark.parametrize(("cloud_init", "fragment", "place", "says"), WRONG.values(), ids=WRONG)
def test_wrong(repository: Callable[..., Any], cloud_init: str, fragment: str, place: str, says: str) -> None:
    """A mistake is one problem, at its place, with its remedy."""
    files = {TEMPLATE_FILE: "#cloud-config\n", FRAGMENT_FILE: fragment, "environments/base/keep": ""}
    made = repository(f"{HEAD}  web: {{cloudInit: {cloud_init}}}\n", files)
    assert made.run("render").problems == [f"{place}: error: {says}"]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("fqdn: {{ vars.nope }}", 2, ": no key 'nope' in vars; available: domain, port [template-error]"),
        ("\npackages: {{ [nope] | tojson }}", 3, ": 'nope' is undefined; there are vm, env and vars [template-error]"),
        (
            "# {{ vm.number }}",
            2,
            ": no key 'number' in vm: the name 'web' does not end in a number; use vm.index, or `vars` of the VM below"
            " `instances:` [template-error]",
        ),
        ("packages: {{ vm.disks }}", 2, ": writes a list; use `| yaml`, `| tojson` or `| join(', ')` [template-error]"),
        (
            "{% if true %}\npackges: [nginx]\n{% endif %}",
            3,
            ".packges: unknown key 'packges', which cloud-init would ignore; did you mean 'packages'? "
            "[unknown-cloud-config-key]",
        ),
    ],
    ids=["undefined", "undefined in a list", "no number", "a list", "a key"],
)
def test_wrong_template(repository: Callable[..., Any], text: str, line: int, says: str) -> None:
    """A mistake in a template is one problem, at the line of the template."""
    made = repository(HEAD + FROM_TEMPLATE, {TEMPLATE_FILE: f"#cloud-config\n{text}\n"})
    assert made.run("render").problems == [f"{TEMPLATE_FILE}:{line}:1: error: vms.web.cloudInit{says}"]


def test_fragment_outside(repository: Callable[..., Any]) -> None:
    """A fragment has to lie in the repository."""
    made = repository(f"{HEAD}  web: {{cloudInit: {{merge: [../../outside.yaml]}}}}\n")
    (made.root.parent / "outside.yaml").write_text("packages: [x]\n")
    (problem,) = made.run("render").problems
    assert "is outside of the repository" in problem


def test_all_in_one_run(repository: Callable[..., Any]) -> None:
    """What is wrong with cloud-init is said beside what is wrong with the rest."""
    problems = repository(f"{HEAD}  web: {{instanceType: u1.larg, cloudInit: {{pakages: [x]}}}}\n").run("render").problems
    assert [line.rpartition(" ")[2] for line in problems] == ["[unknown-instance-type]", "[unknown-cloud-config-key]"]


def test_said_once(repository: Callable[..., Any]) -> None:
    """A mistake in a text that every group inherits is one problem."""
    own = {"environments/_defaults.yaml": "defaults: {cloudInit: {pakages: [x]}}\n"}
    assert len(repository(f"{HEAD}  web: {{count: 3}}\n  db: {{}}\n", own).run("render").problems) == 1


# ---- the seed


@pytest.fixture(name="seeds")
def _seeds(manifests: Manifests) -> Callable[..., list[str]]:
    """Render VM groups; the seeds of the VMs, by name."""
    return lambda vms, files=None: [each["spec"]["cloudInitSeed"] for _, each in sorted(manifests(vms, files).items())]


Seeds = Callable[..., list[str]]


def test_derived(seeds: Seeds) -> None:
    """VMs with one text have one seed: hexadecimal digits that change with the text."""
    first = seeds("  web: {count: 2, cloudInit: {packages: [a]}, cloudInitSeed: auto}\n")
    second = seeds("  web: {count: 2, cloudInit: {packages: [b]}, cloudInitSeed: auto}\n")
    assert len({*first, *second}) == 2
    assert all(re.fullmatch(r"[0-9a-f]{16}", seed) for seed in (*first, *second))


def test_derived_for_each(seeds: Seeds) -> None:
    """With a template each VM has the seed of its own text."""
    assert len(set(seeds(TWO_FROM_TEMPLATE, {TEMPLATE_FILE: "#cloud-config\nfqdn: {{ vm.name }}\n"}))) == 2


def test_written(seeds: Seeds) -> None:
    """Any other seed goes out as it is."""
    vms = "  a: {cloudInit: {packages: [a]}, cloudInitSeed: '2026-11'}\n  b: {cloudInitSeed: ''}\n"
    assert seeds(vms) == ["2026-11", ""]


def test_derived_from_nothing(seeds: Seeds) -> None:
    """No user data has a seed too, so that the first user data changes it."""
    vms = "  a: {cloudInitSeed: auto}\n  b: {cloudInitSeed: auto, cloudInit: {packages: [a]}}\n"
    assert len({*seeds(vms), "auto", ""}) == 4


# ---- the annotation

DISABLED = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}


@pytest.mark.parametrize("platform", ["hikube", "cozystack"])
@pytest.mark.parametrize(
    ("word", "metadata", "annotations"),
    [
        ("${HOME}", "", DISABLED),
        ("$HOME", "", None),
        ("$${HOME} ${db}", "", None),
        ("${HOME}", "    annotations: {a: b}\n", {"a": "b", **DISABLED}),
        ("${db}", "    annotations: {kustomize.toolkit.fluxcd.io/substitute: enabled}\n", dict.fromkeys(DISABLED, "enabled")),
        ("${db}", "    labels: {kustomize.toolkit.fluxcd.io/substitute: enabled}\n", None),
    ],
)
def test_substitution(
    manifests: Manifests, platform: str, word: str, metadata: str, annotations: dict[str, str] | None
) -> None:
    """A variable of a shell keeps Flux away, unless the user said otherwise or escapes it."""
    vms = f"  web:\n{metadata}    cloudInit: |\n      #!/bin/sh\n      echo {word}\n"
    assert manifests(vms, platform=platform)["web"]["metadata"].get("annotations") == annotations


def test_only_where_it_is_needed(manifests: Manifests) -> None:
    """With a template, only the VMs whose text has a variable are annotated."""
    template = "#!/bin/sh\n{% if vm.index %}\necho ${HOME}\n{% endif %}\n"
    rendered = manifests(TWO_FROM_TEMPLATE, {TEMPLATE_FILE: template})
    assert [rendered[name]["metadata"].get("annotations") for name in sorted(rendered)] == [None, DISABLED]


@pytest.mark.parametrize(
    ("text", "is_one"), [("", False), ("$x", False), ("${x}", True), ("$${x}", False), ("${x} $${y}", False)]
)
def test_is_substituted(text: str, is_one: bool) -> None:
    """Flux replaces `${…}`; who escapes one counts on it."""
    assert is_substituted(text) is is_one


INLINE = """  web:
    count: 2
    cloudInit:
      text: |
        #cloud-config
        fqdn: {{ vm.name }}.{{ vars.domain }}
        final_message: "{{ vm.number }} {{ vm.index }}"
"""


def test_inline_template(texts: Texts) -> None:
    """A `text:` is a template that stands in the environment: rendered for each VM."""
    rendered = texts(INLINE)
    assert rendered["web-2"] == '#cloud-config\nfqdn: web-2.shop.example\nfinal_message: "2 1"\n'


def test_templates_among_fragments(texts: Texts) -> None:
    """Items of `merge` are files, mappings, templates and texts; a later one wins, and lists append."""
    vms = """  web:
    count: 2
    cloudInit:
      merge:
        - cloud/a.yaml
        - {template: web.yaml.j2}
        - {packages: [curl], timezone: Europe/Zurich}
        - text: |
            hostname: {{ vm.name }}
            timezone: "{{ vm.number }}"
"""
    files = {
        FRAGMENT_FILE: "#cloud-config\npackages: [vim]\nhostname: x\n",
        TEMPLATE_FILE: "#cloud-config\npackages: [nginx]\nfqdn: {{ vm.name }}.{{ vars.domain }}\n",
    }
    rendered = texts(vms, files)
    assert yaml.safe_load(rendered["web-2"]) == {
        "packages": ["vim", "nginx", "curl"],
        "hostname": "web-2",
        "fqdn": "web-2.shop.example",
        "timezone": "2",
    }
    assert rendered["web-1"] != rendered["web-2"]


def test_numbers_of_names(texts: Texts) -> None:
    """`vm.number` is the number at the end of a name, whatever gave the name; `vm.index` counts from 0."""
    vms = """  node:
    names: [k8s-node-171, k8s-node-172, node01, ubuntu-0]
    cloudInit: {text: "#!/bin/sh\\necho {{ vm.number }} {{ vm.index }}\\n"}
  web-01: {cloudInit: {text: "#!/bin/sh\\necho {{ vm.number }} {{ vm.index }}\\n"}}
"""
    numbers = {name: text.split("echo ")[1].strip() for name, text in texts(vms).items()}
    assert numbers == {"k8s-node-171": "171 0", "k8s-node-172": "172 1", "node01": "1 2", "ubuntu-0": "0 3", "web-01": "1 0"}


UNDEFINED = {
    "vm.number": "no key 'number' in vm: the name 'web' of this VM does not end in a number".replace(" of this VM", ""),
    "vm.nmae": "no key 'nmae' in vm; did you mean 'name'?; available: name, index, group, disks, namespace",
    "vars.domian": "no key 'domian' in vars; did you mean 'domain'?; available: domain, port",
    "env.nope": "no key 'nope' in env; available: name, namespace, platform, labels",
    "domain": "'domain' is undefined; did you mean vars.domain?",
    "name": "'name' is undefined; did you mean env.name?",
    "nothing": "'nothing' is undefined; there are vm, env and vars",
}


@pytest.mark.parametrize(("name", "says"), UNDEFINED.items(), ids=UNDEFINED)
def test_undefined_names(repository: Callable[..., Any], name: str, says: str) -> None:
    """A name that a template is not given is told with what there is, at its line of the environment."""
    vms = f"  web:\n    cloudInit:\n      text: |\n        #cloud-config\n        fqdn: {{{{ {name} }}}}\n"
    (problem,) = repository(f"{HEAD}{vms}").run("render").problems
    assert problem.startswith(f"{ENVIRONMENT}:9:9: error: vms.web.cloudInit: {says}")


FAULTS = [
    ("{text: ''}", f"{ENVIRONMENT}:5:27", "must be a text; write `text: |`"),
    ("{text: [a]}", f"{ENVIRONMENT}:5:27", "must be a text; write `text: |`"),
    ("{text: a, packages: [b]}", f"{ENVIRONMENT}:5:30", "is combined with `text`"),
    ("{template: web.yaml.j2, vars: {a: 1}}", f"{ENVIRONMENT}:5:44", "is no part of a template; move `vars:` to the group"),
    ("{text: a, vars: {a: 1}}", f"{ENVIRONMENT}:5:30", "is no part of a template; move `vars:` to the group"),
    # An environment is no fragment, however alike its name is.
    ("{merge: [prodution.yaml]}", f"{ENVIRONMENT}:5:29", "in templates/cloud-init/; create it, or correct the name"),
    (
        "{template: web.yaml.j2, merge: [{packages: [a]}]}",
        f"{ENVIRONMENT}:5:21",
        "add templates as items of the list: `merge: [{template: ...}, ...]`",
    ),
    ("{merge: [{template: nope.j2}]}", f"{ENVIRONMENT}:5:40", "no template nope.j2 in templates/cloud-init/"),
    ("{merge: [{template: own.j2}]}", f"{ENVIRONMENT}:5:29", "cloud-init renders a `## template: jinja` itself"),
    ("{merge: [{template: list.j2}]}", "templates/cloud-init/list.j2:1:1", "a fragment must be a mapping"),
    ("{merge: [{template: script.j2}]}", "templates/cloud-init/script.j2:1:1", "the template does not render a cloud-config"),
    ("{merge: [{template: wrong.j2}]}", "templates/cloud-init/wrong.j2:2:1", "did you mean 'packages'?"),
    ("{merge: [{packages: [a]}, {text: 'packages: b'}]}", f"{ENVIRONMENT}:5:53", "is a scalar here and a list"),
]


@pytest.mark.parametrize(("cloud_init", "place", "says"), FAULTS)
def test_faults_of_per_vm_forms(repository: Callable[..., Any], cloud_init: str, place: str, says: str) -> None:
    """What is wrong with a template among fragments is said once, where it was written."""
    files = {
        "templates/cloud-init/own.j2": "## template: jinja\n#cloud-config\n",
        "templates/cloud-init/list.j2": "- a\n",
        "templates/cloud-init/script.j2": "#!/bin/sh\n",
        "templates/cloud-init/wrong.j2": "#cloud-config\npakages: [a]\n",
        TEMPLATE_FILE: "#cloud-config\n",
    }
    (problem,) = repository(f"{HEAD}  web: {{cloudInit: {cloud_init}}}\n", files).run("render").problems
    assert problem.startswith(f"{place}: error: ")
    assert says in problem
