"""What a plan starts from: a commit, read without a checkout and without the network, or the files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.plan import git as git
from vmgen.plan.baseline import load_baseline
from vmgen.read.repository import Project

WEB = """\
namespace: tenant-acme
vms:
  web:
    count: 3
    instanceType: u1.large
    image: ubuntu-2404
    disks:
      data: 50Gi
"""
FEWER = WEB.replace("count: 3", "count: 2")
NOTHING = "Plan: 0 to create, 0 to update, 0 to delete, 0 destroy data.\n"
Committed = Callable[..., Any]


@pytest.mark.parametrize("options", [(), ("--object-format=sha256",)])
@pytest.mark.parametrize("below", ["", "deep/down"])
def test_what_is_committed_is_found(committed: Committed, below: str, options: tuple[str, ...]) -> None:
    """By either algorithm of ids, at the top of the repository or in a folder of it, a committed render differs in nothing."""
    history = committed(below=below, options=options)
    assert history.vmgen("plan").stdout.endswith(NOTHING)
    history.write(production=FEWER)
    assert "2 destroy data" in history.vmgen("plan").stdout


def test_plan_does_not_look_at_the_files(committed: Committed) -> None:
    """Inside of Git the plan compares with the commit, whatever lies in the folder."""
    history = committed()
    for path in (history.repository.root / "manifests").rglob("*.yaml"):
        path.unlink()
    assert history.vmgen("plan").stdout.endswith(NOTHING)


def test_repository_without_a_commit_has_nothing(new_history: Committed) -> None:
    """Everything is new before the first commit."""
    plan = new_history({"production": WEB}).vmgen("plan")
    assert plan.stdout.endswith("Plan: 9 to create, 0 to update, 0 to delete, 0 destroy data.\n")


def test_detached_head_is_a_commit(committed: Committed) -> None:
    """A checkout of a commit, as CI makes it, is compared like any other."""
    history = committed()
    history.write(production=FEWER)
    history.git("checkout", "--quiet", "--detach")
    assert "2 destroy data" in history.vmgen("plan").stdout


@pytest.mark.parametrize("command", ["plan", "check"])
def test_missing_ref_is_said(committed: Committed, command: str) -> None:
    """A ref that is not there is no answer: exit 2, and what to fetch."""
    done = committed().vmgen(command, "--against", "release")
    assert done.code == 2
    assert done.messages == (
        "vmgen: there is no commit 'release' to compare with; fetch it (git fetch origin release), "
        "or name another with --against\n"
    )


def test_ref_like_an_option_is_no_option(committed: Committed) -> None:
    """What is given as a ref never becomes an option of git."""
    done = committed().vmgen("plan", "--against=--all")
    assert done.code == 2
    assert "there is no commit '--all'" in done.messages


def test_shallow_clone_says_what_it_lacks(committed: Committed, tmp_path: Path) -> None:
    """In a clone of one commit HEAD is there, and other commits are said to be missing with what to fetch."""
    history = committed()
    history.git("checkout", "--quiet", "-b", "fewer")
    history.write(production=FEWER)
    history.commit()
    shallow = history.cloned(tmp_path / "clone", "--depth=1")
    assert "2 destroy data" in shallow.vmgen("plan").stdout
    for ref in ("main", "origin/main", "HEAD~1"):
        done = shallow.vmgen("check", "--against", ref)
        assert done.code == 2
        assert f"the clone is shallow and has no commit '{ref}'; fetch the history (git fetch --unshallow" in done.messages
        assert f"git fetch --depth=1 origin {ref.removeprefix('origin/')}," in done.messages


def test_branch_of_the_remote_is_suggested(committed: Committed, tmp_path: Path) -> None:
    """CI has the main branch as origin/main only, and is told so."""
    history = committed()
    history.git("checkout", "--quiet", "-b", "other")
    copy = history.cloned(tmp_path / "clone")
    done = copy.vmgen("plan", "--against", "main")
    assert done.code == 2
    assert "there is origin/main; write --against origin/main" in done.messages
    assert copy.vmgen("plan", "--against", "origin/main").code == 0


def test_partial_clone_is_not_filled_from_the_network(committed: Committed, tmp_path: Path) -> None:
    """A clone without file contents is never completed on the way: exit 2, and what to fetch."""
    history = committed()
    history.git("checkout", "--quiet", "-b", "fewer")
    history.write(production=FEWER)
    history.repository.write({"manifests/production/vms/web/web-3.yaml": "# another text\n"})
    history.commit()
    partial = history.cloned(tmp_path / "clone", "--filter=blob:none", "--no-checkout")
    partial.git("sparse-checkout", "set", "--no-cone", "environments/")
    partial.git("checkout", "--quiet")
    done = partial.vmgen("plan", "--against", "origin/main")
    assert done.code == 2
    assert "git fetch --refetch" in done.messages


def test_repository_of_a_caller_is_not_taken_for_ours(
    committed: Committed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a hook git names the caller's repository; the one that holds the folder counts."""
    history = committed()
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", str(other)], check=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    assert history.vmgen("plan").stdout.endswith(NOTHING)


def test_manifests_in_a_repository_of_their_own_are_files(committed: Committed) -> None:
    """Where manifests/ is a submodule this repository knows nothing of its files, so the files are the baseline."""
    history = committed()
    nested = history.at(history.root / "manifests")
    nested.git("init", "--quiet")
    nested.commit()
    history.git("rm", "-r", "--quiet", "--cached", "manifests")
    history.commit()
    found = load_baseline(Project(history.root))
    assert (found.ref, found.repository) == ("", None)
    assert found.environments == ("production",)


def test_without_git_the_files_are_the_baseline(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed the folder is as good as outside of Git, and a ref cannot be named."""
    history = committed()
    monkeypatch.setenv("PATH", "")
    assert history.vmgen("plan").stdout.startswith("Nothing differs from the files in manifests/.")
    done = history.vmgen("plan", "--against", "main")
    assert done.code == 2
    assert "--against main needs a git repository" in done.messages


def test_repository_that_git_refuses_is_an_error(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that cannot be read is never taken for none: that would open the gate."""
    history = committed()
    monkeypatch.setattr(git, "_run_git", lambda *_, **__: (128, b"", "fatal: detected dubious ownership in repository"))
    done = history.vmgen("plan")
    assert done.code == 2
    assert "detected dubious ownership" in done.messages


def test_committed_manifest_that_is_not_yaml_is_a_warning(committed: Committed) -> None:
    """What cannot be read cannot be compared, and the plan says so."""
    history = committed()
    history.repository.write({"manifests/production/vms/web/web-3.yaml": "# Generated by vmgen from x. Do not edit.\na: [\n"})
    history.commit()
    done = history.vmgen("plan")
    assert done.code == 0
    assert "[unreadable-baseline]" in done.messages


def test_foreign_files_are_nobodys_loss(committed: Committed) -> None:
    """A file that vmgen did not write stays where it is, so no plan says that it goes; removed by hand, a disk in it does."""
    history = committed()
    disk = (history.repository.root / "manifests/production/disks/web/web-1-data.yaml").read_text(encoding="utf-8")
    disk = disk.partition("\n")[2].replace("web-1-data", "by-hand")
    history.repository.write({"manifests/production/by-hand.yaml": disk, "manifests/notes/readme.yaml": "a: b\n"})
    history.commit()
    assert history.vmgen("plan").stdout.endswith(NOTHING)
    (history.repository.root / "manifests/production/by-hand.yaml").unlink()
    assert "1 destroy data" in history.vmgen("plan").stdout
