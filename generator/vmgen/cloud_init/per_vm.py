"""User data that each VM gets on its own: templates in files and in the environment, also among fragments to merge."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from vmgen.cloud_init.document import CLOUD_CONFIG_HEADER, detect_header
from vmgen.cloud_init.fragments import FragmentLoader
from vmgen.cloud_init.rules import MERGE_CONFLICT
from vmgen.cloud_init.user_data import InlineTemplateSource, MappingSource, TemplateSource, UserData, render_cloud_config
from vmgen.problems import Place, Problem, ProblemsError, did_you_mean
from vmgen.read.located import Located
from vmgen.read.templates import UNDEFINED_NAME, Templates
from vmgen.read.yaml_reader import read_yaml

_MISSING_ATTRIBUTE = r"'[\w.]*AttrMapping object' has no attribute '(?P<name>[^']*)'"
_MAX_NAMES = 20


class TemplatedUserData(NamedTuple):
    """`cloudInit: {template: ...}` or `{text: ...}`, which gives each VM a text of its own.

    `text` is the located text of an inline template, None for a file.
    """

    name: str
    subject: str
    display_path: str
    source: str
    templates: Templates
    text: Located | None = None

    def render(self, variables: Mapping[str, Any]) -> UserData:
        """Return the user data of the VM that the variables describe; its `problems` show where the template fails."""
        try:
            text = self.templates.render(self.name, variables)
        except ProblemsError as error:
            problems = tuple(self._explain(problem, variables) for problem in error.problems)
            return UserData("", self.subject, problems=problems)
        return self.build(text, variables["vm"]["name"])

    def build(self, text: str, name: str, shape_key: tuple[str, ...] = ()) -> UserData:
        """Return the user data of the VM of a name, given its text."""
        template = TemplateSource(self.display_path, self.source, text)
        inline = InlineTemplateSource(self.text.place, self.templates.project, template) if self.text else None
        return UserData(text, self.subject, inline or template, name=name, shape_key=shape_key)

    def _explain(self, problem: Problem, variables: Mapping[str, Any]) -> Problem:
        """Return a failure of the template, with the names that exist instead of an undefined one."""
        lines = self.source.split("\n")
        is_here = problem.place.file == self.display_path and 0 < problem.place.line <= len(lines)
        message = _explain_name(problem.message, lines[problem.place.line - 1] if is_here else self.source, variables)
        place = problem.place
        if self.text and is_here:
            inline = InlineTemplateSource(self.text.place, self.templates.project, TemplateSource(place.file, "", ""))
            place = inline.locate_line(place.line - 1)
        return problem._replace(subject=self.subject, message=message, place=place)


def _explain_name(message: str, line: str, variables: Mapping[str, Any]) -> str:
    missing = re.search(_MISSING_ATTRIBUTE, message)
    if missing:
        name = missing["name"]
        parents = [key for key in variables if re.search(rf"\b{key}(?:\.|\[['\"]){re.escape(name)}\b", line)]
        if not parents:
            return re.sub(_MISSING_ATTRIBUTE, f"no key '{name}'", message)
        parent = parents[0]
        # The one key that some VMs have and others lack, so the template is right for the VMs around this one.
        if (parent, name) == ("vm", "number"):
            reason = f"no key 'number' in vm: the name '{variables['vm']['name']}' does not end in a number"
            return f"{reason}; use vm.index, or `vars` of the VM below `instances:`"
        keys = list(variables[parent])
        more = ", ..." if len(keys) > _MAX_NAMES else ""
        names = f"available: {', '.join(keys[:_MAX_NAMES])}{more}" if keys else f"`{parent}` is empty"
        return f"no key '{name}' in {parent}{did_you_mean(name, keys)}; {names}"
    undefined_name = UNDEFINED_NAME.search(message)
    if undefined_name:
        name = undefined_name["name"]
        full_names = {key: f"{parent}.{key}" for parent in ("vm", "vars", "env") for key in variables[parent]}
        hint = f"; did you mean {full_names[name]}?" if name in full_names else did_you_mean(name, full_names)
        return f"{undefined_name[0]}{hint or '; there are vm, env and vars'}"
    return message


class MergedUserData(NamedTuple):
    """`cloudInit: {merge: [...]}` with templates in the list, which are rendered for each VM and merged in their order."""

    fragments: Located
    subject: str
    templates: Mapping[int, TemplatedUserData]
    loader: FragmentLoader

    def render(self, variables: Mapping[str, Any]) -> UserData:
        """Return the user data of the VM that the variables describe."""
        problems: list[Problem] = []
        rendered_templates = {}
        for index, template in self.templates.items():
            user_data = template.render(variables)
            problems.extend(user_data.problems)
            if not user_data.problems:
                rendered_templates[index] = _parse_fragment(user_data, problems)
        cloud_config = self.loader.merge(self.fragments, self.subject, problems, rendered_templates)
        if problems:
            return UserData("", self.subject, problems=tuple(problems))
        source = MappingSource(cloud_config, self.loader.project)
        return UserData(render_cloud_config(cloud_config), self.subject, source, name=variables["vm"]["name"])


def _parse_fragment(user_data: UserData, problems: list[Problem]) -> Located | None:
    """Return what a template gave as a mapping whose places are lines of the template; None with problems that explain it."""
    source = user_data.source
    if not isinstance(source, TemplateSource | InlineTemplateSource):  # only a template without text has none
        return None
    header = detect_header(user_data.text)
    if header not in (CLOUD_CONFIG_HEADER, ""):
        message = f"the template does not render a cloud-config, so it cannot be merged; begin it with {CLOUD_CONFIG_HEADER}"
        problems.append(MERGE_CONFLICT.build_problem(source.locate_line(0), user_data.subject, message))
        return None
    fragment, syntax_problems = read_yaml(user_data.text.encode(), "")
    problems.extend(
        problem._replace(place=_relocate(problem.place, source), subject=user_data.subject) for problem in syntax_problems
    )
    if fragment is None:
        return None
    fragment = _relocate_all(fragment, source)
    if not isinstance(fragment.data, dict):
        message = "a fragment must be a mapping of cloud-config keys"
        problems.append(MERGE_CONFLICT.build_problem(fragment.place, user_data.subject, message))
        return None
    return fragment


def _relocate(place: Place, source: TemplateSource | InlineTemplateSource) -> Place:
    return source.locate_rendered(max(place.line - 1, 0))


def _relocate_all(value: Located, source: TemplateSource | InlineTemplateSource) -> Located:
    data = value.data
    if isinstance(data, dict):
        data = {name: _relocate_all(item, source) for name, item in data.items()}
    elif isinstance(data, tuple):
        data = tuple(_relocate_all(item, source) for item in data)
    key_place = _relocate(value.key_place, source) if value.key_place else None
    return Located(data, _relocate(value.place, source), key_place)
