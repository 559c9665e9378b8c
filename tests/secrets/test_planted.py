"""Planted secrets: every one is found, and none is shown, in any format. They are put together here, so that no scanner
takes this file for a leak."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from vmgen.report.problems import FORMATS

SECRET_RULES = ("secret-in-cloud-init", "password-hash-in-cloud-init", "secret-in-manifest")


def _made(length: int, alphabet: str = "aB3xY7kQ9mZ2") -> str:
    """Letters and digits that nobody uses."""
    return (alphabet * (length // len(alphabet) + 1))[:length]


WORD = "hunter" + "2" * 4
PEM = "-----BEGIN " + "OPENSSH PRIV" + "ATE KEY-----"
CRYPT = "$6$" + "saltsalt$" + _made(43)
TOKEN = _made(36)

# By shape: lines of a script, each with the part of it that must never be shown.
LINES: dict[str, list[tuple[str, str]]] = {
    "private key": [(f"{PEM}", "OPENSSH PRIV"), ("# " + PEM.replace("OPENSSH ", "RSA "), "RSA PRIV")],
    "password hash": [
        (f"usermod -p '{CRYPT}' ops", CRYPT),
        (f"root:{CRYPT}:19000::", CRYPT),
        ("{SS" + f"HA}}{_made(30)}", _made(30)),
    ],
    "AWS": [
        ("aws configure set id " + "AK" + "IA" + "QWERTYUIOPASDFGH", "QWERTYUIOPASDFGH"),
        (f"AWS_SECRET_ACCESS_KEY={_made(40)}", _made(40)),
    ],
    "GitHub": [("git clone " + "gh" + f"p_{TOKEN}", TOKEN), ("gith" + f"ub_pat_{_made(50)}", _made(50))],
    "GitLab": [("curl " + "gl" + f"pat-{_made(20)}", _made(20))],
    "Slack": [
        ("say " + "xo" + f"xb-{_made(24)}", _made(24)),
        ("curl https://hooks.sl" + f"ack.com/services/{_made(30)}", _made(30)),
    ],
    "Google": [("gcloud " + "AI" + f"za{_made(35)}", _made(35))],
    "Stripe": [("pay " + "sk" + f"_live_{_made(24)}", _made(24))],
    "npm and PyPI": [("npm set " + "np" + f"m_{TOKEN}", TOKEN), ("twine " + "py" + f"pi-{_made(60)}", _made(60))],
    "Vault": [("vault login " + "hv" + f"s.{_made(24)}", _made(24))],
    "JSON web token": [("call " + "ey" + f"J{_made(12)}." + "ey" + f"J{_made(12)}.{_made(20)}", _made(20))],
    "bootstrap token": [("kubeadm join 10.0.0.1 --token abc123.0123456789abcdef", "abc123.0123456789abcdef")],
    "login in a URL": [
        (f"git clone https://ops:{WORD}@git.example/x.git", WORD),
        (f"export HTTPS_PROXY=http://ops:{WORD}@proxy:3128", WORD),
        (f"psql postgres://app:{WORD}@db/shop", WORD),
    ],
    "variable": [
        (f"export DB_PASSWORD={WORD}", WORD),
        (f"API_TOKEN='{WORD}' ./run", WORD),
        (f"client_secret: {WORD}", WORD),
        (f'{{"password": "{WORD}"}}', WORD),
        (f"echo dbPassword={WORD} >> /etc/app.conf", WORD),
        (f"# password: {WORD}", WORD),
    ],
    "command line": [
        (f"app --password {WORD}", WORD),
        (f"app --api-key={WORD}", WORD),
        (f"mysql -u root -p{WORD} shop", WORD),
        (f"sshpass -p {WORD} ssh ops@db", WORD),
        (f"curl -u ops:{WORD} https://x.example", WORD),
        (f"htpasswd -bc /etc/nginx/auth ops {WORD}", WORD),
    ],
    "chpasswd": [(f"echo 'root:{WORD}' | chpasswd", WORD), (f"echo {WORD} | sudo passwd --stdin ops", WORD)],
    "header": [
        (f"curl -H 'Authorization: Bearer {TOKEN}' x.example", TOKEN),
        (f"curl -H 'X-Vault-Token: {WORD}' x.example", WORD),
    ],
    "SQL": [(f"psql -c \"CREATE ROLE app PASSWORD '{WORD}'\"", WORD), (f"CREATE USER x IDENTIFIED BY '{WORD}';", WORD)],
    "netrc": [(f"machine git.example login ops password {WORD}", WORD)],
    "WireGuard": [(f"PrivateKey = {_made(43)}=", _made(43))],
}


def _files(content: str, encoding: str = "") -> dict[str, Any]:
    return {"write_files": [{"path": "/etc/x", "content": content, **({"encoding": encoding} if encoding else {})}]}


PEM_FILE = f"{PEM}\n{_made(60)}\n".encode()
# Cloud-configs whose keys say what is secret, each with the part that must never be shown.
CONFIGS: list[tuple[dict[str, Any], str]] = [
    ({"password": WORD}, WORD),
    ({"password": 123456789}, "123456789"),
    ({"chpasswd": {"list": f"root:R\nops:{WORD}\n"}}, WORD),
    ({"chpasswd": {"list": [f"ops:{WORD}"]}}, WORD),
    ({"chpasswd": {"users": [{"name": "ops", "password": WORD, "type": "text"}]}}, WORD),
    ({"chpasswd": {"users": [{"name": "ops", "password": CRYPT}]}}, CRYPT),
    ({"users": [{"name": "ops", "plain_text_passwd": WORD}]}, WORD),
    ({"users": [{"name": "ops", "hashed_passwd": CRYPT}]}, CRYPT),
    ({"users": [{"name": "ops", "passwd": CRYPT}]}, CRYPT),
    ({"user": {"name": "ops", "passwd": WORD}}, WORD),
    ({"ssh_keys": {"ed25519_private": f"{PEM}\n{_made(60)}\n"}}, _made(60)),
    (_files(f"[db]\npassword = {WORD}\n"), WORD),
    (_files(base64.b64encode(PEM_FILE).decode(), "b64"), base64.b64encode(PEM_FILE).decode()),
    (_files(base64.b64encode(gzip.compress(PEM_FILE, mtime=0)).decode(), "gz+b64"), "H4sI"),
    ({"apt": {"sources": {"own": {"source": f"deb https://ops:{WORD}@apt.example stable main"}}}}, WORD),
    ({"yum_repos": {"own": {"baseurl": "https://yum.example", "password": WORD}}}, WORD),
    ({"rh_subscription": {"username": "ops", "password": WORD}}, WORD),
    ({"rh_subscription": {"activation_key": WORD, "org": "1"}}, WORD),
    ({"ubuntu_pro": {"token": WORD}}, WORD),
    ({"landscape": {"client": {"account_name": "a", "computer_title": "b", "registration_key": WORD}}}, WORD),
    ({"salt_minion": {"private_key": PEM}}, "OPENSSH PRIV"),
    ({"runcmd": [["sh", "-c", f"export X_SECRET={WORD}"]]}, WORD),
    ({"bootcmd": [f"export X_TOKEN={WORD}"]}, WORD),
    (
        {"wireguard": {"interfaces": [{"name": "wg0", "config_path": "/etc/wg0.conf", "content": f"PrivateKey={_made(43)}="}]}},
        _made(43),
    ),
]


def _planted() -> Iterator[tuple[str, Any, str]]:
    """Each secret in a form of `cloudInit`: a script, a text, a mapping, a template, a fragment."""
    for number, (line, part) in enumerate(pair for pairs in LINES.values() for pair in pairs):
        yield f"script{number}", f"#!/bin/sh\nset -e\n{line}\n", part
        yield f"command{number}", {"runcmd": [line]}, part
        yield f"file{number}", "#cloud-config\n" + json.dumps(_files(f"one\n{line}\n")) + "\n", part
    for number, (config, part) in enumerate(CONFIGS):
        yield f"mapping{number}", config, part
        yield f"text{number}", "#cloud-config\n" + json.dumps(config) + "\n", part
        yield f"fragment{number}", {"merge": ["_base.yaml", config]}, part
        yield f"template{number}", {"template": f"{number}.j2"}, part


PLANTED = list(_planted())


@pytest.fixture(scope="module")
def planted(new_repository: Callable[..., Any]) -> Any:
    """A repository in which each VM group has one secret."""
    vms = {name: {"cloudInit": form} for name, form, _ in PLANTED}
    environment = {
        "namespace": "tenant-acme",
        "annotations": {"example.com/api-token": WORD},
        "defaults": {"instanceType": "u1.medium", "image": "ubuntu-2404"},
        "vms": {**vms, "url": {"image": None, "url": f"https://ops:{WORD}@images.example/x.img", "storage": "20Gi"}},
    }
    templates = {f"templates/cloud-init/{n}.j2": "#cloud-config\n" + json.dumps(each) for n, (each, _) in enumerate(CONFIGS)}
    base = {"environments/_base.yaml": "packages: [nginx]\n"}
    return new_repository({"environments/production.yaml": json.dumps(environment, indent=1), **templates, **base})


@pytest.fixture(scope="module")
def found(planted: Any) -> list[dict[str, Any]]:
    """What is found, as data."""
    result = planted.run("render", "-o", "json")
    assert result.code == 1
    problems = json.loads(result.stdout)["problems"]
    return [problem for problem in problems if problem["rule"] in SECRET_RULES and problem["severity"] == "error"]


def test_every_one_is_found(found: list[dict[str, Any]]) -> None:
    """Each VM's secret is an error at its own key."""
    subjects = {re.match(r"vms\.([a-z0-9]+)|", problem["subject"])[1] for problem in found}  # type: ignore[index]
    assert subjects - {None, "url"} == {name for name, _, _ in PLANTED}


def test_outside_of_cloud_init(found: list[dict[str, Any]]) -> None:
    """An annotation and an address are looked at too."""
    subjects = {problem["subject"] for problem in found if problem["rule"] == "secret-in-manifest"}
    assert subjects == {"annotations.example.com/api-token", "vms.url.url"}


def test_nothing_is_written(planted: Any, found: list[dict[str, Any]]) -> None:
    """A secret never reaches manifests/."""
    assert found
    assert not (planted.root / "manifests").exists()


@pytest.mark.parametrize("form", list(FORMATS))
def test_none_is_shown(planted: Any, form: str) -> None:
    """No format repeats a value, or what is around it."""
    result = planted.run("render", "-o", form)
    said = result.stdout + result.messages
    assert "secret-in-cloud-init" in said
    assert [part for _, _, part in PLANTED if part in said] == []
    assert WORD not in said
