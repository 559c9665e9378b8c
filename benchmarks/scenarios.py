"""The measurements at each size: vmgen in each situation, and its peers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

from benchmarks.fleets import change_one_vm, write_fleet, write_values
from benchmarks.peers.peer import Peer

COLD = "vmgen cold"
NO_OP = "vmgen no-op"
CHANGED = "vmgen one VM changed"
GIT = "vmgen cold, Git"
PLAN = "vmgen plan, one VM changed"
CHECK = "vmgen check --verify"
IMPACT = "vmgen impact"
EXPLAIN = "vmgen explain"
LIST = "vmgen list"
IMPORT = "vmgen import"
STATUS = "vmgen status"
BUILDS = "kustomize alone"
COMMANDS = (PLAN, CHECK, IMPACT, EXPLAIN, LIST, IMPORT, STATUS)
VMGEN_SCENARIOS = (COLD, NO_OP, CHANGED, GIT, *COMMANDS, BUILDS)
# A render, then nothing to do, then a change, in one fleet.
SHARING = (COLD, NO_OP, CHANGED)
SIZES_WITH_GIT = (1_000, 10_000)
# The largest fleet of commands whose promises end there, and which would take most of a round of the next size.
LARGEST_PROMISED = 10_000
OBJECTS_PER_BUILD = 200


class Scenario(NamedTuple):
    """A command, and what makes its situation before it, which is not measured: given the number of VMs and of the round.

    It takes part at all sizes, or at some.
    """

    name: str
    command: Sequence[str]
    folder: Path
    prepare: Callable[[int, int], object]
    takes: Callable[[int], bool] = bool


def build_scenarios(vmgen: Path, peers: Sequence[Peer], work: Path) -> tuple[Scenario, ...]:
    """Return all scenarios, those of vmgen and of the peers in turn."""
    pairs = zip_longest(_build_renders((str(vmgen), "render"), work), (_build_peer(peer, work) for peer in peers))
    return (*(each for each in chain.from_iterable(pairs) if each), *_build_commands(str(vmgen), work))


def build_environment(work: Path) -> Mapping[str, str]:
    """Return the environment variables of every run: a folder for caches that the rounds fill, and no settings of the user."""
    cache = str(work / "cache")
    caches = {"XDG_CACHE_HOME": cache, "JSII_RUNTIME_PACKAGE_CACHE_ROOT": cache}
    # Empty: without bytecode each start would compile the program, which an installed one never does.
    return {**caches, "GIT_CONFIG_GLOBAL": os.devnull, "PYTHONDONTWRITEBYTECODE": ""}


def _build_renders(render: Sequence[str], work: Path) -> tuple[Scenario, ...]:
    fleet, repository = work / "fleet", work / "repository"

    def commit(vms: int, _: int) -> None:
        _replace_fleet(vms, repository)
        _commit_all(repository)

    return (
        Scenario(COLD, render, fleet, lambda vms, _: _replace_fleet(vms, fleet)),
        Scenario(NO_OP, render, fleet, lambda *_: None),
        Scenario(CHANGED, render, fleet, lambda _, round_: change_one_vm(fleet, round_)),
        Scenario(GIT, render, repository, commit, SIZES_WITH_GIT.__contains__),
    )


def _build_commands(vmgen: str, work: Path) -> tuple[Scenario, ...]:
    """Return the commands beside render, on a fleet whose manifests are committed; and the builds of kustomize alone."""
    from vmgen.kustomize.engine import find_kustomize_command  # the plot reads this module without vmgen

    fleet, dump, parts = work / "committed", work / "committed-dump.json", work / "committed-parts"
    adoption = work / "adoption"

    def prepare(vms: int, _: int) -> None:
        marker = work / "committed-size"
        if not marker.exists() or marker.read_text() != str(vms):
            _replace_fleet(vms, fleet)
            subprocess.run([vmgen, "render"], cwd=fleet, check=True, capture_output=True)
            _commit_all(fleet, "environments", "templates", "manifests")
            _put_aside(parts)
            _write_parts(fleet, parts)
            _write_dump(fleet, dump)
            (adoption / "environments").mkdir(parents=True, exist_ok=True)
            marker.write_text(str(vms))
        subprocess.run(["git", "-C", str(fleet), "checkout", "--quiet", "--", "environments"], check=True)

    def change(vms: int, round_: int) -> None:
        prepare(vms, round_)
        change_one_vm(fleet, round_)

    def scenario(name: str, command: Sequence[str], largest: int = 50_000) -> Scenario:
        return Scenario(name, command, fleet, change if name == PLAN else prepare, lambda vms: vms <= largest)

    build = 'for part in "$0"/*; do "$@" --load-restrictor LoadRestrictionsNone "$part" >/dev/null || exit; done'
    return (
        scenario(PLAN, (vmgen, "plan")),
        scenario(CHECK, (vmgen, "check", "--verify")),
        scenario(IMPACT, (vmgen, "impact", "environments/e1.yaml:6")),
        scenario(EXPLAIN, (vmgen, "explain", "e1", "g1-1")),
        scenario(LIST, (vmgen, "list")),
        # Into a repository without environments: one that renders the objects already refuses them.
        scenario(IMPORT, (vmgen, "import", str(fleet / "manifests"), "--dry-run"), LARGEST_PROMISED)._replace(folder=adoption),
        scenario(STATUS, (vmgen, "status", str(dump)), LARGEST_PROMISED),
        scenario(BUILDS, ("sh", "-c", build, str(parts), *find_kustomize_command()), LARGEST_PROMISED),
    )


def _write_parts(fleet: Path, parts: Path) -> None:
    """Write a kustomization for each 200 manifests, as many as vmgen builds at once."""
    files = sorted(path for path in (fleet / "manifests").glob("*/*/*/*.yaml") if path.name != "kustomization.yaml")
    for number, start in enumerate(range(0, len(files), OBJECTS_PER_BUILD)):
        folder = parts / f"{number:04}"
        folder.mkdir(parents=True)
        content = {"kind": "Kustomization", "resources": [str(path) for path in files[start : start + OBJECTS_PER_BUILD]]}
        (folder / "kustomization.yaml").write_text(json.dumps(content), encoding="utf-8")


def _write_dump(fleet: Path, dump: Path) -> None:
    """Write the objects of a fleet as kubectl prints a list of them."""
    import yaml

    files = sorted(path for path in (fleet / "manifests").glob("*/*/*/*.yaml") if path.name != "kustomization.yaml")
    items = [yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader) for path in files]
    dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": items}), encoding="utf-8")


def _build_peer(peer: Peer, work: Path) -> Scenario:
    folder = work / peer.name
    values, output = folder / "values.json", folder / "output"

    def prepare(vms: int, _: int) -> None:
        _put_aside(folder)
        output.mkdir(parents=True)
        write_values(vms, values)

    return Scenario(peer.name, peer.command(values, output), work, prepare, lambda vms: vms <= peer.largest)


def _replace_fleet(vms: int, folder: Path) -> None:
    _put_aside(folder)
    write_fleet(vms, folder)


def _put_aside(folder: Path) -> None:
    # Nothing is deleted before the end: for some minutes ext4 steps over each file that was deleted, whenever it makes a new
    # one, and what wrote most would pay for having been measured before.
    if folder.exists():
        folder.rename(Path(mkdtemp(prefix="aside-", dir=folder.parent)) / folder.name)


def _commit_all(folder: Path, *paths: str) -> None:
    settings = "-c user.name=bench -c user.email=bench@example.invalid -c commit.gpgSign=false".split()
    for step in (
        ("init", "--quiet"),
        ("add", *(paths or ("environments", "templates"))),
        ("commit", "--quiet", "--message", "A fleet"),
    ):
        subprocess.run(["git", "-C", str(folder), *settings, *step], check=True)
