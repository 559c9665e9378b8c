"""Each command that edits, on environment files of every layout: the meant lines differ, or the lines are printed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from tests.edit.test_file_edit import changed_parts
from tests.edit.yaml_texts import layouts
from vmgen.read.located import to_plain
from vmgen.read.yaml_reader import read_yaml

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPh5m0KlGvYq3pYbCkOq7yRHLSkZzYkGmK1kF7gQmF3v ops@shop"
TEXTS = st.sampled_from(["hello", "grüße ✓", "a: b # c", "x" * 200, 'it\'s "so"', "tab\there"])
COMMANDS = {
    "grow": ("scale", "production", "web", "4"),
    "shrink": ("scale", "production", "web", "1", "--retire", "--reason", 'over: "done"'),
    "many": ("scale", "production", "solo", "3"),
    "rebuild": ("rebuild", "production", "web", "--image", "ubuntu-2404"),
    "canary": ("rebuild", "production", "web", "--image", "ubuntu-2404", "--only", "2"),
    "class": ("rebuild", "production", "web", "--storage-class", "replicated-async"),
    "disk": ("retire", "production", "iso", "--reason", "old"),
    "fix": ("check", "--fix", "--kustomize", "off"),
}


@st.composite
def environments(draw: st.DrawFn) -> dict[str, Any]:
    """An environment with the parts that the commands edit, and others around them."""
    web: dict[str, Any] = {"count": 2, "instanceType": "u1.large", "image": "ubuntu-2204"}
    if draw(st.booleans()):
        web["disks"] = {"data": draw(st.sampled_from(["50Gi", {"storage": "50Gi"}])), "logs": "1Gi"}
    if draw(st.booleans()):
        web["instances"] = {"2": {"instanceType": "u1.xlarge"}}
    if draw(st.booleans()):
        web["annotations"] = {"note": draw(TEXTS)}
    document: dict[str, Any] = {"namespace": "tenant-acme", "vars": {"a": draw(TEXTS), "b": [draw(TEXTS), "hello"]}}
    document["defaults"] = {"sshKeys": [KEY]}
    document["vms"] = {"web": web, "solo": {"instanceType": "u1.large", "image": "ubuntu-2204", "disks": {"data": "1Gi"}}}
    document["disks"] = (
        {"iso": {"storage": "1Gi"}, "other": {"storage": "2Gi"}} if draw(st.booleans()) else {"iso": {"storage": "1Gi"}}
    )
    if draw(st.booleans()):
        document["retire"] = [{"disk": "gone", "reason": draw(TEXTS)}]
    names = draw(st.permutations(list(document)))
    return {name: document[name] for name in names}


@pytest.fixture(scope="module")
def shared(new_repository: Callable[..., Any]) -> Any:
    """A repository that all examples use in turn."""
    return new_repository({})


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_command_changes_its_lines_alone(command: str, shared: Any, request: pytest.FixtureRequest) -> None:
    """Whatever the layout of a file, a command writes the meant values and no other byte, or prints what to write."""

    @given(data=st.data(), document=environments())
    @settings(max_examples=request.config.getoption("--edits"))
    def attempt(data: DataObject, document: dict[str, Any]) -> None:
        try_command(data, document, command, shared)

    attempt()


def try_command(data: DataObject, document: dict[str, Any], command: str, shared: Any) -> None:
    """Run a command on one layout of an environment, and compare the file with what it was."""
    content = data.draw(layouts(document))
    note(content.decode())
    path = shared.root / "environments/production.yaml"
    path.write_bytes(content)
    rendered = shared.run("render", "--allow-empty", "production")
    if rendered.code:  # an earlier example had other disks, and without Git its manifests are the baseline
        for file in sorted((shared.root / "manifests").rglob("*.yaml")):
            file.unlink()
        rendered = shared.run("render", "production")
    assert rendered.code == 0, rendered.messages
    done = shared.run(*COMMANDS[command])
    after = path.read_bytes()
    if done.code and command != "fix":
        assert after == content
        assert "[edit-by-hand]" in done.messages, done.messages
        return
    result, problems = read_yaml(after, "x")
    assert result is not None
    assert not problems
    plain = to_plain(result)
    untouched = {"namespace", "vars", "defaults"} | ({"vms"} if command in ("disk", "fix") else set())
    assert {name: plain[name] for name in untouched} == {name: document[name] for name in untouched}
    # A command may append to the list of tombstones, also on the last line of a reason.
    is_of_tombstones = re.compile(rb"retire|gone|reason").search
    kept = [line for line in content.split(b"\n") if b"hello" in line and not is_of_tombstones(line)]
    assert all(line in after.split(b"\n") for line in kept)
    removed, _ = changed_parts(content, after)
    if command in ("grow", "many", "canary"):
        assert removed.strip(b" {}[]\n\r,") in (b"", b"2"), "nothing but a number goes"
    shared.run("render", "production")
