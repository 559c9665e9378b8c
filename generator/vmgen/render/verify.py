"""What came out of a template, read back and compared with what was meant."""

from __future__ import annotations

import re
from typing import Any

from vmgen.expand.model import Fleet, Resource
from vmgen.problems import Place, Problem
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.schema import Schema
from vmgen.read.templates import Templates


class ManifestVerifier:
    """Reads manifests back: one object, of the kind, name and namespace that were meant, every field there, no other."""

    def __init__(self, fleet: Fleet, templates: Templates) -> None:
        self.problems: list[Problem] = []
        self._fleet = fleet
        self._templates = templates
        self._schemas: dict[str, Schema] = {}

    def verify(self, resource: Resource, text: str) -> None:
        """Verify a manifest."""
        self.problems.extend(self._find_problems(resource, text))

    def _find_problems(self, resource: Resource, text: str) -> list[Problem]:
        template = self._fleet.get_kind(resource).template
        try:
            found = parse_objects(text, text_keys=True)
        except InvalidYamlError as error:
            return [self._build_problem(template, "^", f"what it renders for {resource.name} is not YAML: {error}")]
        if len(found) != 1 or not isinstance(found[0], dict):
            return [self._build_problem(template, "^", f"must render one object, and renders {len(found)} documents")]
        wrong = [
            self._build_problem(template, pattern, f"{message} (rendered for {resource.kind} {resource.name})")
            for pattern, message in (*self._check_identity(resource, found[0]), *self._check_schema(resource, found[0]))
        ]
        if re.search(r"[ \t]\n", _strip_literal_blocks(text)):
            wrong.append(self._build_problem(template, r"\s$", "leaves blanks at the end of a line"))
        return wrong

    def _check_identity(self, resource: Resource, found: dict[str, Any]) -> list[tuple[str, str]]:
        metadata = found.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        meant = {"kind": resource.kind, "name": resource.name, "namespace": self._fleet.namespace}
        got = {"kind": found.get("kind"), "name": metadata.get("name"), "namespace": metadata.get("namespace")}
        return [
            (rf"^\s*{key}:", f"{key} must be {meant[key]!r}, and is {got[key]!r}") for key in meant if meant[key] != got[key]
        ]

    def _check_schema(self, resource: Resource, found: dict[str, Any]) -> list[tuple[str, str]]:
        kind = resource.kind
        if kind not in self._schemas:
            self._schemas[kind] = Schema(self._fleet.get_kind(resource).schema)
        return [
            (_build_line_pattern(path), f"{'.'.join(map(str, path)) or 'the object'}: {message}")
            for path, message in self._schemas[kind].find_errors(found)
        ]

    def _build_problem(self, template: str, pattern: str, message: str) -> Problem:
        place: Place = self._templates.find_place(template, pattern)
        return Problem(place, "template-output", "", message)


def _build_line_pattern(path: tuple[str | int, ...]) -> str:
    names = [step for step in path if isinstance(step, str)]
    return rf"^\s*{re.escape(names[-1])}:" if names else "^"


def _strip_literal_blocks(text: str) -> str:
    """The manifest without the lines of its literal blocks, where blanks are the user's."""
    kept, inside = [], -1
    for line in text.splitlines(keepends=True):
        depth = len(line) - len(line.lstrip(" "))
        if inside >= 0 and (depth > inside or not line.strip()):
            continue
        inside = depth if re.search(r": \|[0-9]?[+-]?\n", line) else -1
        kept.append(line)
    return "".join(kept)
