"""Compiles the template `jinja2/fleet` for each namespace: `compile.py VALUES FOLDER`, as `kapitan compile` does.

The inventory, a target for each namespace, is written beside the values.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from kapitan.cli import main as kapitan

TEMPLATES = Path(__file__).resolve().parents[1] / "jinja2"
COMPILE = [{"input_type": "jinja2", "input_paths": ["fleet"], "output_path": "."}]


def main(values: str, folder: str) -> None:
    """Write the inventory and compile its targets, one file each."""
    inventory = Path(values).parent / "inventory"
    groups: dict[str, list[Any]] = defaultdict(list)
    for group in json.loads(Path(values).read_text(encoding="utf-8"))["groups"]:
        groups[group["namespace"]].append(group)
    _write(inventory / "classes" / "fleet.yml", {"parameters": {"kapitan": {"compile": COMPILE}}})
    for namespace, members in groups.items():
        parameters = {"kapitan": {"vars": {"target": namespace, "groups": members}}}
        _write(inventory / "targets" / f"{namespace}.yml", {"classes": ["fleet"], "parameters": parameters})
    options = ("--inventory-path", str(inventory), "--search-paths", str(TEMPLATES), "--output-path", folder)
    sys.argv[1:] = ["compile", "--quiet", "--ignore-version-check", *options]
    sys.exit(kapitan())


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
