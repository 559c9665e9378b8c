"""No program of a hostile configuration is run, none that hangs is waited for, and workers end with their parent."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import process_environment
from vmgen.kustomize.engine import Kustomizer
from vmgen.plan.git import find_repository
from vmgen.problems import VmgenError

ONE_VM = "namespace: tenant-a\nvms: {a: {instanceType: u1.large, image: debian-12, disks: {data: 50Gi}}}\n"
AUTHOR = ("-c", "user.name=x", "-c", "user.email=x@example.com")
# What git would run, by the setting that names it; each in turn writes a file.
PROGRAMS = {
    "core.fsmonitor": "",
    "core.hooksPath": "",
    "diff.external": "",
    "diff.x.textconv": "* diff=x\n",
    "diff.x.command": "* diff=x\n",
    "filter.x.clean": "* filter=x\n",
    "filter.x=y.process": "* filter=x=y\n",
    "core.pager": "",
    "core.sshCommand": "",
    "core.askPass": "",
}
SLEEPER = "#!/bin/sh\nsleep 300 &\necho $! > {log}\nwait\n"


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *AUTHOR, *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def committed(repository: Callable) -> Any:
    """A repository whose manifests are committed."""
    made = repository(ONE_VM)
    made.uncommitted()
    assert made.run("render").code == 0
    _git(made.root, "add", ".")
    _git(made.root, "commit", "--quiet", "-m", "all")
    return made


@pytest.mark.parametrize("setting", PROGRAMS)
def test_no_program_of_the_configuration_is_run(committed: Any, tmp_path: Path, setting: str) -> None:
    """Whatever .git/config and .gitattributes name, git runs none of it."""
    program = tmp_path / "hooks" / "program"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat\n")
    program.chmod(0o755)
    for hook in ("post-index-change", "reference-transaction", "post-checkout"):
        os.link(program, program.parent / hook)
    _git(committed.root, "config", setting, str(program.parent if setting.endswith("Path") else program))
    committed.write({".git/info/attributes": PROGRAMS[setting], "environments/production.yaml": f"{ONE_VM}# more\n"})
    for command in (("check", "--affected-since", "HEAD", "--kustomize", "off"), ("plan", "--against", "HEAD"), ("render",)):
        assert committed.run(*command).code in (0, 1)
    assert not (tmp_path / "ran").exists()


def test_a_replaced_commit_is_not_the_baseline(committed: Any) -> None:
    """`git replace` puts nothing in the place of what was committed: the disk that goes is still seen."""
    empty = _git(committed.root, "commit-tree", "-m", "x", _git(committed.root, "write-tree", "--prefix=environments/"))
    _git(committed.root, "replace", "HEAD", empty)
    committed.write({"environments/production.yaml": ONE_VM.replace(", disks: {data: 50Gi}", "")})
    done = committed.run("render")
    assert (done.code, "a-data" in done.messages) == (1, True)


def _put_sleeper(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program that does not end first on PATH, and return the file that will hold the process id of its child."""
    log = folder / "log"
    (folder / name).write_text(SLEEPER.format(log=log))
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
    return log


def _wait_for_end(process_id: int) -> bool:
    """Wait a while for the end of a process, and return whether it has ended."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_git_that_hangs(committed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """git that does not end is ended with what it started, and said: exit code 2."""
    log = _put_sleeper(tmp_path, "git", monkeypatch)
    monkeypatch.setattr("vmgen.plan.git_process._MAX_SECONDS", 1)
    with pytest.raises(VmgenError, match="git rev-parse did not end within 1 s and was stopped"):
        find_repository(committed.root)
    assert _wait_for_end(int(log.read_text()))
    assert committed.run("render").code == 2


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_kustomize_that_hangs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is kustomize; the limit grows with the number of objects."""
    log = _put_sleeper(tmp_path, "kustomize", monkeypatch)
    monkeypatch.setattr("vmgen.kustomize.engine._MIN_SECONDS", 1)
    monkeypatch.setattr("vmgen.kustomize.engine.require_version", lambda command: "")
    engine = Kustomizer(str(tmp_path / "kustomize"))
    with pytest.raises(VmgenError, match="kustomize did not build vms/web within 2 s and was stopped"):
        engine.build(tmp_path, "vms/web", 300)
    assert _wait_for_end(int(log.read_text()))


def _list_children(process_id: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{process_id}/task/{process_id}/children").read_text().split()]
    except OSError:
        return []


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_render_leaves_no_worker(repository: Callable, kills: int) -> None:
    """Killed alone or with its group, by any signal: its workers end, and the next render has nothing to wait for."""
    group = "vms: {web: {count: 40, instanceType: u1.large, image: debian-12}}\n"
    made = repository(files={f"environments/e{i}.yaml": f"namespace: tenant-{i}\n{group}" for i in range(4)})
    made.uncommitted()
    chance = random.Random(0)
    number = 0
    while number < max(4, kills // 6):
        # Something differs each time: a render that has nothing to write starts no worker, and ends before it is killed.
        made.write(
            {
                f"environments/e{i}.yaml": f"namespace: tenant-{i}\nlabels: {{run: r{chance.random()}}}\n{group}"
                for i in range(4)
            }
        )
        command = [sys.executable, "-m", "vmgen", "render", "--jobs", "3"]
        run = subprocess.Popen(
            command, cwd=made.root, env=process_environment(), stderr=subprocess.DEVNULL, start_new_session=True
        )
        until = time.monotonic() + 20
        while not (workers := _list_children(run.pid)) and run.poll() is None and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(chance.uniform(0, 0.2))
        workers = [*workers, *_list_children(run.pid)]
        how = [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP][number % 3]
        if run.poll() is not None:
            continue
        (os.killpg if number % 4 == 3 else os.kill)(run.pid, how)
        number += 1
        run.wait()
        assert all(_wait_for_end(worker) for worker in workers)
        assert "Waiting" not in made.run("render", "--stdout").messages
    assert "Waiting" not in made.run("render").messages
