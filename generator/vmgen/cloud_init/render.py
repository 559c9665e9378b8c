"""Build the user data of VMs from `cloudInit`: a text, a mapping, a template or merged fragments."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from vmgen.cloud_init.document import JINJA_HEADER
from vmgen.cloud_init.fragments import CLOUD_INIT_FOLDER, FragmentLoader, is_inside, is_template, list_templates
from vmgen.cloud_init.per_vm import MergedUserData, TemplatedUserData
from vmgen.cloud_init.rules import INVALID_FORM, MERGE_CONFLICT, MISSING_FILE
from vmgen.cloud_init.shapes import NAME_VARIABLES
from vmgen.cloud_init.user_data import MappingSource, TemplateSource, TextSource, UserData, render_cloud_config
from vmgen.cloud_init.variables import USER_DATA_FILTERS, finalize_user_data
from vmgen.merge.settings import Settings
from vmgen.problems import Problem, did_you_mean
from vmgen.read.located import Located
from vmgen.read.repository import Project
from vmgen.read.templates import Templates

_TEMPLATE_KEY, _TEXT_KEY, _MERGE_KEY = "template", "text", "merge"


class UserDataBuilder:
    """Builds user data for the environments of one run; each fragment and each template is read once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.fragments = FragmentLoader(project)

    @cached_property
    def templates(self) -> Templates:
        """The loader of templates, with Jinja's own filters. Not every run needs it."""
        return Templates(self.project, finalize_user_data, USER_DATA_FILTERS, plain=True, name_variables=NAME_VARIABLES)

    def has_template(self, name: str) -> bool:
        """Return True if there is a template of this name."""
        return self.templates.has_source(f"{CLOUD_INIT_FOLDER}/{name}")

    def add_template(self, name: str, text: str) -> None:
        """Use a text as a template for the rest of the run, for a file that does not exist yet."""
        self.templates.add_source(f"{CLOUD_INIT_FOLDER}/{name}", text, f"templates/{CLOUD_INIT_FOLDER}/{name}")

    def start_environment(self) -> None:
        """Reset the steps of templates, as each environment has its own."""
        # A cached property that nobody has read yet is not in the instance: no template ran, so there are no steps.
        # https://docs.python.org/3/library/functools.html#functools.cached_property
        if "templates" in self.__dict__:
            self.templates.start_environment()

    def build(self, settings: Settings, subject: str) -> UserData | TemplatedUserData | MergedUserData:
        """Return the user data that VMs with these settings share, or what renders it for each.

        `subject` is the path of the key in messages. The text is empty if there is no `cloudInit`.
        """
        cloud_init = settings.get("cloudInit")
        if cloud_init is None:
            return UserData("")
        if isinstance(cloud_init.data, str):
            return UserData(cloud_init.data, subject, TextSource(cloud_init.place, self.project))
        if _MERGE_KEY in cloud_init.mapping:
            return self._build_from_fragments(cloud_init, subject)
        if is_template(cloud_init):
            return self._build_from_template(cloud_init, subject)
        return UserData(render_cloud_config(cloud_init), subject, MappingSource(cloud_init, self.project))

    def _build_from_template(self, cloud_init: Located, subject: str) -> UserData | TemplatedUserData:
        form = _TEMPLATE_KEY if _TEMPLATE_KEY in cloud_init.mapping else _TEXT_KEY
        reference = cloud_init.mapping[form]
        problems = list(_find_extra_keys(cloud_init, form, subject))
        if form == _TEXT_KEY:
            if not isinstance(reference.data, str) or not reference.data:
                problems.append(
                    INVALID_FORM.build_problem(reference.place, f"{subject}.text", "must be a text; write `text: |`")
                )
            return UserData("", subject, problems=tuple(problems)) if problems else self._build_inline(reference, subject)
        name = f"{CLOUD_INIT_FOLDER}/{reference.data}"
        problems += self._check_template_name(reference, f"{subject}.template")
        if problems:
            return UserData("", subject, problems=tuple(problems))
        try:
            source, display_path = self.templates.read_source(name)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            message = f"templates/{name} cannot be read: {reason}"
            problem = MISSING_FILE.build_problem(reference.place, f"{subject}.template", message)
            return UserData("", subject, problems=(problem,))
        if source.startswith(JINJA_HEADER):  # cloud-init renders this one itself
            return UserData(source, subject, TemplateSource(display_path, source, source))
        return TemplatedUserData(name, subject, display_path, source, self.templates)

    def _build_inline(self, text: Located, subject: str) -> UserData | TemplatedUserData:
        if text.text.startswith(JINJA_HEADER):
            return UserData(text.text, subject, TextSource(text.place, self.project))
        # Its place is its name: no other template of the run has the same one.
        name = f"{CLOUD_INIT_FOLDER}/{text.place}"
        self.templates.add_source(name, text.text, text.place.file)
        return TemplatedUserData(name, subject, text.place.file, text.text, self.templates, text)

    def _check_template_name(self, reference: Located, subject: str) -> Iterator[Problem]:
        name = reference.data
        if not isinstance(name, str) or not name:
            yield INVALID_FORM.build_problem(reference.place, subject, "must be the name of a file")
        elif not is_inside(name):
            message = f"a template belongs to templates/{CLOUD_INIT_FOLDER}/; name it relative to that folder, without `..`"
            yield MISSING_FILE.build_problem(reference.place, subject, message)
        elif not self.templates.has_source(f"{CLOUD_INIT_FOLDER}/{name}"):
            names = list_templates(self.project)
            hint = did_you_mean(name, names) or (f"; available: {', '.join(names)}" if names else "")
            message = f"no template {name} in templates/{CLOUD_INIT_FOLDER}/{hint}"
            yield MISSING_FILE.build_problem(reference.place, subject, message)

    def _build_from_fragments(self, cloud_init: Located, subject: str) -> UserData | MergedUserData:
        fragments = cloud_init.mapping[_MERGE_KEY]
        problems = list(_find_extra_keys(cloud_init, _MERGE_KEY, subject))
        if not fragments.items:
            message = "must be a list of fragments: names of files, templates, or mappings of cloud-config keys"
            problems.append(INVALID_FORM.build_problem(fragments.place, f"{subject}.merge", message))
        templates = {}
        for index, item in fragments.enumerate_items():
            if is_template(item):
                user_data = self._build_from_template(item, f"{subject}.merge[{index}]")
                if isinstance(user_data, TemplatedUserData):
                    templates[index] = user_data
                    continue
                message = f"cloud-init renders a `{JINJA_HEADER}` itself, so vmgen cannot merge it; "
                message += "write it for vmgen, or alone"
                header_problem = MERGE_CONFLICT.build_problem(item.place, f"{subject}.merge[{index}]", message)
                problems.extend(user_data.problems or [header_problem])
        if templates and not problems:
            return MergedUserData(fragments, subject, templates, self.fragments)
        cloud_config = self.fragments.merge(fragments, subject, problems)
        if problems:
            return UserData("", subject, problems=tuple(problems))
        return UserData(render_cloud_config(cloud_config), subject, MappingSource(cloud_config, self.project))


def _find_extra_keys(cloud_init: Located, form: str, subject: str) -> Iterator[Problem]:
    """Report the keys beside `template` or `merge`, which would be lost."""
    for name, value in cloud_init.mapping.items():
        if name != form:
            message = f"is combined with `{form}`; put cloud-config keys into a fragment of `merge`, or into the template"
            if {name, form} <= {_TEMPLATE_KEY, _MERGE_KEY, _TEXT_KEY}:
                message = f"is combined with `{form}`; add templates as items of the list: `merge: [{{template: ...}}, ...]`"
            elif name == "vars":
                message = "is no part of a template; move `vars:` to the group, or to one of its `instances:`"
            yield INVALID_FORM.build_problem(value.key_place or value.place, f"{subject}.{name}", message)
