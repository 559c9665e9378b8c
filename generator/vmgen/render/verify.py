"""Verify rendered text: parse it and compare it with the object that the template was to write."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from vmgen.expand.model import Fleet, Resource
from vmgen.nameless import fill_value, has_whole_words
from vmgen.problems import Problem
from vmgen.quantities import format_count
from vmgen.read.manifests import InvalidYamlError, get_mapping, parse_objects
from vmgen.read.templates import Templates
from vmgen.rules import TEMPLATE_OUTPUT


class ManifestVerifier:
    """Verifies manifests and collects their problems.

    A manifest must hold one object with the kind, name and namespace of its resource, and every field of the kind's schema but
    no other.
    """

    def __init__(self, fleet: Fleet, templates: Templates) -> None:
        self.problems: list[Problem] = []
        self._fleet = fleet
        self._templates = templates
        self._documents: dict[str, dict[str, Any] | None] = {}

    def verify(self, resource: Resource, text: str) -> None:
        """Add the problems of a manifest to `problems`. Raises VmgenError if the schema of its kind is not a JSON Schema."""
        template = self._fleet.get_kind(resource).template
        for pattern, message in self._find_mistakes(resource, text):
            self.problems.append(build_template_problem(self._templates, template, message, pattern))

    def verify_filled(self, resource: Resource, text: str, nameless: str, values: Sequence[str]) -> None:
        """Verify a manifest that is one without names whose like was verified, with these values filled in.

        It is read as that one is, which is parsed once; what the object then holds is verified. Raises VmgenError if the
        schema of its kind is not a JSON Schema.
        """
        if nameless not in self._documents:
            document = parse_single_object(nameless, resource.name, text_keys=True)
            self._documents[nameless] = document if isinstance(document, dict) and has_whole_words(nameless) else None
        if self._documents[nameless] is None:
            self.verify(resource, text)
            return
        document = fill_value(self._documents[nameless], values)
        # The message shall quote the manifest as it is, so the slow way says what is wrong.
        if any(self._check_document(resource, document)):
            self.verify(resource, text)

    def _find_mistakes(self, resource: Resource, text: str) -> Iterator[tuple[str, str]]:
        """Yield each mistake as a pattern of the template's line and a message."""
        document = parse_single_object(text, resource.name, text_keys=True)
        if isinstance(document, str):
            yield "^", document
            return
        for pattern, message in self._check_document(resource, document):
            yield pattern, f"{message} (rendered for {resource.kind} {resource.name})"
        # Editors and hooks strip blanks at the end of a line, and the next render would put them back.
        if re.search(r"[ \t]\n", _strip_literal_blocks(text)):
            yield r"\s$", "leaves blanks at the end of a line"

    def _check_document(self, resource: Resource, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
        metadata = get_mapping(document, "metadata")
        for key, expected, actual in (
            ("kind", resource.kind, document.get("kind")),
            ("name", resource.name, metadata.get("name")),
            ("namespace", self._fleet.namespace, metadata.get("namespace")),
        ):
            if actual != expected:
                yield rf"^\s*{key}:", f"{key} must be {expected!r}, and is {actual!r}"
        yield from self._check_schema(resource, document)

    def _check_schema(self, resource: Resource, document: dict[str, Any]) -> Iterator[tuple[str, str]]:
        schema = self._fleet.platform.release.compile_schema(self._fleet.get_kind(resource))
        for path, message in schema.find_errors(document):
            # A step of a list is no text of the template, so the key above it leads to the line.
            keys = [step for step in path if isinstance(step, str)]
            yield rf"^\s*{re.escape(keys[-1])}:" if keys else "^", format_schema_error(path, message)


def parse_single_object(text: str, name: str, *, text_keys: bool = False) -> dict[str, Any] | str:
    """Return the one object of a rendered text, or the message that explains why it is not one. `name` is for the message."""
    try:
        documents = parse_objects(text, text_keys=text_keys)
    except InvalidYamlError as error:
        return f"what it renders for {name} is not YAML: {error}"
    if len(documents) != 1 or not isinstance(documents[0], dict):
        return f"must render one object, and renders {format_count(len(documents), 'document')}"
    return documents[0]


def format_schema_error(path: tuple[str | int, ...], message: str) -> str:
    """Return the message of a schema with the path in front."""
    return f"{'.'.join(map(str, path)) or 'the object'}: {message}"


def build_template_problem(templates: Templates, template: str, message: str, pattern: str = "^") -> Problem:
    """Return the problem of a template, placed at the first line that matches the pattern."""
    return Problem(templates.find_place(template, pattern), TEMPLATE_OUTPUT.id, "", message)


def _strip_literal_blocks(text: str) -> str:
    """Return a manifest without the lines of its literal blocks, in which blanks are the user's."""
    remaining, block_indent = [], -1
    for line in text.splitlines(keepends=True):
        indent = len(line) - len(line.lstrip(" "))
        if block_indent >= 0 and (indent > block_indent or not line.strip()):
            continue
        block_indent = indent if re.search(r": \|[0-9]?[+-]?\n", line) else -1
        remaining.append(line)
    return "".join(remaining)
