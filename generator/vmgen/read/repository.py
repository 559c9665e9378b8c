"""Where things lie: the repository's folders, and the built-in files that a file of the same name replaces."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from vmgen import __version__
from vmgen.fingerprint import combine_digests, compute_digest, digest_folder
from vmgen.problems import Place, Problem, VmgenError, did_you_mean

# The folder of what Argo CD or Flux gets, and the folders in it.
DELIVERY_FOLDER = "delivery"
ARGOCD, FLUX, STANDALONE_FOLDER = "argocd", "flux", "standalone"
_ENVIRONMENT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# Windows opens devices under these names, with any suffix: a clone there would break.
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def _builtin_folder(folder: str) -> Path:
    """A folder that travels in the wheel beside the modules, and stands beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent.parent / folder


def installation_folders() -> tuple[Path, ...]:
    """The program's own folders: its modules, its schemas, its templates."""
    return Path(__file__).resolve().parent.parent, _builtin_folder("schema"), _builtin_folder("templates")


@cache
def installation_id() -> str:
    """Return the identity of this installation: its version and a digest of the content of its files."""
    return f"{__version__} {compute_digest(combine_digests(digest_folder(str(path))) for path in installation_folders())}"


class _Folders(NamedTuple):
    root: Path
    output: str = "manifests"


class Project(_Folders):
    """A repository that is rendered. `root` is the folder that holds `environments/`, `output` the one that is written."""

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def manifests(self) -> Path:
        return self.root / self.output

    @property
    def own_catalog(self) -> Path:
        """The repository's own catalog, which may not be there: what it has goes over the platforms' catalogs."""
        return self.environments / "_catalog.yaml"

    def with_output(self, output: str) -> Project:
        """The same repository, of which another folder is compared, written and pruned in the place of `manifests/`."""
        return Project(self.root, output)

    @cached_property
    def template_folders(self) -> tuple[Path, ...]:
        """Where templates are looked for: the repository's own folder first, then the built-in ones."""
        own, built_in = self.root / "templates", _builtin_folder("templates")
        if own.is_dir() and own.resolve() != built_in.resolve():
            return own, built_in
        return (built_in,)

    def find_template(self, name: str) -> Path | None:
        """The file `name` (`hikube/vm-disk.yaml.j2`) of the first folder that has it; no name leads out of the folders."""
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            return None
        for folder in self.template_folders:
            path = folder / name
            if path.is_file():
                return path
        return None

    @cached_property
    def source_digests(self) -> dict[str, str]:
        """The digest of each file that `read_source` has read, by its display path."""
        return {}

    def read_source(self, path: Path, size: int = -1) -> bytes:
        """Read a file that an environment is made from: `size` bytes at most, or all of it. Raises OSError.

        Its digest is kept for the stamps: they hold what was read, not what somebody saved in the meantime.
        """
        with path.open("rb") as stream:
            content = stream.read(size)
        self.source_digests.setdefault(self.display_path(path), compute_digest([content]))
        return content

    def contains(self, path: Path) -> bool:
        """Whether a path lies in the repository, links followed."""
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.root))

    @cached_property
    def platform_names(self) -> tuple[str, ...]:
        """The names of the platforms: the template folders that hold a platform.yaml."""
        found = {path.parent.name for folder in self.template_folders for path in folder.glob("*/platform.yaml")}
        return tuple(sorted(found))

    def display_path(self, path: Path) -> str:
        """A path as messages name it: relative to the root where it lies below, with slashes."""
        for folder in self.template_folders:
            if folder.parent != self.root and path.is_relative_to(folder):
                return f"templates/{path.relative_to(folder).as_posix()}"
        return Path(os.path.relpath(path, self.root)).as_posix()


def open_project(root: Path) -> Project:
    """The project in a folder; an error where it has no environments."""
    if not (root / "environments").is_dir():
        raise VmgenError(f"no folder environments/ in {root}; run vmgen in a repository's root, or name it with -C DIR")
    return Project(root)


def read_schema_text(name: str) -> str:
    """One of the project's own JSON Schemas, such as `environment`."""
    return (_builtin_folder("schema") / f"{name}.schema.json").read_text(encoding="utf-8")


def find_environments(project: Project) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The environments that there are, sorted, and the files that look like one and cannot be."""
    names, problems = [], []
    for entry in sorted(project.environments.iterdir()):
        if entry.name.startswith(("_", ".")) or not entry.is_file():
            continue
        place = Place(project.display_path(entry))
        if entry.suffix == ".yml":
            message = f"not read: an environment ends in .yaml; rename it to {entry.stem}.yaml"
            problems.append(Problem(place, "environment-suffix", "", message, "warning"))
        elif entry.suffix == ".yaml":
            wrong = list(_check_name(entry.stem, place))
            problems.extend(wrong)
            names.extend([] if wrong else [entry.stem])
    return tuple(names), tuple(problems)


def is_environment_name(name: str) -> bool:
    """Whether a file of this name would be an environment that every system can hold."""
    return not any(_check_name(name, Place("")))


def _check_name(name: str, place: Place) -> Iterable[Problem]:
    if not _ENVIRONMENT_NAME.fullmatch(name):
        message = f"'{name}' cannot name an environment; use lower-case letters, digits and dashes"
        yield Problem(place, "environment-name", "", message)
    elif name in _WINDOWS_DEVICES:
        yield Problem(place, "environment-name", "", f"'{name}' is a device on Windows; choose another name")


def select_environments(known: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The environments that were asked for: all where none is named. `environments/x.yaml` is taken for `x`."""
    names = tuple(Path(name).stem if name.endswith(".yaml") else name for name in wanted)
    for name in names:
        if name not in known:
            raise VmgenError(f"no environment '{name}' in environments/{did_you_mean(name, known)}")
    return tuple(dict.fromkeys(names)) or known
