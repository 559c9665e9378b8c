"""Infer templates: user data of many VMs that differs in names, numbers and values of labels only becomes one text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from vmgen.importer.ownership import VmDraft
from vmgen.nameless import FIRST_PLACEHOLDER, find_trailing_number, replace_word
from vmgen.quantities import parse_number

_JINJA_HEADER = "## template: jinja"
# A group, so that a text is split into the words and what is between them.
_WORD = re.compile(r"([0-9]+|[A-Za-z]+|[\ue000-\uf8ff])")
# The last of the private use area, whose beginning is for the labels.
_NUMBER_PLACEHOLDER = "\uf8ff"
_PRIVATE_USE = re.compile(r"[\ue000-\uf8ff]")
# What opens an expression of Jinja, and a brace that would join the expression behind it.
_OPENING = re.compile(r"\{[{%#]|\{\Z")
_VARIABLE = re.compile(r"[A-Za-z_]\w*")
# Shorter values stand in many texts by chance.
_MIN_LABEL_LENGTH = 2
_MIN_MEMBERS = 2


class InferredTemplate(NamedTuple):
    """A template below templates/cloud-init/, and the number of VMs whose user data it renders."""

    name: str
    text: str
    vm_count: int


class _Skeleton(NamedTuple):
    """User data as separators and words, with placeholders for the name of the VM, its number and the values of its labels.

    VMs whose user data differs in these only share one.
    """

    separators: tuple[str, ...]
    words: tuple[str, ...]


class _Shape(NamedTuple):
    """The user data of a VM, whose name ends in `digits`."""

    vm_position: int
    digits: str
    skeleton: _Skeleton

    def get_word(self, position: int) -> str:
        """Return a word, which is a placeholder for the name or a label, but not for the number."""
        word = self.skeleton.words[position]
        return self.digits if word == _NUMBER_PLACEHOLDER else word

    @property
    def words(self) -> tuple[str, ...]:
        return tuple(map(self.get_word, range(len(self.skeleton.words))))


def infer_templates(
    vms: Sequence[VmDraft], environment: str, is_free: Callable[[str], bool]
) -> tuple[list[VmDraft], tuple[InferredTemplate, ...]]:
    """Return the VMs with a template instead of user data that others share except for such values, and the templates.

    `environment` names the templates; `is_free` tells whether a name is not taken.
    """
    labels = _list_varying_labels(vms)
    clusters: dict[tuple[str, ...], list[_Shape]] = defaultdict(list)
    skeletons: dict[str, _Skeleton] = {}
    for index, vm in enumerate(vms):
        text = vm.values.get("cloudInit")
        if isinstance(text, str) and _can_be_template(text):
            digits = find_trailing_number(vm.name)
            nameless = _replace_own_words(vm, text, digits, labels)
            if nameless not in skeletons:
                parts = _WORD.split(nameless)
                skeletons[nameless] = _Skeleton(tuple(parts[::2]), tuple(parts[1::2]))
            skeleton = skeletons[nameless]
            clusters[skeleton.separators].append(_Shape(index, digits, skeleton))
    drafts, templates = list(vms), list[InferredTemplate]()
    for cluster in clusters.values():
        for members, expressions in _split_cluster(cluster, labels):
            name = _choose_name(environment, templates, is_free)
            templates.append(InferredTemplate(name, _build_text(members[0], expressions), len(members)))
            used_labels = sorted({_get_label(word, labels) for word in members[0].words if _is_label(word)})
            # One object for all, as of the other values of VMs that differ in names only.
            user_data, variables = {"template": name}, dict[tuple[str, ...], dict[str, str]]()
            for member in members:
                position = member.vm_position
                draft = drafts[position]
                values = {**draft.values, "cloudInit": user_data}
                if used_labels:
                    own = {_name_variable(label): draft.values["labels"][label] for label in used_labels}
                    values["vars"] = variables.setdefault(tuple(own.values()), own)
                drafts[position] = draft._replace(values=values)
    return drafts, tuple(templates)


def _list_varying_labels(vms: Sequence[VmDraft]) -> list[str]:
    """Return the labels that tell VMs apart and whose names can be those of variables."""
    values: dict[str, set[str]] = defaultdict(set)
    for vm in vms:
        for name, value in vm.values.get("labels", {}).items():
            values[name].add(value)
    return [
        name for name, label_values in values.items() if len(label_values) > 1 and _VARIABLE.fullmatch(_name_variable(name))
    ][:100]


def _name_variable(label: str) -> str:
    return re.sub(r"\W", "_", label.rpartition("/")[2])


def _can_be_template(text: str) -> bool:
    """Return True if Jinja gives a text back as it is: it has no carriage return, and cloud-init does not render it itself."""
    # https://cloudinit.readthedocs.io/en/latest/explanation/instancedata.html#using-instance-data
    if not text or "\r" in text or text.startswith(_JINJA_HEADER):
        return False
    return text.isascii() or not _PRIVATE_USE.search(text)


def _replace_own_words(vm: VmDraft, text: str, digits: str, labels: Sequence[str]) -> str:
    """Return user data with placeholders for the name of the VM, for its labels and for the number in its name."""
    text = replace_word(text, vm.name, FIRST_PLACEHOLDER)
    own = vm.values.get("labels", {})
    # The longest value first: a short one may be a part of it.
    for position, label in sorted(enumerate(labels), key=lambda entry: -len(own.get(entry[1], ""))):
        value = own.get(label, "")
        if len(value) >= _MIN_LABEL_LENGTH and value in text:
            text = replace_word(text, value, chr(ord(FIRST_PLACEHOLDER) + 1 + position))
    return replace_word(text, digits, _NUMBER_PLACEHOLDER)


def _is_label(word: str) -> bool:
    return len(word) == 1 and word > FIRST_PLACEHOLDER and _PRIVATE_USE.fullmatch(word) is not None


def _get_label(word: str, labels: Sequence[str]) -> str:
    return labels[ord(word) - ord(FIRST_PLACEHOLDER) - 1]


def _split_cluster(cluster: list[_Shape], labels: Sequence[str]) -> Iterator[tuple[list[_Shape], dict[int, str]]]:
    """Yield the VMs that one template renders, with the expressions for the words that differ, by their positions.

    VMs whose other words differ too get templates of their own, if there are several.
    """
    expressions: dict[int, str] = {}
    unexplained_positions: list[int] = []
    skeletons = {id(shape.skeleton): shape.skeleton for shape in cluster}.values()
    for position, alternatives in enumerate(zip(*(skeleton.words for skeleton in skeletons), strict=True)):
        # Only a word that differs has to be compared VM by VM.
        is_same = len(set(alternatives)) == 1 and alternatives[0] != _NUMBER_PLACEHOLDER
        words = alternatives[:1] if is_same else [shape.get_word(position) for shape in cluster]
        if words[0] == FIRST_PLACEHOLDER and len(set(words)) == 1:
            expressions[position] = "{{ vm.name }}"
        elif len(set(words)) == 1 and _is_label(words[0]):
            expressions[position] = f"{{{{ vars.{_name_variable(_get_label(words[0], labels))} }}}}"
        elif len(set(words)) > 1:
            expression = _fit_number(cluster, words)
            if expression:
                expressions[position] = expression
            else:
                unexplained_positions.append(position)
    if not unexplained_positions:
        if expressions and len(cluster) >= _MIN_MEMBERS:
            yield cluster, expressions
        return
    # Numbers may follow those of the names within the VMs that share the other words, so these come first.
    by_words = [
        position for position in unexplained_positions if not all(shape.get_word(position).isdecimal() for shape in cluster)
    ]
    unexplained_positions = by_words or unexplained_positions
    parts: dict[tuple[str, ...], list[_Shape]] = defaultdict(list)
    for shape in cluster:
        parts[tuple(map(shape.get_word, unexplained_positions))].append(shape)
    for part in parts.values():
        if len(part) >= _MIN_MEMBERS:
            yield from _split_cluster(part, labels)


def _fit_number(cluster: list[_Shape], words: Sequence[str]) -> str:
    """Return the expression that gives each VM its word from the number in its name; empty if there is none."""
    numbers = [
        (int(shape.digits) if shape.digits else None, parse_number(word)) for shape, word in zip(cluster, words, strict=True)
    ]
    pairs = [(number, value) for number, value in numbers if number is not None and value is not None]
    if len(pairs) < len(cluster):
        return ""
    (first_number, first_value), other = pairs[0], next((pair for pair in pairs if pair[0] != pairs[0][0]), None)
    if other is None or (other[1] - first_value) % (other[0] - first_number):
        return ""
    factor = (other[1] - first_value) // (other[0] - first_number)
    offset = first_value - factor * first_number
    if factor < 1 or any(factor * number + offset != value for number, value in pairs):
        return ""
    product = "vm.number" if factor == 1 else f"vm.number * {factor}"
    expression = f"{product} + {offset}" if offset > 0 else f"{product} - {-offset}" if offset < 0 else product
    widths = {len(word) for word in words}
    if all(word == str(int(word)) for word in words):
        return f"{{{{ {expression} }}}}"
    padding = "0" * max(widths)
    summand = expression if expression == "vm.number" else f"({expression})"
    is_padded = all(word == str(int(word)).zfill(max(widths)) for word in words)
    return f"{{{{ ('{padding}' ~ {summand})[-{max(widths)}:] }}}}" if is_padded else ""


def _build_text(shape: _Shape, expressions: dict[int, str]) -> str:
    """Return the template: the text of one VM with expressions instead of its words, and other braces unchanged."""
    parts: list[str] = []
    literal = shape.skeleton.separators[0]
    for position, word in enumerate(shape.words):
        if position in expressions:
            parts += [_escape(literal), expressions[position]]
            literal = shape.skeleton.separators[position + 1]
        else:
            literal += word + shape.skeleton.separators[position + 1]
    return "".join((*parts, _escape(literal)))


def _escape(text: str) -> str:
    """Return a text in which what opens an expression of Jinja is written as one."""
    return _OPENING.sub(lambda match: f"{{{{ '{match.group()}' }}}}", text)


def _choose_name(environment: str, templates: Sequence[InferredTemplate], is_free: Callable[[str], bool]) -> str:
    names = {template.name for template in templates}
    number = 1
    while True:
        name = f"{environment}{f'-{number}' if number > 1 else ''}.yaml.j2"
        if name not in names and is_free(name):
            return name
        number += 1
