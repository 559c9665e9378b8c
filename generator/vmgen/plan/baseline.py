"""The baseline of a plan: all manifests committed at a Git ref, also foreign ones, or the files outside of Git."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import NamedTuple

from vmgen.filesystem.reader import read_file
from vmgen.filesystem.writer import TEMPORARY_SUFFIX
from vmgen.plan.committed import CommittedProject, load_committed_project
from vmgen.plan.diff import FileChanges, is_owned, list_environment_folders, list_existing_files
from vmgen.plan.git import Blob, Repository, find_repository, read_blobs
from vmgen.problems import Place, Problem, VmgenError
from vmgen.quantities import format_count, format_names
from vmgen.read.manifests import InvalidYamlError, is_manifest_file, iter_objects, parse_objects
from vmgen.read.repository import DELIVERY_FOLDER, ENVIRONMENTS_FOLDER, Project, find_environments
from vmgen.rules import UNCOMMITTED_MANIFEST
from vmgen.yaml_text import HEADER_PREFIX

HEAD = "HEAD"
_SHORT_ID_LENGTH = 10


_MAX_NAMES = 5
# pre-commit sets the first: https://pre-commit.com/#filtering-files-with-types. Git sets the second for its own hooks.
_HOOK_VARIABLES = ("PRE_COMMIT", "GIT_INDEX_FILE")


class UncommittedManifests(NamedTuple):
    """Paths below `manifests/` of manifests that are not in Git: not added yet, or ignored."""

    untracked: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


class Baseline(NamedTuple):
    """The manifests that a plan starts from: those committed at `ref`; without a `repository`, the files.

    `committed` are the files of the project at that commit. Manifests that Git is told to ignore (`uncommitted_manifests`)
    count too: it cannot say if they exist on the platform. `notes` are sentences on the baseline, if it is not the requested
    one. `head_is_behind` is set if HEAD may lack commits of the ref.
    """

    project: Project
    ref: str = ""
    repository: Repository | None = None
    committed: CommittedProject = CommittedProject()
    uncommitted_manifests: UncommittedManifests = UncommittedManifests()
    notes: tuple[str, ...] = ()
    head_is_behind: bool = False

    @property
    def blobs(self) -> Mapping[str, Blob]:
        """The committed files by their paths below `manifests/`."""
        return self.committed.manifests

    @property
    def environments(self) -> tuple[str, ...]:
        """The sorted names in `manifests/`: a folder for each environment, and any other entry."""
        if self.repository is None:
            return list_environment_folders(self.project)
        return tuple(sorted({path.partition("/")[0] for path in (*self.blobs, *self.uncommitted_manifests.ignored)}))

    def has_environment(self, name: str) -> bool:
        """Return true if an environment of this name was there at the commit; outside of Git nothing can tell."""
        return self.repository is None or name in self.committed.environments

    @property
    def knows_clusters(self) -> bool:
        """Return true if environments are known as they were; outside of Git nothing can tell."""
        return bool(self.committed.environment_paths)

    def find_cluster(self, environment: str) -> str:
        """Return the `cluster:` that an environment had at the commit; empty if none or unknown."""
        return self.committed.find_cluster(environment)

    def list_manifests(self, environment: str) -> list[str]:
        """Return the path of every file of an environment."""
        if self.repository is None:
            return sorted(list_existing_files(self.project, environment).files)
        return [path for path in self.blobs if path.startswith(f"{environment}/")]

    def read_manifests(self, environment: str) -> Iterator[tuple[str, bytes]]:
        """Yield path and content of every file of an environment. Raises VmgenError if git fails."""
        paths = self.list_manifests(environment)
        if self.repository is None:
            yield from ((path, read_file(f"{self.project.manifests}/{path}")) for path in paths)
            return
        yield from zip(paths, read_blobs(self.blobs[path] for path in paths), strict=True) if paths else ()

    def contains(self, path: str) -> bool:
        """Return true if a manifest exists at a path, whatever its content."""
        return path in self.blobs or path in self.uncommitted_manifests.ignored if self.repository else self._is_file(path)

    def select_missing(self, paths: Iterable[str]) -> frozenset[str]:
        """Return the paths at which no manifest exists, whatever its content."""
        if self.repository:
            return frozenset(paths).difference(self.blobs, self.uncommitted_manifests.ignored)
        return frozenset(path for path in paths if not self._is_file(path))

    def find_differing(
        self, environments: Iterable[str], desired: Mapping[str, bytes], known_changes: Iterable[FileChanges] = ()
    ) -> Mapping[str, bytes]:
        """Return the manifests of some environments that are not desired, or desired with other bytes.

        Foreign files that still exist as they were committed are left out. `known_changes` save reading the files of their
        environments again where the baseline is the files. Raises VmgenError if git fails.
        """
        names = set(environments)
        if self.repository:
            differing = dict(self._find_differing_blobs(names, desired))
            ignored = (path for path in self.uncommitted_manifests.ignored if path.partition("/")[0] in names)
            return differing | dict(self._compare_files(sorted(ignored), desired))
        root = self.project.manifests
        changes_by_name = {changes.environment: changes for changes in known_changes if changes.environment in names}
        paths = [path for _, changes in sorted(changes_by_name.items()) for path in sorted((*changes.updated, *changes.pruned))]
        contents = {path: read_file(f"{root}/{path}") for path in paths}
        for name in sorted(names - changes_by_name.keys()):
            contents |= self._compare_files(sorted(list_existing_files(self.project, name).files), desired)
        return contents

    def _find_differing_blobs(self, environments: set[str], desired: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        repository: Repository | None = None
        hash_blob: Callable[[bytes], str]
        paths = []
        for path, blob in self.blobs.items():
            if blob.repository is not repository:  # that of a submodule has files in a row
                repository, hash_blob = blob.repository, blob.repository.blob_hasher
            # The id of a blob is the hash of its content, so that no content is read that is as desired.
            # https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
            is_same = path in desired and hash_blob(desired[path]) == blob.id
            if not is_same and path.partition("/")[0] in environments:
                paths.append(path)
        for path, content in zip(paths, read_blobs(self.blobs[path] for path in paths), strict=True) if paths else ():
            if path in desired:
                if not is_pointer_to(content, desired[path]):
                    yield path, content
            elif not self._is_left_alone(path, content):
                yield path, content

    def _is_left_alone(self, path: str, content: bytes) -> bool:
        """Return true for a file that vmgen neither wrote nor lists, if all objects in it are still in the file."""
        if not self._is_file(path) or content.startswith(HEADER_PREFIX.encode()):
            return False
        folder, _, name = path.rpartition("/")
        kustomization = self.blobs.get(f"{folder}/kustomization.yaml")
        if kustomization is not None and os.fsencode(name) in next(read_blobs([kustomization])):
            return False  # it goes with its line there
        current = read_file(f"{self.project.manifests}/{path}")
        return current == content or _holds_objects_of(current, content)

    def _compare_files(self, paths: Iterable[str], desired: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
        for path in paths:
            content = read_file(f"{self.project.manifests}/{path}")
            if content != desired.get(path) and (path in desired or is_owned(self.project, path)):
                yield path, content

    def _is_file(self, path: str) -> bool:
        return os.path.isfile(os.path.join(self.project.root, self.project.output, path))


def is_pointer_to(content: bytes, desired: bytes) -> bool:
    """Return true if a committed file is the pointer of Git LFS to the desired bytes.

    https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
    """
    if not content.startswith(b"version https://git-lfs"):
        return False
    import hashlib

    return b"oid sha256:" + hashlib.sha256(desired).hexdigest().encode() in content.split(b"\n")


def _holds_objects_of(current: bytes, committed: bytes) -> bool:
    try:
        remaining, objects = (set(map(_identify, iter_objects(parse_objects(text)))) for text in (current, committed))
    except InvalidYamlError:
        return False
    return objects <= remaining


def _identify(document: Mapping[str, object]) -> tuple[str, ...]:
    metadata = document.get("metadata")
    names = metadata if isinstance(metadata, dict) else {}
    return tuple(str(value) for value in (document.get("kind"), names.get("namespace"), names.get("name")))


class PlanBase(NamedTuple):
    """The start of a plan. `removed_environments` are environments of the baseline whose file no longer exists.

    `today` decides which tombstones count, and nothing else: no byte of a manifest depends on it. `problems` are those of
    manifests that are not in Git. `delivery` is the baseline of the files below `delivery/`.
    """

    baseline: Baseline
    today: date
    removed_environments: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    delivery: Baseline | None = None


def load_plan_base(
    project: Project, against: str | None, today: date, *, whole: bool, reports_untracked: bool = False
) -> PlanBase:
    """Load the baseline at a ref, HEAD for None. Without `whole` the run is of some environments, so none counts as removed.

    With `reports_untracked`, manifests that were never added to Git are problems too. Raises VmgenError like `load_baseline`.
    """
    baseline, delivery = load_baselines((project, project.with_output(DELIVERY_FOLDER)), against)
    uncommitted_manifests = baseline.uncommitted_manifests
    if not reports_untracked or not (against or baseline.committed.environments):
        uncommitted_manifests = uncommitted_manifests._replace(untracked=())
    problems = tuple(find_uncommitted_manifests(project, uncommitted_manifests, is_strict=bool(against)))
    if not whole:
        return PlanBase(baseline, today, problems=problems, delivery=delivery)
    current, _ = find_environments(project)
    removed_names = tuple(name for name in baseline.environments if name not in current)
    return PlanBase(baseline, today, removed_names, problems, delivery)


def load_baseline(project: Project, against: str | None = None) -> Baseline:
    """Load the baseline at the merge base of HEAD and a ref, at HEAD for None; outside of Git, the files.

    Raises VmgenError if a ref is named outside of Git or does not exist, and if git cannot read the repository.
    """
    return load_baselines((project,), against)[0]


def load_baselines(projects: Sequence[Project], against: str | None = None) -> tuple[Baseline, ...]:
    """Load the baseline of each of some output folders of one repository, as `load_baseline` does. Raises VmgenError."""
    root = projects[0].root
    repository = find_repository(root)
    if repository is None:
        if against:
            raise VmgenError(f"--against {against} needs a Git repository, but {root} is not in one")
        return tuple(map(Baseline, projects))
    uncommitted_manifests = list_uncommitted_manifests(projects, repository)
    head = repository.resolve_head()
    if against:
        commit, start = _find_start(repository, projects[0], against, head)
    elif head:
        commit, start = head, Baseline(projects[0], HEAD, repository)
    else:
        note = "There is no commit yet, so every object is new."
        return tuple(
            Baseline(
                project,
                HEAD,
                repository,
                uncommitted_manifests=manifests,
                notes=(note,) if os.path.isdir(project.manifests) else (),
            )
            for project, manifests in zip(projects, uncommitted_manifests, strict=True)
        )
    tree = repository.list_tree(commit, *(project.output for project in projects))
    return tuple(
        _add_manifests(start._replace(project=project, uncommitted_manifests=manifests), repository, tree)
        for project, manifests in zip(projects, uncommitted_manifests, strict=True)
    )


def _add_manifests(baseline: Baseline, repository: Repository, tree: Mapping[str, Blob]) -> Baseline:
    committed = load_committed_project(baseline.project, repository, tree)
    notes = baseline.notes
    if committed.earlier_folders:
        folders = ", ".join(committed.earlier_folders)
        notes += (f"Manifests moved here from {folders}; manifests there at {baseline.ref} count as existing.",)
    return baseline._replace(committed=committed, notes=notes)


def _find_start(repository: Repository, project: Project, against: str, head: str | None) -> tuple[str, Baseline]:
    """Return the commit to compare with, and the baseline at it without its files."""
    tip = repository.resolve_commit(against)
    if tip is None:
        raise VmgenError(repository.explain_missing_ref(against))
    bases = repository.list_merge_bases(tip) if head else ()
    # A disk may be missing in one of several bases, and a merge removes it all the same.
    base = bases[0] if len(bases) == 1 else None
    if base is None:
        common = "this clone has no common commit" if not bases else f"there are {len(bases)} merge bases"
        note = f"Compared with {against} itself: {common} of it and HEAD."
        return tip, Baseline(project, against, repository, notes=(note,), head_is_behind=not repository.shallow)
    if base == tip:
        return tip, Baseline(project, against, repository)
    # The merge base: what the other branch has added since would count as removed here. https://git-scm.com/docs/git-merge-base
    label = f"{base[:_SHORT_ID_LENGTH]}, the merge base of {against} and HEAD"
    return base, Baseline(project, label, repository, notes=(f"Compared with {label}.",))


def list_uncommitted_manifests(projects: Sequence[Project], repository: Repository) -> tuple[UncommittedManifests, ...]:
    """List the manifests that are neither committed nor staged, for each of some output folders of one repository.

    Raises VmgenError if git fails, and if a sparse checkout leaves out environments or manifests.
    """
    files = repository.list_uncommitted_files(ENVIRONMENTS_FOLDER, *(project.output for project in projects))
    for project in projects:
        folders = (f"{ENVIRONMENTS_FOLDER}/", f"{project.output}/")
        left_out = [path for path in files.left_out if path.startswith(folders)]
        if left_out:
            raise VmgenError(
                f"this sparse checkout leaves out {format_count(len(left_out), 'file')}, such as {left_out[0]}; "
                f"git sparse-checkout add environments {project.output}"
            )
    states = (files.untracked, files.ignored)
    return tuple(UncommittedManifests(*(tuple(_select_manifests(project, paths)) for paths in states)) for project in projects)


def _select_manifests(project: Project, paths: Iterable[str]) -> Iterator[str]:
    prefix = f"{project.output}/"
    for path in paths:
        # A repository in the repository is one entry with a slash at its end.
        files = _list_files(project, path) if path.endswith("/") else (path,)
        for file in files:
            if file.startswith(prefix) and is_manifest_file(file) and TEMPORARY_SUFFIX not in file:
                yield file.removeprefix(prefix)


def _list_files(project: Project, folder: str) -> Iterator[str]:
    for parent, _, names in os.walk(project.root / folder):
        below = os.path.relpath(parent, project.root).replace(os.sep, "/")
        yield from (f"{below}/{name}" for name in names)


def find_uncommitted_manifests(project: Project, manifests: UncommittedManifests, *, is_strict: bool) -> Iterator[Problem]:
    """Report manifests that are not in Git, once for each environment.

    They are an error if `is_strict` and in a hook, where the next step is a commit without them.
    """
    is_error = is_strict or any(name in os.environ for name in _HOOK_VARIABLES)
    for paths, state, remedy in (
        (manifests.untracked, "neither committed nor staged", "git add"),
        # An ignored manifest may be on the platform, but no commit removes it, so no plan and no gate sees it go.
        (manifests.ignored, "ignored by Git, so nothing syncs it", "remove from .gitignore the line for"),
    ):
        for environment, group in groupby(sorted(paths), key=lambda path: path.partition("/")[0]):
            names = list(group)
            name_list = format_names([name.removeprefix(f"{environment}/") for name in names], _MAX_NAMES)
            place = Place(project.display_path(project.manifests / environment))
            message = f"{format_count(len(names), 'manifest is', 'manifests are')} {state}: {name_list}; {remedy} {place.file}"
            yield UNCOMMITTED_MANIFEST.build_problem(place, "", message)._replace(severity="error" if is_error else "warning")
