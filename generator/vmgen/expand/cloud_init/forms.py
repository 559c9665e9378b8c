"""The user data of a VM, from whichever form of `cloudInit` its settings have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, NamedTuple

import yaml

from vmgen.expand.cloud_init.fragments import FOLDER, Fragments, is_inside, template_names
from vmgen.expand.cloud_init.headers import CLOUD_CONFIG, JINJA
from vmgen.expand.cloud_init.rules import FORM, MISSING
from vmgen.expand.cloud_init.user_data import FromMapping, FromTemplate, FromText, UserData
from vmgen.expand.cloud_init.values import FILTERS, written
from vmgen.merge.settings import Settings
from vmgen.problems import Problem, Refused
from vmgen.quoting import block
from vmgen.read.located import Ambiguous, Located
from vmgen.read.project import Project
from vmgen.read.templates import Templates
from vmgen.suggestions import did_you_mean

_TEMPLATE, _MERGE = "template", "merge"
_NO_KEY = re.compile(r"'[\w.]*Named object' has no attribute")


class TemplateForm(NamedTuple):
    """`{template: …}`: each VM gets a text of its own."""

    name: str
    subject: str
    shown: str
    source: str
    templates: Templates

    def rendered(self, facts: Mapping[str, Any]) -> UserData:
        """The user data of the VM that the facts describe."""
        try:
            text = self.templates.render(self.name, facts)
        except Refused as refused:
            problems = (
                Problem(each.place, each.rule, self.subject, _NO_KEY.sub("there is no key", each.message))
                for each in refused.problems
            )
            return UserData("", self.subject, problems=tuple(problems))
        return UserData(text, self.subject, FromTemplate(self.shown, self.source, text), name=facts["vm"]["name"])


class Forms:
    """What the environments of one run share: each fragment and each template is read once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.fragments = Fragments(project)

    @cached_property
    def templates(self) -> Templates:
        """The templates of user data, with Jinja's own filters and a finalizer that writes text, numbers and booleans."""
        return Templates(self.project, written, FILTERS, plain=True)

    def user_data(self, settings: Settings, subject: str) -> UserData | TemplateForm:
        """The user data that VMs with these settings share, or the template that makes it for each. `subject` is the key."""
        found = settings.get("cloudInit")
        if found is None:
            return UserData("")
        if isinstance(found.data, str):
            return UserData(found.data, subject, FromText(found.place, self.project))
        if _TEMPLATE in found.mapping:
            return self._template(found, subject)
        if _MERGE in found.mapping:
            return self._merge(found, subject)
        return UserData(cloud_config(found), subject, FromMapping(found, self.project))

    def _template(self, found: Located, subject: str) -> UserData | TemplateForm:
        name = found.mapping[_TEMPLATE]
        problems = list(_beside(found, _TEMPLATE, subject))
        if not isinstance(name.data, str) or not name.data:
            problems.append(FORM.problem(name.place, f"{subject}.template", "must be the name of a file"))
        elif not is_inside(name.data):
            message = f"a template lies under templates/{FOLDER}/; name it without `..`, and from there"
            problems.append(MISSING.problem(name.place, f"{subject}.template", message))
        elif self.project.template(f"{FOLDER}/{name.data}") is None:
            known = template_names(self.project)
            hint = did_you_mean(name.data, known) or (f"; there are: {', '.join(known)}" if known else "")
            message = f"no template {name.data} in templates/{FOLDER}/{hint}"
            problems.append(MISSING.problem(name.place, f"{subject}.template", message))
        if problems:
            return UserData("", subject, problems=tuple(problems))
        return self._of_template(f"{FOLDER}/{name.data}", name, subject)

    def _of_template(self, name: str, named: Located, subject: str) -> UserData | TemplateForm:
        """The template, or its text where it is one that cloud-init itself renders."""
        try:
            source, shown = self.templates.source(name)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            message = f"templates/{name} cannot be read: {reason}"
            return UserData("", subject, problems=(MISSING.problem(named.place, f"{subject}.template", message),))
        if source.startswith(JINJA):
            return UserData(source, subject, FromTemplate(shown, source, source))
        return TemplateForm(name, subject, shown, source, self.templates)

    def _merge(self, found: Located, subject: str) -> UserData:
        listed = found.mapping[_MERGE]
        problems = list(_beside(found, _MERGE, subject))
        if not listed.items:
            message = "must be a list of fragments: names of files, or mappings of cloud-config keys"
            problems.append(FORM.problem(listed.place, f"{subject}.merge", message))
        whole = self.fragments.merged(listed, subject, problems)
        if problems:
            return UserData("", subject, problems=tuple(problems))
        return UserData(cloud_config(whole), subject, FromMapping(whole, self.project))


def _beside(found: Located, form: str, subject: str) -> list[Problem]:
    """The keys that stand beside `template` or `merge`, which would be lost."""
    message = f"stands beside `{form}`; put cloud-config keys into a fragment of `merge`, or into the template"
    return [
        FORM.problem(value.key or value.place, f"{subject}.{name}", message)
        for name, value in found.mapping.items()
        if name != form
    ]


def cloud_config(written_: Located) -> str:
    """A mapping as the text of a `#cloud-config`, its keys in the order in which they were written."""
    values = _as_cloud_init_reads(written_)
    if not values:
        return f"{CLOUD_CONFIG}\n"
    return f"{CLOUD_CONFIG}\n" + block(values, 0).lstrip("\n") + "\n"


def _as_cloud_init_reads(value: Located) -> Any:
    """The plain value, ambiguous scalars taken as cloud-init's parser (YAML 1.1) takes them."""
    data = value.data
    if isinstance(data, dict):
        return {key: _as_cloud_init_reads(item) for key, item in data.items()}
    if isinstance(data, tuple):
        return [_as_cloud_init_reads(item) for item in data]
    if isinstance(data, Ambiguous):
        return _meant(data)
    return data


def _meant(scalar: Ambiguous) -> Any:
    try:
        meant = yaml.safe_load(scalar)
    except (yaml.YAMLError, ValueError):
        return str(scalar)
    finite = isinstance(meant, bool | int) or (isinstance(meant, float) and abs(meant) < float("inf"))
    return meant if finite else str(scalar)
