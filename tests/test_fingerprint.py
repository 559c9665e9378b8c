"""Digests change with every content, name and place of a file, and with nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.fingerprint import combine_digests, compute_digest, digest_content, digest_file, digest_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a folder of some files."""
    root = tmp_path / "folder"
    for name in ("a.yaml", "below/b.yaml", "below/deeper/c.yaml", ".hidden"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("some text")
    (root / "empty").mkdir()
    return root


def link_file(folder: Path) -> None:
    """Put a link to the same text in the place of a file."""
    (folder / "a.yaml").rename(folder.parent / "a.yaml")
    (folder / "a.yaml").symlink_to(folder.parent / "a.yaml")


def edit_secretly(folder: Path) -> None:
    """Edit a file so that its size, times and inode are those of before."""
    path = folder / "below/b.yaml"
    status = path.stat()
    with path.open("r+") as stream:
        stream.write("some TEXT")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a new file": lambda folder: (folder / "new").write_text(""),
    "a new file below": lambda folder: (folder / "empty/new").write_text(""),
    "a file less": lambda folder: (folder / "below/deeper/c.yaml").unlink(),
    "another name": lambda folder: (folder / "a.yaml").rename(folder / "b.yaml"),
    "another folder": lambda folder: (folder / "a.yaml").rename(folder / "empty/a.yaml"),
    "another name of a folder": lambda folder: (folder / "below").rename(folder / "beneath"),
    "another text": lambda folder: (folder / "a.yaml").write_text("some more text"),
    "another text at the same time": edit_secretly,
    "a link to the same text": link_file,
    "a link to a folder": lambda folder: (folder / "linked").symlink_to(folder / "empty"),
    "all gone": lambda folder: folder.rename(folder.parent / "elsewhere"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_shows(folder: Path, change: Callable[[Path], object]) -> None:
    """What was created, deleted, moved, edited or linked makes another digest."""
    before = combine_digests(digest_folder(str(folder)))
    change(folder)
    assert combine_digests(digest_folder(str(folder))) != before


NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "the same text anew": lambda folder: (folder / "a.yaml").write_text("some text"),
    "another time": lambda folder: os.utime(folder / "a.yaml", (1, 1)),
    "an empty folder": lambda folder: (folder / "new").mkdir(),
    "compiled Python": lambda folder: ((folder / "__pycache__").mkdir(), (folder / "__pycache__/a.pyc").write_text("")),
    "a file beside": lambda folder: (folder.parent / "beside").write_text(""),
}


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_nothing_else_shows(folder: Path, change: Callable[[Path], object]) -> None:
    """Whatever leaves the same files with the same texts leaves the same digests."""
    before = digest_folder(str(folder))
    change(folder)
    assert digest_folder(str(folder)) == before


def test_a_folder_can_move(folder: Path) -> None:
    """Digests do not depend on where a folder is."""
    before = digest_folder(str(folder))
    assert digest_folder(str(folder.rename(folder.parent / "moved"))) == before


def test_files_by_path(folder: Path) -> None:
    """Each file counts by its path from the folder, with its own digest."""
    digests = digest_folder(str(folder))
    assert sorted(digests) == [".hidden", "a.yaml", "below/b.yaml", "below/deeper/c.yaml"]
    assert digests["a.yaml"] == digest_file(str(folder / "a.yaml")) == digest_content(b"some text")


@pytest.mark.parametrize("name", ["nowhere", "a.yaml", "a.yaml/below"])
def test_no_folder(folder: Path, name: str) -> None:
    """What does not exist or is a file has no files."""
    assert digest_folder(str(folder / name)) == {}


@pytest.mark.parametrize("name", ["nowhere", "empty", "a.yaml/below", "\0"])
def test_no_file(folder: Path, name: str) -> None:
    """What does not exist or is a folder has the empty digest."""
    assert digest_file(f"{folder}/{name}") == ""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_not_opened(folder: Path) -> None:
    """A pipe counts, and is not waited for."""
    os.mkfifo(folder / "pipe")
    assert "pipe" in digest_folder(str(folder))


@pytest.mark.parametrize("top", ["", ".", ".."])
def test_links_are_followed_inside_of_a_folder(folder: Path, top: str) -> None:
    """An edit behind a link shows if links are followed that far, and does not otherwise."""
    top = os.path.realpath(folder / top) if top else ""
    target = folder.parent / "shared"
    target.mkdir()
    (target / "d.yaml").write_text("some text")
    (folder / "linked").symlink_to(target)
    (folder / "a-link").symlink_to(target / "d.yaml")
    before = digest_folder(str(folder), top)
    (target / "d.yaml").write_text("some TEXT")
    after = digest_folder(str(folder), top)
    is_followed = top == os.path.realpath(folder.parent)
    assert {path for path in before if before[path] != after[path]} == ({"a-link", "linked/d.yaml"} if is_followed else set())


def test_a_circle_of_links_ends(folder: Path) -> None:
    """A link to a folder above adds no file, and a link to nowhere counts as a file."""
    top = os.path.realpath(folder)
    before = digest_folder(str(folder), top)
    (folder / "below/up").symlink_to(folder)
    (folder / "below/nowhere").symlink_to(folder / "not there")
    assert digest_folder(str(folder), top).keys() - before.keys() == {"below/nowhere"}


def test_where_a_part_ends_counts() -> None:
    """The same text in other parts has another digest."""
    assert len({compute_digest(parts) for parts in (["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""])}) == 4


def test_the_order_of_files_does_not_count() -> None:
    """Files have one digest in whatever order they are listed."""
    assert combine_digests({"a": "1", "b": "2"}) == combine_digests({"b": "2", "a": "1"})
