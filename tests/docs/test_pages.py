"""README.md and docs/ are true: each fenced block is run or compared, in the order of the page.

Each page has a scratch repository of its own: a git repository with an empty `environments/`. What the words after a
block's fence mean, where several stand in one they are separated by blanks:

    ```yaml environment     an environment: written to environments/production.yaml, and it renders without a problem but advice
    ```yaml layer           a part of an environment: every key and value has the right shape
    ```text tree            the tree below manifests/production/ that the environment above makes
    ```text problem         exactly what is said of the environment above, but advice; `with=s/u1.large/u1.larg/` puts a mistake
                            in
    ```console              lines with `$ ` are run; where output is shown under one, it is the output. A line of `...`
                            stands for any lines. A command that shows no output has to succeed.
    ```sh                   each line is run, and has to succeed
    ```python               is run
    ```yaml, ```json        is of that language
    ```text                 a drawing, or words of another program: nothing is done with it
    file=PATH               beside any language: the block is written to that file of the scratch repository
    env=NAME                beside environment, tree, problem: environments/NAME.yaml in the place of production

Hidden from readers, `<!-- run` … `-->` runs the lines between, and `<!-- example -->` puts this project's own environments
and manifests into the scratch repository, committed. Commands of programs in ELSEWHERE are left out.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.conftest import is_advice
from vmgen.read.layer_file import LayerLoader
from vmgen.read.repository import Project

CHECKOUT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *(f"docs/{path.name}" for path in sorted((CHECKOUT / "docs").glob("*.md"))),
)
# What needs a cluster, the network, or minutes.
ELSEWHERE = frozenset(
    ".ci/run make pipx uvx uv pip brew kubectl flux argocd helm sops age-keygen docker virtctl npm kubeconform".split()
)
LANGUAGES = frozenset("yaml json text console sh python jinja dockerfile diff toml".split())
_FENCE = re.compile(
    r"^(?P<indent> *)(?P<fence>```+)(?P<info>[^`\n]*)\n(?P<text>.*?)^(?P=indent)(?P=fence) *$", re.MULTILINE | re.DOTALL
)
_HIDDEN = re.compile(r"^<!-- (?P<word>run|example)(?P<text>.*?)-->$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block, or a hidden one: its line in the page, its language, the words after it, and its text."""

    line: int
    language: str
    words: tuple[str, ...]
    text: str

    def option(self, name: str) -> str:
        """The value of `name=value` among the words, or nothing."""
        return next((word.partition("=")[2] for word in self.words if word.startswith(f"{name}=")), "")


def blocks(page: str) -> list[Block]:
    """The blocks of a page, in order."""
    text = (CHECKOUT / page).read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        language, *words = match["info"].split() or [""]
        body = re.sub(rf"^{match['indent']}", "", match["text"], flags=re.MULTILINE)
        found.append(Block(text.count("\n", 0, match.start()) + 1, language, tuple(words), body))
    for match in _HIDDEN.finditer(text):
        found.append(Block(text.count("\n", 0, match.start()) + 1, match["word"], (), match["text"].strip("\n")))
    return sorted(found, key=lambda block: block.line)


@pytest.mark.parametrize("page", PAGES)
def test_page(page: str, scratch: Scratch) -> None:
    """What the page shows is what happens."""
    for block in blocks(page):
        try:
            scratch.take(block)
        except AssertionError as error:
            raise AssertionError(f"{page}:{block.line}: {error}") from None


@pytest.mark.parametrize("page", PAGES)
def test_links(page: str) -> None:
    """A link to a file, or to a heading of a page, leads somewhere."""
    text = re.sub(_FENCE, "", (CHECKOUT / page).read_text(encoding="utf-8"))
    dead = []
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        path = (CHECKOUT / page).parent / file if file else CHECKOUT / page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            dead.append(target)
    assert dead == []


def anchors(text: str) -> set[str]:
    """The anchors that the headings of a page have."""
    headings = re.findall(r"^#+ (.+)$", re.sub(_FENCE, "", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@dataclass
class Scratch:
    """The scratch repository of one page, and the environment that was last written in it."""

    root: Path
    run_here: Callable
    name: str = "production"

    def take(self, block: Block) -> None:
        """Do with a block what its words say. AssertionError where it is not true."""
        assert block.language in LANGUAGES or block.language in ("run", "example"), f"no such language: {block.language!r}"
        if block.option("file"):
            self.write(block.option("file"), block.text)
        kind = next((word for word in block.words if "=" not in word), "")
        getattr(self, f"_{kind or block.language}", lambda _: None)(block)

    def write(self, path: str, text: str) -> None:
        """Write a file of the scratch repository."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def _environment(self, block: Block) -> None:
        self.name = block.option("env") or "production"
        self.write(f"environments/{self.name}.yaml", block.text)
        assert self._problems() == ""

    def _problems(self) -> str:
        messages = self.run_here("-C", str(self.root), "render", "--stdout", self.name).messages
        return "".join(line for line in messages.splitlines(keepends=True) if not is_advice(line.rstrip("\n")))

    def _layer(self, block: Block) -> None:
        files = LayerLoader(Project(self.root))
        path = self.root / "environments" / "_page.yaml"
        files.override_text(path, block.text.encode())
        assert files.load(path).problems == ()

    def _tree(self, block: Block) -> None:
        environment = block.option("env") or self.name
        done = self.run_here("-C", str(self.root), "render", environment)
        assert done.code == 0, done.messages
        folder = self.root / "manifests" / environment
        paths = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        same(block.text, "".join(f"{path}\n" for path in sorted(paths, key=_as_listed)))

    def _problem(self, block: Block) -> None:
        path = self.root / "environments" / f"{self.name}.yaml"
        right = path.read_text(encoding="utf-8")
        change = block.option("with")
        if change:
            _, old, new, _ = change.split("/")
            assert old in right, f"the environment above has no {old}"
            path.write_text(right.replace(old, new, 1), encoding="utf-8")
        same(block.text, self._problems())
        path.write_text(right, encoding="utf-8")

    def _yaml(self, block: Block) -> None:
        list(yaml.compose_all(block.text))

    def _json(self, block: Block) -> None:
        json.loads(block.text)

    def _python(self, block: Block) -> None:
        done = subprocess.run(
            [sys.executable, "-c", block.text], cwd=self.root, env=self._env(), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr

    def _sh(self, block: Block) -> None:
        for command in block.text.replace("\\\n", " ").splitlines():
            if command.strip() and not command.startswith("#"):
                self._succeeds(command)

    _run = _sh

    def _example(self, block: Block) -> None:
        for folder in ("environments", "manifests", "delivery"):
            if (CHECKOUT / folder).is_dir():
                shutil.copytree(CHECKOUT / folder, self.root / folder, dirs_exist_ok=True)
        self._succeeds("git add . && git commit --quiet --message example")

    def _console(self, block: Block) -> None:
        for command, output in commands(block.text):
            if _elsewhere(command):
                continue
            if output:
                same(output, self._output(command)[1])
            else:
                self._succeeds(command)

    def _succeeds(self, command: str) -> None:
        if not _elsewhere(command):
            code, output = self._output(command)
            assert code == 0, f"{command}\n{output}"

    def _output(self, command: str) -> tuple[int, str]:
        done = subprocess.run(
            ["bash", "-c", command], cwd=self.root, env=self._env(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        return done.returncode, done.stdout

    def _env(self) -> dict[str, str]:
        python_path = os.pathsep.join(filter(None, (str(CHECKOUT / "generator"), os.environ.get("PYTHONPATH", ""))))
        path = os.pathsep.join((str(self.root.parent / "bin"), os.environ["PATH"]))
        names = {f"GIT_{who}_{what}": "writer@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        return {**os.environ, **names, "PYTHONPATH": python_path, "PATH": path, "HOME": str(self.root.parent), "COLUMNS": "100"}


@pytest.fixture(name="scratch")
def _scratch(tmp_path: Path, vmgen: Callable) -> Scratch:
    """A git repository with an empty `environments/`, and a `vmgen` on PATH that is this checkout."""
    root = tmp_path / "repository"
    (root / "environments").mkdir(parents=True)
    subprocess.run(["git", "init", "--quiet", "--initial-branch", "main", str(root)], check=True)
    command = tmp_path / "bin" / "vmgen"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m vmgen "$@"\n', encoding="utf-8")
    command.chmod(0o755)
    return Scratch(root, vmgen)


def commands(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a console, each with the output that is shown under it. A `\\` continues a command on the next line."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, output = part.replace("\\\n", "").partition("\n")
        yield command, output


def _elsewhere(command: str) -> bool:
    words = [part.split() for part in re.split(r"\|\|?|&&|;", command)]
    return any(part and part[0] in ELSEWHERE for part in words)


def same(shown: str, got: str) -> None:
    """What a page shows is what came out; a line of `...` stands for any lines."""
    pattern = "".join("(?:.*\n)*?" if line.strip() == "..." else re.escape(f"{line.rstrip()}\n") for line in shown.splitlines())
    came = "".join(f"{line.rstrip()}\n" for line in got.splitlines())
    if not re.fullmatch(pattern, came):
        raise AssertionError(
            "\n" + "\n".join(difflib.unified_diff(shown.splitlines(), came.splitlines(), "page", "run", lineterm=""))
        )


def _as_listed(path: str) -> tuple[object, ...]:
    """Files of a folder before its folders, as the pages list them."""
    *folders, name = path.split("/")
    return (*((1, folder) for folder in folders), (0, name))
