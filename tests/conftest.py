"""What the tests share: repositories in temporary folders, the command line run in this process, the kustomize engine."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from vmgen.cli.app import run
from vmgen.kustomize.engine import find_kustomize_command as found_engine
from vmgen.problems import VmgenError
from vmgen.read.repository import Project
from vmgen.render.policies import ADVICE_IDS

# The machines that run this are shared: how long an example takes says nothing. CI must not fail by the luck of a draw.
settings.register_profile("vmgen", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize="CI" in os.environ)
settings.load_profile("vmgen")

ADVICE_ENDINGS = tuple(f"[{id}]" for id in (*ADVICE_IDS, "platform-version-not-written"))
CHECKOUT = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--accept` rewrites golden files; `--kills N` says how many runs the kill test ends."""
    parser.addoption("--accept", action="store_true", help="rewrite the golden files with what comes out now")
    parser.addoption("--histories", type=int, default=40, help="how many random histories are tried (default: 40)")
    parser.addoption(
        "--edits", type=int, default=6, help="how many random layouts each editing command is tried on (default: 6)"
    )
    parser.addoption("--kills", type=int, default=25, help="how many renders the kill test ends (default: 25)")


def is_advice(line: str) -> bool:
    """Whether a line of the messages is a warning that is on without being asked for; as an error somebody asked for it."""
    return ": warning: " in line and line.endswith(ADVICE_ENDINGS)


@dataclass(frozen=True)
class Result:
    """What a run of the command line gave: its exit code and what it wrote."""

    code: int
    output: bytes
    messages: str

    @property
    def stdout(self) -> str:
        return self.output.decode()

    @property
    def problems(self) -> list[str]:
        """The lines of the messages that are problems, but for advice: few environments of tests follow it."""
        return [line for line in self._problem_lines if not is_advice(line)]

    @property
    def advice(self) -> list[str]:
        """The lines of the messages that are advice of the platform's reference page, which is on by default."""
        return [line for line in self._problem_lines if is_advice(line)]

    @property
    def _problem_lines(self) -> list[str]:
        return [line for line in self.messages.splitlines() if ": error: " in line or ": warning: " in line]


@dataclass(frozen=True)
class Repository:
    """A repository in a temporary folder."""

    root: Path

    @property
    def project(self) -> Project:
        return Project(self.root)

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files, by their paths below the root."""
        for name, content in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def run(self, *arguments: str) -> Result:
        """Run `vmgen -C <root> …` in this process; the exit code is the one that a process would have."""
        return run_here("-C", str(self.root), *arguments)

    def process(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[bytes]:
        """Run `vmgen …` in the root, as a process of its own; `more` goes into its environment."""
        command = [sys.executable, "-m", "vmgen", *arguments]
        return subprocess.run(command, cwd=self.root, env=process_environment(**more), capture_output=True, check=False)

    def files(self, below: str = "manifests") -> dict[str, bytes]:
        """Every file below a folder, with its content."""
        folder = self.root / below
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def uncommitted(self) -> None:
        """Make it a Git repository without a commit: nothing in it exists yet on the platform, so all may go."""
        subprocess.run(["git", "init", "--quiet", str(self.root)], capture_output=True, check=True)

    def text(self, name: str) -> str:
        """A file below `manifests/`, as text."""
        return (self.root / "manifests" / name).read_text(encoding="utf-8")


def process_environment(**more: str) -> dict[str, str]:
    """The environment of a process that finds this checkout wherever it runs."""
    path = os.pathsep.join(filter(None, (str(CHECKOUT / "generator"), os.environ.get("PYTHONPATH", ""))))
    return {**os.environ, "PYTHONPATH": path, **more}


def run_here(*arguments: str) -> Result:
    """Run `vmgen …` in this process, through the same door as a real one."""
    output, messages = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    before = Path.cwd()
    try:
        with redirect_stdout(output), redirect_stderr(messages):
            code = run([*arguments])
            output.flush()
    finally:
        os.chdir(before)
    return Result(code, output.buffer.getvalue(), messages.buffer.getvalue().decode())


@pytest.fixture(scope="session")
def vmgen() -> Callable[..., Result]:
    """Runs the command line in this process."""
    return run_here


@pytest.fixture(scope="session")
def new_repository(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Repository]:
    """Makes a repository of some files, by their paths; a new one at each call."""

    def made(files: Mapping[str, str | bytes] | None = None) -> Repository:
        repository = Repository(tmp_path_factory.mktemp("repository"))
        (repository.root / "environments").mkdir()
        repository.write(files or {})
        return repository

    return made


@pytest.fixture
def repository(new_repository: Callable[..., Repository]) -> Callable[..., Repository]:
    """Makes a repository with one environment `production` of the given text, and other files."""

    def made(text: str | None = None, files: Mapping[str, str | bytes] | None = None) -> Repository:
        production = {} if text is None else {"environments/production.yaml": text}
        return new_repository({**production, **(files or {})})

    return made


@pytest.fixture(scope="session")
def engine() -> list[str]:
    """The kustomize engine; the test is skipped where there is none."""
    try:
        return found_engine()
    except VmgenError as error:
        pytest.skip(str(error))


@pytest.fixture
def accept(request: pytest.FixtureRequest) -> bool:
    """Whether golden files are to be rewritten."""
    return bool(request.config.getoption("--accept"))


@pytest.fixture
def kills(request: pytest.FixtureRequest) -> int:
    """How many renders the kill test ends."""
    return int(request.config.getoption("--kills"))


@pytest.fixture
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the developer's that changes colour or width."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)
