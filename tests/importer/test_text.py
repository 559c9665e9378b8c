"""The writer of environments: what stands on one line, what on several."""

from __future__ import annotations

from typing import Any

import pytest

from vmgen.importer.text import render_lines

LONG = "https://example.com/" + "x" * 90

GROUPS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a disk of a size only is short": ({"disks": {"data": {"storage": "5Gi"}}}, ["    disks:", "      data: 5Gi"]),
    "a disk of more is a line": (
        {"disks": {"data": {"storage": "5Gi", "bus": "sata"}}},
        ["    disks:", "      data: {storage: 5Gi, bus: sata}"],
    ),
    "a disk of too much is a block": (
        {"disks": {"iso": {"url": LONG, "optical": True}}},
        ["    disks:", "      iso:", f'        url: "{LONG}"', "        optical: true"],
    ),
    "attachments by name are short": (
        {"attach": [{"name": "a"}, {"name": "b", "bus": "usb"}]},
        ["    attach: [a, {name: b, bus: usb}]"],
    ),
    "keys stand one a line": ({"sshKeys": ["a b"]}, ["    sshKeys:", '      - "a b"']),
    "no keys are a line": ({"sshKeys": []}, ["    sshKeys: []"]),
    "instances are lines": (
        {"instances": {"2": {"running": False}}},
        ["    instances:", "      2: {running: false}"],
    ),
    "an instance with a text is a block": (
        {"instances": {"2": {"cloudInit": "a\nb\n"}}},
        ["    instances:", "      2:", "        cloudInit: |", "          a", "          b"],
    ),
    "a text that YAML reads otherwise is quoted": (
        {"cloudInitSeed": "014", "labels": {"on": "no"}},
        ['    cloudInitSeed: "014"', '    labels: {"on": "no"}'],
    ),
}


@pytest.mark.parametrize(("group", "expected"), GROUPS.values(), ids=GROUPS)
def test_a_group_is_written_so(group: dict[str, Any], expected: list[str]) -> None:
    """As a person would, and so that it is read back as it was meant."""
    assert [line.text for line in render_lines({"vms": {"web": group}}, {})][3:] == expected


def test_many_names_are_wrapped() -> None:
    """A list that does not fit on its line is filled up to the width, and holds the same names."""
    names = [f"node-{number}" for number in range(40)]
    lines = [line.text for line in render_lines({"vms": {"web": {"names": names}}}, {})][3:]
    assert all(len(line) <= 100 for line in lines)
    assert " ".join(lines).replace("names: [", "").replace("]", "").replace(",", "").split() == names


@pytest.mark.parametrize(("length", "is_above"), [(110, False), (111, True)], ids=["fits", "too long"])
def test_a_comment_stands_behind_its_key_or_above_it(length: int, is_above: bool) -> None:
    """Above where the line would get too long."""
    comment = "x" * length
    lines = [line.text for line in render_lines({"disks": {"kept": {"storage": "1000Gi"}}}, {("disks", "kept"): comment})]
    assert lines[2:] == ([f"  # {comment}", "  kept: 1000Gi"] if is_above else [f"  kept: 1000Gi    # {comment}"])


@pytest.mark.parametrize(("length", "is_block"), [(83, False), (84, True)], ids=["fits", "too long"])
def test_a_mapping_stands_on_one_line_or_on_several(length: int, is_block: bool) -> None:
    """On several where the line would get longer than 100 characters."""
    lines = [line.text for line in render_lines({"vms": {"web": {"labels": {"a": "x" * length}}}}, {})]
    value = "x" * length
    assert lines[3:] == (["    labels:", f"      a: {value}"] if is_block else [f"    labels: {{a: {value}}}"])
