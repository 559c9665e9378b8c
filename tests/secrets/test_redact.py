"""Redaction: no secret is shown by plan or check, in whatever format and wherever it stands."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from vmgen.report.problems import FORMATS
from vmgen.secrets.redact import (
    REDACTED,
    redact_line,
    redact_subject,
    redact_text,
    redact_tokens,
    redact_user_data_line,
    redact_value,
)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0xXm1Wz4cQ7Yk3tD4mQm1b9kq4Zy9u3jv0p6T0b2c7 ops@one"
BASE64 = "AAAAC3NzaC1lZDI1NTE5AAAAIJ0xXm1Wz4cQ7Yk3tD4mQm1b9kq4Zy9u3jv0p6T0b2c7"
PRIVATE = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAAhunter2\n-----END OPENSSH PRIVATE KEY-----\n"
# What a user may have put where vmgen does not see that it is one.
SECRETS = ("hunter2", "correct-horse", "s3cr3tquery", "p4ssinurl", "b3BlbnNzaC1rZXktdjE", "opensesame")
OLD = """\
namespace: tenant-acme
vms:
  web:
    instanceType: u1.large
    image: ubuntu-2404
"""
NEW = """\
namespace: tenant-acme
annotations: {deploy-token: opensesame}
vms:
  web:
    count: 1
    name: web
    instanceType: u1.large
    url: "https://user:p4ssinurl@example.com/a.img?signature=s3cr3tquery"
    instanceProfile: ubuntu
    cloudInit: |
      #!/bin/sh
      login --with correct-horse
"""
CLOUD_INIT = f"""\
  cloudInit: |
    #cloud-config
    password: hunter2
    chpasswd: {{list: "root:correct-horse"}}
    runcmd:
      - [login, --with, correct-horse]
    write_files:
      - path: /home/ops/.ssh/id_ed25519
        content: |
{"".join(f"          {line}" for line in PRIVATE.splitlines(keepends=True))}"""
# Other ways in which a manifest that was edited by hand may hold the same.
FORMS = {
    "block": CLOUD_INIT,
    "quoted": '  cloudInit: "#cloud-config\\npassword: hunter2\\n\\\n    correct-horse opensesame"\n',
    "folded": "  cloudInit: >-\n    export DB_PASSWORD=hunter2\n\n    correct-horse\n",
    "plain": "  cloudInit: hunter2\n    correct-horse\n",
    "one line": '  cloudInit: "hunter2"\n',
    "quoted key": "  'cloudInit': |\n    hunter2\n",
    "another key": "  userData: |\n    hunter2\n",
    "keyed": "  dbPassword: hunter2\n  api_token: 'correct-horse'\n  privateKey: opensesame\n",
    "flow": '  extra: {cloudInit: "hunter2", other: x}\n',
    "no word of warning": "  remark: hunter2\n  more: [correct-horse]\n  other:\n  - opensesame\n",
    "deep": "  extra:\n    - cloudInit: |\n        hunter2\n      other: x\n",
}

# Secrets that no key gives away, put together here so that no scanner takes this file for a leak.
TOKENS = {
    "GitHub": "gh" + "p_" + "aB3x" * 9,
    "AWS": "AK" + "IA" + "QWERTYUIOPASDFGH",
    "GitLab": "gl" + "pat-" + "aB3x" * 5,
    "Slack": "xo" + "xb-" + "1234567890-aB3x",
    "Stripe": "sk" + "_live_" + "aB3x" * 6,
    "JSON web token": ".".join(("ey" + "JhbGciOiJIUzI1NiJ9", "ey" + "JzdWIiOiIxMjM0NTY3ODkwIn0", "aB3x" * 5)),
    "password hash": "$6$" + "saltsalt$" + "aB3x" * 10,
    "login on a command line": "mysql -u root -p" + "hunter22",
}


@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_a_token_is_known_by_its_form(token: str) -> None:
    """Whatever the key, alone, in a sentence, in a list or a mapping, as a value or on a line of a file."""
    assert redact_value(token, "note") == REDACTED
    assert redact_value(f"ask ops for {token} today", "note") == REDACTED
    assert redact_value({"note": token, "more": [token, "blue"]}) == {"note": REDACTED, "more": [REDACTED, "blue"]}
    assert redact_line(f"    note: {token}") == f"    note: {REDACTED}"
    assert redact_line(f'  - "note": "{token}"') == f'  - "note": {REDACTED}'
    assert token not in redact_line(f"  - {token}")
    assert token not in redact_line(f"# {token}")


def test_no_format_shows_a_token(repository: Callable[..., Any]) -> None:
    """A token in an annotation that is committed is not shown when it goes."""
    annotations = "".join(f"      note{number}: hello\n" for number in range(len(TOKENS)))
    made = repository(f"{OLD}    annotations:\n{annotations}")
    assert made.run("render").code == 0
    path = made.root / "manifests/production/vms/web/web.yaml"
    text = path.read_text(encoding="utf-8")
    for number, token in enumerate(TOKENS.values()):
        assert f"note{number}: hello\n" in text
        text = text.replace(f"note{number}: hello\n", f'note{number}: "{token}"\n')
    path.write_text(text, encoding="utf-8")
    runs = [("plan", output) for output in ("text", "markdown", "json")]
    for command, output in [*runs, *(("check", output) for output in ("text", "json", "github", "sarif"))]:
        result = made.run(command, "-o", output)
        assert ("note0" if command == "plan" else "manifests/production/vms/web/web.yaml") in result.stdout + result.messages
        assert [token for token in TOKENS.values() if token in result.stdout + result.messages] == []


@pytest.mark.parametrize("form", FORMS)
def test_no_format_shows_a_secret(repository: Callable[..., Any], form: str) -> None:
    """A manifest that holds secrets, edited by hand or from before, is compared in every format without showing one."""
    found = repository(OLD)
    assert found.run("render").code == 0
    path = found.root / "manifests/production/vms/web/web.yaml"
    text = path.read_text(encoding="utf-8")
    kept = "".join(
        line for line in text.splitlines(keepends=True) if "cloudInit:" not in line or form in ("keyed", "another key")
    )
    path.write_text(kept + FORMS[form], encoding="utf-8")
    for environment in (OLD, NEW):
        found.write({"environments/production.yaml": environment})
        for command in ("plan", "check", "render --check") if environment is OLD else ("plan",):
            formats = ("text", "markdown", "json") if command == "plan" else FORMATS
            for output in formats:
                done = found.run(*command.split(), "-o", output)
                everything = done.stdout + done.messages
                assert done.code in (0, 1), everything
                assert not [secret for secret in SECRETS if secret in everything], everything


def test_change_of_a_secret_is_still_a_change(repository: Callable[..., Any]) -> None:
    """Where both values are masked, the plan says that they differ; of a cloud-config it names the keys."""
    found = repository(OLD + "    annotations: {deploy-token: one}\n    cloudInit: {packages: [nginx]}\n")
    found.run("render")
    text = OLD + "    annotations: {deploy-token: two}\n    cloudInit: {packages: [nginx], runcmd: [[login]]}\n"
    found.write({"environments/production.yaml": text})
    plan = found.run("plan").stdout
    assert f"metadata.annotations[deploy-token]: {REDACTED} -> {REDACTED} (the masked values differ)" in plan
    assert "added, 0 removed, in runcmd)" in plan


def test_public_key_shows_its_type_and_comment(repository: Callable[..., Any]) -> None:
    """A change of SSH keys names them by what people know them by."""
    found = repository(OLD)
    found.run("render")
    found.write({"environments/production.yaml": f"{OLD}    sshKeys: [{KEY}]\n"})
    for output in ("text", "markdown", "json"):
        assert BASE64 not in found.run("plan", "-o", output).stdout
    assert f'spec.sshKeys: [] -> ["ssh-ed25519 {REDACTED} ops@one"]' in found.run("plan").stdout


@pytest.mark.parametrize(
    ("value", "name", "expected"),
    [
        ("blue", "color", "blue"),
        ("blue", "deploy-token", REDACTED),
        ("", "password", ""),
        ("blue", "author", "blue"),
        ({"password": "x", "size": 3}, "spec", {"password": REDACTED, "size": 3}),
        (["one\ntwo", 3, True, None], "list", ["2 lines", 3, True, None]),
        ("one\n", "text", "1 line"),
        (KEY, "spec.sshKeys", f"ssh-ed25519 {REDACTED} ops@one"),
        ("not a key", "spec.sshKeys", REDACTED),
        (PRIVATE, "anything", "3 lines"),
        ("-----BEGIN RSA PRIVATE KEY-----", "anything", REDACTED),
        (
            "https://a:b@example.com/x?token=1&size=2#end",
            "url",
            f"https://{REDACTED}@example.com/x?token={REDACTED}&size={REDACTED}#end",
        ),
        ("https://example.com/x.iso", "url", "https://example.com/x.iso"),
        ("abc123.0123456789abcdef", "join", REDACTED),
        ("abc123.0123456789abcdef", "note", "abc123.0123456789abcdef"),
        ("blue", "wifi-psk", REDACTED),
        ("blue", "db_pass", REDACTED),
        ("blue", "compass", "blue"),
        ("blue", "passenger", "blue"),
        ("blue", "activation-key", REDACTED),
        ("blue", "keyboard", "blue"),
    ],
)
def test_masking(value: Any, name: str, expected: Any) -> None:
    """What may be shown of a value, by what it is and by its key."""
    assert redact_value(value, name) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("  storage: 5Gi", "  storage: 5Gi"),
        ("  sshKeys:", "  sshKeys:"),
        ("  password: x", f"  password: {REDACTED}"),
        ("export DB_PASSWORD=x", f"export DB_PASSWORD= {REDACTED}"),
        (f"  - {KEY}", f"  - ssh-ed25519 {REDACTED} ops@one"),
        ("  -----BEGIN PRIVATE KEY-----", REDACTED),
    ],
)
def test_masking_of_a_line(line: str, expected: str) -> None:
    """What may be shown of a line of a file."""
    assert redact_line(line) == expected


@pytest.mark.parametrize("indent", ["", "  ", "        "])
def test_line_of_user_data_keeps_its_indentation(indent: str) -> None:
    """A script is hidden line by line, and what it is an item of can still be seen."""
    assert redact_user_data_line(f"{indent}curl https://x.example | sh") == f"{indent}***"
    assert redact_user_data_line(f"{indent}- curl https://x.example | sh") == f"{indent}- ***"


def test_only_a_key_of_cloud_init_is_shown_in_user_data() -> None:
    """A word with a capital or a digit may be a value, unless it is the key of a manifest that holds the user data."""
    assert redact_user_data_line("  runcmd: [reboot]") == "  runcmd: ***"
    assert redact_user_data_line("  Tr0ub4dor: x") == "  ***"
    assert redact_user_data_line("  cloudInit: x") == "  ***"
    assert redact_user_data_line("  cloudInit: x", is_key=True) == "  cloudInit: ***"


def test_only_tokens_are_taken_out_of_an_output() -> None:
    """All that is around them stays, the quotes of JSON and the text between two tokens included."""
    tokens = [f"ghp_{'a1B2' * 9}", f"glpat-{'x9Y8' * 5}"]
    text = f'{{"first": "use {tokens[0]} here", "second": "{tokens[1]}"}}'
    assert redact_tokens(text) == '{"first": "use *** here", "second": "***"}'
    assert redact_tokens("no token") == "no token"


@pytest.mark.parametrize("text", ["İ {token}", "İİİİİ a {token} b", "{token} İ {token}"])
def test_token_is_hidden_beside_a_character_whose_lower_case_is_longer(text: str) -> None:
    """A capital I with a dot is two characters in lower case, and the tokens behind it are hidden all the same."""
    for token in ("ghp_" + "a1B2" * 9, "AKIA" + "Q3XW" * 4):
        assert redact_tokens(text.format(token=token)) == redact_text(text.format(token=token)) == text.format(token=REDACTED)


WORD = "Hunter2" + "Hunter2"
PLACES_OF_USERS = {
    "reason of a tombstone": "retire: [{{disk: web-2-data, reason: {text}, until: 2026-12-31}}]\n",
    "name of a VM": "vms: {{db: {{names: [{text}], instanceType: u1.large, image: ubuntu-2404, disks: {{data: 5Gi}}}}}}\n",
    "storage class": "disks: {{iso: {{storage: 5Gi, storageClass: {text}}}}}\n",
    "key of a variable": "vars: {{{text}: a}}\n",
}


@pytest.mark.parametrize("place", PLACES_OF_USERS)
@pytest.mark.parametrize("text", [f"DB_PASSWORD={WORD}", f"curl -u ops:{WORD}", f"ssh://ops@shop.example:{WORD}@git.example/x"])
@pytest.mark.parametrize("output", ["text", "markdown", "json"])
def test_no_plan_shows_a_secret_in_what_users_write(repository: Callable[..., Any], place: str, text: str, output: str) -> None:
    """A plan is shown although its environment has an error, and the secret in a name or a reason is not."""
    web = "web: {count: 2, instanceType: u1.large, image: ubuntu-2404, disks: {data: 5Gi}}"
    made = repository(f"namespace: tenant-acme\nvms: {{{web}}}\n")
    assert made.run("render").code == 0
    lines = PLACES_OF_USERS[place].format(text=f'"{text}"')
    made.write({"environments/production.yaml": f"namespace: tenant-acme\n{'' if 'vms' in lines else 'vms: {}'}\n{lines}"})
    result = made.run("plan", "-o", output)
    assert result.code == 1
    assert WORD not in result.stdout + result.messages
    assert REDACTED in result.stdout.replace("&#42;", "*") + result.messages


@pytest.mark.parametrize("text", ["{word}-system", "web-{word}", "environments/{word}", "a_{word}/b"])
def test_base64_is_hidden_in_a_name_or_a_path(text: str) -> None:
    """What is before and behind it in a path or a name is of the alphabet of base64 too."""
    word = base64.b64encode(f"DB_PASSWORD={WORD}".encode()).decode().rstrip("=")
    assert redact_text(text.format(word=word)) == text.format(word=REDACTED)


def test_command_in_a_sentence_is_hidden() -> None:
    """A comma behind the quotes around a command is none of its words."""
    assert (
        redact_text(f"unknown key 'curl -u ops:{WORD}', which is ignored") == "unknown key 'curl -u ops:***', which is ignored"
    )


def test_address_that_was_joined_to_a_path_is_hidden() -> None:
    """Of a path with an address in it, one slash of two is left."""
    assert redact_text(f"keys/https:/ops:p@{WORD}@h.example/x") == "keys/https:/ops:***@h.example/x"


@pytest.mark.parametrize("path", ["metadata.annotations[{}]", "spec.{}.x", "a[0].b[c.d][{}]", "[{}]", "{}"])
def test_command_at_any_level_of_a_path_is_hidden(path: str) -> None:
    """A key with a dot stands in brackets. The keys before the command stay."""
    hidden = redact_subject(path.format(f"curl -u ops:{WORD}"))
    assert hidden.startswith(path.partition("{}")[0] + "curl -u ops:***")
    assert WORD not in hidden


@pytest.mark.parametrize(
    "place", ["spec: {", 'metadata: {"name": "web", "labels": {', 'metadata: {"name": "web", "annotations": {']
)
@pytest.mark.parametrize("output", ["text", "json"])
def test_no_plan_shows_a_command_in_a_committed_key(repository: Callable[..., Any], place: str, output: str) -> None:
    """Wherever the key of a committed manifest is, the plan hides the password of a command in it."""
    made = repository("namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n")
    made.run("render")
    manifest = made.root / "manifests" / "production" / "vms" / "web" / "web.yaml"
    head = "\n".join(manifest.read_text(encoding="utf-8").splitlines()[:1])
    text = f'{head}\napiVersion: apps.cozystack.io/v1alpha1\nkind: VMInstance\n{place}"curl -u ops:{WORD} https://a.example": x'
    manifest.write_text(text + "}" * place.count("{") + "\n", encoding="utf-8")
    result = made.run("plan", "-o", output)
    assert WORD not in result.stdout + result.messages


@pytest.mark.parametrize("output", ["text", "json"])
def test_no_import_shows_a_secret_as_a_kind(repository: Callable[..., Any], output: str) -> None:
    """The kind of a manifest that is left out is text that anybody can write."""
    disk = (
        "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMDisk\nmetadata: {name: a, namespace: tenant-a}\nspec: {storage: 1Gi}\n"
    )
    made = repository(files={"dump.yaml": f"{disk}---\napiVersion: v1\nkind: curl -u ops:{WORD} x\nmetadata: {{name: b}}\n"})
    result = made.run("import", "dump.yaml", "--dry-run", "-o", output)
    assert WORD not in result.stdout + result.messages


@pytest.mark.parametrize("key", [f"DB_PASSWORD={WORD}", f"curl -u ops:{WORD}", "ghp_" + "a1B2" * 9])
@pytest.mark.parametrize("output", ["text", "markdown", "json"])
def test_no_plan_shows_a_secret_in_a_committed_key(repository: Callable[..., Any], key: str, output: str) -> None:
    """A key of a manifest that the next render removes is in the path of its field."""
    made = repository("namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n")
    made.run("render")
    manifest = made.root / "manifests" / "production" / "vms" / "web" / "web.yaml"
    manifest.write_text(f'{manifest.read_text(encoding="utf-8")}  "{key}": x\n', encoding="utf-8")
    result = made.run("plan", "-o", output)
    text = (result.stdout + result.messages).replace("&#95;", "_")
    assert "1 to update" in text or '"update": 1' in text
    assert not any(part in text for part in (WORD, "a1B2a1B2"))


@pytest.mark.parametrize("text", ['{{"{command}": "x"}}', 'a: {{b: "{command}"}}', "['{command}']", '[{{"{command}": 1}}].'])
def test_command_in_a_flow_collection_is_hidden(text: str) -> None:
    """A bracket beside the quotes around a command is none of its words."""
    assert redact_text(text.format(command=f"curl -u ops:{WORD}")) == text.format(command="curl -u ops:***")


TAGGED = {
    "the document": '!password: "{word}"\n',
    "a value": 'namespace: !password: "{word}"\n',
    "a key": 'namespace: tenant-acme\n!db_password "{word}": 1\n',
    "a list": "namespace: tenant-acme\nextends: !password [{word}]\n",
    "a mapping": "namespace: tenant-acme\nvms: {{web: {{image: !password {{{word}: 1}}}}}}\n",
    "a tag of YAML": 'namespace: !!password: "{word}"\n',
}
COMMANDS = (
    ("check",),
    ("check", "--output", "json"),
    ("check", "--output", "sarif"),
    ("check", "--output", "github"),
    ("render",),
    ("plan", "--output", "markdown"),
    ("list",),
)


@pytest.mark.parametrize("place", TAGGED)
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_value_of_a_tag_that_is_a_name_is_hidden(repository: Callable[..., Any], place: str, command: tuple[str, ...]) -> None:
    """`!password: x` is a tag and a value to YAML, and messages quote the value alone."""
    made = repository(TAGGED[place].format(word=WORD))
    result = made.run(*command)
    assert result.code == 1
    assert "yaml-tag" in result.stdout + result.messages
    assert WORD not in result.stdout + result.messages


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_quoted_value_is_a_text_of_its_own(repository: Callable[..., Any], command: tuple[str, ...]) -> None:
    """A name of a secret at the start of a value or a key is not at the start of the message that quotes it."""
    made = repository(f'namespace: tenant-acme\n"password {WORD}": 1\nvms: {{web: {{image: password\t{WORD}}}}}\n')
    result = made.run(*command)
    assert result.code == 1
    assert WORD not in result.stdout + result.messages


@pytest.mark.parametrize("name", [f"https:__ops:{WORD}@host", f"https%3A%2F%2Fops%3A{WORD}%40host", f"DB_PASSWORD={WORD}"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_name_of_an_environment_that_is_a_login_is_hidden(
    repository: Callable[..., Any], name: str, command: tuple[str, ...]
) -> None:
    """A file cannot have slashes in its name, so that an address in it looks different."""
    made = repository(OLD, {f"environments/{name}.yaml": OLD})
    result = made.run(*command)
    assert result.code == 1
    assert "environment-name" in result.stdout + result.messages
    assert WORD not in result.stdout + result.messages
