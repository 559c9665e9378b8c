"""The wheel and the source distribution: what is in them, and that what they declare is all that vmgen needs.

Nothing is downloaded: the clean environment gets links to exactly the distributions that the wheel requires.
"""

from __future__ import annotations

import sys
import tarfile
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest

from tests.packaging.distributions import CHECKOUT, list_requirements, run
from vmgen import __version__

INSTALLED = "import sysconfig; print(sysconfig.get_path('purelib'))"


@pytest.fixture(name="programs", scope="session")
def _programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a clean environment in which the wheel, and what it requires, is all that there is."""
    folder = tmp_path_factory.mktemp("clean")
    venv.create(folder, with_pip=False, symlinks=True)
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    site = Path(run(programs / "python", "-c", INSTALLED, cwd=folder).strip())
    target = [
        "--python",
        str(programs / "python"),
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--disable-pip-version-check",
    ]
    run(sys.executable, "-m", "pip", *target, wheel, cwd=folder)
    for name in list_requirements(wheel):
        link(name, site)
    return programs


def link(name: str, site: Path) -> None:
    """Put a link to an installed distribution into a site-packages folder."""
    found = distribution(name)
    for top in {Path(file).parts[0] for file in found.files or [] if ".." not in Path(file).parts}:
        if top != "__pycache__":
            (site / top).symlink_to(Path(str(found.locate_file(top))).resolve())


def test_what_travels(wheel: Path) -> None:
    """The wheel has the modules, templates, schemas, starter files, the mark of types and the man page, and nothing else."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names} == {"vmgen", f"vmgen-{__version__}.dist-info", f"vmgen-{__version__}.data"}
    for source, target in (("generator/vmgen", "vmgen"), ("templates", "vmgen/templates"), ("schema", "vmgen/schema")):
        files = {f"{target}/{path.relative_to(CHECKOUT / source).as_posix()}" for path in tracked(CHECKOUT / source)}
        assert files - names == set()
    assert "vmgen/py.typed" in names


def tracked(folder: Path) -> Iterator[Path]:
    """The files of a folder, without what Python leaves there."""
    yield from (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def test_the_source_makes_the_same_wheel(dist: Path, wheel: Path, tmp_path: Path) -> None:
    """The wheel that is built from the source distribution has the same files, byte for byte."""
    [source] = dist.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        archive.extractall(tmp_path, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
    [folder] = tmp_path.iterdir()
    run(sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, folder, cwd=tmp_path)
    [again] = tmp_path.glob("*.whl")
    assert contents(again) == contents(wheel)


def contents(wheel: Path) -> dict[str, int]:
    """The checksum of each file of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist()}


def test_in_a_clean_environment(programs: Path, tmp_path: Path) -> None:
    """With the wheel and what it requires, and nothing else, a newcomer gets from nothing to a committed fleet."""
    vmgen = programs / "vmgen"
    assert run(vmgen, "--version", cwd=tmp_path) == f"vmgen {__version__}\n"
    run(vmgen, "init", ".", "--namespace", "tenant-a", cwd=tmp_path)
    run(vmgen, "render", cwd=tmp_path)
    run("git", "init", "--quiet", cwd=tmp_path)
    assert "Plan: 6 to create" in run(vmgen, "plan", cwd=tmp_path)
    run("git", "add", ".", cwd=tmp_path)
    run("git", "commit", "--quiet", "--message", "first", cwd=tmp_path)
    run(vmgen, "check", "--kustomize", "off", cwd=tmp_path)
    assert "web-1" in run(vmgen, "list", cwd=tmp_path)
    assert "origin" in run(vmgen, "explain", "production", "web-1", "-o", "json", cwd=tmp_path)
    run(vmgen, "report", "-o", "fleet.html", cwd=tmp_path)


def test_every_command_loads(programs: Path, tmp_path: Path) -> None:
    """No command, when it is imported, needs a library that is only there in development."""
    imports = "from vmgen.cli.app import COMMANDS, app"
    code = f"{imports}; print(*(app.get_command(None, name).name for name in COMMANDS))"
    assert "render" in run(programs / "python", "-c", code, cwd=tmp_path).split()


def test_as_a_module_and_as_a_library(programs: Path, tmp_path: Path) -> None:
    """`python -m vmgen` is vmgen, and `vmgen.api` can be imported."""
    assert run(programs / "python", "-m", "vmgen", "--version", cwd=tmp_path) == f"vmgen {__version__}\n"
    run(programs / "python", "-c", "from vmgen.api import load, plan, render", cwd=tmp_path)
