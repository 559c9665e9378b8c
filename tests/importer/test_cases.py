"""Each folder of cases: manifests as people have them, the environment that they become, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

CASES = sorted(path for path in (Path(__file__).parent / "cases").iterdir() if path.is_dir())


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_manifests_become_this_environment_and_this_is_said(case: Path, new_repository: Callable, accept: bool) -> None:
    """A dry run prints the expected environments, and the expected report; its exit code says whether they are proved."""
    manifests = (case / "manifests.yaml").read_text(encoding="utf-8")
    first = manifests.partition("\n")[0]
    asked = first.removeprefix("# import ").split() if first.startswith("# import ") else []
    files = {"manifests.yaml": manifests}
    if (case / "_defaults.yaml").is_file():
        files["environments/_defaults.yaml"] = (case / "_defaults.yaml").read_text(encoding="utf-8")
    result = new_repository(files).run("import", "manifests.yaml", "--dry-run", *asked)
    found = {"environment.yaml": result.stdout, "report.txt": f"{result.messages}exit code {result.code}\n"}
    if accept:
        for name, text in found.items():
            (case / name).write_text(text, encoding="utf-8")
    for name, text in found.items():
        assert text == (case / name).read_text(encoding="utf-8"), name
