"""The folders of a repository, and the built-in files that a repository's file of the same name replaces."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from vmgen import __version__
from vmgen.filesystem.reader import MAX_FILE_BYTES, find_work_tree, is_inside, list_files, read_file, read_source, read_start
from vmgen.fingerprint import combine_digests, compute_digest, digest_content, digest_folder
from vmgen.problems import Place, Problem, VmgenError, suggest
from vmgen.rules import ENVIRONMENT_NAME, ENVIRONMENT_SUFFIX, UNREADABLE_FILE
from vmgen.yaml_text import HEADER_PREFIX

# The folders that environments are made from.
SOURCE_FOLDERS = ("environments", "templates", "policies")
# What an editor completes environments with, where a repository has it.
VALUES_SCHEMA_FILE = "schema/environment.values.schema.json"
# The folder of what Argo CD or Flux gets, and the folders in it.
DELIVERY_FOLDER = "delivery"
ARGOCD, FLUX, STANDALONE_FOLDER = "argocd", "flux", "standalone"
ENVIRONMENTS_FOLDER = "environments"
_ENVIRONMENT_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
# Windows opens devices under these names, with any suffix, so a clone there would break:
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file
_WINDOWS_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


@cache
def _builtin_folder(folder: str) -> Path:
    """Return a data folder: beside the modules in a wheel, in the root of a checkout."""
    package = Path(__file__).resolve().parent.parent
    inside = package / folder
    return inside if inside.is_dir() else package.parent.parent / folder


def installation_folders() -> tuple[Path, ...]:
    """Return vmgen's own folders: modules, schemas, templates."""
    return Path(__file__).resolve().parent.parent, _builtin_folder("schema"), _builtin_folder("templates")


@cache
def installation_id() -> str:
    """Return the identity of this installation: its version and a digest of the content of its files."""
    return f"{__version__} {compute_digest(combine_digests(digest_folder(str(path))) for path in installation_folders())}"


@dataclass(frozen=True)
class Project:
    """A repository: `root` is the folder that contains `environments/`, `output` the folder below it that is rendered."""

    root: Path
    output: str = "manifests"

    @property
    def environments(self) -> Path:
        return self.root / "environments"

    @property
    def manifests(self) -> Path:
        return self.root / self.output

    @property
    def own_catalog(self) -> Path:
        """The repository's catalog, which is merged over those of the platforms; it may not exist."""
        return self.environments / "_catalog.yaml"

    def with_output(self, output: str) -> Project:
        """Return the same repository with another folder to compare, write and prune."""
        return replace(self, output=output)

    @cached_property
    def template_folders(self) -> tuple[Path, ...]:
        """The template folders in order of precedence: the repository's own, if any, then the built-in one."""
        own, built_in = self.root / "templates", _builtin_folder("templates")
        # In a checkout of vmgen itself the two are one folder.
        if own.is_dir() and own.resolve() != built_in.resolve():
            return own, built_in
        return (built_in,)

    def find_template(self, name: str) -> Path | None:
        """Return the file `name` (`hikube/vm-disk.yaml.j2`) of the first template folder that has it.

        None if there is none, or if the name leads out of the folders. The path may not be a file, and reading it fails
        then: a built-in template in its place would be no answer.
        """
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            return None
        paths = [folder / name for folder in self.template_folders if os.path.lexists(folder / name)]
        return paths[0] if any(not path.is_dir() for path in paths) else None

    def find_own_template(self, name: str) -> Path | None:
        """Return the repository's own file `name` that replaces a built-in one; None if there is none."""
        path = self.find_template(name)
        return path if path and len(self.template_folders) > 1 and path.is_relative_to(self.template_folders[0]) else None

    @cached_property
    def source_digests(self) -> dict[str, str]:
        """The digest of each file that `read_source` has read, by its display path."""
        return {}

    @cached_property
    def work_tree(self) -> str:
        """The real path of the Git work tree that holds the root; outside of Git, that of the root."""
        return find_work_tree(str(self.root))

    def read_source(self, path: Path, limit: int = MAX_FILE_BYTES) -> bytes:
        """Read a file that an environment is made from. Raises OSError, also if it is no regular file of the work tree.

        Its digest is kept for the stamps: they hold the bytes that were read, not those that somebody saved in the meantime.
        """
        content = read_file(str(path), limit) if self._is_builtin(path) else read_source(str(path), self.work_tree, limit)
        self.source_digests.setdefault(self.display_path(path), digest_content(content))
        return content

    def _is_builtin(self, path: Path) -> bool:
        """Return whether a path is one of vmgen's own, which the installer may have linked from anywhere."""
        return _get_path_below(path, _builtin_folder("templates")) is not None

    def is_trusted(self, path: Path) -> bool:
        """Return whether a file came with the program, which has tested it, and is no file of this repository too."""
        return self._is_builtin(path) and _get_path_below(path, self.root / "templates") is None

    def contains(self, path: Path) -> bool:
        """Return whether a path is in the work tree once symbolic links are resolved, and not in Git's own folder."""
        return is_inside(str(path), self.work_tree)

    def list_files(self, folder: Path) -> tuple[str, ...]:
        """Return the files below a folder by their sorted paths from there. No link is followed out of the work tree."""
        return tuple(list_files(str(folder), "" if self._is_builtin(folder) else self.work_tree))

    @cached_property
    def platform_names(self) -> tuple[str, ...]:
        """The names of the platforms, sorted: the template folders that contain a platform.yaml."""
        return tuple(sorted({path.parent.name for folder in self.template_folders for path in folder.glob("*/platform.yaml")}))

    def display_path(self, path: Path) -> str:
        """Return a path as messages name it: relative to the root, with slashes; `templates/…` for a built-in template."""
        for folder in self.template_folders:
            below = _get_path_below(path, folder)
            if below is not None and folder.parent != self.root:
                return f"templates/{below}"
        below = _get_path_below(path, self.root)
        return below if below is not None and ".." not in below else Path(os.path.relpath(path, self.root)).as_posix()


def _get_path_below(path: Path, folder: Path) -> str | None:
    """Return the path from a folder to one in it, `.` for the folder itself; None for one elsewhere, as both are spelled."""
    # Of texts, since pathlib takes ten times as long, for each file that is read.
    text, top = str(path), str(folder)
    if text == top:
        return "."
    return text[len(top) + 1 :].replace(os.sep, "/") if text.startswith(f"{top}{os.sep}") else None


def explain_missing_file(path: Path) -> str:
    """Return the end of a message on a file that is missing: whether one is there whose name only looks the same."""
    from unicodedata import normalize  # only a mistake pays for the import

    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except (OSError, ValueError):
        return ""
    # macOS may store é as e and an accent, which is another name to Git and to Linux. https://unicode.org/reports/tr15/
    if any(name != path.name and normalize("NFC", name) == normalize("NFC", path.name) for name in names):
        return (
            "; the name of an existing file looks the same but is encoded differently (as macOS does): "
            "rename the file, or copy its name from a listing of the folder"
        )
    return ""


def open_project(root: Path) -> Project:
    """Return the project in a folder.

    Raises VmgenError if it has neither environments/ nor manifests that vmgen wrote, if a link leads a folder out, and if a
    folder of sources cannot be read.
    """
    project = Project(root)
    for folder in SOURCE_FOLDERS:
        if os.path.lexists(root / folder) and not ((root / folder).is_dir() and project.contains(root / folder)):
            raise VmgenError(f"{folder}/ is not a folder of this repository; replace it with a folder")
        _check_folders_are_readable(root / folder)
    if not (root / ENVIRONMENTS_FOLDER).is_dir() and not _has_manifests(project):
        raise VmgenError(f"no folder environments/ in {root} or above it; run vmgen in a repository, or pass -C DIR")
    return project


def _check_folders_are_readable(folder: Path) -> None:
    """Refuse folders that this user cannot read or search: their templates and policies would look as if there were none."""
    paths = [str(folder)] if folder.is_dir() else []
    for path in paths:  # it grows
        if not os.access(path, os.R_OK | os.X_OK):
            from vmgen.filesystem.system_errors import describe_os_error

            error = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            raise VmgenError(f"{os.path.relpath(path, folder.parent)}/ cannot be read: {describe_os_error(error)}")
        with os.scandir(path) as entries:
            paths += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]


def _has_manifests(project: Project) -> bool:
    """Return true if an environment was rendered here: Git removes environments/ with the last file in it."""
    for path in project.manifests.glob("*/kustomization.yaml"):
        if path.is_file() and read_start(str(path), len(HEADER_PREFIX)) == HEADER_PREFIX.encode():
            return True
    return False


def read_schema_text(name: str) -> str:
    """Return the text of one of vmgen's own JSON Schemas, such as `environment`, or of a file below their folder."""
    return read_file(str(_builtin_folder("schema") / (name if name.endswith(".json") else f"{name}.schema.json"))).decode()


def find_group(path: str) -> str:
    """Return the group of a manifest by its path below `manifests/`; empty for a standalone disk."""
    folders = path.split("/")[2:-1]  # behind the environment and the folder of the kind; below the group may be ranges
    return folders[0] if folders else ""


def find_environments(project: Project) -> tuple[tuple[str, ...], tuple[Problem, ...]]:
    """Return the names of the environments, sorted, and problems for files that look like one but are not valid."""
    names, problems = [], []
    for entry in sorted(project.environments.iterdir()) if project.environments.is_dir() else ():
        if entry.name.startswith(("_", ".")):
            continue
        place = Place(project.display_path(entry))
        if entry.suffix == ".yaml" and not entry.is_file():
            problems.append(UNREADABLE_FILE.build_problem(place, "", "is not an environment, since it is not a file; move it"))
        elif entry.suffix != ".yaml" and entry.suffix.lower() in (".yaml", ".yml") and entry.is_file():
            message = f"not read: an environment ends in .yaml; rename it to {entry.stem}.yaml"
            problems.append(ENVIRONMENT_SUFFIX.build_problem(place, "", message))
        elif entry.suffix == ".yaml":
            name_problems = list(_check_name(entry.stem, place))
            problems.extend(name_problems)
            names.extend([] if name_problems else [entry.stem])
    return tuple(names), tuple(problems)


def is_environment_file(name: str) -> bool:
    """Return true if a file of this name in environments/ is an environment, not a layer or something else."""
    return name.endswith(".yaml") and not name.startswith(("_", "."))


def is_environment_name(name: str) -> bool:
    """Return whether an environment may have this name on every operating system."""
    return not any(_check_name(name, Place("")))


def _check_name(name: str, place: Place) -> Iterable[Problem]:
    if not _ENVIRONMENT_NAME.fullmatch(name):
        message = f"'{name}' is not a valid environment name; use lower-case letters, digits and dashes"
        yield ENVIRONMENT_NAME.build_problem(place, "", message)
    elif name in _WINDOWS_DEVICES:
        yield ENVIRONMENT_NAME.build_problem(place, "", f"'{name}' is a device on Windows; choose another name")


def select_environments(existing: tuple[str, ...], selection: tuple[str, ...]) -> tuple[str, ...]:
    """Return the requested environments once each, or all if none is requested; `environments/x.yaml` means `x`.

    Raises VmgenError if a requested environment does not exist.
    """
    names = tuple(Path(name).stem if name.endswith(".yaml") else name for name in selection)
    for name in names:
        if name not in existing:
            raise VmgenError(f"no environment '{name}' in environments/{suggest(name, existing)}")
    return tuple(dict.fromkeys(names)) or existing
