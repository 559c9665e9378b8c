"""Sixty files of user data in the shapes that people use, each with the verdict that is right for it."""

from __future__ import annotations

import base64
import gzip

import pytest

from vmgen.cloud_init.validate import check_text

UNIT = "[Unit]\nDescription=shop\n[Service]\nExecStart=/usr/local/bin/shop\n[Install]\nWantedBy=multi-user.target\n"


def encode(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def compress(text: str) -> str:
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


def mime(*parts: tuple[str, str], boundary: str = "==BOUNDARY==") -> str:
    head = f'Content-Type: multipart/mixed; boundary="{boundary}"\nMIME-Version: 1.0\n\n'
    body = "".join(
        f'--{boundary}\nContent-Type: {kind}; charset="us-ascii"\nMIME-Version: 1.0\n\n{text}\n' for kind, text in parts
    )
    return f"{head}{body}--{boundary}--\n"


def config(text: str) -> str:
    return f"#cloud-config\n{text}\n"


SHELL, CONFIG = "text/x-shellscript", "text/cloud-config"
FINE = {
    "k3s server": config("runcmd:\n  - curl -sfL https://get.k3s.io | INSTALL_K3S_EXEC='server --cluster-init' sh -"),
    "k3s config file": config(
        "write_files:\n  - path: /etc/rancher/k3s/config.yaml\n    content: |\n      tls-san: [k3s.shop.example]"
    ),
    "k3s agent": "#!/bin/bash\nset -eu\ncurl -sfL https://get.k3s.io | K3S_URL=https://10.0.0.1:6443 K3S_TOKEN_FILE=/run/k3s sh -\n",  # noqa: E501
    "k3s registry mirror": config("write_files:\n  - {path: /etc/rancher/k3s/registries.yaml, content: 'mirrors: {}'}"),
    "kubeadm prerequisites": config(
        "write_files:\n  - path: /etc/modules-load.d/k8s.conf\n    content: |\n      overlay\n      br_netfilter\n"
        "packages: [containerd, apt-transport-https]\nruncmd:\n  - modprobe br_netfilter\n  - sysctl --system"
    ),
    "kubeadm repository": config(
        "apt:\n  sources:\n    kubernetes.list:\n      source: deb [signed-by=$KEY_FILE] https://pkgs.k8s.io/core:/stable:/v1.31/deb/ /\n"  # noqa: E501
        "      keyid: DE15B14486CD377B9E876E1A234654DA9A296436\npackages: [kubelet, kubeadm, kubectl]"
    ),
    "kubeadm join from a file": config("runcmd:\n  - [kubeadm, join, --config, /run/join.yaml]"),
    "kubeadm init": config("runcmd:\n  - kubeadm init --pod-network-cidr=10.244.0.0/16\n  - [sh, -c, 'mkdir -p /root/.kube']"),
    "swarm init": config("package_update: true\npackages: [docker.io]\nruncmd:\n  - docker swarm init --advertise-addr eth0"),
    "swarm worker": '#!/bin/sh\ntoken=$(cat /run/swarm)\ndocker swarm join --token "$token" 10.0.0.2:2377\n',
    "docker from its repository": config(
        "apt:\n  sources:\n    docker.list:\n      source: deb [arch=amd64 signed-by=$KEY_FILE] https://download.docker.com/linux/ubuntu"
        " $RELEASE stable\n      keyid: 9DC858229FC7DD38854AE2D88D81803C0EBFCD88\npackages: [docker-ce, docker-compose-plugin]"
    ),
    "docker group": config("groups: [docker]\nusers:\n  - default\n  - {name: ops, groups: [docker], lock_passwd: true}"),
    "docker daemon": config(
        'write_files:\n  - path: /etc/docker/daemon.json\n    content: |\n      {"log-driver": "journald"}'
    ),
    "docker ps": config("runcmd:\n  - docker ps --format '{{.Names}}'"),
    "compose": config(
        "write_files:\n  - path: /opt/compose.yaml\n    content: |\n      services:\n        web: {image: nginx}"
    ),
    "podman quadlet": config("write_files:\n  - path: /etc/containers/systemd/a.container\n    content: |\n      [Container]"),
    "tailscale": config(
        "runcmd:\n  - [sh, -c, 'curl -fsSL https://tailscale.com/install.sh | sh']\n  - [tailscale, up, --auth-key=file:/run/key]"  # noqa: E501
    ),
    "tailscale sysctl": config("write_files:\n  - path: /etc/sysctl.d/99-ts.conf\n    content: net.ipv4.ip_forward = 1"),
    "two parts": mime((CONFIG, config("packages: [nginx]")), (SHELL, "#!/bin/sh\necho done\n")),
    "two parts, named": mime(
        (CONFIG, config("hostname: a")), (SHELL, "#!/usr/bin/env python3\nprint(1)\n"), boundary="MIMEBOUNDARY"
    ),
    "boothook and config": mime(
        ("text/cloud-boothook", "#cloud-boothook\n#!/bin/sh\necho\n"), (CONFIG, config("locale: C.UTF-8"))
    ),
    "include in a part": mime(("text/x-include-url", "#include\nhttps://shop.example/a\n"), (CONFIG, config("timezone: UTC"))),
    "per boot": mime(
        ("text/x-shellscript-per-boot", "#!/bin/sh\ndate\n"),
        ("text/jinja2", "## template: jinja\n#cloud-config\nfqdn: {{ v1.local_hostname }}\n"),
    ),
    "archive": "#cloud-config-archive\n- type: text/cloud-config\n  content: |\n    packages: [git]\n- |\n  #!/bin/sh\n  echo\n",  # noqa: E501
    "archive of includes": "#cloud-config-archive\n- type: text/x-include-url\n  content: |\n    #include\n    https://shop.example/a\n",
    "archive with names": "#cloud-config-archive\n- {type: text/x-shellscript, filename: a.sh, content: '#!/bin/sh'}\n",
    "autoinstall": config(
        "autoinstall:\n  version: 1\n  identity: {hostname: a, username: ops, password: '*'}\n  ssh: {install-server: true}\n"
        "  storage: {layout: {name: lvm}}"
    ),
    "autoinstall with user data": config("autoinstall:\n  version: 1\n  user-data:\n    packages: [vim]"),
    "nginx": config("packages: [nginx]\nruncmd:\n  - [systemctl, enable, --now, nginx]"),
    "unit": config("write_files:\n  - path: /etc/systemd/system/shop.service\n    encoding: b64\n    content: " + encode(UNIT)),
    "unit, compressed": config("write_files:\n  - path: /etc/a\n    encoding: gz+b64\n    content: " + compress(UNIT)),
    "data disk": config(
        "disk_setup: {/dev/vdb: {table_type: gpt, layout: true}}\nfs_setup: [{device: /dev/vdb1, filesystem: ext4}]\n"
        "mounts: [[/dev/vdb1, /data, ext4, 'defaults,nofail']]"
    ),
    "swap": config("swap: {filename: /swapfile, size: 2G}"),
    "hardening": config(
        "ssh_pwauth: false\ndisable_root: true\nwrite_files:\n  - {path: /etc/ssh/sshd_config.d/a.conf, permissions: '0600', content: x}"  # noqa: E501
    ),
    "time": config("timezone: Europe/Zurich\nntp: {enabled: true, servers: [ch.pool.ntp.org]}"),
    "reboot at the end": config("power_state: {mode: reboot, delay: now}\npackage_upgrade: true"),
    "jinja for cloud-init": "## template: jinja\n#cloud-config\nruncmd:\n  - echo {{ v1.distro }} {{ ds.meta_data.instance_id }}\n",  # noqa: E501
    "include": "#include\nhttps://shop.example/base.yaml\nhttps://shop.example/web.yaml\n",
    "gitlab runner": config(
        "packages: [gitlab-runner]\nruncmd:\n  - gitlab-runner register --non-interactive --token-file /run/token"
    ),
    "wireguard by command": config("packages: [wireguard]\nruncmd: [[wg-quick, up, wg0]]"),
    "python script": "#!/usr/bin/env python3\nprint('x')\n",
}
SECRET = "pa55" + "w0rd-of-the-shop"
WRONG = {
    "k3s token": (config(f"runcmd:\n  - curl -sfL https://get.k3s.io | K3S_TOKEN={SECRET} sh -"), ["secret-in-cloud-init"]),
    "kubeadm runcmd as a text": (config("runcmd: kubeadm init"), ["invalid-cloud-config"]),
    "kubeadm write_file": (config("write_file:\n  - path: /a"), ["unknown-cloud-config-key"]),
    "swarm without a header": ("docker swarm init\n", ["cloud-init-header"]),
    "docker old keys": (config("apt_sources:\n  - {source: 'deb https://x stable main'}"), ["deprecated-cloud-config"]),
    "docker permissions": (config("write_files:\n  - {path: /a, permissions: 0755}"), ["invalid-cloud-config"]),
    "tailscale key": (
        config(f"runcmd:\n  - [tailscale, up, --authkey=tskey-auth-{'k' * 12}CNTRL-{'x1' * 10}]"),
        ["secret-in-cloud-init"],
    ),
    "part with a misspelt key": (mime((CONFIG, config("pakages: [a]"))), ["unknown-cloud-config-key"]),
    "part of a wrong type": (mime(("text/x-shelscript", "#!/bin/sh\n")), ["cloud-init-part"]),
    "part without #!": (mime((SHELL, "apt-get update\n")), ["cloud-init-part"]),
    "archive misspelt": ("#cloud-config-archive\n- {content: 'pakages: [a]'}\n", ["unknown-cloud-config-key"]),
    "archive as a mapping": ("#cloud-config-archive\ntype: text/cloud-config\n", ["cloud-init-part"]),
    "autoinstall misspelt": (config("autoinstal:\n  version: 1"), ["unknown-cloud-config-key"]),
    "autoinstall without version": (config("autoinstall: {identity: {hostname: a}}"), ["invalid-cloud-config"]),
    "Terraform": (
        config("write_files:\n  - {path: /a, encoding: b64, content: '${base64encode(file)}'}"),
        ["cloud-config-encoding"],
    ),
    "template pasted": (config("hostname: {{ hostname }}"), ["cloud-config-syntax"]),
    "include over http": ("#include\nhttp://shop.example/a\n", ["cloud-init-include-http"]),
    "netplan": (config("network: {version: 2}"), ["unknown-cloud-config-key"]),
    "key twice": (config("packages: [a]\npackages: [b]"), ["cloud-config-duplicate-key"]),
    "unknown variable": ("## template: jinja\n#cloud-config\nfqdn: {{ hostname }}\n", ["unknown-jinja-variable"]),
    "windows header": ("#ps1\nGet-Date\n", ["cloud-init-header"]),
}
FOR_WINDOWS = {
    "powershell": ("#ps1_sysnative\nRename-Computer -NewName DC01\n", []),
    "host name": (config("set_hostname: app01\nset_timezone: W. Europe Standard Time"), []),
    "packages": (config("packages: [iis]"), ["unknown-cloud-config-key"]),
    "message": (mime((SHELL, "#ps1\nGet-Date\n"), (CONFIG, config("set_hostname: a"))), []),
    "bash": ("echo hello\n", ["cloud-init-header"]),
}


def test_there_are_sixty() -> None:
    """The table has sixty files or more."""
    assert len(FINE) + len(WRONG) + len(FOR_WINDOWS) >= 60


@pytest.mark.parametrize("text", FINE.values(), ids=FINE)
def test_fine(text: str) -> None:
    """What works on a VM passes without a word."""
    assert [(finding.rule.id, finding.line, finding.message) for finding in check_text(text)] == []


@pytest.mark.parametrize(("text", "rules"), WRONG.values(), ids=WRONG)
def test_wrong(text: str, rules: list[str]) -> None:
    """What would not work is one finding, of the right rule."""
    assert [finding.rule.id for finding in check_text(text)] == rules


@pytest.mark.parametrize(("text", "rules"), FOR_WINDOWS.values(), ids=FOR_WINDOWS)
def test_for_windows(text: str, rules: list[str]) -> None:
    """On Windows the reader is another one."""
    assert [finding.rule.id for finding in check_text(text, for_windows=True)] == rules
