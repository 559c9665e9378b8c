"""What the system refuses to write: a full disk, a quota, a read-only file system, missing permissions."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.filesystem.writer import TreeWriter

WEB = "namespace: tenant-a\nvms: {web: {count: 2, instanceType: u1.large, image: debian-12}}\n"
# Commands that write.
WRITING_COMMANDS = {
    "render": ("render",),
    "scale": ("scale", "production", "web", "3"),
    "retire": ("scale", "production", "web", "1", "--retire", "--reason", "x"),
    "rebuild": ("rebuild", "production", "web", "--image", "ubuntu-2404"),
    "fix": ("check", "--fix"),
    "import": ("import", "dump.yaml", "--env", "other"),
    "report": ("report", "-o", "fleet.html"),
    "report of problems": ("check", "--report", "sarif", "problems.sarif"),
    "init": ("init", "new", "--namespace", "tenant-b"),
}
EDITS = {"render": "count: 3", "check": "count: '2'"}
DUMP = """\
apiVersion: apps.cozystack.io/v1alpha1
kind: VMDisk
metadata: {name: lone, namespace: tenant-c}
spec: {storage: 5Gi, storageClass: replicated, source: {http: {url: "https://x.example/a.img"}}}
"""


def _read_files(root: Path) -> dict[str, bytes]:
    """Return the files of a repository, without the state of runs."""
    files = (path for path in root.rglob("*") if path.is_file() and ".vmgen" not in path.parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in files}


@pytest.mark.parametrize("error", ["ENOSPC", "EDQUOT", "EROFS", "EACCES"])
@pytest.mark.parametrize("command", WRITING_COMMANDS.values(), ids=WRITING_COMMANDS)
def test_error_of_the_system_names_a_remedy(
    repository: Callable, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], error: str
) -> None:
    """A full disk, a quota, a read-only file system and missing permissions end a command in one line; no file is new."""
    made = repository(files={"environments/production.yaml": WEB, "dump.yaml": DUMP})
    assert made.run("render").code == 0
    made.write({"environments/production.yaml": WEB.replace("count: 2", EDITS.get(command[0], "count: 2"))})
    before = _read_files(made.root)
    number = getattr(errno, error)

    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("vmgen.filesystem.writer._write_new", refuse)
    done = made.run(*command)
    monkeypatch.undo()
    assert done.code == 2
    lines = [line for line in done.messages.splitlines() if line.startswith("vmgen: cannot write")]
    assert len(lines) == 1
    assert f"{os.strerror(number)}; " in lines[0]
    assert lines[0].endswith(", and run it again")
    assert _read_files(made.root) == before


def test_init_that_runs_out_of_space_can_run_again(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever file is the first that does not fit, the next run writes all of them."""
    made = repository()
    expected = made.run("init", "expected", "--namespace", "tenant-b").stdout
    create = TreeWriter.create
    for number in range(expected.count("wrote ") - 1):
        room = [number]

        def fill(self: TreeWriter, path: str, content: bytes, room: list[int] = room) -> None:
            room[0] -= 1
            if room[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
            create(self, path, content)

        monkeypatch.setattr(TreeWriter, "create", fill)
        assert made.run("init", f"new{number}", "--namespace", "tenant-b").code == 2
        assert not [path for path in (made.root / f"new{number}").rglob("*") if path.is_file()]
        monkeypatch.undo()
        assert made.run("init", f"new{number}", "--namespace", "tenant-b").stdout == expected


def test_init_that_was_killed_can_run_again(repository: Callable) -> None:
    """Defaults without an environment are what a killed run left, and the environment is added."""
    made = repository(files={"new/environments/_defaults.yaml": "platformVersion: '1'\n"})
    assert made.run("init", "new", "--namespace", "tenant-b").code == 0
    assert (made.root / "new/environments/production.yaml").is_file()


def test_import_that_runs_out_of_space_can_run_again(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """A template that was written before the disk was full is not in the way of the next import."""
    made = repository(files={"dump.yaml": DUMP.replace("tenant-c", "tenant-b") + "---\n" + DUMP.replace("lone", "other")})
    create = TreeWriter.create

    def fill(self: TreeWriter, path: str, content: bytes) -> None:
        if list(made.root.glob("environments/*.yaml")):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
        create(self, path, content)

    monkeypatch.setattr(TreeWriter, "create", fill)
    done = made.run("import", "dump.yaml")
    monkeypatch.undo()
    assert (done.code, list(made.root.glob("environments/*.yaml"))) == (2, [])
    assert made.run("import", "dump.yaml").code == 0
    assert len(list(made.root.glob("environments/*.yaml"))) == 2


@pytest.mark.parametrize("folder", ["environments", "environments/base", "templates", "templates/hikube", "policies"])
@pytest.mark.parametrize("command", ["render", "check", "plan", "list"])
def test_folder_of_sources_that_cannot_be_read_is_not_empty(
    repository: Callable, monkeypatch: pytest.MonkeyPatch, folder: str, command: str
) -> None:
    """Without the permission to search it, its templates and policies would look as if there were none."""
    made = repository(files={"environments/production.yaml": WEB, f"{folder}/notes/a.txt": "x"})
    access = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: access(path, mode) and str(path) != str(made.root / folder))
    done = made.run(command)
    assert done.code == 2
    assert f"vmgen: {folder}/ cannot be read: Permission denied; change the permissions, and run it again" in done.messages
    assert not (made.root / "manifests").exists()
