"""Manifests that Git does not have, and repositories that git cannot read, are never taken for an empty baseline."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WEB = """\
namespace: tenant-acme
vms:
  web: {count: 3, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}
platformVersion: "1"
defaults: {sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgc5ANkNrxhLa5aPn0uh0b8C1dTDSSE0Gm0HgJ1rQp4 ops]}
"""
FEWER = WEB.replace("count: 3", "count: 2")
MORE = WEB.replace("count: 3", "count: 4")
OFF = ("--kustomize", "off")
Committed = Callable[..., Any]


def test_manifests_that_were_not_added_are_named(committed: Committed, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git commit -a` leaves new files out: check warns by hand, and refuses with a ref and in a hook."""
    monkeypatch.delenv("PRE_COMMIT", raising=False)
    history = committed()
    history.write(production=MORE)
    assert history.vmgen("render").code == 0
    history.git("commit", "--quiet", "--all", "--message", "a fourth")
    done = history.vmgen("check", *OFF)
    assert done.code == 0
    assert (
        "manifests/production: warning: 3 manifests are neither committed nor staged: disks/web/web-4-data.yaml"
        in done.messages
    )
    assert history.vmgen("check", "--against", "HEAD", *OFF).code == 1
    for name in ("PRE_COMMIT", "GIT_INDEX_FILE"):
        with monkeypatch.context() as patch:
            patch.setenv(name, "1")
            assert "error: 3 manifests are neither" in history.vmgen("check", *OFF).messages
    history.git("add", "manifests")
    assert history.vmgen("check", "--against", "HEAD", *OFF).code == 0


@pytest.mark.parametrize("pattern", ["manifests/", "*.yaml\n!environments/*", "web-3*", "manifests/production/disks"])
def test_ignored_manifests_count_as_existing(new_history: Committed, pattern: str) -> None:
    """What Git ignores may well be on the platform, so its disks may not go; a warning says that nothing is committed."""
    history = new_history({"production": WEB})
    history.repository.write({".gitignore": f"{pattern}\n.vmgen/\n"})
    assert history.vmgen("render").code == 0
    history.commit()
    history.write(production=FEWER)
    done = history.vmgen("render")
    assert done.code == 1
    assert "ignored by Git" in done.messages
    assert "[destroys-data]" in done.messages
    assert (history.root / "manifests/production/disks/web/web-3-data.yaml").is_file()
    assert "error: " in history.vmgen("check", "--against", "HEAD", *OFF).messages.partition("[uncommitted-manifest]")[0]


def test_repository_without_a_commit_says_so_once(new_history: Committed) -> None:
    """Before the first commit the baseline is empty, which is one sentence."""
    history = new_history({"production": WEB})
    assert history.vmgen("render").messages == "production: 15 files, 15 created\n"
    for command in ("plan", "check"):
        done = history.vmgen(command, *(OFF if command == "check" else ()))
        assert done.code == 0
        assert done.messages.count("There is no commit yet, so every object is new.") == 1
        assert "uncommitted-manifest" not in done.messages


def _break_gitfile(history: Any) -> None:
    (history.root / ".git").rename(history.root.parent / f"{history.root.name}-elsewhere")
    (history.root / ".git").write_text("gitdir: /nowhere/at/all\n")


def _set_config(key: str, value: str) -> Callable[[Any], None]:
    return lambda history: history.git("config", key, value)


def _truncate(name: str, content: str = "") -> Callable[[Any], None]:
    return lambda history: (history.root / ".git" / name).write_text(content)


def _remove_commit(history: Any) -> None:
    commit = history.git("rev-parse", "HEAD")
    (history.root / ".git/objects" / commit[:2] / commit[2:]).unlink()


def _detach_from_nothing(history: Any) -> None:
    (history.root / ".git/HEAD").write_text(f"{'1' * 40}\n")


BROKEN = {
    "gitfile to nowhere": (_break_gitfile, "git cannot use"),
    "no HEAD": (lambda history: (history.root / ".git/HEAD").unlink(), "git cannot use"),
    "bare": (_set_config("core.bare", "true"), "core.bare"),
    "work tree elsewhere": (_set_config("core.worktree", "/tmp"), "core.worktree"),
    "empty branch": (_truncate("refs/heads/main"), "git cannot read HEAD"),
    "branch of rubbish": (_truncate("refs/heads/main", "rubbish\n"), "git cannot read HEAD"),
    "commit lost": (_remove_commit, "git cannot read HEAD"),
    "detached from nothing": (_detach_from_nothing, "git cannot read HEAD"),
    "configuration of rubbish": (_truncate("config", "[core\n"), "git cannot use"),
}


@pytest.mark.parametrize("command", ["render", "check", "plan"])
@pytest.mark.parametrize("how", BROKEN)
def test_repository_that_cannot_be_read_is_not_none(committed: Committed, how: str, command: str) -> None:
    """What git cannot read is exit 2 with the reason; taken for no repository, every disk could go."""
    history = committed()
    history.write(production=FEWER)
    damage, message = BROKEN[how]
    damage(history)
    done = history.vmgen(command)
    assert (done.code, done.stdout) == (2, "")
    assert message in done.messages
    assert (history.root / "manifests/production/disks/web/web-3-data.yaml").is_file()


@pytest.mark.parametrize("left_out", ["manifests", "environments", "manifests/production/disks"])
def test_sparse_checkout_is_not_whole(committed: Committed, left_out: str) -> None:
    """Files that a sparse checkout leaves out look removed and are not: exit 2, and the command that adds them."""
    history = committed(environments={"other": WEB.replace("tenant-acme", "tenant-two")})
    history.git("sparse-checkout", "set", "--no-cone", "/*", f"!/{left_out}/*")
    (history.root / "environments").mkdir(exist_ok=True)
    done = history.vmgen("render")
    assert done.code == 2
    assert "git sparse-checkout add environments manifests" in done.messages


@pytest.mark.parametrize("ref", ["", " ", "\t"])
@pytest.mark.parametrize("arguments", [("plan", "--against"), ("check", "--against"), ("render", "--affected-since")])
def test_empty_ref_is_a_mistake(committed: Committed, arguments: tuple[str, ...], ref: str) -> None:
    """A variable that is not set would compare a commit with itself: exit 2."""
    done = committed().vmgen(*arguments, ref)
    assert done.code == 2
    assert "is empty; name a commit" in done.messages


def test_replaced_objects_have_no_effect(committed: Committed) -> None:
    """`git replace` may show another commit to everyone else; the gate sees the one that was reviewed."""
    history = committed()
    tree = history.git("hash-object", "-t", "tree", "-w", os.devnull)
    empty = history.git("commit-tree", "-m", "x", tree)
    for target in ("HEAD", "HEAD:manifests"):
        history.git("replace", "--force", target, empty if target == "HEAD" else tree)
    history.write(production=FEWER)
    assert history.vmgen("render").code == 1


def test_grafted_parents_have_no_effect(committed: Committed) -> None:
    """`.git/info/grafts` may give HEAD another parent, and with it a merge base before the disks were committed."""
    history = committed()
    tree = history.git("hash-object", "-t", "tree", "-w", os.devnull)
    empty = history.git("commit-tree", "-m", "x", tree)
    history.git("branch", "reviewed")
    history.write(production=FEWER)
    history.git("commit", "--quiet", "-am", "fewer")
    info = history.root / ".git" / "info"
    info.mkdir(exist_ok=True)
    (info / "grafts").write_text(
        "".join(f"{history.git('rev-parse', ref)} {empty}\n" for ref in ("HEAD", "reviewed")), encoding="ascii"
    )
    assert "[destroys-data]" in history.vmgen("check", "--against", "reviewed", *OFF).messages


def test_monitor_of_the_configuration_is_not_run(committed: Committed, tmp_path: Path) -> None:
    """`core.fsmonitor` names a program, and looking at a repository runs none."""
    history = committed()
    history.git("config", "core.fsmonitor", f"touch {tmp_path}/ran; false")
    for arguments in (("check", "--affected-since", "HEAD", *OFF), ("render",), ("plan", "--against", "HEAD")):
        assert history.vmgen(*arguments).code == 0
    assert not (tmp_path / "ran").exists()
