"""The spec of an object in the dialect that is rendered: other names resolved, what nothing reads left out, all of it said."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmgen.adopt.dialect import Dialect
from vmgen.adopt.inputs import Manifest
from vmgen.adopt.notes import Findings, Note, What
from vmgen.problems import Place
from vmgen.read.located import Ambiguous, Located, plain
from vmgen.suggestions import did_you_mean

# What kubectl, which reads YAML 1.1, makes of these words where they stand bare.
_TRUTH = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}


class Spec:
    """The fields of one object's spec. What is not a field of the platform is gone from it, and noted."""

    def __init__(self, manifest: Manifest, dialect: Dialect, findings: Findings) -> None:
        self.manifest = manifest
        self.dialect = dialect
        self.findings = findings
        self.fields = {name: value for name, value in manifest.spec.items() if self._is_there(name, value)}
        self._rename()
        self._use_twins()
        for name in [name for name in self.fields if name not in dialect.fields(manifest.kind)]:
            self._leave(name, self.fields.pop(name))

    def note(self, place: Place, what: What, name: str, text: str, **becomes: Any) -> None:
        """Say what became of a field."""
        self.findings.notes.append(Note(place, what, self.manifest.label, f"spec.{name}", text, becomes))

    def refuse(self, place: Place, name: str, message: str, rule: str = "import-invalid-field") -> None:
        """A field that keeps the object from being imported."""
        self.findings.refuse(place, rule, f"{self.manifest.label}: spec.{name}", message)

    def place(self, name: str) -> Place:
        """Where a field stands, or the object where the field is left out."""
        found = self.fields.get(name)
        return found.place if found else self.manifest.place

    def value(self, name: str, *, shape: str = "group", key: str = "") -> Any:
        """The value of a field, or the API's default; of the wrong shape it is refused, and the default stands in."""
        found = self.fields.get(name)
        default = self.dialect.default(self.manifest.kind, name)
        if found is None:
            return default
        if isinstance(default, bool) and isinstance(found.data, Ambiguous) and found.data.lower() in _TRUTH:
            meant = _TRUTH[found.data.lower()]
            text = f"kubectl reads {found.data} as {str(meant).lower()}"
            self.note(found.place, "normalised", name, text, **{name: meant})
            return meant
        fits = self.fits(found, name, shape=shape, key=key or name) and self._is_field(found, name)
        return plain(found) if fits else default

    def fits(self, found: Located, name: str, *, shape: str, key: str) -> bool:
        """Whether a value is one that an environment may hold in a key; refused where it is not."""
        problems = [problem for _, problem in self.dialect.key_schema(shape, key).problems(found)]
        for problem in problems:
            self.refuse(problem.place, name, problem.message)
        return not problems

    def _is_field(self, found: Located, name: str) -> bool:
        schema = self.dialect.field_schema(self.manifest.kind, name)
        problems = [] if schema.valid(plain(found)) else [problem for _, problem in schema.problems(found)]
        for problem in problems:
            self.refuse(problem.place, name, problem.message)
        return not problems

    def _is_there(self, name: str, value: Located) -> bool:
        if value.data is None:
            self.note(value.key or self.manifest.place, "left out", name, "is empty, and stands for the default")
        return value.data is not None

    def _rename(self) -> None:
        for old, new in self.dialect.table(self.manifest.kind, "renamed").items():
            found = self.fields.pop(old, None)
            if found is None:
                continue
            current = self.fields.get(new)
            if current and plain(current):
                self.note(found.key or found.place, "left out", old, f"is not read beside `{new}`")
            elif plain(found) == self.dialect.default(self.manifest.kind, old):
                self.note(found.key or found.place, "left out", old, f"an old name of `{new}`, and holds the default")
            else:
                self.note(found.key or found.place, "normalised", old, f"is called `{new}` now", **{new: plain(found)})
                self.fields[new] = found

    def _use_twins(self) -> None:
        for other, twin in self.dialect.table(self.manifest.kind, "twins").items():
            found = self.fields.pop(other, None)
            if found is None:
                continue
            name, meant = twin["field"], twin["values"].get(plain(found)) if isinstance(found.data, str) else None
            current = self.fields.get(name)
            if meant is None:
                others = " or ".join(twin["values"])
                self.refuse(
                    found.place, other, f"cannot be said on {self.dialect.title}{self._elsewhere(other)}; write {others}"
                )
            elif current and plain(current) != meant:
                self.refuse(found.place, other, f"contradicts `{name}` at {current.place}; remove one of the two")
            else:
                text = f"says the same as `{name}: {str(meant).lower()}`"
                self.note(found.key or found.place, "normalised", other, text, **{name: meant})
                self.fields[name] = Located(meant, found.place, found.key)

    def _leave(self, name: str, value: Located) -> None:
        kind, place = self.manifest.kind, value.key or value.place
        ignored = self.dialect.table(kind, "ignored")
        defaults = self.dialect.table(kind, "defaults")
        if name in ignored:
            self.note(place, "left out", name, f"{self.dialect.title} ignores it: {ignored[name]}")
        elif name not in defaults:
            hint = did_you_mean(name, [*self.dialect.fields(kind)])
            self.note(place, "left out", name, f"{self.dialect.title} ignores it: {kind} has no such field{hint}")
        elif not any(_leaves(value)) or plain(value) == defaults[name]:
            empty = "" if plain(value) == defaults[name] else " in effect"
            text = f"not in the reference of {self.dialect.title}, and its value is the default{empty}"
            self.note(place, "left out", name, text)
        else:
            message = f"{self.dialect.title} has no such field{self._elsewhere(name)}"
            self.refuse(place, name, message, "import-foreign-field")

    def _elsewhere(self, name: str) -> str:
        other = self.dialect.platform_with(self.manifest.kind, name)
        return f", and platform {other} has: import with --platform {other}" if other else ""


def _leaves(value: Located) -> Iterator[bool]:
    """Whether each scalar in a value says anything: an empty text does not."""
    if value.mapping or value.items:
        for item in (*value.mapping.values(), *value.items):
            yield from _leaves(item)
    else:
        yield value.data not in ("", None, {}, ())
