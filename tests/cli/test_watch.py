"""`render --watch`: it renders what a save reaches, says what is wrong until it is mended, and ends with Ctrl-C only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import Queue

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = """\
namespace: tenant-a
vms: {web: {image: ubuntu-2404, instanceType: u1.large, disks: {data: 50Gi}}}
defaults: {sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgc5ANkNrxhLa5aPn0uh0b8C1dTDSSE0Gm0HgJ1rQp4 ops]}
platformVersion: "1"
"""
IN_ORDER, WAITING = "No errors; watching (Ctrl-C to stop).", "Waiting for a fix (Ctrl-C to stop)."


def _hear_ctrl_c() -> None:
    """A run in the background of a shell hands down that Ctrl-C is ignored; whoever watches, watches at a terminal."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Watching:
    """A `vmgen render --watch` that runs, and what it has said since it was last asked."""

    def __init__(self, root: Path) -> None:
        command = [sys.executable, "-m", "vmgen", "render", "--watch"]
        environment = {**os.environ, "PYTHONPATH": str(CHECKOUT / "generator")}
        self.process = subprocess.Popen(
            command, cwd=root, env=environment, stderr=subprocess.PIPE, text=True, preexec_fn=_hear_ctrl_c
        )  # fmt: skip
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in self.process.stderr or ():
            self._lines.put(line.rstrip("\n"))

    def said(self) -> list[str]:
        """The lines up to the end of the next run."""
        lines = [self._lines.get(timeout=20)]
        while lines[-1] not in (IN_ORDER, WAITING):
            lines.append(self._lines.get(timeout=20))
        return lines


@pytest.fixture(name="watching")
def _watching(repository: Callable) -> Iterator[Callable]:
    """Watches a repository of two environments."""
    pytest.importorskip("watchfiles")
    made = repository(TEXT, {"environments/staging.yaml": TEXT.replace("tenant-a", "tenant-b"), "environments/base/x.yaml": ""})
    started = []

    def start():
        started.append(Watching(made.root))
        return made, started[-1]

    yield start
    for each in started:
        each.process.kill()
        each.process.wait()


def test_watch(watching: Callable) -> None:
    """The whole of it: first render, a save of one environment, a mistake, another file while it lasts, mended, Ctrl-C."""
    made, watch = watching()
    assert watch.said() == ["production: 9 files, 9 created", "staging: 9 files, 9 created", IN_ORDER]

    made.write({"environments/staging.yaml": TEXT.replace("tenant-a", "tenant-b").replace("large", "xlarge")})
    assert watch.said() == ["staging: 9 files, 1 updated", IN_ORDER]

    made.write({"environments/production.yaml": TEXT.replace("u1.large", "u1.larg")})
    problem, *rest = watch.said()
    assert problem.startswith("environments/production.yaml:2:")
    assert "did you mean 'u1.large'?" in problem
    assert rest == ["Nothing was written.", WAITING]

    made.write({"environments/staging.yaml": "namespace: [\n"})
    assert {line.split(":")[0] for line in watch.said()[:-2]} == {"environments/production.yaml", "environments/staging.yaml"}

    made.write({"environments/staging.yaml": TEXT.replace("tenant-a", "tenant-b"), "environments/production.yaml": TEXT})
    lines = watch.said()
    while lines[-1] != IN_ORDER:  # the two saves may be two changes
        lines = watch.said()
    assert "u1.large" in made.text("staging/vms/web/web.yaml")

    watch.process.send_signal(signal.SIGINT)
    assert watch.process.wait(timeout=20) == 130


def test_environments_come_and_go(watching: Callable) -> None:
    """A new environment is rendered; one whose file is removed is refused, not forgotten."""
    made, watch = watching()
    watch.said()
    made.write({"environments/lab.yaml": TEXT.replace("tenant-a", "tenant-lab")})
    assert "lab: 9 files, 9 created" in watch.said()
    (made.root / "environments" / "lab.yaml").unlink()
    assert WAITING in watch.said()
    assert (made.root / "manifests" / "lab").is_dir()


def test_a_folder_that_is_new(watching: Callable) -> None:
    """A folder that comes later is watched too."""
    made, watch = watching()
    watch.said()
    made.write({"templates/hikube/vm-disk.yaml.j2": "apiVersion: v1\n"})
    assert WAITING in watch.said()
    made.write({"templates/hikube/vm-disk.yaml.j2": (CHECKOUT / "templates" / "hikube" / "vm-disk.yaml.j2").read_bytes()})
    assert IN_ORDER in watch.said()


def test_without_the_library(repository: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where watchfiles is not installed, the message says how to have it."""
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    done = repository(TEXT).run("render", "--watch")
    assert (done.code, done.messages) == (2, "vmgen: --watch needs the library watchfiles; pip install 'vmgen[watch]'\n")


def test_a_link_inside_of_the_repository_is_watched(repository: Callable) -> None:
    """Environments behind a link that stays in the repository are rendered again, like any other."""
    pytest.importorskip("watchfiles")
    made = repository(TEXT)
    (made.root / "environments").rename(made.root / "shared")
    (made.root / "environments").symlink_to("shared")
    watch = Watching(made.root)
    try:
        assert watch.said() == ["production: 9 files, 9 created", IN_ORDER]
        made.write({"shared/production.yaml": TEXT.replace("u1.large", "u1.xlarge")})
        assert watch.said() == ["production: 9 files, 1 updated", IN_ORDER]
    finally:
        watch.process.kill()
        watch.process.wait()
