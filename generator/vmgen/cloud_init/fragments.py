"""Merge fragments of a cloud-config: lists append, mappings merge, scalars replace, `null` removes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vmgen.cloud_init.document import CLOUD_CONFIG_HEADER, JINJA_HEADER
from vmgen.cloud_init.rules import INVALID_FORM, MERGE_CONFLICT, MISSING_FILE
from vmgen.problems import Place, Problem, did_you_mean
from vmgen.read.located import Located, format_path
from vmgen.read.repository import Project, explain_missing_file, find_environments
from vmgen.read.yaml_reader import read_yaml

CLOUD_INIT_FOLDER = "cloud-init"


class FragmentLoader:
    """Load and merge fragments; each file is read once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self._cache: dict[Path, tuple[Located | None, tuple[Problem, ...]]] = {}

    def merge(
        self,
        fragments: Located,
        subject: str,
        problems: list[Problem],
        rendered_templates: Mapping[int, Located | None] | None = None,
    ) -> Located:
        """Merge a list of fragments into one mapping. Append their faults to `problems`.

        `rendered_templates` has what the templates in the list gave, by their index; without it, templates are left out.
        """
        cloud_config = Located({}, fragments.place, fragments.key_place)
        for index, item in fragments.enumerate_items():
            if is_template(item):
                fragment = (rendered_templates or {}).get(index)
            else:
                fragment = self._load(item, f"{subject}.merge[{index}]", problems)
            if fragment is not None:
                cloud_config = _merge(cloud_config, fragment, (), subject, problems)
        return cloud_config

    def _load(self, item: Located, subject: str, problems: list[Problem]) -> Located | None:
        """Return the mapping that an item is or names; None if there is none, which `problems` then report."""
        if isinstance(item.data, dict):
            return item
        if not isinstance(item.data, str):
            message = "must be the name of a file, a template, or a mapping of cloud-config keys"
            problems.append(INVALID_FORM.build_problem(item.place, subject, message))
            return None
        path = self._find_file(item, subject, problems)
        if path is None:
            return None
        if path not in self._cache:
            self._cache[path] = _read_fragment(path, self.project)
        fragment, file_problems = self._cache[path]
        problems.extend(file_problems)
        return fragment

    def _find_file(self, item: Located, subject: str, problems: list[Problem]) -> Path | None:
        """Return the file of a fragment: beside the file that names it, else below templates/cloud-init/."""
        name = str(item.data)
        # Where the name is written, so that a layer brings its fragments along.
        beside = (self.project.root / item.place.file).parent / name
        if os.path.lexists(beside) and not beside.is_dir():
            if self.project.contains(beside):
                return beside
            message = f"{name} is outside of the repository; copy it into the repository"
            problems.append(MISSING_FILE.build_problem(item.place, subject, message))
            return None
        path = self.project.find_template(f"{CLOUD_INIT_FOLDER}/{name}") if is_inside(name) else None
        if path is None:
            folder = beside.parent
            environments = find_environments(self.project)[0] if folder == self.project.environments else ()
            siblings = [
                file for file in self.project.list_files(folder) if "/" not in file and Path(file).stem not in environments
            ]
            hint = explain_missing_file(beside) or did_you_mean(name, [*siblings, *list_templates(self.project)])
            hint = hint or "; create it, or correct the name"
            message = f"no fragment {name} beside this file or in templates/{CLOUD_INIT_FOLDER}/{hint}"
            problems.append(MISSING_FILE.build_problem(item.place, subject, message))
        return path


def is_template(value: Located) -> bool:
    """Return True if a value is `{template: ...}` or `{text: ...}`, rather than a mapping of cloud-config keys."""
    return "template" in value.mapping or "text" in value.mapping


def is_inside(name: str) -> bool:
    """Return True if a file name stays below the folder that it is looked up in."""
    return not name.startswith(("/", "\\")) and ".." not in name.replace("\\", "/").split("/")


def list_templates(project: Project) -> tuple[str, ...]:
    """Return the files below templates/cloud-init/, as paths from there, sorted."""
    folders = [folder / CLOUD_INIT_FOLDER for folder in project.template_folders]
    return tuple(sorted({file for folder in folders for file in project.list_files(folder)}))


def _read_fragment(path: Path, project: Project) -> tuple[Located | None, tuple[Problem, ...]]:
    display_path = project.display_path(path)
    start_place = Place(display_path, 1, 1)
    try:
        content = project.read_source(path)
    except OSError as error:
        return None, (MISSING_FILE.build_problem(start_place, "", f"cannot be read: {error.strerror}"),)
    # Scripts and includes are user data of other forms: only cloud-configs have keys to merge.
    # https://cloudinit.readthedocs.io/en/latest/explanation/format.html
    if content[:64].decode("utf-8", "replace").lower().startswith((JINJA_HEADER, "#!", "#include")):
        message = f"is not a cloud-config, so it cannot be merged; begin it with {CLOUD_CONFIG_HEADER}"
        return None, (MERGE_CONFLICT.build_problem(start_place, "", message),)
    fragment, problems = read_yaml(content, display_path)
    if fragment is not None and not isinstance(fragment.data, dict):
        problems.append(MERGE_CONFLICT.build_problem(fragment.place, "", "a fragment must be a mapping of cloud-config keys"))
        fragment = None
    return fragment, tuple(problems)


def _merge(lower: Located, upper: Located, path: tuple[str, ...], subject: str, problems: list[Problem]) -> Located:
    if isinstance(lower.data, dict) and isinstance(upper.data, dict):
        data = dict(lower.data)
        for name, value in upper.data.items():
            if name not in data:
                data[name] = value
            # `null` removes a key, as in a merge patch. https://www.rfc-editor.org/rfc/rfc7396#section-2
            elif value.data is None:
                del data[name]
            else:
                data[name] = _merge(data[name], value, (*path, name), subject, problems)
        return Located(data, upper.place, upper.key_place)
    if isinstance(lower.data, tuple) and isinstance(upper.data, tuple):
        # cloud-init's own merge of several parts appends lists too if it is told to; a package or a user is rarely replaced.
        # https://cloudinit.readthedocs.io/en/latest/reference/merging.html
        return Located((*lower.data, *upper.data), upper.place, upper.key_place)
    if isinstance(lower.data, dict | tuple) or isinstance(upper.data, dict | tuple):
        types = f"is {_describe_type(upper)} here and {_describe_type(lower)} at {lower.place}"
        message = f"{types}; use the same type in all fragments"
        problems.append(MERGE_CONFLICT.build_problem(upper.place, f"{subject}.{format_path(path)}", message))
    return upper


def _describe_type(value: Located) -> str:
    return "a mapping" if isinstance(value.data, dict) else "a list" if isinstance(value.data, tuple) else "a scalar"
