"""Advice on a cloud-config beyond the published schema: old keys, numbers for texts, templates for texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from vmgen.cloud_init.document import TextValue, UserDataFinding
from vmgen.cloud_init.rules import INVALID_SYNTAX, TEMPLATE_AS_TEXT
from vmgen.read.located import KeyPath

# Keys that cloud-init reads although its schema has none: cc_apt_configure.py (convert_v2_to_v3_apt_format), cc_rsyslog.py
# (load_config). Each with what replaces it.
OLD_KEYS = {
    "apt_sources": "apt: {sources: {NAME: {source: ...}}}",
    "apt_mirror": "apt: {primary: [{arches: [default], uri: ...}]}",
    "apt_mirror_search": "apt: {primary: [{arches: [default], search: [...]}]}",
    "apt_mirror_search_dns": "apt: {primary: [{arches: [default], search_dns: ...}]}",
    "apt_proxy": "apt: {proxy: ...}",
    "apt_http_proxy": "apt: {http_proxy: ...}",
    "apt_https_proxy": "apt: {https_proxy: ...}",
    "apt_ftp_proxy": "apt: {ftp_proxy: ...}",
    "apt_preserve_sources_list": "apt: {preserve_sources_list: ...}",
    "apt_custom_sources_list": "apt: {sources_list: ...}",
    "add_apt_repo_match": "apt: {add_apt_repo_match: ...}",
    "rsyslog_filename": "rsyslog: {config_filename: ...}",
    "rsyslog_dir": "rsyslog: {config_dir: ...}",
}
# Keys of other tools, each with its replacement.
FOREIGN_KEYS = {
    "network": "cloud-init reads no network from user data; write a netplan file with `write_files`, and apply it in `runcmd`",
    "ssh-authorized-keys": "write `ssh_authorized_keys`",
    "ssh-import-id": "write `ssh_import_id`",
    "manage-etc-hosts": "write `manage_etc_hosts`",
    "manage-resolv-conf": "write `manage_resolv_conf`",
    "coreos": "it belongs to CoreOS's cloud-config; write `write_files` and `runcmd`",
    "rancher": "it belongs to RancherOS; write `write_files` and `runcmd`",
    "k3os": "it belongs to k3OS; write `write_files` and `runcmd`",
    "storage": "it belongs to Ignition; write `write_files`, or `disk_setup` and `fs_setup`",
    "systemd": "it belongs to Ignition; write the unit with `write_files`, and enable it in `runcmd`",
    "ssh_keys_to_add": "write `ssh_authorized_keys`",
    "commands": "write `runcmd`",
    "scripts": "write `write_files` and `runcmd`",
    "files": "write `write_files`",
    "file": "write `write_files`; in an environment, `template:` names a file of templates/cloud-init/ with the whole text",
    "package": "write `packages`",
    "env": "cloud-init sets no environment variables; write /etc/environment with `write_files`",
    "environment": "cloud-init sets no environment variables; write /etc/environment with `write_files`",
}
# What YAML 1.1, which cloud-init reads, takes for true or false.
_BOOLEANS = ("true", "false", "yes", "no", "on", "off")
_PERMISSION_KEYS = ("permissions", "mode")
_EXPRESSION = r"\{\{-?\s*[A-Za-z_]|\{%-?\s*[a-z]"
_OWN_VARIABLE = re.compile(r"\{\{-?\s*vm\.(?:name|number|index|group|namespace|disks)\b")
TEMPLATE_LINES = ("cloudInit:", "  text: |")


def suggest_type(expected: tuple[str, ...], path: KeyPath, value: Any, source: str) -> str:
    """Return how to write a value as one of the types that are expected there; empty if that is not known.

    The usual cause is a value that YAML reads as another type, such as `0644`, `yes` or `a: b`, and then quotes are the remedy.
    `expected` are types in the words of messages, and `source` is the text of the file. No value is repeated but permissions.
    """
    if "text" in expected and isinstance(value, int | float):
        return _suggest_text(path, value, source)
    if "text" in expected and isinstance(value, dict) and len(value) == 1 and isinstance(path[-1], int):
        return "; quote it: after a colon and a blank YAML begins a mapping"
    if not isinstance(value, str):
        return ""
    is_boolean = "true or false" in expected and value.lower() in _BOOLEANS
    is_number = "a whole number" in expected and value.isdecimal()
    if is_boolean or is_number:  # as YAML 1.1 reads them without quotes
        return "; remove the quotes"
    return "; write each item on a line of its own, after `- `" if expected == ("a list",) else ""


def _suggest_text(path: KeyPath, value: float, source: str) -> str:
    """Return how to write a number, or true and false, where a text is meant; `source` is the text of the file there.

    Only permissions are repeated: another number may be a secret.
    """
    if path[-1] not in _PERMISSION_KEYS or type(value) is not int or not 0 <= value <= 0o77777:
        return "; quote it"
    if source.startswith("0"):
        return f'; write "{source.replace("0o", "0")}" in quotes'
    if _is_mode(source):
        return f'; write "0{source.zfill(3)}" in quotes: cloud-init reads the number as 0{value:o}'
    return f'; write "0{value:o}" in quotes'


def _is_mode(digits: str) -> bool:
    """Return True if digits read as permissions, such as 644: the owner may do at least what others may."""
    if not re.fullmatch(r"[0-7]{3,4}", digits):
        return False
    owner, group, other = (int(digit) for digit in digits[-3:])
    return owner | group == owner and group | other == group


def explain_syntax(finding: UserDataFinding, text: str) -> UserDataFinding:
    """Return a syntax error, in other words if the text is a template that was pasted as a text."""
    lines = text.split("\n")
    near = lines[max(finding.line - 1, 0) : finding.line + 1]
    if finding.rule is not INVALID_SYNTAX or not any(
        re.search(_EXPRESSION, line) for line in (*near, *(line for line in lines if line.lstrip().startswith("{%")))
    ):
        return finding
    message = (
        "looks like a Jinja template, but plain text is not rendered; write it below `text:`, with vm.name and vars as its "
        "variables, or as a file in templates/cloud-init/, named by `template:`. Begin it with `## template: jinja` where "
        "cloud-init should render it"
    )
    return finding._replace(message=message, lines=TEMPLATE_LINES)


def find_own_variables(texts: Iterable[TextValue]) -> Iterator[UserDataFinding]:
    """Yield the first text in which a variable of our templates would go out unchanged."""
    for text in texts:
        match = _OWN_VARIABLE.search(text.value)
        if match:
            inner_line = text.value.count("\n", 0, match.start())
            line = text.line + 1 + inner_line if text.is_block else text.line
            message = "template variables are not replaced here; write the whole text below `text:`"
            yield UserDataFinding(
                TEMPLATE_AS_TEXT, message, line, 0, text.path, inner_line if text.is_block else -1, TEMPLATE_LINES
            )
            return
