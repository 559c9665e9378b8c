"""What is committed counts whoever wrote it and wherever it lay, and what cannot be read is no disk that may go."""

from __future__ import annotations

import hashlib
import shutil
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
RETIRED = FEWER + "retire:\n" + "".join(f"  - {{disk: web-3-{disk}, reason: moved}}\n" for disk in ("data", "system"))
NOTHING = "Plan: 0 to create, 0 to update, 0 to delete, 0 destroy data.\n"
Committed = Callable[..., Any]


def _edit_disks(history: Any, edit: Callable[[bytes], bytes], pattern: str = "web-3-*.yaml") -> None:
    for path in sorted((history.root / "manifests/production/disks/web").glob(pattern)):
        path.write_bytes(edit(path.read_bytes()))


def _lose(history: Any, environment: str = FEWER) -> None:
    """Write what an environment renders, as somebody does who goes round the gate."""
    history.write(production=environment)
    done = history.vmgen("render", "--stdout")
    assert done.code == 0, done.messages
    kept = {line for line in done.stdout.splitlines() if line.startswith("  name: ")}
    for kind in ("disks", "vms"):
        folder = history.repository.root / "manifests/production" / kind / "web"
        for path in folder.glob("web-*.yaml"):
            if not any(path.stem in line for line in kept):
                path.unlink()
                listing = (folder / "kustomization.yaml").read_text(encoding="utf-8")
                text = "".join(line for line in listing.splitlines(keepends=True) if path.name not in line)
                (folder / "kustomization.yaml").write_text(text, encoding="utf-8")


def _pointer(content: bytes) -> bytes:
    oid = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()


def _flow(content: bytes) -> bytes:
    import yaml

    return yaml.safe_dump(yaml.safe_load(content), default_flow_style=True).encode()


READABLE = {
    "without the first line": lambda content: content.partition(b"\n")[2],
    "with a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "another first line": lambda content: b"# ours now\n" + content.partition(b"\n")[2],
    "by a formatter": _flow,
    "as UTF-16": lambda content: content.decode().encode("utf-16"),
    "with Windows line ends": lambda content: content.replace(b"\n", b"\r\n"),
    "in a list": lambda content: b"apiVersion: v1\nkind: List\nitems: [" + _flow(content).strip() + b"]\n",
    "two in a file": lambda content: content + b"---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: x}\n",
    "with an indented first line": lambda content: b" " + content,
}


@pytest.mark.parametrize("how", READABLE)
@pytest.mark.parametrize("when", ["before", "in the change"])
def test_disk_without_our_mark_is_baseline(committed: Committed, how: str, when: str) -> None:
    """A committed disk is not lost by what somebody made of its file, in the change that removes it or long before."""
    history = committed()
    base = history.git("rev-parse", "HEAD")
    _edit_disks(history, READABLE[how])
    if when == "before":
        history.commit()
        base = history.git("rev-parse", "HEAD")
    listing = history.repository.text("production/disks/web/kustomization.yaml")
    history.write(production=FEWER)
    refused = history.vmgen("render")
    assert refused.code == 1
    assert "VMDisk web-3-data, VMDisk web-3-system" in refused.messages
    assert history.repository.text("production/disks/web/kustomization.yaml") == listing
    _lose(history)
    history.commit()
    done = history.vmgen("check", "--verify", "--against", base, "--kustomize", "off")
    assert done.code == 1
    assert "[destroys-data]" in done.messages


UNREADABLE = {
    "conflict markers": lambda content: b"<<<<<<< HEAD\n" + content + b"=======\n" + content + b">>>>>>> x\n",
    "no YAML": lambda content: content + b"a: [\n",
    "pointer of Git LFS": lambda content: _pointer(content + b"another"),
    "encrypted": lambda content: b"\0GITCRYPT\0" + hashlib.sha256(content).digest(),
    "a tab": lambda content: content.replace(b"\n  ", b"\n\t"),
    "without a name": lambda content: content.replace(b"  name:", b"  nome:"),
}


@pytest.mark.parametrize("how", UNREADABLE)
def test_disk_that_cannot_be_read_may_not_go(committed: Committed, how: str) -> None:
    """Nobody can tell what a committed file that is no YAML held, so that it may not go, tombstone or not."""
    history = committed()
    _edit_disks(history, UNREADABLE[how])
    history.commit()
    base = history.git("rev-parse", "HEAD")
    for text in (FEWER, RETIRED):
        _lose(history, text)
        history.commit()
        done = history.vmgen("check", "--against", base, "--kustomize", "off")
        assert done.code == 1
        assert "web-3-data.yaml: error: the version at" in done.messages
        assert "[unreadable-baseline]" in done.messages


@pytest.mark.parametrize("how", UNREADABLE)
def test_manifest_that_cannot_be_read_is_put_right(committed: Committed, how: str) -> None:
    """Where the render takes the place of an unreadable file, that is a warning: it is how to put it right."""
    history = committed()
    _edit_disks(history, UNREADABLE[how])
    history.commit()
    done = history.vmgen("plan")
    assert done.code == 0
    assert "warning: the version at HEAD is" in done.messages


def test_pointer_to_what_is_rendered_differs_in_nothing(committed: Committed) -> None:
    """Where Git LFS keeps the manifests, a pointer says by its digest that the disk is as it was."""
    history = committed()
    _edit_disks(history, _pointer, "*.yaml")
    history.commit()
    assert history.vmgen("plan").stdout.endswith(NOTHING)


@pytest.mark.parametrize(
    ("before", "after"),
    [("", "infra"), ("infra", ""), ("vm", "platform/vm"), ("a/b/c", "a"), ("x", "x2")],
)
def test_environments_that_moved_have_their_disks(committed: Committed, before: str, after: str) -> None:
    """Environments and manifests in another folder are the same ones, in the change that moves them too."""
    history = committed(below=before)
    target = history.root / after
    target.mkdir(parents=True, exist_ok=True)
    for name in ("environments", "manifests"):
        shutil.copytree(history.repository.root / name, target / name, dirs_exist_ok=True)
        shutil.rmtree(history.repository.root / name)
    moved = history.at(target)
    moved.git("add", "--all", ":/")
    done = moved.vmgen("plan")
    assert f"Manifests moved here from {before + '/' if before else ''}manifests/" in done.messages
    assert done.stdout.endswith(NOTHING)
    moved.write(production=FEWER)
    assert "web-3-data" in moved.vmgen("render").messages
    moved.git("commit", "--quiet", "--message", "moved", "--all")
    _lose(moved)
    moved.git("commit", "--quiet", "--message", "fewer", "--all")
    done = moved.vmgen("check", "--against", "HEAD~2", "--kustomize", "off")
    assert done.code == 1
    assert "2 disks committed at HEAD~2 would be destroyed: VMDisk web-3-data" in done.messages


def test_environment_that_moved_to_another_project(committed: Committed) -> None:
    """One environment of two that goes to a new folder takes its disks along; the other project misses it as before."""
    history = committed(environments={"staging": WEB.replace("tenant-acme", "tenant-two")})
    target = history.root / "infra"
    for name in ("environments/production.yaml", "manifests/production"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(history.root / name, target / name)
    moved = history.at(target)
    moved.write(production=FEWER)
    assert "web-3-data" in moved.vmgen("render").messages
    assert "6 disks" in history.vmgen("check", "--kustomize", "off").messages


def test_other_project_that_goes_elsewhere_is_not_ours(committed: Committed) -> None:
    """Of two projects in a repository, one that moves to a third folder costs the other nothing."""
    history = committed(below="one")
    shutil.copytree(history.root / "one", history.root / "two")
    history.commit()
    shutil.move(history.root / "two", history.root / "three")
    assert history.vmgen("plan").stdout.endswith(NOTHING)
    assert history.at(history.root / "three").vmgen("plan").stdout.endswith(NOTHING)


def test_branch_is_compared_with_where_it_left(committed: Committed) -> None:
    """What main has gained since a branch left it is no change of the branch, and what it lost neither."""
    history = committed(FEWER)
    base = history.git("rev-parse", "HEAD")[:10]
    history.git("checkout", "--quiet", "-b", "feature")
    history.git("checkout", "--quiet", "main")
    history.write(production=WEB)
    assert history.vmgen("render").code == 0
    history.commit()
    history.git("checkout", "--quiet", "feature")
    done = history.vmgen("plan", "--against", "main")
    assert done.messages == f"Compared with {base}, the merge base of main and HEAD.\n"
    assert done.stdout.endswith(NOTHING)
    assert f"{base}, the merge base of main" in history.vmgen("plan", "--against", "main", "-o", "markdown").stdout
    assert history.vmgen("check", "--against", "main", "--kustomize", "off").code == 0
    assert history.vmgen("plan", "--against", base).messages == ""


def test_without_a_merge_base_the_tip_is_compared(committed: Committed, tmp_path: Path) -> None:
    """A shallow clone has no common commit: the plan compares with the tip, and says so."""
    history = committed()
    history.git("checkout", "--quiet", "-b", "feature")
    history.git("commit", "--quiet", "--allow-empty", "--message", "x")
    shallow = history.cloned(tmp_path / "clone", "--depth=1", "--no-single-branch")
    done = shallow.vmgen("plan", "--against", "origin/main")
    assert done.code == 0
    assert done.messages.startswith("Compared with origin/main itself: ")


def test_histories_that_merged_each_other(committed: Committed) -> None:
    """Of several merge bases one may lack the disk that a merge would remove: the plan compares with the tip, and says so."""
    history = committed(WEB.replace("count: 3", "count: 2"))
    history.git("checkout", "--quiet", "-b", "side")
    history.write(production=WEB.replace("count: 3", "count: 2") + "# a remark\n")
    history.commit()
    side = history.git("rev-parse", "HEAD")
    history.git("checkout", "--quiet", "main")
    history.write(production=WEB)
    assert history.vmgen("render").code == 0
    history.commit()
    more = history.git("rev-parse", "HEAD")
    history.git("merge", "--quiet", "--strategy=ours", "--message", "with the disks", side)
    history.git("checkout", "--quiet", "side")
    history.git("merge", "--quiet", "--strategy=ours", "--message", "without them", more)
    done = history.vmgen("check", "--against", "main", "--kustomize", "off")
    assert "Compared with main itself: there are 2 merge bases of it and HEAD." in done.messages
    assert "2 disks committed at main would be destroyed: VMDisk web-3-data, VMDisk web-3-system" in done.messages
    assert done.code == 1
