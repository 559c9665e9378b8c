"""Git: a ref resolves without a checkout and never by way of the network, and what is missing is said with its remedy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.plan import git, git_process
from vmgen.problems import VmgenError

WEB = """\
namespace: tenant-acme
vms:
  web: {count: 3, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}
"""
FEWER = WEB.replace("count: 3", "count: 2")
Committed = Callable[..., Any]


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
    partial = history.cloned(tmp_path / "clone", "--filter=blob:none")
    done = partial.vmgen("plan", "--against", "origin/main")
    assert done.code == 2
    assert "git fetch --refetch" in done.messages


def test_broken_index_is_to_be_made_again(committed: Committed) -> None:
    """Git cannot list the files, and no fetch helps: the remedy makes an index from the commit."""
    history = committed()
    index = history.repository.root / ".git" / "index"
    index.write_bytes(b"broken")
    done = history.vmgen("plan")
    assert done.code == 2
    assert "remove .git/index, and run git reset" in done.messages
    index.unlink()
    history.git("reset", "--quiet")
    assert history.vmgen("plan").code == 0


def test_repository_of_a_caller_is_not_taken_for_ours(
    committed: Committed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """In a hook git names the caller's repository; the one that holds the folder counts."""
    history = committed()
    other = tmp_path / "other"
    subprocess.run(["git", "init", "--quiet", str(other)], check=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", "nowhere")
    assert history.vmgen("plan").stdout.startswith("Nothing differs from HEAD.")


def test_repository_that_git_refuses_is_an_error(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository that cannot be read is never taken for none: that would open the gate."""
    history = committed()
    monkeypatch.setattr(git, "run_git", lambda *_, **__: (128, b"", "fatal: detected dubious ownership in repository"))
    done = history.vmgen("plan")
    assert done.code == 2
    assert "detected dubious ownership" in done.messages


def test_no_git_may_use_the_network(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each git that runs has both switches that forbid it: the one of Git 2.45, and the one that older versions know."""
    history, environments = committed(), []
    start = git_process.start_program

    def record(command: Any, folder: Any, environment: Any) -> Any:
        environments.append(environment)
        return start(command, folder, environment)

    monkeypatch.setattr(git_process, "start_program", record)
    monkeypatch.setenv("GIT_NO_LAZY_FETCH", "0")
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "https")
    assert history.vmgen("plan", "--against", "main").code == 0
    assert len(environments) > 3
    switches = {(each["GIT_NO_LAZY_FETCH"], each["GIT_ALLOW_PROTOCOL"]) for each in environments}
    assert switches == {("1", "none")}


def test_git_is_asked_once_about_all_output_folders(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan of a change starts git for the repository, its commit, its tree, its index, and the changed files."""
    history, subcommands = committed(), []
    history.write(production=WEB.replace("50Gi", "60Gi"))
    start_program = git_process.start_program

    def record(command: list[str], *more: Any) -> Any:
        subcommands.append(next(word for word in command[1:] if word in ("rev-parse", "ls-files", "ls-tree", "cat-file")))
        return start_program(command, *more)

    monkeypatch.setattr(git_process, "start_program", record)
    assert "3 to update" in history.vmgen("plan").stdout
    assert sorted(set(subcommands)) == ["cat-file", "ls-files", "ls-tree", "rev-parse"]
    assert [subcommands.count(name) for name in ("rev-parse", "ls-files", "ls-tree")] == [2, 1, 1]


def test_file_of_git_without_permission_is_not_to_be_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that the user cannot read is no damaged one."""
    complaint = "fatal: .git/index: index file open failed: Permission denied"
    monkeypatch.setattr("vmgen.plan.git_process.run_git", lambda *arguments, **options: (128, b"", complaint))
    with pytest.raises(VmgenError, match="Permission denied; change the permissions"):
        git_process.check_git_output(tmp_path, "ls-files")
