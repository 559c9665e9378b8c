"""Inputs that the running platform refuses are refused here with a remedy, and those that it takes pass."""

from __future__ import annotations

from collections.abc import Callable

import pytest

HEAD = "platform: cozystack\nnamespace: tenant-acme\nvms:\n  web: "
VM = "instanceType: u1.large, image: ubuntu-24.04"
WINDOWS = "instanceType: u1.xlarge, image: ubuntu-24.04, instanceProfile: windows"
SIZE = 'instanceType: "", image: ubuntu-24.04'
GOLD = "\ndisks: {gold: {image: ubuntu-24.04, storage: 20Gi}}"
LOCAL_GOLD = "\ndisks: {gold: {url: 'https://e.org/a.img', storage: 20Gi, storageClass: local}}"
REFUSED = [
    (f"{{{VM}, networks: [default]}}", "a name of letters, digits, dashes and underscores"),
    (f"{{{VM}, networks: [n1, n1]}}", "networks"),
    (f"{{{VM}, networks: [subnet.a]}}", "a name of letters, digits, dashes and underscores"),
    (f"{{{VM}, networks: [other-ns/subnet]}}", "a name of letters, digits, dashes and underscores"),
    (f"{{{VM}, networks: [a b]}}", "a name of letters, digits, dashes and underscores"),
    (f"{{{VM}, networks: ['']}}", "a name of letters, digits, dashes and underscores"),
    (f'{{{SIZE}, resources: {{cpu: "1", sockets: "1", memory: 512Mi}}}}', "needs at least 2Gi here"),
    (f'{{{SIZE}, resources: {{cpu: "1", sockets: "1", memory: 2047Mi}}}}', "needs at least 2Gi here"),
    (f'{{{SIZE}, instanceProfile: oraclelinux, resources: {{cpu: "4", sockets: "1", memory: 8Gi}}}}', "needs at least 2 here"),
    (
        f'{{{SIZE}, instanceProfile: windows.11.virtio, resources: {{cpu: "4", sockets: "1", memory: 8Gi}}}}',
        "needs at least 2 here",
    ),
    ("{instanceType: gn1.xlarge, image: ubuntu-24.04, gpus: [nvidia.com/AD102GL_L40S]}", "remove `gpus`"),
    ("{instanceType: u1.large, url: 'https://e.org/a%zz.img', instanceProfile: ubuntu}", "two hexadecimal digits"),
    ("{instanceType: u1.large, url: 'https://e%41.org/x', instanceProfile: ubuntu}", "two hexadecimal digits"),
    ("{instanceType: u1.large, url: 'https://e.org/a%4', instanceProfile: ubuntu}", "two hexadecimal digits"),
    (f"{{{VM}, networks: [Default, default]}}", "a name of letters, digits, dashes and underscores"),
    ("{instanceType: gn1.2xlarge, image: ubuntu-24.04, gpus: [nvidia.com/GA102GL_A10]}", "remove `gpus`"),
    (f"{{{VM}, storageClass: local, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{GOLD}", "use its class"),
    (f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi, storageClass: local}}}}}}{GOLD}", "use its class"),
    (
        f"{{instanceType: u1.large, clone: gold, instanceProfile: ubuntu, storageClass: local, storage: 20Gi}}{GOLD}",
        "use its class",
    ),
    (f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{LOCAL_GOLD}", "use its class"),
    (f"{{{VM}, instances: {{web: {{clone: gold, storageClass: local, storage: 20Gi}}}}}}{GOLD}", "use its class"),
]
TAKEN = [
    f"{{{VM}, networks: [backend, Net_2]}}",
    f'{{{SIZE}, resources: {{cpu: "1", sockets: "1", memory: 2Gi}}}}',
    f'{{{SIZE}, resources: {{cpu: "1", sockets: "1", memory: 2048Mi}}}}',
    f'{{{SIZE}, instanceProfile: oraclelinux, resources: {{cpu: "1", sockets: "4", memory: 8Gi}}}}',
    f'{{{VM}, instanceProfile: ""}}',
    f'{{{VM}, storageClass: ""}}',
    "{instanceType: u1.large, url: 'https://e.org/a%20b.img?x=%2F', instanceProfile: ubuntu}",
    "{instanceType: u1.large, url: 'HTTPS://e.org/a.img', instanceProfile: ubuntu}",
    f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{GOLD}",
    f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi, storageClass: ''}}}}}}{GOLD}",
    f"{{{VM}, storageClass: local, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{LOCAL_GOLD}",
    f'{{{WINDOWS}.2k22.virtio, cloudInit: "#ps1_sysnative\\nGet-Date"}}',
    f'{{{WINDOWS}.2k25, cloudInit: "#ps1\\nGet-Date"}}',
    f"{{{WINDOWS}.11, cloudInit: {{set_timezone: Europe/Zurich}}}}",
]
# What each message tells somebody to write, and the group that follows it.
FOLLOWED = [
    (f"{{{VM}, networks: [default]}}", f"{{{VM}, networks: [backend]}}"),
    (f"{{{VM}, networks: [n1, n1]}}", f"{{{VM}, networks: [n1]}}"),
    (
        f'{{{SIZE}, resources: {{cpu: "1", sockets: "1", memory: 512Mi}}}}',
        f'{{{SIZE}, resources: {{cpu: "1", sockets: "1", memory: 2Gi}}}}',
    ),
    (
        f'{{{SIZE}, instanceProfile: windows.11.virtio, resources: {{cpu: "4", sockets: "1", memory: 8Gi}}}}',
        f'{{{SIZE}, instanceProfile: windows.11.virtio, resources: {{cpu: "4", sockets: "2", memory: 8Gi}}}}',
    ),
    (
        "{instanceType: gn1.xlarge, image: ubuntu-24.04, gpus: [nvidia.com/AD102GL_L40S]}",
        "{instanceType: gn1.xlarge, image: ubuntu-24.04}",
    ),
    (
        f"{{{VM}, storageClass: local, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{GOLD}",
        f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{GOLD}",
    ),
]


@pytest.mark.parametrize(("group", "words"), REFUSED)
def test_what_the_platform_refuses_is_refused(repository: Callable, group: str, words: str) -> None:
    """Each was refused by the API server, the chart or an admission webhook of Cozystack v1.6.2."""
    result = repository(f"{HEAD}{group}\n").run("render")
    assert result.code == 1
    assert any(words in problem for problem in result.problems), result.messages


@pytest.mark.parametrize("group", TAKEN)
def test_what_the_platform_takes_is_rendered(repository: Callable, group: str) -> None:
    """Each was installed by Cozystack v1.6.2."""
    result = repository(f"{HEAD}{group}\n").run("render")
    assert result.code == 0, result.messages


def test_profile_of_another_architecture_is_a_warning(repository: Callable) -> None:
    """The catalog knows the architecture of a profile."""
    result = repository(f"{HEAD}{{{VM}, instanceProfile: fedora.arm64}}\n").run("render")
    assert result.code == 0
    assert any("arm64 nodes" in problem for problem in result.problems)


@pytest.mark.parametrize(("wrong", "right"), FOLLOWED)
def test_remedy_works(repository: Callable, wrong: str, right: str) -> None:
    """What a message tells somebody to write is rendered without a further problem."""
    assert repository(f"{HEAD}{wrong}\n").run("render").code == 1
    result = repository(f"{HEAD}{right}\n").run("render")
    assert result.code == 0, result.messages
    assert not [problem for problem in result.problems if ": error:" in problem]
