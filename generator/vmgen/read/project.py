"""Where things lie: the repository's folders, and the built-in files that a file of the same name replaces."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple

from vmgen import __version__
from vmgen.digests import digest
from vmgen.listing import listing
from vmgen.problems import Place, Problem, VmgenError
from vmgen.suggestions import did_you_mean

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# Windows opens devices under these names, with any suffix: a clone there would break.
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def _built_in(folder: str) -> Path:
    """A folder that travels in the wheel beside the modules, and stands beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent.parent / folder


def program_folders() -> tuple[Path, ...]:
    """The program's own folders: its modules, its schemas, its templates."""
    return Path(__file__).resolve().parent.parent, _built_in("schema"), _built_in("templates")


@cache
def program() -> str:
    """What tells this program from any other: its version, and a digest of the listing of its own folders."""
    own = digest("\n".join(listing(str(folder))) for folder in program_folders())
    return f"{__version__} {own}"


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

    def writing(self, output: str) -> Project:
        """The same repository, of which another folder is compared, written and pruned in the place of `manifests/`."""
        return Project(self.root, output)

    @cached_property
    def template_folders(self) -> tuple[Path, ...]:
        """Where templates are looked for: the repository's own folder first, then the built-in ones."""
        own, built_in = self.root / "templates", _built_in("templates")
        if own.is_dir() and own.resolve() != built_in.resolve():
            return own, built_in
        return (built_in,)

    def template(self, name: str) -> Path | None:
        """The file `name` (`hikube/vm-disk.yaml.j2`) of the first folder that has it; no name leads out of the folders."""
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            return None
        for folder in self.template_folders:
            path = folder / name
            if path.is_file():
                return path
        return None

    def is_built_in(self, path: Path) -> bool:
        """Whether a template or schema that was found is the program's own, not one of the repository's folder."""
        return path.is_relative_to(_built_in("templates"))

    def holds(self, path: Path) -> bool:
        """Whether a path lies in the repository, links followed."""
        return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.root))

    @cached_property
    def platforms(self) -> tuple[str, ...]:
        """The names of the platforms: the template folders that hold a platform.yaml."""
        found = {path.parent.name for folder in self.template_folders for path in folder.glob("*/platform.yaml")}
        return tuple(sorted(found))

    def shown(self, path: Path) -> str:
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


def schema_text(name: str) -> str:
    """One of the project's own JSON Schemas, such as `environment`."""
    return (_built_in("schema") / f"{name}.schema.json").read_text(encoding="utf-8")


def environment_names(project: Project) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """The environments that there are, sorted, and the files that look like one and cannot be."""
    names, problems = [], []
    for entry in sorted(project.environments.iterdir()):
        if entry.name.startswith(("_", ".")) or not entry.is_file():
            continue
        place = Place(project.shown(entry))
        if entry.suffix == ".yml":
            message = f"not read: an environment ends in .yaml; rename it to {entry.stem}.yaml"
            problems.append(Problem(place, "environment-suffix", "", message, "warning"))
        elif entry.suffix == ".yaml":
            wrong = list(_name_problems(entry.stem, place))
            problems.extend(wrong)
            names.extend([] if wrong else [entry.stem])
    return tuple(names), tuple(problems)


def may_name_environment(name: str) -> bool:
    """Whether a file of this name would be an environment that every system can hold."""
    return not any(_name_problems(name, Place("")))


def _name_problems(name: str, place: Place) -> Iterable[Problem]:
    if not _NAME.fullmatch(name):
        message = f"'{name}' cannot name an environment; use lower-case letters, digits and dashes"
        yield Problem(place, "environment-name", "", message)
    elif name in _DEVICES:
        yield Problem(place, "environment-name", "", f"'{name}' is a device on Windows; choose another name")


def chosen(known: tuple[str, ...], wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The environments that were asked for: all where none is named. `environments/x.yaml` is taken for `x`."""
    names = tuple(Path(name).stem if name.endswith(".yaml") else name for name in wanted)
    for name in names:
        if name not in known:
            raise VmgenError(f"no environment '{name}' in environments/{did_you_mean(name, known)}")
    return tuple(dict.fromkeys(names)) or known
