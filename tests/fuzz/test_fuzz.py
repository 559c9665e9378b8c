# ruff: noqa: E501 - the seeds are data
"""Whatever stands in a file or on the command line: an answer, never a traceback and never a hang.

Each kind of input has a seed, which is cut, spliced and filled with odd values. `make test` tries some of each kind;
`make fuzz SECONDS=600` goes on for that long, with new ones each time.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = float(os.environ.get("FUZZ_SECONDS", "0"))
HANG_SECONDS = 20
ENVIRONMENT = """\
namespace: tenant-a
labels: {team: shop}
vars: {x: 1, list: [a, b], z: {k: v}}
defaults: {sshKeys: [{file: keys/a.pub}]}
vms:
  web: {count: 2, skip: [1], instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi, x: {storage: 1Gi}}, externalPorts: [80]}
  db:
    names: [a, b]
    instanceType: u1.large
    image: ubuntu-2404
    cloudInit: {template: x.j2}
    instances: {a: {running: false}}
  old: {image: debian-12, instanceType: u1.medium, cloudInit: {merge: [_base.yaml, {packages: [x]}]}}
disks: {iso: {url: "https://x.example/a.iso", optical: true, storage: 2Gi}}
retire: [{disk: web-9-data, reason: gone, until: 2030-01-01}]
budget: {vms: 20, cpu: 64}
policy: {WholeIP: error}
delivery:
  argocd: {repoURL: "https://g.example/x.git", destination: {name: hikube}}
  flux: {sourceRef: {kind: GitRepository, name: vms}}
"""
CLOUD_INIT = (
    "#cloud-config\npackages: [nginx]\nwrite_files:\n  - {path: /etc/a, content: b}\nruncmd: [[a, b], c]\nusers: [default]\n"
)
TEMPLATE = (
    "#cloud-config\nhostname: {{ vm.name }}\n{% for a in vars.list %}\n# {{ a|upper }} {{ vars.z.k }} {{ vars.x + 1 }}\n{% endfor %}\n"
    "{% if vm.index == 0 %}# x{% endif %}\n{% set q = vars.list|join(',') %}\n# {{ q }}{{ vars.z | yaml }}{{ 'x'.center(5) }}\n"
)
POLICY = (
    "id: own-rule\nkind: VMInstance\nmessage: refused\nseverity: warning\n"
    "schema: {properties: {spec: {properties: {running: {const: true}, instanceType: {type: string, pattern: '^u1'}}}}}\n"
)
CATALOG = "instanceTypes: {x1.own: {cpu: 2, memory: 4Gi}}\nimages: {own: {minStorage: 5Gi}}\nstorageClasses: {fast: {replicated: true}}\n"
MANIFEST = (
    "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMDisk\nmetadata: {name: web-1-system, namespace: tenant-a}\n"
    "spec: {source: {image: {name: ubuntu-2404}}, optical: false, storage: 20Gi, storageClass: replicated}\n---\n"
    "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMInstance\nmetadata: {name: web-1, namespace: tenant-a}\n"
    "spec: {running: true, instanceType: u1.large, instanceProfile: ubuntu, disks: [web-1-system], sshKeys: [], cloudInit: ''}\n"
)
FUNCTION = (
    "apiVersion: config.kubernetes.io/v1\nkind: ResourceList\nitems: [{kind: A, apiVersion: v1, metadata: {name: a}}]\n"
    "functionConfig:\n  apiVersion: vmgen/v1\n  kind: Environment\n  metadata: {name: x, annotations: {a: b}}\n  spec:\n    namespace: tenant-a\n"
    "    vms: {web: {image: ubuntu-2404, instanceType: u1.large}}\n"
)
DUMP = (
    '{"apiVersion": "v1", "kind": "List", "items": [\n'
    ' {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMInstance", "metadata": {"name": "web-1", "namespace": "tenant-a",\n'
    '  "generation": 3, "labels": {"team": "shop"}, "creationTimestamp": "2026-01-01T00:00:00Z"},\n'
    '  "spec": {"running": true, "instanceType": "u1.large", "disks": ["web-1-system"], "sshKeys": []},\n'
    '  "status": {"conditions": [{"type": "Ready", "status": "False", "message": "no space"}], "version": "0.1.0"}},\n'
    ' {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMDisk", "metadata": {"name": "web-1-system", "namespace": "tenant-a"},\n'
    '  "spec": {"source": {"image": {"name": "ubuntu-2404"}}, "storage": "20Gi"}},\n'
    ' {"apiVersion": "kubevirt.io/v1", "kind": "VirtualMachineInstance", "metadata": {"name": "vm-instance-web-1", "namespace": "tenant-a"},\n'
    '  "status": {"phase": "Running", "interfaces": [{"ipAddress": "10.0.0.1"}], "conditions": []}},\n'
    ' {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "vm-disk-web-1-system", "namespace": "tenant-a"},\n'
    '  "status": {"capacity": {"storage": "20Gi"}, "phase": "Bound"}}\n]}\n'
)
CLUSTER = (
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: instancetype.kubevirt.io/v1beta1\n  kind: VirtualMachineClusterInstancetype\n"
    "  metadata: {name: x1.own, annotations: {instancetype.kubevirt.io/displayName: own}}\n"
    "  spec: {cpu: {guest: 2}, memory: {guest: 4Gi}, gpus: [{name: g, deviceName: nvidia.com/AD102}]}\n"
    "- apiVersion: instancetype.kubevirt.io/v1beta1\n  kind: VirtualMachineClusterPreference\n  metadata: {name: own}\n  spec: {devices: {}}\n"
    "- apiVersion: storage.k8s.io/v1\n  kind: StorageClass\n  metadata: {name: fast}\n  provisioner: linstor.csi.linbit.com\n"
    "  parameters: {linstor.csi.linbit.com/autoPlace: '3'}\n"
    "- apiVersion: apiextensions.k8s.io/v1\n  kind: CustomResourceDefinition\n  metadata: {name: vminstances.apps.cozystack.io}\n"
    "  spec: {group: apps.cozystack.io, versions: [{name: v1alpha1, schema: {openAPIV3Schema: {properties: {spec: {type: object}}}}}]}\n"
)
CONFIGURATION = (
    'required-version = ">=0.1,<99"\n\n[render]\njobs = 2\n\n[plan]\noutput = "markdown"\n\n[check]\noutput = "json"\n\n'
    '[init]\nnamespace = "tenant-a"\nplatform = "hikube"\n'
)
EDITS = (
    ("scale", "production", "web", "3"),
    ("scale", "production", "web", "1", "--retire", "--reason", "smaller"),
    ("rebuild", "production", "web", "--image", "debian-12"),
    ("rebuild", "production", "db", "--image", "debian-12", "--only", "a"),
    ("retire", "production", "web-3-data", "--reason", "gone"),
    ("check", "--fix"),
    ("new", "other", "--namespace", "tenant-b"),
)
LIVE = (
    ("status", "in.json"),
    ("status", "production", "in.json", "-o", "json"),
    ("plan", "--live", "in.json"),
    ("report", "--live", "in.json"),
    ("platform", "detect", "in.json"),
)
RENDERS = (("render",), ("check", "-o", "json"), ("plan",), ("list",), ("explain", "production", "b"))
# What is odd in most places: types, names of devices, paths, characters, numbers, YAML's own words.
ODD = (
    "null", "true", "no", "[]", "{}", "''", "0", "-1", "1.5", ".inf", ".nan", "1e999", "99999999999999999999999", "2026-01-01", "12:30:45",
    '"\\0"', '"a\\0b"', '"\\ud800"', '"\\ue000"', '"\\e[31m"', "con", "nul", "../x", "/etc/passwd", "/dev/null", "..", ".", "~", "*", "&a [*a]",
    "!!binary aGk=", "!!set {a}", "!!python/object:x", "<<", "=", "? [a]\n: b", "[[[[[[[[[[]]]]]]]]]]", "{a: {b: {c: {d: {}}}}}", "{{ x }}",
    "{% for %}", "{{", "%}", "|", ">", "- x", "a: b", "#", "'", '"', "\t", "\r", "é", "日本", "\u202e", "x" * 300, "0x1F", "0o17", "1_000",
    "[null]", "[1, a]", "{1: 2}", "{null: 1}", "{a: null}", "[{}]", "[[]]", "{file: x}", "{template: x}", "{merge: x}", "20Gi", "9999999Ti",
)  # fmt: skip


def read_builtin(name: str) -> str:
    """A built-in file of the templates."""
    return (CHECKOUT / "templates" / name).read_text(encoding="utf-8")


# For each kind of input: the file, its seed, and the commands that read it.
KINDS: dict[str, tuple[str, str, tuple[tuple[str, ...], ...]]] = {
    "environment": ("environments/production.yaml", ENVIRONMENT, RENDERS),
    "layer": ("environments/_defaults.yaml", ENVIRONMENT, RENDERS),
    "catalog": ("environments/_catalog.yaml", CATALOG, (*RENDERS, ("catalog",))),
    "policy": ("policies/own.yaml", POLICY, RENDERS),
    "template of user data": ("templates/cloud-init/x.j2", TEMPLATE, (*RENDERS, ("impact", "environments/production.yaml:2"))),
    "fragment": ("environments/_base.yaml", CLOUD_INIT, RENDERS),
    "template of disks": ("templates/hikube/vm-disk.yaml.j2", read_builtin("hikube/vm-disk.yaml.j2"), RENDERS),
    "template of machines": ("templates/hikube/vm-instance.yaml.j2", read_builtin("hikube/vm-instance.yaml.j2"), RENDERS),
    "schema of machines": ("templates/hikube/vm-instance.schema.json", read_builtin("hikube/vm-instance.schema.json"), RENDERS),
    "platform": ("templates/hikube/platform.yaml", read_builtin("hikube/platform.yaml"), RENDERS),
    "catalog of a platform": ("templates/hikube/catalog.yaml", read_builtin("hikube/catalog.yaml"), (*RENDERS, ("catalog",))),
    "verdicts": ("templates/hikube/verdicts.yaml", read_builtin("hikube/verdicts.yaml"), RENDERS),
    "shared verdicts": ("templates/shared/verdicts.yaml", read_builtin("shared/verdicts.yaml"), (("plan",),)),
    "guards": ("templates/shared/gitops.yaml", read_builtin("shared/gitops.yaml"), RENDERS),
    "profiles": ("templates/shared/profiles.yaml", read_builtin("shared/profiles.yaml"), RENDERS),
    "states": ("templates/shared/status.yaml", read_builtin("shared/status.yaml"), LIVE),
    "adoption": ("templates/shared/adopt.yaml", read_builtin("shared/adopt.yaml"), (("import", "--dry-run", "in.yaml"),)),
    "adoption of a platform": ("templates/hikube/adopt.yaml", read_builtin("shared/adopt.yaml"), (("import", "--dry-run", "in.yaml"), *LIVE)),
    "delivery": ("templates/delivery/defaults.yaml", read_builtin("delivery/defaults.yaml"), RENDERS),
    "keys": ("environments/keys/a.pub", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl a\n", RENDERS),
    "manifest": ("in.yaml", MANIFEST, (("import", "--dry-run", "in.yaml"), ("import", "--dry-run", "-o", "json", "in.yaml"))),
    "function": ("in.yaml", FUNCTION, (("function",),)),
    "dump": ("in.json", DUMP, LIVE),
    "cluster": ("in.yaml", CLUSTER, (("catalog", "import", "in.yaml", "--dry-run"), ("catalog", "import", "in.yaml"), ("platform", "detect", "in.yaml"))),
    "edited environment": ("environments/production.yaml", ENVIRONMENT, EDITS),
    "configuration": ("vmgen.toml", CONFIGURATION, (("list",), ("plan",), ("check",), ("init", "--update"))),
    "fields": ("templates/shared/fields.yaml", read_builtin("shared/fields.yaml"), (("list",), ("platform", "compare", "1", "2", "--platform", "hikube"))),
}  # fmt: skip


def mutate(seed: str, choice: random.Random) -> str:
    """Return the seed with some of its values, lines or characters replaced, removed, repeated or cut."""
    text = seed
    for _ in range(choice.randint(1, 3)):
        lines = text.split("\n")
        index = choice.randrange(len(lines))
        kind = choice.randrange(7)
        if kind <= 2:  # a value of a key becomes an odd one
            places = [number for number, char in enumerate(text) if char == ":"]
            if places:
                start = choice.choice(places) + 1
                ends = [end for stop in ",}\n" if (end := text.find(stop, start)) >= 0]
                text = f"{text[:start]} {choice.choice(ODD)}{text[min(ends, default=len(text)) :]}"
        elif kind == 3:
            del lines[index]
            text = "\n".join(lines)
        elif kind == 4:
            lines.insert(index, lines[choice.randrange(len(lines))])
            text = "\n".join(lines)
        elif kind == 5:
            start = choice.randrange(len(text) + 1)
            text = text[:start] + choice.choice(ODD) + text[start + choice.randrange(4) :]
        else:
            start = choice.randrange(len(text) + 1)
            text = text[:start] + text[start + choice.randrange(40) :]
    return text


@contextmanager
def watch_time() -> Iterator[None]:
    """Raise TimeoutError where a run takes too long."""

    def stop(number: int, frame: Any) -> None:
        raise TimeoutError("a run does not end")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(HANG_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def build_files(kind: str, text: str) -> dict[str, str]:
    """The files of a repository in which one is odd."""
    path, _, _ = KINDS[kind]
    files = {
        "environments/production.yaml": ENVIRONMENT,
        "environments/_base.yaml": CLOUD_INIT,
        "environments/keys/a.pub": KINDS["keys"][1],
        "templates/cloud-init/x.j2": TEMPLATE,
        "in.yaml": MANIFEST,
    }
    return {**files, path: text}


def try_text(kind: str, text: str, new_repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the commands of a kind over a text. Fails where one of them ends in a bug report, or not at all."""
    import io
    import sys

    made = new_repository({})
    made.write({name: content.encode("utf-8", "surrogatepass") for name, content in build_files(kind, text).items()})
    for command in KINDS[kind][2]:
        with monkeypatch.context() as patch, watch_time():
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "surrogatepass"))))
            result = made.run(*command)
        assert result.code in (0, 1, 2), f"{kind}, {command}:\n{text}\n{result.messages[-3000:]}"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_files(kind: str, new_repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """An odd file of each kind is a problem, or works."""
    started, number = time.monotonic(), 0
    seed = random.randrange(2**32) if SECONDS else 1
    while number < 4 or time.monotonic() - started < SECONDS / len(KINDS):
        number += 1
        try_text(kind, mutate(KINDS[kind][1], random.Random(f"{seed} {kind} {number}")), new_repository, monkeypatch)


@pytest.mark.slow
def test_seeds(new_repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeds themselves are read to the end: what is made of them is not refused at the first look."""
    for kind in KINDS:
        try_text(kind, KINDS[kind][1], new_repository, monkeypatch)
    made = new_repository(build_files("environment", ENVIRONMENT))
    assert made.run("list").code == 0, made.run("list").messages


@pytest.fixture(scope="session", name="usual")
def _usual(new_repository: Callable) -> Any:
    """A repository in order."""
    return new_repository(build_files("environment", ENVIRONMENT))


WORDS = st.one_of(
    st.sampled_from(
        ("render check plan list explain impact import report catalog schema template completion rule help production web a environments/"
         "production.yaml:3 in.yaml -o --output json text github sarif markdown csv --against HEAD --disks --totals --group -l --selector "
         "--stdout --check --jobs 1 2 --kustomize off --max-bytes 2000 --exit-code --dry-run --affected-since spec.disks -C --color never "
         "-h --version --platform hikube types x=y vm-disk.yaml.j2 hikube/vm-disk.yaml.j2 bash").split()
    ),
    st.text(max_size=12).filter(lambda word: "\0" not in word and not word.startswith("/")),
)  # fmt: skip


@pytest.mark.slow
@settings(max_examples=60 if not SECONDS else int(20 * SECONDS), suppress_health_check=list(HealthCheck))
@given(words=st.lists(WORDS, min_size=1, max_size=6))
def test_command_lines(words: list[str], usual: Any) -> None:
    """Whatever stands on the command line is done, or refused by exit code 1 or 2."""
    if "report" in words or "import" in words or "init" in words or "watch" in words:
        words = [*words, "--help"]
    try:
        [word.encode() for word in words]
    except UnicodeEncodeError:
        return
    with watch_time():
        result = usual.run(*words)
    assert result.code in (0, 1, 2), f"{words}\n{result.messages[-3000:]}"


@pytest.mark.slow
@settings(max_examples=100 if not SECONDS else int(20 * SECONDS), suppress_health_check=list(HealthCheck))
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_texts_of_user_data(text: str) -> None:
    """Any text of user data is checked to its end."""
    from vmgen.cloud_init.validate import check_text

    with watch_time():
        for header in (
            "",
            "#cloud-config\n",
            "## template: jinja\n#cloud-config\n",
            "Content-Type: multipart/mixed\n\n",
            "#cloud-config-archive\n",
        ):
            for finding in check_text(header + text):
                json.dumps(finding.message)
