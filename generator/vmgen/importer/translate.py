"""VMs and disks in the terms of an environment, one by one, before anything is shared between them.

The spec of an object in the dialect that is rendered: other names resolved, what nothing reads left out, all of it said.

From the fields of an object to the keys of an environment.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from vmgen.importer.dialect import PlatformConventions
from vmgen.importer.inputs import Diagnostics, ImportNote, NoteKind, SourceManifest
from vmgen.problems import Place, did_you_mean
from vmgen.read.located import AmbiguousScalar, Located, to_plain
from vmgen.yaml_text import YAML_1_1_BOOLEANS

KeyPath = tuple[str, ...]


class DiskAttachment(NamedTuple):
    """A disk on a VM, in boot order."""

    name: str
    bus: str
    place: Place


@dataclass(frozen=True, slots=True)
class DiskObject:
    """A VMDisk: its keys as an environment writes them (`image`, `storage`, …), every one that matters spelled out."""

    manifest: SourceManifest = field(repr=False)
    values: Mapping[str, Any]
    places: Mapping[str, Place] = field(repr=False)

    @property
    def name(self) -> str:
        return self.manifest.name


@dataclass(frozen=True, slots=True)
class VmObject:
    """A VMInstance: its keys as an environment writes them, every one spelled out, and its disks."""

    manifest: SourceManifest = field(repr=False)
    values: Mapping[str, Any]
    disks: tuple[DiskAttachment, ...]
    places: Mapping[str, Place] = field(repr=False)

    @property
    def name(self) -> str:
        return self.manifest.name


class SpecReader:
    """The fields of one object's spec. What is not a field of the platform is gone from it, and noted."""

    def __init__(self, manifest: SourceManifest, dialect: PlatformConventions, findings: Diagnostics) -> None:
        self.manifest = manifest
        self.conventions = dialect
        self.diagnostics = findings
        self.fields = {name: value for name, value in manifest.spec.items() if self._is_set(name, value)}
        self._apply_renames()
        self._merge_equivalents()
        for name in [name for name in self.fields if name not in dialect.get_fields(manifest.kind)]:
            self._drop_field(name, self.fields.pop(name))

    def add_note(self, place: Place, what: NoteKind, name: str, text: str, **becomes: Any) -> None:
        """Say what became of a field."""
        self.diagnostics.notes.append(ImportNote(place, what, self.manifest.display_name, f"spec.{name}", text, becomes))

    def add_error(self, place: Place, name: str, message: str, rule: str = "import-invalid-field") -> None:
        """A field that keeps the object from being imported."""
        self.diagnostics.add_error(place, rule, f"{self.manifest.display_name}: spec.{name}", message)

    def find_place(self, name: str) -> Place:
        """Where a field stands, or the object where the field is left out."""
        found = self.fields.get(name)
        return found.place if found else self.manifest.place

    def read_value(self, name: str, *, shape: str = "group", key: str = "") -> Any:
        """The value of a field, or the API's default; of the wrong shape it is refused, and the default stands in."""
        found = self.fields.get(name)
        default = self.conventions.get_default(self.manifest.kind, name)
        if found is None:
            return default
        if isinstance(default, bool) and isinstance(found.data, AmbiguousScalar) and found.data.lower() in YAML_1_1_BOOLEANS:
            meant = YAML_1_1_BOOLEANS[found.data.lower()]
            text = f"kubectl reads {found.data} as {str(meant).lower()}"
            self.add_note(found.place, "normalised", name, text, **{name: meant})
            return meant
        fits = self.is_valid(found, name, shape=shape, key=key or name) and self._is_valid_field(found, name)
        return to_plain(found) if fits else default

    def is_valid(self, found: Located, name: str, *, shape: str, key: str) -> bool:
        """Whether a value is one that an environment may hold in a key; refused where it is not."""
        problems = [problem for _, problem in self.conventions.get_key_schema(shape, key).find_problems(found)]
        for problem in problems:
            self.add_error(problem.place, name, problem.message)
        return not problems

    def _is_valid_field(self, found: Located, name: str) -> bool:
        schema = self.conventions.get_field_schema(self.manifest.kind, name)
        problems = [] if schema.is_valid(to_plain(found)) else [problem for _, problem in schema.find_problems(found)]
        for problem in problems:
            self.add_error(problem.place, name, problem.message)
        return not problems

    def _is_set(self, name: str, value: Located) -> bool:
        if value.data is None:
            self.add_note(value.key_place or self.manifest.place, "left out", name, "is empty, and stands for the default")
        return value.data is not None

    def _apply_renames(self) -> None:
        for old, new in self.conventions.get_table(self.manifest.kind, "renamed").items():
            found = self.fields.pop(old, None)
            if found is None:
                continue
            current = self.fields.get(new)
            if current and to_plain(current):
                self.add_note(found.key_place or found.place, "left out", old, f"is not read beside `{new}`")
            elif to_plain(found) == self.conventions.get_default(self.manifest.kind, old):
                self.add_note(found.key_place or found.place, "left out", old, f"an old name of `{new}`, and holds the default")
            else:
                self.add_note(
                    found.key_place or found.place, "normalised", old, f"is called `{new}` now", **{new: to_plain(found)}
                )
                self.fields[new] = found

    def _merge_equivalents(self) -> None:
        for other, twin in self.conventions.get_table(self.manifest.kind, "twins").items():
            found = self.fields.pop(other, None)
            if found is None:
                continue
            name, meant = twin["field"], twin["values"].get(to_plain(found)) if isinstance(found.data, str) else None
            current = self.fields.get(name)
            if meant is None:
                others = " or ".join(twin["values"])
                self.add_error(
                    found.place,
                    other,
                    f"cannot be said on {self.conventions.title}{self._suggest_platform(other)}; write {others}",
                )
            elif current and to_plain(current) != meant:
                self.add_error(found.place, other, f"contradicts `{name}` at {current.place}; remove one of the two")
            else:
                text = f"says the same as `{name}: {str(meant).lower()}`"
                self.add_note(found.key_place or found.place, "normalised", other, text, **{name: meant})
                self.fields[name] = Located(meant, found.place, found.key_place)

    def _drop_field(self, name: str, value: Located) -> None:
        kind, place = self.manifest.kind, value.key_place or value.place
        ignored = self.conventions.get_table(kind, "ignored")
        defaults = self.conventions.get_table(kind, "defaults")
        if name in ignored:
            self.add_note(place, "left out", name, f"{self.conventions.title} ignores it: {ignored[name]}")
        elif name not in defaults:
            hint = did_you_mean(name, [*self.conventions.get_fields(kind)])
            self.add_note(place, "left out", name, f"{self.conventions.title} ignores it: {kind} has no such field{hint}")
        elif not any(_check_scalars(value)) or to_plain(value) == defaults[name]:
            empty = "" if to_plain(value) == defaults[name] else " in effect"
            text = f"not in the reference of {self.conventions.title}, and its value is the default{empty}"
            self.add_note(place, "left out", name, text)
        else:
            message = f"{self.conventions.title} has no such field{self._suggest_platform(name)}"
            self.add_error(place, name, message, "import-foreign-field")

    def _suggest_platform(self, name: str) -> str:
        other = self.conventions.find_platform_with_field(self.manifest.kind, name)
        return f", and platform {other} has: import with --platform {other}" if other else ""


def _check_scalars(value: Located) -> Iterator[bool]:
    """Whether each scalar in a value says anything: an empty text does not."""
    if value.mapping or value.items:
        for item in (*value.mapping.values(), *value.items):
            yield from _check_scalars(item)
    else:
        yield value.data not in ("", None, {}, ())


# What `running: true` and `running: false` are as run strategies.
RUN_STRATEGIES = {True: "Always", False: "Halted"}
# Each kind of source: its key in a VMDisk, the key below that, and its key in an environment.
_SOURCE_KEYS = (("image", "name", "image"), ("http", "url", "url"), ("disk", "name", "clone"))


def translate_vm(manifest: SourceManifest, dialect: PlatformConventions, findings: Diagnostics) -> VmObject:
    """A VMInstance in the terms of an environment."""
    spec = SpecReader(manifest, dialect, findings)
    known = dialect.get_fields(manifest.kind)
    values: dict[str, Any] = {}
    places = {name: found.place for name, found in spec.fields.items()}
    for name in known:
        if name == "disks":
            continue
        if name == "runStrategy":
            strategy = spec.read_value(name)
            values |= {"running": strategy != RUN_STRATEGIES[False], "runStrategy": strategy}
        elif name == "resources":
            values[name] = _read_resources(spec)
        elif _is_name_list(known[name]):
            values[name] = _read_names(spec, name)
        else:
            values[name] = spec.read_value(name)
    if "externalPorts" not in spec.fields and not (values["external"] and values["externalMethod"] == "PortList"):
        values["externalPorts"] = []  # the API's default has no effect here, and opens a port one day
    return VmObject(manifest, values, tuple(_read_disks(spec)), places)


def _is_name_list(schema: Any) -> bool:
    """Whether a field is a list of `{name: …}`, which an environment writes as a list of names."""
    return schema.get("type") == "array" and "name" in schema["items"].get("properties", {})


def _read_names(spec: SpecReader, name: str) -> list[str]:
    found = spec.fields.get(name)
    if found is None:
        return list(spec.conventions.get_default(spec.manifest.kind, name) or [])
    if not isinstance(found.data, tuple):
        spec.add_error(found.place, name, "must be a list")
        return []
    names = []
    for item in found.items:
        of_item = item.get("name") if item.mapping else item
        if of_item is None or not isinstance(of_item.data, str):
            spec.add_error(item.place, name, "must be a list of `{name: …}`")
            continue
        for key in item.mapping.keys() - {"name"}:
            spec.add_error(item.place, name, f"an item has `{key}`, which an environment cannot carry; remove it")
        names.append(of_item.data)
    if any(not item.mapping for item in found.items):
        text = "names became objects, which the platform wants"
        spec.add_note(found.place, "normalised", name, text, **{name: [{"name": each} for each in names]})
    return names


def _read_resources(spec: SpecReader) -> dict[str, Any]:
    found = spec.fields.get("resources")
    if found is None or not isinstance(found.data, dict):
        return dict(spec.read_value("resources") or {})
    kept = {name: value for name, value in found.mapping.items() if value.data not in ("", None)}
    if len(kept) == len(found.mapping):
        return dict(spec.read_value("resources"))
    empty = ", ".join(f"`{name}`" for name in found.mapping if name not in kept)
    spec.fields["resources"] = Located(kept, found.place, found.key_place)
    text = f"{empty} is empty, which the chart refuses; it stands for the instance type's"
    spec.add_note(found.key_place or found.place, "left out", "resources", text)
    return dict(spec.read_value("resources"))


def _read_disks(spec: SpecReader) -> list[DiskAttachment]:
    found = spec.fields.get("disks")
    if found is None:
        return []
    if not isinstance(found.data, tuple):
        spec.add_error(found.place, "disks", "must be a list")
        return []
    disks = [each for item in found.items if (each := _parse_attachment(item, spec))]
    as_text = [item for item in found.items if isinstance(item.data, str)]
    if spec.conventions.refuses_disks_as_text and as_text:
        text = f"{spec.conventions.title} refuses a disk as text, and the VM never started; each is carried as `{{name: …}}`"
        spec.add_note(as_text[0].place, "left out", "disks", text)
    rendered_as_text = spec.conventions.get_fields(spec.manifest.kind)["disks"]["items"].get("type") == "string"
    if rendered_as_text and len(as_text) < len(found.items):
        spec.add_note(found.place, "normalised", "disks", f"each is its name alone, as {spec.conventions.title} documents it")
    return disks


def _parse_attachment(item: Located, spec: SpecReader) -> DiskAttachment | None:
    if isinstance(item.data, str) and spec.is_valid(item, "disks", shape="disk", key="clone"):
        return DiskAttachment(item.data, "", item.place)
    name, bus = item.get("name"), item.get("bus")
    if name is None or not isinstance(name.data, str):
        if not isinstance(item.data, str):
            spec.add_error(item.place, "disks", "must be a list of `{name: …}`, or of names")
        return None
    for key, value in item.mapping.items():
        if key not in ("name", "bus"):
            spec.add_note(value.key_place or item.place, "left out", f"disks.{key}", f"{spec.conventions.title} ignores it")
    if bus is not None and bus.data and "bus" not in spec.conventions.platform.disk_fields:
        other = spec.conventions.find_platform_with_field(spec.manifest.kind, "runStrategy")
        remedy = f"; import with --platform {other}" if other else ""
        spec.add_error(bus.place, "disks", f"{spec.conventions.title} has no `bus`{remedy}", "import-foreign-field")
        bus = None
    if bus is not None and bus.data and not spec.is_valid(bus, "disks", shape="disk", key="bus"):
        bus = None
    return DiskAttachment(name.data, bus.data or "" if bus else "", item.place)


def translate_disk(manifest: SourceManifest, dialect: PlatformConventions, findings: Diagnostics) -> DiskObject:
    """A VMDisk in the terms of an environment."""
    spec = SpecReader(manifest, dialect, findings)
    places = {name: found.place for name, found in spec.fields.items()}
    values = _read_source(spec, places)
    for name in dialect.get_fields(manifest.kind):
        if name != "source":
            values[name] = spec.read_value(name, shape="disk")
    return DiskObject(manifest, values, places)


def _refuse_alias(image: Located, spec: SpecReader) -> None:
    """An image under the name that another platform gives it would be rendered under this one's."""
    own = spec.conventions.platform.catalog.image_names.get(image.data, image.data)
    if own != image.data:
        other = spec.conventions.find_platform_with_image(image.data)
        message = f"'{image.data}' is called '{own}' on {spec.conventions.title}, and would be rendered so; "
        remedy = f"import with --platform {other}" if other else "write that"
        spec.add_error(image.place, "source", message + remedy)


def _read_source(spec: SpecReader, places: dict[str, Place]) -> dict[str, Any]:
    found = spec.fields.get("source")
    if found is None:
        return {}
    if not isinstance(found.data, dict) or len(found.mapping) > 1:
        spec.add_error(found.place, "source", "must be a mapping with one kind of source, or with none for a blank disk")
        return {}
    for name, below, key in _SOURCE_KEYS:
        inner = found.get(name)
        if inner is None:
            continue
        value = inner.get(below)
        if value is None or set(inner.mapping) != {below}:
            spec.add_error(inner.place, f"source.{name}", f"must be `{{{below}: …}}` and nothing else")
        elif spec.is_valid(value, f"source.{name}.{below}", shape="disk", key=key):
            places[key] = value.place
            if key == "image":
                _refuse_alias(value, spec)
            return {key: to_plain(value)}
        return {}
    if found.get("upload") is not None:
        places["upload"] = found.place
        return {"upload": True}
    for name, value in found.mapping.items():
        known = ", ".join(spec.conventions.get_fields(spec.manifest.kind)["source"]["properties"])
        spec.add_error(value.key_place or value.place, f"source.{name}", f"is no source of a VMDisk; there are: {known}")
    return {}
