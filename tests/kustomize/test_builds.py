"""A large environment is built in parts, several at a time, and the same is found as in a build of the whole."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from vmgen.kustomize.builds import plan_builds, verify_builds
from vmgen.problems import Problem, VmgenError

FLEET = """\
namespace: tenant-acme
defaults: {instanceType: u1.large, image: debian-12}
vms:
  db: {count: 1}
  web: {count: 2, disks: {data: 50Gi}, attach: [iso]}
disks:
  golden: {image: debian-12, storage: 20Gi}
  iso: {url: "https://example.com/a.iso", optical: true, storage: 1Gi}
"""
NAME = "production"


class Large(NamedTuple):
    """A repository whose environment is rendered and too large to be built at once; `files` is what was rendered."""

    root: Path
    project: object
    files: Mapping[str, bytes]

    def change(self, path: str, old: str, new: str) -> None:
        """Put another text into a rendered file."""
        file = self.root / "manifests" / NAME / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    def problems(self, *, full: bool = False, jobs: int = 1) -> list[Problem]:
        """What `check` says of what lies there."""
        builds, listing_problems = plan_builds(self.project, {NAME: self.files}, full=full)
        return [*listing_problems, *verify_builds(self.project, builds, lambda _: None, jobs=jobs)]

    def said(self, **options: bool) -> list[tuple[str, str, str]]:
        """The place, the key and the words of each problem."""
        found = self.problems(**options)
        assert {problem.rule for problem in found} <= {"kustomize-differs"}
        return [(str(problem.place).removeprefix("manifests/"), problem.subject, problem.message) for problem in found]


@pytest.fixture(name="large")
def _large(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> Large:
    monkeypatch.setattr("vmgen.kustomize.builds.MAX_OBJECTS_PER_BUILD", 3)
    made = repository(FLEET)
    assert made.run("render").code == 0
    return Large(made.root, made.project, {path: text for path, text in made.files().items() if path.startswith(NAME)})


@pytest.fixture(name="temporary")
def _temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(name="acting")
def _acting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, engine: list[str]) -> Callable[[str], Path]:
    """Put an engine before the real one that first acts on the kustomization.yaml of the folder `$1`; return its log."""

    def act(script: str) -> Path:
        folder, log = tmp_path / "bin", tmp_path / "log"
        folder.mkdir()
        program = folder / "kustomize"
        real = " ".join(engine)
        program.write_text(
            f'#!/bin/sh\n[ "$1" = version ] && exit\nshift\necho "$1 $$" >> {log}\n'
            f'case "$(cat "$1/kustomization.yaml")" in\n{script}\nesac\nexec {real} "$@"\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("VMGEN_KUSTOMIZE_BINARY", str(program))
        return log

    return act


def _folders(log: Path, root: Path) -> list[str]:
    """Return the folders that were built, in order, `part` for a temporary one."""
    lines = [line.rpartition(" ")[0] for line in log.read_text().splitlines()]
    below = f"{root / 'manifests'}/"
    return [line.removeprefix(below) if line.startswith(below) else "part" for line in lines]


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _gone(log: Path) -> bool:
    """Whether none of the engines that were started runs any more."""
    return not any(_runs(int(line.rpartition(" ")[2])) for line in log.read_text().splitlines())


def test_the_parts_are_the_whole(large: Large) -> None:
    """Each manifest is in one build, whatever group it belongs to, and no build has more objects than it may."""
    builds, problems = plan_builds(large.project, {NAME: large.files}, full=False)
    assert problems == ()
    assert [(build.folder, len(build.desired)) for build in builds] == [
        ("production/disks", 3),
        ("production/disks/web", 3),
        ("production", 3),
        ("production/vms/web", 1),
    ]
    assert [build.configurations for build in builds] == [("production/name-reference.yaml",), (), (), ()]
    desired = [path for build in builds for path in build.desired]
    assert sorted(desired) == sorted(path for path in large.files if "kustomization" not in path and "reference" not in path)


@pytest.mark.parametrize(("group", "most"), [(12, 5), (7, 3), (5, 9)])
def test_a_large_group_is_built_in_parts(
    repository: Callable, monkeypatch: pytest.MonkeyPatch, engine: list[str], group: int, most: int
) -> None:
    """No build is larger than it may be, however large a group is, and a group whose list lacks a VM is found."""
    monkeypatch.setattr("vmgen.kustomize.builds.MAX_OBJECTS_PER_BUILD", most)
    made = repository(f"namespace: tenant-a\nvms: {{web: {{count: {group}, instanceType: u1.large, image: debian-12}}}}\n")
    assert made.run("render").code == 0
    files = {path: text for path, text in made.files().items() if path.startswith(NAME)}
    builds, problems = plan_builds(made.project, {NAME: files}, full=False)
    assert (problems, max(len(build.desired) for build in builds) <= most) == ((), True)
    assert sum(len(build.desired) for build in builds) == 2 * group
    assert verify_builds(made.project, builds, lambda _: None) == []
    large = Large(made.root, made.project, files)
    large.change("vms/web/kustomization.yaml", "  - web-2.yaml\n", "")
    assert large.said() == [(f"{VMS}/web/kustomization.yaml", "resources", "does not list web-2.yaml; run render")]


def test_nothing_is_wrong(large: Large, engine: list[str], temporary: Path) -> None:
    """What was rendered is what the engine builds of its parts, and no folder is left behind."""
    assert large.said() == []
    assert list(temporary.iterdir()) == []


DISKS, VMS, LIST = "production/disks", "production/vms", "kustomization.yaml"
OBJECTS: dict[str, tuple[str, str, str, str, str]] = {
    "a disk of a group": ("disks/web/web-1-data.yaml", "50Gi", "60Gi", f"{DISKS}/web", "VMDisk web-1-data differs"),
    "a VM of a group": ("vms/web/web-2.yaml", "u1.large", "u1.xlarge", f"{VMS}/web", "VMInstance web-2 differs"),
    "a disk of a small group": ("disks/db/db-1-system.yaml", "storage:", "size:", DISKS, "VMDisk db-1-system differs"),
    "a VM of a small group": ("vms/db/db-1.yaml", "u1.large", "u1.xlarge", NAME, "VMInstance db-1 differs"),
    "a standalone disk": ("disks/iso.yaml", "1Gi", "2Gi", DISKS, "VMDisk iso differs"),
}


@pytest.mark.parametrize(("path", "old", "new", "place", "what"), OBJECTS.values(), ids=OBJECTS)
def test_an_object_of_a_part(large: Large, engine: list[str], path: str, old: str, new: str, place: str, what: str) -> None:
    """An object that the engine builds otherwise is named with the folder that holds the files of its build."""
    large.change(path, old, new)
    assert large.said() == [(place, "", f"{what} when kustomize builds {place}; run render")]
    assert [message.partition(" when ")[0] for _, _, message in large.said(full=True)] == [what]


NAMES = "name-reference.yaml"
LISTS: dict[str, tuple[str, str, str, str, str]] = {
    "the root lists less": ("", "  - disks\n", "", "resources", "does not list disks"),
    "the root lists more": ("", "  - disks\n", "  - disks\n  - more\n", "resources", "lists more, which was not rendered"),
    "the root lists one twice": ("", "  - vms\n", "  - vms\n  - vms\n", "resources", "lists vms 2 times"),
    "the root has no configuration": ("", f"  - {NAMES}\n", "  []\n", "configurations", f"does not list {NAMES}"),
    "the root has another": ("", "  - name", "  - a\n  - name", "configurations", "lists a, which was not rendered"),
    "disks lists less": ("disks/", "  - web\n", "", "resources", "does not list web"),
    "disks lists a standalone disk less": ("disks/", "  - iso.yaml\n", "", "resources", "does not list iso.yaml"),
    "disks lists more": ("disks/", "  - web\n", "  - web\n  - ../vms\n", "resources", "lists ../vms, which was not rendered"),
    "vms lists less": ("vms/", "  - web\n", "", "resources", "does not list web"),
    "vms lists more": ("vms/", "  - web\n", "  - web\n  - a/b\n", "resources", "lists a/b, which was not rendered"),
    "a group lists a disk less": ("disks/web/", "  - web-1-data.yaml\n", "", "resources", "does not list web-1-data.yaml"),
    "a group lists a VM less": ("vms/web/", "  - web-1.yaml\n", "", "resources", "does not list web-1.yaml"),
    "a group lists a disk more": (
        "disks/web/",
        "  - web",
        "  - more.yaml\n  - web",
        "resources",
        "lists more.yaml, which was not rendered",
    ),
    "a small group lists one twice": (
        "vms/db/",
        "  - db-1.yaml\n",
        "  - db-1.yaml\n  - db-1.yaml\n",
        "resources",
        "lists db-1.yaml 2 times",
    ),
}


@pytest.mark.parametrize(("folder", "old", "new", "key", "what"), LISTS.values(), ids=LISTS)
def test_a_list(large: Large, engine: list[str], folder: str, old: str, new: str, key: str, what: str) -> None:
    """A kustomization.yaml that no part builds is read: it lists what was rendered beside it, each once."""
    large.change(f"{folder}kustomization.yaml", old, new)
    assert large.said() == [(f"{NAME}/{folder}kustomization.yaml", key, f"{what}; run render")]


MORE = {
    "a prefix": ("kind: Kustomization\n", "kind: Kustomization\nnamePrefix: a-\n"),
    "a patch": (
        "kind: Kustomization\n",
        "kind: Kustomization\npatches: [{patch: '{kind: VMDisk, metadata: {name: iso}, spec: null}'}]\n",
    ),
    "another kind": ("kind: Kustomization\n", "kind: Component\n"),
    "another list": ("kind: Kustomization\n", "kind: Kustomization\ncomponents: [a]\n"),
    "a text for a list": ("resources:\n", "resources: >-\n"),
    "a number for a name": ("resources:\n", "resources:\n  - 1\n"),
    "no YAML": ("resources:\n", "resources: [\n"),
    "two documents": ("resources:\n", "resources: []\n---\nresources:\n"),
}


@pytest.mark.parametrize("folder", ["", "disks/", "vms/web/"])
@pytest.mark.parametrize(("old", "new"), MORE.values(), ids=MORE)
def test_what_reading_cannot_judge(large: Large, folder: str, old: str, new: str) -> None:
    """If a kustomization.yaml holds more than lists, or is none, kustomize builds the environment from its root."""
    large.change(f"{folder}kustomization.yaml", old, new)
    builds, problems = plan_builds(large.project, {NAME: large.files}, full=False)
    assert ([(build.folder, build.is_part) for build in builds], problems) == ([(NAME, False)], ())


def test_a_prefix_above_the_groups(large: Large, engine: list[str]) -> None:
    """A prefix that somebody put above the groups is found, though no part has it."""
    large.change("vms/kustomization.yaml", "kind: Kustomization\n", "kind: Kustomization\nnamePrefix: a-\n")
    assert len(large.said()) == 6


def test_the_configuration_is_built(large: Large, engine: list[str]) -> None:
    """Kustomize reads name-reference.yaml in one part."""
    builds, _ = plan_builds(large.project, {NAME: large.files}, full=False)
    large.change("name-reference.yaml", "nameReference:", "nameReference: {")
    with pytest.raises(VmgenError, match=r"^kustomize cannot build manifests/production: .*YAML"):
        verify_builds(large.project, builds, lambda _: None)


def test_full_builds_the_root(large: Large, acting: Callable) -> None:
    """With `full` there is one build of each environment, of its root."""
    log = acting("")
    assert large.said(full=True) == []
    assert _folders(log, large.root) == [NAME]


PARTS = ["part", "part"]


@pytest.mark.parametrize(
    ("option", "most", "folders"), [("auto", 10, [NAME]), ("auto", 9, PARTS), ("full", 9, [NAME]), ("off", 9, [])]
)
def test_the_option(
    large: Large, acting: Callable, vmgen: Callable, monkeypatch: pytest.MonkeyPatch, option: str, most: int, folders: list[str]
) -> None:
    """`check` builds an environment up to the limit from its root, a larger one in parts.

    With `full` each is built from its root, and with `off` none.
    """
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.setattr("vmgen.kustomize.builds.MAX_OBJECTS_PER_BUILD", most)
    log = acting("")
    assert vmgen("-C", str(large.root), "check", "--kustomize", option).code == 0
    assert (_folders(log, large.root) if log.exists() else []) == folders


def test_the_same_order_on_each_run(large: Large, acting: Callable) -> None:
    """Problems come in the order of the folders, whichever build ends first."""
    large.change("vms/kustomization.yaml", "  - web\n", "")
    for path, old, new in [each[:3] for each in OBJECTS.values()][:5]:
        large.change(path, old, new)
    expected = large.said()
    assert [place for place, _, _ in expected] == [
        f"{VMS}/kustomization.yaml",
        DISKS,
        DISKS,
        f"{DISKS}/web",
        NAME,
        f"{VMS}/web",
    ]
    acting("*/disks/iso.yaml*) sleep 0.5;;")
    assert [large.said(jobs=jobs) for jobs in (1, 2, 9)] == [expected] * 3


def test_the_engine_is_looked_up_once(large: Large, engine: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """However many builds there are, PATH is searched once."""
    asked = []
    monkeypatch.setattr("vmgen.kustomize.engine.find_kustomize_command", lambda binary: asked.append(1) or engine)
    assert large.said() == []
    assert asked == [1]


def test_nothing_to_build_needs_no_engine(large: Large, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was rendered nobody looks for an engine."""
    monkeypatch.setattr("vmgen.kustomize.engine.find_kustomize_command", None)
    assert verify_builds(large.project, (), lambda _: None) == []


@pytest.mark.parametrize(("jobs", "processors", "at_once"), [(1, 2, 2), (3, 2, 3), (9, 2, 4), (1, 64, 4)])
def test_so_many_at_a_time(
    large: Large, engine: list[str], monkeypatch: pytest.MonkeyPatch, jobs: int, processors: int, at_once: int
) -> None:
    """As many builds at a time as there are processors, or as were asked for, and no more than there are to do."""
    from concurrent.futures import ThreadPoolExecutor

    made = []
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    monkeypatch.setattr("concurrent.futures.ThreadPoolExecutor", lambda most: made.append(most) or ThreadPoolExecutor(most))
    assert large.problems(jobs=jobs) == []
    assert made == [at_once]


def test_progress(large: Large, engine: list[str]) -> None:
    """Each build is told when it is done."""
    told: list[str] = []
    builds, _ = plan_builds(large.project, {NAME: large.files}, full=False)
    verify_builds(large.project, builds, told.append)
    assert sorted(told) == ["production", "production/disks", "production/disks/web", "production/vms/web"]


def test_an_engine_that_fails(large: Large, acting: Callable, temporary: Path) -> None:
    """The first build that fails is named with the words of kustomize; the others end, and no folder is left."""
    log = acting("*/disks/iso.yaml*) sleep 0.5; echo it broke >&2; exit 3;;\n*) exec sleep 60;;")
    with pytest.raises(VmgenError, match=r"^kustomize cannot build manifests/production: it broke$"):
        large.problems(jobs=2)
    assert len(_folders(log, large.root)) <= 2
    assert _gone(log)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("jobs", [2, 4])
def test_two_folders_that_cannot_be_built(large: Large, acting: Callable, tmp_path: Path, jobs: int) -> None:
    """The error is that of the longer build, though another fails before it; after that, no build is begun."""
    failed = tmp_path / "failed"
    log = acting(
        f"*/disks/iso.yaml*) until [ -e {failed} ]; do sleep 0.02; done; sleep 0.1; echo the first >&2; exit 3;;\n"
        f"*) until [ $(wc -l < {tmp_path / 'log'}) -eq {jobs} ]; do sleep 0.02; done; touch {failed}; exit 3;;"
    )
    with pytest.raises(VmgenError, match=r"production: the first$"):
        large.problems(jobs=jobs)
    assert len(_folders(log, large.root)) == jobs


def test_a_part_that_cannot_be_built(large: Large, acting: Callable, temporary: Path) -> None:
    """The words of kustomize name the files from the root of the repository, and no folder is left."""
    acting(f'*/disks/iso.yaml*) echo "{large.root}/manifests/production/disks/iso.yaml broke" >&2; exit 3;;')
    with pytest.raises(VmgenError) as raised:
        large.problems()
    assert str(raised.value) == "kustomize cannot build manifests/production: manifests/production/disks/iso.yaml broke"
    assert list(temporary.iterdir()) == []


def test_a_standalone_disk_that_is_no_object(large: Large, engine: list[str]) -> None:
    """What the engine says of a copy names the file."""
    large.change("disks/iso.yaml", "kind: VMDisk", "kind: [")
    with pytest.raises(VmgenError, match=r"^kustomize cannot build manifests/production: .*disks/iso.yaml"):
        large.problems()


def test_a_folder_that_is_gone(large: Large, engine: list[str], temporary: Path) -> None:
    """A folder that somebody removes meanwhile is the error of the system, with its name; and no folder is left."""
    shutil.rmtree(large.root / "manifests" / NAME / "disks" / "db")
    with pytest.raises(FileNotFoundError, match=r"disks/db"):
        large.problems()
    assert list(temporary.iterdir()) == []


def test_a_file_that_is_gone(large: Large, engine: list[str], temporary: Path) -> None:
    """A manifest that somebody removes meanwhile is an error of kustomize that names it."""
    (large.root / "manifests" / NAME / "disks" / "iso.yaml").unlink()
    with pytest.raises(VmgenError, match=r"manifests/production/disks/iso.yaml"):
        large.problems()
    assert list(temporary.iterdir()) == []


INTERRUPTED = """\
import os, sys
from vmgen.kustomize import builds
builds.MAX_OBJECTS_PER_BUILD = 3
processors, sys.argv = int(sys.argv[1]), ["vmgen", "check"]
os.cpu_count = lambda: processors
from vmgen.__main__ import main
main()
"""


def _hear_ctrl_c() -> None:
    """A run in the background of a shell hands down that Ctrl-C is ignored; at a terminal it is not."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.parametrize("processors", [1, 4])
def test_ctrl_c(large: Large, acting: Callable, temporary: Path, processors: int) -> None:
    """Ctrl-C ends the builds at once, also where only vmgen hears it, and no folder is left."""
    log = acting("*) exec sleep 60;;")
    checkout = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(checkout / "generator"), "TMPDIR": str(temporary)}
    command = [sys.executable, "-c", INTERRUPTED, str(processors)]
    run = subprocess.Popen(command, cwd=large.root, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=_hear_ctrl_c)
    until = time.monotonic() + 30
    while not (log.exists() and len(log.read_text().splitlines()) >= processors) and time.monotonic() < until:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    _, messages = run.communicate(timeout=30)
    assert (run.returncode, messages.strip()) == (130, "")
    assert _gone(log)
    assert list(temporary.iterdir()) == []
