"""The one module that runs git: what is committed at a ref, read without a checkout and without the network."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import VmgenError

# A hook is given the repository of its caller; here it is the folder that says which one is meant.
_INHERITED_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")


class Repository(NamedTuple):
    """A repository that holds a folder. `algorithm` is that of its object ids: sha1 or sha256."""

    folder: Path
    algorithm: str
    shallow: bool

    def resolve_commit(self, ref: str) -> str | None:
        """The id of the commit that a ref names, or None where there is none."""
        if ref.startswith("-"):
            return None
        code, out, _ = _run_git(self.folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return out.decode().strip() if code == 0 else None

    def list_files(self, commit: str, below: str) -> Mapping[str, str] | None:
        """The files below a folder at a commit: their ids, by their paths in that folder.

        None where the folder is a repository of its own, so that this one does not hold what lies in it.
        """
        found: dict[str, str] = {}
        for entry in _check_output(self.folder, "ls-tree", "-r", "-z", commit, "--", below).split(b"\0"):
            if not entry:
                continue
            details, _, path = entry.partition(b"\t")
            mode, _, identity = details.split()
            if mode == b"160000":
                return None
            if mode.startswith(b"100"):
                found[path.decode(errors="surrogateescape").removeprefix(f"{below}/")] = identity.decode()
        return found

    def list_changed_files(self, commit: str) -> frozenset[Path]:
        """The files that differ from a commit, those that are gone or that git does not know included.

        The paths are absolute. A rename is two files, and a file that git ignores may have changed, for all that it knows.
        """
        top = Path(_check_output(self.folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
        differing = _check_output(
            top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=none", "-z", commit
        )
        unknown = _check_output(top, "ls-files", "--others", "-z")
        names = (*differing.split(b"\0"), *unknown.split(b"\0"))
        return frozenset(top / name.decode(errors="surrogateescape") for name in names if name)

    def tracks(self, path: str) -> bool:
        """Whether a file, or a file in a folder, is in the index. `path` counts from the folder of the repository."""
        return bool(_check_output(self.folder, "ls-files", "--cached", "-z", "--", path))

    def read_blobs(self, identities: Iterable[str]) -> Iterator[bytes]:
        """The bytes of some files, by their ids, in that order."""
        wanted = list(identities)
        out = _check_output(self.folder, "cat-file", "--batch", feed="".join(f"{identity}\n" for identity in wanted).encode())
        at = 0
        for identity in wanted:
            head, at = out[at : (end := out.index(b"\n", at))].split(), end + 1
            if len(head) != 3:
                raise VmgenError(f"this clone lacks the file {identity}; {_format_fetch_hint()}")
            yield out[at : at + int(head[2])]
            at += int(head[2]) + 1

    @property
    def blob_hasher(self) -> Callable[[bytes], str]:
        """The function that gives a content the id that git gives it."""
        import hashlib

        digest = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}[self.algorithm]
        return lambda content: digest(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()

    def explain_missing_ref(self, ref: str) -> str:
        """Why a ref cannot be had, and what to do about it."""
        if self.resolve_commit(f"origin/{ref}"):
            return f"no commit '{ref}' in this clone, but there is origin/{ref}; write --against origin/{ref}"
        name = ref.removeprefix("origin/")
        if self.shallow:
            return (
                f"the clone is shallow and has no commit '{ref}'; fetch the history (git fetch --unshallow; fetch-depth: 0 in "
                f"GitHub Actions), or that commit alone (git fetch --depth=1 origin {name}, then --against FETCH_HEAD)"
            )
        return f"there is no commit '{ref}' to compare with; fetch it (git fetch origin {name}), or name another with --against"

    def head_contains(self, commit: str) -> bool:
        """Whether HEAD descends from a commit; taken for granted in a shallow clone, which cannot say."""
        return self.shallow or _run_git(self.folder, "merge-base", "--is-ancestor", commit, "HEAD")[0] == 0


def find_repository(folder: Path) -> Repository | None:
    """The repository that holds a folder; None outside of one, and where git is not installed."""
    if not any(os.path.lexists(above / ".git") for above in (folder, *folder.absolute().parents)):
        return None  # git would look in the same places, after its start
    questions = ("--show-object-format", "--is-shallow-repository", "--is-inside-work-tree")
    try:
        code, out, said = _run_git(folder, "rev-parse", *questions)
    except FileNotFoundError:
        return None
    if code:
        if "not a git repository" in said:
            return None
        raise VmgenError(f"git cannot read the repository of {folder}: {said}")
    algorithm, shallow, inside = out.decode().split()
    return Repository(folder, algorithm, shallow == "true") if inside == "true" else None


def _format_fetch_hint() -> str:
    return "fetch the whole of it (git fetch --refetch, or fetch-depth: 0 and no filter in CI)"


def _check_output(folder: Path, *arguments: str, feed: bytes = b"") -> bytes:
    code, out, said = _run_git(folder, *arguments, feed=feed)
    if code:
        raise VmgenError(f"git {arguments[0]} failed: {said}; {_format_fetch_hint()}")
    return out


def _run_git(folder: Path, *arguments: str, feed: bytes = b"") -> tuple[int, bytes, str]:
    """Run git in a folder: its exit code, what it printed, and what it complained of, on one line."""
    import subprocess  # most commands ask git nothing

    environment = {name: value for name, value in os.environ.items() if name not in _INHERITED_VARIABLES}
    # A partial clone fetches what it lacks on demand: never here, by the new switch or by the old one.
    environment |= {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, input=feed, capture_output=True, check=False)  # noqa: S603
    return done.returncode, done.stdout, " ".join(done.stderr.decode(errors="replace").split())
