"""A listing tells a folder from the same one after any change that people make, and from nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.listing import listing, names, newest, saved


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of some files, which are older than the test."""
    root = tmp_path / "folder"
    for name in ("a.yaml", "below/b.yaml", "below/deeper/c.yaml", ".hidden"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("some text")
        os.utime(path, (1_000_000_000, 1_000_000_000))
    (root / "empty").mkdir()
    return root


def replaced(folder: Path) -> None:
    """Put another file with the same text, size and time in the place of one."""
    beside = folder / "beside"
    shutil.copy2(folder / "a.yaml", beside)
    beside.replace(folder / "a.yaml")


def linked(folder: Path) -> None:
    """Put a link to the same text in the place of a file."""
    (folder / "a.yaml").rename(folder.parent / "a.yaml")
    (folder / "a.yaml").symlink_to(folder.parent / "a.yaml")


def grown(folder: Path) -> None:
    """Put more text into a file, and give it back its time."""
    (folder / "a.yaml").write_text("some more text")
    os.utime(folder / "a.yaml", (1_000_000_000, 1_000_000_000))


CHANGES: dict[str, Callable[[Path], object]] = {
    "a new file": lambda folder: (folder / "new").write_text(""),
    "a new file below": lambda folder: (folder / "empty/new").write_text(""),
    "a file less": lambda folder: (folder / "a.yaml").unlink(),
    "a file less below": lambda folder: (folder / "below/deeper/c.yaml").unlink(),
    "another name": lambda folder: (folder / "a.yaml").rename(folder / "b.yaml"),
    "another folder": lambda folder: (folder / "a.yaml").rename(folder / "empty/a.yaml"),
    "another name of a folder": lambda folder: (folder / "below").rename(folder / "beneath"),
    "another size": lambda folder: (folder / "a.yaml").write_text("some more text"),
    "another size at the same time": grown,
    "the same size": lambda folder: (folder / "a.yaml").write_text("some TEXT"),
    "the same size below": lambda folder: (folder / "below/deeper/c.yaml").write_text("some TEXT"),
    "the same text anew": lambda folder: (folder / "a.yaml").write_text("some text"),
    "another file of the same text and time": replaced,
    "a link to the same text": linked,
    "a new folder": lambda folder: (folder / "new").mkdir(),
    "a folder less": lambda folder: (folder / "empty").rmdir(),
    "a file for a folder": lambda folder: ((folder / "empty").rmdir(), (folder / "empty").write_text("")),
    "all gone": lambda folder: folder.rename(folder.parent / "elsewhere"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_shows(folder: Path, change: Callable[[Path], object]) -> None:
    """What was created, deleted, moved, written or replaced makes another listing."""
    before = listing(str(folder))
    change(folder)
    assert listing(str(folder)) != before


NO_CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda folder: None,
    "reading": lambda folder: (folder / "a.yaml").read_text(),
    "a file that came and went": lambda folder: ((folder / "new").write_text(""), (folder / "new").unlink()),
    "a name and the same again": lambda folder: (folder / "a.yaml").rename(folder / "b").rename(folder / "a.yaml"),
    "another place": lambda folder: folder.rename(folder.parent / "moved").rename(folder),
    "compiled Python": lambda folder: ((folder / "__pycache__").mkdir(), (folder / "__pycache__/a.pyc").write_text("")),
    "compiled Python below": lambda folder: ((folder / "below/__pycache__").mkdir(), None),
    "a file beside": lambda folder: (folder.parent / "beside").write_text(""),
}


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES)
def test_nothing_else_shows(folder: Path, change: Callable[[Path], object]) -> None:
    """A folder that holds the same files, untouched, has the same listing."""
    before = listing(str(folder))
    change(folder)
    assert listing(str(folder)) == before


def test_the_order_is_that_of_the_paths(folder: Path) -> None:
    """The system's own order of a folder's entries shows nowhere."""
    found = listing(str(folder))
    assert [line.split(" ")[0] for line in found] == [
        *("/.hidden", "/a.yaml", "/below", "/below/b.yaml", "/below/deeper", "/below/deeper/c.yaml", "/empty")
    ]


def test_a_moved_folder_has_the_same_listing(folder: Path) -> None:
    """Where a folder lies is not in its listing."""
    before = listing(str(folder))
    moved = folder.rename(folder.parent / "moved")
    assert listing(str(moved)) == before


@pytest.mark.parametrize("name", ["nowhere", "a.yaml", "a.yaml/below"])
def test_what_is_no_folder_has_an_empty_listing(folder: Path, name: str) -> None:
    """What is not there, or is a file, lists nothing and raises nothing."""
    assert listing(str(folder / name)) == []


def test_a_circle_of_links_ends(folder: Path) -> None:
    """A link to a folder above is a name, and is not followed."""
    (folder / "below/up").symlink_to(folder)
    assert [line.split(" ")[0] for line in listing(str(folder)) if "up" in line] == ["/below/up"]


def test_names_are_the_paths_of_the_files(folder: Path) -> None:
    """Each file by its path from the folder on, sorted, hidden ones too, and no folders."""
    assert names(str(folder)) == ["/.hidden", "/a.yaml", "/below/b.yaml", "/below/deeper/c.yaml"]


def test_there_are_no_names_where_nothing_is(folder: Path) -> None:
    """What is not there has no files."""
    assert names(str(folder / "nowhere")) == []


# ---- what links lead to


@pytest.fixture
def shared(folder: Path) -> Path:
    """A folder beside, to which the folder `linked` of the first one leads, and of which `a-link` is a file."""
    other = folder.parent / "shared"
    other.mkdir()
    (other / "d.yaml").write_text("some text")
    os.utime(other / "d.yaml", (1_000_000_000, 1_000_000_000))
    (folder / "linked").symlink_to(other)
    (folder / "a-link").symlink_to(other / "d.yaml")
    return other


@pytest.mark.parametrize("links", [False, True])
def test_what_a_link_leads_to_shows_where_that_is_asked_for(folder: Path, shared: Path, links: bool) -> None:
    """An edit behind a link is a change of what the folder holds, and none of what lies in it."""
    before = listing(str(folder), links=links)
    (shared / "d.yaml").write_text("some TEXT")
    assert (listing(str(folder), links=links) != before) is links


def test_links_are_listed_as_what_they_lead_to(folder: Path, shared: Path) -> None:
    """A linked folder is a folder, and what lies in it is listed below its own name."""
    found = [line.split(" ")[0] for line in listing(str(folder), links=True)]
    assert [path for path in found if "link" in path] == ["/a-link", "/linked", "/linked/d.yaml"]


def test_a_circle_that_is_followed_ends(folder: Path) -> None:
    """A link to a folder above is listed, and not once more what lies in it."""
    (folder / "below/up").symlink_to(folder)
    assert len(listing(str(folder), links=True)) == len(listing(str(folder)))


def test_a_link_to_nowhere_does_not_end_a_listing(folder: Path) -> None:
    """What is beside a link that leads nowhere, as an editor's lock is one, is listed all the same."""
    beside = {line.split(" ")[0] for line in listing(str(folder))}
    (folder / "below/nowhere").symlink_to(folder / "not there")
    assert beside <= {line.split(" ")[0] for line in listing(str(folder), links=True)}


@pytest.mark.parametrize("change", ["saved", "moved in", "linked"])
def test_the_time_of_a_save_cannot_be_set_back(folder: Path, change: str) -> None:
    """A file that is written, moved or linked into its place is new, whatever time it bears."""
    before = saved(str(folder / "below/b.yaml"))
    path = folder / "a.yaml"
    if change == "saved":
        path.write_text("some TEXT")
        os.utime(path, (1_000_000_000, 1_000_000_000))
    elif change == "moved in":
        replaced(folder)
    else:
        linked(folder)
    assert saved(str(path)) >= before


def test_what_is_not_there_was_never_saved(folder: Path) -> None:
    """The time of no file is 0."""
    assert saved(str(folder / "nowhere")) == 0


def test_the_newest_file(folder: Path) -> None:
    """The newest is the one that was saved last, wherever it lies; where there is none, it is 0."""
    (folder / "below/deeper/c.yaml").write_text("some TEXT")
    assert newest(str(folder)) == max(saved(str(folder / name[1:])) for name in names(str(folder)))
    assert newest(str(folder / "empty")) == 0
