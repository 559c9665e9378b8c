"""Where things lie: environments by name, templates by folder, paths as messages show them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from vmgen.problems import VmgenError
from vmgen.read.repository import Project, find_environments, open_project, select_environments


def test_environments_are_files_without_a_mark(repository: Callable) -> None:
    """Files that begin with `_` or `.`, other endings and subfolders are no environments; a subfolder `x.yaml` is said."""
    names = ["b.yaml", "a.yaml", "_defaults.yaml", ".hidden.yaml", "notes.txt", "base/c.yaml", "d.yaml/x"]
    project = repository(files={f"environments/{name}": "" for name in names}).project
    found, problems = find_environments(project)
    assert found == ("a", "b")
    assert [(str(problem.place), problem.rule) for problem in problems] == [("environments/d.yaml", "unreadable-file")]


NAMES = {
    "prod_1": "is not a valid environment name; use lower-case letters, digits and dashes",
    "Prod": "is not a valid environment name",
    "-a": "is not a valid environment name",
    "a b": "is not a valid environment name",
    "a\nb": "is not a valid environment name",
    "con": "is a device on Windows; choose another name",
    "lpt1": "is a device on Windows",
}


@pytest.mark.parametrize("name", NAMES)
def test_names_that_no_environment_may_have(repository: Callable, name: str) -> None:
    """A name that cannot be a folder everywhere is a problem of the file."""
    found, problems = find_environments(repository(files={f"environments/{name}.yaml": ""}).project)
    assert found == ()
    assert [(problem.place.file, problem.rule) for problem in problems] == [(f"environments/{name}.yaml", "environment-name")]
    assert NAMES[name] in problems[0].message


def test_other_suffix(repository: Callable) -> None:
    """A `.yml` is not read, and a warning says so."""
    found, [problem] = find_environments(repository(files={"environments/a.yml": ""}).project)
    assert found == ()
    assert (problem.rule, problem.severity) == ("environment-suffix", "warning")
    assert "rename it to a.yaml" in problem.message


def test_no_environments(tmp_path: Path) -> None:
    """A folder without environments/ is not a repository of ours."""
    with pytest.raises(VmgenError, match="no folder environments/"):
        open_project(tmp_path)


def test_chosen() -> None:
    """Environments are named, or named by their file, once each; none is all."""
    known = ("production", "staging")
    assert select_environments(known, ()) == known
    assert select_environments(known, ("staging", "environments/staging.yaml")) == ("staging",)
    with pytest.raises(VmgenError, match="no environment 'prodution' in environments/; did you mean 'production'"):
        select_environments(known, ("prodution",))


def test_own_templates_come_first(repository: Callable) -> None:
    """A file of the repository's templates/ stands in for the built-in one of its name; the rest are built in."""
    project = repository(files={"templates/hikube/vm-disk.yaml.j2": "x", "templates/mine/platform.yaml": ""}).project
    own = project.find_template("hikube/vm-disk.yaml.j2")
    built_in = project.find_template("hikube/vm-instance.yaml.j2")
    assert own == project.root / "templates/hikube/vm-disk.yaml.j2"
    assert built_in is not None
    assert built_in.is_file()
    assert project.display_path(own) == "templates/hikube/vm-disk.yaml.j2"
    assert project.display_path(built_in) == "templates/hikube/vm-instance.yaml.j2"
    assert project.platform_names == ("cozystack", "hikube", "mine")


@pytest.mark.parametrize("name", ["../environments/a.yaml", "hikube/../../a", "/etc/passwd", "hikube", "nope.j2", "", "a\0b"])
def test_templates_stay_in_their_folders(repository: Callable, name: str) -> None:
    """No name of a template leads out of the template folders."""
    project = repository(files={"templates/a": "x", "environments/a.yaml": "x"}).project
    assert project.find_template(name) is None


def test_shown() -> None:
    """Paths in messages are relative to the root, with slashes, wherever they lie."""
    project = Project(Path("/repository"))
    assert project.display_path(Path("/repository/environments/a.yaml")) == "environments/a.yaml"
    assert project.display_path(Path("/elsewhere/b.yaml")) == "../elsewhere/b.yaml"


@pytest.mark.parametrize(
    ("path", "displayed"),
    [
        ("environments/a.yaml", "environments/a.yaml"),
        ("environments/../keys/ops.pub", "keys/ops.pub"),
        ("../shared/base.yaml", "../shared/base.yaml"),
        ("../fleets/base.yaml", "../fleets/base.yaml"),  # a sibling whose name begins like that of the root
        ("templates/hikube/vm-disk.yaml.j2", "templates/hikube/vm-disk.yaml.j2"),
        ("notes..yaml", "notes..yaml"),
        (".", "."),
    ],
)
@pytest.mark.parametrize("root", ["/srv/fleet", "fleet", "."])
def test_path_in_messages(root: str, path: str, displayed: str) -> None:
    """A path is displayed from the root of the repository, however the root and the path are spelled."""
    project = Project(Path(root))
    assert project.display_path(Path(root) / path) == displayed


def test_path_of_a_built_in_template_in_messages(tmp_path: Path) -> None:
    """A built-in template is displayed below `templates/`; it is trusted, unlike a file of the repository."""
    project = Project(tmp_path)
    path = project.find_template("hikube/vm-disk.yaml.j2")
    assert path is not None
    assert project.display_path(path) == "templates/hikube/vm-disk.yaml.j2"
    assert project.is_trusted(path)
    assert not project.is_trusted(tmp_path / "templates/hikube/vm-disk.yaml.j2")


def test_the_folder_of_built_in_templates(tmp_path: Path) -> None:
    """The folder itself is one of vmgen's own too: its files are listed, and it is displayed without its real path."""
    project = Project(tmp_path)
    built_in = project.template_folders[-1]
    assert "hikube/vm-disk.yaml.j2" in project.list_files(built_in)
    assert project.display_path(built_in) == "templates/."
    assert project.is_trusted(built_in)
