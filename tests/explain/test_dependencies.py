"""`--affected-since`: every environment that a change can reach, and none that it cannot."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

import vmgen
from vmgen.explain.dependencies import find_affected
from vmgen.plan.git import find_repository
from vmgen.read.repository import find_environments

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDl7rH4kqzJc1fXPZ0nq3s2yQmS7o9gTzJ6r5vYkUe1e ops@three\n"
GROUP = "vms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n"
FILES = {
    "environments/_defaults.yaml": "labels: {team: shop}\n",
    "environments/base/all.yaml": f"namespace: tenant-base\n{GROUP}",
    "environments/keys/ops.pub": KEY,
    "environments/parts/web.yaml": "packages: [curl]\n",
    "environments/one.yaml": "extends: [base/all.yaml]\n",
    "environments/two.yaml": f"namespace: tenant-two\n{GROUP}defaults: {{sshKeys: [{{file: keys/ops.pub}}]}}\n",
    "environments/three.yaml": (
        f"platform: cozystack\nnamespace: tenant-three\n{GROUP}defaults: {{cloudInit: {{merge: [parts/web.yaml]}}}}\n"
    ),
    "templates/hikube/catalog.yaml": "extends: [cozystack/catalog.yaml]\nimages: {}\n",
    "README.md": "nothing\n",
}
ALL = ("one", "three", "two")


def git(root: Any, *arguments: str) -> None:
    """Run git in a repository, as somebody."""
    who = ("-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=root, check=True, capture_output=True)


@pytest.fixture
def committed(new_repository: Callable[..., Any]) -> Any:
    """A repository of three environments, committed with what they render."""
    made = new_repository(FILES)
    git(made.root, "init", "-q")
    assert made.run("render").code == 0
    (made.root / ".gitignore").write_text(".vmgen*\n")
    git(made.root, "add", "-A")
    git(made.root, "commit", "-qm", "all")
    return made


def affected(repository: Any) -> tuple[str, ...]:
    """The environments that are affected since HEAD."""
    git_repository = find_repository(repository.root)
    assert git_repository is not None
    changed = git_repository.list_changed_files(git_repository.resolve_commit("HEAD") or "")
    return find_affected(repository.project, find_environments(repository.project)[0], changed)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({"README.md": "more"}, (), id="a file that nothing reads"),
        pytest.param(
            {"environments/two.yaml": FILES["environments/two.yaml"] + "labels: {a: b}\n"}, ("two",), id="the environment"
        ),
        pytest.param({"environments/base/all.yaml": f"namespace: tenant-new\n{GROUP}"}, ("one",), id="a layer"),
        pytest.param({"environments/keys/ops.pub": KEY + "\n# more\n"}, ("two",), id="a key file"),
        pytest.param({"environments/parts/web.yaml": "packages: [wget]\n"}, ("three",), id="a fragment of cloud-init"),
        pytest.param({"environments/_defaults.yaml": "labels: {team: new}\n"}, ALL, id="the defaults"),
        pytest.param({"environments/_defaults.yaml": None}, ALL, id="the defaults, deleted"),
        pytest.param({"environments/_catalog.yaml": "images: {}\n"}, ALL, id="a catalog of one's own, new"),
        pytest.param({"environments/base/all.yaml": None}, ("one",), id="a layer, deleted"),
        pytest.param({"templates/cozystack/vm-disk.yaml.j2": "kind: VMDisk\n"}, ("three",), id="a template, replaced"),
        pytest.param({"templates/hikube/catalog.yaml": None}, ("one", "two"), id="a catalog, back to the built-in one"),
        pytest.param({"templates/cozystack/catalog.yaml": "images: {}\n"}, ALL, id="a catalog that another one extends"),
        pytest.param({"templates/kustomize/kustomization.yaml.j2": "x\n"}, ALL, id="a template for all platforms"),
        pytest.param({"policies/mine.yaml": "id: mine\n"}, ALL, id="a policy"),
        pytest.param({"manifests/one/kustomization.yaml": "edited\n"}, ("one",), id="a manifest, edited by hand"),
        pytest.param({"manifests/two/vms/web/web.yaml": None}, ("two",), id="a manifest, deleted by hand"),
        pytest.param({"environments/two.yaml": "namespace: ["}, ("two",), id="an environment, broken"),
        pytest.param({"environments/four.yaml": f"namespace: tenant-four\n{GROUP}"}, ("four",), id="an environment, new"),
        pytest.param({"environments/two.yaml": None}, (), id="an environment, deleted"),
    ],
)
def test_a_change_affects_what_it_can_reach(committed: Any, changes: Mapping[str, str | None], expected: tuple[str, ...]):
    """Each kind of file affects the environments that are made from it, were it new, changed or gone."""
    for name, text in changes.items():
        path = committed.root / name
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    assert affected(committed) == expected


def test_a_renamed_layer_affects_who_had_it_and_who_has_it(committed: Any):
    """A rename is two changes: of the file that is gone, and of the one that is there."""
    git(committed.root, "mv", "environments/base/all.yaml", "environments/base/other.yaml")
    (committed.root / "environments/three.yaml").write_text(f"extends: [base/other.yaml]\nnamespace: tenant-three\n{GROUP}")
    assert affected(committed) == ("one", "three")


def test_a_file_that_git_ignores_counts_as_changed(committed: Any):
    """Git does not know what was in an ignored file, so whoever reads it is affected."""
    (committed.root / ".gitignore").write_text(".vmgen*\nkeys/\n")
    git(committed.root, "rm", "-rq", "--cached", "environments/keys")
    git(committed.root, "add", "-A")
    git(committed.root, "commit", "-qm", "ignored")
    assert affected(committed) == ("two",)


def test_a_layer_behind_a_symbolic_link_counts(committed: Any):
    """What is read by way of a link changes under its other name."""
    (committed.root / "shared").mkdir()
    (committed.root / "shared/keys.pub").write_text(KEY)
    (committed.root / "environments/keys/ops.pub").unlink()
    (committed.root / "environments/keys/ops.pub").symlink_to("../../shared/keys.pub")
    git(committed.root, "add", "-A")
    git(committed.root, "commit", "-qm", "linked")
    (committed.root / "shared/keys.pub").write_text(KEY + KEY)
    assert affected(committed) == ("two",)


def test_render_writes_the_affected_only_and_prunes_what_is_gone(committed: Any):
    """Render leaves the rest alone, even where somebody broke it; an environment whose file went is pruned all the same."""
    (committed.root / "environments/one.yaml").write_text("extends: [base/all.yaml]\nlabels: {new: label}\n")
    done = committed.run("render", "--affected-since", "HEAD")
    assert done.code == 0, done.messages
    assert "1 of 3 environments affected since HEAD: one" in done.messages
    assert "two:" not in done.messages
    assert "new: label" in committed.text("one/vms/web/web.yaml")


def test_nothing_affected_is_in_order(committed: Any):
    """Where nothing changed, check has nothing to do, and says so."""
    done = committed.run("check", "--kustomize", "off", "--affected-since", "HEAD")
    assert done.code == 0, done.messages
    assert "0 of 3 environments affected since HEAD: none" in done.messages


def test_a_deleted_environment_still_meets_the_gate(committed: Any):
    """No environment is affected by the deletion of one, and its disks are missed all the same."""
    (committed.root / "environments/two.yaml").unlink()
    done = committed.run("check", "--kustomize", "off", "--affected-since", "HEAD")
    assert done.code == 1
    assert "web-system" in done.messages


def test_a_ref_that_is_not_there_is_said(committed: Any):
    """An unknown ref is exit code 2, and outside of git there is nothing to compare with."""
    done = committed.run("render", "--affected-since", "nowhere")
    assert done.code == 2
    assert "no commit 'nowhere'" in done.messages


def test_all_with_argo_cd_are_affected_together(committed: Any):
    """Argo CD's environments share files that are made from all of them: one reached, all are rendered."""
    delivery = "delivery: {argocd: {repoURL: https://git.example.com/vms.git, destination: {name: hikube}}}\n"
    (committed.root / "environments/one.yaml").write_text(f"extends: [base/all.yaml]\n{delivery}")
    assert affected(committed) == ALL


def test_the_program_itself_affects_everything(committed: Any):
    """A change of vmgen's own modules can change every manifest."""
    package = Path(vmgen.__file__).parent
    project = committed.project
    assert find_affected(project, ALL, {(package / "yaml_text.py").resolve()}) == ALL
    assert find_affected(project, ALL, {(package / "__pycache__/yaml_text.cpython-311.pyc").resolve()}) == ()


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("requirements.txt", ALL),
        (".pre-commit-config.yaml", ALL),
        (".github/workflows/vmgen.yaml", ALL),
        ("uv.lock", ALL),
        ("Makefile", ALL),
        ("tools/novelty.cfg", ALL),
        ("docs/page.md", ()),
        ("NOTES.md", ()),
        ("CODEOWNERS", ()),
    ],
)
def test_what_may_pin_vmgen_affects_everything(committed: Any, file: str, expected: tuple[str, ...]):
    """A newer vmgen can render anything anew: in doubt an environment is affected."""
    committed.write({file: "vmgen==0.2.0\n"})
    assert affected(committed) == expected


@pytest.mark.parametrize(
    ("file", "expected"), [("requirements.txt", ALL), (".gitlab-ci.yml", ALL), ("poetry.lock", ALL), ("src/app.py", ())]
)
def test_file_beside_the_root_affects_it_if_it_may_pin_vmgen(
    new_repository: Callable[..., Any], file: str, expected: tuple[str, ...]
):
    """In a subfolder of a large repository, only what pins tools counts of what lies beside it."""
    top = new_repository({f"infra/vms/{name}": text for name, text in FILES.items()})
    below = type(top)(top.root / "infra/vms")
    assert below.run("render").code == 0
    top.write({"infra/vms/.gitignore": ".vmgen*\n"})
    for arguments in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        git(top.root, *arguments)
    top.write({file: "x\n"})
    assert affected(below) == expected
