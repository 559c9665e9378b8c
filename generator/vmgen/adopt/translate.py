"""From the fields of an object to the keys of an environment."""

from __future__ import annotations

from typing import Any

from vmgen.adopt.dialect import Dialect
from vmgen.adopt.inputs import Manifest
from vmgen.adopt.notes import Findings
from vmgen.adopt.objects import Attached, DiskObject, VmObject
from vmgen.adopt.spec import Spec
from vmgen.problems import Place
from vmgen.read.located import Located, plain

# What `running: true` and `running: false` are as run strategies.
STRATEGIES = {True: "Always", False: "Halted"}
# Each kind of source: its key in a VMDisk, the key below that, and its key in an environment.
_SOURCES = (("image", "name", "image"), ("http", "url", "url"), ("disk", "name", "clone"))


def vm(manifest: Manifest, dialect: Dialect, findings: Findings) -> VmObject:
    """A VMInstance in the terms of an environment."""
    spec = Spec(manifest, dialect, findings)
    known = dialect.fields(manifest.kind)
    values: dict[str, Any] = {}
    places = {name: found.place for name, found in spec.fields.items()}
    for name in known:
        if name == "disks":
            continue
        if name == "runStrategy":
            strategy = spec.value(name)
            values |= {"running": strategy != STRATEGIES[False], "runStrategy": strategy}
        elif name == "resources":
            values[name] = _resources(spec)
        elif _holds_names(known[name]):
            values[name] = _names(spec, name)
        else:
            values[name] = spec.value(name)
    if "externalPorts" not in spec.fields and not (values["external"] and values["externalMethod"] == "PortList"):
        values["externalPorts"] = []  # the API's default has no effect here, and opens a port one day
    return VmObject(manifest, values, tuple(_disks(spec)), places)


def _holds_names(schema: Any) -> bool:
    """Whether a field is a list of `{name: …}`, which an environment writes as a list of names."""
    return schema.get("type") == "array" and "name" in schema["items"].get("properties", {})


def _names(spec: Spec, name: str) -> list[str]:
    found = spec.fields.get(name)
    if found is None:
        return list(spec.dialect.default(spec.manifest.kind, name) or [])
    if not isinstance(found.data, tuple):
        spec.refuse(found.place, name, "must be a list")
        return []
    names = []
    for item in found.items:
        of_item = item.get("name") if item.mapping else item
        if of_item is None or not isinstance(of_item.data, str):
            spec.refuse(item.place, name, "must be a list of `{name: …}`")
            continue
        for key in item.mapping.keys() - {"name"}:
            spec.refuse(item.place, name, f"an item has `{key}`, which an environment cannot carry; remove it")
        names.append(of_item.data)
    if any(not item.mapping for item in found.items):
        text = "names became objects, which the platform wants"
        spec.note(found.place, "normalised", name, text, **{name: [{"name": each} for each in names]})
    return names


def _resources(spec: Spec) -> dict[str, Any]:
    found = spec.fields.get("resources")
    if found is None or not isinstance(found.data, dict):
        return dict(spec.value("resources") or {})
    kept = {name: value for name, value in found.mapping.items() if value.data not in ("", None)}
    if len(kept) == len(found.mapping):
        return dict(spec.value("resources"))
    empty = ", ".join(f"`{name}`" for name in found.mapping if name not in kept)
    spec.fields["resources"] = Located(kept, found.place, found.key)
    text = f"{empty} is empty, which the chart refuses; it stands for the instance type's"
    spec.note(found.key or found.place, "left out", "resources", text)
    return dict(spec.value("resources"))


def _disks(spec: Spec) -> list[Attached]:
    found = spec.fields.get("disks")
    if found is None:
        return []
    if not isinstance(found.data, tuple):
        spec.refuse(found.place, "disks", "must be a list")
        return []
    disks = [each for item in found.items if (each := _attached(item, spec))]
    as_text = [item for item in found.items if isinstance(item.data, str)]
    if spec.dialect.disks_as_text_refused and as_text:
        text = f"{spec.dialect.title} refuses a disk as text, and the VM never started; each is carried as `{{name: …}}`"
        spec.note(as_text[0].place, "left out", "disks", text)
    rendered_as_text = spec.dialect.fields(spec.manifest.kind)["disks"]["items"].get("type") == "string"
    if rendered_as_text and len(as_text) < len(found.items):
        spec.note(found.place, "normalised", "disks", f"each is its name alone, as {spec.dialect.title} documents it")
    return disks


def _attached(item: Located, spec: Spec) -> Attached | None:
    if isinstance(item.data, str) and spec.fits(item, "disks", shape="disk", key="clone"):
        return Attached(item.data, "", item.place)
    name, bus = item.get("name"), item.get("bus")
    if name is None or not isinstance(name.data, str):
        if not isinstance(item.data, str):
            spec.refuse(item.place, "disks", "must be a list of `{name: …}`, or of names")
        return None
    for key, value in item.mapping.items():
        if key not in ("name", "bus"):
            spec.note(value.key or item.place, "left out", f"disks.{key}", f"{spec.dialect.title} ignores it")
    if bus is not None and bus.data and "bus" not in spec.dialect.platform.disk_fields:
        other = spec.dialect.platform_with(spec.manifest.kind, "runStrategy")
        remedy = f"; import with --platform {other}" if other else ""
        spec.refuse(bus.place, "disks", f"{spec.dialect.title} has no `bus`{remedy}", "import-foreign-field")
        bus = None
    if bus is not None and bus.data and not spec.fits(bus, "disks", shape="disk", key="bus"):
        bus = None
    return Attached(name.data, bus.data or "" if bus else "", item.place)


def disk(manifest: Manifest, dialect: Dialect, findings: Findings) -> DiskObject:
    """A VMDisk in the terms of an environment."""
    spec = Spec(manifest, dialect, findings)
    places = {name: found.place for name, found in spec.fields.items()}
    values = _source(spec, places)
    for name in dialect.fields(manifest.kind):
        if name != "source":
            values[name] = spec.value(name, shape="disk")
    return DiskObject(manifest, values, places)


def _refuse_alias(image: Located, spec: Spec) -> None:
    """An image under the name that another platform gives it would be rendered under this one's."""
    own = spec.dialect.platform.catalog.image_names.get(image.data, image.data)
    if own != image.data:
        other = spec.dialect.platform_with_image(image.data)
        message = f"'{image.data}' is called '{own}' on {spec.dialect.title}, and would be rendered so; "
        remedy = f"import with --platform {other}" if other else "write that"
        spec.refuse(image.place, "source", message + remedy)


def _source(spec: Spec, places: dict[str, Place]) -> dict[str, Any]:
    found = spec.fields.get("source")
    if found is None:
        return {}
    if not isinstance(found.data, dict) or len(found.mapping) > 1:
        spec.refuse(found.place, "source", "must be a mapping with one kind of source, or with none for a blank disk")
        return {}
    for name, below, key in _SOURCES:
        inner = found.get(name)
        if inner is None:
            continue
        value = inner.get(below)
        if value is None or set(inner.mapping) != {below}:
            spec.refuse(inner.place, f"source.{name}", f"must be `{{{below}: …}}` and nothing else")
        elif spec.fits(value, f"source.{name}.{below}", shape="disk", key=key):
            places[key] = value.place
            if key == "image":
                _refuse_alias(value, spec)
            return {key: plain(value)}
        return {}
    if found.get("upload") is not None:
        places["upload"] = found.place
        return {"upload": True}
    for name, value in found.mapping.items():
        known = ", ".join(spec.dialect.fields(spec.manifest.kind)["source"]["properties"])
        spec.refuse(value.key or value.place, f"source.{name}", f"is no source of a VMDisk; there are: {known}")
    return {}
