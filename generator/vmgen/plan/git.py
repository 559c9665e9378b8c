"""Read the files committed at a ref, without a checkout and without the network."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vmgen.plan.git_process import FETCH_HINT, BlobSizes, check_git_output, disable_filters, run_git
from vmgen.problems import VmgenError
from vmgen.read.configuration import find_git_top

# Small files that git reads whole, by their paths in its folder.
_GIT_FILES = (
    "HEAD",
    "commondir",
    "config",
    "config.worktree",
    "info/attributes",
    "info/exclude",
    "info/grafts",
    "objects/info/alternates",
    "packed-refs",
    "shallow",
)
_SUBMODULE_MODE, _LINK_MODE = "160000", "120000"


class Blob(NamedTuple):
    """A committed file: the id of its content, and the repository that has it, which may be that of a submodule.

    The content of a symbolic link is the path that it names.
    """

    id: str
    repository: Repository
    is_link: bool = False


class UncommittedFiles(NamedTuple):
    """Files that Git does not have, by their paths below a folder, and tracked files that a sparse checkout leaves out."""

    untracked: tuple[str, ...]
    ignored: tuple[str, ...]
    left_out: tuple[str, ...]


class Repository(NamedTuple):
    """The repository that holds a folder. `algorithm` hashes its object ids: sha1 or sha256.

    `prefix` is the path from the top of the work tree to the folder, empty or with a slash at its end.
    """

    folder: Path
    algorithm: str
    shallow: bool
    prefix: str = ""

    @property
    def top(self) -> Path:
        """The top folder of the work tree."""
        return self.folder.joinpath(*[".."] * self.prefix.count("/"))

    def resolve_commit(self, ref: str) -> str | None:
        """Return the id of the commit that a ref names, None if there is none.

        Raises VmgenError if git does not end in time.
        """
        # git would take it for an option, and `--end-of-options` came with Git 2.24 only.
        if ref.startswith("-"):
            return None
        code, output, _ = run_git(self.folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return output.decode().strip() if code == 0 else None

    def resolve_head(self) -> str | None:
        """Return the id of the commit at HEAD, None before the first commit. Raises VmgenError if HEAD cannot be read."""
        commit = self.resolve_commit("HEAD")
        if commit:
            return commit
        code, branch, _ = run_git(self.folder, "symbolic-ref", "--quiet", "HEAD")
        name = branch.decode(errors="surrogateescape").strip()
        # Of a branch that was never committed to there is no file; an empty one is left by a crash, and is no new branch.
        if code == 0:
            path = os.fsdecode(check_git_output(self.folder, "rev-parse", "--git-path", name).removesuffix(b"\n"))
            if not os.path.lexists(self.folder / path) and not check_git_output(self.folder, "for-each-ref", name).strip():
                return None
        raise VmgenError(f"git cannot read HEAD of {self.folder}, so there is no baseline; run git fsck for details")

    def list_refs(self) -> tuple[str, ...]:
        """Return the short names of all branches, remote ones too, and of tags. Raises VmgenError if git fails."""
        names = ("refs/heads", "refs/remotes", "refs/tags")
        return tuple(os.fsdecode(check_git_output(self.folder, "for-each-ref", "--format=%(refname:short)", *names)).split())

    def list_merge_bases(self, commit: str) -> tuple[str, ...]:
        """Return the commits where HEAD left the history of a commit; none if this clone has none.

        There are several if both histories merged each other. Raises VmgenError if git fails.
        """
        code, output, _ = run_git(self.folder, "merge-base", "--all", commit, "HEAD")
        return tuple(output.decode().split()) if code == 0 else ()

    def list_tree(self, commit: str, *folders: str) -> Mapping[str, Blob]:
        """Return the files of a commit by their paths from the top of the work tree.

        Submodules are entered in some folders below `folder`, everywhere if none is named. Raises VmgenError if git fails, and
        if one of these submodules or its commit is not here.
        """
        submodule_folders = tuple(f"{self.prefix}{folder}/" for folder in folders) or ("",)
        blobs: dict[str, Blob] = {}
        # `<mode> <type> <id>TAB<path>`, each ended by NUL with -z: https://git-scm.com/docs/git-ls-tree
        for entry in os.fsdecode(check_git_output(self.folder, "ls-tree", "-r", "-z", "--full-tree", commit)).split("\0")[:-1]:
            details, _, path = entry.partition("\t")
            mode, _, blob_id = details.split(" ")
            if mode != _SUBMODULE_MODE:
                blobs[path] = Blob(blob_id, self, mode == _LINK_MODE)
            elif f"{path}/".startswith(submodule_folders):
                inner = self._list_submodule(path, blob_id)
                blobs.update((f"{path}/{inner_path}", blob) for inner_path, blob in inner.items())
        return blobs

    def _list_submodule(self, path: str, commit: str) -> Mapping[str, Blob]:
        folder = self.top / path
        if not os.path.lexists(folder / ".git"):
            raise VmgenError(f"{path} is a submodule that is not checked out here; git submodule update --init {path}")
        repository = find_repository(folder)
        if repository is None or repository.resolve_commit(commit) is None:
            raise VmgenError(f"the submodule {path} lacks the commit {commit} of the baseline; git -C {path} fetch")
        return repository.list_tree(commit)

    def list_files(self, pattern: str) -> tuple[str, ...]:
        """Return the files that a pathspec names by their paths from the top: tracked ones, and others. Raises VmgenError."""
        # Others too: a file that is new today and read by a template is not tracked yet.
        output = check_git_output(self.folder, "ls-files", "-z", "--full-name", "--cached", "--others", "--", pattern)
        return tuple(os.fsdecode(path) for path in output.split(b"\0") if path)

    def list_uncommitted_files(self, *below: str) -> UncommittedFiles:
        """List the files below folders that are neither committed nor staged. Raises VmgenError if git fails."""
        records = check_git_output(self.folder, "ls-files", "-t", "-z", "--cached", "--others", "--", *below).split(b"\0")
        # The tag S is a tracked file that a sparse checkout leaves out, H any other: https://git-scm.com/docs/git-ls-files
        entries = [os.fsdecode(entry) for entry in records if not entry.startswith(b"H ")]
        left_out = (entry[2:] for entry in entries if entry.startswith("S "))
        others = [entry[2:] for entry in entries if entry.startswith("? ")]
        ignored: list[str] = []
        if others:
            output = check_git_output(
                self.folder, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", *below
            )
            ignored = [os.fsdecode(name) for name in output.split(b"\0") if name]
        return UncommittedFiles(
            tuple(path for path in others if path not in set(ignored)),
            tuple(ignored),
            tuple(path for path in left_out if not os.path.lexists(self.folder / path)),
        )

    def list_changed_files(self, commit: str) -> frozenset[Path]:
        """Return the absolute paths of all files that differ from a commit: changed, deleted, untracked or ignored.

        A rename is two files. An ignored file counts, since git cannot tell if it changed. Submodules that are checked out are
        entered. Raises VmgenError if git fails.
        """
        top = self.top.resolve()
        # To look for changes in a submodule, git would start another git in it, which runs the filters of its configuration.
        flags = ("--name-only", "--no-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", "-z")
        differing = check_git_output(top, "diff", *flags, commit, settings=disable_filters(top))
        untracked = check_git_output(top, "ls-files", "--others", "-z")
        files = {top / os.fsdecode(name) for name in (*differing.split(b"\0"), *untracked.split(b"\0")) if name}
        for path in _list_submodule_paths(top):
            files |= self._list_changed_submodule_files(top / path, f"{commit}:{path}")
        return frozenset(files)

    def _list_changed_submodule_files(self, folder: Path, revision: str) -> frozenset[Path]:
        """Return the files of a submodule that differ from its commit of a revision; all files if that is not here."""
        # By way of a link, a submodule could be its own.
        if not os.path.lexists(folder / ".git") or folder.resolve() != folder:
            return frozenset()
        inner = find_repository(folder)
        if inner is None:  # it has just gone
            return frozenset()
        code, output, _ = run_git(self.folder, "rev-parse", "--verify", "--quiet", revision)
        commit = inner.resolve_commit(output.decode().strip()) if code == 0 else None
        return inner.list_changed_files(commit) if commit else frozenset(folder / path for path in inner.list_files("."))

    def tracks(self, path: str) -> bool:
        """Return whether the index holds a file or folder, given by its path from `folder`; its case does not matter.

        Raises VmgenError if git fails.
        """
        # On a file system that ignores case, `.VMGEN` is the folder `.vmgen`.
        return bool(check_git_output(self.folder, "ls-files", "--cached", "-z", "--", f":(icase){path}"))

    @property
    def blob_hasher(self) -> Callable[[bytes], str]:
        """The function from the bytes of a file to the id that git gives them."""
        import hashlib

        digest = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}[self.algorithm]
        # The header of a blob and its bytes: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
        return lambda content: digest(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()

    def explain_missing_ref(self, ref: str) -> str:
        """Return why a ref does not resolve, and the remedy."""
        if self.resolve_commit(f"origin/{ref}"):
            return f"no commit '{ref}' in this clone, but there is origin/{ref}; write --against origin/{ref}"
        name = ref.removeprefix("origin/")
        if self.shallow:
            return (
                f"the clone is shallow and has no commit '{ref}'; fetch the history (git fetch --unshallow; fetch-depth: 0 in "
                f"GitHub Actions), or that commit alone (git fetch --depth=1 origin {name}, then --against FETCH_HEAD)"
            )
        return f"there is no commit '{ref}' to compare with; fetch it (git fetch origin {name}), or name another with --against"


def read_blobs(blobs: Iterable[Blob]) -> Iterator[bytes]:
    """Yield the content of blobs, in their order. Raises VmgenError if a clone lacks one."""
    blobs = list(blobs)
    contents: dict[Blob, bytes] = {}
    for repository in dict.fromkeys(blob.repository for blob in blobs):
        own = [blob for blob in blobs if blob.repository == repository]
        contents.update(zip(own, _read_contents(repository.folder, [blob.id for blob in own]), strict=True))
    return (contents[blob] for blob in blobs)


def _read_contents(folder: Path, ids: list[str]) -> Iterator[bytes]:
    content = "".join(f"{blob_id}\n" for blob_id in ids).encode()
    output = check_git_output(folder, "cat-file", "--batch", stdin=content, check_output=BlobSizes().check)
    start = 0
    for blob_id in ids:
        end_of_line = output.index(b"\n", start)
        header, start = output[start:end_of_line].split(), end_of_line + 1
        # `<id> <type> <size>`, or `<id> missing`: https://git-scm.com/docs/git-cat-file#_batch_output
        if len(header) != 3:
            raise VmgenError(f"this clone lacks the file {blob_id}; {FETCH_HINT}")
        size = int(header[2])
        yield output[start : start + size]
        start += size + 1


def _list_submodule_paths(top: Path) -> Iterator[str]:
    for entry in check_git_output(top, "ls-files", "--stage", "-z").split(b"\0"):
        # `<mode> <id> <stage>TAB<path>`: https://git-scm.com/docs/git-ls-files#_output
        if entry.startswith(_SUBMODULE_MODE.encode()):
            yield os.fsdecode(entry.partition(b"\t")[2])


def find_repository(folder: Path) -> Repository | None:
    """Return the repository that holds a folder; None outside of one.

    Raises VmgenError if there is a `.git` that git cannot use, or no git program: taken for none, it would open the gate.
    """
    path = folder.resolve()
    work_tree = find_git_top(path)
    if work_tree is None:
        return None
    _check_git_files(work_tree / ".git")
    questions = ("--show-object-format", "--is-shallow-repository", "--is-inside-work-tree", "--show-prefix")
    try:
        code, output, complaint = run_git(folder, "rev-parse", *questions)
    except FileNotFoundError:
        raise VmgenError(
            f"{folder} is in a git repository but there is no git program, so the baseline is unknown; install git"
        ) from None
    if code:
        raise VmgenError(f"git cannot use {work_tree / '.git'}, so the baseline is unknown: {complaint}")
    algorithm, shallow, inside, prefix = os.fsdecode(output).split("\n", 3)
    prefix = prefix.rstrip("\n")
    if inside != "true" or work_tree / prefix != path:
        raise VmgenError(
            f"git does not use {folder} as a part of the work tree of {work_tree / '.git'}; "
            "look at core.bare and core.worktree in its configuration"
        )
    return Repository(folder, algorithm, shallow == "true", prefix)


def _check_git_files(git_folder: Path) -> None:
    """Raise VmgenError for a file of Git that is elsewhere: git quotes some of them, and reads others without end."""
    for path in (git_folder, *(git_folder / name for name in _GIT_FILES)):
        try:
            mode = os.stat(path, follow_symlinks=False).st_mode
        except OSError:
            continue
        # Tools share files among work trees by links to files of the same name: git-new-workdir, repo. HEAD was a link once.
        real = Path(os.path.realpath(path))
        is_own = stat.S_ISREG(mode) or (stat.S_ISDIR(mode) and path == git_folder)
        if stat.S_ISLNK(mode):
            is_own = real.is_dir() if path == git_folder else real.is_file() and real.name == path.name
            is_own = is_own or (path.name == "HEAD" and real.is_relative_to(os.path.realpath(git_folder)))
        if not is_own:
            raise VmgenError(f"{path} is not a file of Git's own, so the baseline is unknown; replace it")


def read_tree_id(folder: Path, name: str) -> str:
    """Return the id of the tree at HEAD of a folder's subfolder; empty if there is none, or Git cannot tell.

    Raises VmgenError if git does not end in time.
    """
    if find_git_top(folder.resolve()) is None:
        return ""
    try:
        code, output, _ = run_git(folder, "rev-parse", "--verify", "--quiet", f"HEAD:./{name}")
    except FileNotFoundError:
        return ""
    return output.decode().strip() if code == 0 else ""


def create_repository(folder: Path) -> bool:
    """Make a Git repository of a folder, and return whether git could. Raises VmgenError if git does not end in time."""
    try:
        return run_git(folder, "init", "--quiet")[0] == 0
    except FileNotFoundError:  # git is not installed
        return False
