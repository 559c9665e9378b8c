"""What is measured at each size: vmgen in each situation, and its peers."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from itertools import chain, zip_longest
from pathlib import Path
from tempfile import mkdtemp
from types import MappingProxyType
from typing import NamedTuple

from benchmarks.fleets import change_one_vm, write_environments, write_values
from benchmarks.peers.peer import Peer

COLD = "vmgen cold"
NO_OP = "vmgen no-op"
CHANGED = "vmgen one VM changed"
FIRST = "vmgen first run"
GIT = "vmgen cold, Git"
VMGEN_SCENARIOS = (COLD, NO_OP, CHANGED, FIRST, GIT)
# A render, then nothing to do, then a change, in one fleet.
SHARING = (COLD, NO_OP, CHANGED)
SIZES_WITH_GIT = (1_000, 10_000)


class Scenario(NamedTuple):
    """A command, and what makes its situation before it, which is not measured: given the number of VMs and of the round.

    It takes part at all sizes, or at some. Its environment is beside the one that all have.
    """

    name: str
    command: Sequence[str]
    folder: Path
    prepare: Callable[[int, int], object]
    takes: Callable[[int], bool] = bool
    environment: Mapping[str, str] = MappingProxyType({})


def scenarios(vmgen: Path, peers: Sequence[Peer], work: Path) -> tuple[Scenario, ...]:
    """All scenarios, vmgen's and the peers' in turn."""
    pairs = zip_longest(_of_vmgen((str(vmgen), "render"), work), (_of_peer(peer, work) for peer in peers))
    return tuple(each for each in chain.from_iterable(pairs) if each)


def common_environment(work: Path) -> Mapping[str, str]:
    """What every run is given: caches that the rounds warm, and no settings of the user who measures."""
    cache = str(work / "cache")
    return {"XDG_CACHE_HOME": cache, "JSII_RUNTIME_PACKAGE_CACHE_ROOT": cache, "GIT_CONFIG_GLOBAL": os.devnull}


def _of_vmgen(render: Sequence[str], work: Path) -> tuple[Scenario, ...]:
    fleet, fresh, versioned, empty = (work / name for name in ("fleet", "fresh", "versioned", "empty"))

    def first(vms: int, _: int) -> None:
        _new_fleet(vms, fresh)
        _put_aside(empty)
        empty.mkdir()

    def commit(vms: int, _: int) -> None:
        _new_fleet(vms, versioned)
        _commit_all(versioned)

    return (
        Scenario(COLD, render, fleet, lambda vms, _: _new_fleet(vms, fleet)),
        Scenario(NO_OP, render, fleet, lambda *_: None),
        Scenario(CHANGED, render, fleet, lambda _, round_: change_one_vm(fleet, round_)),
        Scenario(FIRST, render, fresh, first, environment={"XDG_CACHE_HOME": str(empty)}),
        Scenario(GIT, render, versioned, commit, SIZES_WITH_GIT.__contains__),
    )


def _of_peer(peer: Peer, work: Path) -> Scenario:
    folder = work / peer.name
    values, output = folder / "values.json", folder / "output"

    def prepare(vms: int, _: int) -> None:
        _put_aside(folder)
        output.mkdir(parents=True)
        write_values(vms, values)

    return Scenario(peer.name, peer.command(values, output), work, prepare, lambda vms: vms <= peer.largest)


def _new_fleet(vms: int, folder: Path) -> None:
    _put_aside(folder)
    write_environments(vms, folder)


def _put_aside(folder: Path) -> None:
    # Nothing is deleted before the end: for some minutes ext4 steps over each file that was deleted, whenever it makes a new
    # one, and what wrote most would pay for having been measured before.
    if folder.exists():
        folder.rename(Path(mkdtemp(prefix="aside-", dir=folder.parent)) / folder.name)


def _commit_all(folder: Path) -> None:
    settings = "-c user.name=bench -c user.email=bench@example.invalid -c commit.gpgSign=false".split()
    for step in (("init", "--quiet"), ("add", "environments"), ("commit", "--quiet", "--message", "A fleet")):
        subprocess.run(["git", "-C", str(folder), *settings, *step], check=True)
