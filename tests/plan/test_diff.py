"""What has to be written, and what may not be touched: the folder as it is against the tree as it is wanted."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

SENTENCE = """\
namespace: tenant-acme
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    disks:
      data: 50Gi
"""
MANY = 12
FOREIGN = "kind: ConfigMap\n"


@pytest.fixture
def rendered(repository: Callable) -> Callable:
    """A repository whose environment `production` has been rendered, with other files beside."""

    def made(files: dict[str, str] | None = None):
        found = repository(SENTENCE, files)
        found.uncommitted()
        assert found.run("render").code == 0
        return found

    return made


def test_a_second_render_touches_nothing(rendered: Callable) -> None:
    """Neither bytes nor modification times change, of files or of folders."""
    found = rendered()
    paths = sorted((found.root / "manifests").rglob("*"))
    for path in paths:
        os.utime(path, ns=(10**18, 10**18))
    done = found.run("render")
    assert done.messages == f"production: {MANY} files, nothing changed\n"
    assert {path.stat().st_mtime_ns for path in paths} == {10**18}


def test_a_hand_edit_is_put_right(rendered: Callable) -> None:
    """A manifest of ours that somebody edited is written again."""
    found = rendered()
    before = found.files()
    found.write({"manifests/production/vms/web/web-1.yaml": found.text("production/vms/web/web-1.yaml") + "# mine\n"})
    assert found.run("render", "--check").code == 1
    assert found.run("render").messages == f"production: {MANY} files, 1 updated\n"
    assert found.files() == before


def test_what_is_missing_comes_back(rendered: Callable) -> None:
    """A manifest that somebody deleted is written again."""
    found = rendered()
    before = found.files()
    (found.root / "manifests/production/vms/web/web-1.yaml").unlink()
    assert found.run("render").messages == f"production: {MANY} files, 1 created\n"
    assert found.files() == before


def test_files_of_others_are_left_alone(rendered: Callable) -> None:
    """A file without the mark is never touched, wherever it lies; a warning names it."""
    found = rendered()
    foreign = {
        "manifests/production/README.md": "# notes\n",
        "manifests/production/vms/web/extra.yaml": FOREIGN,
        "manifests/production/extra/deep/x.yaml": FOREIGN,
        "manifests/other/x.yaml": FOREIGN,
        "manifests/x.yaml": FOREIGN,
    }
    found.write(foreign)
    done = found.run("render")
    assert done.code == 0
    assert [line.partition(":")[0] for line in done.problems] == sorted(list(foreign)[:3])
    assert all("was not written by vmgen and is left alone" in line for line in done.problems)
    assert {name: (found.root / name).read_text() for name in foreign} == foreign


def test_what_is_no_longer_wanted_goes(rendered: Callable) -> None:
    """Files of ours that nothing renders any more go, with the folders that this empties; others' folders stay."""
    found = rendered({"manifests/production/vms/web/notes.txt": "mine"})
    found.write({"environments/production.yaml": SENTENCE.replace("web:", "api:")})
    done = found.run("render")
    assert done.code == 0
    assert not (found.root / "manifests/production/disks/web").exists()
    assert found.files("manifests/production/vms/web") == {"notes.txt": b"mine"}
    assert (found.root / "manifests/production/vms/api/api-1.yaml").is_file()


IN_THE_WAY = {
    "a file of others": ("vms/web/web-1.yaml", FOREIGN),
    "a folder": ("vms/web/web-1.yaml/x", FOREIGN),
    "a file where a folder is wanted": ("vms/web", FOREIGN),
    "a file where the folder of a kind is wanted": ("disks", FOREIGN),
}


@pytest.mark.parametrize(("name", "content"), IN_THE_WAY.values(), ids=IN_THE_WAY)
def test_what_is_in_the_way(repository: Callable, name: str, content: str) -> None:
    """What others put in the place of a manifest is an error that names it, and nothing is written."""
    found = repository(SENTENCE, {f"manifests/production/{name}": content})
    before = found.files()
    done = found.run("render")
    assert done.code == 1
    place = name.removesuffix("/x")
    assert done.problems[0].startswith(f"manifests/production/{place}: error: is in the place of a manifest, and vmgen did not")
    assert found.files() == before


def test_an_empty_folder_in_the_way(repository: Callable) -> None:
    """A folder in the place of a manifest is in the way even where it is empty."""
    found = repository(SENTENCE)
    (found.root / "manifests/production/vms/web/web-1.yaml").mkdir(parents=True)
    assert found.run("render").code == 1
    assert found.files() == {}


@pytest.mark.parametrize(
    "name", ["manifests", "manifests/production", "manifests/production/vms", "manifests/production/vms/web/web-1.yaml"]
)
def test_symbolic_links(repository: Callable, name: str) -> None:
    """A link anywhere in the output is refused, and nothing is written through it."""
    found = repository(SENTENCE, {"elsewhere/x": "x"})
    link = found.root / name
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(found.root / "elsewhere")
    done = found.run("render")
    assert done.code == 1
    assert f"{name}: error: is a symbolic link, and vmgen writes only into its own tree" in done.messages
    assert found.files("elsewhere") == {"x": b"x"}


def test_what_is_neither_file_nor_folder(repository: Callable) -> None:
    """A pipe in the output is named, not opened: that would wait for ever."""
    found = repository(SENTENCE)
    folder = found.root / "manifests/production/vms/web"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "web-1.yaml")
    done = found.run("render")
    assert done.code == 1
    assert "manifests/production/vms/web/web-1.yaml: error: is neither a file nor a folder" in done.messages


def test_an_environment_that_became_empty(rendered: Callable) -> None:
    """Nothing is pruned where nothing would be left, unless that is asked for."""
    found = rendered()
    found.write({"environments/production.yaml": "namespace: tenant-acme\n"})
    before = found.files()
    done = found.run("render")
    assert done.code == 1
    assert (
        "nothing is left of environment production, and 12 files would go; restore environments/production.yaml"
        in done.messages
    )
    assert found.files() == before
    assert found.run("render", "--allow-empty").code == 0
    assert not (found.root / "manifests/production").exists()


def test_an_environment_that_is_gone(rendered: Callable) -> None:
    """The manifests of an environment whose file is gone are kept until their end is asked for."""
    found = rendered(
        {"environments/staging.yaml": "namespace: tenant-b\nvms: {a: {instanceType: u1.large, image: debian-12}}\n"}
    )
    (found.root / "environments/production.yaml").unlink()
    assert found.run("render").code == 1
    assert found.run("render", "staging").code == 0
    assert "production/vms/web/web-1.yaml" in found.files()
    assert found.run("render", "--check", "--allow-empty").code == 1
    assert found.run("render", "--allow-empty").code == 0
    assert {path.partition("/")[0] for path in found.files()} == {"staging"}


def test_leftovers_of_a_killed_run(rendered: Callable) -> None:
    """What a killed run left half done is removed, and is no file of others."""
    found = rendered()
    before = found.files()
    found.write(
        {
            "manifests/production/vms/web/.web-1.yaml.vmgen-tmp": "half",
            "manifests/production/vms/.api.vmgen-tmp/api-1.yaml": "half",
            "manifests/.production.vmgen-tmp/x.yaml": "half",
        }
    )
    done = found.run("render")
    assert (done.code, done.problems) == (0, [])
    assert found.files() == before


def test_count_up_and_holes(repository: Callable) -> None:
    """From 3 to 5 adds exactly the files of two VMs and their lines; a hole removes exactly one VM's and adds the next."""
    text = SENTENCE.replace("count: 2", "count: 3")
    found = repository(text)
    found.uncommitted()
    found.run("render")
    three = found.files()
    found.write({"environments/production.yaml": text.replace("count: 3", "count: 5")})
    found.run("render")
    five = found.files()
    lists = {"production/vms/web/kustomization.yaml": 2, "production/disks/web/kustomization.yaml": 4}
    added = {f"production/vms/web/web-{number}.yaml" for number in (4, 5)}
    added |= {f"production/disks/web/web-{number}-{disk}.yaml" for number in (4, 5) for disk in ("system", "data")}
    assert five.keys() - three.keys() == added
    assert {path for path in three if three[path] != five[path]} == set(lists)
    for path, lines in lists.items():
        more = [line for line in five[path].splitlines() if line not in three[path].splitlines()]
        assert len(more) == lines
        assert [line for line in five[path].splitlines() if line not in more] == three[path].splitlines()
    found.write({"environments/production.yaml": text.replace("count: 3", "count: 4\n    skip: [2]")})
    found.run("render")
    gone = {"production/vms/web/web-2.yaml", "production/disks/web/web-2-system.yaml", "production/disks/web/web-2-data.yaml"}
    assert five.keys() - found.files().keys() == gone
    assert found.files().keys() <= five.keys()
