"""The kustomization.yaml files above the groups, read: where the engine does not build them, they list what lies there."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vmgen.compare.kustomize.comparison import RULE_ID
from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.project import Project
from vmgen.render.kustomization import KUSTOMIZATION, NAME_REFERENCE

KUSTOMIZATION_HEADER = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
NamesByKey = Mapping[str, set[str]]


def find_listing_problems(project: Project, files: Iterable[str]) -> tuple[Problem, ...] | None:
    """Where those of an environment do not list exactly the files and folders that were rendered below them.

    None where one says anything else, or is none: what comes of that only the engine can tell. OSError where one is missing.
    """
    problems: list[Problem] = []
    for folder, wanted in sorted(_build_expected_lists(files).items()):
        path = project.manifests / folder / KUSTOMIZATION
        lists = _parse_lists(path.read_bytes())
        if lists is None or not lists.keys() <= wanted.keys():
            return None
        for key in sorted(wanted):
            for message in _compare_list(lists.get(key, []), wanted[key]):
                problems.append(Problem(Place(project.display_path(path)), RULE_ID, key, message))
    return tuple(problems)


def _build_expected_lists(files: Iterable[str]) -> Mapping[str, NamesByKey]:
    """What the file of the environment's folder and those of the folders in it have to list."""
    wanted: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in files:
        parts = path.split("/")
        for depth in range(1, min(len(parts), 3)):
            folder, name = "/".join(parts[:depth]), parts[depth]
            if name != KUSTOMIZATION:
                key = "configurations" if (depth, name) == (1, NAME_REFERENCE) else "resources"
                wanted[folder][key].add(name)
    return wanted


def _parse_lists(content: bytes) -> Mapping[str, list[str]] | None:
    """The lists of names in a kustomization.yaml. None where it holds anything else."""
    try:
        documents = parse_objects(content)
    except InvalidYamlError:
        return None
    if len(documents) != 1 or not isinstance(documents[0], dict):
        return None
    lists = {key: value for key, value in documents[0].items() if key not in KUSTOMIZATION_HEADER}
    if documents[0] != KUSTOMIZATION_HEADER | lists or not all(_is_list_of_names(value) for value in lists.values()):
        return None
    return lists


def _is_list_of_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _compare_list(listed: list[str], wanted: set[str]) -> Iterator[str]:
    for name in sorted(wanted.difference(listed)):
        yield f"does not list {name}; run render"
    for name, times in sorted(Counter(listed).items()):
        if name not in wanted:
            yield f"lists {name}, which was not rendered; run render"
        elif times > 1:
            yield f"lists {name} {times} times; run render"
