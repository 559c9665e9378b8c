"""A pull request cannot open the gate: whatever it brings, `check --verify --against BASE` does not pass with a disk gone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WEB = """\
namespace: tenant-acme
vms:
  web: {count: 3, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}
"""
FEWER = WEB.replace("count: 3", "count: 2")
Attack = Callable[[Any], None]
Committed = Callable[..., Any]


def _write(**files: str) -> Attack:
    """Add files, by their paths with `__` for a slash and `_d_` for a dot."""
    named = {name.replace("__", "/").replace("_d_", "."): text for name, text in files.items()}
    return lambda history: history.repository.write(named)


def _environment(text: str) -> Attack:
    return lambda history: history.write(production=text)


def _verdicts(history: Any) -> None:
    """Say in tables of its own that nothing destroys data."""
    built_in = Path(__file__).resolve().parents[2] / "templates"
    for path in built_in.glob("*/verdicts.yaml"):
        text = path.read_text(encoding="utf-8").replace("DESTROYS DATA", "no effect").replace("rejected", "no effect")
        history.repository.write({f"templates/{path.parent.name}/verdicts.yaml": text})


def _template(history: Any) -> None:
    """Render disks without guards, from a template of its own."""
    built_in = Path(__file__).resolve().parents[2] / "templates/hikube/vm-disk.yaml.j2"
    text = built_in.read_text(encoding="utf-8").replace("Prune=confirm", "Prune=true")
    history.repository.write({"templates/hikube/vm-disk.yaml.j2": text})


def _headers(history: Any) -> None:
    for path in (history.repository.root / "manifests").rglob("*.yaml"):
        path.write_bytes(path.read_bytes().partition(b"\n")[2])


def _move(target: str) -> Attack:
    def move(history: Any) -> None:
        (history.root / target).mkdir(parents=True)
        for name in ("environments", "manifests"):
            shutil.move(history.root / name, history.root / target / name)

    return move


def _rename_environment(history: Any) -> None:
    os.rename(history.root / "environments/production.yaml", history.root / "environments/prod.yaml")


def _duplicate(history: Any) -> None:
    """Let another environment claim what goes, in another cluster."""
    history.write(other=f"cluster: elsewhere\n{WEB}")


def _link(history: Any) -> None:
    os.rename(history.root / "manifests", history.root / "elsewhere")
    (history.root / "manifests").symlink_to("elsewhere")


def _link_environment(history: Any) -> None:
    os.rename(history.root / "environments/production.yaml", history.root / "p.yaml")
    (history.root / "environments/production.yaml").symlink_to("../p.yaml")


def _nested_repository(history: Any) -> None:
    nested = history.at(history.root / "manifests")
    nested.git("init", "--quiet")
    nested.commit()
    history.git("rm", "-rq", "--cached", "manifests")


def _submodule(history: Any) -> None:
    _nested_repository(history)
    history.repository.write({".gitmodules": '[submodule "m"]\n  path = manifests\n  url = https://example.com/m.git\n'})


def _replace_refs(history: Any) -> None:
    tree = history.git("hash-object", "-t", "tree", "-w", os.devnull)
    history.git("replace", "--force", "HEAD", history.git("commit-tree", "-m", "x", tree))


def _second_first_line(history: Any) -> None:
    """Leave the disk in a file that looks like ours and is listed nowhere."""
    path = history.repository.root / "manifests/production/disks/web/web-3-data.yaml"
    history.repository.write({"manifests/production/disks/kept.yaml": path.read_text(encoding="utf-8")})


def _other_folder(history: Any) -> None:
    """Leave the disk in the tree, under a folder that nobody delivers."""
    path = history.repository.root / "manifests/production/disks/web/web-3-data.yaml"
    history.repository.write({"manifests/attic/web-3-data.yaml": path.read_text(encoding="utf-8").partition("\n")[2]})


def _orphan_history(history: Any) -> None:
    history.git("checkout", "--quiet", "--orphan", "other")


TRIES: dict[str, Attack] = {
    "nothing else": lambda history: None,
    "own verdicts": _verdicts,
    "own template of disks": _template,
    "own platform": _write(templates__mine__platform_d_yaml="kinds: {}\n"),
    "own gitops rules": _write(templates__shared__gitops_d_yaml="{}\n"),
    "policy that forgives": _write(policies__x_d_yaml="id: destroys-data\nkind: VMDisk\nschema: {}\nmessage: fine\n"),
    "policy severity": _environment(f"{FEWER}policy: {{destroys-data: 'off'}}\n"),
    "waiver": _environment(f"{FEWER}waivers:\n  - {{rule: destroys-data, subject: vms.web, reason: x, until: 2099-01-01}}\n"),
    "expired tombstone": _environment(f"{FEWER}retire:\n  - {{disk: web-3-data, reason: x, until: 2020-01-01}}\n"),
    "tombstone of the VM": _environment(f"{FEWER}retire:\n  - {{vm: web-3, reason: x}}\n"),
    "tombstone with a wildcard": _environment(f"{FEWER}retire:\n  - {{disk: 'web-*', reason: x}}\n"),
    "tombstone of another namespace": lambda history: history.write(
        other="namespace: tenant-two\nretire:\n  - {disk: web-3-data, reason: x}\n  - {disk: web-3-system, reason: x}\n"
    ),
    "another namespace": _environment(WEB.replace("tenant-acme", "tenant-two")),
    "another cluster": _duplicate,
    "renamed environment": _rename_environment,
    "notes of an earlier run": _write(_d_vmgen__stamps__production_d_json="{}", _d_vmgen__checked__production_d_json="{}"),
    "attributes: binary": _write(_d_gitattributes="manifests/** binary -diff\n"),
    "attributes: a filter": _write(_d_gitattributes="*.yaml filter=lfs diff=lfs merge=lfs -text\n"),
    "attributes: export-ignore": _write(_d_gitattributes="manifests export-ignore\n"),
    "ignored": _write(_d_gitignore="manifests/\n"),
    "submodule": _submodule,
    "repository in the repository": _nested_repository,
    "configuration": _write(vmgen_d_toml="against = 'HEAD'\nallow-empty = true\n"),
    "mail map and modules": _write(_d_mailmap="x <x@x>\n", _d_gitmodules='[submodule "x"]\n  path = manifests\n'),
    "replaced objects": _replace_refs,
    "link in the place of manifests": _link,
    "link in the place of an environment": _link_environment,
    "renamed folder": _move("infra"),
    "folder in a folder": _move("a/b/c"),
    "no first lines": _headers,
    "disk in a file that nothing lists": _second_first_line,
    "disk in a folder of no environment": _other_folder,
    "another beginning of history": _orphan_history,
    "defaults that nobody reads": _write(environments___defaults_d_yml="retire: []\n"),
    "patch over the render": _write(manifests__production__vms__kustomization_d_yml="resources: []\n"),
}


def _lose(root: Path) -> None:
    """Take the third VM and its disks out of the manifests, with their lines in the lists."""
    for listing in sorted(root.rglob("kustomization.yaml")):
        lines = listing.read_text(encoding="utf-8").splitlines(keepends=True)
        listing.write_text("".join(line for line in lines if "web-3" not in line), encoding="utf-8")
    for path in sorted((root / "manifests").rglob("web-3*.yaml")):
        path.unlink()


@pytest.mark.parametrize("attack", TRIES.values(), ids=TRIES)
@pytest.mark.parametrize("commits", [1, 2], ids=["at once", "in two steps"])
def test_pull_request_cannot_open_the_gate(committed: Committed, attack: Attack, commits: int) -> None:
    """With a disk gone, `check --verify --against BASE` does not pass, in whichever order the commits come."""
    history = committed()
    base = history.git("rev-parse", "HEAD")
    if commits == 1:
        history.write(production=FEWER)
    attack(history)
    root = next(path.parent for path in sorted(history.root.rglob("environments")) if ".git" not in path.parts)
    if commits == 2:
        history.git("add", "--all")
        history.git("commit", "--quiet", "--allow-empty", "--message", "an attack")
        environment = next((root / "environments").glob("prod*.yaml"))
        environment.write_text(environment.read_text(encoding="utf-8").replace("count: 3", "count: 2"), encoding="utf-8")
    _lose(root)
    history.git("add", "--all")
    history.git("commit", "--quiet", "--allow-empty", "--message", "a loss")
    done = history.at(root).vmgen("check", "--verify", "--against", base, "--kustomize", "off")
    assert done.code in (1, 2), done.messages
    assert "no problems found" not in done.messages
    assert done.code == 2 or ": error: " in done.messages, done.messages
