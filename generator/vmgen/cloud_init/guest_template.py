"""Check `## template: jinja`, which cloud-init renders on the VM: its syntax, its variables, and the shape of what comes out.

Nothing is executed: each expression becomes a placeholder, each loop runs once, and each branch of a condition is one shape.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from jinja2 import Environment, TemplateSyntaxError, nodes

from vmgen.cloud_init.document import UserDataFinding
from vmgen.cloud_init.encodings import PLACEHOLDER
from vmgen.cloud_init.rules import INVALID_SYNTAX, UNKNOWN_VARIABLE
from vmgen.problems import did_you_mean

# What jinja_template.py gives a template: the sections of instance-data.json, and the keys of v1 without their section
# (https://docs.cloud-init.io/en/latest/explanation/instancedata.html).
_STANDARD_KEYS = frozenset(
    "_beta_keys availability_zone cloud_id cloud_name distro distro_release distro_version instance_id kernel_release"
    " kernel_version local_hostname machine platform public_ssh_keys python_version region subplatform system_platform"
    " userdata variant vendordata".split()
)
_SECTIONS = frozenset(
    "base64_encoded_keys combined_cloud_config ds features merged_cfg merged_system_cfg network sensitive_keys sys_info"
    " system_info userdata v1 vendordata vendordata2".split()
)
_GLOBALS = frozenset("range dict lipsum cycler joiner namespace self caller varargs kwargs loop".split())
_DEFENDED_TESTS = ("defined", "undefined")
_DEFENDED_FILTERS = ("default", "d")


class GuestShape(NamedTuple):
    """A text that a template may come out as. `lines` has the line of the template, from 0, for each of its lines.

    `open_lines` are the lines, from 0 in the template, that hold a value which is not known here.
    """

    text: str
    lines: tuple[int, ...]
    open_lines: frozenset[int]


def find_template_faults(text: str) -> Iterator[UserDataFinding]:
    """Yield a mistake in the syntax of a template, or the variables in it that cloud-init does not have."""
    try:
        tree = _parse(text)
    except TemplateSyntaxError as error:
        message = "not a Jinja template, so cloud-init would ignore all of it; correct the braces, or the word after `{%`"
        yield UserDataFinding(INVALID_SYNTAX, message, max(error.lineno - 1, 0))
        return
    except RecursionError:
        yield UserDataFinding(INVALID_SYNTAX, "nests too deeply for a Jinja template; simplify it")
        return
    own_names = {node.name for node in tree.find_all(nodes.Name) if node.ctx in ("store", "param")}
    own_names |= {node.name for node in tree.find_all(nodes.Macro)}
    defended_names = _find_defended(tree)
    known_names = _STANDARD_KEYS | _SECTIONS | _GLOBALS | own_names
    for name in tree.find_all(nodes.Name):
        if name.ctx == "load" and name.name not in known_names and name.name not in defended_names:
            yield _build_unknown(name.name, sorted(known_names - _GLOBALS), name.lineno)
    for getter in (*tree.find_all(nodes.Getattr), *tree.find_all(nodes.Getitem)):
        key = _get_standard_key(getter)
        if key and key.replace("-", "_") not in _STANDARD_KEYS and f"v1.{key}" not in defended_names and "v1" not in own_names:
            yield _build_unknown(f"v1.{key}", [f"v1.{known_key}" for known_key in sorted(_STANDARD_KEYS)], getter.lineno)


def build_shapes(text: str) -> tuple[GuestShape, ...]:
    """Return what a template may come out as, with its first branches and with its last ones; none if it is no template."""
    try:
        tree = _parse(text)
        shapes = [_build_shape(tree, first=first) for first in (True, False)]
    except (TemplateSyntaxError, RecursionError):
        return ()
    return tuple(dict.fromkeys(shapes))


@cache
def _get_environment() -> Environment:
    # The settings of cloud-init itself: cloudinit/templater.py, jinja_render.
    return Environment(trim_blocks=True, extensions=["jinja2.ext.do"], autoescape=False)  # noqa: S701 - renders no HTML


def _parse(text: str) -> nodes.Template:
    return _get_environment().parse(text)


def _build_unknown(name: str, known_names: list[str], line: int) -> UserDataFinding:
    hint = did_you_mean(name, known_names) or "; `cloud-init query --all` lists the variables of a VM"
    if name in ("vm", "env", "vars"):
        hint = "; it belongs to vmgen: write it in a template of `cloudInit: {template: ...}`, without `## template: jinja`"
    name_text = name if re.fullmatch(r"[\w.-]{1,40}", name) else "of this name"
    return UserDataFinding(UNKNOWN_VARIABLE, f"cloud-init has no variable {name_text}{hint}", line - 1)


def _find_defended(tree: nodes.Template) -> set[str]:
    """Return the variables that a template asks for, or has a default for."""
    tests = [test.node for test in tree.find_all(nodes.Test) if test.name in _DEFENDED_TESTS]
    tests += [filter_.node for filter_ in tree.find_all(nodes.Filter) if filter_.name in _DEFENDED_FILTERS if filter_.node]
    names = {node.name for node in tests if isinstance(node, nodes.Name)}
    return names | {f"v1.{key}" for node in tests if (key := _get_standard_key(node))}


def _get_standard_key(node: nodes.Node) -> str:
    """Return the key of `v1.key` or `v1['key']`; empty for any other expression."""
    if isinstance(node, nodes.Getattr | nodes.Getitem) and isinstance(node.node, nodes.Name) and node.node.name == "v1":
        if isinstance(node, nodes.Getattr):
            return node.attr
        return node.arg.value if isinstance(node.arg, nodes.Const) and isinstance(node.arg.value, str) else ""
    return ""


def _build_shape(tree: nodes.Template, *, first: bool) -> GuestShape:
    pieces = list(_iter_pieces(tree.body, first=first))
    text, lines, open_lines, number = "", [0], set[int](), 0
    for piece, line in pieces:
        if line < 0:
            open_lines.add(-line - 1)
            # Numbered, since two unknown values may differ, and keys of one name would be duplicates.
            number += 1
            text += f"{PLACEHOLDER}{number}"
            continue
        if not text or text.endswith("\n"):
            lines[-1] = line - 1
        text += piece
        for offset in range(1, piece.count("\n") + 1):
            lines.append(line - 1 + offset)
    return GuestShape(text, tuple(lines), frozenset(open_lines))


def _iter_pieces(body: list[nodes.Node], *, first: bool) -> Iterator[tuple[str, int]]:
    """Yield the text of a template with the number of its line; an expression has the number below zero, and no text."""
    for node in body:
        if isinstance(node, nodes.Output):
            for item in node.nodes:
                if isinstance(item, nodes.TemplateData):
                    yield item.data, item.lineno
                else:
                    yield "", -item.lineno
        elif isinstance(node, nodes.If):
            other = node.else_ or (node.elif_[-1].body if node.elif_ else [])
            yield from _iter_pieces(node.body if first else other, first=first)
        elif isinstance(node, nodes.For | nodes.With | nodes.Scope | nodes.FilterBlock | nodes.Block):
            yield from _iter_pieces(node.body, first=first)
