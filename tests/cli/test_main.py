"""A process of vmgen: everything is flushed before it ends, its exit code is the run's, and no stream ends in a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
GOOD = "namespace: tenant-acme\nvms: {web: {count: 2, instanceType: u1.large, image: ubuntu-2404, storageClass: local}}\n"
OTHER = "namespace: tenant-other\nvms: {db: {instanceType: u1.large, image: debian-12, disks: {data: 5Gi}}}\n"


def process_env(**more: str) -> dict[str, str]:
    """The environment of a process that finds this checkout; its output goes through a buffer, as it does by default."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return {**variables, "PYTHONPATH": str(CHECKOUT / "generator"), **more}


def shell(folder: Path, command: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in which `vmgen` is this checkout; its exit code is that of the first command of a pipe."""
    script = f'vmgen() {{ "{sys.executable}" -m vmgen "$@"; }}\n{command}\nexit ${{PIPESTATUS[0]}}'
    arguments = ["bash", "-c", script]
    return subprocess.run(arguments, cwd=folder, env=process_env(**more), capture_output=True, text=True, check=False)


@pytest.fixture
def good(repository: Callable) -> Path:
    """The root of a repository of two environments."""
    root: Path = repository(GOOD, {"environments/other.yaml": OTHER}).root
    return root


OUTPUTS: dict[str, str] = {
    "the overview": "vmgen --help",
    "the version": "vmgen --version",
    "much": "vmgen schema",
    "manifests": "vmgen render --stdout",
    "problems as data": "vmgen check -o json",
}


@pytest.mark.parametrize("command", OUTPUTS.values(), ids=OUTPUTS)
def test_all_is_flushed_to_a_file(good: Path, command: str) -> None:
    """What goes to a file is all there when the process has ended, and the same that goes to a pipe."""
    piped = shell(good, command)
    shell(good, f"{command} > output")
    assert (good / "output").read_text() == piped.stdout
    assert piped.stdout


def test_messages_are_flushed(good: Path) -> None:
    """What goes to stderr is all there too."""
    shell(good, "vmgen render 2> messages")
    assert (good / "messages").read_text().splitlines()[-1] == "production: 10 files, 10 created"


PROCESSES: dict[str, tuple[str, int]] = {
    "done": ("vmgen render", 0),
    "problems": ("vmgen check", 1),
    "no such environment": ("vmgen render nope", 2),
    "an unknown option": ("vmgen render --nope", 2),
    "an unknown command": ("vmgen rendr", 2),
    "no command": ("vmgen", 2),
    "help": ("vmgen --help", 0),
    "help of a command": ("vmgen render --help", 0),
    "no environments": ("mkdir -p x/.git && cd x && vmgen render", 2),
    "below the root": ("cd environments && vmgen render", 0),
    "a folder that is gone": ("mkdir gone && cd gone && rmdir ../gone && vmgen list", 2),
}


@pytest.mark.parametrize(("command", "code"), PROCESSES.values(), ids=PROCESSES)
def test_a_process_has_the_exit_code(good: Path, command: str, code: int) -> None:
    """What `main` makes of a run is the exit code of the process, and never a traceback."""
    done = shell(good, command)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr


def run_without_reader(folder: Path, command: str, **more: str) -> tuple[int, str]:
    """The exit code and the messages of a command whose reader goes away before it writes."""
    close = "import os,sys; r,w=os.pipe(); os.dup2(w,1); os.close(w); os.close(r); os.execv(sys.argv[1], sys.argv[1:])"
    arguments = [sys.executable, "-c", close, sys.executable, "-m", "vmgen", *command.split()]
    done = subprocess.run(arguments, cwd=folder, env=process_env(**more), capture_output=True, text=True, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "command", ["--help", "--version", "schema", "render --stdout", "list", "render --help", "check -o json"]
)
def test_a_reader_that_went_away(good: Path, command: str) -> None:
    """`vmgen … | head -0` ends with code 1, and without a word about it."""
    code, messages = run_without_reader(good, command)
    assert (code, [line for line in messages.splitlines() if ": warning: " not in line]) == (1, [])


@pytest.mark.parametrize("command", ["--help", "--version"])
def test_a_reader_that_went_away_where_nothing_is_buffered(good: Path, command: str) -> None:
    """Nor with PYTHONUNBUFFERED, which images of containers set."""
    assert run_without_reader(good, command, PYTHONUNBUFFERED="1") == (1, "")


def test_a_reader_that_takes_the_first_line(repository: Callable) -> None:
    """`vmgen render --stdout | head -1` ends without a traceback, however much would follow."""
    root = repository(GOOD.replace("count: 2", "count: 400")).root
    done = shell(root, "vmgen render --stdout | head -n 1")
    errors = [line for line in done.stderr.splitlines() if ": warning: " not in line]
    assert (done.returncode, done.stdout, errors) == (1, "---\n", [])


@pytest.mark.parametrize(("command", "code"), [("render", 0), ("check", 1)])
def test_a_reader_that_nobody_writes_to(good: Path, command: str, code: int) -> None:
    """A run that prints nothing does not miss its reader."""
    done = shell(good, f"vmgen {command} | true")
    assert ("Traceback" in done.stderr, done.returncode) == (False, code)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize("command", ["schema", "render --stdout", "list", "--help", "--version", "check -o json"])
def test_a_full_disk_is_said_in_a_line(good: Path, command: str) -> None:
    """Output that cannot be written is exit code 2 and one line, and no traceback."""
    done = shell(good, f"vmgen {command} > /dev/full")
    errors = [line for line in done.stderr.splitlines() if ": warning: " not in line]
    assert (done.returncode, errors) == (2, ["vmgen: No space left on device; free some space, and run it again"])


@pytest.mark.parametrize("closed", ["1", "2"])
def test_a_stream_that_is_closed_from_the_start(good: Path, closed: str) -> None:
    """A render that is started with a closed stream renders, and its exit code says so."""
    done = shell(good, f"vmgen render {closed}>&-")
    assert (done.returncode, "Traceback" in done.stderr, (good / "manifests").is_dir()) == (0, False, True)


@pytest.mark.parametrize("command", ["render nope", "render --nope", "check"])
def test_messages_without_a_reader(good: Path, command: str) -> None:
    """Where stderr cannot be written, the exit code still says that it was not done."""
    done = shell(good, f"vmgen {command} 2> /dev/full")
    assert (done.returncode, done.stdout) == (1, "")


HEAVY = ("yaml", "jinja2", "jsonschema_rs", "asyncio", "difflib", "vmgen.pipeline", "vmgen.renderer")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=" ".join)
def test_start_up_is_light(good: Path, arguments: list[str]) -> None:
    """Help and the version load neither the YAML parser, nor Jinja2, nor the validator."""
    code = f"import sys; from vmgen.cli.app import run; run({arguments}); print(*sys.modules.keys() & {HEAVY})"
    done = subprocess.run([sys.executable, "-c", code], cwd=good, env=process_env(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""
