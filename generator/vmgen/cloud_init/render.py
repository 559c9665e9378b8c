"""The seed that `cloudInitSeed: auto` stands for.

Variables in user data that Flux would substitute: `${VAR}` of a shell, when the Kustomization has a postBuild.

The user data of a VM, from whichever form of `cloudInit` its settings have.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import yaml

from vmgen.cloud_init.document import CLOUD_CONFIG_HEADER, JINJA_HEADER
from vmgen.cloud_init.fragments import CLOUD_INIT_FOLDER, FragmentLoader, is_inside, list_templates
from vmgen.cloud_init.rules import INVALID_FORM, MISSING_FILE
from vmgen.cloud_init.user_data import MappingSource, TemplateSource, TextSource, UserData
from vmgen.cloud_init.variables import USER_DATA_FILTERS, finalize_user_data
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.problems import Problem, ProblemsError, did_you_mean
from vmgen.read.located import AmbiguousScalar, Located
from vmgen.read.repository import Project
from vmgen.read.templates import Templates
from vmgen.yaml_text import to_block

AUTO_SEED = "auto"
_SEED_LENGTH = 16


@lru_cache(maxsize=1024)
def derive_seed(text: str) -> str:
    """A seed that changes with the user data. No user data has one too, so that the first is a change."""
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:_SEED_LENGTH]


@lru_cache(maxsize=1024)
def is_substituted(text: str) -> bool:
    """Whether Flux would change a text that was not written for it.

    `$${` is how one keeps a variable from Flux: who writes it counts on the substitution of the rest.
    """
    return "${" in text and "$${" not in text


def disable_flux_substitution(values: Mapping[str, Any], platform: Platform) -> Mapping[str, Any]:
    """The values of a VM with the annotations that keep Flux away, unless the user decided about one of them."""
    written = platform.content.get_plain("unsubstituted") or {}
    if any(name in values[kind] for name in written for kind in ("labels", "annotations")):
        return values
    return {**values, "annotations": dict(sorted({**values["annotations"], **written}.items()))}


_TEMPLATE_KEY, _MERGE_KEY = "template", "merge"
_MISSING_ATTRIBUTE = re.compile(r"'[\w.]*AttrMapping object' has no attribute")


class TemplatedUserData(NamedTuple):
    """`{template: …}`: each VM gets a text of its own."""

    name: str
    subject: str
    display_path: str
    source: str
    templates: Templates

    def render(self, facts: Mapping[str, Any]) -> UserData:
        """The user data of the VM that the facts describe."""
        try:
            text = self.templates.render(self.name, facts)
        except ProblemsError as refused:
            problems = (
                Problem(each.place, each.rule, self.subject, _MISSING_ATTRIBUTE.sub("there is no key", each.message))
                for each in refused.problems
            )
            return UserData("", self.subject, problems=tuple(problems))
        return UserData(text, self.subject, TemplateSource(self.display_path, self.source, text), name=facts["vm"]["name"])


class UserDataBuilder:
    """What the environments of one run share: each fragment and each template is read once."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.fragments = FragmentLoader(project)

    @cached_property
    def templates(self) -> Templates:
        """The templates of user data, with Jinja's own filters and a finalizer that writes text, numbers and booleans."""
        return Templates(self.project, finalize_user_data, USER_DATA_FILTERS, plain=True)

    def build(self, settings: Settings, subject: str) -> UserData | TemplatedUserData:
        """The user data that VMs with these settings share, or the template that makes it for each. `subject` is the key."""
        found = settings.get("cloudInit")
        if found is None:
            return UserData("")
        if isinstance(found.data, str):
            return UserData(found.data, subject, TextSource(found.place, self.project))
        if _TEMPLATE_KEY in found.mapping:
            return self._build_from_template(found, subject)
        if _MERGE_KEY in found.mapping:
            return self._build_from_fragments(found, subject)
        return UserData(render_cloud_config(found), subject, MappingSource(found, self.project))

    def _build_from_template(self, found: Located, subject: str) -> UserData | TemplatedUserData:
        name = found.mapping[_TEMPLATE_KEY]
        problems = list(_find_extra_keys(found, _TEMPLATE_KEY, subject))
        if not isinstance(name.data, str) or not name.data:
            problems.append(INVALID_FORM.build_problem(name.place, f"{subject}.template", "must be the name of a file"))
        elif not is_inside(name.data):
            message = f"a template lies under templates/{CLOUD_INIT_FOLDER}/; name it without `..`, and from there"
            problems.append(MISSING_FILE.build_problem(name.place, f"{subject}.template", message))
        elif self.project.find_template(f"{CLOUD_INIT_FOLDER}/{name.data}") is None:
            known = list_templates(self.project)
            hint = did_you_mean(name.data, known) or (f"; there are: {', '.join(known)}" if known else "")
            message = f"no template {name.data} in templates/{CLOUD_INIT_FOLDER}/{hint}"
            problems.append(MISSING_FILE.build_problem(name.place, f"{subject}.template", message))
        if problems:
            return UserData("", subject, problems=tuple(problems))
        return self._load_template(f"{CLOUD_INIT_FOLDER}/{name.data}", name, subject)

    def _load_template(self, name: str, named: Located, subject: str) -> UserData | TemplatedUserData:
        """The template, or its text where it is one that cloud-init itself renders."""
        try:
            source, shown = self.templates.read_source(name)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            message = f"templates/{name} cannot be read: {reason}"
            return UserData("", subject, problems=(MISSING_FILE.build_problem(named.place, f"{subject}.template", message),))
        if source.startswith(JINJA_HEADER):
            return UserData(source, subject, TemplateSource(shown, source, source))
        return TemplatedUserData(name, subject, shown, source, self.templates)

    def _build_from_fragments(self, found: Located, subject: str) -> UserData:
        listed = found.mapping[_MERGE_KEY]
        problems = list(_find_extra_keys(found, _MERGE_KEY, subject))
        if not listed.items:
            message = "must be a list of fragments: names of files, or mappings of cloud-config keys"
            problems.append(INVALID_FORM.build_problem(listed.place, f"{subject}.merge", message))
        whole = self.fragments.merge(listed, subject, problems)
        if problems:
            return UserData("", subject, problems=tuple(problems))
        return UserData(render_cloud_config(whole), subject, MappingSource(whole, self.project))


def _find_extra_keys(found: Located, form: str, subject: str) -> list[Problem]:
    """The keys that stand beside `template` or `merge`, which would be lost."""
    message = f"stands beside `{form}`; put cloud-config keys into a fragment of `merge`, or into the template"
    return [
        INVALID_FORM.build_problem(value.key_place or value.place, f"{subject}.{name}", message)
        for name, value in found.mapping.items()
        if name != form
    ]


def render_cloud_config(written_: Located) -> str:
    """A mapping as the text of a `#cloud-config`, its keys in the order in which they were written."""
    values = _resolve_as_yaml11(written_)
    if not values:
        return f"{CLOUD_CONFIG_HEADER}\n"
    return f"{CLOUD_CONFIG_HEADER}\n" + to_block(values, 0).lstrip("\n") + "\n"


def _resolve_as_yaml11(value: Located) -> Any:
    """The plain value, ambiguous scalars taken as cloud-init's parser (YAML 1.1) takes them."""
    data = value.data
    if isinstance(data, dict):
        return {key: _resolve_as_yaml11(item) for key, item in data.items()}
    if isinstance(data, tuple):
        return [_resolve_as_yaml11(item) for item in data]
    if isinstance(data, AmbiguousScalar):
        return _resolve_ambiguous(data)
    return data


def _resolve_ambiguous(scalar: AmbiguousScalar) -> Any:
    try:
        meant = yaml.safe_load(scalar)
    except (yaml.YAMLError, ValueError):
        return str(scalar)
    finite = isinstance(meant, bool | int) or (isinstance(meant, float) and abs(meant) < float("inf"))
    return meant if finite else str(scalar)
