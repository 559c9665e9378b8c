"""Renders the template `jinja2/fleet` for each namespace: `generate.py VALUES FOLDER`, as `make-argocd-fly` does.

The configuration, an environment for each namespace, is written beside the values.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from make_argocd_fly.main import cli_entry_point

TEMPLATES = Path(__file__).resolve().parents[1] / "jinja2"


def main(values: str, folder: str) -> None:
    """Write the configuration and render its environments, one file an object."""
    root = Path(values).parent
    environments: dict[str, Any] = {}
    for group in json.loads(Path(values).read_text(encoding="utf-8"))["groups"]:
        environment = environments.setdefault(group["namespace"], {"apps": {"fleet": {}}, "vars": {"groups": []}})
        environment["vars"]["groups"].append(group)
    (root / "config").mkdir(exist_ok=True)
    (root / "config" / "fleet.yml").write_text(json.dumps({"envs": environments}), encoding="utf-8")
    folders = ("--root-dir", str(root), "--source-dir", str(TEMPLATES), "--output-dir", folder)
    sys.argv[1:] = ["--skip-latest-version-check", "--loglevel", "ERROR", *folders]
    cli_entry_point()


if __name__ == "__main__":
    main(*sys.argv[1:])
