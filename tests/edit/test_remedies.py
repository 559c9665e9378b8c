"""The lines that vmgen prints to paste, pasted: the next run has no error, or is the state that was promised.

`REMEDIES` has a case for each place of the program that builds such lines, and a test finds those places.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from tests.edit.test_commands import commit, git, production

PACKAGE = Path(__file__).resolve().parents[2] / "generator/vmgen"
OWN = "environments/production.yaml"
DEFAULTS = "environments/_defaults.yaml"
HEAD = 'namespace: tenant-acme\nplatformVersion: "1"\n'
FLEET = """\
namespace: tenant-acme
platformVersion: "1"
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2204
    disks:
      data: 50Gi
disks:
  iso: {storage: 1Gi}
"""
STONE = 'retire:\n    - {disk: none, reason: "old"}\n'
SHARED = "vms: {web: {count: 2, instanceType: u1.large, image: ubuntu-2204}}\n"
SCALE = ("scale", "production", "web", "1")
RETIRE = ("--reason", "done")


class Remedy(NamedTuple):
    """Files that are committed, files of the change, the command that prints lines, and its rule.

    The lines are pasted into a file, and `render` must pass then, with the `options` that the message names. A comment among
    them says what goes. A regular expression finds what is pasted in the message, where it is not in lines below it. `edit`
    does what the message asks for besides.
    """

    rule: str
    before: str
    after: str = ""
    command: tuple[str, ...] = ("render",)
    layer: str = ""
    layer_after: str = ""
    into: str = OWN
    options: tuple[str, ...] = ()
    inline: str = ""
    edit: Callable[[Any], Any] = lambda content: content


def without(*path: str | int) -> Callable[[Any], Any]:
    """What takes a key out of a content."""

    def edit(content: Any) -> Any:
        at = content
        for step in path[:-1]:
            at = at[step]
        del at[path[-1]]
        return content

    return edit


ALIASES = """\
namespace: tenant-acme
platformVersion: "1"
vms:
  a: &a {count: 1, instanceType: u1.large, image: ubuntu-2204}
  web: *a
"""
NAMES = FLEET.replace("count: 2", "names: [alpha, beta]")
REJECTED = {
    "image": FLEET.replace("ubuntu-2204", "ubuntu-2404"),
    "image with a size": FLEET.replace("image: ubuntu-2204", "image: ubuntu-2404\n    storage: 30Gi"),
    "url": FLEET.replace("image: ubuntu-2204", "url: https://example.org/a.img\n    instanceProfile: ubuntu"),
    "class of a data disk": FLEET.replace("data: 50Gi", "data: {storage: 50Gi, storageClass: local}"),
    "class of a group": FLEET.replace("count: 2", "count: 2\n    storageClass: local"),
    "one VM": FLEET.replace("count: 2", "count: 2\n    instances: {2: {image: debian-12}}"),
    "one VM in block style": FLEET.replace("count: 2", "count: 2\n    instances:\n      2:\n        image: debian-12"),
    "defaults": FLEET.replace("vms:\n", "defaults: {storageClass: local}\nvms:\n"),
}
LOST = {
    "fewer VMs": (FLEET, FLEET.replace("count: 2", "count: 1")),
    "a standalone disk": (FLEET, FLEET.replace("disks:\n  iso: {storage: 1Gi}\n", "")),
    "a disk of a group": (FLEET, FLEET.replace("    disks:\n      data: 50Gi\n", "")),
    "beside a tombstone": (FLEET + STONE, FLEET.replace("count: 2", "count: 1") + STONE),
    "a renamed group": (FLEET, FLEET.replace("  web:", "  app:")),
    "another namespace": (FLEET, FLEET.replace("tenant-acme", "tenant-new")),
    "a smaller disk": (FLEET, FLEET.replace("iso: {storage: 1Gi}", "other: {storage: 1Gi}")),
}
REMEDIES: dict[str, dict[str, Remedy]] = {
    "plan/gate.py:_build_refusal": {
        **{name: Remedy("destroys-data", *texts) for name, texts in LOST.items()},
        "all of it": Remedy("destroys-data", FLEET, HEAD, options=("--allow-empty",)),
        "a kept disk": Remedy(
            "destroys-data",
            FLEET.replace("ubuntu-2204", "ubuntu-2404\n    system: 2\n    previous: {1: {image: ubuntu-2204, of: [1, 2]}}"),
            FLEET.replace("ubuntu-2204", "ubuntu-2404\n    system: 2"),
        ),
    },
    "plan/gate.py:_build_foreign_refusal": {},
    "plan/generation_gate.py:_build_problem": {
        **{name: Remedy("rejected-change", FLEET, after) for name, after in REJECTED.items()},
        "standalone disk": Remedy(
            "rejected-change",
            FLEET,
            FLEET.replace("iso: {storage: 1Gi}", "iso: {storage: 1Gi, storageClass: local}"),
            edit=without("disks", "iso"),
        ),
    },
    "edit/scale.py:_refuse_loss": {
        "count": Remedy("destroys-data", FLEET, command=SCALE),
        "names": Remedy("destroys-data", NAMES, command=SCALE),
        "none left": Remedy("destroys-data", FLEET, command=("scale", "production", "web", "0")),
    },
    "edit/retire.py:_refuse_group_disks": {
        "the last VM": Remedy("edit-by-hand", FLEET, command=("retire", "production", "web-2-system", "web-2-data", *RETIRE)),
        "the first VM": Remedy("edit-by-hand", FLEET, command=("retire", "production", "web-1-system", "web-1-data", *RETIRE)),
        "a name": Remedy("edit-by-hand", NAMES, command=("retire", "production", "alpha-system", "alpha-data", *RETIRE)),
        "a key": Remedy(
            "edit-by-hand",
            FLEET,
            command=("retire", "production", "web-1-data", "web-2-data", *RETIRE),
            edit=without("vms", "web", "disks"),
        ),
        "a key of one VM": Remedy("edit-by-hand", FLEET, command=("retire", "production", "web-2-data", *RETIRE)),
        "a key of one VM that has a name": Remedy(
            "edit-by-hand", NAMES, command=("retire", "production", "alpha-data", *RETIRE)
        ),
        "a group": Remedy(
            "edit-by-hand",
            NAMES,
            command=(
                "retire",
                "production",
                *(f"{vm}-{disk}" for vm in ("alpha", "beta") for disk in ("system", "data")),
                *RETIRE,
            ),
        ),
    },
    "edit/file_edit.py:refuse_edit": {
        "an alias": Remedy("edit-by-hand", ALIASES, command=("scale", "production", "web", "3")),
        "a text of several lines": Remedy(
            "edit-by-hand",
            FLEET.replace("image: ubuntu-2204", "image: |-\n      ubuntu-2204"),
            command=("rebuild", "production", "web", "--image", "ubuntu-2404"),
        ),
    },
    "edit/target.py:choose_file": {
        "another layer": Remedy(
            "edit-by-hand",
            HEAD,
            layer=SHARED,
            command=("scale", "production", "web", "3"),
        ),
        "a disk of another layer": Remedy(
            "edit-by-hand",
            HEAD,
            layer=SHARED + "disks: {iso: {storage: 1Gi}}\n",
            command=("retire", "production", "iso", *RETIRE),
            into=DEFAULTS,
        ),
    },
    "edit/rebuild.py:build_edits": {
        "a layer above": Remedy(
            "edit-by-hand",
            HEAD + "vms: {web: {image: ubuntu-2204}}\n",
            layer=SHARED,
            command=("rebuild", "production", "web", "--image", "ubuntu-2404", "--in", DEFAULTS),
        )
    },
    "edit/rebuild.py:_require_nothing_else": {
        "a kept disk that would get annotations": Remedy(
            "edit-by-hand",
            FLEET.replace(
                "count: 2",
                "count: 2\n    annotations: {note: a}\n    instances:\n"
                "      1: {image: ubuntu-2404, system: 2, previous: {1: {image: ubuntu-2204, of: [1]}}}",
            ),
            command=("rebuild", "production", "web", "--image", "ubuntu-2404"),
        )
    },
    "edit/scale.py:_grow": {"free names": Remedy("edit-by-hand", NAMES, command=("scale", "production", "web", "3"))},
    "edit/scale.py:scale_group": {
        "a layer above": Remedy(
            "edit-by-hand",
            HEAD + "vms: {web: {count: 2}}\n",
            layer=SHARED,
            command=("scale", "production", "web", "3", "--in", DEFAULTS),
        )
    },
    "edit/retire.py:bury_disks": {
        "a tombstone of another layer": Remedy(
            "edit-by-hand",
            HEAD + "disks: {iso: {storage: 1Gi}}\n",
            HEAD,
            layer=SHARED,
            layer_after=SHARED + "retire: [{disk: iso, reason: old, until: '2020-01-01'}]\n",
            command=("retire", "production", "iso", *RETIRE),
        )
    },
    "cloud_init/advice.py:explain_syntax": {},
    "cloud_init/advice.py:find_own_variables": {},
    "plan/generation_gate.py:describe_keeping": {
        "a disk that goes": Remedy(
            "destroys-data",
            FLEET,
            FLEET.replace("ubuntu-2204", "ubuntu-2404\n    system: 2"),
            inline=r"write `(previous: .*)` in `vms\.web`",
        )
    },
}
# Places that pass on lines which another one built, or that print a source or a difference.
NO_REMEDIES = {
    "report/problems.py:quote_sources",
    "report/drift.py:find_drift",
    "report/drift.py:_report_line_endings",
    "secrets/redact.py:redact_problem",
    "function.py:run_function",
    "rules.py:build_problem",
    "cloud_init/user_data.py:build_problem",
    "stamps.py:_parse_warning",
    "edit/file_edit.py:_splice_all",
}


def list_builders() -> Iterator[str]:
    """The places of the program that build a problem with lines, as `module:function`."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef) and any(map(has_lines, ast.walk(function))):
                yield f"{path.relative_to(PACKAGE).as_posix()}:{function.name}"


def has_lines(node: ast.AST) -> bool:
    """Whether a call gives lines to a problem, or operations to a refusal that prints them."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr if isinstance(node.func, ast.Attribute) else ""
    positions = {"Problem": 6, "build_problem": 4, "_build_problem": 99, "UserDataFinding": 7}
    has_operations = name == "refuse_edit" and not (isinstance(node.args[2], ast.Tuple) and not node.args[2].elts)
    named = name in (*positions, "_replace") and any(keyword.arg == "lines" for keyword in node.keywords)
    return named or has_operations or len(node.args) >= positions.get(name, 100)


def test_every_builder_of_lines_has_a_case() -> None:
    """A place that prints lines to paste is tried below, or is known to print something else."""
    builders = set(list_builders())
    assert builders - REMEDIES.keys() - NO_REMEDIES == set()
    assert (REMEDIES.keys() | NO_REMEDIES) - builders == {"plan/generation_gate.py:describe_keeping"}


def merge(below: Any, above: Any) -> Any:
    """What a person makes of a file and of lines: keys go below theirs, and items after those that are there."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: merge(below.get(key), value) for key, value in above.items()}}
    is_list_of_objects = isinstance(below, list) and isinstance(above, list) and isinstance(above[0], dict)
    return [*below, *above] if is_list_of_objects else above


def read_lines(messages: str, rule: str) -> str:
    """The lines below the first error of a rule, without the source line that it quotes."""
    rows = iter(messages.splitlines())
    for row in rows:
        if ": error: " in row and row.endswith(f"[{rule}]"):
            break
    pasted = []
    for row in rows:
        if ": error: " in row or ": warning: " in row or row.startswith(("Nothing", "Next:")):
            break
        pasted += [] if re.match(r"  [0-9 ]* \| ", row) else [row]
    return "\n".join(pasted) + "\n"


def place_lines(lines: str, content: Any) -> Any:
    """The content with the lines, which are at the indentation that they have in the file."""
    for path in re.findall(r"^# remove (.*)", lines, re.MULTILINE):
        steps = [int(step) if step.isdecimal() else step for step in re.findall(r"[^.\[\]]+", path)]
        content = without(*steps)(content)
    addition = yaml.safe_load(textwrap.dedent(lines)) or {}
    if isinstance(addition, list):
        addition = {"retire": addition}
    elif lines.startswith("        "):
        addition = {"vms": {"web": {"instances": {2: addition}}}}
    elif lines.startswith("    "):
        addition = {"vms": {"web": addition}}
    return merge(content, addition)


CASES = [(place, name) for place, cases in REMEDIES.items() for name in cases]


@pytest.mark.parametrize(("place", "name"), CASES)
def test_pasted_lines_lead_on(repository: Callable[..., Any], place: str, name: str) -> None:
    """The lines, merged into the file that the message names, are all that a render asks for."""
    remedy = REMEDIES[place][name]
    made = repository(remedy.before, {DEFAULTS: remedy.layer} if remedy.layer else {})
    made.uncommitted()
    first = made.run("render")
    assert first.code == 0, first.messages
    commit(made)
    if remedy.after:
        made.write({OWN: remedy.after})
    if remedy.layer_after:
        made.write({DEFAULTS: remedy.layer_after})
    refused = made.run(*remedy.command)
    assert refused.code == 1, refused.messages
    assert f"[{remedy.rule}]" in refused.messages
    lines = read_lines(refused.messages, remedy.rule)
    if remedy.inline:
        found = re.search(remedy.inline, refused.messages)
        assert found, refused.messages
        lines = textwrap.indent(found[1], "    ")
    content = remedy.edit(yaml.safe_load((made.root / remedy.into).read_text(encoding="utf-8")))
    made.write({remedy.into: yaml.safe_dump(place_lines(lines, content), sort_keys=False)})
    done = made.run("render", *remedy.options)
    assert done.code == 0, f"{lines}\n{done.messages}"
    if remedy.command[0] == "rebuild":
        assert "ubuntu-2404" in made.text("production/disks/web/web-1-system-2.yaml")
    if remedy.command[0] == "scale":
        assert len(list((made.root / "manifests/production/vms/web").glob("web*.yaml"))) == int(remedy.command[3]) or name in (
            "names",
            "free names",
            "none left",
        )


def test_lines_for_a_removed_environment_lead_on(repository: Callable[..., Any]) -> None:
    """An environment whose file is gone comes back with the tombstones alone."""
    made = repository(FLEET, {"environments/other.yaml": "namespace: tenant-other\n"})
    made.uncommitted()
    assert made.run("render", "--allow-empty").code == 0
    commit(made)
    (made.root / OWN).unlink()
    refused = made.run("render", "--allow-empty")
    assert refused.code == 1
    assert "with only these lines, and rendering with --allow-empty" in refused.messages
    made.write({OWN: read_lines(refused.messages, "destroys-data")})
    done = made.run("render", "--allow-empty")
    assert done.code == 0, done.messages


def test_lines_for_a_disk_of_no_environment_lead_on(repository: Callable[..., Any]) -> None:
    """The disk of a file that no environment made is restored, or its tombstone permits that it goes."""
    head = "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMDisk\n"
    disk = f"{head}metadata: {{name: old, namespace: tenant-acme}}\nspec: {{storage: 1Gi}}\n"
    made = repository(FLEET)
    made.uncommitted()
    assert made.run("render").code == 0
    made.write({"manifests/legacy/old.yaml": disk})
    commit(made)
    (made.root / "manifests/legacy/old.yaml").unlink()
    refused = made.run("check", "--against", "HEAD", "--kustomize", "off")
    assert (refused.code, "[destroys-data]" in refused.messages) == (1, True), refused.messages
    lines = read_lines(refused.messages, "destroys-data")
    made.write({OWN: f"{FLEET}{lines}"})
    assert made.run("render").code == 0
    permitted = made.run("check", "--against", "HEAD", "--kustomize", "off")
    assert permitted.code == 0, permitted.messages
    made.write({OWN: FLEET})
    command = re.search(r"\(git (restore --source \S+ \S+)\)", refused.messages)
    assert command, refused.messages
    git(made.root, *command[1].split())
    git(made.root, "checkout", "-q", "manifests")
    assert "destroys-data" not in made.run("check", "--against", "HEAD", "--kustomize", "off").messages


@pytest.mark.parametrize(
    "written",
    [
        "    cloudInit: |\n      #cloud-config\n      {% if vm.number == 1 %}\n      packages: [curl]\n      {% endif %}\n",
        "    cloudInit: |\n      #cloud-config\n      hostname: {{ vm.name }}\n",
        "    cloudInit: |\n      #cloud-config\n      write_files: [{path: /a, content: '{{ vm.name }}'}]\n",
    ],
)
def test_template_below_text_is_rendered(repository: Callable[..., Any], written: str) -> None:
    """A template in the place of a text is moved below the two lines that are printed, with its own lines indented."""
    made = repository(FLEET.replace("disks:\n  iso", f"{written}disks:\n  iso"))
    made.uncommitted()
    refused = made.run("render", "--stdout")
    assert "[template-as-text]" in refused.messages or refused.code == 1, refused.messages
    assert "cloudInit:\n  text: |\n" in refused.messages
    body = textwrap.indent(written.partition("\n")[2], "  ")
    moved = f"    cloudInit:\n      text: |\n{body}"
    made.write({OWN: production(made).replace(written, moved)})
    done = made.run("render")
    assert (done.code, "template-as-text" in done.messages) == (0, False), done.messages
