"""The order in which changes are carried out: at no moment does a kustomization.yaml list what is not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from vmgen.filesystem.writer import TreeWriter
from vmgen.plan.diff import FileChanges
from vmgen.read.repository import Project
from vmgen.write.files import write_changes

LISTS = ("production/kustomization.yaml", "production/vms/kustomization.yaml", "production/vms/web/kustomization.yaml")
MANIFESTS = ("production/vms/web/web-1.yaml", "production/vms/web/web-2.yaml")


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is removed, in that order; a folder ends in a slash."""
    names: list[str] = []
    remove, remove_folder = TreeWriter.remove, os.rmdir

    def record(writer: TreeWriter, path: str) -> None:
        names.append(path.removeprefix("manifests/"))
        remove(writer, path)

    def record_folder(name: str, **options: int) -> None:
        remove_folder(name, **options)
        names.append(f"{name}/")

    monkeypatch.setattr(TreeWriter, "remove", record)
    monkeypatch.setattr(os, "rmdir", record_folder)
    return names


def test_lists_go_before_what_they_name_and_folders_last(tmp_path: Path, removed: list[str]) -> None:
    """Each kustomization.yaml goes from the highest down, then the manifests, then the folders from the deepest up."""
    for path in (*LISTS, *MANIFESTS):
        (tmp_path / "manifests" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "manifests" / path).write_bytes(b"")
    pruned = (*reversed(MANIFESTS), *reversed(LISTS))
    write_changes(FileChanges("production", (), (), pruned, 0, (), (), ()), {}, Project(tmp_path))
    assert removed == [*LISTS, *MANIFESTS, "web/", "vms/", "production/"]


def test_a_list_is_written_after_the_lists_that_it_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Manifests are written first, then each kustomization.yaml from the deepest folder up."""
    written: list[str] = []
    replace = TreeWriter.replace

    def record(writer: TreeWriter, path: str, content: bytes) -> None:
        written.append(path.removeprefix("manifests/"))
        replace(writer, path, content)

    paths = (*LISTS, *MANIFESTS)
    for path in paths:
        (tmp_path / "manifests" / path).parent.mkdir(parents=True, exist_ok=True)
    monkeypatch.setattr(TreeWriter, "replace", record)
    changes = FileChanges("production", (), paths, (), 0, (), (), ())
    write_changes(changes, dict.fromkeys(paths, b""), Project(tmp_path))
    assert written == [*MANIFESTS, *reversed(LISTS)]
