"""What a message on a cloud-config says beyond the published schema: old keys, numbers, templates, duplicate keys."""

from __future__ import annotations

import pytest

from vmgen.cloud_init.advice import TEMPLATE_LINES
from vmgen.cloud_init.validate import check_text

DEPRECATED, UNKNOWN, INVALID, SYNTAX, TEMPLATE = (
    "deprecated-cloud-config",
    "unknown-cloud-config-key",
    "invalid-cloud-config",
    "cloud-config-syntax",
    "template-as-text",
)
# A cloud-config without its header, the rule, the line of the finding from 0, and a piece of its message.
OLD = {
    "apt_sources": ("apt_sources:\n  - source: ppa:shop/tools", DEPRECATED, 1, "Write `apt: {sources: {NAME:"),
    "apt_proxy": ("runcmd: [ls]\napt_proxy: http://x", DEPRECATED, 2, "Write `apt: {proxy: ...}`"),
    "apt_preserve_sources_list": ("apt_preserve_sources_list: true", DEPRECATED, 1, "`apt: {preserve_sources_list: ...}`"),
    "apt_mirror": ("apt_mirror: http://x", DEPRECATED, 1, "`apt: {primary: [{arches: [default], uri: ...}]}`"),
    "rsyslog_dir": ("rsyslog_dir: /x", DEPRECATED, 1, "`rsyslog: {config_dir: ...}`"),
    "network": ("network: {version: 2}", UNKNOWN, 1, "cloud-init reads no network from user data"),
    "hyphens": ("ssh-authorized-keys: [x]", UNKNOWN, 1, "write `ssh_authorized_keys`"),
    "Ignition": ("systemd: {units: []}", UNKNOWN, 1, "it belongs to Ignition"),
}
FILE = "write_files:\n  - path: /a\n    permissions: "
NUMBERS = {
    "octal": (f"{FILE}0644", INVALID, 3, 'must be text; write "0644" in quotes'),
    "octal of YAML 1.2": (f"{FILE}0o755", "", 3, ""),  # text to cloud-init's parser
    "decimal that is meant as octal": (
        f"{FILE}644",
        INVALID,
        3,
        'write "0644" in quotes: cloud-init reads the number as 01204',
    ),
    "decimal": (f"{FILE}420", INVALID, 3, 'write "0644" in quotes'),
    "short": (f"{FILE}0600", INVALID, 3, 'write "0600" in quotes'),
    "another text": ("timezone: 1", INVALID, 1, "must be text; quote it"),
    "a boolean": ("timezone: on", INVALID, 1, "must be text; quote it"),
}
TYPES = {
    "a command with a colon": (
        'runcmd:\n  - echo "a: b"',
        INVALID,
        2,
        "; quote it: after a colon and a blank YAML begins a mapping",
    ),
    "a boot command with a colon": ("bootcmd:\n  - logger note: x", INVALID, 2, "; quote it: after a colon"),
    "a mapping that is meant as one": ("runcmd:\n  - {a: 1, b: 2}", INVALID, 2, "must be a list or text or empty"),
    "one item": ("ssh_import_id: gh:ops", INVALID, 1, "must be a list; write each item on a line of its own, after `- `"),
    "one server": ("ntp: {servers: ntp.example.com}", INVALID, 1, "must be a list; write each item on a line of its own"),
    "a boolean in quotes": ("write_files: [{path: /a, defer: 'true'}]", INVALID, 1, "must be true or false; remove the quotes"),
    "another word in quotes": ("package_update: 'On'", INVALID, 1, "must be true or false; remove the quotes"),
    "no boolean": ("package_update: later", INVALID, 1, "must be true or false"),
    "a number in quotes": (
        "power_state: {mode: reboot, timeout: '30'}",
        INVALID,
        1,
        "must be a whole number; remove the quotes",
    ),
}
PASTED = {
    "braces": ("hostname: {{ hostname }}\nfqdn: x", SYNTAX, 1, "looks like a Jinja template"),
    "braces and text": ("hostname: x\nfqdn: {{ hostname }}.shop.example", SYNTAX, 2, "looks like a Jinja template"),
    "a loop": ("packages:\n{% for p in packages %}\n  - {{ p }}\n{% endfor %}", SYNTAX, 2, "looks like a Jinja template"),
    "a condition": ("{% if a %}\nruncmd: [ls]\n{% endif %}", SYNTAX, 1, "looks like a Jinja template"),
    "a list": ("packages: {{ packages }}\nruncmd: [ls]", SYNTAX, 1, "looks like a Jinja template"),
    "ours in quotes": ('hostname: "{{ vm.name }}"', TEMPLATE, 1, "template variables are not replaced here"),
    "ours in a block": ("runcmd:\n  - |\n    a\n    echo {{ vm.number }}", TEMPLATE, 4, "write the whole text below `text:`"),
}
ALL = {**OLD, **NUMBERS, **TYPES, **PASTED}


@pytest.mark.parametrize(("text", "rule", "line", "says"), ALL.values(), ids=ALL)
def test_advice(text: str, rule: str, line: int, says: str) -> None:
    """A message says what to write, and not what the parser or the schema stumbled over."""
    findings = check_text(f"#cloud-config\n{text}\n")
    assert [(finding.rule.id, finding.line) for finding in findings] == ([(rule, line)] if rule else [])
    assert all(says in finding.message for finding in findings)
    assert all((finding.lines == TEMPLATE_LINES) is (text in [row[0] for row in PASTED.values()]) for finding in findings)


FINE = (
    "runcmd: [\"docker ps --format '{{.Names}}'\"]",
    "runcmd: ['podman inspect -f {{ .State }} x']",
    "write_files: [{path: /a.j2, content: '{{ item.name }}'}]",
    "write_files: [{path: /a, permissions: '0644'}]",
)


@pytest.mark.parametrize("text", FINE)
def test_braces_of_others(text: str) -> None:
    """Braces of Go templates and of Ansible are text, and no template of ours."""
    assert check_text(f"#cloud-config\n{text}\n") == ()


def test_duplicate_key() -> None:
    """A key that stands twice says which of the two cloud-init would take."""
    (finding,) = check_text("#cloud-config\nruncmd: [a]\nruncmd: [b]\n")
    assert "cloud-init would use this one and drop the first: put both values under one key" in finding.message
