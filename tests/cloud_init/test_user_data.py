"""Where a mistake in user data is said to be: at the line that somebody wrote."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

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
