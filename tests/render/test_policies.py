"""Policies: off until they are named, as severe as the environment says, and of the repository's own making.

What is advice, and so on until it is named, is in test_advice.py.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vmgen.render.policies import BUILT_IN_POLICIES

PLAIN = """
namespace: tenant-acme
vms:
  web:
    count: 3
    instanceType: u1.large
    image: ubuntu-2404
    disks:
      data: 50Gi
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@shop"
OWNER = """
id: owner-label
kind: VMDisk
message: "a disk says who owns it; write `labels: {owner: ...}`"
schema:
  properties:
    metadata:
      required: [labels]
      properties:
        labels: {required: [owner]}
"""
Make = Callable[..., Any]


def problems_of(result: Any) -> list[tuple[str, str]]:
    """Severity and rule of each problem line, but for advice that is a warning."""
    return [(line.split(": ")[1], line.rsplit("[", 1)[1][:-1]) for line in result.problems]


def test_plain_sentence_is_silent(repository: Make) -> None:
    """What the README begins with trips no policy that is not advice, since none is on."""
    result = repository(PLAIN).run("render")
    assert (result.code, result.problems) == (0, [])


def test_all_built_in_policies_can_be_turned_on(repository: Make) -> None:
    """Every built-in id is one that `policy:` takes."""
    text = PLAIN + "policy: {" + ", ".join(f"{policy.id}: warning" for policy in BUILT_IN_POLICIES) + "}\n"
    result = repository(text).run("render")
    assert result.code == 0
    assert problems_of(result) == []
    assert [line.rsplit("[", 1)[1] for line in result.advice] == ["platform-version-not-written]", "no-ssh-key]"]


def test_advice_on_a_group_is_printed_once(repository: Make) -> None:
    """Overrides of the instance type do not repeat what the whole group lacks."""
    sizes = "instances: {1: {instanceType: u1.medium}, 3: {instanceType: u1.2xlarge}}"
    text = f"namespace: tenant-acme\nvms:\n  web: {{count: 4, instanceType: u1.large, image: ubuntu-2404, {sizes}}}\n"
    lines = [line for line in repository(text).run("render").advice if "platformVersion" not in line]
    assert [line.split(": ")[0].rpartition(":")[0] for line in lines] == ["environments/production.yaml:3"] * 2
    assert [line.split(": ")[2] for line in lines] == ["vms.web"] * 2
    assert "(VMInstance web-1 and 3 more)" in lines[0]


@pytest.mark.parametrize(("severity", "code"), [("error", 1), ("warning", 0), ("off", 0), ("'off'", 0)])
def test_severity(repository: Make, severity: str, code: int) -> None:
    """An error refuses the run and nothing is written; a warning is said; `off`, bare or in quotes, is silence."""
    made = repository(PLAIN + f"policy: {{no-ssh-key: {severity}}}\n")
    result = made.run("render")
    assert result.code == code
    said = [line for line in (*result.problems, *result.advice) if "[no-ssh-key]" in line]
    assert [line.split(": ")[1] for line in said] == ([] if "off" in severity else [severity])
    assert (made.root / "manifests").exists() is (code == 0)


def test_unknown_policy(repository: Make) -> None:
    """A name that is no policy would enforce nothing: it is an error with the nearest name."""
    result = repository(PLAIN + "policy: {wholeip: error}\n").run("check")
    assert result.code == 1
    assert "policy.wholeip: no policy 'wholeip'; did you mean 'WholeIP'? [unknown-policy]" in result.messages
    assert "environments/production.yaml:10:10:" in result.messages


BROKEN = {
    "not YAML": ("owner-label.yaml", "id: [\n"),
    "a missing key": ("own.yaml", "id: owner-label\nkind: VMDisk\nmessage: x\n"),
    "another suffix": ("owner-label.yml", OWNER),
}


@pytest.mark.parametrize(("name", "text"), BROKEN.values(), ids=BROKEN)
def test_a_policy_with_a_broken_file_is_no_unknown_one(repository: Make, name: str, text: str) -> None:
    """Only the file is reported: the name below `policy:` is right."""
    result = repository(PLAIN + "policy: {owner-label: error}\n", files={f"policies/{name}": text}).run("check")
    assert result.code == 1
    assert f"policies/{name}" in result.messages
    assert "[unknown-policy]" not in result.messages


@pytest.mark.parametrize("value", ["3", "[error]", "1.5"])
def test_a_severity_of_another_type_is_shown_the_words(repository: Make, value: str) -> None:
    """Quotes around a number are no remedy where a word is expected."""
    result = repository(PLAIN + f"policy: {{no-ssh-key: {value}}}\n").run("check")
    assert "policy.no-ssh-key: must be one of error, warning, off, not " in result.messages
    assert "in quotes" not in result.messages


def test_wrong_severity(repository: Make) -> None:
    """Another word than the three is refused at its place."""
    result = repository(PLAIN + "policy: {WholeIP: fatal}\n").run("check")
    assert (result.code, problems_of(result)) == (1, [("error", "invalid-value")])


def test_lower_layer(repository: Make) -> None:
    """A policy of all environments is turned off in one."""
    made = repository(PLAIN + "policy: {no-ssh-key: off}\n", {"environments/_defaults.yaml": "policy: {no-ssh-key: error}\n"})
    assert made.run("render").code == 0


@pytest.mark.parametrize(
    ("more", "trips"),
    [
        ("", True),
        (f"sshKeys: ['{KEY}']", False),
        ("cloudInit: {ssh_import_id: ['gh:ops']}", False),
        ("cloudInit: {packages: [nginx]}", True),
        ("instanceProfile: windows.2k25.virtio, instanceType: u1.xlarge", False),
    ],
)
def test_no_ssh_key(repository: Make, more: str, trips: bool) -> None:
    """A key, user data that lets somebody in, or Windows: then somebody can log in."""
    fields = {"instanceType": "u1.large", "image": "ubuntu-2404"}
    written = ", ".join([*(f"{key}: {value}" for key, value in fields.items() if f"{key}:" not in more), *filter(None, [more])])
    result = repository(f"namespace: tenant-acme\npolicy: {{no-ssh-key: error}}\nvms:\n  web: {{{written}}}\n").run("render")
    assert problems_of(result) == ([("error", "no-ssh-key")] if trips else []), result.messages


@pytest.mark.parametrize(
    ("cloud_init", "trips"),
    [
        ("{packages: [nginx]}", True),
        ("{ssh_pwauth: false}", False),
        ("{ssh_pwauth: no}", False),
        ("{ssh_pwauth: true}", True),
        ('"#cloud-config\\nssh_pwauth: false\\n"', False),
        ("{merge: [base.yaml, {packages: [nginx]}]}", False),
    ],
)
def test_no_cloud_init_hardening(repository: Make, cloud_init: str, trips: bool) -> None:
    """What counts is the text that the VM gets, whichever form of cloud-init it was written in."""
    text = f"""
namespace: tenant-acme
policy: {{no-cloud-init-hardening: error}}
vms:
  web:
    instanceType: u1.large
    image: ubuntu-2404
    externalPorts: [443]
    cloudInit: {cloud_init}
"""
    fragment = {"templates/cloud-init/base.yaml": "#cloud-config\nssh_pwauth: false\n"}
    result = repository(text, fragment).run("render")
    assert problems_of(result) == ([("error", "no-cloud-init-hardening")] if trips else []), result.messages


def test_each_group_is_told(repository: Make) -> None:
    """Two groups that inherit one line are two problems, so that a waiver of one does not hide the other."""
    text = f"""
namespace: tenant-acme
policy: {{open-ssh: error}}
defaults: {{externalPorts: [22], instanceType: u1.large, image: ubuntu-2404, sshKeys: ['{KEY}']}}
waivers:
  - {{rule: open-ssh, subject: vms.bastion, reason: "the one way in", until: 2999-12-31}}
vms:
  bastion: {{}}
  web: {{count: 3, instances: {{2: {{storage: 30Gi}}}}}}
"""
    result = repository(text).run("check")
    errors = [line for line in result.problems if ": error: " in line and "[open-ssh]" in line]
    assert len(errors) == 1
    assert "vms.web.externalPorts[0]" in errors[0]


def test_own_policy(repository: Make) -> None:
    """A file under policies/ looks at rendered objects, and says which ones break it, at the line of the user's."""
    made = repository(PLAIN, {"policies/owner.yaml": OWNER})
    result = made.run("render")
    assert result.code == 1
    assert result.problems == [
        "environments/production.yaml:4:3: error: vms.web.disks.system: a disk says who owns it; "
        "write `labels: {owner: ...}` (VMDisk web-1-system and 2 more) [owner-label]",
        "environments/production.yaml:9:7: error: vms.web.disks.data: a disk says who owns it; "
        "write `labels: {owner: ...}` (VMDisk web-1-data and 2 more) [owner-label]",
    ]
    made.write({"environments/production.yaml": PLAIN + "labels: {owner: shop}\n"})
    assert made.run("render").code == 0


def test_own_policy_names_the_line(repository: Make) -> None:
    """A breach in a field that the user wrote stands at that field."""
    schema = "{properties: {spec: {properties: {instanceType: {enum: [u1.medium]}}}}}"
    policy = f"id: small-only\nkind: VMInstance\nmessage: no large VMs\nschema: {schema}\n"
    result = repository(PLAIN, {"policies/small.yaml": policy}).run("check")
    assert (
        "environments/production.yaml:6:19: error: vms.web.instanceType: no large VMs (VMInstance web-1 and 2 more)"
        in result.messages
    )


def test_own_policy_obeys_the_environment(repository: Make) -> None:
    """The severity of the file is a default: an environment turns it down, off or up."""
    for setting, code in (("warning", 0), ("off", 0), ("error", 1)):
        result = repository(PLAIN + f"policy: {{owner-label: {setting}}}\n", {"policies/owner.yaml": OWNER}).run("render")
        assert result.code == code


def test_own_policy_that_is_off(repository: Make) -> None:
    """A policy may be off until an environment turns it on; a bare `off` is a word there, too."""
    made = repository(PLAIN, {"policies/owner.yaml": f"severity: off{OWNER}"})
    assert made.run("render").code == 0
    made.write({"environments/production.yaml": PLAIN + "policy: {owner-label: error}\n"})
    assert made.run("render").code == 1


@pytest.mark.parametrize(
    ("text", "rule", "says"),
    [
        ("id: a\nkind: VMDisk\nmessage: m\n", "missing-key", "the key 'schema' is missing"),
        ("id: a\nkind: VMDisk\nmessage: m\nschema: {type: strin}\n", "invalid-policy", "schema.type"),
        (
            "id: a\nkind: VMDisk\nmessage: m\nschema: {$ref: 'http://example.com/a.json'}\n",
            "invalid-policy",
            "outside of the schema",
        ),
        (
            "id: a\nkind: VMDisk\nmessage: m\nschema: {$ref: 'file:///etc/hostname'}\n",
            "invalid-policy",
            "outside of the schema",
        ),
        ("id: WholeIP\nkind: VMDisk\nmessage: m\nschema: {}\n", "duplicate-policy", "used already, in vmgen"),
        ("id: a\nkind: VMDisk\nmessage: m\nschema: {}\nrun: rm\n", "unknown-key", "unknown key 'run'"),
        ("id: [\n", "yaml-syntax", ""),
    ],
)
def test_wrong_policy_file(repository: Make, text: str, rule: str, says: str) -> None:
    """A mistake in a policy is a problem at its place in that file; nothing is fetched for a `$ref`."""
    result = repository(PLAIN, {"policies/a.yaml": text}).run("check")
    assert result.code == 1
    assert [found for _, found in problems_of(result)] == [rule], result.messages
    assert result.problems[0].startswith("policies/a.yaml:")
    assert says in result.messages


def test_two_files_of_one_id(repository: Make) -> None:
    """The second of two policies with one id is refused, and names the first."""
    files = {"policies/a.yaml": OWNER, "policies/b.yaml": OWNER}
    result = repository(PLAIN + "labels: {owner: shop}\n", files).run("check")
    assert "policies/b.yaml:2:5: error: id: the id 'owner-label' is used already, at policies/a.yaml:2:5" in result.messages


def test_breach_shows_no_value(repository: Make) -> None:
    """The message of a breach never quotes the object: it may hold a secret."""
    schema = "{properties: {spec: {properties: {cloudInit: {const: ''}}}}}"
    policy = f"id: no-user-data\nkind: VMInstance\nmessage: no user data\nschema: {schema}\n"
    text = PLAIN.replace("    disks:", "    cloudInit: {bootcmd: [[echo, quite-confidential]]}\n    disks:")
    result = repository(text, {"policies/a.yaml": policy}).run("check")
    assert "no user data" in result.messages
    assert "quite-confidential" not in result.messages
