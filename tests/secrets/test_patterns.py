"""What looks like a secret and is none: references, open places, locked passwords, prose."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.secrets import harmless
from vmgen.secrets.cloud_config import find_cloud_config_secrets
from vmgen.secrets.patterns import find_secrets

LINES = (
    "export DB_PASSWORD=${db_password}",
    'export DB_PASSWORD="$DB_PASSWORD"',
    "TOKEN=$(curl -s http://169.254.169.254/token)",
    "API_KEY=`cat /run/secrets/api`",
    "password: {{ ds.meta_data.password }}",
    "password: <your password>",
    "password: ''",
    "password: ********",
    "PASSWORD_FILE=/run/secrets/db",
    "token: /var/run/token",
    "--password-file /etc/pw",
    "ops ALL=(ALL) NOPASSWD:ALL",
    "lock_passwd: true",
    "ssh_pwauth: false",
    "chpasswd: {expire: false}",
    "passwd: files systemd",
    "PasswordAuthentication no",
    "PWD=/srv/app",
    "git clone https://git.example/x.git",
    "git clone https://ops:${TOKEN}@git.example/x.git",
    "proxy: http://[[user][:pass]@]host[:port]/",
    "# the password: see the vault of the team",
    "#     trust_password: password required to add new clients",
    "ubuntu_pro: {token: <ubuntu_pro_token>}",
    "read -s PASSWORD",
    'if [ -z "$TOKEN" ]; then exit 1; fi',
    "kubeadm token list",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@shop",
    "sha256sum 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "public_key: abcdefghijklmnop",
    "max_token: 100",
)
CONFIGS = (
    {"password": "${db_password}"},
    {"password": "{{ ds.meta_data.password }}"},
    {"users": [{"name": "ops", "lock_passwd": True, "passwd": "*"}]},
    {"users": [{"name": "ops", "hashed_passwd": "!"}]},
    {"chpasswd": {"list": "root:R\nops:RANDOM\n", "expire": False}},
    {"chpasswd": {"users": [{"name": "ops", "type": "RANDOM"}]}},
    {"chef": {"encrypted_data_bag_secret": "/etc/chef/encrypted_data_bag_secret"}},
    {"write_files": [{"path": "/x", "encoding": "b64", "content": "aGVsbG8="}]},
    {"write_files": [{"path": "/x", "encoding": "b64", "content": "not base64 at all!"}]},
    {"write_files": [{"path": "/x", "encoding": "gz+b64", "content": "aGVsbG8="}]},
    {"write_files": "not a list"},
    {"chpasswd": ["not a mapping"]},
    ["not a mapping"],
)


@pytest.mark.parametrize("line", LINES)
def test_line(line: str) -> None:
    """Nothing in the line is said to be a secret."""
    assert list(find_secrets(line)) == []


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_config(config: object) -> None:
    """No key of the cloud-config is said to hold a secret."""
    assert list(find_cloud_config_secrets(config)) == []


def test_lines_are_numbered() -> None:
    """A sighting says on which line it is, and carries no value."""
    text = "one\ntwo\nDB_PASSWORD=" + "hunter22"
    assert [tuple(found) for found in find_secrets(text)] == [(2, "a value with the name of a secret")]


@given(st.from_regex(r"[A-Za-z0-9-]{0,12}[0-9][A-Za-z0-9-]{0,12}", fullmatch=True))
def test_a_word_with_a_digit_is_no_reference(word: str) -> None:
    """No pattern of references and placeholders matches a word with a digit, which is answered without them."""
    patterns = (
        *(harmless._TEMPLATE_EXPRESSION, harmless._FALLBACK, harmless._SHELL_EXPANSION),
        *(harmless._PLACEHOLDER, harmless._REPEATED_CHARACTER, harmless._VAULT_REFERENCE, harmless._CHANGE_ME),
    )
    assert not any(re.fullmatch(pattern, word) for pattern in patterns)
    assert not any(re.search(pattern, word) for pattern in patterns[:3])
    assert not harmless.is_reference(word)
    assert not harmless.is_reference(word, in_shell=True)
    assert not harmless.is_change_me(word)


@pytest.mark.parametrize("word", ["CHANGEME", "your-password", "xxxx", "---", "none", ""])
def test_a_word_without_a_digit_may_ask_to_be_replaced(word: str) -> None:
    """A word without a digit is compared with the patterns."""
    assert harmless.is_reference(word) or harmless.is_change_me(word)
