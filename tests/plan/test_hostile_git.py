"""A hostile `.git`, and a hostile environment of git: nothing is run, connected to, waited for, quoted or written."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.conftest import Repository

CANARY = "CANARYVALUE42"
COMMANDS = (("check", "--affected-since", "HEAD", "--kustomize", "off"), ("plan", "--against", "HEAD"), ("render",))
HOOKS = ("post-index-change", "reference-transaction", "post-checkout", "fsmonitor-watchman")


class Scene(NamedTuple):
    """A committed repository, a folder beside it, a program that leaves a trace, and a port that nobody may connect to."""

    root: Path
    outside: Path
    program: Path
    port: int

    def git(self, *arguments: str, text: str | None = None) -> str:
        """Run git in the repository."""
        command = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", *arguments]
        return subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True, input=text).stdout.strip()

    def configure(self, **settings: str) -> None:
        """Write settings; two underscores are a dot."""
        for key, value in settings.items():
            self.git("config", key.replace("__", "."), value)

    def secret(self, text: str = f"{CANARY}\n") -> Path:
        """A file outside of the repository that nobody may see."""
        path = self.outside / "secret"
        path.write_text(text)
        return path

    def replace(self, name: str, target: Path | str) -> None:
        """Put a link in the place of a file of Git."""
        path = self.root / ".git" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)


def _filters(scene: Scene) -> None:
    (scene.root / ".gitattributes").write_text("* filter=x diff=x\n")
    for key in ("filter.x.clean", "filter.x.process", "filter.x.smudge", "diff.x.command", "diff.x.textconv", "diff.external"):
        scene.git("config", key, str(scene.program))


def _include(key: str, text: str = "") -> Callable[[Scene], None]:
    def plant(scene: Scene) -> None:
        included = scene.outside / "included"
        included.write_text(text or f'[core]\nfsmonitor={scene.program}\n[filter "x"]\nclean={scene.program}\n')
        (scene.root / ".git/info/attributes").write_text("* filter=x\n")
        scene.git("config", key, str(included))

    return plant


def _submodule(folder: str) -> Callable[[Scene], None]:
    def plant(scene: Scene) -> None:
        inner = scene._replace(root=scene.root / folder)
        inner.root.mkdir(parents=True)
        inner.git("init", "--quiet")
        (inner.root / "file").write_text("one\n")
        inner.git("add", ".")
        inner.git("commit", "--quiet", "-m", "x")
        scene.git("add", folder)
        scene.git("commit", "--quiet", "-m", "x")
        _filters(inner)
        inner.configure(core__fsmonitor=str(scene.program), core__hooksPath=str(scene.program.parent))
        (inner.root / "file").write_text("two\n")

    return plant


def _aliases(scene: Scene) -> None:
    for command in ("rev-parse", "ls-files", "ls-tree", "diff", "cat-file", "for-each-ref", "merge-base", "config"):
        scene.git("config", f"alias.{command}", f"!{scene.program}")
        scene.git("config", f"pager.{command}", str(scene.program))


def _partial(url: str, **settings: str) -> Callable[[Scene], None]:
    def plant(scene: Scene) -> None:
        blob = scene.git("rev-parse", "HEAD:manifests/production/vms/web/web.yaml")
        (scene.root / ".git/objects" / blob[:2] / blob[2:]).unlink()
        source = scene.root / "environments/production.yaml"
        source.write_text(source.read_text().replace("u1.large", "u1.xlarge"))
        values = {"program": str(scene.program), "port": str(scene.port), "root": str(scene.root)}
        scene.configure(core__repositoryformatversion="1", extensions__partialClone="origin", remote__origin__promisor="true")
        scene.configure(protocol__allow="always", protocol__ext__allow="always", remote__origin__url=url.format(**values))
        scene.configure(**{key: value.format(**values) for key, value in settings.items()})

    return plant


def _link(name: str, target: str = "") -> Callable[[Scene], None]:
    return lambda scene: scene.replace(name, target or scene.secret(f"gitdir: {CANARY}\n/{CANARY}\n"))


def _pipe(name: str) -> Callable[[Scene], None]:
    def plant(scene: Scene) -> None:
        path = scene.root / ".git" / name
        path.parent.mkdir(exist_ok=True)
        path.unlink(missing_ok=True)
        os.mkfifo(path)

    return plant


def _git_file(text: str) -> Callable[[Scene], None]:
    def plant(scene: Scene) -> None:
        shutil.rmtree(scene.root / ".git")
        (scene.root / ".git").symlink_to(scene.secret(text))

    return plant


def _git_device(scene: Scene) -> None:
    shutil.rmtree(scene.root / ".git")
    (scene.root / ".git").symlink_to("/dev/zero")


def _common_folder(scene: Scene) -> None:
    other = scene._replace(root=scene.outside / "other")
    other.root.mkdir()
    other.git("init", "--quiet")
    other.configure(core__fsmonitor=str(scene.program))
    (scene.root / ".git/commondir").write_text(f"{other.root}/.git\n")


def _embedded_bare(scene: Scene) -> None:
    """A bare repository among the files, as a pull request can have one."""
    inner = scene._replace(root=scene.root / "environments")
    scene.git("init", "--quiet", "--bare", "environments")
    inner.git("config", "core.bare", "false")
    inner.configure(core__worktree=str(scene.root), core__fsmonitor=str(scene.program))


def _odd_names(scene: Scene) -> None:
    for folder in (scene.root, scene.root / "manifests/production"):
        for name in (b"-x.yaml", b"--help", b"a\nb.yaml", b"\x1b[31m.yaml", b":(glob)x", b"a\xffb.yaml", b"\xe2\x80\xae.yaml"):
            Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_text("a: 1\n")
    scene.git("add", "--all")
    scene.git("commit", "--quiet", "-m", "x")


def _large_file(scene: Scene) -> None:
    path = scene.root / "manifests/production/large.yaml"
    path.write_bytes(b"#" * (17 * 1024 * 1024))
    scene.git("add", "--all")
    scene.git("commit", "--quiet", "-m", "x")
    path.unlink()


def _many_names(scene: Scene) -> None:
    """A hundred million files in nine small objects."""
    mode, entry = "100644 blob", scene.git("hash-object", "-w", "--stdin", text="x")
    for _ in range(8):
        entry = scene.git("mktree", text="".join(f"{mode} {entry}\t{name}\n" for name in "abcdefghij"))
        mode = "040000 tree"
    tree = scene.git("mktree", text=f"{scene.git('ls-tree', 'HEAD')}\n{mode} {entry}\tx\n")
    scene.git("update-ref", "HEAD", scene.git("commit-tree", "-p", "HEAD", "-m", "x", tree))


# What is hostile, and the exit codes of the commands; 2 where git cannot be asked for the baseline.
REPOSITORIES: Mapping[str, tuple[Callable[[Scene], None], tuple[int, ...]]] = {
    "filters": (_filters, (0, 0, 0)),
    "smudge and signature": (
        lambda scene: scene.configure(log__showSignature="true", gpg__program=str(scene.program)),
        (0, 0, 0),
    ),
    "include": (_include("include.path"), (0, 0, 0)),
    "include by branch": (_include("includeIf.onbranch:**.path"), (0, 0, 0)),
    "include by folder": (_include("includeIf.gitdir:/.path"), (0, 0, 0)),
    "include of a text": (_include("include.path", f"{CANARY} {CANARY}\n"), (2, 2, 2)),
    "include of a device": (lambda scene: scene.configure(include__path="/dev/zero"), (2, 2, 2)),
    "submodule": (_submodule("modules/a"), (0, 0, 0)),
    "submodule of manifests": (_submodule("manifests/production/a"), (0, 0, 0)),
    "aliases and pagers": (_aliases, (0, 0, 0)),
    "work tree elsewhere": (lambda scene: scene.configure(core__worktree=str(scene.outside)), (2, 2, 2)),
    "bare": (lambda scene: scene.configure(core__bare="true"), (2, 2, 2)),
    "bare repository among the files": (_embedded_bare, (0, 0, 0)),
    "common folder elsewhere": (_common_folder, (2, 2, 0)),
    "unknown extension": (lambda scene: scene.configure(core__repositoryformatversion="1", extensions__x="1"), (2, 2, 2)),
    "partial clone, ext": (_partial("ext::sh -c {program}"), (2, 2, 2)),
    "partial clone, ssh": (_partial("ssh://host/x", core__sshCommand="{program}"), (2, 2, 2)),
    "partial clone, http": (_partial("http://127.0.0.1:{port}/x"), (2, 2, 2)),
    "partial clone, git": (_partial("git://127.0.0.1:{port}/x", core__gitProxy="{program}"), (2, 2, 2)),
    "partial clone, helper": (_partial("x", remote__origin__vcs="x"), (2, 2, 2)),
    "partial clone, file": (_partial("{root}", remote__origin__uploadpack="{program}"), (2, 2, 2)),
    "alternates, a text": (_link("objects/info/alternates"), (2, 2, 2)),
    "alternates, a device": (_link("objects/info/alternates", "/dev/zero"), (2, 2, 2)),
    "shallow, a text": (_link("shallow"), (2, 2, 2)),
    "commondir, a text": (_link("commondir"), (2, 2, 2)),
    "packed-refs, the environment": (_link("packed-refs", "/proc/self/environ"), (2, 2, 2)),
    "config, a text": (_link("config"), (2, 2, 2)),
    "config, a pipe": (_pipe("config"), (2, 2, 2)),
    "excludes, a pipe": (_pipe("info/exclude"), (2, 2, 2)),
    "HEAD, a text": (_link("HEAD"), (2, 2, 2)),
    "HEAD, a loop": (_link("HEAD", "HEAD"), (2, 2, 2)),
    ".git, a text": (_git_file(f"{CANARY}\n"), (2, 2, 2)),
    ".git, a path": (_git_file(f"gitdir: {CANARY}\n"), (2, 2, 2)),
    ".git, a device": (_git_device, (2, 2, 2)),
    "names of files": (_odd_names, (0, 0, 0)),
    "a large file": (_large_file, (2, 2, 2)),
    "an index that is none": (lambda scene: _overwrite(scene, "index"), (2, 2, 2)),
    "grafts that are none": (lambda scene: _overwrite(scene, "info/grafts"), (0, 0, 0)),
}


def _overwrite(scene: Scene, name: str) -> None:
    (scene.root / ".git" / name).write_text("x" * 1000)


# Variables that name a program, a file to write, another repository, or another meaning of paths.
PROGRAM_VARIABLES = ("EXTERNAL_DIFF", "PAGER", "EDITOR", "ASKPASS", "SSH", "SSH_COMMAND", "PROXY_COMMAND", "SEQUENCE_EDITOR")
ENVIRONMENTS: Mapping[str, Callable[[Scene], dict[str, str]]] = {
    "programs": lambda scene: {f"GIT_{name}": str(scene.program) for name in PROGRAM_VARIABLES},
    "traces": lambda scene: {
        f"GIT_TRACE{name}": str(scene.outside / f"trace{name}")
        for name in ("", "2", "2_EVENT", "2_PERF", "_SETUP", "_PACKFILE")
    },
    "another repository": lambda scene: {"GIT_DIR": str(scene.outside), "GIT_WORK_TREE": str(scene.outside)},
    "other objects": lambda scene: {"GIT_OBJECT_DIRECTORY": str(scene.outside)},
    "another index": lambda scene: {"GIT_INDEX_FILE": str(scene.outside / "index")},
    "another shallow file": lambda scene: {"GIT_SHALLOW_FILE": str(scene.secret())},
    "literal paths": lambda scene: {"GIT_LITERAL_PATHSPECS": "1"},
    "other attributes": lambda scene: {"GIT_ATTR_SOURCE": "HEAD"},
    "settings": lambda scene: {
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "core.fsmonitor",
        "GIT_CONFIG_VALUE_0": str(scene.program),
        "GIT_CONFIG_KEY_1": "filter.x.clean",
        "GIT_CONFIG_VALUE_1": str(scene.program),
    },
    "settings of a caller": lambda scene: {
        "GIT_CONFIG_PARAMETERS": f"'core.fsmonitor={scene.program}' 'filter.x.clean={scene.program}'"
    },
    "protocols": lambda scene: {"GIT_ALLOW_PROTOCOL": "ext:ssh:http", "GIT_PROTOCOL_FROM_USER": "1", "GIT_NO_LAZY_FETCH": "0"},
}


@pytest.fixture
def scene(committed: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """A committed repository and what is beside it."""
    history = committed("namespace: tenant-a\nvms: {web: {instanceType: u1.large, image: debian-12, disks: {data: 50Gi}}}\n")
    (tmp_path / "outside").mkdir()
    program = tmp_path / "programs" / "program"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/outside/ran\ncat\n")
    program.chmod(0o755)
    for name in (*HOOKS, "git-remote-x"):
        os.link(program, program.parent / name)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setenv("CANARY", CANARY)
    monkeypatch.setattr("vmgen.plan.git_process._MAX_SECONDS", 10)
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield Scene(history.root, tmp_path / "outside", program, server.getsockname()[1])
        with pytest.raises(BlockingIOError):
            server.accept()


def _list_contents(*folders: Path) -> dict[Path, bytes]:
    """The files of the scene that no command may change."""
    written = {".vmgen", "manifests"}
    return {
        path: path.read_bytes()
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink() and written.isdisjoint(path.relative_to(folder).parts)
    }


def _run(scene: Scene) -> list[int]:
    """Run the commands, and return their exit codes."""
    before, codes = _list_contents(scene.root, scene.outside), []
    for command in COMMANDS:
        done = Repository(scene.root).run(*command)
        codes.append(done.code)
        assert CANARY not in done.messages + done.stdout
        assert "did not end" not in done.messages
    assert _list_contents(scene.root, scene.outside) == before
    return codes


@pytest.mark.skipif(sys.platform != "linux", reason="links, devices and names of files as Linux has them")
@pytest.mark.parametrize("name", REPOSITORIES)
def test_repository(scene: Scene, name: str) -> None:
    """Whatever a repository holds, git runs none of it, and what cannot be read for sure is exit code 2."""
    plant, codes = REPOSITORIES[name]
    plant(scene)
    assert tuple(_run(scene)) == codes


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment(scene: Scene, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of git change neither what is run nor what is read."""
    (scene.root / ".git/info/attributes").write_text("* filter=x\n")
    for variable, value in ENVIRONMENTS[name](scene).items():
        monkeypatch.setenv(variable, value)
    assert _run(scene) == [0, 0, 0]


def test_a_tree_without_end(scene: Scene) -> None:
    """A commit of more names than can be listed is answered."""
    _many_names(scene)
    done = Repository(scene.root).run("plan")
    assert (done.code, done.messages) == (
        2,
        "vmgen: git lists more than 64 MiB of file names, and so the repository is not read\n",
    )


def test_tracked_notes_are_found(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tracked `.vmgen` is refused also where the environment turns the signs in patterns off."""
    (scene.root / ".VMGEN").mkdir()
    (scene.root / ".VMGEN/notes").write_text("x\n")
    scene.git("add", "--force", ".VMGEN")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    assert "[tracked-notes]" in Repository(scene.root).run("render").messages


def test_changes_in_a_submodule_are_found(scene: Scene) -> None:
    """A layer in a submodule affects the environments that it changes: edited, committed there, or of an unknown commit."""
    from vmgen.plan.git import find_repository

    _submodule("environments/layers")(scene)
    repository = find_repository(scene.root)
    assert repository is not None
    inner = scene._replace(root=scene.root / "environments/layers")
    path = inner.root / "file"
    assert path in repository.list_changed_files("HEAD")
    inner.git("-c", "filter.x.process=", "-c", "filter.x.clean=cat", "commit", "--quiet", "--all", "-m", "y")
    assert path in repository.list_changed_files("HEAD")
    path.write_text("one\n")
    assert path not in repository.list_changed_files("HEAD")
    assert path in repository.list_changed_files("HEAD~1")
