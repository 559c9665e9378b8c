"""A run that is killed, or finds no room, leaves whole files only, and the next one converges."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from vmgen.filesystem.system_errors import describe_write_error
from vmgen.plan.diff import FileChanges, diff_files
from vmgen.read.repository import Project
from vmgen.write.files import write_changes

CHECKOUT = Path(__file__).resolve().parents[2]
FLEET = """\
namespace: tenant-acme
defaults: {{instanceType: {type}, image: ubuntu-2404}}
vms:
  web: {{count: {web}}}
  {other}: {{count: 150}}
"""


def fleet(repository: Callable, **values: object) -> dict[str, bytes]:
    """The tree of a 300-VM environment."""
    made = repository(files={"environments/fleet.yaml": FLEET.format(**values)})
    assert made.run("render").code == 0
    return {f"fleet/{name}": content for name, content in made.files("manifests/fleet").items()}


@pytest.fixture(scope="module")
def trees(new_repository: Callable) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Two trees of about 300 VMs: between them files are created, updated and pruned, in folders old and new."""
    before = fleet(lambda files: new_repository(files), web=150, type="u1.medium", other="db")
    after = fleet(lambda files: new_repository(files), web=160, type="u1.large", other="api")
    return before, after


def fill(root: Path, tree: dict[str, bytes]) -> None:
    """Put a tree below `manifests/` of a root."""
    for name, content in tree.items():
        path = root / "manifests" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def present_files(root: Path) -> dict[str, bytes]:
    """What lies below `manifests/`, but for what a killed run had not finished."""
    found = {}
    for path in (root / "manifests").rglob("*"):
        name = path.relative_to(root / "manifests").as_posix()
        if path.is_file() and ".vmgen-tmp" not in name:
            found[name] = path.read_bytes()
    return found


def listed_and_missing(files: dict[str, bytes]) -> Iterator[str]:
    """What some kustomization.yaml lists and is not there."""
    for name, content in files.items():
        if name.endswith("/kustomization.yaml"):
            folder = name.rpartition("/")[0]
            listed = content.decode().partition("resources:")[2].replace("- ", "").split()
            for entry in listed:
                if f"{folder}/{entry}" not in files and f"{folder}/{entry}/kustomization.yaml" not in files:
                    yield f"{folder}/{entry}"


def killed(project: Project, tree: dict[str, bytes], after: float) -> None:
    """Write a tree in a process of its own, and kill it some seconds after it began."""
    compared = diff_files(project, "fleet", tree)
    began, begins = os.pipe()
    child = os.fork()
    if not child:
        os.write(begins, b"x")
        write_changes(compared, tree, project)
        os._exit(0)
    os.read(began, 1)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(began)
    os.close(begins)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_killed_at_random_moments(trees: tuple[dict[str, bytes], dict[str, bytes]], kills: int, repository: Callable) -> None:
    """Never a broken file, never a list of what is not there, and the next run gives the bytes of an undisturbed one."""
    before, after = trees
    project = Project(repository().root)
    fill(project.root, before)
    began = time.perf_counter()
    write_changes(diff_files(project, "fleet", after), after, project)
    whole = time.perf_counter() - began
    assert present_files(project.root) == after
    chance = random.Random(0)
    states = set()
    for number in range(kills):
        root = repository().root
        if number % 3:
            fill(root, before)
        project = Project(root)
        killed(project, after, whole * 1.2 * chance.random() ** 3)  # early ones too, where the first was slow
        found = present_files(root)
        states.add(len(found))
        assert all(content in (before.get(name), after.get(name)) for name, content in found.items())
        assert list(listed_and_missing(found)) == []
        write_changes(diff_files(project, "fleet", after), after, project)
        assert present_files(root) == after
        assert not list((root / "manifests").rglob("*.vmgen-tmp"))
        assert not diff_files(project, "fleet", after)
    assert len(states) > 1  # some were killed while they wrote


@pytest.mark.slow
def test_a_whole_render_killed(repository: Callable) -> None:
    """The command itself, killed at any moment, is put right by the next run."""
    text = FLEET.format(web=60, type="u1.large", other="api")
    made = repository(files={"environments/fleet.yaml": text})
    made.uncommitted()
    assert made.run("render").code == 0
    wanted = made.files()
    chance = random.Random(1)
    for _ in range(4):
        other = FLEET.format(web=50, type="u1.medium", other="db")
        made.write({"environments/fleet.yaml": other})
        command = [sys.executable, "-m", "vmgen", "render"]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "generator")}
        with subprocess.Popen(command, cwd=made.root, env=environment, stderr=subprocess.DEVNULL) as run:
            time.sleep(chance.uniform(0.2, 0.6))
            run.send_signal(signal.SIGKILL)
        made.write({"environments/fleet.yaml": text})
        assert made.run("render").code == 0
        assert made.files() == wanted


def test_no_room_leaves_the_old_tree(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the disk is full, what was there stays whole, and nothing half done is left."""
    made = repository(files={"environments/fleet.yaml": FLEET.format(web=2, type="u1.large", other="api")})
    made.uncommitted()
    made.run("render")
    before = made.files()
    made.write({"environments/fleet.yaml": FLEET.format(web=3, type="u1.medium", other="db")})
    write = os.write
    room = [20]

    def full(handle: int, content: bytes) -> int:
        room[0] -= 1
        return write(handle, content[: len(content) // 2] if room[0] < 0 else content)

    monkeypatch.setattr("vmgen.filesystem.writer.os.write", full)
    done = made.run("render")
    monkeypatch.undo()
    assert done.code == 2
    assert "No space left on device; free some space, and run it again" in done.messages
    assert before.keys() <= made.files().keys()
    assert not list(made.root.rglob("*.vmgen-tmp"))
    assert made.run("render").code == 0


def test_a_folder_that_cannot_be_made(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is one line and exit code 2."""
    made = repository("namespace: tenant-a\nvms: {a: {instanceType: u1.large, image: debian-12}}\n")

    def refuse(path: str, *more: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("vmgen.filesystem.writer.os.mkdir", refuse)
    done = made.run("render")
    assert (done.code, "vmgen: cannot write" in done.messages, "Permission denied" in done.messages) == (2, True, True)


@pytest.mark.parametrize("command", ["render", "check"])
def test_a_leftover_of_a_new_environment(repository: Callable, command: str) -> None:
    """A folder that a killed run had not finished keeps nobody from rendering, nor is it drift."""
    made = repository("namespace: tenant-a\nvms: {a: {instanceType: u1.large, image: debian-12}}\n")
    made.uncommitted()
    assert made.run("render").code == 0
    made.write({"manifests/.production.vmgen-tmp/vms/a/a.yaml": "#"})
    assert made.run(command).code == 0


def test_nothing_to_do(repository: Callable) -> None:
    """Without changes nothing is written, not even a folder."""
    project = repository().project
    write_changes(FileChanges("a", (), (), (), 0, (), (), ()), {}, project)
    assert not project.manifests.exists()


@pytest.mark.parametrize("name", ["manifests", ".vmgen"])
def test_file_at_the_place_of_a_folder_is_to_be_moved(repository: Callable, name: str) -> None:
    """No second run writes below a file, so the message asks to move it."""
    made = repository("namespace: tenant-acme\nvms: {web: {image: ubuntu-2404, instanceType: u1.large}}\n", {name: "x"})
    done = made.run("render")
    assert (done.code, "Not a directory; move that file away" in done.messages) == (2, True), done.messages
    (made.root / name).rename(made.root / "moved")
    assert made.run("render").code == 0


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            NotADirectoryError(20, "Not a directory", "a/b"),
            "cannot write a/b: Not a directory; move that file away, and run it again",
        ),
        (
            PermissionError(13, "Permission denied", "a/b"),
            "cannot write a/b: Permission denied; change the permissions, and run it again",
        ),
        (OSError(5, "Input/output error", "a/b"), "cannot write a/b: Input/output error; run render again"),
    ],
)
def test_a_refused_write_names_the_file_and_the_remedy(error: OSError, text: str) -> None:
    """A file where a folder belongs has a remedy of its own."""
    assert describe_write_error(error, remedy="run render again") == text
    assert describe_write_error(error, "c").startswith("cannot write c: ")
