"""Where the fields of an object come from, for the page: places and layers, no values."""

from __future__ import annotations

from typing import Any

from vmgen.expand.model import Resource
from vmgen.explain.objects import ExplainedField, Explainer
from vmgen.explain.origins import Origin
from vmgen.read.project import Project
from vmgen.report.page.made import PageEnvironment


class PageOrigins:
    """Explains the objects of one environment."""

    def __init__(self, project: Project, made: PageEnvironment) -> None:
        self._explainer = Explainer(made.environment, made.fleet, made.layers, project)
        self._manifests = made.files

    def build_rows(self, resource: Resource) -> list[list[Any]]:
        """For each field its name, where its value stands, and what it replaced there."""
        explanation = self._explainer.explain(resource, self._manifests)
        rows = [_build_origin_row(each) for each in explanation.fields]
        if explanation.existence_origins:
            rows.insert(0, ["that it exists", _list_locations(explanation.existence_origins), []])
        return rows


def _build_origin_row(each: ExplainedField) -> list[Any]:
    found = each.origins or each.condition_origins
    places = _list_locations(found) or [f"{each.template_line.file}:{each.template_line.line} (template)"]
    return [each.name, places, _list_locations([lower for origin in found for lower in origin.overrides])]


def _list_locations(origins: Any) -> list[str]:
    return list(dict.fromkeys(_format_origin(origin) for origin in origins))


def _format_origin(origin: Origin) -> str:
    where = f"{origin.place.file}:{origin.place.line}" if origin.place.line else origin.place.file
    return f"{where} ({', '.join(filter(None, (origin.layer, origin.rule)))})"
