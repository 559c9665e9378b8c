"""A folder for the engine that holds copies of some of an environment's manifests, and nothing else of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vmgen.compare.kustomize.lists import KUSTOMIZATION_HEADER
from vmgen.render.kustomization import KUSTOMIZATION, NAME_REFERENCE


@contextmanager
def write_partial_overlay(manifests: Path, environment: str, entries: Sequence[str]) -> Iterator[Path]:
    """A temporary folder with files and folders of an environment, given by their paths below `manifests/`.

    Its kustomization.yaml lists these, and the configuration of the environment. OSError where one of them is missing.
    """
    import tempfile

    with tempfile.TemporaryDirectory(prefix="vmgen-") as made:
        # The engine names files by where they are when links are followed.
        folder = Path(made).resolve()
        names = [entry.removeprefix(f"{environment}/") for entry in entries]
        for name in (NAME_REFERENCE, *names):
            _copy_tree(manifests / environment / name, folder / name)
        listed = KUSTOMIZATION_HEADER | {"configurations": [NAME_REFERENCE], "resources": names}
        (folder / KUSTOMIZATION).write_text(json.dumps(listed), encoding="utf-8")
        yield folder


def _copy_tree(source: Path, target: Path) -> None:
    """A file, or the files of a folder."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        target.mkdir()
        for file in source.iterdir():
            _copy_tree(file, target / file.name)
    else:
        target.write_bytes(source.read_bytes())
