"""The files of a new repository: what `vmgen init` writes, and the rule that it never writes over a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from string import Template
from typing import NamedTuple

from vmgen import __version__
from vmgen.merge.platform import DEFAULT_PLATFORM
from vmgen.read.repository import read_schema_text
from vmgen.yaml_text import quote, to_flow

STARTER_FOLDER = Path(__file__).resolve().parent.parent / "starter"
FORGES = ("github", "gitlab")
KEY_FILE = "environments/keys/ops.pub"

# Where each file of the starter goes. A name that ends in `.in` is filled in, the others are copied.
_FILES = {
    "defaults.yaml.in": "environments/_defaults.yaml",
    "production.yaml.in": "environments/production.yaml",
    "CODEOWNERS.in": "CODEOWNERS",
    "Makefile": "Makefile",
    "README.md.in": "README.md",
    "requirements.txt.in": "requirements.txt",
    "gitattributes": ".gitattributes",
    "gitignore": ".gitignore",
    "pre-commit-config.yaml": ".pre-commit-config.yaml",
    "vscode-extensions.json": ".vscode/extensions.json",
    "vscode-settings.json": ".vscode/settings.json",
}
_PIPELINES = {
    "github": {"github-workflow.yaml": ".github/workflows/vmgen.yaml"},
    "gitlab": {"gitlab-ci.yaml": ".gitlab-ci.yml"},
}
_NO_KEYS = """\
  # Put public keys into environments/keys/ops.pub, one a line, and take the mark away: without a key nobody can log in.
  # sshKeys: [{file: keys/ops.pub}]
"""
_KEYS = """\
  sshKeys: [{file: keys/ops.pub}]
"""
_APPLY_STEP = "The first time: commit, push, and apply what lies in `delivery/` once. From then on a merge is a deployment."
_POINT_STEP = (
    "The first time: point Argo CD or Flux at `manifests/production`, or let vmgen write what they need, with `delivery:` in\n"
    "`environments/_defaults.yaml`. From then on a merge is a deployment."
)
_NO_OWNERS = "# Name them and take the mark away:\n# /manifests/*/disks/ @acme/data-owners"


class StarterOptions(NamedTuple):
    """What a new repository depends on. What is empty is left for later, with a line that says how."""

    namespace: str
    platform: str = DEFAULT_PLATFORM
    forges: tuple[str, ...] = FORGES
    keys: str = ""
    owners: str = ""
    argocd: str = ""
    flux: str = ""


def render_starter(answers: StarterOptions) -> dict[str, str]:
    """The text of each file, by its path in the new repository."""
    chosen = dict(_FILES)
    for forge in answers.forges:
        chosen |= _PIPELINES[forge]
    values = _build_values(answers)
    files = {path: _render_file(name, values) for name, path in chosen.items()}
    files["schema/environment.schema.json"] = read_schema_text("environment")
    if answers.keys:
        files[KEY_FILE] = answers.keys.rstrip("\n") + "\n"
    return files


def _render_file(name: str, values: Mapping[str, str]) -> str:
    source = (STARTER_FOLDER / name).read_text(encoding="utf-8")
    return Template(source).substitute(values).rstrip("\n") + "\n" if name.endswith(".in") else source


def _build_values(answers: StarterOptions) -> dict[str, str]:
    other_platform = answers.platform != DEFAULT_PLATFORM
    return {
        "namespace": quote(answers.namespace),
        "platform": f"platform: {quote(answers.platform)}\n" if other_platform else "",
        "keys": _KEYS if answers.keys else _NO_KEYS,
        "delivery": "".join(_render_delivery(answers)),
        "owners": f"/manifests/*/disks/ {answers.owners}" if answers.owners else _NO_OWNERS,
        "more": ", the SSH keys among it" if answers.keys else "",
        "first": _APPLY_STEP if answers.argocd or answers.flux else _POINT_STEP,
        "version": __version__,
    }


def _render_delivery(answers: StarterOptions) -> Iterator[str]:
    if answers.argocd or answers.flux:
        yield "delivery:\n"
    if answers.argocd:
        yield f"  argocd:\n    repoURL: {quote(answers.argocd)}\n    destination: {to_flow({'name': answers.platform})}\n"
    if answers.flux:
        yield f"  flux:\n    sourceRef: {to_flow({'kind': 'GitRepository', 'name': answers.flux})}\n"


def write_missing(folder: Path, files: Mapping[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Write the files that are not there yet: their paths, and those of the files that were there and stay as they are.

    Where the folder holds environments already, none is added to them.
    """
    taken = any((folder / "environments").glob("*.yaml"))
    made, kept = [], []
    for path, content in files.items():
        target = folder / path
        if target.exists() or target.is_symlink() or (taken and path.startswith("environments/")):
            kept.append(path)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(content)
        made.append(path)
    return tuple(sorted(made)), tuple(sorted(kept))
