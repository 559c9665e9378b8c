"""Manifests that differ in their names only are read once, as if each was read by itself."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.importer.alike import AlikeManifests
from vmgen.importer.conventions import PlatformConventions, load_conventions
from vmgen.importer.key_groups import KeyGroupSplitter
from vmgen.importer.manifests import Diagnostics, SourceManifest, SourceParser
from vmgen.importer.run import ImportRequest, ImportResult, import_manifests
from vmgen.merge.platform import PlatformLoader
from vmgen.read.located import Located, walk
from vmgen.read.repository import Project
from vmgen.read.yaml_reader import read_documents

HEAD = "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMInstance\nmetadata:\n  name: {name}\nspec:\n"
# Lines of a spec with a name and its number in many forms; most are text for any number, and some are not.
LINES = (
    "  cloudInit: |\n    hostname: {name}\n    echo {number} of {name}\n",
    "  cloudInit: |\n    {number}\n",
    "  cloudInit: this is number {number}\n",
    "  disks: [{name}-data, other]\n",
    "  disks:\n    - {name}-data\n    - {name}{number}\n",
    "  disks: [{{name: {name}, bus: virtio}}]\n",
    "  externalPorts: [{number}, 443]\n",
    "  externalPorts:\n    - {number}\n",
    '  instanceType: "{number}"\n',
    "  instanceType: 1.{number}\n",
    "  {name}: x\n",
    "  sshKeys: [ssh-ed25519 AAAA {name}] # {number}\n",
    "  running: true\n",
)
names = st.sampled_from(["web-1", "web-2", "web-22", "web-443", "db", "a", "a1", "on-1", "y"])


@pytest.fixture(scope="module")
def conventions() -> PlatformConventions:
    """The conventions of the platform that is assumed."""
    platforms = PlatformLoader(Project(Path()))
    return load_conventions(platforms.load("hikube", "1"), platforms)


def list_values(section: Mapping[str, Located]) -> list[object]:
    return [(key, list(walk(value))) for key, value in section.items()]


def describe(manifest: SourceManifest | None) -> object:
    if manifest is None:
        return None
    sections = (manifest.labels, manifest.annotations, manifest.spec)
    return (manifest[:3], manifest.place, manifest.notes, list(map(list_values, sections)))


def read_by_itself(text: str, file: str, conventions: PlatformConventions) -> SourceManifest | None:
    documents, _ = read_documents(text.encode(), file)
    return SourceParser(conventions, Diagnostics()).parse(documents[0]) if documents else None


@given(st.lists(st.sampled_from(LINES), max_size=3, unique=True), st.lists(names, min_size=3, max_size=6))
def test_alike_is_read_as_if_alone(conventions: PlatformConventions, lines: list[str], own_names: list[str]) -> None:
    """A manifest that is taken from others has the values and places that it has when it is read by itself."""
    alike = AlikeManifests(conventions)
    for index, name in enumerate(own_names):
        number = name.rpartition("-")[2] if name[-1].isdecimal() else "7"
        text = (HEAD + "".join(lines)).format(name=name, number=number)
        manifest = alike.find(text.encode(), f"{index}.yaml")
        if manifest:
            assert describe(manifest) == describe(read_by_itself(text, f"{index}.yaml", conventions))


def test_fleet_is_read_twice_at_most(conventions: PlatformConventions) -> None:
    """Of VMs that differ in their names and numbers only, the third is taken from those before."""
    alike = AlikeManifests(conventions)
    texts = [(HEAD + LINES[0] + LINES[4]).format(name=f"web-{number}", number="") for number in (1, 2, 3)]
    manifests = [alike.find(text.encode(), "vm.yaml") for text in texts]
    assert [manifest.name if manifest else "" for manifest in manifests] == ["", "web-2", "web-3"]


FLEET = """\
namespace: tenant-a
policy: {no-ssh-key: "off"}
vms:
  web:
    count: 12
    image: ubuntu-2404
    instanceType: u1.medium
    disks: {data: {storage: 50Gi}}
    labels: {app: web}
    cloudInit:
      text: |
        #cloud-config
        hostname: {{ vm.name }}
        runcmd: [[echo, "number {{ vm.number }} of web"]]
    instances: {3: {instanceType: u1.large}, 5: {externalPorts: [5, 443]}}
  db:
    names: [main, replica]
    image: ubuntu-2404
    instanceType: u1.medium
    instances: {main: {attach: [shared]}}
disks:
  shared: {storage: 10Gi}
"""
CHANGES: list[tuple[str, str, str]] = [
    ("", "", ""),
    ("vms/web-4.yaml", "running: true", "running: false"),
    ("vms/web-4.yaml", "instanceType: u1.medium", "instanceType: u1.medium\n  colour: red"),
    ("vms/web-4.yaml", "instanceType: u1.medium", "instanceType: ''"),
    ("vms/web-4.yaml", "web-4-data", "web-5-data"),
    ("vms/web-4.yaml", "number 4 of", "number 14 of"),
    ("vms/web-4.yaml", "app: web", "app: web-4"),
    ("vms/web-4.yaml", "external: false", "external: no"),
    ("disks/web-4-data.yaml", "storage: 50Gi", "storage: 60Gi"),
    ("disks/web-4-data.yaml", "  storage: 50Gi\n", ""),
    ("disks/web-4-data.yaml", "storageClass: replicated", "storageClass: [replicated]"),
    ("disks/web-4-system.yaml", "app: web", "owner: me"),
    # What VMs have in common is built once for all of them, so one that differs in one thing only has to be seen.
    ("disks/web-4-system.yaml", "app: web", "app: web-4"),
    ("disks/web-4-data.yaml", "app: web", "app: '4'"),
    ("disks/web-4-data.yaml", "storageClass: replicated", "storageClass: local"),
    ("disks/web-4-data.yaml", "storage: 50Gi", 'storage: "50Gi" # 4'),
    ("disks/web-4-data.yaml", "prune: disabled", "prune: enabled"),
    ("disks/web-4-data.yaml", "namespace: tenant-a", "namespace: tenant-b"),
    ("disks/web-4-data.yaml", "optical: false", "optical: true"),
    ("vms/web-4.yaml", "    - web-4-data\n", "    - shared\n    - web-4-data\n"),
    ("vms/web-4.yaml", "    - web-4-data\n", "    - shared\n"),
    ("vms/web-4.yaml", "    - web-4-data\n", ""),
    # Disks are attached by their names, which only a disk in the form of a text has to have a valid one of.
    ("vms/web-4.yaml", "    - web-4-data\n", "    - name: web-4-data\n"),
    ("vms/web-4.yaml", "    - web-4-data\n", "    - {name: web-4-data, bus: virtio}\n"),
    ("vms/web-4.yaml", "    - web-4-data\n", "    - Web-4-data\n"),
    ("vms/web-4.yaml", "    - web-4-data\n", "    - web-4-missing\n"),
    ("vms/web-4.yaml", "    - web-4-data\n", "    - 4\n"),
    ("vms/web-4.yaml", "app: web", "app: db"),
    ("vms/web-4.yaml", "app: web", "app: web\n    tier: '4'"),
    ("vms/web-4.yaml", "externalPorts: []", "externalPorts: [443]"),
    ("vms/web-4.yaml", "hostname: web-4", "hostname: web-4.example.com"),
]


@pytest.mark.parametrize(("file", "old", "new"), CHANGES)
def test_folder_and_stream_are_one_import(
    render_text: Callable[..., dict[str, str]],
    import_text: Callable[..., ImportResult],
    tmp_path: Path,
    file: str,
    old: str,
    new: str,
) -> None:
    """Objects in files of their own, of which most are alike, are imported as in one stream, where each is read by itself."""
    project = Project(tmp_path)
    objects = render_text(project, FLEET)
    assert not file or old in objects[file]
    objects = {path: text.replace(old, new) if path == file else text for path, text in sorted(objects.items())}
    write_objects(tmp_path / "live", objects)
    from_folder = import_manifests(project, ImportRequest((str(tmp_path / "live"),)), io.BytesIO())
    assert summarize(from_folder) == summarize(import_text(project, "---\n".join(objects.values())))


@pytest.mark.parametrize(
    ("disk", "rule"),
    [
        ("{name}-data", ""),
        ("Data-{number}", "import-invalid-field"),
        ("shared", "import-missing-disk"),
        ("{name}-x", "import-missing-disk"),
    ],
)
def test_problem_of_a_disk_is_in_the_file_of_its_vm(tmp_path: Path, disk: str, rule: str) -> None:
    """VMs that are alike down to a wrong disk have a problem each, at the line of the disk in the file of the VM."""
    data = (
        "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMDisk\nmetadata: {name: NAME-data}\nspec: {source: {}, storage: 1Gi}\n"
    )
    for number in range(1, 6):
        name = f"web-{number}"
        text = HEAD.format(name=name) + f"  disks:\n    - {disk.format(name=name, number=number)}\n"
        write_objects(tmp_path, {f"live/{number}.yaml": text, f"live/{number}-data.yaml": data.replace("NAME", name)})
    result = import_manifests(Project(tmp_path), ImportRequest((f"{tmp_path}/live",), namespace="tenant-a"), io.BytesIO())
    problems = [problem for problem in result.environments[0].problems if problem.rule.startswith("import-")]
    places = [(f"{tmp_path}/live/{number}.yaml", 7, 7) for number in range(1, 6)] if rule else []
    assert [(problem.rule, problem.place) for problem in problems if problem.rule == rule] == [
        (rule, place) for place in places
    ]


def test_settings_are_split_once_for_vms_that_are_alike(
    render_text: Callable[..., dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fleet costs as many key groups as it has kinds of VMs, and not as it has VMs."""
    project, splits = Project(tmp_path), list[object]()
    split = KeyGroupSplitter.split
    monkeypatch.setattr(KeyGroupSplitter, "split", lambda *arguments: splits.append(arguments) or split(*arguments))
    text = FLEET.replace("count: 12", "count: 40")
    write_objects(tmp_path / "live", render_text(project, text))
    assert import_manifests(project, ImportRequest((str(tmp_path / "live"),)), io.BytesIO()).is_verified
    # Those of the defaults, of four kinds of VMs, and of each first one of a kind, which is read by itself.
    assert len(splits) <= 10


def write_objects(folder: Path, objects: Mapping[str, str]) -> None:
    for path, text in objects.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)


def summarize(result: ImportResult) -> object:
    """Return what an import found and wrote, without its places, each of which is in another file."""
    return (
        [(each.content.text, each.templates, each.round_trip and each.round_trip[:4]) for each in result.environments],
        [note[1:] for each in result.environments for note in each.notes],
        [sorted(problem[1:] for problem in each.problems) for each in (*result.environments, result)],
    )
