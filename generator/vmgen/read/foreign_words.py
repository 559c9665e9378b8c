"""Words that people bring from Terraform, Proxmox, Compose and clouds, and how each is written in an environment."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from vmgen.read.located import KeyPath


class Translation(NamedTuple):
    """How a foreign key is written here: the key that was meant, empty if there is none, and the advice."""

    key: str
    advice: str


def _share(words: str, key: str, advice: str) -> dict[str, Translation]:
    return {word: Translation(key, advice) for word in words.split()}


_GROUP_WORDS = {
    **_share(
        "cores core cpu cpus vcpu vcpus sockets memory mem ram flavor flavour machine_type machinetype instance_type vmsize"
        " vm_size server_type plan memory_mb num_cpus threads type",
        "instanceType",
        "the size of a VM is its type: write `instanceType: u1.large` (`vmgen catalog types`)",
    ),
    **_share(
        "disk disk_size disksize disk_gb size size_gb hdd ssd rootfs root_disk rootdisk boot_disk system_disk volume_size"
        " root_size os_disk root_block_device storage_gb",
        "storage",
        "the size of the system disk is `storage: 40Gi`; add further disks below `disks:`",
    ),
    **_share(
        "started start onboot on_boot autostart state status power power_state powered_on enabled desired_state",
        "running",
        "write `running: true` or `false`",
    ),
    **_share("tags tag metadata", "labels", "write `labels: {team: shop}`"),
    **_share(
        "user username users ciuser login admin_user admin_username default_user",
        "cloudInit",
        "users belong to cloud-init: write `cloudInit: {users: [default, {name: ops}]}`",
    ),
    **_share(
        "password passwd cipassword root_password admin_password userpassword",
        "sshKeys",
        "a password does not belong in Git: write `sshKeys:`, or see docs/secrets.md",
    ),
    **_share(
        "ssh_keys ssh_key sshkey sshkeys authorized_keys ssh_authorized_keys key_name keys public_key publickeys key_pair",
        "sshKeys",
        "write `sshKeys: [ssh-ed25519 AAAA...]`, or `[{file: keys/ops.pub}]`",
    ),
    **_share(
        "port ports expose exposed open_ports firewall security_groups inbound external_ports ingress",
        "externalPorts",
        "write `externalPorts: [80, 443]`",
    ),
    **_share(
        "userdata user_data user-data cloud_init cloudinit cloud-init cloud_config init custom_data cicustom script",
        "cloudInit",
        "write `cloudInit:` with a text, a mapping or a template",
    ),
    **_share("replicas number amount instance_count quantity scale", "count", "write `count: 3`"),
    **_share(
        "os os_image ostype template ami source_image base_image distro image_id image_name",
        "image",
        "write `image: ubuntu-2404`",
    ),
    **_share("profile os_profile preference", "instanceProfile", "write `instanceProfile: ubuntu`, usually omitted"),
    **_share(
        "volumes volume data_disks extra_disks additional_disks attached_disk ebs pvc", "disks", "write `disks: {data: 50Gi}`"
    ),
    **_share("datastore storage_pool", "storageClass", "write `storageClass: replicated`"),
    **_share("cdrom cd dvd iso", "disks", "write `disks: {iso: {url: https://..., optical: true, storage: 2Gi}}`"),
    **_share("boot boot_order bootdisk", "", "the system disk comes first when a VM boots; remove it"),
    **_share(
        "packages runcmd bootcmd write_files files timezone locale ntp swap mounts commands command provisioner",
        "cloudInit",
        "packages, files and commands belong to cloud-init: `cloudInit: {packages: [nginx]}`",
    ),
    **_share(
        "agent qemu_agent qemu_guest_agent guest_agent",
        "cloudInit",
        "the guest agent is a package: write `cloudInit: {packages: [qemu-guest-agent]}`",
    ),
    **_share(
        "hostname fqdn domain", "", "the host name is the VM's name; a domain belongs to cloud-init: `cloudInit: {fqdn: ...}`"
    ),
    **_share(
        "ip ipv4 ip_address address public_ip floating_ip assign_public_ip public external_ip",
        "external",
        "write `external: true` for a public address; the platform chooses it",
    ),
    **_share(
        "net nic nics interface interfaces network_interface vlan bridge mac mac_address dns nameserver gateway ipconfig vpc",
        "",
        "the platform connects each VM to the network of its tenant; remove it",
    ),
    **_share(
        "zone node region host datacenter availability_zone target_node location node_selector affinity anti_affinity"
        " pod_anti_affinity tolerations scheduling",
        "",
        "the platform chooses the node",
    ),
    **_share(
        "bios uefi efi efidisk firmware machine arch architecture chipset tpm tpmstate secureboot secure_boot scsi scsihw"
        " virtio ide sata vga graphics video console serial vnc hotplug balloon numa usb pci kvm",
        "",
        "the platform sets the virtual hardware; remove it",
    ),
    **_share(
        "backup backups snapshot snapshots", "", "a backup plan is an object of its own, outside of environments; remove it"
    ),
    **_share("depends_on startup start_order", "", "VMs start in any order; remove it"),
    **_share("cluster cluster_name kubeconfig", "", "`cluster:` is a key at the top of the file"),
    **_share("description desc comment notes owner", "annotations", "write a comment, or `annotations:`"),
}
_DISK_WORDS = {
    **_share("size capacity gb size_gb size_in_gb disk_size volume_size", "storage", "write `storage: 50Gi`"),
    **_share(
        "class type storage_class pool datastore storageclassname ssd iops cache discard encrypted throughput",
        "storageClass",
        "the storage class decides how data is kept: write `storageClass: replicated`",
    ),
    **_share("iso cdrom", "url", "write `{url: https://..., optical: true, storage: 2Gi}`"),
    **_share("source from snapshot file volume_id pvc pvc_name", "", "write `image:`, `url:`, `clone:` or `upload: true`"),
    **_share(
        "retain keep persistent delete_on_termination prevent_destroy reclaim_policy lifecycle deletion_protection",
        "protect",
        "a disk is kept until `retire:` names it; write `protect: true`",
    ),
    **_share(
        "vm vms attach attach_to attached_to attachments",
        "",
        "a disk of a group belongs to its VM; a standalone disk is attached where a VM names it: `attach: [NAME]`",
    ),
    **_share("name id device", "", "the name of a disk is its key; remove it"),
    **_share("description desc comment notes owner", "annotations", "write a comment, or `annotations:`"),
    **_share("mount mountpoint path format fs filesystem", "", "create file systems in the VM: `cloudInit: {fs_setup: ...}`"),
}
_OF_A_GROUP = "keys of VMs belong to a group, or below `defaults:`"
_ROOT_WORDS = {
    **_share(
        "machines servers instances hosts groups vm virtualmachines nodes services resource resources", "vms", "write `vms:`"
    ),
    **_share("tenant project ns", "namespace", "write `namespace: tenant-NAME`"),
    **_share("provider cloud", "platform", "write `platform: hikube`"),
    **_share("version", "platformVersion", 'write `platformVersion: "1"`'),
    **_share("include includes import imports base bases parent inherit inherits from", "extends", "write `extends: [FILE]`"),
    **_share("volume volumes disk", "disks", "write `disks: {NAME: {storage: 50Gi}}`, or `disks:` in a group"),
    **_share("quota quotas limits", "budget", "write `budget:` with the most that the environment may have"),
    **_share(
        "argo argocd flux gitops sync destination project_name",
        "delivery",
        "write `delivery: {argocd: ...}` or `delivery: {flux: ...}`",
    ),
    **_share("context kubeconfig", "cluster", "write `cluster: NAME`"),
    **_share("secret secrets", "", "a secret does not belong in Git: see docs/secrets.md"),
    **_share("description desc comment notes owner team", "annotations", "write a comment, or `annotations:`"),
    **_share("apiversion kind spec", "", "this is a manifest; `vmgen import FILE` converts it to an environment"),
    **_share("name environment env", "", "the name of an environment is the name of its file"),
    **_share("tags", "labels", "write `labels: {team: shop}`"),
    **_share("variables values locals", "vars", "write `vars:`"),
    **_share(
        "image instancetype instanceprofile sshkeys storage storageclass cloudinit cloudinitseed url clone upload system"
        " previous attach external externalports externalmethod externalallowicmp running runstrategy networks subnets gpus"
        " cpumodel protect count skip names",
        "",
        _OF_A_GROUP,
    ),
}
_TABLES = {"instanceType": _GROUP_WORDS, "optical": _DISK_WORDS, "retire": _ROOT_WORDS}
_MAX_PORT = 65535
_SIZE = r"(?i)(?P<number>[0-9]{1,18})(?:\.0+)?\s*(?P<unit>[kmgt])?i?b?"
_SIZE_KEYS = ("storage", "memory")
_BINARY_UNITS = ((1024**4, "Ti"), (1024**3, "Gi"), (1024**2, "Mi"))
# An entry of a list of mappings, as it is written.
_ENTRIES = {
    "retire": "{disk: NAME, reason: ...}",
    "waivers": "{rule: ..., subject: ..., reason: ..., until: 2026-12-31}",
}
_RUNNING = {"started": "true", "running": "true", "up": "true", "stopped": "false", "halted": "false", "down": "false"}


def translate_key(name: str, known_keys: Mapping[str, Any]) -> Translation | None:
    """Return how a key of other tools is written among the known keys; None if no tool is known to have it."""
    table = next((table for marker, table in _TABLES.items() if marker in known_keys), {})
    # `instanceType` of one tool is `instance_type` of another, and `net0` is the first of several.
    word = name.rstrip("0123456789")
    words = (word.lower(), re.sub(r"(?<=[a-z])(?=[A-Z])", "_", word).lower())
    translation = next((table[word] for word in words if word in table), None)
    if translation is None and table is _ROOT_WORDS and not _GROUP_WORDS.keys().isdisjoint(words):
        return Translation("", _OF_A_GROUP)
    return translation


def suggest_value(path: KeyPath, data: Any) -> str:
    """Return how a value of other tools is written at a path; empty if that is not known."""
    key = path[-1] if path else ""
    if path[-2:-1] == ("externalPorts",) or key == "externalPorts":
        return _suggest_ports(data, is_item=key != "externalPorts")
    if isinstance(data, str | int) and not isinstance(data, bool):
        if key in _SIZE_KEYS or path[-2:-1] == ("disks",):
            return _suggest_size(data)
        if key in ("names", "attach", "skip"):
            return f"write a list: `{key}: [...]`"
    if key in _ENTRIES and not isinstance(data, tuple):
        return f"write a list: `{key}: [{_ENTRIES[key]}]`"
    if path[-2:-1] and path[-2] in _ENTRIES and not isinstance(data, dict):
        return f"write `{_ENTRIES[path[-2]]}`"
    if key == "disks" and isinstance(data, tuple):
        return "write names and sizes: `disks: {data: 50Gi}`"
    if key == "running" and isinstance(data, str):
        return f"write {_RUNNING[data.lower()]}" if data.lower() in _RUNNING else ""
    if key in ("labels", "annotations") and isinstance(data, tuple | str):
        return f"write `{key}: {{team: shop}}`"
    return "write a list: `sshKeys: [ssh-ed25519 AAAA...]`" if key == "sshKeys" and isinstance(data, str) else ""


def _suggest_ports(data: Any, *, is_item: bool) -> str:
    if isinstance(data, int) and not isinstance(data, bool):
        return f"write a list: `externalPorts: [{data}]`" if not is_item and 0 < data <= _MAX_PORT else ""
    if not isinstance(data, str):
        return ""
    text = data.strip().lower()
    if text.isdecimal() and not is_item:
        return f"write a list: `externalPorts: [{text}]`"
    if "udp" in text:
        return "only TCP can be listed; UDP needs `externalMethod: WholeIP`, which opens every port"
    match = re.fullmatch(r"(\d{1,5})\s*/\s*tcp", text) or re.fullmatch(r"tcp\s*[/:]\s*(\d{1,5})", text)
    if match:
        return f"all listed ports are TCP: write {match[1]}"
    if re.fullmatch(r"\d{1,5}\s*(?:-|\.\.)\s*\d{1,5}", text):
        return "a range cannot be listed: write each port, or `externalMethod: WholeIP`"
    if re.fullmatch(r"\d{1,5}:\d{1,5}(?:/tcp)?", text):
        return "ports are not mapped: write the port on which the VM listens"
    if re.fullmatch(r"\d{1,5}(?:[,\s]+\d{1,5})+", text):
        return f"write a list: `externalPorts: [{', '.join(re.findall(r'[0-9]+', text))}]`"
    return "write its number, such as 80" if text.isalpha() else ""


def _suggest_size(data: str | int) -> str:
    match = re.fullmatch(_SIZE, str(data).strip())
    if not match:
        return ""
    number, unit = int(match["number"]), (match["unit"] or "").upper()
    if unit in ("M", "G", "T") and number:
        return f"write {number}{unit}i"
    # A bare number that is this large counts bytes, and a small one was meant in GiB.
    if not unit and number >= 1024**2:
        for factor, suffix in _BINARY_UNITS:
            if number >= factor:
                # Rounded up: a disk must hold what was in it.
                return f"write {-(-number // factor)}{suffix}"
    return f"write {number}Gi" if not unit and 0 < number < 100_000 else ""
