"""Compare the output of kustomize with the rendered manifests, and the lists in kustomization.yaml with the rendered files."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vmgen.filesystem.reader import read_file
from vmgen.nameless import abstract, has_whole_words
from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import Project
from vmgen.render.manifests import KUSTOMIZATION, NAME_REFERENCE, is_manifest
from vmgen.rules import KUSTOMIZE_DIFFERS
from vmgen.yaml_text import is_plain

RULE_ID = KUSTOMIZE_DIFFERS.id
KUSTOMIZATION_HEADER = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
# A document ends at a line of dashes, whatever is before it: lines of a text value are indented.
_DOCUMENT_SEPARATOR = b"---\n"
# A key with its literal block: the lines below that are indented deeper, without empty lines at the end.
_LITERAL_BLOCK = re.compile(r"^(?P<indent> +)[\w.-]+: \|[-+0-9]*\n(?:\n*(?P=indent) +\S.*\n)+", re.MULTILINE)
# The replacements of literal blocks, one for each: the end of Unicode's private use area, whose beginning replaces names.
_BLOCK_PLACEHOLDERS = "\uf8fc\uf8fd\uf8fe\uf8ff"
ResourceId = tuple[str, str, str]


def compare_build(
    folder: str, display_path: str, build_output: bytes, manifests: Mapping[str, bytes], cache: EqualityCache | None = None
) -> list[Problem]:
    """Return a problem for each object of a built folder that is not the rendered one, is missing, or was not rendered.

    `folder` and the paths of the rendered files are below `manifests/`; `display_path` is the folder in problems.
    """
    remaining = {path: content for path, content in manifests.items() if is_manifest(path)}
    documents = _remove_equal(build_output, remaining, cache or EqualityCache())
    try:
        actual = _index_by_id(parse_objects(_DOCUMENT_SEPARATOR.join(documents)))
    except InvalidYamlError as error:
        return [Problem(Place(display_path), RULE_ID, "", f"kustomize builds invalid YAML: {error}")]
    expected = _index_by_id(document for content in remaining.values() for document in parse_objects(content))
    problems = []
    for identity in sorted(actual.keys() | expected.keys()):
        if actual.get(identity) != expected.get(identity):
            fault = "is not built" if identity not in actual else "is not wanted" if identity not in expected else "differs"
            message = f"{identity[0]} {identity[2]} {fault} when kustomize builds {folder}; run render"
            problems.append(Problem(Place(display_path), RULE_ID, "", message))
    return problems


def _remove_equal(build_output: bytes, remaining: dict[str, bytes], cache: EqualityCache) -> list[bytes]:
    """Remove the files that equal a built document; return the documents that equal none."""
    paths: dict[str, list[str]] = defaultdict(list)
    for path in remaining:
        paths[path.rpartition("/")[2].removesuffix(".yaml")].append(path)
    documents: list[bytes] = []
    for document in re.split(rb"^%b" % _DOCUMENT_SEPARATOR, build_output, flags=re.MULTILINE):
        # The first `name:` may be that of something else; then no file of this name is equal.
        name = document.partition(b"\n  name: ")[2].partition(b"\n")[0].decode(errors="replace")
        candidates = paths.get(name, [])
        equal = next((path for path in candidates if cache.is_equal(name, remaining[path], document)), None)
        if equal is None:
            documents.append(document)
        else:
            candidates.remove(equal)
            del remaining[equal]
    return documents


class EqualityCache:
    """Compares rendered and built objects; parses only the first pair of those that differ in their names only."""

    def __init__(self) -> None:
        self._results: dict[tuple[str | None, str | None], bool] = {}

    def is_equal(self, name: str, manifest: bytes, document: bytes) -> bool:
        """Return True if both texts hold the same single object with this name; False if parsing them has to tell."""
        if not is_plain([name]):
            return False
        texts = _replace_equal_blocks(*(text.decode(errors="surrogateescape") for text in (manifest, document)))
        pair = (abstract(texts[0], [name]), abstract(texts[1], [name]))
        if pair not in self._results:
            self._results[pair] = _is_same_object(*pair)
        return self._results[pair]


def _replace_equal_blocks(manifest: str, document: str) -> tuple[str, str]:
    """Replace each literal block that both texts hold under the same key, with the same bytes, with a placeholder.

    A parser reads equal lines as equal texts, so the objects are the same if those with placeholders are. So user data, which
    differs from VM to VM, need not be parsed for each.
    """
    if any(placeholder in text for placeholder in _BLOCK_PLACEHOLDERS for text in (manifest, document)):
        return manifest, document
    for block, placeholder in zip(list(_LITERAL_BLOCK.finditer(manifest)), _BLOCK_PLACEHOLDERS):
        texts = [text.partition(f"\n{block.group()}") for text in (manifest, document)]
        if all(separator and _ends_block(tail, block["indent"]) for _, separator, tail in texts):
            key = block.group().partition("\n")[0]
            line = f"\n{key}\n{block['indent']}  {placeholder}\n"
            manifest, document = (f"{head}{line}{tail}" for head, _, tail in texts)
    return manifest, document


def _ends_block(tail: str, indent: str) -> bool:
    """Return whether a literal block under a key of this indentation ends before the rest of a text."""
    line = tail.lstrip("\n").partition("\n")[0]
    return not line or (bool(line.strip()) and not line.startswith(f"{indent} "))


def _is_same_object(manifest: str | None, document: str | None) -> bool:
    if manifest is None or document is None or not (has_whole_words(manifest) and has_whole_words(document)):
        return False
    try:
        expected, actual = parse_objects(manifest), parse_objects(document)
    except InvalidYamlError:
        return False
    return len(expected) == 1 and expected == actual


def _index_by_id(documents: Iterable[Any]) -> dict[ResourceId, Any]:
    return {
        (str(document.get("kind")), str(document["metadata"].get("namespace")), str(document["metadata"].get("name"))): document
        for document in documents
        if isinstance(document, dict) and isinstance(document.get("metadata"), dict)
    }


def find_listing_problems(project: Project, files: Iterable[str]) -> tuple[Problem, ...] | None:
    """Compare the kustomization.yaml files of an environment with the rendered files beside and below them.

    Return None if one of them holds more than lists: only kustomize can tell the effect. Raises OSError if one is missing.
    """
    problems: list[Problem] = []
    for folder, expected in sorted(_build_expected_lists(files).items()):
        path = project.manifests / folder / KUSTOMIZATION
        lists = _parse_lists(read_file(str(path)))
        if lists is None or not lists.keys() <= expected.keys():
            return None
        for key in sorted(expected):
            for message in _compare_list(lists.get(key, []), expected[key]):
                problems.append(Problem(Place(project.display_path(path)), RULE_ID, key, message))
    return tuple(problems)


def _build_expected_lists(files: Iterable[str]) -> Mapping[str, Mapping[str, set[str]]]:
    """Return the names that the kustomization.yaml of each folder of an environment has to list, by key."""
    expected: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for path in files:
        folder, _, name = path.rpartition("/")
        if name != KUSTOMIZATION:
            key = "configurations" if name == NAME_REFERENCE and "/" not in folder else "resources"
            expected[folder][key].add(name)
    for folder in tuple(expected):
        while "/" in folder:
            folder, _, name = folder.rpartition("/")
            expected[folder]["resources"].add(name)
    return expected


def _parse_lists(content: bytes) -> Mapping[str, list[str]] | None:
    """Return the lists of names in a kustomization.yaml; None if it holds anything else."""
    try:
        documents = parse_objects(content)
    except InvalidYamlError:
        return None
    if len(documents) != 1 or not isinstance(documents[0], dict):
        return None
    lists = {key: value for key, value in documents[0].items() if key not in KUSTOMIZATION_HEADER}
    are_names = all(isinstance(value, list) and all(isinstance(name, str) for name in value) for value in lists.values())
    if documents[0] != KUSTOMIZATION_HEADER | lists or not are_names:
        return None
    return lists


def _compare_list(names: list[str], expected: set[str]) -> Iterator[str]:
    for name in sorted(expected.difference(names)):
        yield f"does not list {name}; run render"
    for name, count in sorted(Counter(names).items()):
        if name not in expected:
            yield f"lists {name}, which was not rendered; run render"
        elif count > 1:
            yield f"lists {name} {count} times; run render"
