"""Where the fields of an object come from, for the page: places and layers, no values."""

from __future__ import annotations

from typing import Any

from vmgen.expand.model import Resource
from vmgen.explain.objects import Explainer, Field
from vmgen.explain.origins import Origin
from vmgen.read.project import Project
from vmgen.report.page.made import Made


class Origins:
    """Explains the objects of one environment."""

    def __init__(self, project: Project, made: Made) -> None:
        self._explainer = Explainer(made.environment, made.fleet, made.layers, project)
        self._manifests = made.files

    def of(self, resource: Resource) -> list[list[Any]]:
        """For each field its name, where its value stands, and what it replaced there."""
        explanation = self._explainer.explanation(resource, self._manifests)
        rows = [_row(each) for each in explanation.fields]
        if explanation.counted:
            rows.insert(0, ["that it exists", _places(explanation.counted), []])
        return rows


def _row(each: Field) -> list[Any]:
    found = each.origins or each.because
    places = _places(found) or [f"{each.template.file}:{each.template.line} (template)"]
    return [each.name, places, _places([lower for origin in found for lower in origin.overrides])]


def _places(origins: Any) -> list[str]:
    return list(dict.fromkeys(_place(origin) for origin in origins))


def _place(origin: Origin) -> str:
    where = f"{origin.place.file}:{origin.place.line}" if origin.place.line else origin.place.file
    return f"{where} ({', '.join(filter(None, (origin.layer, origin.rule)))})"
