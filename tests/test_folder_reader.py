"""Files of folders that stay open are read, and refused, as each file is by itself."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmgen.filesystem import reader
from vmgen.filesystem.reader import FolderReader, list_files, read_source

CANARY = "outside of the repository"
LIMIT = 100
LINKS = {
    "live/beside.yaml": "a.yaml",
    "live/into.yaml": "below/b.yaml",
    "live/out.yaml": "../../outside/secret.yaml",
    "live/git.yaml": "../.git/config",
    "live/loop.yaml": "loop.yaml",
    "live/nowhere.yaml": "nothing.yaml",
    "live/zero.yaml": "/dev/zero",
    "live/folder.yaml": "below",
    "inside": "live/below",
    "outward": "../outside",
    "gitward": ".git",
}
MORE_PATHS = (
    "live/missing.yaml",
    "live/.git",
    "live/below",
    "live/..",
    "live/../..",
    "live/.",
    "live/.GIT",
    "outward/secret.yaml",
    "gitward/config",
    ".git/config",
    "a.yaml",
    "",
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with files, links and a pipe, beside a folder that no file of it may come from."""
    root = tmp_path_factory.mktemp("repository") / "work"
    files = {
        "live/a.yaml": "a",
        "live/below/b.yaml": "b",
        "live/below/.git": "c",
        "live/large.yaml": "x" * (LIMIT + 1),
        "live/empty.yaml": "",
        ".git/config": CANARY,
        "../outside/secret.yaml": CANARY,
    }
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for path, target in LINKS.items():
        (root / path).symlink_to(target)
    if hasattr(os, "mkfifo"):
        os.mkfifo(root / "live/pipe.yaml")
    return root


def describe(read: Callable[[], bytes]) -> tuple[bytes, str | None]:
    """Return the content, or the reason why there is none."""
    try:
        return read(), None
    except OSError as error:
        return b"", error.strerror


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.randoms(use_true_random=False))
def test_a_file_is_read_as_if_alone(repository: Path, random: Any) -> None:
    """In any order, a file has the content that `read_source` gives it, or its reason to refuse it."""
    top = os.path.realpath(repository)
    paths = [f"{repository}/{name}" for name in (*list_files(str(repository)), *LINKS, *MORE_PATHS)]
    random.shuffle(paths)
    with FolderReader(top, LIMIT) as folder_reader:
        outcomes = {path: describe(lambda path=path: folder_reader.read(path)) for path in paths}
    assert outcomes == {path: describe(lambda path=path: read_source(path, top, LIMIT)) for path in paths}
    assert not any(CANARY.encode() in content for content, _ in outcomes.values())


def test_relative_paths_are_read(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path below the current folder has no folder of its own."""
    monkeypatch.chdir(repository / "live")
    with FolderReader(os.path.realpath(repository)) as folder_reader:
        assert [folder_reader.read(path) for path in ("a.yaml", "below/b.yaml", "./a.yaml", "beside.yaml")] == [
            *(b"a", b"b", b"a", b"a")
        ]


@pytest.mark.parametrize("swapped", ["live", "live/a.yaml"])
@pytest.mark.parametrize("swap_at", ["before", "stat", "open"])
def test_a_link_that_takes_a_place_meanwhile_leads_nowhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swapped: str, swap_at: str
) -> None:
    """Whenever a link out of the repository takes the place of a folder or a file, nothing outside is read."""
    outside = tmp_path / "outside"
    for folder in (tmp_path / "work/live", outside):
        folder.mkdir(parents=True)
        for name in ("a.yaml", "b.yaml"):
            (folder / name).write_text(CANARY if folder == outside else "inside")

    def swap() -> None:
        path = tmp_path / "work" / swapped
        if not os.path.lexists(tmp_path / "aside"):
            path.rename(tmp_path / "aside")
            path.symlink_to(outside if swapped == "live" else outside / "a.yaml")

    def swap_first(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *arguments: Any, **keywords: Any) -> Any:
            if path == "a.yaml":
                swap()
            return function(path, *arguments, **keywords)

        return call

    with FolderReader(os.path.realpath(tmp_path / "work")) as folder_reader:
        assert folder_reader.read(f"{tmp_path}/work/live/b.yaml") == b"inside"
        if swap_at == "before":
            swap()
        else:
            function = swap_first(getattr(os, swap_at))
            monkeypatch.setattr(reader.os, swap_at, function)
            monkeypatch.setattr(reader.os, "supports_dir_fd", {*os.supports_dir_fd, function})
        content, reason = describe(lambda: folder_reader.read(f"{tmp_path}/work/live/a.yaml"))
    assert (content == b"inside") == (swapped == "live"), reason
    assert CANARY.encode() not in content


def test_a_folder_is_resolved_once(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path of a folder is resolved for its first file, and the folder is closed in the end."""
    resolved: list[str] = []
    realpath = os.path.realpath
    top = realpath(repository)
    monkeypatch.setattr(reader.os.path, "realpath", lambda path: resolved.append(path) or realpath(path))
    with FolderReader(top) as folder_reader:
        for name in ("a.yaml", "empty.yaml", "a.yaml"):
            folder_reader.read(f"{repository}/live/{name}")
        handle = folder_reader._handle
    assert resolved == [f"{repository}/live/"]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(handle)


def test_without_open_folders_each_file_is_resolved(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file can be opened within an open folder, as on Windows, files are read by their paths."""
    monkeypatch.setattr(reader.os, "supports_dir_fd", set())
    with FolderReader(os.path.realpath(repository)) as folder_reader:
        assert folder_reader.read(f"{repository}/live/a.yaml") == b"a"
        with pytest.raises(OSError, match="leads out of the repository"):
            folder_reader.read(f"{repository}/outward/secret.yaml")
