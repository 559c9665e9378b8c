"""What erases disks is found in every form of user data, and what only looks at them is not."""

from __future__ import annotations

import base64
import gzip

import pytest

from vmgen.cloud_init.disk_wipes import find_disk_wipes

SCRIPT = b"#!/bin/sh\nmkfs.ext4 /dev/vdb\n"
PLAIN = base64.b64encode(SCRIPT).decode()
PACKED = base64.b64encode(gzip.compress(SCRIPT)).decode()
FILE = "#cloud-config\nwrite_files:\n- path: /x\n  encoding: {}\n  content: {}\n"
ERASING = [
    "#cloud-config\nruncmd:\n- [mkfs.ext4, -L, data, /dev/vdb]\n",
    "#cloud-config\nbootcmd:\n- - mkfs\n  - -t\n  - xfs\n  - /dev/vdb\n",
    "#cloud-config\nruncmd:\n- wipefs -a /dev/vdb\n",
    "#!/bin/bash\nparted -s /dev/vdb mklabel gpt\n",
    "#!/bin/sh\nsgdisk --zap-all /dev/vdb\n",
    "#!/bin/sh\nsgdisk -Z /dev/vdb",
    "#!/bin/sh\ndd if=/dev/zero of=/dev/vdb bs=1M count=10\n",
    "#cloud-config\ndisk_setup:\n  /dev/vdb: {table_type: gpt, layout: true, overwrite: true}\n",
    "#cloud-config\nfs_setup:\n- {device: /dev/vdb1, filesystem: ext4, overwrite: true}\n",
    "## template: jinja\n#cloud-config\nruncmd:\n- mkfs.xfs -f {{ ds.meta_data.device }} /dev/vdc\n",
    (
        'Content-Type: multipart/mixed; boundary="B"\nMIME-Version: 1.0\n'
        "\n--B\nContent-Type: text/x-shellscript\n\n#!/bin/sh\nmkfs.ext4 /dev/vdb\n--B--\n"
    ),
    (
        "#cloud-config-archive\n- type: text/cloud-config\n  content: |\n"
        "    fs_setup:\n      - {device: /dev/vdb, overwrite: true}\n"
    ),
    '#cloud-config-jsonp\n[{"op":"add","path":"/fs_setup","value":[{"device":"/dev/vdb","overwrite":true}]}]\n',
    '#!/bin/sh\nDEV=/dev/vdb\nmkfs -t ext4 "$DEV"\n',
    "#!/bin/sh\nblkid /dev/vdb || mkfs.ext4 /dev/vdb\n",
    "#!/bin/sh\nsfdisk /dev/vdb <<E\n,,\nE\n",
    "#!/bin/sh\necho n | fdisk /dev/vdb\n",
    "#cloud-boothook\n#!/bin/sh\n/sbin/mkfs.ext4 \\\n  /dev/vdb\n",
    "#!/bin/sh\ncryptsetup -q luksFormat /dev/vdb\n",
    "#!/bin/sh\nzpool create -f tank /dev/vdb\n",
    "#!/bin/sh\npvcreate -ff -y /dev/vdb\n",
    "#!/bin/sh\ncat /dev/zero > /dev/vdb\n",
    "#ps1_sysnative\nGet-Disk | Clear-Disk -RemoveData\n",
    "#!/bin/sh\nlsblk -dn | xargs -I{} mkfs.ext4 {}\n",
    "#!/bin/sh\nsudo wipefs --all --force /dev/sdb",
    "#!/bin/sh\nsh -c 'mkfs.ext4 /dev/vdb'",
    "#cloud-config\nfs_setup:\n  - {device: /dev/vdb, filesystem: ext4, cmd: 'mkfs -t %(filesystem)s /dev/vdb'}\n",
    "#!/usr/bin/env python3\nimport subprocess\nsubprocess.run(['mkfs.ext4', '/dev/vdb'])\n",
    "#cloud-config\ndisk_setup: {ephemeral0: {layout: remove}}\n",
    "#!/bin/sh\nshred -n1 /dev/vdb",
    "#!/bin/sh\nblkdiscard /dev/vdb",
    "#!/bin/sh\nmdadm --create /dev/md0 --level=1 --raid-devices=2 /dev/vdb /dev/vdc",
    "#!/bin/sh\nwipefs -af /dev/vdb",
    "#!/bin/sh\nfor d in vdb vdc; do mkfs.ext4 -F /dev/$d; done",
    "#!/bin/sh\nparted /dev/vdb --script -- mklabel gpt mkpart primary 0 -1",
    FILE.format("b64", PLAIN),
    FILE.format("gz+b64", PACKED),
    f"#!/bin/sh\necho {PLAIN} | base64 -d | sh\n",
]
HARMLESS = [
    "#cloud-config\npackages: [xfsprogs, parted, gdisk]\n",
    "#cloud-config\nfs_setup:\n- {device: /dev/vdb1, filesystem: ext4, overwrite: false}\nmounts:\n- [/dev/vdb1, /data]\n",
    "#!/bin/sh\n# mkfs.ext4 /dev/vdb\nmount /dev/vdb /data\n",
    "#!/bin/sh\nfallocate -l 1G /swapfile\nmkswap /swapfile\nswapon /swapfile\n",
    "#!/bin/sh\ndd if=/dev/zero of=/swapfile bs=1M count=100\n",
    "#!/bin/sh\nlsblk; fdisk -l /dev/vdb; sfdisk -d /dev/vdb; parted /dev/vdb print; wipefs /dev/vdb\n",
    "#!/bin/sh\ngrowpart /dev/vda 1; resize2fs /dev/vda1\n",
    "#!/bin/sh\necho hi > /dev/null 2>&1\n",
    "#cloud-config\nwrite_files:\n- path: /etc/motd\n  content: add a disk with care\n",
    "#!/bin/sh\ncommand -v mkfs.ext4 >/dev/null\n",
    "#cloud-config\nruncmd:\n- apt-get install -y xfsprogs\n- dd --version\n",
    "#cloud-config\nmounts:\n - [LABEL=data, /data, ext4, 'defaults,nofail']\n",
    "#!/bin/sh\ncp /dev/sdx.txt /tmp\nadd-apt-repository ppa:x\n",
    "#cloud-config\ndisk_setup:\n  /dev/vdb: {table_type: gpt, layout: true}\n",
]


@pytest.mark.parametrize("text", ERASING)
def test_erasing_text_is_found(text: str) -> None:
    """Each of these would format a disk at a first boot."""
    assert find_disk_wipes(text)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_not(text: str) -> None:
    """None of these writes to a disk that is there."""
    assert find_disk_wipes(text) == ()
