"""The files that `vmgen init` writes into a new repository. Existing files are never overwritten."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from string import Template
from typing import NamedTuple

from vmgen import __version__
from vmgen.filesystem.reader import read_file
from vmgen.filesystem.system_errors import describe_write_error
from vmgen.filesystem.writer import TreeWriter
from vmgen.merge.layers import DEFAULT_PLATFORM
from vmgen.merge.values_schema import build_values_schema
from vmgen.problems import VmgenError
from vmgen.read.repository import VALUES_SCHEMA_FILE, Project
from vmgen.yaml_text import quote, to_flow

STARTER_FOLDER = Path(__file__).resolve().parent.parent / "starter"
FORGES = ("github", "gitlab")
KEY_FILE = "environments/keys/ops.pub"

# The path in the new repository of each file of the starter. Names in `.in` are string.Template, the others are copied.
_FILES = {
    "defaults.yaml.in": "environments/_defaults.yaml",
    "production.yaml.in": "environments/production.yaml",
    "CODEOWNERS.in": "CODEOWNERS",
    "Makefile": "Makefile",
    "README.md.in": "README.md",
    "requirements.txt.in": "requirements.txt",
    "editorconfig": ".editorconfig",
    "gitattributes": ".gitattributes",
    "gitignore": ".gitignore",
    "pre-commit-config.yaml": ".pre-commit-config.yaml",
    "vscode-extensions.json": ".vscode/extensions.json",
    "vscode-settings.json": ".vscode/settings.json",
}
_PIPELINES = {
    "github": {"github-workflow.yaml": ".github/workflows/vmgen.yaml", "renovate.json": "renovate.json"},
    "gitlab": {"gitlab-ci.yaml": ".gitlab-ci.yml", "renovate.json": "renovate.json"},
}
# Read by forges and by pre-commit at the top of the Git repository alone.
_TOP_FILES = ("CODEOWNERS", ".pre-commit-config.yaml", *(path for files in _PIPELINES.values() for path in files.values()))
# In a folder below the top: the text to replace in each file, and its replacement.
_IN_DIRECTORY = {
    ".github/workflows/vmgen.yaml": {
        "    runs-on: ubuntu-latest\n": "    runs-on: ubuntu-latest\n    defaults:\n      run:\n"
        "        working-directory: {0}\n",
        "          cache: pip\n": "          cache: pip\n          cache-dependency-path: {0}/requirements.txt\n",
    },
    ".gitlab-ci.yml": {
        "  before_script:\n": "  before_script:\n    - cd {0}\n",
        "paths: [plan.md]": "paths: [{0}/plan.md]",
        "codequality: ": "codequality: {0}/",
        "junit: gl": "junit: {0}/gl",
    },
    ".pre-commit-config.yaml": {"make --silent check": "make --silent --directory {0} check"},
    "CODEOWNERS": {"/manifests/*/disks/": "/{0}/manifests/*/disks/"},
}
_NO_KEYS = """\
  # Nobody can log in yet. Add your public keys to environments/keys/ops.pub (one per line) and uncomment the next line:
  # sshKeys: [{file: keys/ops.pub}]
"""
_KEYS = """\
  sshKeys: [{file: keys/ops.pub}]
"""
_STRICT_LOGINS = "no-ssh-key: error\n"
_LATER_LOGINS = "no-ssh-key: warning    # make an error of it once there are keys\n"
_APPLY_STEP = "Once: commit, push, and apply the files in `delivery/`. From then on, each merge is a deployment."
_POINT_STEP = (
    "Once: point Argo CD or Flux at `manifests/production`, or generate their configuration with `delivery:` in\n"
    "`environments/_defaults.yaml`. From then on, each merge is a deployment."
)
_NOTE = "# Until this version is published, choose a requirement that pip can install: vmgen init --update --requirement TEXT\n"
_NO_OWNERS = "# Uncomment and edit:\n# /manifests/*/disks/ @acme/data-owners"


class StarterOptions(NamedTuple):
    """What the files of a new repository depend on. An empty value becomes a comment that explains how to add it later.

    `keys` is the text of a file of public SSH keys, `owners` the names that CODEOWNERS takes, `argocd` the URL of the
    repository for Argo CD, and `flux` the name of its GitRepository. `requirement` is what pip installs, `directory` the
    folder of the new repository below the top of the Git repository that holds it; empty at the top.
    """

    namespace: str
    platform: str = DEFAULT_PLATFORM
    forges: tuple[str, ...] = FORGES
    keys: str = ""
    owners: str = ""
    argocd: str = ""
    flux: str = ""
    requirement: str = ""
    directory: str = ""
    platform_version: str = ""


def render_starter(options: StarterOptions, folder: Path) -> dict[str, str]:
    """Return the text of each file by its path from `folder`, the new repository."""
    sources = dict(_FILES)
    for forge in options.forges:
        sources |= _PIPELINES[forge]
    values = _build_values(options)
    files: dict[str, str] = {}
    for name, path in sources.items():
        source = read_file(str(STARTER_FOLDER / name)).decode()
        is_template = name.endswith(".in")
        files[path] = Template(source).substitute(values).rstrip("\n") + "\n" if is_template else source
    files[VALUES_SCHEMA_FILE] = build_values_schema(Project(folder), options.platform, options.platform_version)
    if options.keys:
        files[KEY_FILE] = options.keys.rstrip("\n") + "\n"
    return _move_to_top(files, options.directory) if options.directory else files


def _move_to_top(files: Mapping[str, str], directory: str) -> dict[str, str]:
    """Return files with those for forges at the top of the Git repository, for a repository in a folder below it."""
    up = "../" * len(directory.split("/"))
    moved_files = {}
    for path, content in files.items():
        for old, new in _IN_DIRECTORY.get(path, {}).items():
            content = content.replace(old, new.format(directory))
        moved_files[up + path if path in _TOP_FILES else path] = content
    return moved_files


def _build_values(options: StarterOptions) -> dict[str, str]:
    is_default_platform = options.platform == DEFAULT_PLATFORM
    return {
        "namespace": quote(options.namespace),
        "platform": "" if is_default_platform else f"platform: {quote(options.platform)}\n",
        "version": f"platformVersion: {json.dumps(options.platform_version)}\n" if options.platform_version else "",
        "keys": _KEYS if options.keys else _NO_KEYS,
        "logins": _STRICT_LOGINS if options.keys else _LATER_LOGINS,
        "delivery": "".join(_render_delivery(options)),
        "owners": f"/manifests/*/disks/ {options.owners}" if options.owners else _NO_OWNERS,
        "more": ", including SSH keys" if options.keys else "",
        "first": _APPLY_STEP if options.argocd or options.flux else _POINT_STEP,
        "requirement": options.requirement or f"vmgen[engine]=={__version__}",
        "note": _NOTE if not options.requirement else "",
    }


def _render_delivery(options: StarterOptions) -> Iterator[str]:
    if options.argocd or options.flux:
        yield "delivery:\n"
    if options.argocd:
        yield f"  argocd:\n    repoURL: {quote(options.argocd)}\n    destination: {to_flow({'name': options.platform})}\n"
    if options.flux:
        yield f"  flux:\n    sourceRef: {to_flow({'kind': 'GitRepository', 'name': options.flux})}\n"


def locate_file(folder: Path, path: str) -> tuple[Path, str]:
    """Return the folder that a file of the starter is written below, and its path from there: `../` leads to the top of Git."""
    steps = path.count("../")
    if not steps:
        return folder, path
    name = path.removeprefix("../" * steps)
    return folder.resolve().parents[steps - 1], name


def write_missing(folder: Path, files: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the files that do not exist, and return the sorted paths of written and of skipped files.

    If the folder already holds environments, none is added. Raises VmgenError if a file cannot be written, and leaves none of
    them behind then.
    """
    # A file such as _defaults.yaml is no environment, and all that is there if an earlier run was killed.
    has_environments = any((folder / "environments").glob("[!_]*.yaml"))
    new_paths: list[str] = []
    existing_paths: list[str] = []
    groups: dict[Path, dict[str, str]] = {}
    for path in files:
        root, name = locate_file(folder, path)
        groups.setdefault(root, {})[name] = path
    with ExitStack() as stack:
        writers = {root: stack.enter_context(TreeWriter(str(root))) for root in groups}
        for root, names in groups.items():  # before the first is written
            for name in names:
                writers[root].check_folder(name.rpartition("/")[0])
        for root, names in groups.items():
            for name, path in names.items():
                if os.path.lexists(root / name) or (has_environments and path.startswith("environments/")):
                    existing_paths.append(path)
                    continue
                try:
                    writers[root].create(name, files[path].encode())
                except OSError as error:
                    for other_root, other_names in groups.items():
                        writers[other_root].discard(name for name, path in other_names.items() if path in new_paths)
                    raise VmgenError(describe_write_error(error)) from None
                new_paths.append(path)
    return tuple(sorted(new_paths)), tuple(sorted(existing_paths))
