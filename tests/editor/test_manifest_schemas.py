"""The schemas of what is rendered: kubeconform, and any other reader of JSON Schemas, accepts every manifest."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from vmgen.read.manifests import parse_objects
from vmgen.read.schema import Schema

CHECKOUT = Path(__file__).resolve().parents[2]
KUBECONFORM = os.environ.get("KUBECONFORM") or shutil.which("kubeconform")
LOCATION = "schema/crds/{{.ResourceKind}}-{{.Group}}-{{.ResourceAPIVersion}}.json"


def test_manifests_have_their_schema() -> None:
    """Each manifest of this repository is what the schema of its kind takes, and one with another field is not."""
    found = 0
    for path in sorted((CHECKOUT / "manifests").rglob("*.yaml")):
        for item in parse_objects(path.read_bytes()):
            if item.get("apiVersion") != "apps.cozystack.io/v1alpha1":
                continue
            file = CHECKOUT / "schema/crds" / f"{item['kind'].lower()}-apps.cozystack.io-v1alpha1.json"
            schema = Schema(json.loads(file.read_text(encoding="utf-8")))
            assert schema.find_errors(item) == [], path
            assert schema.find_errors({**item, "spec": {**item["spec"], "nonsense": 1}}) != []
            found += 1
    assert found > 10


@pytest.mark.parametrize("file", sorted((CHECKOUT / "schema/crds").glob("*.json")), ids=lambda file: file.name)
def test_patterns_look_neither_ahead_nor_behind(file: Path) -> None:
    """kubeconform and API servers are written in Go, whose regular expressions have no lookaround: https://pkg.go.dev/regexp."""
    assert not re.search(r"\(\?<?[=!]", file.read_text(encoding="utf-8"))


@pytest.mark.skipif(not KUBECONFORM, reason="kubeconform is not installed")
def test_kubeconform() -> None:
    """The real kubeconform finds no error in manifests/."""
    command = [str(KUBECONFORM), "-skip", "Kustomization", "-ignore-filename-pattern", r"name-reference\.yaml$"]
    command += ["-schema-location", LOCATION, "-summary", "-output", "json", "manifests/"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    summary = json.loads(done.stdout)["summary"]
    assert (summary["invalid"], summary["errors"]) == (0, 0)
    assert summary["valid"] > 10
