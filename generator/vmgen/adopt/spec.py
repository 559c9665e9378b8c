"""The spec of an object in the dialect that is rendered: other names resolved, what nothing reads left out, all of it said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmgen.adopt.dialect import PlatformConventions
from vmgen.adopt.inputs import SourceManifest
from vmgen.adopt.notes import Diagnostics, ImportNote, NoteKind
from vmgen.problems import Place
from vmgen.read.located import AmbiguousScalar, Located, to_plain
from vmgen.suggestions import did_you_mean

# What kubectl, which reads YAML 1.1, makes of these words where they stand bare.
_YAML_1_1_BOOLEANS = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}


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
        if isinstance(default, bool) and isinstance(found.data, AmbiguousScalar) and found.data.lower() in _YAML_1_1_BOOLEANS:
            meant = _YAML_1_1_BOOLEANS[found.data.lower()]
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
