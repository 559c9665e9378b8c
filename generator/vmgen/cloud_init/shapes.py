"""Render the user data of the VMs of an environment: once for each shape, and for the other VMs by filling in their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import Any

from vmgen.cloud_init.per_vm import MergedUserData, TemplatedUserData
from vmgen.cloud_init.user_data import UserData, normalize_name
from vmgen.cloud_init.variables import TemplateVariables, find_number, wrap_mappings
from vmgen.merge.environment import Environment, Group
from vmgen.nameless import fill, render_nameless
from vmgen.problems import ProblemsError
from vmgen.read.template_names import NameVariables
from vmgen.secrets.harmless import is_change_me, is_reference
from vmgen.yaml_text import is_plain

NAME_VARIABLES = NameVariables(
    output_names=frozenset({"vm.name", "vm.index", "vm.number"}),
    lists=frozenset({"vm.disks"}),
    shared=frozenset({"vm.group", "vm.namespace"}),
)
# Makes another name or number of the same kind: it turns each letter and digit into the next one, except for 0.
_SHIFT = str.maketrans(ascii_lowercase + "123456789", ascii_lowercase[1:] + "a234567891")


class _UserDataShape:
    """The text that VMs share, without what tells them apart, and the steps that their template takes."""

    def __init__(self, nameless: str, steps: int) -> None:
        self.nameless = nameless
        self.steps = steps
        self._check_keys: dict[tuple[object, ...], tuple[str, ...]] = {}

    def fill(self, user_data: TemplatedUserData, texts: Sequence[str]) -> UserData:
        """Return the user data of the VM that the texts, its name first, tell apart."""
        name, text = texts[0], fill(self.nameless, texts)
        # No name has a line break, so that the texts stay apart.
        kind = (is_plain([name]), is_reference(name), is_change_me(name), normalize_name("\n".join(texts)))
        if kind not in self._check_keys:
            # Another VM of this kind tells whether the key depends on more than the kind.
            others = [text.translate(_SHIFT) for text in texts]
            key = user_data.build(text, name).check_key
            is_same = key == user_data.build(fill(self.nameless, others), others[0]).check_key
            self._check_keys[kind] = key if is_same else ()
        return user_data.build(text, name, self._check_keys[kind])


class UserDataRenderer:
    """Renders user data for the VMs of one environment. With `verify_all`, each is rendered by itself."""

    def __init__(self, environment: Environment, *, verify_all: bool = False) -> None:
        self._variables = TemplateVariables(environment)
        self._verify_all = verify_all
        self._shapes: dict[tuple[object, ...], _UserDataShape | None] = {}

    def render(self, user_data: TemplatedUserData | MergedUserData, group: Group, index: int, disks: Sequence[str]) -> UserData:
        """Return the user data of a VM of a group; `index` counts from 0, and `disks` are the names of its disks."""
        if isinstance(user_data, MergedUserData):
            return user_data.render(self._variables.build(group, index, disks))
        instance = group.instances[index]
        number = find_number(instance)
        texts = [instance.name, str(index), *([] if number is None else [str(number)]), *disks]
        # The variables of a shape are one object: that of another has another id.
        vars_id = id(self._variables.build_vars(instance.settings.values))
        key = (user_data.name, vars_id, group.key, number is None, len(disks))
        shape = self._shapes.get(key)
        user_data_of_shape = shape.fill(user_data, texts) if shape else None
        if shape and user_data_of_shape and not self._verify_all:
            user_data.templates.count_object(shape.steps)
            return user_data_of_shape
        variables = self._variables.build(group, index, disks)
        own_user_data = user_data.render(variables)
        if key not in self._shapes and not own_user_data.problems:
            self._shapes[key] = _find_shape(user_data, variables, texts, own_user_data.text)
        return user_data_of_shape if user_data_of_shape and user_data_of_shape.text == own_user_data.text else own_user_data


def only_writes_names(user_data: UserData | TemplatedUserData | MergedUserData) -> bool:
    """Return whether the templates of user data, if it has any, only write what tells the VMs of a group apart."""
    if isinstance(user_data, MergedUserData):
        return all(map(only_writes_names, user_data.templates.values()))
    if isinstance(user_data, UserData):
        return True
    return user_data.templates.is_name_independent(user_data.name, NAME_VARIABLES)


def _find_shape(
    user_data: TemplatedUserData, variables: Mapping[str, Any], texts: Sequence[str], text: str
) -> _UserDataShape | None:
    """Return the shape of a rendered text; None if its template does more with the VM than write its names and numbers."""
    templates = user_data.templates
    steps = templates.steps
    if not only_writes_names(user_data):
        return None

    def render(stand_ins: Sequence[str]) -> str:
        name, index, *rest = stand_ins
        vm = {**variables["vm"], "name": name, "index": index}
        if "number" in vm:
            vm["number"] = rest.pop(0)
        return templates.render(user_data.name, {**variables, "vm": wrap_mappings(vm | {"disks": rest})})

    try:
        nameless = render_nameless(render, texts, text)
    except ProblemsError:
        return None
    return None if nameless is None else _UserDataShape(nameless, steps)
