"""What the engine built against what was rendered, object by object."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from vmgen.compare.kustomize.shapes import EqualityCache
from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.render.kustomization import KUSTOMIZATION

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
