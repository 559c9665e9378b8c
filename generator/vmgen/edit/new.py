"""Make a new environment: the first lines of its file, with names that no other environment has."""

from __future__ import annotations

import os

from vmgen.edit.file_edit import FileEdit
from vmgen.merge.layers import DEFAULT_PLATFORM, load_defaults
from vmgen.problems import ProblemsError, VmgenError, suggest
from vmgen.read.repository import VALUES_SCHEMA_FILE, Project, find_environments, is_environment_name
from vmgen.renderer import Renderer
from vmgen.yaml_text import quote

_GROUP, _TYPE, _IMAGE = "web", "u1.medium", "ubuntu-2404"
_BODY = """\
vms:
  {group}:
    count: 1
    instanceType: {type}
    image: {image}
"""


def new_environment(project: Project, name: str, namespace: str | None, platform: str | None) -> tuple[FileEdit, ...]:
    """Return the file of a new environment that renders at once, with one group of one VM.

    Raises VmgenError if the name is taken or no namespace is known, ProblemsError if a layer has an error or
    the file would not render.
    """
    path = project.environments / f"{name}.yaml"
    file = project.display_path(path)
    if not is_environment_name(name):
        raise VmgenError(f"'{name}' is not a valid environment name; use lower-case letters, digits and dashes")
    if os.path.lexists(path):
        raise VmgenError(f"{file} exists already; choose another name")
    if platform and platform not in project.platform_names:
        raise VmgenError(f"no platform '{platform}'{suggest(platform, project.platform_names)}")
    renderer = Renderer(project)
    defaults = load_defaults(renderer.layer_loader)
    if not namespace and not defaults.get("namespace"):
        raise VmgenError("no layer names the tenant namespace; write --namespace tenant-...")
    inherited_platform = defaults.get_plain("platform") or DEFAULT_PLATFORM
    own_platform = platform or inherited_platform
    if own_platform not in project.platform_names:
        raise VmgenError(f"no platform '{own_platform}'{suggest(own_platform, project.platform_names)}")
    lines = (
        [f"# yaml-language-server: $schema=../{VALUES_SCHEMA_FILE}"] if (project.root / VALUES_SCHEMA_FILE).is_file() else []
    )
    lines += [f"platform: {quote(own_platform)}"] if own_platform != inherited_platform else []
    # All environments of one platform are usually on one cluster, and so at one version.
    version = "" if defaults.get("platformVersion") else _find_version(project, renderer, own_platform)
    lines += [f"platformVersion: {quote(version)}"] if version else []
    lines += [f"namespace: {quote(namespace)}"] if namespace else []
    body = _BODY.format(group=_choose_group(project, renderer, name), **_choose_values(renderer, own_platform))
    edit = FileEdit(file, None, ("\n".join(lines) + "\n" * bool(lines) + body).encode())
    renderer.layer_loader.override_text(path, edit.after)
    errors = tuple(problem for problem in renderer.render(name).problems if problem.severity == "error")
    if errors:
        raise ProblemsError(errors)
    return (edit,)


def _find_version(project: Project, renderer: Renderer, platform: str) -> str:
    """Return the version that the other environments of a platform write; empty if they write none, or several."""
    environments = filter(None, map(renderer.merge, find_environments(project)[0]))
    same = (environment.settings for environment in environments if environment.platform.name == platform)
    versions = {str(settings.get_plain("platformVersion", "")) for settings in same}
    return versions.pop() if len(versions) == 1 else ""


def _choose_group(project: Project, renderer: Renderer, name: str) -> str:
    """Return a group's key whose VMs have names that no environment has: two of one tenant must not share one."""
    environments = filter(None, map(renderer.merge, find_environments(project)[0]))
    group_keys = {group.key for environment in environments for group in environment.groups}
    return _GROUP if _GROUP not in group_keys else f"{name}-{_GROUP}" if name[0].isalpha() else f"{_GROUP}-{name}"


def _choose_values(renderer: Renderer, platform: str) -> dict[str, str]:
    """Return an instance type and an image of a platform: the usual ones, or the first that the catalog has."""
    catalog = renderer.platform_loader.load(platform).catalog
    types, images = catalog.instance_types, catalog.images
    return {
        "type": quote(_TYPE if _TYPE in types else next(iter(types))),
        "image": quote(_IMAGE if _IMAGE in images else next(iter(images))),
    }
