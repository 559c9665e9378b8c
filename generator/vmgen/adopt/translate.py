"""From the fields of an object to the keys of an environment."""

from __future__ import annotations

from typing import Any

from vmgen.adopt.dialect import PlatformConventions
from vmgen.adopt.inputs import SourceManifest
from vmgen.adopt.notes import Diagnostics
from vmgen.adopt.objects import DiskAttachment, DiskObject, VmObject
from vmgen.adopt.spec import SpecReader
from vmgen.problems import Place
from vmgen.read.located import Located, to_plain

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
