"""Take the page's one library into the tree: `python -m tools.vendor` (needs npm). `--check` only compares.

The package is fetched by npm at the version and the checksum below, bundled into one script, and stored with its licence.
Nothing of this runs when vmgen is built, installed or used.
"""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

PACKAGE = "@tanstack/virtual-core"
VERSION = "3.19.11"
SHA512 = "/5iHb0RHBvj8Di59FDs4ESNm45jls33aZAi4zccVXZjc/6ZvwQP6nzEYeT6weXjTf9E6/vrp2JhYWRyO+ZP13A=="
BUNDLER = "esbuild@0.28.2"
VENDOR = Path(__file__).resolve().parent.parent / "generator" / "vmgen" / "report" / "page" / "vendor"


def fetch_package(folder: Path) -> Path:
    """Return the folder of the unpacked package; exit if its checksum is another."""
    command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - a fixed command
    archive = next(folder.glob("*.tgz"))
    checksum = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if checksum != SHA512:
        sys.exit(f"{PACKAGE} {VERSION} is not what it was: its sha512 is {checksum}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package"


def bundle_package(package: Path) -> str:
    """Return the library as one script that sets `VirtualCore`."""
    command = ["npx", "--yes", BUNDLER, "dist/esm/index.js", "--bundle", "--minify", "--format=iife", "--target=es2022"]
    command.append("--global-name=VirtualCore")
    process = subprocess.run(command, cwd=package, check=True, capture_output=True, text=True)  # noqa: S603 - a fixed command
    return f"/* {PACKAGE} {VERSION}, MIT licence: virtual-core.LICENSE. Made by tools/vendor.py. */\n{process.stdout}"


def main() -> None:
    """Write, or compare, the bundle and the licence."""
    with tempfile.TemporaryDirectory() as folder:
        package = fetch_package(Path(folder))
        files = {
            "virtual-core.js": bundle_package(package),
            "virtual-core.LICENSE": (package / "LICENSE").read_text(encoding="utf-8"),
        }
    for name, text in files.items():
        path = VENDOR / name
        if "--check" not in sys.argv:
            path.write_text(text, encoding="utf-8")
        elif path.read_text(encoding="utf-8") != text:
            sys.exit(f"{path} is not what tools/vendor.py makes")


if __name__ == "__main__":
    main()
