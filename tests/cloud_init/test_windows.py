"""User data for Windows: cloudbase-init has other headers and other keys than cloud-init."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from vmgen.cloud_init.validate import check_text

MESSAGE = 'Content-Type: multipart/mixed; boundary="x"\nMIME-Version: 1.0\n\n--x\nContent-Type: {type}\n\n{text}\n--x--\n'
FINE = (
    "#ps1_sysnative\nRename-Computer -NewName DC01 -Force\n",
    "#ps1\nGet-Date\n",
    "#ps1_x86\nGet-Date\n",
    "rem cmd\ndir\n",
    "#!python\nprint(1)\n",
    "#! /usr/bin/env python\nprint(1)\n",
    "<powershell>\nGet-Date\n</powershell>\n",
    "#cloud-config\nset_timezone: W. Europe Standard Time\nset_hostname: app01\n",
    "#cloud-config\nwrite_files:\n  - {path: 'C:\\a.txt', content: x}\nruncmd: ['dir C:\\']\n",
    MESSAGE.format(type="text/x-shellscript", text="#ps1\nGet-Date"),
    MESSAGE.format(type="text/cloud-config", text="#cloud-config\nset_hostname: app01"),
)
WRONG = {
    "header": ("#ps\nGet-Date\n", "cloud-init-header", 0, "did you mean '#ps1'?"),
    "no header": ("Get-Date\n", "cloud-init-header", 0, "not a header of cloudbase-init"),
    "include": ("#include\nhttps://x.example/a\n", "cloud-init-header", 0, "not a header of cloudbase-init"),
    "key": ("#cloud-config\nset_timzone: x\n", "unknown-cloud-config-key", 1, "did you mean 'set_timezone'?"),
    "key of Linux": (
        "#cloud-config\npackages: [iis]\n",
        "unknown-cloud-config-key",
        1,
        "cloudbase-init would ignore on Windows",
    ),
    "not YAML": ("#cloud-config\nruncmd: [\n", "cloud-config-syntax", 1, "not YAML"),
    "message": (f"MIME-Version: 1.0\n{MESSAGE}", "cloud-init-part", 0, "begin with `Content-Type: multipart`"),
    "part": (MESSAGE.format(type="text/x-shellscript", text="Get-Date"), "cloud-init-part", 6, "begin with `#ps1_sysnative`"),
    "key in a part": (
        MESSAGE.format(type="text/cloud-config", text="packages: [a]"),
        "unknown-cloud-config-key",
        6,
        "'packages'",
    ),
    "type": (MESSAGE.format(type="text/jinja2", text="x"), "cloud-init-part", 6, "cloudbase-init does not handle"),
    "secret": ("#ps1\n$password = '" + "hunter222'\n", "secret-in-cloud-init", 1, "docs/secrets.md"),
}


@pytest.mark.parametrize("text", FINE)
def test_fine(text: str) -> None:
    """What cloudbase-init takes passes for Windows."""
    assert check_text(text, for_windows=True) == ()


@pytest.mark.parametrize(("text", "rule", "line", "says"), WRONG.values(), ids=WRONG)
def test_wrong(text: str, rule: str, line: int, says: str) -> None:
    """What cloudbase-init would ignore is an error at its line."""
    (finding,) = check_text(text, for_windows=True)
    assert (finding.rule.id, finding.line) == (rule, line)
    assert says in finding.message


@pytest.mark.parametrize("text", FINE[:4])
def test_headers_are_of_windows_only(text: str) -> None:
    """On another profile, the message says whose header it is."""
    (finding,) = check_text(text)
    assert "it belongs to cloudbase-init, for a VM whose `instanceProfile` is for Windows" in finding.message


def test_profile_decides(repository: Callable[..., Any]) -> None:
    """The profile of each VM tells which of the two reads its user data."""
    text = """namespace: tenant-acme
defaults: {instanceType: u1.xlarge, upload: true, storage: 60Gi}
vms:
  dc: {instanceProfile: windows.2k22.virtio, cloudInit: {set_hostname: app01}}
  per-vm: {instanceProfile: windows.2k22.virtio, cloudInit: {text: "#ps1\\nRename-Computer {{ vm.name }}\\n"}}
  linux: {instanceProfile: ubuntu, cloudInit: {set_hostname: app01}}
"""
    (problem,) = repository(text).run("render").problems
    assert problem.startswith("environments/production.yaml:6:48: error: vms.linux.cloudInit.set_hostname: unknown key")
