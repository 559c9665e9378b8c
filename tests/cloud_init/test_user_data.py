"""Where a mistake in user data is said to be: at the line that somebody wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vmgen.cloud_init.user_data import UserData

HEAD = """namespace: tenant-acme
defaults: {instanceType: u1.medium, image: ubuntu-2404}
vms:
  web:
    cloudInit: """
WORD = "hunter" + "22"
# What stands after `cloudInit:` in line 5, and the place of the one mistake in it.
CASES = {
    "key of a mapping": ("\n      packages: [x]\n      pakages: [x]\n", "7:7"),
    "value of a mapping": ("\n      packages: [x]\n      runcmd: ls\n", "7:15"),
    "item of a list": ("\n      packages:\n        - x\n        - 3\n", "8:11"),
    "missing key": ("\n      write_files:\n        - content: x\n", "7:11"),
    "line of a block in a mapping": (
        f"\n      write_files:\n        - path: /x\n          content: |\n            a\n            password={WORD}\n",
        "10:13",
    ),
    "line of a login": (f"\n      chpasswd:\n        list: |\n          root:R\n          ops:{WORD}\n", "9:11"),
    "login in a list": (f"\n      chpasswd:\n        list:\n          - root:R\n          - ops:{WORD}\n", "9:13"),
    "line of a text": ("|\n      #cloud-config\n      packages: [x]\n      pakages: [x]\n", "8:7"),
    "column of a text": ("|\n      #cloud-config\n      runcmd: ls\n", "7:15"),
    "blank lines of a text": ("|\n      #cloud-config\n\n\n      runcmd: ls\n", "9:15"),
    "block within a text": (
        "|\n      #cloud-config\n      write_files:\n      - path: /x\n        content: |\n          a\n"
        f"          token={WORD}\n",
        "11:11",
    ),
    "comment of a text": (f"|\n      #!/bin/sh\n      # password: {WORD}\n", "7:7"),
    "stripped text": ("|-\n      #cloud-config\n      runcmd: ls", "7:15"),
    "folded text": (">\n      #cloud-config\n\n      runcmd: ls\n", "5:16"),
    "text on one line": ('"#cloud-config\\nruncmd: ls\\n"\n', "5:16"),
    "header": ("|\n      packages: [x]\n", "6:7"),
    "what is never closed": ("|\n      #cloud-config\n      runcmd: [a\nbudget: {vms: 9}\n", "7:7"),
}


@pytest.mark.parametrize(("cloud_init", "place"), CASES.values(), ids=CASES)
def test_place(repository: Callable[..., Any], cloud_init: str, place: str) -> None:
    """The place is the line that has to be changed."""
    (error,) = [line for line in repository(HEAD + cloud_init).run("render").problems if ": error: " in line]
    assert error.startswith(f"environments/production.yaml:{place}: error: vms.web.cloudInit")


def test_layer(repository: Callable[..., Any]) -> None:
    """A mistake that a group inherits is said in the layer that has it."""
    own = {"environments/_defaults.yaml": "defaults:\n  cloudInit:\n    runcmd: ls\n"}
    (problem,) = repository(HEAD.replace("    cloudInit: ", "    {}\n"), own).run("render").problems
    assert problem.startswith("environments/_defaults.yaml:3:13: error: vms.web.cloudInit.runcmd: must be a list")


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("#cloud-config\n{% for n in range(2) %}\n# {{ n }}\n{% endfor %}\nruncmd: ls\n", 5),
        ("#cloud-config\nruncmd: {{ vm.name }}\n", 2),
        ("#cloud-config\n{{ 'runcmd' }}: ls\n", 1),
        ("#cloud-config\n{% if vm.index %}\nruncmd: ls\n{% else %}\nruncmd: ls\n{% endif %}\n", 1),
    ],
    ids=["same line", "same key", "neither", "twice"],
)
def test_template(repository: Callable[..., Any], template: str, line: int) -> None:
    """In a template it is the line with the same text, else the one with the same key, else the first."""
    files = {"templates/cloud-init/web.j2": template}
    (problem,) = repository(f"{HEAD}{{template: web.j2}}\n", files).run("render").problems
    assert problem.startswith(f"templates/cloud-init/web.j2:{line}:1: error: vms.web.cloudInit.runcmd: must be a list")


def test_override(repository: Callable[..., Any]) -> None:
    """The key that is named is the instance's, where that has a cloud-init of its own."""
    text = HEAD.replace("    cloudInit: ", "    count: 2\n    instances:\n      2:\n        cloudInit: {runcmd: ls}\n")
    (problem,) = repository(text).run("render").problems
    assert problem.startswith("environments/production.yaml:8:29: error: vms.web.instances.2.cloudInit.runcmd: ")


# Texts of two VMs that differ where a form decides: the first has no secret, the second one.
UNLIKE = {
    "digits of a key": ("x: AK" + "IA" + "11111111111111A1", "x: AK" + "IA" + "22222222222222A2"),
    "how many digits": ("echo AK" + "IA2", "echo AK" + "IA" + "2" * 16),
    "kind of a hash": ("x: $8$saltsalt$abcdefghijkl", "x: $6$saltsalt$abcdefghijkl"),
    "length of a password": ("password: 123", "password: 12345"),
    "content of base64": ("x: eCA9IDExMTExMTExMTExMTEgICA=", "x: cGFzc3dvcmQgPSBodW50ZXIyMjI="),
    "a day": ("x: 2026-02-28", "x: 2026-02-30"),
}
ALIKE = {
    "name": ("fqdn: web-1.shop", "fqdn: web-2.shop"),
    "address": ("ip: 10.0.0.11/24", "ip: 10.0.0.12/24"),
    "number": ("id: 17", "id: 18"),
}


@pytest.mark.parametrize(("first", "second"), UNLIKE.values(), ids=UNLIKE)
def test_what_digits_decide(first: str, second: str) -> None:
    """Texts are not taken for alike where their digits can make a secret, or a mistake, of the second."""
    assert UserData(first, name="web-1").normalized_text != UserData(second, name="web-2").normalized_text


@pytest.mark.parametrize(("first", "second"), ALIKE.values(), ids=ALIKE)
def test_what_digits_do_not_decide(first: str, second: str) -> None:
    """Texts that differ in the name of the VM and in short numbers are checked once."""
    assert UserData(first, name="web-1").normalized_text == UserData(second, name="web-2").normalized_text


@pytest.mark.parametrize("length", [3, 5])
def test_a_name_of_another_length(length: int) -> None:
    """A name within a token counts with its length, which the token's form asks for."""
    texts = {UserData("x: gh" + f"p_{'a' * 30} {name}", name=name).normalized_text for name in ("a" * length, "a" * 4)}
    assert len(texts) == 2


def test_the_key_of_the_second(repository: Callable[..., Any]) -> None:
    """A key that a template writes for the second VM alone is found by render, before anything is written."""
    text = "namespace: tenant-acme\nvms:\n  web:\n    count: 2\n    instanceType: u1.large\n    image: ubuntu-2404\n"
    template = "#cloud-config\nruncmd:\n  - echo AK" + "IA{{ '2' * (1 if vm.name == 'web-1' else 16) }}\n"
    made = repository(f"{text}    cloudInit: {{template: x.j2}}\n", {"templates/cloud-init/x.j2": template})
    done = made.run("render")
    assert done.code == 1
    assert "secret-in-cloud-init" in done.messages
    assert not (made.root / "manifests").exists()
