"""Read a dump of live objects: the JSON or YAML that `kubectl get -o json|yaml` prints."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from vmgen.filesystem.reader import MAX_JSON_BYTES, MAX_YAML_BYTES
from vmgen.problems import VmgenError
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.nesting import TooDeepError, check_levels

_MIB = 1024 * 1024
MAX_JSON_MIB, MAX_YAML_MIB = MAX_JSON_BYTES // _MIB, MAX_YAML_BYTES // _MIB
STATUS_HINT = "make it with kubectl get vminstances,vmdisks -n NAMESPACE -o json"
_TIMESTAMPS = ("creationTimestamp", "lastTransitionTime", "lastUpdateTime", "time", "lastTimestamp", "deletionTimestamp")

LiveKey = tuple[str, str, str]


class Dump(NamedTuple):
    """The objects of a dump by kind, namespace and name, and its newest timestamp ("" if it has none).

    `listed_kinds` are the kinds whose objects came in a list, such as that of `kubectl get KIND` without a name.
    """

    objects: Mapping[LiveKey, Mapping[str, Any]]
    newest: str
    listed_kinds: frozenset[str] = frozenset()

    def has_kind(self, kind: str) -> bool:
        """Return true if the dump holds an object of a kind. Nothing is concluded from kinds that it does not hold."""
        return any(key[0] == kind for key in self.objects)

    def find(self, kind: str, namespace: str, name: str) -> Mapping[str, Any] | None:
        """Return an object, or None if it is not in the dump."""
        return self.objects.get((kind, namespace, name))

    def list_kind(self, kind: str) -> list[tuple[LiveKey, Mapping[str, Any]]]:
        """Return the objects of a kind, sorted by namespace and name."""
        return sorted((item for item in self.objects.items() if item[0][0] == kind), key=lambda item: item[0])


def read_dump(content: bytes, source: str, groups: Mapping[str, str], hint: str = STATUS_HINT) -> Dump:
    """Read a dump. `groups` maps each kind of interest to its API group; a kind of another group is another kind.

    `hint` says how to make a dump, in messages.

    Raises VmgenError if the content is no dump of objects: empty, cut off, a page of HTML, a message of kubectl.
    """
    objects: dict[LiveKey, Mapping[str, Any]] = {}
    newest = ""
    other_kinds: set[str] = set()
    listed_kinds: set[str] = set()
    for item, is_listed in _iter_items(content, source, hint):
        kind, metadata = item.get("kind"), item.get("metadata")
        group = str(item.get("apiVersion", "")).rpartition("/")[0]
        if not isinstance(kind, str) or not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
            raise VmgenError(f"{source} holds something that is no object of Kubernetes; {hint}")
        if groups.get(kind) != group:
            other_kinds.add(kind)
            continue
        objects[kind, str(metadata.get("namespace", "")), metadata["name"]] = item
        newest = max(newest, *_iter_timestamps(item))
        if is_listed:
            listed_kinds.add(kind)
    if other_kinds and not objects:
        raise VmgenError(f"{source} holds only {', '.join(sorted(other_kinds))}, of which nothing is used here; {hint}")
    return Dump(objects, newest, frozenset(listed_kinds))


def _iter_items(content: bytes, source: str, hint: str) -> Iterator[tuple[Mapping[str, Any], bool]]:
    """Yield each object of a dump, and whether it came in a list."""
    documents = parse_documents(content, source, hint)
    if not documents:
        raise VmgenError(f"{source} is empty; {hint}")
    entries = [(document, False) for document in documents]
    for document, is_listed in entries:  # which grows by the items of each list, and of lists in it
        if not isinstance(document, dict):
            kind = "a list of something else than objects" if is_listed else "something that is no object of Kubernetes"
            raise VmgenError(f"{source} holds {kind}; {hint}")
        if document.get("kind") == "Status":
            raise VmgenError(f"{source} holds an error message of the API server, not objects; {hint}")
        items = document.get("items")
        if isinstance(items, list) and str(document.get("kind", "List")).endswith("List"):
            metadata = document.get("metadata")
            if isinstance(metadata, dict) and (metadata.get("continue") or metadata.get("remainingItemCount")):
                raise VmgenError(f"{source} is one page of a longer list; {hint}")
            entries += [(_add_kind(item, document), True) for item in items]
        else:
            yield document, is_listed


def _add_kind(item: Any, document: Mapping[str, Any]) -> Any:
    """Return an item of a list with its kind, which the API server leaves out where the list has it: VMDiskList."""
    kind = str(document.get("kind", "List")).removesuffix("List")
    if not kind or not isinstance(item, dict) or "kind" in item:
        return item
    return {**item, "kind": kind, "apiVersion": document.get("apiVersion")}


def parse_documents(content: bytes, source: str, hint: str) -> list[Any]:
    """Return the JSON or YAML documents of a dump. Raises VmgenError if it is none, or larger than the limit."""
    text = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if text[:1] == b"<":
        raise VmgenError(f"{source} is a page of HTML, perhaps the error page of a proxy; {hint}")
    is_json = text[:1] in (b"{", b"[")
    limit = MAX_JSON_MIB if is_json else MAX_YAML_MIB
    if len(content) > limit * _MIB:
        raise VmgenError(f"{source} is larger than {limit} MiB; dump fewer namespaces{'' if is_json else ', or use -o json'}")
    try:
        return _parse_json(text.decode()) if is_json else parse_objects(text)
    except UnicodeDecodeError:
        raise VmgenError(f"{source} is not UTF-8 text; {hint}") from None
    except TooDeepError as error:
        raise VmgenError(f"{source} cannot be read: {error}; {hint}") from None
    except (json.JSONDecodeError, InvalidYamlError, RecursionError):
        # The reason would quote the dump, which may hold secrets.
        raise VmgenError(f"{source} is cut off or neither JSON nor YAML; {hint}") from None


def _parse_json(text: str) -> list[Any]:
    """Return the JSON documents of a text, which may be several files one after the other."""
    decoder, documents, start = json.JSONDecoder(), [], 0
    while start < len(text):
        document, end = decoder.raw_decode(text, start)
        documents.append(document)
        start = end
        while start < len(text) and text[start].isspace():
            start += 1
    check_levels(documents)
    return documents


def _iter_timestamps(item: Mapping[str, Any]) -> Iterator[str]:
    """Yield the times that the API server wrote on an object, as RFC 3339 texts in UTC, which sort as they are."""
    yield ""
    metadata, status = item["metadata"], item.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else ()
    managed_fields = metadata.get("managedFields")
    for holder in (metadata, item, *_list_mappings(conditions), *_list_mappings(managed_fields)):
        for name in _TIMESTAMPS:
            value = holder.get(name)
            if isinstance(value, str) and len(value) >= 20 and value.endswith("Z"):
                yield value[:19] + "Z"


def _list_mappings(value: Any) -> list[Mapping[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []
