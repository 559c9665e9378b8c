"""`vmgen init`: what it makes renders, checks and plans, is free of lint, and never lies over a file of somebody's."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer

import pytest

from vmgen.write.starter import StarterOptions, render_starter

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@shop\n"
LINES = "{extends: default, rules: {line-length: {max: 128}, document-start: disable, truthy: {check-keys: false}}}"
OPTIONS = {
    "least": [],
    "everything": ["--owners", "@acme/data", "--ssh-key", "../ops.pub", "--argocd", "https://git.example.com/shop.git"],
    "flux on cozystack": ["--platform", "cozystack", "--flux", "vms", "--ci", "gitlab"],
    "no pipeline": ["--ci", "none"],
}


@pytest.fixture(name="made", params=OPTIONS)
def _made(request: pytest.FixtureRequest, tmp_path: Path, vmgen: Callable) -> Path:
    """A repository made by `vmgen init`, and rendered."""
    (tmp_path / "ops.pub").write_text(KEY, encoding="utf-8")
    options = [option.replace("..", str(tmp_path)) for option in OPTIONS[request.param]]
    folder = tmp_path / "shop"
    done = vmgen("init", str(folder), "--namespace", "tenant-shop", *options)
    assert done.code == 0, done.messages
    assert vmgen("-C", str(folder), "render").code == 0
    return folder


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, as somebody."""
    who = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def test_in_a_fresh_folder(made: Path, vmgen: Callable) -> None:
    """What init makes is a Git repository that renders, checks and plans at once."""
    assert (made / ".git").is_dir()
    assert vmgen("-C", str(made), "check", "--kustomize", "off").code == 0
    planned = vmgen("-C", str(made), "plan")
    assert (planned.code, "Plan: 6 to create, 0 to update, 0 to delete, 0 destroy data." in planned.stdout) == (0, True)


def test_in_a_git_repository(made: Path, vmgen: Callable, engine: list[str]) -> None:
    """In Git, the first plan creates everything, and once it is committed the gate is quiet."""
    git(made, "init", "--quiet")
    assert "Plan: 6 to create" in vmgen("-C", str(made), "plan").stdout
    git(made, "add", ".")
    git(made, "commit", "--quiet", "--message", "first")
    assert vmgen("-C", str(made), "check", "--against", "HEAD").code == 0
    assert subprocess.run(["git", "status", "--porcelain"], cwd=made, capture_output=True, check=True).stdout == b""


def test_yaml_without_lint(made: Path) -> None:
    """yamllint finds nothing in what init wrote."""
    written = (path for path in of(made, ".yaml", ".yml") if not {"manifests", "delivery"} & set(path.parts))
    lint(["yamllint", "--strict", "--config-data", LINES, *map(str, written)])


def test_pipelines_have_their_schema(made: Path) -> None:
    """The workflow and the pipeline have the shapes that GitHub and GitLab publish."""
    for name, schema in ((".github/workflows/vmgen.yaml", "vendor.github-workflows"), (".gitlab-ci.yml", "vendor.gitlab-ci")):
        if (made / name).exists():
            lint(["check_jsonschema", "--builtin-schema", schema, str(made / name)])


def test_environments_have_their_schema(made: Path) -> None:
    """The environments agree with the schema that lies beside them, as an editor checks it."""
    files = map(str, (made / "environments").glob("*.yaml"))
    lint(["check_jsonschema", "--schemafile", str(made / "schema" / "environment.values.schema.json"), *files])


def test_settings_of_the_editor(made: Path) -> None:
    """VS Code checks the environments with the schema that lies beside them, by an extension that is recommended."""
    settings, extensions = (json.loads((made / ".vscode" / name).read_bytes()) for name in ("settings.json", "extensions.json"))
    [(schema, pattern)] = settings["yaml.schemas"].items()
    assert (made / schema).is_file()
    assert {path.name for path in made.glob(pattern)} == {"_defaults.yaml", "production.yaml"}
    assert extensions == {"recommendations": ["redhat.vscode-yaml"]}


def test_makefile(made: Path) -> None:
    """The Makefile parses, and its help names its targets."""
    # The tests may run under a make of their own, which tells its children more than they want to know.
    apart = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make"], cwd=made, capture_output=True, text=True, check=True, env=apart)
    assert [line.split()[1] for line in done.stdout.splitlines()] == ["help", "render", "plan", "check", "list"]


def test_owners(tmp_path: Path, vmgen: Callable) -> None:
    """CODEOWNERS gives the disks of every environment to whom --owners names, and waits in a comment without it."""
    for folder, options, line in (
        ("a", ["--owners", "@acme/data @kim"], "/manifests/*/disks/ @acme/data @kim"),
        ("b", [], "# "),
    ):
        assert vmgen("init", str(tmp_path / folder), "--namespace", "tenant-a", *options).code == 0
        assert (tmp_path / folder / "CODEOWNERS").read_text(encoding="utf-8").splitlines()[-1].startswith(line)


def test_never_overwrites(tmp_path: Path, vmgen: Callable) -> None:
    """What is there stays, byte for byte, and is named; no environment is added to those that there are."""
    mine = {"README.md": "mine", "environments/base.yaml": "namespace: tenant-a\n", ".gitignore": ""}
    for name, text in mine.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "Makefile").symlink_to("nowhere")
    done = vmgen("init", str(tmp_path), "--namespace", "tenant-shop")
    assert done.code == 0
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in mine} == mine
    assert (tmp_path / "Makefile").is_symlink()
    assert [path.name for path in (tmp_path / "environments").iterdir()] == ["base.yaml"]
    kept = {line.split()[1].rstrip(",") for line in done.messages.splitlines() if line.startswith("skipped ")}
    assert kept == {"README.md", ".gitignore", "Makefile", "environments/_defaults.yaml", "environments/production.yaml"}


def test_twice(tmp_path: Path, vmgen: Callable) -> None:
    """A second init does nothing, and says so."""
    arguments = ("init", str(tmp_path), "--namespace", "tenant-shop")
    vmgen(*arguments)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    done = vmgen(*arguments)
    assert (done.code, done.messages.splitlines()[-1]) == (0, "Nothing to do: all files already exist.")
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


REFUSED = {
    "no namespace": ([], "--namespace is required"),
    "a namespace of no tenant": (["--namespace", "shop"], "'shop' is not a tenant namespace such as tenant-acme"),
    "no such platform": (["--namespace", "tenant-a", "--platform", "hikub"], "no platform 'hikub'; did you mean 'hikube'?"),
    "no such key file": (["--namespace", "tenant-a", "--ssh-key", "nowhere.pub"], "nowhere.pub cannot be read: No such file"),
    "a private key": (["--namespace", "tenant-a", "--ssh-key", "private"], "the key is a private key"),
    "no owner": (["--namespace", "tenant-a", "--owners", "data owners"], "'data owners' is not an owner"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, tmp_path: Path, vmgen: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is no good is a usage error, and nothing is made."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "private").write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n", encoding="utf-8")
    options, said = REFUSED[case]
    done = vmgen("init", "new", *options)
    assert (done.code, said in done.messages) == (2, True), done.messages
    assert not (tmp_path / "new").exists()
    assert "b3BlbnNz" not in done.messages


def test_into_a_file(tmp_path: Path, vmgen: Callable) -> None:
    """A file in the place of the folder is an error, not a traceback."""
    (tmp_path / "shop").write_text("", encoding="utf-8")
    done = vmgen("init", str(tmp_path / "shop"), "--namespace", "tenant-shop")
    assert (done.code, done.messages) == (2, f"vmgen: {tmp_path / 'shop'} is a file; name a folder for the repository\n")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_asks_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal it asks, asks again after an answer that is no good, and takes Enter for what it offers."""
    answers = "acme\ntenant-acme\n\n3\n2\nnone\n@acme/data\ngithub\n"
    code, said = on_a_terminal(tmp_path, answers, "init", "shop")
    assert (code, "'acme' is not a tenant namespace" in said) == (0, True), said
    assert "namespace: tenant-acme" in (tmp_path / "shop" / "environments" / "production.yaml").read_text(encoding="utf-8")
    assert not (tmp_path / "shop" / ".gitlab-ci.yml").exists()
    assert "Hikube 3 is newer than every version" in said
    defaults = (tmp_path / "shop" / "environments" / "_defaults.yaml").read_text(encoding="utf-8")
    assert 'platformVersion: "2"' in defaults


def test_two_sync_tools_are_refused(tmp_path: Path, vmgen: Callable) -> None:
    """Argo CD and Flux that apply the same objects undo each other's work."""
    done = vmgen("init", str(tmp_path / "a"), "--namespace", "tenant-a", "--argocd", "https://x.example/y.git", "--flux", "vms")
    assert (done.code, "write --argocd or --flux, not both" in done.messages, (tmp_path / "a").exists()) == (2, True, False)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_leaving_the_questions(tmp_path: Path) -> None:
    """Ctrl-C at a question ends it with 130, and nothing was made."""
    code, said = on_a_terminal(tmp_path, "\x03", "init", "shop")
    assert (code, "Traceback" in said, (tmp_path / "shop").exists()) == (130, False, False)


def test_each_file_of_the_starter_is_used(tmp_path: Path) -> None:
    """No file lies in the starter that is written nowhere, and the answers of one do not leak into another."""
    everything = render_starter(
        StarterOptions("tenant-a", keys=KEY, argocd="https://git.example.com/a.git", flux="vms"), tmp_path
    )
    assert len(everything) == len(list(starter_files())) + 2  # the schema, and the keys
    assert not [path for path, text in everything.items() if "$namespace" in text or not text.endswith("\n")]


def starter_files() -> Iterator[Path]:
    """The files that travel in the package."""
    from vmgen.write.starter import STARTER_FOLDER

    yield from (path for path in STARTER_FOLDER.rglob("*") if path.is_file())


def of(folder: Path, *suffixes: str) -> list[Path]:
    """The files below a folder with some endings, but for what Git holds."""
    found = (path for path in folder.rglob("*") if path.suffix in suffixes and ".git" not in path.parts)
    return sorted(path for path in found if path.is_file())


def lint(command: list[str]) -> None:
    """Run a module that finds fault; it may not."""
    done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def on_a_terminal(folder: Path, typed: str, *arguments: str) -> tuple[int, str]:
    """Run vmgen on a pseudo-terminal, type, and return its exit code and the screen."""
    main, side = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "generator"), "HOME": str(folder)}
    command = [sys.executable, "-m", "vmgen", *arguments]
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=side, stdout=side, stderr=side, start_new_session=True,
        preexec_fn=_take_terminal,
    )  # fmt: skip
    os.close(side)
    watchdog = Timer(60, process.kill)  # a question that nobody answers must not hold up a whole run
    watchdog.start()
    screen = os.read(main, 4096)  # it asks, so it is up
    time.sleep(0.3)  # Python shows a question a moment before it waits, and loses a Ctrl-C between the two
    os.write(main, typed.encode())
    try:
        while part := os.read(main, 4096):
            screen += part
    except OSError:  # the other side is closed
        pass
    os.close(main)
    watchdog.cancel()
    return process.wait(timeout=60), screen.decode()


def _take_terminal() -> None:
    import fcntl
    import termios

    # A run in the background of a shell hands down that Ctrl-C is ignored; on a terminal it is not.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
