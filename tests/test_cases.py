"""Whole trees: `cases/<name>/environments/` in, and out either `expected/`, with `warnings.txt`, or `problems.txt`.

`pytest --accept` rewrites what is expected with what comes out. Look at every line of the difference before it is committed.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

CASES = Path(__file__).parent / "cases"


def _names() -> list[str]:
    return sorted(path.name for path in CASES.iterdir() if (path / "environments").is_dir())


@pytest.fixture
def case(repository: Callable) -> Callable:
    """Copies a case into a repository of its own."""

    def copied(name: str):
        made = repository()
        for folder in ("environments", "templates"):
            if (CASES / name / folder).is_dir():
                shutil.copytree(CASES / name / folder, made.root / folder, dirs_exist_ok=True)
        return made

    return copied


def _files(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in sorted(folder.rglob("*")) if path.is_file()}


def _text(path: Path) -> str:
    return path.read_text() if path.is_file() else ""


def _accepted(case: Path, root: Path, code: int, problems: str) -> None:
    shutil.rmtree(case / "expected", ignore_errors=True)
    for name in ("warnings.txt", "problems.txt"):
        (case / name).unlink(missing_ok=True)
    if code:
        (case / "problems.txt").write_text(problems)
        return
    shutil.copytree(root / "manifests", case / "expected")
    if problems:
        (case / "warnings.txt").write_text(problems)


@pytest.mark.parametrize("name", _names())
def test_case(name: str, case: Callable, accept: bool) -> None:
    """The tree, or the messages, are to the byte what was accepted; where there are errors, nothing is written."""
    repository = case(name)
    done = repository.run("render")
    problems = "".join(f"{line}\n" for line in done.problems)
    if accept:
        _accepted(CASES / name, repository.root, done.code, problems)
    refused = (CASES / name / "problems.txt").is_file()
    assert done.output == b""
    assert problems == _text(CASES / name / ("problems.txt" if refused else "warnings.txt"))
    if refused:
        assert done.code == 1
        assert [line for line in done.messages.splitlines() if line not in done.advice] == [
            *done.problems,
            "Nothing was written.",
        ]
        assert not (repository.root / "manifests").exists()
    else:
        assert done.code == 0
        assert _files(repository.root / "manifests") == _files(CASES / name / "expected")


@pytest.mark.parametrize("name", [name for name in _names() if (CASES / name / "expected").is_dir()])
def test_case_is_in_order(name: str, case: Callable, engine: list[str]) -> None:
    """What was accepted passes `check`, the kustomize engine included, and a second render changes nothing."""
    repository = case(name)
    shutil.copytree(CASES / name / "expected", repository.root / "manifests")
    checked = repository.run("check")
    assert [line for line in checked.problems if ": error: " in line] == []
    assert checked.code == 0
    assert repository.run("render", "--check").code == 0
