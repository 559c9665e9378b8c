"""Random histories of people against the gate: no disk goes without a tombstone that a plan showed.

Each history is some commits of 1 to 4 environments, rendered, gated and merged as people do, and delivered by the models of
Argo CD and Flux in `model.py`. `make histories N=3000` runs many.
"""

from __future__ import annotations

import contextlib
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.histories.model import (
    Cluster,
    DiskKey,
    Environment,
    Sources,
    Tree,
    change_sources,
    edit_by_hand,
    find_disks,
    is_listed_in,
    retire,
)
from vmgen.check.guards import FLUX_PRUNE, SYNC_OPTIONS
from vmgen.pipeline import RunResult, evaluate, plan_and_gate
from vmgen.plan import baseline as baseline_module
from vmgen.plan import moves
from vmgen.plan import plan as plan_module
from vmgen.plan.baseline import Baseline, PlanBase
from vmgen.plan.committed import CommittedProject
from vmgen.plan.diff import find_orphaned_environments
from vmgen.plan.git import Blob, Repository
from vmgen.plan.plan import Plan
from vmgen.problems import has_errors
from vmgen.read.repository import Project, find_environments
from vmgen.rules import DESTROYS_DATA

STEPS = 8
# From so many histories on, the faults are planted too.
LONG = 1000
TODAY = date(2026, 6, 1)


class LawBrokenError(AssertionError):
    """What no history may bring about."""


class Git:
    """Git as the program sees it: contents by their ids, and one commit."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder, "sha1", shallow=False)
        self.contents: dict[str, bytes] = {}
        self.tree: Tree = {}
        self.sources: dict[str, bytes] = {}

    def read_blobs(self, blobs: Any) -> Iterator[bytes]:
        """In the place of `git cat-file`."""
        return iter([self.contents[blob.id] for blob in blobs])

    def _store(self, content: bytes) -> Blob:
        blob = Blob(self.repository.blob_hasher(content), self.repository)
        self.contents[blob.id] = content
        return blob

    def load(self, project: Project) -> Baseline:
        """The commit as the baseline of a plan."""
        manifests = {path: self._store(content) for path, content in self.tree.items()}
        environments = {name: self._store(content) for name, content in self.sources.items()}
        return Baseline(project, "HEAD", self.repository, CommittedProject(manifests, environments))


class Answer(NamedTuple):
    """What vmgen says of a change: the run, the plan, and the tree that the change makes."""

    run: RunResult
    plan: Plan
    refused: tuple[str, ...]
    tree: Tree

    @property
    def passes(self) -> bool:
        """Whether the change may be committed."""
        return not has_errors(self.run.problems)


class World:
    """A repository, its history, and the clusters that it is delivered to."""

    def __init__(self, root: Path, chance: random.Random) -> None:
        self.root, self.chance = root, chance
        (root / "environments").mkdir(parents=True)
        self.git = Git(root)
        self.sources: Sources = {}
        self.past: list[Sources] = []
        # Manifests that somebody removed by hand before the change is rendered.
        self.deleted: frozenset[str] = frozenset()
        self.clusters = (Cluster(SYNC_OPTIONS), Cluster(FLUX_PRUNE))

    def step(self) -> None:
        """One change of people, and what becomes of it."""
        if self.git.tree and self.chance.random() < 0.25:
            self._commit(edit_by_hand(self.chance, self.git.tree), frozenset())
            return
        paths = list(_list_manifests(self.git.tree))
        deletes = self.chance.random() < 0.4
        self.deleted = frozenset(path for path in paths if deletes and self.chance.random() < 0.5)
        self.attempt(change_sources(self.chance, self.sources, self.past))

    def attempt(self, sources: Sources) -> None:
        """Render and gate sources, commit what passes; half of what is refused is retired and tried again."""
        answer = self.ask(sources)
        self._check_laws(answer)
        if not answer.passes and self.chance.random() < 0.5:
            refused = [
                (change.environment, change.identity.namespace, change.identity.name)
                for change in answer.plan.changes
                if change.is_refused and change.identity.kind == "VMDisk"
            ]
            sources = retire(sources, refused)
            answer = self.ask(sources)
            self._check_laws(answer)
        if answer.passes:
            permitted = frozenset(
                DiskKey(change.identity.namespace, change.identity.name)
                for change in answer.plan.changes
                if change.tombstone is not None and change.tombstone.name == change.identity.name
            )
            self.sources = sources
            self.past.append(sources)
            self.git.sources = {name: each.to_text().encode() for name, each in sources.items()}
            self._commit(answer.tree, permitted)

    def ask(self, sources: Sources) -> Answer:
        """Let vmgen render, plan and gate sources in the working tree."""
        working_tree = {path: content for path, content in self.git.tree.items() if path not in self.deleted}
        self._write_working_tree(sources, working_tree)
        project = Project(self.root)
        names, _ = find_environments(project)
        removed = find_orphaned_environments(project, names)
        base_line = self.git.load(project)
        gone = tuple(name for name in base_line.environments if name not in names)
        base = PlanBase(base_line, TODAY, gone)
        run = evaluate(project, names, removed_names=removed, allow_empty=True, base=base)
        plan, problems = plan_and_gate(project, run.environments, base)
        pruned = {path for changes in run.changes for path in changes.pruned}
        files = {path: content for result in run.environments for path, content in result.files.items()}
        kept = {path: content for path, content in working_tree.items() if path not in pruned}
        refused = tuple(problem.message for problem in problems if problem.rule == DESTROYS_DATA.id)
        return Answer(run, plan, refused, {**kept, **files})

    def _write_working_tree(self, sources: Sources, tree: Tree) -> None:
        for folder in ("environments", "manifests"):
            shutil.rmtree(self.root / folder, ignore_errors=True)
        (self.root / "environments").mkdir()
        for name, environment in sources.items():
            (self.root / "environments" / f"{name}.yaml").write_text(environment.to_text(), encoding="utf-8")
        for path, content in tree.items():
            file = self.root / "manifests" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)

    def _check_laws(self, answer: Answer) -> None:
        """What the gate refuses is in the plan; what is in the plan is in the difference of the two trees."""
        destroyed = [change for change in answer.plan.changes if change.verdict == "DESTROYS DATA"]
        for message in answer.refused:
            if not any(str(change.identity) in message for change in destroyed):
                raise LawBrokenError(f"refused, and not in the plan: {message}")
        trees = (self.git.tree, answer.tree)
        before, after = map(_list_manifests, trees)
        differing = {path.rpartition("/")[2] for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        for path in {change.path for change in answer.plan.changes} if answer.run.changes else ():
            is_listed = [is_listed_in(tree, path) for tree in trees]
            if path.rpartition("/")[2] not in differing and is_listed[0] == is_listed[1]:
                raise LawBrokenError(f"in the plan, and the same in both trees: {path}")

    def _commit(self, tree: Tree, permitted: frozenset[DiskKey]) -> None:
        self.git.tree = tree
        owners = {live.owner for cluster in self.clusters for live in cluster.disks.values()}
        environments = sorted(owners | {path.partition("/")[0] for path in tree})
        for cluster in self.clusters:
            self.chance.shuffle(environments)
            lost = cluster.sync(tree, environments, permitted) - permitted
            if lost:
                raise LawBrokenError(f"lost without a tombstone: {sorted(lost)}")


def _list_manifests(tree: Tree) -> dict[str, bytes]:
    return {path: content for path, content in tree.items() if not path.endswith(("kustomization.yaml", "name-reference.yaml"))}


def run_history(root: Path, seed: int, steps: int = STEPS) -> None:
    """One history; LawBrokenError says what it broke, and how to see it again."""
    with pytest.MonkeyPatch.context() as patch:
        world = World(root, random.Random(seed))
        patch.setattr(baseline_module, "read_blobs", world.git.read_blobs)
        try:
            for _ in range(steps):
                world.step()
        except LawBrokenError as broken:
            raise LawBrokenError(f"history {seed}: {broken}") from None
        finally:
            shutil.rmtree(root, ignore_errors=True)


def breaks_law(root: Path, seed: int) -> bool:
    """Whether a history breaks a law."""
    try:
        run_history(root, seed)
    except LawBrokenError:
        return True
    return False


@pytest.mark.slow
def test_no_history_loses_a_disk(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Whatever people do, a disk goes with a tombstone that a plan showed, or not at all."""
    for seed in range(pytestconfig.getoption("--histories")):
        run_history(tmp_path / "repository", seed)


def _ignore_unmarked(patch: pytest.MonkeyPatch) -> None:
    """The gate believes the first line of a manifest again."""
    whole = Baseline.find_differing

    def marked(self: Baseline, *arguments: Any) -> Any:
        return {path: each for path, each in whole(self, *arguments).items() if each.startswith(b"# Generated by")}

    patch.setattr(Baseline, "find_differing", marked)


def _forget_moves(patch: pytest.MonkeyPatch) -> None:
    """The plan takes a move for an update."""
    patch.setattr(plan_module, "find_move", lambda *_: None)


def _trust_any_disk(patch: pytest.MonkeyPatch) -> None:
    """Every disk counts as guarded when it moves."""
    patch.setattr(moves, "_is_guarded", lambda _: True)


def _forget_removed_environments(patch: pytest.MonkeyPatch) -> None:
    """An environment whose file is gone is nobody's."""
    patch.setattr(PlanBase, "removed_environments", property(lambda _: ()))


def _take_any_tombstone(patch: pytest.MonkeyPatch) -> None:
    """A tombstone of one disk is one of all."""

    def find(self: Any, identity: Any, environment: str) -> Any:
        return next((each for each in self._tombstones if each.kind == identity.kind), None)

    patch.setattr(plan_module._ChangeBuilder, "_find_tombstone", find)


def _match_by_name(patch: pytest.MonkeyPatch) -> None:
    """An object is known by its name alone, whatever its namespace."""
    from vmgen.plan import matching

    whole = matching.match_objects

    def careless(*arguments: Any, **more: Any) -> Any:
        found = whole(*arguments, **more)
        new_names = {(each.identity.kind, each.identity.name) for each in found.created}
        removed = tuple(each for each in found.removed_objects if (each.identity.kind, each.identity.name) not in new_names)
        return found._replace(removed_objects=removed)

    patch.setattr(plan_module, "match_objects", careless)


FAULTS = (
    _ignore_unmarked,
    _forget_moves,
    _trust_any_disk,
    _forget_removed_environments,
    _take_any_tombstone,
    _match_by_name,
)


@pytest.mark.slow
@pytest.mark.parametrize("plant", FAULTS, ids=[each.__name__.strip("_") for each in FAULTS])
def test_planted_fault_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pytestconfig: pytest.Config, plant: Callable[..., None]
) -> None:
    """Histories that could not find a fault would prove nothing: each of these comes to light."""
    if pytestconfig.getoption("--histories") < LONG:
        pytest.skip("a part of `make histories`")
    plant(monkeypatch)
    assert any(breaks_law(tmp_path / "repository", seed) for seed in range(400))


@pytest.mark.parametrize("seed", [1, 2])
def test_history_in_a_real_repository(new_repository: Callable[..., Any], seed: int) -> None:
    """The same with Git itself and the command line: what is committed is what a check passed, and no disk is lost."""
    import subprocess

    chance, repository = random.Random(seed), new_repository()
    root, clusters = repository.root, (Cluster(SYNC_OPTIONS), Cluster(FLUX_PRUNE))

    def git(*arguments: str) -> None:
        who = ("-c", "user.name=t", "-c", "user.email=t@example.com")
        subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)

    git("init", "--quiet")
    repository.write({".gitignore": ".vmgen/\n"})
    git("add", "--all")
    git("commit", "--quiet", "--message", "begin")
    sources: dict[str, Environment] = {}
    past: list[Sources] = []
    for _ in range(STEPS):
        sources = dict(change_sources(chance, sources, past))
        shutil.rmtree(root / "environments")
        (root / "environments").mkdir()
        repository.write({f"environments/{name}.yaml": each.to_text() for name, each in sources.items()})
        if repository.run("render", "--allow-empty").code == 0:
            git("add", "--all")
            git("commit", "--quiet", "--allow-empty", "--message", "a change")
            past.append(sources)
            tree = repository.files() if (root / "manifests").is_dir() else {}
            names = [path.partition("/")[0] for path in tree]
            for cluster in clusters:
                order = sorted({*names, *(live.owner for live in cluster.disks.values())})
                assert cluster.sync(tree, order, frozenset()) == set()
        else:
            with contextlib.suppress(IndexError):
                sources = dict(past[-1])
            git("checkout", "--quiet", "--", ".")
            git("clean", "--quiet", "-d", "--force")
    assert past
    assert any(find_disks(repository.files(), name) for name in sources) or not sources
