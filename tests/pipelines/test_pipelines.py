"""What runs vmgen elsewhere, as far as one machine can: the GitHub action and workflow, the GitLab job, the pre-commit hooks.

The scripts are taken out of the files and run by bash, with a `vmgen` that is this checkout, and a `gh` and `curl` that keep
what they are asked.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmgen import __version__
from vmgen.write.starter import STARTER_FOLDER

CHECKOUT = Path(__file__).resolve().parents[2]
ACTION = CHECKOUT / "action.yml"
WORKFLOW = STARTER_FOLDER / "github-workflow.yaml"
JOBS = {"starter": STARTER_FOLDER / "gitlab-ci.yaml", "include": CHECKOUT / "gitlab" / "vmgen.yml"}
BEFORE = "namespace: tenant-a\nvms: {web: {count: 2, image: ubuntu-2404, instanceType: u1.large}}\n"
AFTER = BEFORE.replace("u1.large", "u1.xlarge")
LESS = BEFORE.replace("count: 2", "count: 1")
# A program that appends its arguments to a file, and prints what the test says.
RECORDER = """#!{python}
import json, os, sys
with open(os.environ["RECORD"], "a", encoding="utf-8") as record:
    record.write(json.dumps(sys.argv) + "\\n")
if "--jq" in sys.argv or "per_page" in sys.argv[-1]:
    print(os.environ.get("ANSWER", ""))
"""


@dataclass(frozen=True)
class Runner:
    """A machine of a pipeline: a checkout of two commits, and folders for what the steps leave behind."""

    root: Path
    folder: Path

    def bash(self, script: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a step's script as the runners do."""
        environment = {
            **os.environ,
            "PYTHONPATH": str(CHECKOUT / "generator"),
            "PATH": os.pathsep.join((str(self.folder / "bin"), os.environ["PATH"])),
            "RUNNER_TEMP": str(self.folder),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary"),
            "GITHUB_OUTPUT": str(self.folder / "output"),
            "RECORD": str(self.folder / "record"),
            **more,
        }
        command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
        return subprocess.run(command, cwd=self.root, env=environment, capture_output=True, text=True, check=False)

    def text(self, name: str) -> str:
        """A file that a step left behind."""
        return (self.folder / name).read_text(encoding="utf-8")

    @property
    def asked(self) -> list[list[str]]:
        """The arguments of each call of `gh` and `curl`."""
        return [json.loads(line) for line in self.text("record").splitlines()]


@pytest.fixture(name="runner")
def _runner(repository: Callable, tmp_path: Path) -> Callable[[str], Runner]:
    """A repository whose second commit has another environment, rendered where it can be."""

    def machine(after: str) -> Runner:
        made = repository(BEFORE)
        root = made.root
        for text in (BEFORE, after):
            made.write({"environments/production.yaml": text})
            made.run("render")
            who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
            for arguments in (["init", "--quiet"], ["add", "."], [*who, "commit", "--quiet", "--message", "x"]):
                subprocess.run(["git", *arguments], cwd=root, check=True)
        for name in ("gh", "curl"):
            program(tmp_path / "bin" / name, RECORDER.format(python=sys.executable))
        for folder in ("bin", "vmgen/bin"):
            program(tmp_path / folder / "vmgen", f'#!/bin/sh\nexec "{sys.executable}" -m vmgen "$@"\n')
            program(tmp_path / folder / "python", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
        return Runner(root, tmp_path)

    return machine


def program(path: Path, text: str) -> None:
    """Write a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def steps(file: Path) -> dict[str, dict[str, Any]]:
    """The named steps of an action or a workflow that run a script."""
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    found = content["runs"]["steps"] if "runs" in content else content["jobs"]["check"]["steps"]
    return {step["name"]: step for step in found if "run" in step and "name" in step}


GITHUB = pytest.mark.parametrize(
    ("file", "comment", "plan"),
    [(ACTION, "Comment", "vmgen-plan.md"), (WORKFLOW, "Comment with the plan", "plan.md")],
    ids=["action", "workflow"],
)


@GITHUB
def test_github_check(file: Path, comment: str, plan: str, runner: Callable) -> None:
    """The step passes what is in order, and annotates, at its line, what would lose data."""
    script = steps(file)["Check"]["run"]
    assert runner(AFTER).bash(script, AGAINST="HEAD^1").returncode == 0
    machine = runner(LESS)
    (machine.root / "environments" / "production.yaml").write_text(LESS, encoding="utf-8")
    done = machine.bash(script, AGAINST="HEAD^1")
    assert done.returncode == 1
    assert "::error file=environments/production.yaml,line=2,col=" in done.stdout
    assert "title=destroys-data" in done.stdout


@GITHUB
@pytest.mark.parametrize("checkout", ["merge commit", "head", "head that is a merge"])
def test_github_base_of_a_pull_request(file: Path, comment: str, plan: str, checkout: str, runner: Callable) -> None:
    """The first parent is the base only in the merge commit; a checkout of the head compares with the base itself."""
    machine = runner(AFTER)
    base = machine.bash("git rev-parse HEAD^1").stdout.strip()
    if checkout == "head that is a merge":
        who = "-c user.name=t -c user.email=t@example.com"
        script = f"git {who} merge --quiet --no-ff -s ours -m x $(git {who} commit-tree -p HEAD^1 -m x HEAD^1^{{tree}})"
        assert machine.bash(script).returncode == 0
    head = machine.bash("git rev-parse HEAD").stdout.strip()
    merge = head if checkout == "merge commit" else "0123456789" * 4
    script = steps(file)["Baseline"]["run"]
    done = machine.bash(script, AGAINST="HEAD^1", BASE=base, GITHUB_SHA=merge)
    assert done.returncode == 0, done.stderr
    assert machine.text("output") == f"against={'HEAD^1' if checkout == 'merge commit' else base}\n"


@GITHUB
@pytest.mark.parametrize(
    ("against", "expected", "warns"),
    [
        ("HEAD^1", "HEAD^1", False),
        ("", "", False),
        ("0" * 40, "", False),
        ("0123456789" * 4, "HEAD^1", True),
        ("parent", "parent", False),
    ],
    ids=["pull request", "by hand", "first push", "forced push", "push"],
)
def test_github_baseline(
    file: Path, comment: str, plan: str, against: str, expected: str, warns: bool, runner: Callable
) -> None:
    """A push and a merge queue compare with the commit before, and say where it is not there."""
    machine = runner(AFTER)
    parent = machine.bash("git rev-parse HEAD^1").stdout.strip()
    done = machine.bash(steps(file)["Baseline"]["run"], AGAINST=parent if against == "parent" else against)
    assert (done.returncode, "::warning::" in done.stdout) == (0, warns)
    assert machine.text("output") == f"against={parent if expected == 'parent' else expected}\n"


@GITHUB
def test_github_events_have_a_baseline(file: Path, comment: str, plan: str) -> None:
    """The events of GitHub that change the main branch each name the commit before."""
    expression = " ".join(steps(file)["Baseline"]["env"]["AGAINST"].split())
    for part in ("'HEAD^1'", "github.event.merge_group.base_sha", "(github.event_name == 'push' && github.event.before)"):
        assert part in expression


@GITHUB
def test_github_plan_of_what_is_refused(file: Path, comment: str, plan: str, runner: Callable) -> None:
    """The comment appears where the gate refuses, with the refusal at its top."""
    machine = runner(LESS)
    planned = machine.bash(steps(file)["Plan"]["run"], AGAINST="HEAD^1")
    assert planned.returncode == 0, planned.stderr
    assert "**Refused: 1 problem.**" in machine.text(plan)
    assert machine.text("summary") == machine.text(plan)
    if file == ACTION:
        assert "refused=true\n" in machine.text("output")
        assert "summary=0 to create" in machine.text("output")


@GITHUB
def test_github_plan_that_cannot_be_made_fails(file: Path, comment: str, plan: str, runner: Callable) -> None:
    """No plan is made against a commit that is not there, and none is posted."""
    assert runner(AFTER).bash(steps(file)["Plan"]["run"], AGAINST="nowhere").returncode != 0


@GITHUB
def test_github_check_of_a_push(file: Path, comment: str, plan: str, runner: Callable) -> None:
    """Without a commit to compare with, as in a push, the step compares with none."""
    assert runner(AFTER).bash(steps(file)["Check"]["run"], AGAINST="").returncode == 0


@GITHUB
@pytest.mark.parametrize(
    ("there", "method", "path"), [("", "POST", "issues/7/comments"), ("31", "PATCH", "issues/comments/31")]
)
def test_github_plan_and_comment(
    file: Path, comment: str, plan: str, there: str, method: str, path: str, runner: Callable
) -> None:
    """The plan goes into the summary of the job, and into one comment, which a second run finds and replaces."""
    machine = runner(AFTER)
    planned = machine.bash(steps(file)["Plan"]["run"], AGAINST="HEAD^1")
    assert planned.returncode == 0, planned.stderr
    assert "2 needs restart" in machine.text("summary")
    assert machine.text("summary") == machine.text(plan)

    asked = {"PULL": "7", "PLAN": str(machine.folder / plan), "GITHUB_REPOSITORY": "acme/vms", "ANSWER": there}
    done = machine.bash(steps(file)[comment]["run"], **asked)
    assert done.returncode == 0, done.stderr
    find, write = machine.asked
    assert 'startswith("<!-- vmgen-plan -->")' in find[-1]
    assert write[write.index("--method") + 1 :][:2] == [method, f"repos/acme/vms/{path}"]
    assert write[-1] == f"body=@{machine.folder / plan}"


def test_action_and_workflow_comment_alike() -> None:
    """The one script for the comment stands in two places, and is one."""
    lines = steps(WORKFLOW)["Comment with the plan"]["run"].splitlines()[1:]
    assert [line.replace("$plan", "$PLAN") for line in lines] == steps(ACTION)["Comment"]["run"].splitlines()


def script_of(name: str) -> str:
    """The lines of the GitLab job's script as one."""
    *_, job = yaml.safe_load_all(JOBS[name].read_text(encoding="utf-8"))
    return "\n".join(job["vmgen"]["script"])


def list_errors(machine: Runner) -> list[dict[str, Any]]:
    """The problems of the job's report but for the advice that every environment without `policy:` gets."""
    problems = json.loads((machine.root / "gl-code-quality.json").read_text(encoding="utf-8"))
    return [problem for problem in problems if problem["severity"] != "minor"]


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize(
    ("there", "method", "path"), [("[]", "POST", "notes"), ('[{"id": 5, "body": "<!-- vmgen-plan -->x"}]', "PUT", "notes/5")]
)
def test_gitlab(name: str, there: str, method: str, path: str, runner: Callable) -> None:
    """The job leaves the plan as an artifact, keeps one note, and checks."""
    machine = runner(AFTER)
    merge = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "HEAD^1", "CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_ID": "9"}
    done = machine.bash(
        script_of(name), **merge, CI_API_V4_URL="https://git.example.com/api/v4", VMGEN_TOKEN="t", ANSWER=there,
        CI_PROJECT_DIR=str(machine.root),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "2 needs restart" in (machine.root / "plan.md").read_text(encoding="utf-8")
    assert list_errors(machine) == []
    assert 'failures="0"' in (machine.root / "gl-junit.xml").read_text(encoding="utf-8")
    write = machine.asked[-1]
    assert write[write.index("--request") + 1] == method
    assert write[-1] == f"https://git.example.com/api/v4/projects/9/merge_requests/7/{path}"


@pytest.mark.parametrize("name", JOBS)
def test_gitlab_refuses(name: str, runner: Callable) -> None:
    """The job fails where data would be lost; without a token it writes no note."""
    machine = runner(LESS)
    done = machine.bash(script_of(name), CI_MERGE_REQUEST_DIFF_BASE_SHA="HEAD^1", CI_PROJECT_DIR=str(machine.root))
    assert (done.returncode, "destroys-data" in done.stderr) == (1, True)
    assert "**Refused: 1 problem.**" in (machine.root / "plan.md").read_text(encoding="utf-8")
    problem, *_ = list_errors(machine)
    assert (problem["check_name"], problem["location"]["path"]) == ("destroys-data", "environments/production.yaml")
    assert "<failure message=" in (machine.root / "gl-junit.xml").read_text(encoding="utf-8")
    assert not (machine.folder / "record").exists()


@pytest.mark.parametrize("name", JOBS)
def test_gitlab_finds_its_note_on_a_later_page(name: str, runner: Callable) -> None:
    """A merge request with hundreds of notes keeps one of ours: pages are read until it is found, or the last is."""
    machine = runner(AFTER)
    pages = {1: "cat $NOTES", 2: "cat $NOTES", 3: """echo '[{"id": 205, "body": "<!-- vmgen-plan -->x"}]'"""}
    cases = "".join(f"*page={number}\\&*) {answer};;\n" for number, answer in pages.items())
    program(machine.folder / "bin" / "curl", f'#!/bin/bash\necho "$*" >> "$RECORD"\ncase "$*" in {cases} esac\n')
    notes = machine.folder / "notes.json"
    notes.write_text(json.dumps([{"id": 7, "body": "looks good"}] * 100), encoding="utf-8")
    merge = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "HEAD^1", "CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_ID": "9"}
    done = machine.bash(script_of(name), **merge, VMGEN_TOKEN="t", NOTES=str(notes), CI_PROJECT_DIR=str(machine.root))
    assert done.returncode == 0, done.stderr
    assert machine.text("record").splitlines()[-1].endswith("/notes/205")


@pytest.mark.parametrize("name", JOBS)
def test_gitlab_reports_are_those_that_the_script_writes(name: str) -> None:
    """What the job announces to GitLab is what its script writes."""
    *_, job = yaml.safe_load_all(JOBS[name].read_text(encoding="utf-8"))
    reports = job["vmgen"]["artifacts"]["reports"]
    assert reports == {"codequality": "gl-code-quality.json", "junit": "gl-junit.xml"}
    assert all(file in script_of(name) for file in reports.values())


def test_gitlab_job_installs_this_version() -> None:
    """What the job installs without being told is the version that it came with."""
    spec, _ = yaml.safe_load_all(JOBS["include"].read_text(encoding="utf-8"))
    assert spec["spec"]["inputs"]["requirement"]["default"] == f"vmgen[engine]=={__version__}"


@pytest.mark.parametrize("name", JOBS)
def test_gitlab_on_the_main_branch(name: str, runner: Callable) -> None:
    """The first pipeline of a branch checks, and plans nothing."""
    for before in ("", "0" * 40):
        machine = runner(AFTER)
        done = machine.bash(script_of(name), CI_PROJECT_DIR=str(machine.root), CI_COMMIT_BEFORE_SHA=before)
        assert (done.returncode, (machine.root / "plan.md").exists()) == (0, False), done.stderr


@pytest.mark.parametrize("name", JOBS)
@pytest.mark.parametrize("before", ["HEAD^1", "0123456789" * 4])
def test_gitlab_compares_a_branch_with_the_commit_before(name: str, before: str, runner: Callable) -> None:
    """A push that loses data is red, also where the commit before is not there; no note is written without a request."""
    machine = runner(LESS)
    done = machine.bash(script_of(name), CI_PROJECT_DIR=str(machine.root), CI_COMMIT_BEFORE_SHA=before, VMGEN_TOKEN="t")
    assert (done.returncode, "destroys-data" in done.stderr) == (1, True)
    assert ("comparing with the first parent" in done.stdout) is (before != "HEAD^1")
    assert not (machine.folder / "record").exists()


def test_shapes(tmp_path: Path) -> None:
    """The action and the job have the shapes that GitHub and GitLab publish."""
    job = tmp_path / "job.yml"
    job.write_text(JOBS["include"].read_text(encoding="utf-8").split("---\n")[1], encoding="utf-8")
    for schema, file in (("vendor.github-actions", ACTION), ("vendor.gitlab-ci", job)):
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout


SCRIPTED = [ACTION, WORKFLOW, *JOBS.values(), STARTER_FOLDER / "Makefile"]


@pytest.mark.parametrize("file", SCRIPTED, ids=lambda file: file.name)
def test_python_is_isolated(file: Path) -> None:
    """Each Python that a pipeline starts is isolated from the checkout, whose modules it would import otherwise."""
    text = file.read_text(encoding="utf-8")
    calls = re.findall(r"""(?:python3?|PYTHON[)}]?)["']?\)? +(-\S+)""", text)
    assert calls
    assert set(calls) == {"-I"}


HOSTILE_MODULES = ("venv", "json", "pip", "ensurepip", "site", "encodings", "codecs", "sitecustomize", "click", "yaml", "vmgen")


@pytest.mark.parametrize("name", JOBS)
def test_modules_of_the_checkout_are_not_run(name: str, runner: Callable, tmp_path: Path) -> None:
    """What a merge request brings under the name of a module is not imported where the token is."""
    machine = runner(AFTER)
    for module in HOSTILE_MODULES:
        program(machine.root / f"{module}.py", f"open({str(tmp_path / 'ran')!r}, 'a').write('{module} ')\n")
    python = f'#!/bin/sh\nunset PYTHONPATH\nexec "{sys.executable}" "$@"\n'
    program(tmp_path / "bin" / "python", python)
    merge = {"CI_MERGE_REQUEST_DIFF_BASE_SHA": "HEAD^1", "CI_MERGE_REQUEST_IID": "7", "CI_PROJECT_ID": "9"}
    script = script_of(name).replace("vmgen check", "true").replace("vmgen plan", "echo x #")
    done = machine.bash(
        script, **merge, CI_API_V4_URL="https://git.example.com/api/v4", VMGEN_TOKEN="t", CI_PROJECT_DIR=str(machine.root),
        ANSWER="[]",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("module", ["venv", "ensurepip", "pip", "json"])
def test_action_installs_outside_of_the_checkout(module: str, tmp_path: Path) -> None:
    """The action makes its virtual environment without a module of the checkout, even where it stands in it."""
    program(tmp_path / f"{module}.py", f"open({str(tmp_path / 'ran')!r}, 'a')\n")
    assert steps(ACTION)["Install vmgen"]["working-directory"] == "${{ runner.temp }}"
    [create] = [line for line in steps(ACTION)["Install vmgen"]["run"].splitlines() if " venv " in line]
    environment = {"PATH": os.environ["PATH"], "PYTHON": sys.executable, "RUNNER_TEMP": str(tmp_path)}
    subprocess.run(["bash", "-ec", create.replace("venv ", "venv --without-pip ")], cwd=tmp_path, env=environment, check=True)
    assert not (tmp_path / "ran").exists()


def test_actionlint(tmp_path: Path) -> None:
    """actionlint finds nothing in the workflow, where it is installed."""
    if not shutil.which("actionlint"):
        pytest.skip("actionlint is not installed")
    done = subprocess.run(["actionlint", str(WORKFLOW)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_hooks(repository: Callable) -> None:
    """Each pre-commit hook is a command that there is, and looks at the files that it is about."""
    made = repository(BEFORE)
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    for hook in hooks:
        program_name, *arguments = hook["entry"].split()
        assert program_name == "vmgen"
        done = made.process(*arguments)
        assert done.returncode == 0, done.stderr
    assert {hook["id"]: hook["pass_filenames"] for hook in hooks} == {"vmgen-render": False, "vmgen-check": False}


def test_hooks_run_when_files_are_only_deleted() -> None:
    """pre-commit names no deleted files to a hook, so ours and that of `init` run at each commit."""
    hooks = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    config = yaml.safe_load((CHECKOUT / "generator/vmgen/starter/pre-commit-config.yaml").read_text(encoding="utf-8"))
    for hook in [*hooks, *config["repos"][0]["hooks"]]:
        assert (hook["always_run"], "files" in hook) == (True, False)
