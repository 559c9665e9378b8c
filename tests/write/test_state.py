"""Two runs of one repository wait for each other, and whatever ends a run frees its lock."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.problems import VmgenError
from vmgen.write.state import find_tracked_state, lock_repository

CHECKOUT = Path(__file__).resolve().parents[2]
ONE_VM = """\
namespace: tenant-a
vms: {a: {instanceType: u1.large, image: debian-12, disks: {data: 50Gi}}}
platformVersion: "1"
defaults: {sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgc5ANkNrxhLa5aPn0uh0b8C1dTDSSE0Gm0HgJ1rQp4 ops]}
"""
WAITING = f"Waiting for another run of vmgen in this repository (process {os.getpid()}) to end.\n"
HOLD = """\
import os, sys, time
from pathlib import Path
from vmgen.write.state import lock_repository
with lock_repository(Path.cwd()):
    if "worker" in sys.argv and os.fork() == 0:
        time.sleep(60)
    print(flush=True)
    time.sleep(60)
"""


def start(repository: Any, *command: str) -> subprocess.Popen[str]:
    """Start Python in a repository, as a process of its own with its children in a group."""
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "generator")}
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=repository.root,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def test_two_renders_wait_for_each_other(repository: Callable) -> None:
    """While one holds the lock another waits, and says so after a second; then it goes on."""
    made = repository(ONE_VM)
    with lock_repository(made.root):
        run = start(made, "-m", "vmgen", "render")
        assert run.stderr is not None
        assert run.stderr.readline() == WAITING
        assert not (made.root / "manifests").exists()
    _, messages = run.communicate(timeout=60)
    assert (run.returncode, messages) == (0, "production: 9 files, 9 created\n")


def test_a_short_wait_is_not_worth_a_word(repository: Callable) -> None:
    """A lock that is free within a second is taken without a message."""
    made = repository(ONE_VM)
    with lock_repository(made.root):
        run = start(made, "-m", "vmgen", "render")
        time.sleep(0.3)
    assert run.communicate(timeout=60)[1] == "production: 9 files, 9 created\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be forked here")
@pytest.mark.parametrize("worker", [(), ("worker",)], ids=["alone", "with a worker"])
def test_a_killed_run_frees_its_lock(repository: Callable, worker: tuple[str, ...], capfd: pytest.CaptureFixture[str]) -> None:
    """A killed process holds no lock, and a worker that outlives it does not either."""
    made = repository(ONE_VM)
    holder = start(made, "-c", HOLD, *worker)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "\n"
        holder.kill()
        holder.wait()
        with lock_repository(made.root):
            pass
        assert capfd.readouterr().err == ""
    finally:
        if worker:
            os.killpg(holder.pid, signal.SIGKILL)


def test_many_renders_at_once(repository: Callable) -> None:
    """Several renders of one repository at once all succeed, and the tree is that of one."""
    made = repository(ONE_VM.replace("{a: {", "{a: {count: 5, "))
    made.uncommitted()
    runs = [start(made, "-m", "vmgen", "render") for _ in range(3)]
    assert [run.communicate(timeout=60) and run.returncode for run in runs] == [0, 0, 0]
    files = made.files()
    assert made.run("render", "--check").code == 0
    assert made.files() == files


def test_the_lock_leaves_no_trace_in_git(repository: Callable) -> None:
    """The state folder ignores itself, and is not touched by a second run."""
    made = repository()
    with lock_repository(made.root):
        pass
    ignored = made.root / ".vmgen/.gitignore"
    assert ignored.read_text() == "*\n"
    os.utime(ignored, ns=(10**18, 10**18))
    with lock_repository(made.root):
        pass
    assert ignored.stat().st_mtime_ns == 10**18


def test_a_lock_that_cannot_be_made(repository: Callable) -> None:
    """A file where the state folder should be is an error that names it."""
    made = repository(files={".vmgen": "mine"})
    with pytest.raises(VmgenError, match=r"cannot write .*\.vmgen"), lock_repository(made.root):
        pass


def test_a_state_folder_that_git_tracks(repository: Callable) -> None:
    """What Git tracks below .vmgen is a problem; in whatever case; elsewhere it is none."""
    made = repository(files={".vmgen/stamps/production.json": "{}", ".vmgenerated": "mine"})
    assert find_tracked_state(made.project) == ()
    made.uncommitted()
    subprocess.run(["git", "add", ".vmgenerated"], cwd=made.root, check=True)
    assert find_tracked_state(made.project) == ()
    made.write({".VMGEN/stamps/production.json": "{}"})
    subprocess.run(["git", "add", ".VMGEN"], cwd=made.root, check=True)
    assert [problem.rule for problem in find_tracked_state(made.project)] == ["tracked-notes"]
