"""Neither shortcuts nor `--verify` nor `--jobs` change a byte or a message; and the gate compares with what is committed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vmgen.expand import objects
from vmgen.expand.objects import _FleetBuilder
from vmgen.read.templates import Templates
from vmgen.write import files as write_files

CHECKOUT = Path(__file__).resolve().parent.parent
CASES = CHECKOUT / "tests/cases"
Files = Mapping[str, str | bytes]
New = Callable[..., Any]

RICH = """\
platform: PLATFORM
namespace: tenant-acme
extends: [base/shop.yaml]
labels: {team: shop, "on": "yes"}
annotations: {note: "100%s {{ no }}"}
vars: {region: geneva}
defaults: {instanceType: u1.large, image: ubuntu-2404, sshKeys: [{file: keys/ops.pub}]}
vms:
  web:
    count: 3
    externalPorts: [80, 443]
    disks: {data: 50Gi, logs: {storage: 5Gi, storageClass: local}}
    attach: [tools]
    instances:
      2: {running: false, disks: {scratch: 1Gi}}
      3: {instanceType: m1.large, labels: {tier: other}}
  twin: {count: 2, externalPorts: [80, 443], disks: {data: 50Gi}}
  "no": {}
  "y": {names: [plain, "on", "null"], image: debian-12}
  hosts:
    count: 2
    cloudInitSeed: auto
    cloudInit: {template: host.yaml.j2}
  mapped:
    count: 2
    cloudInit:
      packages: [nginx, curl]
      write_files: [{path: /etc/motd, content: "a\\n  b 100%d\\n", permissions: "0644"}]
  merged:
    count: 2
    cloudInit: {merge: [parts/base.yaml, {packages: [htop]}]}
  script: {count: 2, annotations: {note: vmgen-hole-0-end}, cloudInit: "#!/bin/sh\\necho $HOME %s\\n"}
  office:
    image: null
    instanceType: u1.xlarge
    instanceProfile: windows.2k25.virtio
    storage: 60Gi
    sshKeys: null
    disks: {installer: {url: "https://images.example.com/windows.iso", optical: true, storage: 7Gi}}
    attach: [tools]
disks:
  tools: {url: "https://example.com/tools.iso", optical: true, storage: 2Gi}
  copy: {clone: golden, storage: 20Gi}
  golden: {image: debian-12, storage: 20Gi}
  incoming: {upload: true, storage: 30Gi}
  "null": 5Gi
"""
WARNED = (
    "namespace: tenant-one\nextends: [base/local.yaml]\nvms: {web: {count: 2, instanceType: u1.large, image: ubuntu-2404}}\n"
)
SHARED: Files = {
    "environments/base/shop.yaml": "annotations: {owner: shop@example.com}\nvms: {web: {labels: {tier: front}}}\n",
    "environments/base/local.yaml": "defaults: {storageClass: local}\n",
    "environments/keys/ops.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 a@b\n",
    "environments/parts/base.yaml": "#cloud-config\npackages: [curl]\n",
    "templates/cloud-init/host.yaml.j2": "#cloud-config\nhostname: {{ vm.name }}\ntimezone: {{ vars.region }}\n",
}
TWO = "namespace: tenant-two\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n"


def read_cases() -> dict[str, Files]:
    """Return the cases as repositories: one for each that changes what others are rendered from, one for all the others."""
    combined: dict[str, bytes] = {}
    separate: dict[str, Files] = {}
    for folder in sorted(path.parent for path in CASES.glob("*/environments")):
        files = {
            file.relative_to(folder).as_posix(): file.read_bytes()
            for kind in ("environments", "templates")
            for file in (folder / kind).rglob("*")
            if file.is_file()
        }
        if not (folder / "expected").is_dir() or any(path.startswith("templates/") or "/_" in path for path in files):
            separate[folder.name] = files
        else:
            for environment in [path for path in files if path.count("/") == 1]:
                name = f"{folder.name}-{Path(environment).stem}"
                # Several cases have objects of one name.
                combined[f"environments/{name}.yaml"] = f"cluster: {name}\n".encode() + files.pop(environment)
            combined |= files
    return {"cases": combined, **separate}


REPOSITORIES: dict[str, Files] = {
    **read_cases(),
    "rich": {
        **SHARED,
        "environments/hikube.yaml": "cluster: one\n" + RICH.replace("PLATFORM", "hikube"),
        "environments/cozystack.yaml": "cluster: two\n" + RICH.replace("PLATFORM", "cozystack"),
        "environments/warned.yaml": WARNED,
    },
    "delivered": {
        "environments/_defaults.yaml": "delivery: {flux: {sourceRef: {kind: GitRepository, name: vms}}}\n",
        "environments/one.yaml": TWO.replace("two", "one"),
        "environments/two.yaml": TWO,
    },
    "wrong user data": {
        "environments/one.yaml": 'namespace: tenant-a\nvms: {web: {cloudInit: "#cloud-config\\npackages: {a: 1}\\n", '
        "count: 2, instanceType: u1.large, image: ubuntu-2404}}\n",
    },
}


def write_single_files(root: str, created: tuple[str, ...]) -> tuple[dict[str, list[str]], list[str]]:
    """Create the folders of new files, so that no folder is staged as a whole."""
    for path in created:
        os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
    return {}, list(created)


# What each shortcut is replaced by to do without it.
SHORTCUTS: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "manifests of other names filled in": (Templates, "is_name_independent", lambda *_: False),
    "equal values shared": (_FleetBuilder, "_intern", lambda self, values: values),
    "values of one group built once": (objects, "_get_value_key", lambda settings, *_: (id(settings),)),
    "new folders staged": (write_files, "_group_by_new_folder", write_single_files),
}


class Outcome(NamedTuple):
    """Exit code, stdout and messages of a render, and every file that exists after it."""

    code: int
    output: bytes
    messages: str
    files: Mapping[str, bytes]


def render(repository: Any, *options: str) -> Outcome:
    """Render a repository."""
    done = repository.run("render", *options)
    files = {
        f"{folder}/{path}": content
        for folder in ("manifests", "delivery")
        for path, content in repository.files(folder).items()
    }
    return Outcome(done.code, done.output, done.messages, files)


@pytest.fixture(scope="module")
def plain(new_repository: New) -> Mapping[str, Outcome]:
    """Return what each repository gives without any shortcut."""
    with pytest.MonkeyPatch.context() as patch:
        for shortcut in SHORTCUTS.values():
            patch.setattr(*shortcut)
        return {name: render(new_repository(files)) for name, files in REPOSITORIES.items()}


def test_there_is_something_to_compare(plain: Mapping[str, Outcome]) -> None:
    """The repositories render, but for those whose problems are compared."""
    assert {name for name, outcome in plain.items() if outcome.code} == {"hostile-names", "twelve-mistakes", "wrong user data"}
    names = {f"manifests/{name}/vms/{path}.yaml" for name in ("hikube", "cozystack") for path in ("no/no", "y/on")}
    assert names <= plain["rich"].files.keys()


@pytest.mark.parametrize("name", REPOSITORIES)
def test_shortcuts_change_nothing(new_repository: New, plain: Mapping[str, Outcome], name: str) -> None:
    """With all shortcuts, the bytes and the messages are those without any."""
    assert render(new_repository(REPOSITORIES[name])) == plain[name]


@pytest.mark.parametrize("shortcut", SHORTCUTS)
def test_each_shortcut_can_be_left_out(
    new_repository: New, plain: Mapping[str, Outcome], shortcut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With all shortcuts but one, the bytes and the messages are the same."""
    monkeypatch.setattr(*SHORTCUTS[shortcut])
    for name in ("rich", "own-templates", "twelve-mistakes"):
        assert render(new_repository(REPOSITORIES[name])) == plain[name]


@pytest.mark.parametrize("options", [("--jobs", "3"), ("--verify",)], ids=["--jobs", "--verify"])
@pytest.mark.parametrize("name", REPOSITORIES)
def test_options_change_nothing(new_repository: New, plain: Mapping[str, Outcome], name: str, options: tuple[str, ...]) -> None:
    """Several at a time, or verified: the bytes and the messages are the same."""
    assert render(new_repository(REPOSITORIES[name]), *options) == plain[name]


def test_a_second_render_says_the_same(new_repository: New) -> None:
    """A run without work says what the same run says without stamps, but for the files that environments share."""
    repository = new_repository(REPOSITORIES["cases"])
    repository.run("render")
    stamped = render(repository)
    shutil.rmtree(repository.root / ".vmgen")
    assert stamped == render(repository)


# ---- the gate

FLEET = "namespace: tenant-acme\nvms: {web: {count: COUNT, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}}\n"
MORE, FEWER = FLEET.replace("COUNT", "3"), FLEET.replace("COUNT", "2")


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, with no configuration but its own."""
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    own |= {f"GIT_{role}_{field}": "a@b.c" for role in ("AUTHOR", "COMMITTER") for field in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **own}, capture_output=True, check=True)


@pytest.fixture
def behind(new_repository: New) -> Any:
    """Make a repository with two VMs at its HEAD, and a branch `other` that has three."""
    repository = new_repository()
    git(repository.root, "init", "--quiet", "--initial-branch", "main")
    for branch, text in (("other", MORE), ("main", FEWER)):
        git(repository.root, "checkout", "--quiet", "--orphan", branch)
        repository.write({"environments/production.yaml": text})
        assert repository.run("render", "--allow-empty").code == 0
        git(repository.root, "add", "--all")
        git(repository.root, "commit", "--quiet", "--message", branch)
    return repository


@pytest.mark.parametrize(("options", "refused"), [((), False), (("--against", "other"), True)], ids=["HEAD", "--against"])
def test_the_gate_compares_with_a_commit(behind: Any, options: tuple[str, ...], refused: bool) -> None:
    """Nothing is refused against the commit that has the same disks; a commit that has more of them is."""
    done = behind.run("check", "--kustomize", "off", *options)
    assert (done.code, "[destroys-data]" in done.messages) == (int(refused), refused)


def test_the_gate_follows_head(behind: Any) -> None:
    """What is refused is decided by what is committed now, not by what an earlier run found."""
    assert behind.run("check", "--kustomize", "off").code == 0
    git(behind.root, "reset", "--quiet", "--soft", "other")
    done = behind.run("check", "--kustomize", "off")
    assert (done.code, "[destroys-data]" in done.messages) == (1, True)
