"""From nothing to synced: the tutorial and what `vmgen init` writes, on a machine that has Python, git and make, and no more.

vmgen is installed from the wheel of this checkout, and pip finds what that requires in a folder: nothing is downloaded. The
environment is empty but for HOME, which is new, and a PATH with the programs below.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.docs.test_pages import ELSEWHERE, Block, blocks, commands, same
from tests.packaging.distributions import list_requirements, pack_wheel

# What a shell, make and git start by themselves.
PROGRAMS = ("git", "make", "sh", "bash", "awk", "cat", "head", "mkdir", "touch")
WHO = "[user]\nname = A Newcomer\nemail = newcomer@example.com\n[init]\ndefaultBranch = main\n"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the extra `engine` brings kustomize on Linux only"),
]


@dataclass
class Machine:
    """A machine of somebody who begins: a home, a folder with programs, and the folder that the shell is in."""

    home: Path
    programs: Path
    folder: Path

    def try_run(self, command: str, **variables: str) -> tuple[int, str]:
        """Type a command, and return its exit code and what it prints. `cd` holds for the next one."""
        where = self.home / "where"
        script = f"trap 'pwd > {shlex.quote(str(where))}' EXIT\n{command}"
        environment = {"HOME": str(self.home), "PATH": str(self.programs), "COLUMNS": "100", **variables}
        done = subprocess.run(
            ["/bin/bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
            cwd=self.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        self.folder = Path(where.read_text(encoding="utf-8").rstrip("\n"))
        return done.returncode, done.stdout

    def run(self, command: str, **variables: str) -> str:
        """Type a command that has to succeed."""
        code, output = self.try_run(command, **variables)
        assert code == 0, f"{command}\n{output}"
        return output


@pytest.fixture(name="wheels", scope="module")
def _wheels(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of this checkout and those that it requires."""
    folder = tmp_path_factory.mktemp("wheels")
    shutil.copy(wheel, folder)
    for name in list_requirements(wheel, "engine"):
        pack_wheel(distribution(name), folder)
    return folder


@pytest.fixture(name="configuration", scope="module")
def _configuration(wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which pip finds the wheels and nothing else."""
    home = tmp_path_factory.mktemp("configuration")
    (home / ".config" / "pip").mkdir(parents=True)
    (home / ".config" / "pip" / "pip.conf").write_text(f"[global]\nno-index = true\nfind-links = {wheels}\n", encoding="utf-8")
    (home / ".gitconfig").write_text(WHO, encoding="utf-8")
    return home


@pytest.fixture(name="tool", scope="module")
def _tool(configuration: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pipx install 'vmgen[engine]'` makes: a virtual environment of its own."""
    folder = tmp_path_factory.mktemp("tool")
    run = {"check": True, "env": {"HOME": str(configuration), "PATH": os.defpath}}
    subprocess.run([sys._base_executable, "-m", "venv", folder], **run)
    subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "vmgen[engine]"], **run)
    return folder / "bin" / "vmgen"


@pytest.fixture(name="machine")
def _machine(configuration: Path, tmp_path: Path) -> Machine:
    home, programs = tmp_path / "home", tmp_path / "programs"
    shutil.copytree(configuration, home)
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(shutil.which(name) or f"/usr/bin/{name}")
    # Not a link, which would make Python look for its library beside it.
    python = programs / "python3"
    python.write_text(f'#!/bin/sh\nexec "{sys._base_executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    return Machine(home, programs, tmp_path)


@pytest.fixture(name="newcomer")
def _newcomer(machine: Machine, tool: Path) -> Machine:
    """A machine on which vmgen is installed."""
    (machine.programs / "vmgen").symlink_to(tool)
    return machine


def test_tutorial_word_for_word(machine: Machine, tool: Path) -> None:
    """Who types the tutorial's blocks in their order, in an empty folder, sees what the page shows."""
    for block in blocks("docs/tutorial.md"):
        try:
            _type_block(machine, block, tool)
        except AssertionError as error:
            raise AssertionError(f"docs/tutorial.md:{block.line}: {error}") from None
    assert machine.folder.name == "shop"
    assert len(machine.run("git log --oneline").splitlines()) == 3


def _type_block(machine: Machine, block: Block, tool: Path) -> None:
    kind = next((word for word in block.words if "=" not in word), block.language)
    if kind in ("environment", "layer"):
        _write(machine.folder / (block.option("file") or "environments/production.yaml"), block.text)
    elif block.option("file"):
        _write(machine.folder / block.option("file"), block.text)
    elif kind == "problem":
        _, old, new, _ = block.option("with").split("/")
        path = machine.folder / "environments" / "production.yaml"
        right = path.read_text(encoding="utf-8")
        path.write_text(right.replace(old, new, 1), encoding="utf-8")
        same(f"{block.text}Nothing was written.\n", machine.try_run("vmgen render")[1])
        path.write_text(right, encoding="utf-8")
    elif kind == "console":
        for command, output in commands(block.text):
            if command == "pipx install 'vmgen[engine]'":
                (machine.programs / "vmgen").symlink_to(tool)
            else:
                _type_command(machine, command, output)


def _type_command(machine: Machine, command: str, output: str) -> None:
    if command.split()[0] not in ELSEWHERE:
        code, seen = machine.try_run(command)
        if output:
            same(output, seen)
        # An error that the page shows is one.
        assert code == int("error: " in output), f"{command}\n{seen}"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_init_works_to_the_end(newcomer: Machine) -> None:
    """After init: make render, make check, the hook of pre-commit, and the scripts of both pipelines, all exit 0."""
    newcomer.run("vmgen init shop --namespace tenant-shop --defaults && cd shop")
    newcomer.run("make render && make check && make plan && make list && make")
    newcomer.run("git add . && git commit --quiet --message first")
    text = (newcomer.folder / "environments/production.yaml").read_text(encoding="utf-8")
    _write(newcomer.folder / "environments/production.yaml", text.replace("u1.medium", "u1.large"))
    newcomer.run("make render && git add . && git commit --quiet --message second")
    newcomer.run(_find_hook(newcomer))
    path = _start_runner(newcomer)
    _run_github(newcomer, path)
    _run_gitlab(newcomer, path)


def _find_hook(machine: Machine) -> str:
    """What pre-commit runs before each commit."""
    [hook] = [hook for repo in _load(machine.folder / ".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert hook["language"] == "system"
    return str(hook["entry"])


def _load(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _start_runner(machine: Machine) -> str:
    """Return a PATH with the `python` of a new environment, as setup-python and the image of a job bring it, without vmgen."""
    machine.run(f"python3 -m venv {machine.home}/runner")
    machine.programs.joinpath("vmgen").unlink()
    return f"{machine.home}/runner/bin:{machine.programs}"


def _run_github(machine: Machine, path: str) -> None:
    """Run each script of the workflow but the comment, which asks GitHub, in its order."""
    temporary = machine.home / "temporary"
    temporary.mkdir()
    variables = {name: str(temporary / name.lower()) for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    variables |= {"RUNNER_TEMP": str(temporary), "AGAINST": "HEAD^1", "PATH": path}
    for step in _load(machine.folder / ".github/workflows/vmgen.yaml")["jobs"]["check"]["steps"]:
        if "run" in step and "Comment" not in step.get("name", ""):
            machine.run(step["run"], **variables)
    assert "2 needs restart" in (temporary / "github_step_summary").read_text(encoding="utf-8")


def _run_gitlab(machine: Machine, path: str) -> None:
    """Run the job as that of a push, without a token to comment with."""
    job, top = _load(machine.folder / ".gitlab-ci.yml")["vmgen"], machine.folder
    before = machine.run("git rev-parse HEAD^1").strip()
    machine.run("\n".join((*job["before_script"], *job["script"])), PATH=path, CI_COMMIT_BEFORE_SHA=before, VMGEN_TOKEN="")
    assert all((top / file).exists() for file in (*job["artifacts"]["paths"], *job["artifacts"]["reports"].values()))


def test_init_below_the_top(newcomer: Machine) -> None:
    """In a folder of a repository that exists, the hook and the pipeline are at its top, and pass from there."""
    newcomer.run("mkdir app && cd app && git init --quiet && touch main.go && git add . && git commit --quiet --message app")
    newcomer.run("vmgen init infra/vms --namespace tenant-shop --defaults")
    newcomer.run("make --directory infra/vms render && git add . && git commit --quiet --message vms")
    newcomer.run(_find_hook(newcomer))
    _run_gitlab(newcomer, _start_runner(newcomer))


def test_requirement_that_is_a_file(newcomer: Machine, wheels: Path) -> None:
    """`--requirement` names anything that pip takes, such as a wheel in a folder, and make installs it."""
    [wheel] = wheels.glob("vmgen-*.whl")
    requirement = shlex.quote(f"vmgen[engine] @ {wheel.as_uri()}")
    newcomer.run(f"vmgen init shop --namespace tenant-shop --defaults --requirement {requirement} && cd shop")
    newcomer.run("make render && git add . && git commit --quiet --message first && make check")


def test_git_that_does_not_know_its_user(newcomer: Machine) -> None:
    """Without a name for commits, everything up to the commit works."""
    os.unlink(newcomer.home / ".gitconfig")
    newcomer.run("vmgen init shop --namespace tenant-shop --defaults && cd shop && vmgen render && git add . && vmgen plan")
