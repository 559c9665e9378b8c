"""The templates, tables and platforms of a repository that replace built-in ones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePath

from vmgen.problems import Place, Problem
from vmgen.read.repository import Project
from vmgen.rules import OWN_TEMPLATE

_NOUNS = {"verdicts.yaml": "table of verdicts", "platform.yaml": "platform", "catalog.yaml": "catalog"}
# A platform is decided by these, also where no built-in platform has its name.
_PLATFORM_FILES = ("platform.yaml", "verdicts.yaml")


def find_own_templates(project: Project) -> Iterator[Problem]:
    """Yield a notice for each file of the repository that replaces a built-in one, and for each platform of its own."""
    own, *built_in = project.template_folders
    if not built_in:
        return
    for path in sorted(own.rglob("*")):
        name = path.relative_to(own).as_posix()
        noun = _NOUNS.get(path.name, "schema" if path.name.endswith(".schema.json") else "template")
        place = Place(project.display_path(path))
        if any((folder / name).is_file() for folder in built_in) and not path.is_dir():
            yield OWN_TEMPLATE.build_problem(place, "", f"replaces the built-in {noun}; read it as you would the program")
        elif path.name in _PLATFORM_FILES and len(PurePath(name).parts) == 2:
            message = f"is the {noun} of a platform of this repository, {path.parent.name}; read it as you would the program"
            yield OWN_TEMPLATE.build_problem(place, "", message)
