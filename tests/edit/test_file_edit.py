"""Edits of a file: the meant values differ, and every other character stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tests.edit.meant_lines import list_lost_lines
from tests.edit.yaml_texts import WORDS, layouts
from vmgen.edit import splice
from vmgen.edit.file_edit import edit_content, edit_file
from vmgen.edit.operations import (
    AppendItem,
    Operation,
    RemoveValue,
    RenameKey,
    SetValue,
    apply_operation,
    is_same,
    widen_removal,
)
from vmgen.problems import ProblemsError
from vmgen.read.located import format_path, to_plain
from vmgen.read.repository import Project
from vmgen.read.yaml_nodes import read_nodes
from vmgen.read.yaml_reader import read_yaml

NAMES = st.sampled_from(["web", "db", "image", "system", "count", "disks", "data", "k-1", "1", "10"])
SCALARS = st.one_of(st.sampled_from(WORDS), st.integers(0, 99), st.booleans())
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    # Equal items would not tell which of them went.
    lambda inner: st.one_of(st.lists(inner, max_size=4, unique_by=repr), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, min_size=1, max_size=5)


def edited(folder: Path, content: bytes, *operations: Operation) -> bytes:
    """What operations make of the content of a file."""
    path = folder / "environments" / "production.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return edit_file(path, operations, Project(folder)).after


def paths_of(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The paths of all values in a plain value."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [inner for key, item in value.items() for inner in paths_of(item, (*path, key))]
    elif isinstance(value, list):
        found += [inner for index, item in enumerate(value) for inner in paths_of(item, (*path, index))]
    return found


@pytest.mark.parametrize(
    "content", [b"{}\n", b"", b"vms:\n", b"vms: {web: }\n", b"vms: {web: 3}\n", b"vms: {web: [a]}\n", b"vms: {web: {b: }}\n"]
)
@pytest.mark.parametrize(
    "path", [("vms", "web", "names", 1), ("vms", "web", 1), ("vms", "web", "names"), ("retire", 0, "until")]
)
def test_removal_of_what_another_layer_has_is_refused(content: bytes, path: tuple[str | int, ...], tmp_path: Path) -> None:
    """A value that is not in the file cannot be removed from it, whatever is there in its place."""
    with pytest.raises(ProblemsError) as caught:
        edited(tmp_path, content, RemoveValue(path))
    (problem,) = caught.value.problems
    assert (problem.rule, problem.lines) == ("edit-by-hand", (f"# remove {format_path(path)}",))
    assert f"{format_path(path)} is not written here" in problem.message


@settings(max_examples=300)
@given(data=st.data(), document=DOCUMENTS)
def test_edit_touches_its_lines_alone(
    data: DataObject, document: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any operation on any layout leaves every other line as it was, or is refused with lines to write."""
    content = data.draw(layouts(document))
    note(content.decode())
    plain, problems = read_yaml(content, "x")
    assert plain is not None
    assert not problems
    assert to_plain(plain) == document
    path = data.draw(st.sampled_from(paths_of(document)))
    at = document
    for step in path:
        at = at[step]  # type: ignore[index]
    choices: list[Operation] = [RemoveValue(path)]
    if isinstance(path[-1], str):
        choices.append(SetValue(path, data.draw(SCALARS)))
        choices.append(RenameKey(path, "renamed"))
    if isinstance(at, dict):
        choices.append(SetValue((*path, "new"), data.draw(VALUES), block=data.draw(st.booleans())))
        choices.append(SetValue((*path, "new", "2"), data.draw(VALUES), after="image"))
    if isinstance(at, list):
        choices.append(AppendItem(path, {"disk": "a", "reason": data.draw(st.sampled_from(WORDS))}))
    choices.append(AppendItem(("retire",), {"disk": "web-1-data", "reason": "x"}))
    operation = data.draw(st.sampled_from(choices))
    note(repr(operation))
    try:
        after = edited(tmp_path_factory.getbasetemp(), content, operation)
    except ProblemsError as error:
        refusal = error.problems[0]
    else:
        refusal = None
    if refusal is not None:
        assert (refusal.rule, bool(refusal.lines)) == ("edit-by-hand", True)
        return
    result, problems = read_yaml(after, "x")
    assert result is not None
    assert not problems
    wanted = operation._replace(path=widen_removal(document, path)) if isinstance(operation, RemoveValue) else operation
    assert is_same(to_plain(result), apply_operation(wanted, document))
    assert list_lost_lines(content, after, document, to_plain(result)) == []
    if isinstance(operation, RenameKey):
        assert after.count(b"\n") == content.count(b"\n")


def draw_series(data: DataObject, document: dict[str, Any]) -> list[Operation]:
    """Operations in a row of the kinds that read a text once, on values of a document or on a new list."""
    path = data.draw(st.sampled_from(paths_of(document)))
    at: Any = document
    for step in path:
        at = at[step]
    removals: list[Operation] = []
    if isinstance(at, dict) and at:
        removals = [RemoveValue((*path, key)) for key in data.draw(st.permutations(list(at)))]
    if isinstance(at, list) and at:
        # From the last on, or the first one again and again.
        indexes = data.draw(st.sampled_from([[*reversed(range(len(at)))], [0] * len(at)]))
        removals = [RemoveValue((*path, index)) for index in indexes[data.draw(st.integers(0, len(at) - 1)) :]]
    scalars = [each for each in paths_of(document) if isinstance(each[-1], str)]
    changes: list[Operation] = [SetValue(each, data.draw(SCALARS)) for each in data.draw(st.lists(st.sampled_from(scalars)))]
    changes += [RenameKey(each, f"{each[-1]}-new") for each in data.draw(st.lists(st.sampled_from(scalars), max_size=1))]
    target = path if isinstance(at, list) else ("retire",)
    additions: list[Operation] = [AppendItem(target, {"disk": word, "reason": "x"}) for word in data.draw(st.lists(NAMES))]
    return data.draw(st.sampled_from([removals, changes, additions, [*changes, *additions]]))


@settings(max_examples=500)
@given(data=st.data(), document=DOCUMENTS)
def test_a_series_is_as_one_after_the_other(data: DataObject, document: dict[str, Any]) -> None:
    """Operations that share one reading of the text give the bytes of those that each read it."""
    content = data.draw(layouts(document))
    operations = draw_series(data, document)
    note(content.decode())
    note(repr(operations))
    one_by_one = content
    try:
        for operation in operations:
            one_by_one = edit_content(one_by_one, (operation,), "x")
    except ProblemsError:
        return
    assert edit_content(content, operations, "x") == one_by_one


SERIES = {
    "tombstones": ("a: 1\n", [AppendItem(("retire",), {"disk": f"d{number}", "reason": "x"}) for number in range(50)]),
    "keys": (
        "disks:\n" + "".join(f"  d{number}: 1Gi\n" for number in range(60)),
        [RemoveValue(("disks", f"d{number}")) for number in range(50)],
    ),
    "keys of items": (
        "retire:\n" + "".join(f"  - disk: d{number}\n    until: x # {number}\n" for number in range(60)),
        [RemoveValue(("retire", number, "until")) for number in range(50)],
    ),
    "keys of items in brackets": (
        "retire: [" + ", ".join(f"{{until: x, disk: d{number}}}" for number in range(60)) + "]\n",
        [RemoveValue(("retire", number, "until")) for number in range(50)],
    ),
    "items": (
        "names: [" + ", ".join(f"n{number}" for number in range(60)) + "]\n",
        [RemoveValue(("names", number)) for number in range(50, 0, -1)],
    ),
    "values": (
        "".join(f"d{number}: 1Gi # size\n" for number in range(60)),
        [SetValue((f"d{number}",), f"{number}Gi") for number in range(50)],
    ),
    "new names": (
        "".join(f"d{number}: 1Gi # size\n" for number in range(60)),
        [RenameKey((f"d{number}",), f"e{number}") for number in range(50)],
    ),
}


@pytest.mark.parametrize("series", SERIES)
def test_a_series_reads_the_text_once(series: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand disks are retired in the time of one reading, not of a thousand."""
    text, operations = SERIES[series]
    readings = []
    monkeypatch.setattr(splice, "read_nodes", lambda text: readings.append(text) or read_nodes(text))
    after = edit_content(text.encode(), operations, "x")
    assert after != text.encode()
    assert len(readings) == 1


@pytest.mark.parametrize(
    ("text", "operation", "after"),
    [
        ("retire: [ # none yet\n  ]\n", AppendItem(("retire",), "a"), "retire: [ # none yet\n  a]\n"),
        ("retire: [\n# none\n] # end\n", AppendItem(("retire",), {"disk": "a"}), "retire: [\n# none\n{disk: a}] # end\n"),
        ("labels: { # none\n}\n", SetValue(("labels", "team"), "shop"), "labels: { # none\nteam: shop}\n"),
        ("a: {b: { # none\n}}\n", SetValue(("a", "b"), {"c": 1}), "a: {b: { # none\nc: 1}}\n"),
        ("retire: []\n", AppendItem(("retire",), "a#b"), 'retire: ["a#b"]\n'),
        ("a: [ ]\n", AppendItem(("a",), "b"), "a: [b]\n"),
        ("a: [b#c, d]\n", SetValue(("a",), ["e"]), "a: [e]\n"),
    ],
)
def test_comments_in_brackets_stay(text: str, operation: Operation, after: str) -> None:
    """The first value of an empty list or mapping comes behind the comment in its brackets."""
    assert edit_content(text.encode(), (operation,), "x").decode() == after


@pytest.mark.parametrize("value", [["b"], {"b": 1}, "b"])
def test_comments_between_values_are_not_replaced(value: Any) -> None:
    """A list with comments is not replaced as a whole: the lines are printed to be written by hand."""
    with pytest.raises(ProblemsError) as caught:
        edit_content(b"a: [ # why\n  1, # one\n  2]\n", (SetValue(("a",), value),), "x")
    assert "comments stand between the brackets of a" in caught.value.problems[0].message
