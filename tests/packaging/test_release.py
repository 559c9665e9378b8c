"""What a release is made of: the bill of materials, the projects of action and component, the workflows, the manual page."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import yaml

from tools.release.bill import build_bill
from vmgen import __version__

CHECKOUT = Path(__file__).resolve().parents[2]


def test_bill_of_materials() -> None:
    """Each library of the lock file is in it, with its version and the hashes of its files, and two builds are equal."""
    lock = (CHECKOUT / "requirements.lock").read_text(encoding="utf-8")
    bill = build_bill(lock, __version__)
    assert bill == build_bill(lock, __version__)
    pins = set(re.findall(r"(?m)^([A-Za-z0-9_.-]+)==([^ ;]+)", lock))
    assert {(item["name"], item["version"]) for item in bill["components"]} == pins
    assert all(item["hashes"] for item in bill["components"])
    assert bill["metadata"]["component"]["version"] == __version__


def test_projects(tmp_path: Path) -> None:
    """The action stands at the top of its project without a workflow beside it, and the component where GitLab looks for it."""
    subprocess.run([CHECKOUT / "tools/release/projects.sh", tmp_path], check=True, capture_output=True)
    action, component = tmp_path / "vmgen-action", tmp_path / "vmgen-component"
    assert (action / "action.yml").read_bytes() == (CHECKOUT / "action.yml").read_bytes()
    assert not (action / ".github").exists()
    # What the action's own script installs from is there.
    assert all(
        (action / name).exists() for name in ("requirements.lock", "pyproject.toml", "generator/vmgen", "templates", "schema")
    )
    spec, _ = yaml.safe_load_all((component / "templates/vmgen.yml").read_text(encoding="utf-8"))
    assert "directory" in spec["spec"]["inputs"]


def test_workflows_name_actions_by_commit() -> None:
    """A tag can be moved: each action is named by its commit, with the version beside it."""
    for path in (CHECKOUT / ".github/workflows").glob("*.yaml"):
        for line in re.findall(r"uses: .*", path.read_text(encoding="utf-8")):
            assert re.fullmatch(r"uses: [\w./-]+@[0-9a-f]{40}  # \S+", line), f"{path.name}: {line}"


def test_the_pages_of_the_manual_travel() -> None:
    """The manual page is made from the command line, and is a page of man."""
    page = (CHECKOUT / "docs/vmgen.1").read_text(encoding="utf-8")
    assert page.splitlines()[1].startswith(f'.TH VMGEN 1 "" "vmgen {__version__}"')
    assert ".SS render\n" in page
