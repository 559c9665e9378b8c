"""One file of an environment: its shape by the schema, its short forms, its key files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.problems import Place
from vmgen.read import layer_file
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.located import INVALID, to_plain
from vmgen.read.repository import Project


@pytest.fixture
def layer(repository: Callable) -> Callable[..., LayerFile]:
    """Reads a text as `environments/production.yaml`, with other files beside it."""

    def read(text: str | bytes, files: dict[str, str | bytes] | None = None) -> LayerFile:
        made = repository(files={"environments/production.yaml": text, **(files or {})})
        return LayerLoader(made.project).load(made.root / "environments/production.yaml")

    return read


MISTAKES = {
    "vmz: {}": ("1:1", "unknown-key", "vmz: unknown key 'vmz'; did you mean 'vms'?"),
    "zzzz: {}": ("1:1", "unknown-key", "zzzz: unknown key 'zzzz'; docs/environment.md lists the keys"),
    "vms: {web: {cuont: 3}}": ("1:13", "unknown-key", "vms.web.cuont: unknown key 'cuont'; did you mean 'count'?"),
    "vms: {web: {size: 3}}": ("1:13", "unknown-key", "vms.web.size: unknown key 'size'; "),
    'vms: {web: {count: "3"}}': ("1:20", "wrong-type", "must be a number of VMs from 0 to 10000, not the text '3'; remove the"),
    "vms: {web: {count: 1.5}}": ("1:20", "wrong-type", "must be a number of VMs from 0 to 10000, not the number 1.5"),
    "vms: {web: {count: -1}}": ("1:20", "invalid-value", "'-1' is not a number of VMs from 0 to 10000"),
    "vms: {web: {count: 10001}}": ("1:20", "invalid-value", "'10001' is not a number of VMs from 0 to 10000"),
    "vms: {web: {count: 1_000}}": ("1:20", "wrong-type", "must be a number of VMs from 0 to 10000, not the text '1_000'"),
    "vms: {web: {count: 99999999999999999999}}": ("1:20", "wrong-type", "must be a number of VMs from 0 to 10000"),
    "vms: {web: {storage: 20}}": ("1:22", "wrong-type", "must be a size in Mi, Gi or Ti, such as 20Gi, not the number 20"),
    "vms: {web: {storage: 20GB}}": ("1:22", "invalid-value", "'20GB' is not a size in Mi, Gi or Ti, such as 20Gi"),
    "vms: {web: {storage: 0Gi}}": ("1:22", "invalid-value", "'0Gi' is not a size in Mi, Gi or Ti"),
    "vms: {web: {storage: 1.5 Gi}}": ("1:22", "invalid-value", "'1.5 Gi' is not a size in Mi, Gi or Ti"),
    "vms: {web: {disks: {data: 50GB}}}": ("1:27", "invalid-value", "'50GB' is not a size such as 50Gi, or a mapping"),
    "vms: {web: {disks: {data: [1]}}}": ("1:27", "wrong-type", "must be a size such as 50Gi, or a mapping, not a list"),
    "vms: {web: {disks: {Data: 50Gi}}}": ("1:21", "invalid-name", "'Data' cannot be a name; use lower-case letters, digits"),
    "vms: {1web: {}}": ("1:7", "invalid-name", "'1web' cannot be a name"),
    "vms: {web-: {}}": ("1:7", "invalid-name", "'web-' cannot be a name"),
    'vms: {"../x": {}}': ("1:7", "invalid-name", "'../x' cannot be a name"),
    'vms: {"we\\nb": {}}': ("1:7", "invalid-name", "cannot be a name"),
    'vms: {"web\\n": {}}': ("1:7", "invalid-name", "cannot be a name"),
    f"vms: {{{'x' * 300}A: {{}}}}": ("1:7", "invalid-name", f"'{'x' * 57}...' cannot be a name"),
    "vms: []": ("1:6", "wrong-type", "vms: must be a mapping, not a list"),
    "vms: {web: 3}": ("1:12", "wrong-type", "vms.web: must be a mapping, not the number 3"),
    "labels: {a: 1}": ("1:13", "wrong-type", 'labels.a: must be text, not the number 1; write "1" in quotes for the text'),
    "labels: {a: true}": ("1:13", "wrong-type", 'must be text, not true or false; write "true" in quotes for the text'),
    "labels: {a: 24.10}": ("1:13", "wrong-type", "must be text, not the number 24.1; quote it for the text"),
    "labels: {a: no}": ("1:13", "ambiguous-scalar", 'no is ambiguous in YAML; write "no" for the text'),
    "labels: {a: 08}": ("1:13", "ambiguous-scalar", '08 is ambiguous in YAML; write "08" for the text'),
    "labels: {a: [x]}": ("1:13", "wrong-type", "must be text, not a list"),
    "vars: {a: .inf}": ("1:11", "ambiguous-scalar", ".inf is ambiguous in YAML"),
    "vars: {a: .nan}": ("1:11", "ambiguous-scalar", ".nan is ambiguous in YAML"),
    "vars: {a: 1e400}": ("1:11", "ambiguous-scalar", "1e400 is ambiguous in YAML"),
    f"vars: {{a: {'1' * 400}.5}}": ("1:11", "ambiguous-scalar", "is ambiguous in YAML"),
    "namespace: production": ("1:12", "invalid-value", "'production' is not a tenant namespace such as tenant-acme"),
    "namespace: tenant-AB": ("1:12", "invalid-value", "'tenant-AB' is not a tenant namespace such as tenant-acme"),
    f"namespace: tenant-{'a' * 57}": ("1:12", "invalid-value", "is not a tenant namespace such as tenant-acme, of at most 63"),
    "namespace: 5": ("1:12", "wrong-type", "must be a tenant namespace such as tenant-acme, of at most 63 characters, not the"),
    "platform: Hikube": ("1:11", "invalid-value", "platform: 'Hikube' is not the name of a platform"),
    "platform: ../../x": ("1:11", "invalid-value", "platform: '../../x' is not the name of a platform"),
    "vms: {web: {externalPorts: [0]}}": (
        "1:29",
        "invalid-value",
        "vms.web.externalPorts[0]: '0' is not a port from 1 to 65535",
    ),
    "vms: {web: {externalPorts: [65536]}}": ("1:29", "invalid-value", "'65536' is not a port from 1 to 65535"),
    'vms: {web: {externalPorts: ["80"]}}': (
        "1:29",
        "wrong-type",
        "must be a port from 1 to 65535, not the text '80'; remove the",
    ),
    "vms: {web: {externalPorts: [22:22]}}": ("1:29", "wrong-type", "must be a port from 1 to 65535, not the text '22:22'"),
    "vms: {web: {externalPorts: 80}}": ("1:28", "wrong-type", "must be a list, not the number 80"),
    "vms: {web: {externalMethod: portlist}}": (
        "1:29",
        "invalid-value",
        "is not one of PortList, WholeIP; did you mean 'PortList'?",
    ),
    "vms: {web: {external: yes}}": ("1:23", "wrong-type", "must be true or false, not the text 'yes'; write true"),
    "vms: {web: {external: Off}}": ("1:23", "wrong-type", "must be true or false, not the text 'Off'; write false"),
    'vms: {web: {running: "true"}}': ("1:22", "wrong-type", "must be true or false, not the text 'true'; remove the quotes"),
    "vms: {web: {upload: false}}": ("1:21", "invalid-value", "'false' is not true, or leave the key out"),
    "vms: {web: {url: ftp://x/y}}": ("1:18", "invalid-value", "'ftp://x/y' is not an http:// or https:// address"),
    'vms: {web: {url: "https://a b/c"}}': ("1:18", "invalid-value", "is not an http:// or https:// address"),
    'vms: {web: {image: ""}}': ("1:20", "invalid-value", "is empty; write a value, or remove the key"),
    "vms: {web: {sshKeys: [{}]}}": ("1:23", "missing-key", "vms.web.sshKeys[0]: the key 'file' is missing"),
    "vms: {web: {skip: [1, 1]}}": ("1:19", "duplicate-item", "duplicate item in [1, 1]; remove one"),
    "vms: {web: {skip: [0]}}": ("1:20", "invalid-value", "0 is less than the minimum of 1"),
    "vms: {web: {instances: {2: {count: 3}}}}": ("1:29", "unknown-key", "vms.web.instances.2.count: unknown key 'count'"),
    "retire: [{disk: a}]": ("1:10", "missing-key", "retire[0]: the key 'reason' is missing"),
    "extends: base.yaml": ("1:10", "wrong-type", "extends: must be a list, not the text 'base.yaml'"),
    "vms: {web: {cloudInit: [a]}}": ("1:24", "wrong-type", "must be a mapping or text, not a list"),
    "abc": ("1:1", "wrong-type", "must be a mapping, not the text 'abc'"),
    "- a": ("1:1", "wrong-type", "must be a mapping, not a list"),
}


@pytest.mark.parametrize("text", MISTAKES)
def test_mistakes_of_shape(layer: Callable[..., LayerFile], text: str) -> None:
    """Each mistake is one problem, at its line and column, in words that name the remedy."""
    place, rule, message = MISTAKES[text]
    [problem] = layer(text).problems
    assert (str(problem.place), problem.rule) == (f"environments/production.yaml:{place}", rule)
    assert message in (f"{problem.subject}: {problem.message}" if problem.subject else problem.message)


@pytest.mark.parametrize(
    "text",
    [
        "vms: {web: {count: 0}}",
        "vms: {web: {count: 10000}}",
        "vms: {web: {externalPorts: [1, 65535]}}",
        "vms: {web: {skip: [1]}}",
        f"namespace: tenant-{'a' * 56}",
    ],
)
def test_limits_of_shape(layer: Callable[..., LayerFile], text: str) -> None:
    """The last value that is allowed; the next one is among the mistakes above."""
    assert layer(text).problems == ()


def test_all_mistakes_of_a_file_come_at_once(layer: Callable[..., LayerFile]) -> None:
    """Mistakes of reading and of shape come together, each once."""
    found = layer("a: 1\nvms:\n  web: {count: x, count: 3, imag: z, storage: 5}\nlabels: {x: 1, n: b}\n")
    rules = sorted((problem.place.line, problem.rule) for problem in found.problems)
    assert rules == [
        (1, "unknown-key"),
        (3, "duplicate-key"),
        (3, "unknown-key"),
        (3, "wrong-type"),
        (3, "wrong-type"),
        (4, "ambiguous-scalar"),
        (4, "wrong-type"),
    ]


def test_what_was_refused_is_written_and_invalid(layer: Callable[..., LayerFile]) -> None:
    """A refused value stands as INVALID, so that nothing calls it missing; the values beside it stay."""
    web = layer("vms: {web: {count: x, image: ubuntu-2404, externalPorts: [80, 0]}}").content.data["vms"].data["web"]
    assert web.data["count"].data is INVALID
    assert [item.data for item in web.data["externalPorts"].data] == [80, INVALID]
    assert web.get_plain("externalPorts") == [80]
    assert web.get_plain("image") == "ubuntu-2404"


def test_short_forms_are_written_out(layer: Callable[..., LayerFile]) -> None:
    """A disk that is a size, and an attachment that is a name, have their long forms, at the same places."""
    found = layer("vms: {web: {disks: {data: 50Gi}, attach: [iso, {name: b}]}}\ndisks: {iso: 2Gi}\n")
    assert not found.problems
    assert to_plain(found.content) == {
        "vms": {"web": {"disks": {"data": {"storage": "50Gi"}}, "attach": [{"name": "iso"}, {"name": "b"}]}},
        "disks": {"iso": {"storage": "2Gi"}},
    }
    storage = found.content.data["vms"].data["web"].data["disks"].data["data"].data["storage"]
    assert storage.place == Place("environments/production.yaml", 1, 27)


def test_key_files(layer: Callable[..., LayerFile]) -> None:
    """The keys of a file, one a line, take the place of its name, each at its line there."""
    keys = b"\xef\xbb\xbf# ops\r\n\r\nssh-ed25519 AAAA ops@shop\r\n  ssh-rsa BBBB dev@shop  \n"
    found = layer("defaults: {sshKeys: [ssh-rsa CCCC me, {file: keys/ops.pub}]}", {"environments/keys/ops.pub": keys})
    assert not found.problems
    listed = found.content.data["defaults"].data["sshKeys"].items
    assert [(item.data, str(item.place)) for item in listed] == [
        ("ssh-rsa CCCC me", "environments/production.yaml:1:22"),
        ("ssh-ed25519 AAAA ops@shop", "environments/keys/ops.pub:3:1"),
        ("ssh-rsa BBBB dev@shop", "environments/keys/ops.pub:4:1"),
    ]


KEY_FILES = {
    "missing.pub": ("missing-key-file", "the key file environments/missing.pub cannot be read: No such file or directory"),
    "keys": ("missing-key-file", "the key file environments/keys cannot be read: it is a folder, not a file"),
    "keys/empty.pub": ("empty-key-file", "the key file environments/keys/empty.pub contains no key; add public keys"),
    "keys/binary.pub": ("missing-key-file", "cannot be read: it is not UTF-8 text"),
    "../../outside.pub": ("missing-key-file", "is outside of the repository; copy it into the repository"),
    "/etc/hostname": ("missing-key-file", "is outside of the repository; copy it into the repository"),
    "x" * 300: ("missing-key-file", "cannot be read: File name too long"),
    "keys/loop.pub": ("missing-key-file", "the key file"),
}


@pytest.mark.parametrize("name", KEY_FILES, ids=lambda name: name[:30])
def test_key_files_that_cannot_be_read(layer: Callable[..., LayerFile], name: str) -> None:
    """A key file that is missing, empty, no text or not ours is a problem where its name is written."""
    rule, message = KEY_FILES[name]
    files = {"environments/keys/empty.pub": "# none\n", "environments/keys/binary.pub": b"\xff\xfe"}
    made = layer("", files).path.parent
    os.symlink("loop.pub", made / "keys/loop.pub")
    (made / "a.yaml").write_text(f"defaults: {{sshKeys: [{{file: {name}}}]}}\n")
    project = layer_file.Project(made.parent)
    [problem] = LayerLoader(project).load(made / "a.yaml").problems
    assert (str(problem.place), problem.rule, problem.subject) == ("environments/a.yaml:1:29", rule, "sshKeys")
    assert message in problem.message


def test_unprintable_key(layer: Callable[..., LayerFile]) -> None:
    """A key that no YAML tool would carry is a problem at its line of the key file."""
    found = layer("defaults: {sshKeys: [{file: ops.pub}]}", {"environments/ops.pub": b"# x\nssh-rsa A\x07 x\nssh-rsa B y\n"})
    [problem] = found.problems
    assert (str(problem.place), problem.rule) == ("environments/ops.pub:2:1", "unprintable-character")


def test_unreadable_file(layer: Callable[..., LayerFile], monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that the system does not let us read is a problem of that file."""

    def refuse(self: Project, path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Project, "read_source", refuse)
    [problem] = layer("a: 1").problems
    assert (str(problem.place), problem.rule) == ("environments/production.yaml", "unreadable-file")
    assert problem.message == "cannot be read: Permission denied"


def test_key_file_too_large(layer: Callable[..., LayerFile], monkeypatch: pytest.MonkeyPatch) -> None:
    """A key file beyond the limit is refused, not cut off."""
    text, key = "defaults: {sshKeys: [{file: ops.pub}]}", "ssh-rsa AAAA ops@shop\n"
    monkeypatch.setattr(layer_file, "MAX_KEY_FILE_BYTES", len(key))
    assert layer(text, {"environments/ops.pub": key}).problems == ()
    [problem] = layer(text, {"environments/ops.pub": f"{key}#"}).problems
    assert (problem.rule, "it is larger than 22 bytes" in problem.message) == ("missing-key-file", True)


def test_a_file_is_read_once(repository: Callable) -> None:
    """However many environments share a layer, it is read once in a run."""
    made = repository("vms: {}")
    files = LayerLoader(made.project)
    path = made.root / "environments/production.yaml"
    assert files.load(path) is files.load(path)
