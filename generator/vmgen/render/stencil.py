"""One rendering serves all objects of a shape: what tells them apart is left open in the text, and filled in.

A template is rendered once with words that stand for the names; the result becomes a form with holes. Filling a form
costs a fortieth of rendering the template, and gives the same bytes as long as the template only writes the names, and
decides nothing by them: `Templates.only_writes` reads that off its syntax tree.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from vmgen.expand.model import Attachment, Resource, VirtualMachine
from vmgen.read.templates import Templates

# What differs between the objects of a shape.
NAME_KEYS = frozenset({"name", "disks", "diskNames"})
_PLACEHOLDER = re.compile(r"vmgen-hole-(\d+)-end")


class ManifestTemplate(NamedTuple):
    """A manifest with holes; `order` says which name goes into each."""

    format_string: str
    name_indexes: tuple[int, ...]

    def format(self, names: Sequence[str]) -> str:
        """The manifest of the object with these names."""
        return self.format_string % tuple([names[index] for index in self.name_indexes])


def list_names(resource: Resource) -> list[str]:
    """What tells an object from the others of its shape: its name, then those of its disks."""
    if isinstance(resource, VirtualMachine):
        return [resource.name, *[disk.name for disk in resource.disks]]
    return [resource.name]


def build_manifest_template(resource: Resource, template: str, templates: Templates) -> ManifestTemplate | None:
    """The form of an object's shape; None where its template looks at the names."""
    if not templates.is_name_independent(template, NAME_KEYS):
        return None
    if any("vmgen-hole-" in str(value) for value in resource.values.values()):
        return None
    holes = [f"vmgen-hole-{index}-end" for index in range(len(list_names(resource)))]
    context = resource.build_context() | {"name": holes[0]}
    if isinstance(resource, VirtualMachine):
        buses = [disk.bus for disk in resource.disks]
        context |= {"diskNames": holes[1:], "disks": [Attachment(*both) for both in zip(holes[1:], buses)]}
    rendered = templates.render(template, context)
    order = tuple(int(index) for index in _PLACEHOLDER.findall(rendered))
    return ManifestTemplate(_PLACEHOLDER.sub("%s", rendered.replace("%", "%%")), order)
