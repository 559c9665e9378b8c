"""What is kept between runs: it comes back for the same key and program, from nobody else, and changes nothing but the time."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from itertools import dropwhile
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from vmgen.fingerprint import compute_digest
from vmgen.read import prepared
from vmgen.read.prepared import Prepared, users_folder
from vmgen.read.yaml_reader import Ambiguous

CHECKOUT = Path(__file__).resolve().parents[2]
VALUES: dict[str, Any] = {
    "a text": "é\n",
    "a number": 3,
    "false": False,
    "plain data": {"a": [1, 2.5, None, True], "b": ("x", b"y"), "c": frozenset({"z"})},
    "code": compile("1 + 1", "a", "eval"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for entries that is not there yet."""
    return tmp_path / "caches/vmgen"


@pytest.fixture
def entry(folder: Path) -> Path:
    """The file of the one entry `name`, kept for `key`."""
    Prepared(str(folder)).put("name", "key", ["value"])
    [file] = folder.iterdir()
    return file


def found(folder: Path, name: str = "name", key: str = "key") -> Any:
    """What a later run gets."""
    return Prepared(str(folder)).get(name, key)


# ---- one entry


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_what_is_kept_comes_back(folder: Path, value: Any) -> None:
    """Plain data and code are the same in a later run."""
    Prepared(str(folder)).put("name", "key", value)
    assert found(folder) == value


def test_the_last_value_counts(folder: Path, entry: Path) -> None:
    """What is kept for another key takes the place of what was kept under the name."""
    Prepared(str(folder)).put("name", "other key", ["other"])
    assert (found(folder), found(folder, key="other key")) == (None, ["other"])


@pytest.mark.parametrize(("name", "key"), [("name", "other"), ("other", "key"), ("key", "name"), ("namek", "ey")])
def test_nothing_comes_back_for_another_key(folder: Path, entry: Path, name: str, key: str) -> None:
    """An entry counts for its name and its key only."""
    assert found(folder, name, key) is None


def test_what_is_no_plain_data_is_not_kept(folder: Path) -> None:
    """A value that only Python's own classes could give back is made again."""
    Prepared(str(folder)).put("name", "key", [Ambiguous("no")])
    assert found(folder) is None


SPOILT: dict[str, Callable[[bytes], bytes]] = {
    "nothing in it": lambda content: b"",
    "cut off in its head": lambda content: content[:40],
    "no content": lambda content: content[:80],
    "cut off by a byte": lambda content: content[:-1],
    "a byte more": lambda content: content + b"0",
    "another first byte": lambda content: bytes([content[0] ^ 1]) + content[1:],
    "another digest": lambda content: content[:79] + bytes([content[79] ^ 1]) + content[80:],
    "another last byte": lambda content: content[:-1] + bytes([content[-1] ^ 1]),
    "no text in its head": lambda content: b"\xff" * 80 + content[80:],
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_an_entry_that_is_not_whole_is_none(folder: Path, entry: Path, spoil: Callable[[bytes], bytes]) -> None:
    """What a crash, a full disk or a stray hand made of an entry is not read."""
    entry.write_bytes(spoil(entry.read_bytes()))
    assert found(folder) is None


def test_every_byte_counts(folder: Path, entry: Path) -> None:
    """An entry in which any one byte is another is none."""
    content = entry.read_bytes()
    taken = []
    for index in range(len(content)):
        entry.write_bytes(content[:index] + bytes([content[index] ^ 4]) + content[index + 1 :])
        taken.append(found(folder))
    assert set(taken) == {None}


@pytest.mark.parametrize("name", ["a folder", "a link to nowhere"])
def test_what_is_no_file_is_no_entry(folder: Path, entry: Path, name: str) -> None:
    """Whatever lies in the place of an entry is at most of no use."""
    entry.unlink()
    if name == "a folder":
        entry.mkdir()
    else:
        entry.symlink_to(folder / "nowhere")
    assert found(folder) is None


@pytest.mark.parametrize("more", [stat.S_IWGRP, stat.S_IWOTH], ids=["group", "others"])
def test_an_entry_that_others_may_write_is_not_read(folder: Path, entry: Path, more: int) -> None:
    """It may hold anybody's code."""
    entry.chmod(0o600 | more)
    assert found(folder) is None


def test_an_entry_of_somebody_else_is_not_read(folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It holds somebody else's code."""
    other = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: other)
    assert found(folder) is None


def test_an_entry_is_the_users_alone(folder: Path, entry: Path) -> None:
    """Nobody else may read or write what is kept, nor add to it."""
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folder, entry)] == [0o700, 0o600]


def test_an_entry_of_another_program_is_none(folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A newer vmgen, or the same one edited, makes everything anew."""
    monkeypatch.setattr(prepared, "program", lambda: "another")
    assert found(folder) is None


def test_an_entry_of_another_python_is_none(folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code is that of one version of Python."""
    monkeypatch.setattr(sys, "version", "3.99.0")
    assert found(folder) is None


# ---- the folder


def test_without_a_folder_nothing_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No folder is as good as an empty one, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    nowhere = Prepared()
    nowhere.put("name", "key", 1)
    assert (nowhere.get("name", "key"), list(tmp_path.iterdir())) == (None, [])


def test_a_file_in_the_place_of_the_folder_costs_only_time(folder: Path) -> None:
    """Where there can be no folder, nothing is kept and nothing is said."""
    folder.parent.mkdir()
    folder.write_text("mine")
    Prepared(str(folder)).put("name", "key", 1)
    assert (found(folder), folder.read_text()) == (None, "mine")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_costs_only_time(folder: Path, entry: Path) -> None:
    """What is there is read, and nothing is added."""
    folder.chmod(0o500)
    Prepared(str(folder)).put("other", "key", 1)
    assert (found(folder), found(folder, "other")) == (["value"], None)


def test_a_full_disk_costs_only_time(folder: Path, entry: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that cannot be written leaves the one that was there."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        Prepared(str(folder)).put("name", "key", ["other"])
    assert found(folder) == ["value"]


def test_many_entries_are_cleared_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One entry more than there may be is the first of an emptied folder."""
    monkeypatch.setattr(prepared, "MOST_ENTRIES", 3)
    kept = Prepared(str(folder))
    for name in "abcd":
        kept.put(name, "key", name)
    assert [kept.get(name, "key") for name in "abcd"] == [None, None, None, "d"]


def test_an_entry_anew_clears_nothing_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that is full stays so where what it holds is kept once more."""
    monkeypatch.setattr(prepared, "MOST_ENTRIES", 3)
    kept = Prepared(str(folder))
    for name in "abca":
        kept.put(name, "key", name)
    assert [kept.get(name, "key") for name in "abc"] == ["a", "b", "c"]


def test_only_entries_are_cleared_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of the user's in a folder that VMGEN_CACHE names is left alone."""
    monkeypatch.setattr(prepared, "MOST_ENTRIES", 3)
    folder.mkdir(parents=True)
    letters = [folder / f"letter-{number}.txt" for number in range(3)]
    for letter in letters:
        letter.write_text("dear")
    Prepared(str(folder)).put("name", "key", 1)
    assert [letter.exists() for letter in letters] == [True] * 3


WHOLE = """
import sys
from vmgen.read.prepared import Prepared
kept = Prepared(sys.argv[1])
for _ in range(30):
    kept.put("name", "key", sys.argv[2] * 2_000_000)
"""


def test_two_who_keep_the_same_entry_at_once_leave_a_whole_one(folder: Path) -> None:
    """Whoever reads in the meantime gets what the one or the other wrote, and no half of it."""
    paths = {**os.environ, "PYTHONPATH": str(CHECKOUT / "generator")}
    writers = [subprocess.Popen([sys.executable, "-c", WHOLE, str(folder), letter], env=paths) for letter in "ab"]
    read = [found(folder)]
    while any(writer.poll() is None for writer in writers):
        read.append(found(folder))
    assert {*dropwhile(lambda value: value is None, [*read, found(folder)])} <= {"a" * 2_000_000, "b" * 2_000_000}
    assert len(list(folder.iterdir())) == 1


FOLDERS: dict[str, tuple[dict[str, str], str | None]] = {
    "a name": ({"VMGEN_CACHE": "/kept", "XDG_CACHE_HOME": "/caches", "HOME": "/home/u"}, "/kept"),
    "none wanted": ({"VMGEN_CACHE": "", "XDG_CACHE_HOME": "/caches", "HOME": "/home/u"}, None),
    "a folder of caches": ({"XDG_CACHE_HOME": "/caches", "HOME": "/home/u"}, "/caches/vmgen"),
    "no caches named": ({"XDG_CACHE_HOME": "", "HOME": "/home/u"}, "/home/u/.cache/vmgen"),
    "a home": ({"HOME": "/home/u"}, "/home/u/.cache/vmgen"),
    "caches that depend on where it runs": ({"XDG_CACHE_HOME": "caches", "HOME": "/home/u"}, None),
    "a home that depends on where it runs": ({"HOME": "home"}, None),
}


@pytest.mark.parametrize(("environment", "wanted"), FOLDERS.values(), ids=FOLDERS)
def test_where_entries_are_kept(environment: dict[str, str], wanted: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """VMGEN_CACHE comes before XDG_CACHE_HOME, that before the home, and an empty one wants none."""
    for name in ("VMGEN_CACHE", "XDG_CACHE_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert users_folder() == wanted


# ---- repositories

ENVIRONMENT = """\
platform: {platform}
namespace: tenant-acme
vms:
  web: {{count: 2, instanceType: u1.large, image: ubuntu-2404, cloudInit: "{user_data}"}}
"""
SOUND = "#cloud-config\\npackages: [curl]\\n"
UNSOUND = "#cloud-config\\npackages: {curl: 1}\\n"


def environment(platform: str = "hikube", user_data: str = SOUND) -> str:
    """An environment of two VMs with user data."""
    return ENVIRONMENT.format(platform=platform, user_data=user_data)


def built_in(name: str) -> str:
    """A file of the program's own templates."""
    return (CHECKOUT / "templates" / name).read_text(encoding="utf-8")


TWIN = ("hikube/platform.yaml", "hikube/catalog.yaml", "hikube/verdicts.yaml", "hikube/adopt.yaml")
TWIN_KINDS = ("vm-disk.schema.json", "vm-disk.yaml.j2", "vm-instance.schema.json", "vm-instance.yaml.j2")
OWN_PLATFORM = {f"templates/own/{name.removeprefix('hikube/')}": built_in(name) for name in TWIN} | {
    f"templates/own/{name}": built_in(f"hikube/{name}") for name in TWIN_KINDS
}
EDITS: dict[str, tuple[str, dict[str, str], dict[str, str]]] = {
    "a template": (
        "hikube",
        {"templates/hikube/vm-disk.yaml.j2": built_in("hikube/vm-disk.yaml.j2")},
        {"templates/hikube/vm-disk.yaml.j2": built_in("hikube/vm-disk.yaml.j2").replace("  storage: ", "  storage:    ")},
    ),
    "a template that hides the built-in one": (
        "hikube",
        {},
        {"templates/hikube/vm-disk.yaml.j2": built_in("hikube/vm-disk.yaml.j2").replace("  storage: ", "  storage:    ")},
    ),
    "the catalog": (
        "hikube",
        {"environments/_catalog.yaml": "images: {ubuntu-2404: {minStorage: 30Gi}}\n"},
        {"environments/_catalog.yaml": "images: {ubuntu-2404: {minStorage: 40Gi}}\n"},
    ),
    "a first catalog": ("hikube", {}, {"environments/_catalog.yaml": "images: {ubuntu-2404: {minStorage: 40Gi}}\n"}),
    "the data of a platform": (
        "own",
        OWN_PLATFORM,
        {"templates/own/platform.yaml": built_in("hikube/platform.yaml").replace("20Gi", "30Gi")},
    ),
    "the catalog of a platform": (
        "own",
        OWN_PLATFORM,
        {"templates/own/catalog.yaml": built_in("hikube/catalog.yaml").replace("ubuntu-2404:", "ubuntu-2405:")},
    ),
    "the schema of a platform": (
        "own",
        OWN_PLATFORM,
        {"templates/own/vm-disk.schema.json": built_in("hikube/vm-disk.schema.json").replace('"storage"', '"stored"')},
    ),
}


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the runs of this test keep things."""
    folder = tmp_path / "kept"
    monkeypatch.setenv("VMGEN_CACHE", str(folder))
    return folder


def outcome(made: Any) -> tuple[int, list[str], dict[str, bytes]]:
    """What a render comes to."""
    done = made.run("render")
    return done.code, done.problems, made.files()


@pytest.mark.parametrize(("platform", "before", "edit"), EDITS.values(), ids=EDITS)
def test_an_edit_counts_at_once(
    repository: Callable, kept: Path, platform: str, before: dict[str, str], edit: dict[str, str]
) -> None:
    """A change of what everything kept was made from changes the next render as if nothing were kept."""
    made = repository(environment(platform), before)
    made.uncommitted()
    first = outcome(made)
    made.write(edit)
    second = outcome(made)
    shutil.rmtree(kept)
    shutil.rmtree(made.root / ".vmgen")
    assert second == outcome(made)
    assert second != first


@pytest.mark.parametrize("linked", ["templates/own/catalog.yaml", "templates/own"])
def test_an_edit_behind_a_link_counts_at_once(repository: Callable, kept: Path, linked: str) -> None:
    """A platform's data that is a link, or lies in a linked folder, is read anew after an edit of what the link leads to."""
    made = repository(environment("own"), OWN_PLATFORM)
    shared = made.root / "shared"
    (made.root / linked).rename(shared)
    (made.root / linked).symlink_to(shared)
    first = outcome(made)
    catalog = shared / "catalog.yaml" if shared.is_dir() else shared
    catalog.write_text(catalog.read_text().replace("ubuntu-2404:", "ubuntu-2405:"))
    shutil.rmtree(made.root / ".vmgen")
    assert (first[0], outcome(made)[0]) == (0, 1)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch, kept: Path) -> list[tuple[str, str, Any]]:
    """Each entry that is kept from here on: its name, its key and its value."""
    entries: list[tuple[str, str, Any]] = []
    put = Prepared.put

    def noted(self: Prepared, name: str, key: str, value: Any) -> None:
        entries.append((name, key, value))
        put(self, name, key, value)

    monkeypatch.setattr(Prepared, "put", noted)
    return entries


# What Jinja compiles a template to: one that writes a line of another manifest.
OTHER = """
name, blocks, debug_info = "other", {}, ""
def root(context, missing=None, environment=None):
    yield "kind: Other\\n"
"""


@pytest.fixture
def misled(repository: Callable, kept: Path, recorded: list[tuple[str, str, Any]]) -> Any:
    """A rendered repository without stamps, for which every template is kept as code that makes a VM of something else."""
    made = repository(environment())
    made.uncommitted()
    assert made.run("render").code == 0
    wrong = compile(OTHER, "other", "exec")
    for name, key, value in [*recorded]:
        if isinstance(value, CodeType):
            Prepared(str(kept)).put(name, key, wrong)
    shutil.rmtree(made.root / ".vmgen")
    return made


def test_what_is_kept_is_believed(misled: Any) -> None:
    """A plain render takes the templates that it finds: else the tests below would say nothing."""
    assert misled.run("render").code == 1


def test_render_verify_believes_nothing(misled: Any) -> None:
    """`render --verify` compiles each template itself."""
    before = misled.files()
    shutil.rmtree(misled.root / "manifests")
    assert misled.run("render", "--verify").code == 0
    assert misled.files() == before


def test_check_believes_nothing(misled: Any) -> None:
    """`check` compiles each template itself."""
    done = misled.run("check", "--kustomize", "off")
    assert (done.code, done.problems) == (0, [])


@pytest.fixture
def reassured(repository: Callable, kept: Path, recorded: list[tuple[str, str, Any]]) -> Any:
    """A repository with wrong user data, of which it is kept that there is nothing wrong with it."""
    made = repository(environment())
    made.uncommitted()
    assert made.run("render").code == 0
    made.write({"environments/production.yaml": environment(user_data=UNSOUND)})
    for name, key, _ in [*recorded]:
        if name.startswith("sound user data of "):
            Prepared(str(kept)).put(name, key, frozenset({compute_digest([UNSOUND.replace("\\n", "\n")])}))
    return made


def test_that_user_data_is_sound_is_believed(reassured: Any) -> None:
    """A plain render does not look at user data that is kept as sound: else the test below would say nothing."""
    assert (reassured.run("render").code, reassured.run("render", "--stdout").code) == (0, 0)


@pytest.mark.parametrize("arguments", [("render", "--verify"), ("check", "--kustomize", "off")])
def test_what_verifies_looks_at_all_user_data(reassured: Any, arguments: tuple[str, ...]) -> None:
    """`render --verify` and `check` look at user data that is kept as sound."""
    assert any("[invalid-cloud-config]" in line for line in reassured.run(*arguments).problems)


def test_user_data_that_is_not_sound_is_looked_at_in_each_run(repository: Callable, kept: Path) -> None:
    """A problem does not fall silent because it was said before."""
    made = repository(environment(user_data=UNSOUND))
    first, second = outcome(made), outcome(made)
    assert (first[0], first) == (1, second)


def test_sound_user_data_says_nothing_of_other_user_data(repository: Callable, kept: Path) -> None:
    """A text is looked at, whatever was found to be sound before it."""
    made = repository(environment())
    assert made.run("render").code == 0
    made.write({"environments/production.yaml": environment(user_data=UNSOUND)})
    assert made.run("render").code == 1


def test_nothing_of_a_repository_is_kept(repository: Callable, kept: Path) -> None:
    """User data is kept as digests only: what it says is in no entry."""
    made = repository(environment(user_data="#!/bin/sh\\necho treasure\\n"))
    assert made.run("render").code == 0
    assert not any(b"treasure" in entry.read_bytes() for entry in kept.iterdir())
