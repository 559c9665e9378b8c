"""Translate single objects: from the fields of a VMInstance or VMDisk to the keys of an environment, every one spelled out.

Fields under other names are resolved first, and fields that nothing reads are left out, each with a note.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from vmgen.importer.alike import fill_located
from vmgen.importer.conventions import PlatformConventions
from vmgen.importer.manifests import Diagnostics, ImportNote, NoteKind, SourceManifest
from vmgen.nameless import fill
from vmgen.problems import Place, Problem, did_you_mean
from vmgen.read.located import AmbiguousScalar, KeyPath, Located, to_plain
from vmgen.rules import IMPORT_FOREIGN_FIELD, IMPORT_INVALID_FIELD
from vmgen.yaml_text import YAML_1_1_BOOLEANS

# Each kind of source: its key in a VMDisk, the key below that, and its key in an environment.
_SOURCE_KEYS = (("image", "name", "image"), ("http", "url", "url"), ("disk", "name", "clone"))


class DiskAttachment(NamedTuple):
    """A disk on a VM, in boot order; `bus` is empty if it is left to the profile."""

    name: str
    bus: str
    place: Place


class DiskObject(NamedTuple):
    """A VMDisk with the keys of an environment's disk (`image`, `storage`, ...); `field_places` has those that are written."""

    manifest: SourceManifest
    values: Mapping[str, Any]
    field_places: Mapping[str, Place]

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def places(self) -> Mapping[str, Place]:
        """The places of the keys that are written."""
        return _move_to_file(self.field_places, self.manifest.place.file)


class VmObject(NamedTuple):
    """A VMInstance with the keys of an environment's group; `field_places` has those that are written."""

    manifest: SourceManifest
    values: Mapping[str, Any]
    disks: tuple[DiskAttachment, ...]
    field_places: Mapping[str, Place]

    @property
    def name(self) -> str:
        return self.manifest.name

    @property
    def places(self) -> Mapping[str, Place]:
        """The places of the keys that are written."""
        return _move_to_file(self.field_places, self.manifest.place.file)


def _move_to_file(places: Mapping[str, Place], file: str) -> Mapping[str, Place]:
    """Return places in a manifest as those in one that differs in names only."""
    return {name: Place(file, place.line, place.column) for name, place in places.items()}


class _NamelessVm(NamedTuple):
    """What VMs that differ in their names only share. `named_fields` have a name in them, and no value here.

    The disks of `vm` have placeholders in their names; `are_texts` has True for each that is only a name.
    """

    vm: VmObject
    named_fields: tuple[str, ...]
    are_texts: tuple[bool, ...]


class Translator:
    """Translates the objects of one import. Those that differ in their names only share what has no name in it."""

    def __init__(self, conventions: PlatformConventions, diagnostics: Diagnostics) -> None:
        self._conventions = conventions
        self._diagnostics = diagnostics
        self._nameless_vms: dict[int, _NamelessVm | None] = {}
        self._nameless_disks: dict[int, DiskObject | None] = {}

    def translate_vm(self, manifest: SourceManifest) -> VmObject:
        """Translate a VMInstance; its disks are only named yet."""
        nameless = manifest.nameless
        if nameless and id(nameless) not in self._nameless_vms:
            self._nameless_vms[id(nameless)] = self._translate_nameless_vm(nameless, manifest.names)
        shared = self._nameless_vms[id(nameless)] if nameless else None
        if shared is None:
            return _read_vm(_SpecReader(manifest, self._conventions, self._diagnostics))
        vm, named_fields, are_texts = shared
        names, file = manifest.names, manifest.place.file
        disks = tuple(
            DiskAttachment(fill(name, names), bus, Place(file, place.line, place.column)) for name, bus, place in vm.disks
        )
        schema = self._conventions.get_key_schema("disk", "clone")
        if any(is_text and not schema.is_valid(disk.name) for disk, is_text in zip(disks, are_texts)):
            return _read_vm(_SpecReader(manifest, self._conventions, self._diagnostics))
        fields = {key: fill_located(vm.manifest.spec[key], names, file) for key in named_fields}
        spec = _SpecReader(manifest, self._conventions, self._diagnostics, fields)
        return VmObject(manifest, {**vm.values, **_read_vm_fields(spec, named_fields)}, disks, vm.field_places)

    def _translate_nameless_vm(self, nameless: SourceManifest, names: tuple[str, ...]) -> _NamelessVm | None:
        """Return None if there is a note or a problem, whose place is in the file of each VM."""
        spec = _SpecReader(nameless, self._conventions, Diagnostics())
        named_fields = tuple(name for name, value in spec.fields.items() if has_name(value))
        roles = self._conventions.platform.roles
        # Several fields decide about these together.
        if {roles.run_strategy, roles.power_switch, "external", "externalMethod", "externalPorts"}.intersection(named_fields):
            return None
        places = {name: value.place for name, value in spec.fields.items()}
        items = spec.fields["disks"].items if "disks" in spec.fields else ()
        if "disks" in named_fields:
            # A placeholder is no name of a disk, and these names are as good as any.
            spec.fields["disks"] = fill_located(spec.fields["disks"], names, "")
        for name in (name for name in named_fields if name != "disks"):
            del spec.fields[name]
        vm = _read_vm(spec)
        if spec.diagnostics.notes or spec.diagnostics.problems:
            return None
        own_names = [item.text or item.mapping["name"].text for item in items]
        disks = tuple(disk._replace(name=name) for disk, name in zip(vm.disks, own_names, strict=True))
        named_fields = tuple(name for name in named_fields if name != "disks")
        return _NamelessVm(VmObject(nameless, vm.values, disks, places), named_fields, tuple(bool(item.text) for item in items))

    def translate_disk(self, manifest: SourceManifest) -> DiskObject:
        """Translate a VMDisk."""
        nameless = manifest.nameless
        if nameless and id(nameless) not in self._nameless_disks:
            spec = _SpecReader(nameless, self._conventions, Diagnostics())
            disk = None if any(map(has_name, spec.fields.values())) else _read_disk(spec)
            is_clean = not (spec.diagnostics.notes or spec.diagnostics.problems)
            self._nameless_disks[id(nameless)] = disk if is_clean else None
        shared = self._nameless_disks[id(nameless)] if nameless else None
        if shared:
            return shared._replace(manifest=manifest)
        return _read_disk(_SpecReader(manifest, self._conventions, self._diagnostics))


def has_name(value: Located) -> bool:
    """Return true if some text of a value may hold a placeholder, which is no character of ASCII."""
    if isinstance(value.data, str):
        return not value.data.isascii()
    return any(not key.isascii() or has_name(item) for key, item in value.mapping.items()) or any(map(has_name, value.items))


def _read_vm(spec: _SpecReader) -> VmObject:
    places = {name: value.place for name, value in spec.fields.items()}
    values = _read_vm_fields(spec, spec.conventions.get_fields(spec.manifest.kind))
    if "externalPorts" not in spec.fields and not (values["external"] and values["externalMethod"] == "PortList"):
        values["externalPorts"] = []  # the API's default has no effect yet, and would open a port later
    return VmObject(spec.manifest, values, tuple(_read_disks(spec)), places)


def _read_vm_fields(spec: _SpecReader, names: Iterable[str]) -> dict[str, Any]:
    """Return the values of fields but for `disks`, which are keys of a group."""
    values: dict[str, Any] = {}
    roles, fields = spec.conventions.platform.roles, spec.conventions.get_fields(spec.manifest.kind)
    for name in names:
        if name == "disks":
            continue
        if name == roles.run_strategy:
            strategy = spec.read_value(name)
            values |= {roles.power_switch: not roles.is_switched_off(strategy), name: strategy}
        elif name == spec.conventions.size_field:
            values[name] = _read_size(spec, name)
        elif fields[name].get("type") == "array" and "name" in fields[name]["items"].get("properties", {}):
            values[name] = _read_names(spec, name)
        else:
            values[name] = spec.read_value(name)
    return values


def _read_disk(spec: _SpecReader) -> DiskObject:
    places = {name: value.place for name, value in spec.fields.items()}
    values = _read_source(spec, places)
    fields = spec.conventions.get_fields(spec.manifest.kind)
    values |= {name: spec.read_value(name, shape="disk") for name in fields if name != "source"}
    return DiskObject(spec.manifest, values, places)


class _SpecReader:
    """The fields of one object's spec that the platform has; fields under other names are renamed, the rest is dropped."""

    def __init__(
        self,
        manifest: SourceManifest,
        conventions: PlatformConventions,
        diagnostics: Diagnostics,
        fields: dict[str, Located] | None = None,
    ) -> None:
        """With `fields`, these are read, which are known to need no other name."""
        self.manifest = manifest
        self.conventions = conventions
        self.diagnostics = diagnostics
        self.fields: dict[str, Located] = {} if fields is None else fields
        if fields is not None:
            return
        for name, value in manifest.spec.items():
            if value.data is None:
                self.add_note(value.key_place or manifest.place, "left out", name, "is empty, which is the default")
            else:
                self.fields[name] = value
        self._apply_renames()
        self._merge_equivalents()
        for name in [name for name in self.fields if name not in conventions.get_fields(manifest.kind)]:
            self._drop_field(name, self.fields.pop(name))

    def add_note(self, place: Place, kind: NoteKind, name: str, text: str, **replacement: Any) -> None:
        """Note what became of a field."""
        note = ImportNote(place, kind, self.manifest.display_name, f"spec.{name}", text, replacement)
        self.diagnostics.notes.append(note)

    def add_error(self, place: Place, name: str, message: str, rule: str = IMPORT_INVALID_FIELD.id) -> None:
        """Refuse the object for a field."""
        self.diagnostics.add_error(place, rule, f"{self.manifest.display_name}: spec.{name}", message)

    def read_value(self, name: str, *, shape: str = "group") -> Any:
        """Return the plain value of a field, or the API's default if it is left out or refused."""
        value = self.fields.get(name)
        default = self.conventions.get_default(self.manifest.kind, name)
        if value is None:
            return default
        # kubectl reads YAML 1.1, where `yes`, `on` and their like are booleans. https://yaml.org/type/bool.html
        if isinstance(default, bool) and isinstance(value.data, AmbiguousScalar) and value.data.lower() in YAML_1_1_BOOLEANS:
            boolean = YAML_1_1_BOOLEANS[value.data.lower()]
            text = f"kubectl reads {value.data} as {str(boolean).lower()}"
            self.add_note(value.place, "normalised", name, text, **{name: boolean})
            return boolean
        schema = self.conventions.get_field_schema(self.manifest.kind, name)
        # The VMs of a fleet repeat their values.
        is_valid = self.conventions.accepts(self.manifest.kind, shape, name, value) or (
            self.is_valid(value, name, shape=shape, key=name)
            and (schema.is_valid(to_plain(value)) or self._report_none(name, schema.find_problems(value)))
        )
        return to_plain(value) if is_valid else default

    def is_valid(self, value: Located, name: str, *, shape: str, key: str) -> bool:
        """Return True if a key of an environment may hold a value; else report the errors for the field."""
        return self._report_none(name, self.conventions.get_key_schema(shape, key).find_problems(value))

    def _report_none(self, name: str, problems: list[tuple[KeyPath, Problem]]) -> bool:
        for _, problem in problems:
            self.add_error(problem.place, name, problem.message)
        return not problems

    def _apply_renames(self) -> None:
        for old, new in self.conventions.get_table(self.manifest.kind, "renamed").items():
            value = self.fields.pop(old, None)
            if value is None:
                continue
            place = value.key_place or value.place
            current = self.fields.get(new)
            if current and to_plain(current):
                self.add_note(place, "left out", old, f"is ignored with `{new}`")
            elif to_plain(value) == self.conventions.get_default(self.manifest.kind, old):
                self.add_note(place, "left out", old, f"an old name of `{new}`, with the default value")
            else:
                self.add_note(place, "normalised", old, f"is called `{new}` now", **{new: to_plain(value)})
                self.fields[new] = value

    def _merge_equivalents(self) -> None:
        """Replace fields that mean the same as another field, value by value."""
        for other, equivalent in self.conventions.get_table(self.manifest.kind, "twins").items():
            value = self.fields.pop(other, None)
            if value is None:
                continue
            name, choices = equivalent["field"], equivalent["values"]
            replacement = choices.get(to_plain(value)) if isinstance(value.data, str) else None
            current = self.fields.get(name)
            if replacement is None:
                hint = self.conventions.suggest_version(self.manifest.kind, other)
                message = f"cannot be expressed on {self.conventions.release_title}{hint}; or write {' or '.join(choices)}"
                self.add_error(value.place, other, message)
            elif current and to_plain(current) != replacement:
                self.add_error(value.place, other, f"contradicts `{name}` at {current.place}; remove one of the two")
            else:
                text = f"same as `{name}: {str(replacement).lower()}`"
                self.add_note(value.key_place or value.place, "normalised", other, text, **{name: replacement})
                # A live object of an older version may have the one field, a rendered manifest has the other.
                self.fields[name] = Located(replacement, value.place, value.key_place)

    def _drop_field(self, name: str, value: Located) -> None:
        kind, title, place = self.manifest.kind, self.conventions.title, value.key_place or value.place
        ignored = self.conventions.get_table(kind, "ignored")
        defaults = self.conventions.get_table(kind, "defaults")
        if name in ignored:
            self.add_note(place, "left out", name, f"{title} ignores it: {ignored[name]}")
        elif name not in defaults:
            hint = did_you_mean(name, [*self.conventions.get_fields(kind)])
            self.add_note(place, "left out", name, f"{title} ignores it: {kind} has no such field{hint}")
        elif to_plain(value) == defaults[name] or not _has_content(value):
            suffix = "" if to_plain(value) == defaults[name] else " in effect"
            text = f"not in the reference of {title}, and its value is the default{suffix}"
            self.add_note(place, "left out", name, text)
        else:
            message = f"{self.conventions.release_title} has no such field{self.conventions.suggest_version(kind, name)}"
            self.add_error(place, name, message, IMPORT_FOREIGN_FIELD.id)


def _has_content(value: Located) -> bool:
    """Return True if some scalar in a value is not empty."""
    if value.mapping or value.items:
        return any(map(_has_content, (*value.mapping.values(), *value.items)))
    return value.data not in ("", None, {}, ())


def _read_names(spec: _SpecReader, name: str) -> list[str]:
    """Return a list of `{name: ...}` as an environment writes it: a list of names."""
    value = spec.fields.get(name)
    if value is None:
        return list(spec.conventions.get_default(spec.manifest.kind, name) or [])
    if not isinstance(value.data, tuple):
        spec.add_error(value.place, name, "must be a list")
        return []
    names = []
    for item in value.items:
        item_name = item.get("name") if item.mapping else item
        if item_name is None or not isinstance(item_name.data, str):
            spec.add_error(item.place, name, "must be a list of `{name: …}`")
            continue
        for key in item.mapping.keys() - {"name"}:
            spec.add_error(item.place, name, f"an item has `{key}`, which an environment does not support; remove it")
        names.append(item_name.data)
    if any(not item.mapping for item in value.items):
        text = "converted to objects, the form of the platform"
        spec.add_note(value.place, "normalised", name, text, **{name: [{"name": each} for each in names]})
    return names


def _read_size(spec: _SpecReader, name: str) -> dict[str, Any]:
    """Return the size of a VM without an instance type."""
    size = spec.fields.get(name)
    empty = [key for key, value in size.mapping.items() if value.data in ("", None)] if size else []
    if size and empty:
        values = {key: value for key, value in size.mapping.items() if key not in empty}
        spec.fields[name] = Located(values, size.place, size.key_place)
        text = f"{', '.join(f'`{key}`' for key in empty)} is empty, which the chart refuses; the instance type sets it"
        spec.add_note(size.key_place or size.place, "left out", name, text)
    return dict(spec.read_value(name) or {})


def _read_disks(spec: _SpecReader) -> list[DiskAttachment]:
    value, title = spec.fields.get("disks"), spec.conventions.title
    if value is None:
        return []
    if not isinstance(value.data, tuple):
        spec.add_error(value.place, "disks", "must be a list")
        return []
    attachments = [attachment for item in value.items if (attachment := _parse_attachment(item, spec))]
    as_text = [item for item in value.items if isinstance(item.data, str)]
    if as_text and spec.conventions.refuses_text(spec.manifest.kind, "disks"):
        text = f"{title} refuses a disk as text, so the VM never started; each is converted to `{{name: …}}`"
        spec.add_note(as_text[0].place, "left out", "disks", text)
    rendered_as_text = spec.conventions.get_fields(spec.manifest.kind)["disks"].get("items", {}).get("type") == "string"
    if rendered_as_text and len(as_text) < len(value.items):
        spec.add_note(value.place, "normalised", "disks", f"converted to a plain name ({title}'s documented form)")
    return attachments


def _parse_attachment(item: Located, spec: _SpecReader) -> DiskAttachment | None:
    if isinstance(item.data, str) and spec.is_valid(item, "disks", shape="disk", key="clone"):
        return DiskAttachment(item.data, "", item.place)
    bus_name, title = spec.conventions.platform.roles.disk_bus, spec.conventions.title
    name, bus = item.get("name"), item.get(bus_name)
    if name is None or not isinstance(name.data, str):
        if not isinstance(item.data, str):
            spec.add_error(item.place, "disks", "must be a list of `{name: …}`, or of names")
        return None
    for key, value in item.mapping.items():
        if key not in ("name", bus_name):
            spec.add_note(value.key_place or item.place, "left out", f"disks.{key}", f"{title} ignores it")
    if bus is None or not bus.data:
        return DiskAttachment(name.text, "", item.place)
    if bus_name not in spec.conventions.platform.disk_fields:
        remedy = spec.conventions.suggest_version_for_key(bus_name)
        message = f"{spec.conventions.release_title} has no `{bus_name}`{remedy}"
        spec.add_error(bus.place, "disks", message, IMPORT_FOREIGN_FIELD.id)
        return DiskAttachment(name.data, "", item.place)
    is_valid = spec.is_valid(bus, "disks", shape="disk", key=bus_name)
    return DiskAttachment(name.text, bus.text if is_valid else "", item.place)


def _read_source(spec: _SpecReader, places: dict[str, Place]) -> dict[str, Any]:
    """Return the source of a disk under its key in an environment; empty for a blank disk, or if it is refused."""
    source = spec.fields.get("source")
    if source is None:
        return {}
    if not isinstance(source.data, dict) or len(source.mapping) > 1:
        spec.add_error(source.place, "source", "must be a mapping with one kind of source, or with none for a blank disk")
        return {}
    for name, inner_key, key in _SOURCE_KEYS:
        inner = source.get(name)
        if inner is None:
            continue
        value = inner.get(inner_key)
        if value is None or set(inner.mapping) != {inner_key}:
            spec.add_error(inner.place, f"source.{name}", f"must be `{{{inner_key}: …}}` and nothing else")
        elif spec.is_valid(value, f"source.{name}.{inner_key}", shape="disk", key=key):
            places[key] = value.place
            # A clone and a URL have no second name.
            if key == "image":
                _refuse_alias(value, spec)
            return {key: to_plain(value)}
        return {}
    if source.get("upload") is not None:
        places["upload"] = source.place
        return {"upload": True}
    for name, value in source.mapping.items():
        kinds = ", ".join(spec.conventions.get_fields(spec.manifest.kind)["source"].get("properties", ()))
        message = f"is no source of a VMDisk; available: {kinds}"
        spec.add_error(value.key_place or value.place, f"source.{name}", message)
    return {}


def _refuse_alias(image: Located, spec: _SpecReader) -> None:
    """Report an image under an alias: it would be rendered under the platform's own name."""
    own_name = spec.conventions.platform.catalog.image_names.get(image.text, image.text)
    if own_name != image.text:
        title, size = spec.conventions.title, spec.conventions.platform.catalog.images[own_name].min_storage
        message = (
            f"'{image.text}' is called '{own_name}' on {title}, and would be rendered so; write that, or if the platform has "
            f"both, `images: {{{image.text}: {{minStorage: {size}}}}}` in environments/_catalog.yaml"
        )
        spec.add_error(image.place, "source", message)
