"""Read what is committed at a ref, without a checkout and without the network. No other module runs git."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from vmgen.problems import VmgenError

# A hook inherits the repository of its caller; here the folder alone decides which repository is meant.
_INHERITED_VARIABLES = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")
# A partial clone fetches what it lacks on demand. GIT_NO_LAZY_FETCH forbids that from Git 2.45 on, and with no protocol
# allowed an older Git cannot either: https://git-scm.com/docs/git#Documentation/git.txt-GITNOLAZYFETCH
_OFFLINE_VARIABLES = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
_SUBMODULE_MODE, _FILE_MODE_PREFIX = b"160000", b"100"
_FETCH_HINT = "fetch the whole of it (git fetch --refetch, or fetch-depth: 0 and no filter in CI)"


class Repository(NamedTuple):
    """The repository that holds a folder. `algorithm` hashes its object ids: sha1 or sha256."""

    folder: Path
    algorithm: str
    shallow: bool

    def resolve_commit(self, ref: str) -> str | None:
        """Return the id of the commit that a ref names, None if there is none."""
        if ref.startswith("-"):
            return None
        code, output, _ = _run_git(self.folder, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
        return output.decode().strip() if code == 0 else None

    def list_files(self, commit: str, below: str) -> Mapping[str, str] | None:
        """Return the blob ids of the files below a folder at a commit, by path in that folder.

        None if the folder is a submodule, whose files this repository does not hold. Raises VmgenError if git fails.
        """
        blobs: dict[str, str] = {}
        for entry in _check_output(self.folder, "ls-tree", "-r", "-z", commit, "--", below).split(b"\0"):
            details, _, path = entry.partition(b"\t")
            if details.startswith(_SUBMODULE_MODE):
                return None
            if details.startswith(_FILE_MODE_PREFIX):
                blob = details.split()[2].decode()
                blobs[path.decode(errors="surrogateescape").removeprefix(f"{below}/")] = blob
        return blobs

    def list_changed_files(self, commit: str) -> frozenset[Path]:
        """Return the absolute paths of all files that differ from a commit: changed, deleted, untracked or ignored.

        A rename is two files. An ignored file counts, since git cannot tell if it changed. Raises VmgenError if git fails.
        """
        top = Path(_check_output(self.folder, "rev-parse", "--show-toplevel").decode().rstrip("\n"))
        differing = _check_output(
            top, "diff", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=none", "-z", commit
        )
        untracked = _check_output(top, "ls-files", "--others", "-z")
        names = (*differing.split(b"\0"), *untracked.split(b"\0"))
        return frozenset(top / name.decode(errors="surrogateescape") for name in names if name)

    def tracks(self, path: str) -> bool:
        """Return whether the index holds a file or folder, given by its path from `folder`; its case does not matter."""
        # On a file system that ignores case, `.VMGEN` is the folder `.vmgen`.
        return bool(_check_output(self.folder, "ls-files", "--cached", "-z", "--", f":(icase){path}"))

    def read_blobs(self, blobs: Iterable[str]) -> Iterator[bytes]:
        """Yield the bytes of blobs by their ids, in that order. Raises VmgenError if this clone lacks one."""
        ids = list(blobs)
        output = _check_output(self.folder, "cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in ids).encode())
        start = 0
        for blob in ids:
            end_of_line = output.index(b"\n", start)
            header, start = output[start:end_of_line].split(), end_of_line + 1
            if len(header) != 3:
                raise VmgenError(f"this clone lacks the file {blob}; {_FETCH_HINT}")
            size = int(header[2])
            yield output[start : start + size]
            start += size + 1

    @property
    def blob_hasher(self) -> Callable[[bytes], str]:
        """The function from the bytes of a file to the id that git gives them."""
        import hashlib

        digest = {"sha1": hashlib.sha1, "sha256": hashlib.sha256}[self.algorithm]
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

    def head_contains(self, commit: str) -> bool:
        """Return true if HEAD descends from a commit. A shallow clone cannot tell, and gets true."""
        return self.shallow or _run_git(self.folder, "merge-base", "--is-ancestor", commit, "HEAD")[0] == 0


def find_repository(folder: Path) -> Repository | None:
    """Return the repository that holds a folder; None outside of one, and if git is not installed.

    Raises VmgenError if git refuses the repository: taken for none, it would open the gate.
    """
    # Git looks in the same places, but only after its start.
    if not any(os.path.lexists(parent / ".git") for parent in (folder, *folder.absolute().parents)):
        return None
    questions = ("--show-object-format", "--is-shallow-repository", "--is-inside-work-tree")
    try:
        code, output, complaint = _run_git(folder, "rev-parse", *questions)
    except FileNotFoundError:
        return None
    if code:
        if "not a git repository" in complaint:
            return None
        raise VmgenError(f"git cannot read the repository of {folder}: {complaint}")
    algorithm, shallow, inside = output.decode().split()
    return Repository(folder, algorithm, shallow == "true") if inside == "true" else None


def _check_output(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    code, output, complaint = _run_git(folder, *arguments, stdin=stdin)
    if code:
        raise VmgenError(f"git {arguments[0]} failed: {complaint}; {_FETCH_HINT}")
    return output


def _run_git(folder: Path, *arguments: str, stdin: bytes = b"") -> tuple[int, bytes, str]:
    """Run git in a folder. Return its exit code, its stdout, and its stderr on one line."""
    import subprocess  # most commands ask git nothing

    environment = {name: value for name, value in os.environ.items() if name not in _INHERITED_VARIABLES}
    environment |= _OFFLINE_VARIABLES
    command = ["git", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, input=stdin, capture_output=True, check=False)  # noqa: S603
    return done.returncode, done.stdout, " ".join(done.stderr.decode(errors="replace").split())
