"""`vmgen init`: what pip installs, folders below the top of Git, and the update of files that an earlier version wrote."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from vmgen.read.configuration import load_configuration

WHO = ["-c", "user.name=t", "-c", "user.email=t@example.com"]


def test_below_the_top_of_git(tmp_path: Path, vmgen: Callable) -> None:
    """What forges read only at the top goes there, and names the folder; a repository is not made in a repository."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    folder = tmp_path / "infra" / "vms"
    assert vmgen("init", str(folder), "--namespace", "tenant-a", "--owners", "@acme/data").code == 0
    assert not (folder / ".git").exists()
    at_the_top = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    at_the_top = {path for path in at_the_top if not path.startswith((".git/", "infra/"))}
    assert at_the_top == {
        ".github/workflows/vmgen.yaml",
        ".gitlab-ci.yml",
        ".pre-commit-config.yaml",
        "CODEOWNERS",
        "renovate.json",
    }
    job = yaml.safe_load((tmp_path / ".github/workflows/vmgen.yaml").read_text())["jobs"]["check"]
    assert job["defaults"] == {"run": {"working-directory": "infra/vms"}}
    assert "infra/vms/requirements.txt" in (tmp_path / ".github/workflows/vmgen.yaml").read_text()
    gitlab = yaml.safe_load((tmp_path / ".gitlab-ci.yml").read_text())["vmgen"]
    assert gitlab["before_script"][0] == "cd infra/vms"
    assert gitlab["artifacts"]["paths"] == ["infra/vms/plan.md"]
    assert gitlab["artifacts"]["reports"] == {
        "codequality": "infra/vms/gl-code-quality.json",
        "junit": "infra/vms/gl-junit.xml",
    }
    assert "/infra/vms/manifests/*/disks/ @acme/data" in (tmp_path / "CODEOWNERS").read_text()
    [hook] = yaml.safe_load((tmp_path / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    assert (hook["entry"], hook["always_run"]) == ("make --silent --directory infra/vms check", True)
    assert vmgen("-C", str(folder), "render").code == 0


def test_a_folder_that_no_pipeline_can_name(tmp_path: Path, vmgen: Callable) -> None:
    """A name that would have to be quoted in five languages is refused, and nothing is written."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    done = vmgen("init", str(tmp_path / "my vms"), "--namespace", "tenant-a")
    assert (done.code, "pipelines cannot use the folder name 'my vms'" in done.messages) == (2, True)
    assert not (tmp_path / "my vms" / "Makefile").exists()


ORIGINS = {
    "a commit": ('{"url": "https://git.example.com/vmgen", "vcs_info": {"vcs": "git", "commit_id": "abc"}}', "git+https://"),
    "a folder of this machine": ('{"url": "file:///home/me/vmgen", "dir_info": {"editable": true}}', "vmgen[engine]=="),
    "a login in the address": ('{"url": "https://me:x@git.example.com/v", "vcs_info": {"vcs": "git", "commit_id": "a"}}', "=="),
    "a repository of this machine": ('{"url": "file:///v", "vcs_info": {"vcs": "git", "commit_id": "a"}}', "vmgen[engine]=="),
    "an index": (None, "vmgen[engine]=="),
}


@pytest.mark.parametrize("case", ORIGINS)
def test_requirement(case: str, tmp_path: Path, vmgen: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit that vmgen came from is written down where others can get it; else the release, with what to do before it."""
    text, start = ORIGINS[case]
    origin = type("Origin", (), {"read_text": lambda self, name: text})()
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: origin)
    assert vmgen("init", str(tmp_path / "a"), "--namespace", "tenant-a").code == 0
    requirement = (tmp_path / "a" / "requirements.txt").read_text()
    assert start in requirement
    assert ("init --update --requirement" in requirement) == ("git+" not in requirement)
    vmgen("init", str(tmp_path / "b"), "--namespace", "tenant-a", "--requirement", "./vmgen.whl")
    assert (tmp_path / "b" / "requirements.txt").read_text().splitlines()[-1] == "./vmgen.whl"


@pytest.fixture(name="made")
def _made(tmp_path: Path, vmgen: Callable) -> Path:
    """A repository that init made."""
    assert vmgen("init", str(tmp_path / "a"), "--namespace", "tenant-a", "--owners", "@acme/data", "--flux", "vms").code == 0
    return tmp_path / "a"


def test_answers(made: Path) -> None:
    """The answers are in vmgen.toml, which is right."""
    answers = load_configuration(made).answers
    assert {key: answers[key] for key in ("namespace", "owners", "flux", "ci")} == {
        "namespace": "tenant-a",
        "owners": "@acme/data",
        "flux": "vms",
        "ci": "both",
    }


def test_update(made: Path, vmgen: Callable) -> None:
    """An update writes unedited files of another version anew, and leaves alone what was edited, removed, or a user's own."""
    assert vmgen("init", str(made), "--update").messages == "Nothing to do: all files are up to date.\n"
    toml = (made / "vmgen.toml").read_text()
    # Another version wrote another Makefile: the digest is that of its bytes.
    (made / "Makefile").write_text("old:\n")
    from vmgen.write.answers import _digest

    recorded = load_configuration(made).answers["files"]["Makefile"]
    (made / "vmgen.toml").write_text(toml.replace(recorded, _digest(b"old:\n")) + "[plan]\noutput = 'markdown'\n")
    (made / "renovate.json").write_text("{}\n")
    (made / "CODEOWNERS").unlink()
    before = (made / "environments/production.yaml").read_text()
    (made / "environments/production.yaml").write_text("# mine\n" + before)
    done = vmgen("init", str(made), "--update")
    assert (done.code, done.stdout) == (0, "wrote Makefile\n")
    assert "skipped renovate.json (edited)" in done.messages
    assert "skipped CODEOWNERS (removed)" in done.messages
    assert "make render" in (made / "Makefile").read_text()
    assert (made / "environments/production.yaml").read_text() == "# mine\n" + before
    assert "output = 'markdown'" in (made / "vmgen.toml").read_text()
    again = vmgen("init", str(made), "--update")
    assert (again.stdout, "skipped renovate.json" in again.messages) == ("", True)


def test_update_without_answers(tmp_path: Path, vmgen: Callable) -> None:
    """Where no answers are written down, there is nothing to start from."""
    done = vmgen("init", str(tmp_path), "--update")
    assert (done.code, "no answers in [init]" in done.messages) == (2, True)


def test_a_kept_gitattributes_is_told_what_it_lacks(tmp_path: Path, vmgen: Callable) -> None:
    """init says which lines a .gitattributes that was there has to get."""
    (tmp_path / ".gitattributes").write_text("* text=auto\n")
    done = vmgen("init", str(tmp_path), "--namespace", "tenant-a", "--ci", "none")
    assert "skipped .gitattributes (already exists); add these lines to it:\n    manifests/** linguist" in done.messages
    assert (tmp_path / ".gitattributes").read_text() == "* text=auto\n"


def test_two_branches_that_each_add_a_group(made: Path, vmgen: Callable) -> None:
    """The lists of two branches merge, and a render after the merge makes them what they have to be."""

    def git(*arguments: str) -> None:
        subprocess.run(["git", *WHO, *arguments], cwd=made, check=True, capture_output=True)

    def commit(old: str, new: str) -> None:
        path = made / "environments/production.yaml"
        path.write_text(path.read_text().replace(old, new))
        assert vmgen("-C", str(made), "render").code == 0
        git("add", ".")
        git("commit", "-qm", "x")

    commit("tenant-a", "tenant-b")
    git("branch", "-M", "main")
    git("checkout", "-qb", "one")
    path = made / "environments/production.yaml"
    path.write_text(path.read_text() + "  one: {instanceType: u1.large, image: ubuntu-2404}\n")
    commit("", "")
    git("checkout", "-q", "main")
    commit("vms:\n", "vms:\n  two: {instanceType: u1.large, image: ubuntu-2404}\n")
    git("merge", "one", "-m", "m")
    assert vmgen("-C", str(made), "render").code == 0
    assert vmgen("-C", str(made), "check", "--kustomize", "off").code == 0
