"""Print the bill of materials of a release as CycloneDX 1.6, from the lock file: https://cyclonedx.org/docs/1.6/json/."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

_PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


def read_components(lock: str) -> list[dict[str, Any]]:
    """Return the libraries of a lock file with the hashes of the files that may be installed."""
    components: list[dict[str, Any]] = []
    for line in lock.splitlines():
        if pin := _PIN.match(line):
            name, version = pin.groups()
            purl = f"pkg:pypi/{name.lower()}@{version}"
            components.append(
                {"type": "library", "name": name, "version": version, "purl": purl, "bom-ref": purl, "hashes": []}
            )
        for digest in _HASH.findall(line):
            components[-1]["hashes"].append({"alg": "SHA-256", "content": digest})
    return components


def build_bill(lock: str, version: str) -> dict[str, Any]:
    """Return the document. It has no date and no number of its own, so that a second build gives the same bytes."""
    components = read_components(lock)
    own = f"pkg:pypi/vmgen@{version}"
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "vmgen",
                "version": version,
                "purl": own,
                "bom-ref": own,
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": components,
        "dependencies": [{"ref": own, "dependsOn": [component["bom-ref"] for component in components]}],
    }


if __name__ == "__main__":
    print(json.dumps(build_bill(Path(sys.argv[1]).read_text(encoding="utf-8"), sys.argv[2]), indent=2))
