"""Inputs that the running platform refuses are refused here with a remedy, and those that it takes pass."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable

import pytest

HEAD = "platform: cozystack\nnamespace: tenant-acme\nvms:\n  web: "
VM = "instanceType: u1.large, image: ubuntu-24.04"
WINDOWS = "instanceType: u1.xlarge, image: ubuntu-24.04, instanceProfile: windows"
SIZE = 'instanceType: "", image: ubuntu-24.04'
GOLD = "\ndisks: {gold: {image: ubuntu-24.04, storage: 20Gi}}"
LOCAL_GOLD = "\ndisks: {gold: {url: 'https://e.org/a.img', storage: 20Gi, storageClass: local}}"
NAME = "a name of letters, digits, dashes and underscores"
GPU = "nvidia.com/AD102GL_L40S"
NOISE = base64.b64encode(random.Random(17).randbytes(675 * 1024)).decode("ascii")
SCRIPT = "#!/bin/sh\\nbase64 -d > /opt/agent <<END\\n"
FETCH = "#!/bin/sh\\ncurl -fsSo /opt/agent https://e.org/agent\\n"


def size(cpu: int, sockets: int, memory: str, profile: str = "ubuntu") -> str:
    """A group whose VM has no instance type."""
    resources = f'{{cpu: "{cpu}", sockets: "{sockets}", memory: {memory}}}'
    return f"{{{SIZE}, instanceProfile: {profile}, resources: {resources}}}"


def address(url: str) -> str:
    """A group whose system disk is filled from an address."""
    return f"{{instanceType: u1.large, url: '{url}', instanceProfile: ubuntu}}"


# What the platform refuses, each with words of the message, and the group of somebody who does what the message says.
REFUSED = [
    # The names of networks.
    (f"{{{VM}, networks: [default]}}", NAME, f"{{{VM}, networks: [backend]}}"),
    (f"{{{VM}, networks: [n1, n1]}}", "networks", f"{{{VM}, networks: [n1]}}"),
    (f"{{{VM}, networks: [subnet.a]}}", NAME, f"{{{VM}, networks: [subnet-a]}}"),
    (f"{{{VM}, networks: [other-ns/subnet]}}", NAME, f"{{{VM}, networks: [subnet]}}"),
    (f"{{{VM}, networks: ['a b']}}", NAME, f"{{{VM}, networks: [a_b]}}"),
    (f"{{{VM}, networks: ['']}}", NAME, f"{{{VM}, networks: []}}"),
    (f"{{{VM}, networks: [Default, default]}}", NAME, f"{{{VM}, networks: [Default]}}"),
    # Sizes without an instance type, against the profile: sockets count, not cores.
    (size(1, 1, "512Mi"), "needs at least 2Gi here", size(1, 1, "2Gi")),
    (size(1, 1, "2047Mi"), "needs at least 2Gi here", size(1, 1, "2048Mi")),
    (size(1, 1, "512Mi"), "take another profile", size(1, 1, "512Mi", "alpine")),
    (size(4, 1, "8Gi", "oraclelinux"), "needs at least 2 here", size(4, 2, "8Gi", "oraclelinux")),
    (size(4, 1, "8Gi", "windows.11.virtio"), "needs at least 2 here", size(4, 2, "8Gi", "windows.11.virtio")),
    # User data that the Secret of the Helm release cannot hold, once and twice of what fits.
    (f'{{{VM}, cloudInit: "{SCRIPT}{NOISE[:560_000]}"}}', "fetch the bulk", f'{{{VM}, cloudInit: "{FETCH}"}}'),
    (f'{{{VM}, cloudInit: "{SCRIPT}{NOISE[:700_000]}"}}', "fetch the bulk", f'{{{VM}, cloudInit: "{FETCH}"}}'),
    (f'{{{VM}, cloudInit: "{SCRIPT}{NOISE[:900_000]}"}}', "fetch the bulk", f'{{{VM}, cloudInit: "{FETCH}"}}'),
    # GPUs beside a type that brings its own.
    (
        f"{{instanceType: gn1.xlarge, image: ubuntu-24.04, gpus: [{GPU}]}}",
        "remove `gpus`",
        "{instanceType: gn1.xlarge, image: ubuntu-24.04}",
    ),
    (
        "{instanceType: gn1.2xlarge, image: ubuntu-24.04, gpus: [nvidia.com/GA102GL_A10]}",
        "remove `gpus`",
        "{instanceType: gn1.2xlarge, image: ubuntu-24.04}",
    ),
    # Percent-encoding.
    (address("https://e.org/a%zz.img"), "two hexadecimal digits", address("https://e.org/a%25zz.img")),
    (address("https://e%41.org/x"), "two hexadecimal digits", address("https://eA.org/x")),
    (address("https://e.org/a%4"), "two hexadecimal digits", address("https://e.org/a%204")),
    # A clone on another class than its source.
    (
        f"{{{VM}, storageClass: local, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{GOLD}",
        "use its class",
        f"{{{VM}, storageClass: local, disks: {{copy: {{clone: gold, storage: 20Gi, storageClass: replicated}}}}}}{GOLD}",
    ),
    (
        f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi, storageClass: local}}}}}}{GOLD}",
        "use its class",
        f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{GOLD}",
    ),
    (
        f"{{instanceType: u1.large, clone: gold, instanceProfile: ubuntu, storageClass: local, storage: 20Gi}}{GOLD}",
        "use its class",
        f"{{instanceType: u1.large, clone: gold, instanceProfile: ubuntu, storageClass: replicated, storage: 20Gi}}{GOLD}",
    ),
    (
        f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{LOCAL_GOLD}",
        "use its class",
        f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi, storageClass: local}}}}}}{LOCAL_GOLD}",
    ),
    (
        f"{{{VM}, instanceProfile: ubuntu, instances: {{web: {{clone: gold, storageClass: local, storage: 20Gi}}}}}}{GOLD}",
        "use its class",
        f"{{{VM}, instanceProfile: ubuntu, instances: {{web: {{clone: gold, storage: 20Gi}}}}}}{GOLD}",
    ),
    # What the platform takes and this refuses, since nothing of it would work.
    (
        f'{{{VM}, resources: {{cpu: "2"}}}}',
        "remove the resources",
        f"{{{VM}}}",
    ),
    (
        f'{{{VM}, resources: {{cpu: "2", sockets: "1", memory: 4Gi}}}}',
        '`instanceType: ""`',
        size(2, 1, "4Gi"),
    ),
]
TAKEN = [
    f"{{{VM}, networks: [backend, Net_2]}}",
    size(1, 4, "8Gi", "oraclelinux"),
    f"{{{SIZE}, resources: {{cpu: 2, sockets: 1, memory: 4Gi}}}}",
    f'{{{VM}, cloudInit: "{SCRIPT}{NOISE[:450_000]}"}}',
    f'{{{VM}, instanceProfile: ""}}',
    f'{{{VM}, storageClass: ""}}',
    f'{{{VM}, instanceProfile: "", storageClass: "", storage: 20Gi}}',
    address("https://e.org/a%20b.img?x=%2F"),
    address("HTTPS://e.org/a.img"),
    f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{GOLD}",
    f"{{{VM}, disks: {{copy: {{clone: gold, storage: 20Gi, storageClass: ''}}}}}}{GOLD}",
    f"{{{VM}, storageClass: local, disks: {{copy: {{clone: gold, storage: 20Gi}}}}}}{LOCAL_GOLD}",
    f'{{{WINDOWS}.2k22.virtio, cloudInit: "#ps1_sysnative\\nGet-Date"}}',
    f'{{{WINDOWS}.2k25, cloudInit: "#ps1\\nGet-Date"}}',
    f"{{{WINDOWS}.11, cloudInit: {{set_timezone: Europe/Zurich}}}}",
    f"{{{VM}, labels: {{{'a' * 61}.{'b' * 61}.{'c' * 61}.{'d' * 49}/x: z1}}}}",
]
# The size of a live disk, which an environment keeps as it is.
LIVE_SIZES = ["100G", "1.5Ti", "1Pi", "21474836480", "20Gi"]


@pytest.mark.parametrize(
    ("group", "words", "remedied"), REFUSED, ids=[f"{words}-{number}" for number, (_, words, _) in enumerate(REFUSED)]
)
def test_what_the_platform_refuses_is_refused_with_a_remedy(
    repository: Callable, group: str, words: str, remedied: str
) -> None:
    """Each was refused by API server, chart or admission webhook of Cozystack v1.6.2; what the message says works."""
    result = repository(f"{HEAD}{group}\n").run("render")
    assert result.code == 1
    assert any(words in problem for problem in result.problems), result.messages[:2000]
    followed = repository(f"{HEAD}{remedied}\n").run("render")
    assert followed.code == 0, followed.messages[:2000]
    assert not [problem for problem in followed.problems if ": error:" in problem]


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


@pytest.mark.parametrize("size", LIVE_SIZES)
def test_live_size_is_imported_as_it_is(repository: Callable, size: str) -> None:
    """Each was installed; the manifest that is rendered has the same text."""
    manifest = f"""apiVersion: apps.cozystack.io/v1alpha1
kind: VMDisk
metadata: {{name: data, namespace: tenant-acme}}
spec: {{source: {{}}, storage: {size!r}, storageClass: replicated, optical: false}}
"""
    made = repository("platform: cozystack\nnamespace: tenant-acme\n")
    made.write({"live.yaml": manifest})
    result = made.run("import", "live.yaml", "--env", "copy", "--platform", "cozystack")
    assert result.code == 0, result.messages
    assert f"storage: {size}\n" in made.run("render", "copy", "--stdout").stdout.replace('"', "")


def test_gpu_of_a_new_node_is_added_to_the_catalog(repository: Callable) -> None:
    """A GPU that the catalog lacks is refused, and the entry that the message asks for lets it pass."""
    made = repository(f"{HEAD}{{{VM}, gpus: [nvidia.com/NEW]}}\n")
    result = made.run("render")
    assert (result.code, "environments/_catalog.yaml" in result.messages) == (1, True), result.messages
    made.write({"environments/_catalog.yaml": "gpus: {nvidia.com/NEW: {}}\n"})
    assert made.run("render").code == 0
