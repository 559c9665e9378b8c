"""No output of any command shows a secret, wherever in the files of a repository it stands.

Two hundred secrets of many forms stand in every place where a text can stand. The commands and their formats are those that
the command line has: one that is added is run here too.
"""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

import vmgen.cli
from vmgen.cli.app import COMMANDS, app

BODY = "aB3xY7kQ9mZ2"
OBJECTS = ("VMInstance", "VMDisk")
SSH_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0"
# A form of a secret: what stands before and behind a body that tells one from another.
FORMS: tuple[Callable[[str], str], ...] = (
    lambda body: "gh" + f"p_{body:Z<36}",
    lambda body: "gl" + f"pat-{body:Z<20}",
    lambda body: "xo" + f"xb-1234567890-{body:Z<24}",
    lambda body: "sk" + f"_live_{body:Z<24}",
    lambda body: "np" + f"m_{body:Z<36}",
    lambda body: "hv" + f"s.{body:Z<90}",
    lambda body: "dckr" + f"_pat_{body:Z<27}",
    lambda body: "AI" + f"za{body:Z<35}",
    lambda body: "S" + f"G.{body:Z<22}.{body:Z<43}",
    lambda body: "hf" + f"_{body:Z<34}",
    lambda body: "ts" + f"key-auth-{body:Z<30}",
    lambda body: "sk" + f"-ant-api03-{body:Z<93}",
    lambda body: "gs" + f"k_{body:Z<52}",
    lambda body: "nv" + f"api-{body:Z<64}",
    lambda body: "lin" + f"_api_{body:Z<40}",
    lambda body: "AT" + f"ATT3{body:Z<186}",
    lambda body: "nt" + f"n_{body:Z<46}",
    lambda body: "sq" + f"0atp-{body:Z<22}",
    lambda body: "pscale" + f"_tkn_{body:Z<43}",
    lambda body: "ya" + f"29.{body:Z<60}",
    lambda body: "gl" + f"c_{body:Z<60}",
    lambda body: "ey" + "JhbGciOiJIUzI1NiJ9.ey" + f"JzdWIiOiIxMjM0{body}.{body:Z<43}",
    lambda body: "$6$" + f"saltsalt${body:Z<43}",
    lambda body: "whsec" + f"_{body:Z<32}",
    lambda body: "fi" + f"gd_{body:Z<40}",
)


class Secrets:
    """Gives out secrets, each of the next form and with a body of its own, by which it is found again."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def __call__(self) -> str:
        number = len(self.bodies)
        body = f"{BODY[:6]}{number:04}{BODY[6:]}"
        self.bodies.append(body)
        return FORMS[number % len(FORMS)](body)

    def shown_in(self, text: str) -> list[str]:
        """The bodies that a text shows."""
        return [body for body in self.bodies if body in text]


def _values(secret: Secrets) -> str:
    """An environment that is right but for the secrets in its values, keys, comments and reasons."""
    environment = {
        "namespace": "tenant-acme",
        "labels": {"team": secret()[:63], "example.com/note": "x"},
        "annotations": {"example.com/a": secret(), "example.com/list": f"see {secret()} there"},
        "vars": {"unused": secret(), "deep": {"list": [secret(), {secret(): 1}]}},
        "retire": [{"disk": "gone-system", "reason": f"moved, see {secret()}", "until": "2099-12-31"}],
        "waivers": [{"rule": "no-ssh-key", "subject": "web", "reason": f"ask {secret()}", "until": "2099-12-31"}],
        "vms": {
            "web": {
                "instanceType": "u1.large",
                "url": f"https://x.example/{secret()}/i.img",
                "storage": "20Gi",
                "annotations": {"example.com/b": secret()},
                "sshKeys": [f"{SSH_KEY} {secret()}", f'environment="X={secret()}" {SSH_KEY[:-4]}AAAA ops@shop'],
                "cloudInit": f"#cloud-config\nruncmd:\n  - [tool, {secret()}]\n  - run {secret()} # {secret()}\n",
            },
            "db": {
                "instanceType": "u1.large",
                "image": "ubuntu-2404",
                "cloudInit": {"write_files": [{"path": f"/etc/{secret()}", "content": secret()}], "bootcmd": [["x", secret()]]},
                "instances": {},
            },
        },
    }
    return f"# a comment: {secret()}\n" + json.dumps(environment, indent=1)


def _misplaced(secret: Secrets) -> str:
    """An environment with secrets where something else belongs."""
    lines = [
        "namespace: tenant-acme",
        f"labels: {secret()}",
        f"vars: {secret()}",
        f"platform: {secret()}",
        f"{secret()}: 1",
        f"extends: {secret()}",
        f"budget: {{vms: {secret()}, {secret()}: 2}}",
        f"policy: {{{secret()}: error, WholeIP: {secret()}}}",
        f"retire: [{{disk: {secret()}, until: {secret()}}}]",
        f"waivers: [{{rule: {secret()}, subject: {secret()}}}]",
        "vms:",
        "  web:",
        f"    instanceType: {secret()}",
        f"    image: {secret()}",
        f"    running: {secret()}",
        f"    storage: {secret()}",
        f"    sshKeys: {secret()}",
        f"    attach: [{secret()}]",
        f"    externalPorts: [{secret()}]",
        f"    disks: {{data: {secret()}, {secret()}: 5Gi}}",
        f"    cloudInit: {{{secret()}: 1, packages: {{{secret()}: x}}}}",
        f"  {secret()}: {{instanceType: u1.large}}",
        f"  db: {{instanceType: u1.large, clone: {secret()}, cloudInit: {{template: {secret()}.j2}}}}",
        f"  app: {{instanceType: u1.large, url: {secret()}, cloudInit: {{merge: [{secret()}, {secret()}]}}}}",
        f"disks: {{shared: {secret()}}}",
        f"delivery: {{argocd: {secret()}, flux: {{sourceRef: {secret()}}}}}",
    ]
    return "\n".join(lines) + "\n"


def _broken(secret: Secrets) -> dict[str, str]:
    """Files that are no YAML, or break in a template."""
    web = "namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: ubuntu-2404, "
    return {
        "environments/e1.yaml": f"namespace: *{secret()}\n",
        "environments/e2.yaml": f"namespace: !{secret()} x\n",
        "environments/e3.yaml": f"a: 'x {secret()}\n",
        "environments/e4.yaml": f"{secret()}: 1\n{secret()}: 2\n\t{secret()}",
        "environments/e5.yaml": f"{web}vars: {{t: {secret()}}}, cloudInit: {{template: e5.j2}}}}}}\n",
        "templates/cloud-init/e5.j2": "#cloud-config\n{{ {}[vars.t] }}\n",
        "environments/e6.yaml": f"{web}vars: {{t: {secret()}}}, cloudInit: {{template: e6.j2}}}}}}\n",
        "templates/cloud-init/e6.j2": f"{{# {secret()} #}}{{{{ vars.t + 1 }}}}\n",
        "environments/e7.yaml": f"{web}cloudInit: {{template: e7.j2}}}}}}\n",
        "templates/cloud-init/e7.j2": f"{{% include '{secret()}' %}}{{{{ missing }}}}\n",
        "environments/e8.yaml": f'{web}cloudInit: "#cloud-config\\na: *{secret()}\\n"}}}}\n',
        f"environments/{secret()}.yaml": "namespace: tenant-acme\n",
    }


def _broken_for_all(secret: Secrets) -> dict[str, str]:
    """Files of all environments that are wrong: with these, nothing is rendered."""
    return {
        "policies/a.yaml": f"id: {secret()}\nkind: {secret()}\nmessage: {secret()}\nschema: {{type: {secret()}}}\n",
        "environments/_catalog.yaml": f"images: {{ubuntu: {{minStorage: {secret()}, {secret()}: 1}}}}\n",
        "environments/_defaults.yaml": f"labels: {secret()}\ndefaults: {{storage: {secret()}, {secret()}: 1}}\n",
    }


# What no format tells, and only the place in which it stands: cloud-init.
BARE = ("correct-horse-battery", "swordfish-tuesday")
COMMITTED = f"""\
namespace: tenant-acme
vms:
  web:
    instanceType: u1.large
    image: ubuntu-2404
    annotations: {{example.com/note: hello, example.com/more: hello}}
    sshKeys: ["{SSH_KEY} ops@shop"]
    cloudInit: |
      #cloud-config
      # {BARE[0]}
      runcmd:
        - [tool, {BARE[1]}]
        - tool {BARE[0]}
      write_files:
        - path: /x
          content: |
            {BARE[1]}
"""
IMPORTED = """\
apiVersion: apps.cozystack.io/v1alpha1
kind: VMInstance
metadata: {{name: old, namespace: tenant-acme, labels: {{{0}: x}}, annotations: {{note: {1}, "{2}": x}}}}
spec:
  instanceType: u1.large
  instanceProfile: {3}
  running: true
  disks: []
  {4}: x
  sshKeys: ["{key} {5}"]
  cloudInit: |
    #cloud-config
    password: {6}
    runcmd: [[tool, {bare}], tool {7}]
"""
WHERE = {
    "init": ("new", "--namespace", "tenant-acme"),
    "import": ("in.yaml", "--dry-run", "--env", "imported"),
    "explain": ("committed", "web"),
    "impact": ("environments/committed.yaml",),
    "completion": ("bash",),
    "status": ("dump.yaml",),
    "platform": ("detect", "dump.yaml"),
    "new": ("fresh", "--namespace", "tenant-fresh", "--dry-run"),
    "scale": ("committed", "web", "2", "--dry-run"),
    "rebuild": ("committed", "web", "--image", "debian-12", "--dry-run"),
    "retire": ("committed", "web-system", "--reason", "moved", "--dry-run"),
}


def _runs() -> Iterator[tuple[str, ...]]:
    """Each command with each of its formats."""
    for name in COMMANDS:
        command = app.get_command(click.Context(app), name)
        assert command is not None
        options = {parameter.name: parameter for parameter in command.params}
        choice = options["output"].type if "output" in options else None
        formats = choice.choices if isinstance(choice, click.Choice) else ("-",) if name == "report" else (None,)
        for output in formats:
            yield (name, *WHERE.get(name, ()), *(("-o", str(output)) if output else ()))
    yield ("render", "--check")
    yield ("render", "--stdout")
    yield ("explain", "committed", "web", "spec.cloudInit")
    yield ("explain", "values0", "web")
    yield ("list", "--disks")
    yield ("impact", "environments/values0.yaml:5")
    yield ("platform", "compare", "1", "2", "--platform", "hikube")
    yield ("platform", "compare", "1", "2", "--platform", "hikube", "-o", "json")
    yield ("catalog", "import", "cluster.json", "--dry-run")
    yield ("catalog", "import", "names.json", "--dry-run")


RUNS = tuple(_runs())


@pytest.fixture(scope="module")
def secret() -> Secrets:
    """The secrets of this module."""
    return Secrets()


@pytest.fixture(scope="module")
def planted(new_repository: Callable[..., Any], secret: Secrets) -> Any:
    """A repository with a secret in every place, and one environment in order whose manifest was edited by hand."""
    made = new_repository({"environments/committed.yaml": COMMITTED, ".gitignore": ".vmgen/\n"})
    assert made.run("render").code == 0
    manifest = "manifests/committed/vms/web/web.yaml"
    text = made.files()["committed/vms/web/web.yaml"].decode()
    edited = text.replace("note: hello", f'note: "{secret()}"').replace("runcmd:", f"bootcmd: [{secret()}]\n    runcmd:")
    made.write({manifest: f"{edited}  {secret()}: {secret()}\n"})
    for command in (("init", "-q"), ("add", "."), ("-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "x")):
        subprocess.run(["git", *command], cwd=made.root, check=True, capture_output=True)
    files = {f"environments/values{number}.yaml": _values(secret) for number in range(5)}
    files |= {f"environments/misplaced{number}.yaml": _misplaced(secret) for number in range(4)}
    files |= _broken(secret)
    files["in.yaml"] = IMPORTED.format(*(secret() for _ in range(8)), key=SSH_KEY, bare=BARE[1])
    files["dump.yaml"] = f"apiVersion: v1\nkind: List\nitems: [{{kind: {secret()}}}]\n"
    kind = {"apiVersion": "instancetype.kubevirt.io/v1beta1", "kind": "VirtualMachineClusterInstancetype"}
    spec = {"cpu": {"guest": 1}, "memory": {"guest": "1Gi"}, "gpus": [{"deviceName": secret()}]}
    metadata = {"name": "x1.small", "annotations": {"instancetype.kubevirt.io/displayName": secret()}}
    files["cluster.json"] = json.dumps({**kind, "metadata": metadata, "spec": spec})
    files["names.json"] = json.dumps({**kind, "metadata": {"name": secret()}, "spec": spec})
    made.write(files)
    return made


def test_there_are_two_hundred(planted: Any, secret: Secrets) -> None:
    """As many secrets stand in the repository as are promised, in more than twenty forms."""
    text = "\n".join(path.read_text() for path in planted.root.rglob("*") if path.is_file() and ".git" not in path.parts)
    names = "\n".join(path.name for path in planted.root.rglob("*.yaml"))
    assert len(secret.shown_in(text + names)) == len(secret.bodies) >= 200
    assert len(FORMS) >= 20


@pytest.mark.parametrize("arguments", RUNS, ids=" ".join)
def test_no_output_shows_one(
    planted: Any, secret: Secrets, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No format of a command shows a secret, and cloud-init is shown without its values."""
    config = {"kind": "Environment", "metadata": {"name": "here"}, "spec": {"namespace": "x", "labels": {"a": secret()}}}
    resources = {"kind": "ResourceList", "items": [], "functionConfig": config}
    stdin = io.TextIOWrapper(io.BytesIO(json.dumps(resources).encode()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    done = planted.run(*arguments)
    text = done.stdout + done.messages
    assert done.code in (0, 1, 2), text[-2000:]
    assert "Usage: " not in done.messages, "a new command needs its arguments in WHERE"
    assert secret.shown_in(text) == []
    if arguments[0] != "render" or "--stdout" not in arguments:
        assert [bare for bare in BARE if bare in text] == []
    assert secret.shown_in("".join(path.read_text() for path in planted.root.rglob("fleet.html"))) == []


@pytest.mark.parametrize("arguments", [run for run in RUNS if run[0] in ("check", "render", "catalog", "list")], ids=" ".join)
def test_no_shared_file_is_shown(new_repository: Callable[..., Any], secret: Secrets, arguments: tuple[str, ...]) -> None:
    """What is wrong in a catalog, a policy or a layer of all is said without its secrets too."""
    done = new_repository({"environments/committed.yaml": COMMITTED, **_broken_for_all(secret)}).run(*arguments)
    assert done.code in (0, 1, 2)
    assert secret.shown_in(done.stdout + done.messages) == []


# Passwords that no format tells, where YAML, a type or a template stumbles over them.
STUMBLES = {
    "alias": "vars: {db_password: *swordfish}",
    "tag": "vars: {db_password: !swordfish x}",
    "a list's place": "vms: {web: {instanceType: u1.large, image: ubuntu-2404, cloudInit: {users: {password: swordfish}}}}",
    "another type": "vms: {web: {instanceType: u1.large, image: ubuntu-2404, cloudInit: {password: [swordfish]}}}",
    "a number": "vms: {web: {instanceType: u1.large, image: ubuntu-2404, cloudInit: {user: {passwd: 778899}}}}",
    "a template": "vars: {t: swordfish}\nvms: {web: {instanceType: u1.large, image: ubuntu-2404, cloudInit: {template: t.j2}}}",
    "a filter": "vars: {t: swordfish}\nvms: {web: {instanceType: u1.large, image: ubuntu-2404, cloudInit: {template: f.j2}}}",
}


@pytest.mark.parametrize("text", STUMBLES.values(), ids=STUMBLES)
def test_no_message_repeats_a_password(repository: Callable[..., Any], text: str) -> None:
    """A message about a value that is wrong does not quote it where it is a secret."""
    templates = {"t.j2": "#cloud-config\n{{ {}[vars.t] }}\n", "f.j2": "#cloud-config\n{{ vars[vars.t] }}\n"}
    made = repository(f"namespace: tenant-acme\n{text}\n", {f"templates/cloud-init/{name}": t for name, t in templates.items()})
    done = made.run("check")
    assert done.code == 1
    assert [word for word in ("swordfish", "778899") if word in done.stdout + done.messages] == []


def test_none_is_written(planted: Any, secret: Secrets) -> None:
    """Of the environments with a secret, none reaches manifests/."""
    planted.run("render")
    assert sorted(path.name for path in (planted.root / "manifests").iterdir()) == ["committed"]


def test_each_in_a_right_place_is_refused(planted: Any, secret: Secrets) -> None:
    """A secret in a value, a key, a comment of a key or a reason is an error at its place."""
    problems = json.loads(planted.run("check", "values0", "-o", "json").stdout)["problems"]
    subjects = {problem["subject"] for problem in problems if problem["rule"].startswith(("secret-in", "password-hash"))}
    expected = {
        "annotations.example.com/a",
        "annotations.example.com/list",
        "vars.unused",
        "vars.deep.list[0]",
        "retire[0].reason",
        "waivers[0].reason",
        "vms.web.url",
        "vms.web.annotations.example.com/b",
        "vms.web.sshKeys[0]",
        "vms.web.sshKeys[1]",
        "vms.web.cloudInit.runcmd[0][1]",
        "vms.db.cloudInit.write_files[0].path",
        "vms.db.cloudInit.write_files[0].content",
        "vms.db.cloudInit.bootcmd[0][1]",
    }
    assert expected - subjects == set()


def test_one_way_out() -> None:
    """Only cli/output.py prints; what else writes to a stream has a reason here."""
    permitted = {("output.py", "click.echo"), ("output.py", "sys.stderr.write"), ("output.py", "sys.stdout.buffer.write")}
    permitted |= {("errors.py", "sys.stderr.write")}  # the line break behind ^C
    found = set()
    for path in Path(vmgen.cli.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
            if name == "print" or (name.startswith(("sys.std", "click.")) and name.endswith(("write", "echo"))):
                found.add((path.name, name))
    assert found - permitted == set()
