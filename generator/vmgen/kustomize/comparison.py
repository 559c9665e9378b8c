"""Equality of what was rendered and what was built, read once for all objects that differ in nothing but their names.

What the engine built against what was rendered, object by object.

The kustomization.yaml files above the groups, read: where the engine does not build them, they list what lies there.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import Project
from vmgen.render.manifests import KUSTOMIZATION, NAME_REFERENCE
from vmgen.yaml_text import quote

# Stands where a name was: a word as names are, and no name.
_PLACEHOLDER = b"vmgen-hole-of-a-name"


class EqualityCache:
    """Pairs of texts, known by what is left of them without the name of their object.

    The two texts of a shape are read with the same word in the place of the name. Where they then hold one and the same object,
    that word stands at the same places of it, and so would any name that YAML takes for text there: one that needs no quotes,
    and of which nothing before or after it makes a number, a date or another word.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[bytes, bytes], bool] = {}

    def is_equal(self, name: str, wanted: bytes, built: bytes) -> bool:
        """Whether both texts hold the same single object for certain; where that is False, they have to be read."""
        if quote(name) != name or _PLACEHOLDER in wanted or _PLACEHOLDER in built:
            return False
        word = name.encode()
        shape = (wanted.replace(word, _PLACEHOLDER), built.replace(word, _PLACEHOLDER))
        known = self._results.get(shape)
        if known is None:
            known = self._results[shape] = _is_same_object(*shape)
        return known


def _is_same_object(wanted: bytes, built: bytes) -> bool:
    if _is_inside_word(wanted) or _is_inside_word(built):
        return False
    try:
        meant, got = parse_objects(wanted), parse_objects(built)
    except InvalidYamlError:
        return False
    return len(meant) == 1 and meant == got


def _is_inside_word(shape: bytes) -> bool:
    return re.search(rb"[\w.]%b|%b\w" % (_PLACEHOLDER, _PLACEHOLDER), shape) is not None


RULE_ID = "kustomize-differs"
# A line of its own, which ends a document whatever stands before it: text of several lines is indented, or may not hold it.
_DOCUMENT_SEPARATOR = b"---\n"
_NAME_FIELD = b"\n  name: "
ResourceId = tuple[str, str, str]


def is_manifest(path: str) -> bool:
    """Whether a rendered file holds an object; the others, such as all in the root, tell kustomize what to build."""
    return path.count("/") > 1 and not path.endswith(f"/{KUSTOMIZATION}")


def compare_build(
    folder: str, shown: str, built: bytes, wanted: Mapping[str, bytes], shapes: EqualityCache | None = None
) -> list[Problem]:
    """Where the objects that the engine built of a folder are not those of the wanted files; paths are below `manifests/`."""
    waiting = {path: content for path, content in wanted.items() if is_manifest(path)}
    rest = _drop_equal(built, waiting, shapes or EqualityCache())
    try:
        got = _index_by_id(parse_objects(_DOCUMENT_SEPARATOR.join(rest)))
    except InvalidYamlError as error:
        return [Problem(Place(shown), RULE_ID, "", f"kustomize builds what is not YAML: {error}")]
    meant = _index_by_id(document for content in waiting.values() for document in parse_objects(content))
    problems = []
    for identity in sorted(got.keys() | meant.keys()):
        if got.get(identity) != meant.get(identity):
            what = "is not built" if identity not in got else "is not wanted" if identity not in meant else "differs"
            message = f"{identity[0]} {identity[2]} {what} when kustomize builds {folder}; run render"
            problems.append(Problem(Place(shown), RULE_ID, "", message))
    return problems


def _drop_equal(built: bytes, waiting: dict[str, bytes], shapes: EqualityCache) -> list[bytes]:
    """The documents that have to be read; each other one is the same as one of the waiting files, which is taken out."""
    paths: dict[str, list[str]] = defaultdict(list)
    for path in waiting:
        paths[path.rpartition("/")[2].removesuffix(".yaml")].append(path)
    rest: list[bytes] = []
    for document in re.split(rb"^%b" % _DOCUMENT_SEPARATOR, built, flags=re.MULTILINE):
        name = _guess_name(document)
        candidates = paths.get(name, [])
        same = next((path for path in candidates if shapes.is_equal(name, waiting[path], document)), None)
        if same is None:
            rest.append(document)
        else:
            candidates.remove(same)
            del waiting[same]
    return rest


def _guess_name(document: bytes) -> str:
    """What looks like the name of an object: where it is not, no file has it or none is equal."""
    return document.partition(_NAME_FIELD)[2].partition(b"\n")[0].decode(errors="replace")


def _index_by_id(documents: Iterable[Any]) -> dict[ResourceId, Any]:
    return {
        (str(found.get("kind")), str(found["metadata"].get("namespace")), str(found["metadata"].get("name"))): found
        for found in documents
        if isinstance(found, dict) and isinstance(found.get("metadata"), dict)
    }


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
