"""The advice of the platform's reference page: warnings until an environment says otherwise, errors in production."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.render import user_data_policies
from vmgen.render.policies import ADVICE_IDS

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@shop"
GOOD = f"instanceType: u1.large, image: ubuntu-2404, sshKeys: ['{KEY}'], disks: {{data: 50Gi}}"
# Each breaks one piece of advice, and no other.
BREACHES = {
    "WholeIP": f"{{{GOOD}, externalMethod: WholeIP}}",
    "no-ssh-key": "{instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}",
    "single-disk-vm": f"{{instanceType: u1.large, image: ubuntu-2404, sshKeys: ['{KEY}']}}",
    "local-storage": f"{{{GOOD.replace('50Gi', '{storage: 50Gi, storageClass: local}')}}}",
    "placeholder-key-in-cloud-init": f"{{{GOOD}, cloudInit: {{ssh_authorized_keys: [ssh-rsa AAAA...]}}}}",
}
Make = Callable[..., Any]


def environment(vm: str, *lines: str) -> str:
    return "\n".join(("namespace: tenant-acme", 'platformVersion: "1"', *lines, "vms:", f"  web: {vm}", ""))


def said(result: Any) -> list[tuple[str, str]]:
    """Severity and rule of each problem, advice included."""
    return [(line.split(": ")[1], line.rsplit("[", 1)[1][:-1]) for line in (*result.problems, *result.advice)]


def test_every_advice_is_tried() -> None:
    """A new piece of advice needs a breach here."""
    assert set(BREACHES) == set(ADVICE_IDS)


@pytest.mark.parametrize("rule", BREACHES)
def test_advice_is_a_warning(repository: Make, rule: str) -> None:
    """Without a word in the environment it is said, and the run passes."""
    result = repository(environment(BREACHES[rule])).run("render")
    assert (result.code, said(result)) == (0, [("warning", rule)]), result.messages


@pytest.mark.parametrize("rule", BREACHES)
@pytest.mark.parametrize("layer", ["environments/production.yaml", "environments/_defaults.yaml"])
def test_production_makes_errors_of_advice(repository: Make, rule: str, layer: str) -> None:
    """`stage: production` refuses the run, in the environment as well as in a layer, and is rendered nowhere."""
    made = repository(environment(BREACHES[rule]))
    made.run("render")
    before = made.files()
    made.write({layer: (made.root / layer).read_text() if (made.root / layer).exists() else ""})
    text = (made.root / layer).read_text()
    made.write({layer: f"stage: production\n{text}"})
    result = made.run("render")
    assert (result.code, said(result)) == (1, [("error", rule)]), result.messages
    made.write({layer: f"stage: production\npolicy: {{{rule}: off}}\n{text}"})
    assert made.run("render").code == 0
    assert made.files() == before


@pytest.mark.parametrize("rule", BREACHES)
@pytest.mark.parametrize("stage", ["stage: staging", "stage: production", "labels: {stage: production}"])
def test_policy_decides(repository: Make, rule: str, stage: str) -> None:
    """`error` hardens, `off` silences and `warning` stays one, whatever the stage is."""
    for severity, code in (("error", 1), ("warning", 0), ("off", 0)):
        result = repository(environment(BREACHES[rule], f"policy: {{{rule}: {severity}}}", stage)).run("render")
        assert (result.code, said(result)) == (code, [] if severity == "off" else [(severity, rule)])


def test_all_advice_in_one_run(repository: Make) -> None:
    """What production refuses comes at once: advice on user data does not wait until the rest is in order."""
    vm = """{instanceType: u1.large, image: ubuntu-2404, storageClass: local, externalMethod: WholeIP,
    cloudInit: {write_files: [{path: /root/.ssh/x, content: "ssh-rsa AAAAB3... me"}]}}"""
    result = repository(environment(vm, "stage: production")).run("render")
    assert {rule for severity, rule in said(result) if severity == "error"} == set(ADVICE_IDS)


def test_stage_is_one_of_a_few_words(repository: Make) -> None:
    """A word that hardens nothing would be believed to."""
    result = repository(environment(f"{{{GOOD}}}", "stage: prod")).run("render")
    assert result.code == 1
    assert "did you mean 'production'?" in result.messages


def test_higher_layer_takes_the_stage_away(repository: Make) -> None:
    """The stage of `_defaults.yaml` is another one, or none, where an environment says so."""
    for line in ("stage: staging", "stage: null"):
        files = {"environments/_defaults.yaml": "stage: production\n"}
        assert repository(environment(BREACHES["no-ssh-key"], line), files).run("render").code == 0


def test_waiver(repository: Make) -> None:
    """One VM is let through for a reason and until a day."""
    waiver = "waivers: [{rule: WholeIP, subject: vms.web, reason: a router, until: 2999-12-31}]"
    result = repository(environment(BREACHES["WholeIP"], "stage: production", waiver)).run("render")
    assert (result.code, said(result)) == (0, [("warning", "WholeIP")])


@pytest.mark.parametrize(
    ("user_data", "has_firewall"),
    [
        ("{packages: [ufw], runcmd: [ufw --force enable]}", True),
        ("{runcmd: [[ufw, --force, enable]]}", True),
        ("{runcmd: [[systemctl, enable, --now, nftables]]}", True),
        ("{runcmd: [systemctl enable --now firewalld]}", True),
        ("{runcmd: ['iptables -P INPUT DROP']}", True),
        ("{runcmd: ['iptables-restore < /etc/rules']}", True),
        ("{runcmd: ['nft -f /etc/nftables.conf']}", True),
        ("{runcmd: ['firewall-cmd --permanent --add-service=ssh']}", True),
        ("{packages: [ufw]}", False),
        ("{runcmd: [ufw disable]}", False),
        ("{runcmd: [systemctl disable --now firewalld]}", False),
        ("{runcmd: [systemctl stop nftables]}", False),
        ("{runcmd: ['iptables -F']}", False),
        ("{packages: [nginx]}", False),
        ('"#cloud-config\\n# ufw enable\\npackages: [nginx]\\n"', False),
        ('"#!/bin/sh\\nufw allow 22\\nufw --force enable\\n"', True),
    ],
)
def test_firewall_in_user_data(repository: Make, user_data: str, has_firewall: bool) -> None:
    """A VM with every port open is let be where its user data turns a firewall on, unless a policy asks for more."""
    vm = f"{{{GOOD}, externalMethod: WholeIP, cloudInit: {user_data}}}"
    result = repository(environment(vm)).run("render")
    assert [rule for _, rule in said(result)] == ([] if has_firewall else ["WholeIP"]), result.messages
    assert said(repository(environment(vm, "policy: {WholeIP: error}")).run("render")) == [("error", "WholeIP")]


@pytest.mark.parametrize(
    ("user_data", "line"),
    [
        ("\n  users:\n  - name: ops\n    ssh_authorized_keys:\n    - ssh-rsa AAAA...\n", 9),
        ("\n  ssh_authorized_keys: [your-public-key-here]\n", 6),
        ("\n  ssh_authorized_keys: ['<YOUR SSH KEY>']\n", 6),
        (
            "\n  write_files:\n  - path: /root/.ssh/authorized_keys\n    content: |\n      # our\n      ssh-ed25519 AAAAC3\n",
            10,
        ),
        ('\n  runcmd:\n  - echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI... me" >> /root/.ssh/authorized_keys\n', 7),
        ("|\n  #!/bin/sh\n  echo 'ecdsa-sha2-nistp256 AAAAE2Vj[...] a@b' > k\n", 7),
        ("|\n  #cloud-config\n  ssh_authorized_keys:\n    - ssh-rsa AAAA...\n", 8),
        ("\n  write_files:\n  - {path: /k, encoding: b64, content: c3NoLXJzYSBBQUFBLi4uIG1lQGhvc3QgYW5kIG1vcmUK}\n", 7),
    ],
)
def test_placeholder_key_in_user_data(repository: Make, user_data: str, line: int) -> None:
    """A key of an example is found in lists, files, commands and encoded content, once and at its line."""
    indented = user_data.replace("\n  ", "\n      ")
    group = f"sshKeys: ['{KEY}']\n    cloudInit: {indented}    instanceType: u1.large\n    image: ubuntu-2404\n"
    result = repository(f"namespace: tenant-acme\nvms:\n  web:\n    {group}    disks: {{data: 1Gi}}\n").run("render")
    places = [problem.split(":")[1] for problem in result.advice if "[placeholder-key" in problem]
    assert places == [str(line)], result.messages


@pytest.mark.parametrize(
    "user_data",
    [
        f"{{ssh_authorized_keys: ['{KEY}']}}",
        "'#!/bin/sh\n\n  echo \"ssh-ed25519 $KEY\" >> k'",
        "{runcmd: [ssh-keyscan -t ssh-ed25519 github.com]}",
        "{write_files: [{path: /etc/ssh/sshd_config.d/a.conf, content: 'HostKeyAlgorithms ssh-rsa ssh-dss'}]}",
        "{runcmd: ['# ssh-rsa AAAA... goes here', 'true']}",
    ],
)
def test_other_words_are_no_placeholder(repository: Make, user_data: str) -> None:
    """A real key, a variable and the name of an algorithm are none."""
    result = repository(environment(f"{{{GOOD}, cloudInit: {user_data}}}")).run("render")
    assert (result.code, said(result)) == (0, []), result.messages


@given(st.from_regex(user_data_policies._LOGIN_PATTERN))
def test_each_way_to_log_in_has_one_of_two_words(text: str) -> None:
    """A text without `ssh` and `passw` is not searched for ways to log in, since it has none."""
    assert "ssh" in text or "passw" in text
