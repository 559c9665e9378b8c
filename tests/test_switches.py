"""Output bytes are identical with and without every optimisation, and no stamp hides what is wrong."""

from __future__ import annotations

import errno
import os
import re
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from vmgen.__main__ import run
from vmgen.expand.model import Fleet
from vmgen.expand.objects import _FleetBuilder
from vmgen.read.schema import Schema
from vmgen.render.manifests import _ManifestRenderer, render_tree
from vmgen.write.files import _write_new

CHECKOUT = Path(__file__).resolve().parent.parent
CASES = CHECKOUT / "tests/cases"
Files = Mapping[str, str | bytes]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@example\n"

# ---- what is rendered

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
# A warning in a layer that two environments share, and one in a file of its own.
WARNED = (
    "namespace: tenant-NAME\nextends: [base/local.yaml]\nvms: {web: {count: 2, instanceType: u1.large, image: ubuntu-2404}}\n"
)
SHARED: Files = {
    "environments/base/shop.yaml": "annotations: {owner: shop@example.com}\nvms: {web: {labels: {tier: front}}}\n",
    "environments/base/local.yaml": "defaults: {storageClass: local}\n",
    "environments/keys/ops.pub": KEY,
    "environments/parts/base.yaml": "#cloud-config\npackages: [curl]\n",
    "templates/cloud-init/host.yaml.j2": "#cloud-config\nhostname: {{ vm.name }}\ntimezone: {{ vars.region }}\n",
}
DELIVERY = "delivery: {flux: {sourceRef: {kind: GitRepository, name: vms}}}\n"


def case(name: str) -> dict[str, bytes]:
    """The files of a case, by their paths in a repository."""
    folders = (CASES / name / folder for folder in ("environments", "templates"))
    files = (file for folder in folders for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(CASES / name).as_posix(): file.read_bytes() for file in files}


def _cases() -> dict[str, Files]:
    """The cases as repositories: in one of its own each that changes what others are rendered from, the others in one."""
    together: dict[str, str | bytes] = {}
    apart: dict[str, Files] = {}
    for name in sorted(path.parent.name for path in CASES.glob("*/environments")):
        files = case(name)
        alone = {path for path in files if path.startswith("templates/") or "/_" in path} or not (
            CASES / name / "expected"
        ).is_dir()
        if alone:
            apart[name] = files
        else:
            [environment] = (path for path in files if path.count("/") == 1)
            together |= {path: content for path, content in files.items() if path != environment}
            together[f"environments/{name}.yaml"] = files[environment]
    return {"cases": together, **apart}


REPOSITORIES: dict[str, Files] = {
    **_cases(),
    "rich": {
        **SHARED,
        "environments/hikube.yaml": RICH.replace("PLATFORM", "hikube"),
        "environments/cozystack.yaml": RICH.replace("PLATFORM", "cozystack"),
        "environments/warned.yaml": WARNED.replace("NAME", "one"),
    },
    "delivered": {
        "environments/_defaults.yaml": DELIVERY,
        "environments/one.yaml": "namespace: tenant-one\nvms: {web: {count: 2, instanceType: u1.large, image: ubuntu-2404}}\n",
        "environments/two.yaml": "namespace: tenant-two\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n",
    },
    "wrong user data": {
        "environments/one.yaml": 'namespace: tenant-a\nvms: {web: {cloudInit: "#cloud-config\\npackages: {a: 1}\\n", '
        "count: 2, instanceType: u1.large, image: ubuntu-2404}}\n",
    },
}

# ---- with and without

Patch = pytest.MonkeyPatch


def _no_stencils(patch: Patch) -> None:
    patch.setattr(_ManifestRenderer, "_build_template", lambda *_: None)


def _nothing_kept(patch: Patch) -> None:
    patch.setenv("VMGEN_CACHE", "")


def _always_validated(patch: Patch) -> None:
    patch.setattr(Schema, "_plainly", lambda *_: None)


def _file_by_file(patch: Patch) -> None:
    def single(root: str, created: Any) -> tuple[dict[str, list[str]], list[str]]:
        for path in created:
            os.makedirs(os.path.dirname(f"{root}/{path}"), exist_ok=True)
        return {}, list(created)

    patch.setattr("vmgen.write.files._group_by_new_folder", single)


def _one_process(patch: Patch) -> None:
    patch.delattr(os, "fork")


def _never_one_value(patch: Patch) -> None:
    patch.setattr(_FleetBuilder, "_intern", lambda self, values: values)


def _nothing_filled_in(patch: Patch) -> None:
    patch.setattr("vmgen.render.manifests.bare", lambda names: False)


WITHOUT: dict[str, Callable[[Patch], None]] = {
    "stencils": _no_stencils,
    "what is kept": _nothing_kept,
    "the quick half of validation": _always_validated,
    "folders staged whole": _file_by_file,
    "other processes": _one_process,
    "equal values as one": _never_one_value,
    "names that are filled in": _nothing_filled_in,
}


class Seen(NamedTuple):
    """What a run gives: exit code, stdout and messages, and what lies there after it."""

    code: int
    output: bytes
    messages: list[str]
    written: Mapping[str, bytes]


def below(root: Path) -> dict[str, bytes]:
    """Every file that was written, by its path."""
    files = (file for folder in ("manifests", "delivery") for file in (root / folder).rglob("*"))
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in files if file.is_file()}


def seen(made: Any, *options: str) -> Seen:
    """What a render gives."""
    done = made.run("render", *options)
    # Where there was nothing to do, what lies below delivery/ is not counted; a test of its own says so.
    lines = [line for line in done.messages.splitlines() if not re.fullmatch("delivery/.*nothing changed", line)]
    return Seen(done.code, done.output, lines, below(made.root))


Make = Callable[..., Any]


@pytest.fixture(scope="module")
def plainly(new_repository: Make) -> Mapping[str, tuple[Seen, Seen]]:
    """What each repository gives in two runs without any optimisation, the stamps included."""
    with pytest.MonkeyPatch.context() as patch:
        for without in WITHOUT.values():
            without(patch)
        return {name: _twice_plainly(new_repository(files)) for name, files in REPOSITORIES.items()}


def _twice_plainly(made: Any) -> tuple[Seen, Seen]:
    first = seen(made)
    shutil.rmtree(made.root / ".vmgen", ignore_errors=True)
    return first, seen(made)


def test_there_is_something_to_compare(plainly: Mapping[str, tuple[Seen, Seen]]) -> None:
    """The repositories render, but for those whose problems are compared, and what they hold is in the files."""
    assert {name for name, (first, _) in plainly.items() if first.code} == {
        "hostile-names",
        "twelve-mistakes",
        "wrong user data",
    }
    assert {f"manifests/{name}/vms/{path}.yaml" for name in ("hikube", "cozystack") for path in ("no/no", "y/on")} <= {
        *plainly["rich"][0].written
    }


# Those in which each optimisation has something to do.
CHOSEN = ("rich", "own-templates", "twelve-mistakes", "wrong user data")


def assert_the_same(new_repository: Make, plainly: Mapping[str, tuple[Seen, Seen]], names: Iterable[str]) -> None:
    """A first render of some repositories gives what it gives without any optimisation."""
    for name in names:
        assert seen(new_repository(REPOSITORIES[name])) == plainly[name][0]


@pytest.mark.parametrize("name", WITHOUT)
def test_each_alone_changes_nothing(new_repository: Make, plainly: Mapping[str, tuple[Seen, Seen]], name: str) -> None:
    """With one optimisation and none of the others, the bytes and the messages are those without any."""
    with pytest.MonkeyPatch.context() as patch:
        for other in WITHOUT.keys() - {name}:
            WITHOUT[other](patch)
        assert_the_same(new_repository, plainly, CHOSEN)


@pytest.mark.parametrize("name", WITHOUT)
def test_all_but_one_change_nothing(
    new_repository: Make, plainly: Mapping[str, tuple[Seen, Seen]], name: str, monkeypatch: Patch
) -> None:
    """With all optimisations but one, the bytes and the messages are those without any."""
    WITHOUT[name](monkeypatch)
    assert_the_same(new_repository, plainly, CHOSEN)


def assert_both_the_same(
    new_repository: Make, plainly: Mapping[str, tuple[Seen, Seen]], names: Iterable[str], *options: str
) -> None:
    """So does a second one, which finds the stamps of the first."""
    for name in names:
        made = new_repository(REPOSITORIES[name])
        assert (seen(made, *options), seen(made, *options)) == plainly[name]


@pytest.mark.parametrize("options", [("--jobs", "3"), ("--verify",)], ids=["--jobs", "--verify"])
def test_no_option_changes_anything(
    new_repository: Make, plainly: Mapping[str, tuple[Seen, Seen]], options: tuple[str, ...]
) -> None:
    """Several at a time, or verified: the bytes and the messages are the same."""
    assert_both_the_same(new_repository, plainly, REPOSITORIES, *options)


@pytest.mark.parametrize("name", [*CHOSEN, "catalog", "layers", "delivered"])
def test_what_was_kept_by_another_run_changes_nothing(
    new_repository: Make, plainly: Mapping[str, tuple[Seen, Seen]], name: str, monkeypatch: Patch, tmp_path: Path
) -> None:
    """Whether nothing is kept yet, or everything, by a run over the same files, the bytes and the messages are the same."""
    monkeypatch.setenv("VMGEN_CACHE", str(tmp_path / "kept"))
    made = new_repository(REPOSITORIES[name])
    cold = seen(made)
    for folder in (".vmgen", "manifests", "delivery"):
        shutil.rmtree(made.root / folder, ignore_errors=True)
    assert (cold, seen(made)) == (plainly[name][0],) * 2


def test_many_processes_change_nothing(
    new_repository: Make, plainly: Mapping[str, tuple[Seen, Seen]], monkeypatch: Patch
) -> None:
    """Whatever is worth sharing among processes gives the same bytes and messages, and the same stamps."""
    monkeypatch.setattr("vmgen.hands._WORTH_SHARING", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    assert_both_the_same(new_repository, plainly, ("cases", "rich", "delivered"))


@pytest.fixture
def shared_out(new_repository: Make, monkeypatch: Patch) -> Any:
    """A repository of several environments that is written by several processes."""
    monkeypatch.setattr("vmgen.hands._WORTH_SHARING", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2}, raising=False)
    made = new_repository(REPOSITORIES["rich"])
    made.uncommitted()
    return made


def test_a_process_that_is_killed_while_it_writes(shared_out: Any, plainly: Mapping[str, Any], monkeypatch: Patch) -> None:
    """Where one of the processes that write is killed, this run or the next leaves the bytes that one process leaves."""
    here = os.getpid()

    def killed(path: str, content: bytes) -> None:
        if os.getpid() != here and path.endswith("web-2.yaml"):
            os.kill(os.getpid(), signal.SIGKILL)
        _write_new(path, content)

    with monkeypatch.context() as patch:
        patch.setattr("vmgen.write.files._write_new", killed)
        code = shared_out.run("render").code
    assert code == 0 or shared_out.run("render").code == 0
    assert below(shared_out.root) == plainly["rich"][0].written


@pytest.mark.parametrize("command", ["render", "check"])
def test_what_a_killed_run_left_of_a_new_environment(repository: Make, command: str) -> None:
    """A folder that a killed run had not finished keeps nobody from rendering, nor is it drift."""
    made = repository(TWO)
    made.uncommitted()
    assert made.run("render").code == 0
    made.write({"manifests/.production.vmgen-tmp/vms/web/web.yaml": OURS})
    assert made.run(command).code == 0


def test_what_cannot_be_written_is_said_by_whoever_writes(shared_out: Any, monkeypatch: Patch) -> None:
    """A full disk that another process met is the error of the run."""

    def full(path: str, content: bytes) -> None:
        if "hikube" in path:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "web-2.yaml")
        _write_new(path, content)

    monkeypatch.setattr("vmgen.write.files._write_new", full)
    done = shared_out.run("render")
    assert (done.code, done.messages.splitlines()[-1]) == (
        2,
        "vmgen: cannot write web-2.yaml: No space left on device; run render again",
    )


@pytest.mark.parametrize("name", CHOSEN)
def test_the_short_way_changes_nothing(
    new_repository: Make, plainly: Mapping[str, tuple[Seen, Seen]], name: str, monkeypatch: Patch, capfdbinary: Any
) -> None:
    """Without the option parser, the bytes and the messages are the same."""
    made = new_repository(REPOSITORIES[name])
    monkeypatch.chdir(made.root)
    code = run(["render"])
    done = capfdbinary.readouterr()
    assert Seen(code, done.out, done.err.decode().splitlines(), below(made.root)) == plainly[name][0]


def test_a_run_without_work_says_what_one_with_work_says(repository: Make) -> None:
    """A second render says the same with the stamps of the first as without them."""
    made = repository(files=REPOSITORIES["delivered"])
    made.run("render")
    stamped = made.run("render").messages
    shutil.rmtree(made.root / ".vmgen")
    assert stamped == made.run("render").messages


# ---- stamps of `check`

ONE = """\
namespace: tenant-one
extends: [base/shop.yaml]
vms:
  web:
    instanceType: u1.large
    image: ubuntu-2404
    sshKeys: [{file: keys/ops.pub}]
    cloudInit: {template: host.yaml.j2}
  db: {instanceType: u1.large, image: debian-12, cloudInit: {merge: [parts/base.yaml]}, disks: {data: 5Gi}}
"""
TWO = "namespace: tenant-two\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n"
POLICY = """\
id: own
kind: VMDisk
message: "not so"
schema: {properties: {metadata: {required: [KEY]}}}
"""
CHECKED: Files = {
    "environments/one.yaml": ONE,
    "environments/two.yaml": TWO,
    "environments/base/shop.yaml": "labels: {team: shop}\n",
    "environments/keys/ops.pub": KEY,
    "environments/parts/base.yaml": "#cloud-config\npackages: [curl]\n",
    "environments/_defaults.yaml": "annotations: {owner: shop}\n",
    "environments/_catalog.yaml": "storageClasses: {fast: {replicated: true}}\n",
    "templates/cloud-init/host.yaml.j2": "#cloud-config\nhostname: {{ vm.name }}\n",
    "templates/hikube/vm-disk.yaml.j2": (CHECKOUT / "templates/hikube/vm-disk.yaml.j2").read_text(encoding="utf-8"),
    "policies/own.yaml": POLICY.replace("KEY", "namespace"),
}
MANIFEST = "manifests/one/vms/web/web.yaml"


@pytest.fixture(autouse=True)
def builds(monkeypatch: Patch) -> list[Any]:
    """What the kustomize engine was asked to build; here it builds just what it should."""
    asked: list[Any] = []
    monkeypatch.setattr("vmgen.kustomize.builds.verify_builds", lambda project, each, *_, **__: asked.append(each) or [])
    return asked


@pytest.fixture(scope="module")
def new_rendered(new_repository: Make) -> Make:
    """Makes a repository of some files that is rendered already; what it renders is found out once."""
    known: dict[int, Files] = {}

    def made(files: Files) -> Any:
        found = new_repository(files)
        found.uncommitted()
        if id(files) in known:
            found.write(known[id(files)])
        else:
            assert found.run("render").code == 0
            known[id(files)] = below(found.root)
        return found

    return made


@pytest.fixture(scope="module")
def new_checked(new_rendered: Make) -> Make:
    """Makes a repository of some files that was rendered, found to be in order, and stamped so."""

    def made(files: Files) -> Any:
        found = new_rendered(files)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("vmgen.kustomize.builds.verify_builds", lambda *_, **__: [])
            assert found.run("check").code == 0
        return found

    return made


def answers(made: Any, *options: str) -> list[tuple[int, list[str]]]:
    """What `check` says, without and with `--verify`: the exit codes, and the problems with their lines."""
    both = [made.run("check", *options), made.run("check", "--verify", *options)]
    return [(done.code, [line for line in done.messages.splitlines() if " in order" not in line]) for done in both]


def replaced(path: str, old: str, new: str) -> Callable[[Any], object]:
    """An edit of a file."""

    def edit(made: Any) -> None:
        text = (made.root / path).read_text(encoding="utf-8")
        assert old in text
        (made.root / path).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def unnoticeably(made: Any) -> None:
    """Edit a manifest so that its size and its times are those of before."""
    path = made.root / MANIFEST
    status, content = path.stat(), path.read_bytes()
    with path.open("r+b") as stream:
        stream.write(content.replace(b"u1.large", b"u1.smoll"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def removed(path: str) -> Callable[[Any], object]:
    """A file that is gone."""
    return lambda made: (made.root / path).unlink()


def added(path: str, text: str) -> Callable[[Any], object]:
    """A file more."""
    return lambda made: made.write({path: text})


OURS = "# Generated by vmgen from environments/one.yaml. Do not edit.\n"
DISTURBED: dict[str, tuple[Callable[[Any], object], int]] = {
    "nothing": (lambda made: None, 0),
    "an edited manifest": (replaced(MANIFEST, "u1.large", "u1.small"), 1),
    "a manifest edited in secret": (unnoticeably, 1),
    "a manifest less": (removed(MANIFEST), 1),
    "a manifest of another name": (lambda made: (made.root / MANIFEST).rename((made.root / MANIFEST).with_name("wob.yaml")), 1),
    "a manifest more": (added("manifests/one/vms/web/web-2.yaml", OURS), 1),
    "a foreign file": (added("manifests/one/mine.txt", "mine"), 0),
    "what a killed run left": (added("manifests/one/.web.yaml.vmgen-tmp", "half"), 0),
    "a file of an environment that is gone": (added("manifests/three/a.yaml", OURS), 1),
    "a file of ours below delivery/": (added("delivery/flux/one.yaml", OURS), 1),
    "a changed environment": (replaced("environments/one.yaml", "u1.large", "u1.medium"), 1),
    "an environment with a mistake": (replaced("environments/one.yaml", "u1.large", "u1.larg"), 1),
    "a new environment": (added("environments/three.yaml", TWO), 1),
    "an environment that cannot be one": (added("environments/Three.yaml", TWO), 1),
    "an environment less": (removed("environments/two.yaml"), 1),
    "a changed layer": (replaced("environments/base/shop.yaml", "shop", "store"), 1),
    "a changed key file": (replaced("environments/keys/ops.pub", "ops@example", "dev@example"), 1),
    "a changed fragment": (replaced("environments/parts/base.yaml", "curl", "htop"), 1),
    "changed defaults": (replaced("environments/_defaults.yaml", "shop", "store"), 1),
    "a changed catalog": (
        replaced("environments/_catalog.yaml", "storageClasses", "images: {debian-12: null}\nstorageClasses"),
        1,
    ),
    "a changed template": (replaced("templates/hikube/vm-disk.yaml.j2", "  storage: ", "  storage:  "), 1),
    "a changed template of user data": (replaced("templates/cloud-init/host.yaml.j2", "hostname", "fqdn"), 1),
    "a changed policy": (replaced("policies/own.yaml", "namespace", "nothing"), 1),
    "a template more": (added("templates/hikube/vm-instance.yaml.j2", "kind: Other\n"), 1),
}


@pytest.mark.parametrize(("disturb", "code"), DISTURBED.values(), ids=DISTURBED)
def test_a_stamp_hides_nothing(new_checked: Make, disturb: Callable[[Any], object], code: int) -> None:
    """Whatever changes after a check that found all in order, the next one says what `check --verify` says."""
    made = new_checked(CHECKED)
    disturb(made)
    plain, verified = answers(made)
    assert (plain, plain[0]) == (verified, code)


def _link_for_a_file(made: Any) -> None:
    (made.root / MANIFEST).rename(made.root / "web.yaml")
    (made.root / MANIFEST).symlink_to(made.root / "web.yaml")


def _link_for_the_folder(made: Any) -> None:
    (made.root / "manifests/one").rename(made.root / "one")
    (made.root / "manifests/one").symlink_to(made.root / "one")


def _link_to_a_folder(made: Any) -> None:
    (made.root / "manifests/one/more").symlink_to(made.root / "environments")


LINKED = {
    "a link for a manifest": _link_for_a_file,
    "a link for the folder": _link_for_the_folder,
    "a link beside manifests": _link_to_a_folder,
}


@pytest.mark.parametrize("disturb", LINKED.values(), ids=LINKED)
def test_a_stamp_hides_no_link(new_checked: Make, disturb: Callable[[Any], None]) -> None:
    """A link that leads out of manifests/ is refused, also after a check that found all in order."""
    made = new_checked(CHECKED)
    disturb(made)
    plain, verified = answers(made)
    assert plain == verified


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_check_opens_no_pipe(new_checked: Make) -> None:
    """A pipe among the manifests is refused, and not waited for."""
    made = new_checked(CHECKED)
    path = made.root / "manifests/one/pipe"
    os.mkfifo(path)
    opened: list[bool] = []
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            handle = os.open(path, os.O_WRONLY)  # waits for somebody who reads
            opened.append(not done.is_set())
            os.close(handle)

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    code = made.run("check").code
    done.set()
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer.join()
    os.close(reader)
    assert (code, any(opened)) == (1, False)


def test_a_check_looks_only_at_what_changed(new_checked: Make, builds: list[Any]) -> None:
    """What was in order and is the same is not built again."""
    made = new_checked(CHECKED)
    builds.clear()
    replaced("environments/two.yaml", "namespace", "# a comment\nnamespace")(made)
    assert made.run("check").messages == "2 environments are in order; 1 as they were.\n"
    assert [build.environment for each in builds for build in each] == ["two"]


MODES: dict[str, tuple[tuple[str, ...], tuple[str, ...], bool]] = {
    "a check without the engine does not count": (("--kustomize", "off"), (), True),
    "nor one in parts for one in full": ((), ("--kustomize", "full"), True),
    "nor one in full for one in parts": (("--kustomize", "full"), (), True),
    "one that verified counts": (("--verify",), (), False),
    "one of some environments counts for those": (("one", "two"), (), False),
}


@pytest.mark.parametrize(("before", "options", "built"), MODES.values(), ids=MODES)
def test_which_checks_count(
    new_rendered: Make, builds: list[Any], before: tuple[str, ...], options: tuple[str, ...], built: bool
) -> None:
    """Only a check that looked at as much spares another one."""
    made = new_rendered(CHECKED)
    assert made.run("check", *before).code == 0
    builds.clear()
    assert made.run("check", *options).code == 0
    assert any(builds) is built


def test_a_check_that_failed_does_not_count(new_checked: Make) -> None:
    """What was found to be wrong is looked at until it is right, and then once more."""
    made = new_checked(CHECKED)
    right = (made.root / MANIFEST).read_bytes()
    (made.root / MANIFEST).write_bytes(right + b"# more\n")
    codes = [made.run("check").code for _ in range(2)]
    (made.root / MANIFEST).write_bytes(right)
    assert (codes, made.run("check").messages) == ([1, 1], "2 environments are in order; 2 as they were.\n")


def test_render_does_not_count_as_a_check(new_rendered: Make) -> None:
    """A stamp of `render` is none for `check`."""
    made = new_rendered(CHECKED)
    assert made.run("check").messages == "2 environments are in order.\n"


# ---- the gate, after a check that found all in order

FULL = "namespace: tenant-acme\nvms: {web: {count: COUNT, instanceType: u1.large, image: ubuntu-2404, disks: {data: 50Gi}}}\n"
MORE, FEWER = FULL.replace("COUNT", "3"), FULL.replace("COUNT", "2")


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder, by no configuration but its own."""
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    own |= {f"GIT_{who}_{what}": "a@b.c" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **own}, capture_output=True, check=True)


@pytest.fixture
def behind(new_repository: Make) -> Any:
    """A repository of two VMs that was found in order, and beside it a branch `other` in which there are three."""
    other = new_repository({"environments/production.yaml": MORE})
    git(other.root, "init", "--quiet", "--initial-branch", "other")
    assert other.run("render").code == 0
    git(other.root, "add", "--all")
    git(other.root, "commit", "--quiet", "--message", "three")
    made = new_repository({"environments/production.yaml": FEWER})
    git(made.root, "init", "--quiet", "--initial-branch", "main")
    assert made.run("render").code == 0
    git(made.root, "add", "--all")
    git(made.root, "commit", "--quiet", "--message", "two")
    assert made.run("check").code == 0
    git(made.root, "fetch", "--quiet", str(other.root), "other:other")
    return made


def test_the_gate_speaks_against_another_commit(behind: Any) -> None:
    """A stamp does not answer for what a branch has that is to be merged into."""
    plain, verified = answers(behind, "--against", "other")
    assert (plain, "[destroys-data]" in "".join(plain[1])) == (verified, True)


def test_the_gate_speaks_when_another_commit_is_head(behind: Any) -> None:
    """Nor for what is committed here by now."""
    git(behind.root, "reset", "--quiet", "--soft", "other")
    plain, verified = answers(behind)
    assert (plain, "[destroys-data]" in "".join(plain[1])) == (verified, True)


def test_the_gate_is_silent_where_nothing_differs(behind: Any) -> None:
    """Against what is committed here there is nothing to look at."""
    assert behind.run("check").messages == "1 environment is in order, as it was.\n"


def test_tombstones_are_looked_at_in_each_check(behind: Any) -> None:
    """An environment with a tombstone has no stamp: whether it is of use depends on what is committed."""
    stone = "retire: [{disk: web-3-data, reason: moved}, {disk: web-3-system, reason: moved}]\n"
    behind.write({"environments/production.yaml": FEWER + stone})
    first = answers(behind, "--against", "other")
    git(behind.root, "branch", "--force", "other", "main")
    second = answers(behind, "--against", "other")
    assert (first[0], second[0]) == (first[1], second[1])
    assert ["[stale-tombstone]" in "".join(lines) for _, lines in (first[0], second[0])] == [False, True]


# ---- what environments share, and what is said of them, with stamps and without

WARNED_TWICE: Files = {
    "environments/base/local.yaml": SHARED["environments/base/local.yaml"],
    "environments/one.yaml": WARNED.replace("NAME", "one"),
    "environments/two.yaml": WARNED.replace("NAME", "two"),
}
IN_SET = (
    "delivery: {argocd: {applicationSet: true, repoURL: 'https://git.example.com/vms.git', targetRevision: main, "
    "destination: {name: hikube}}}\n"
)
OTHER_REVISION = IN_SET.replace("main", "other")
TWO_IN_SET: Files = {"environments/one.yaml": TWO.replace("two", "one") + IN_SET, "environments/two.yaml": TWO + IN_SET}
ONE_IN_SET: Files = {"environments/one.yaml": TWO.replace("two", "one"), "environments/two.yaml": TWO + IN_SET}
PREFIXED: Files = {
    "environments/prod.yaml": TWO.replace("two", "one"),
    "environments/prod-2.yaml": TWO,
    "manifests/prod-2/mine.txt": "mine",
}
USER_DATA_WARNED: Files = {
    "environments/one.yaml": TWO.replace("-2404}", "-2404, cloudInit: {template: host.yaml.j2}}"),
    "templates/cloud-init/host.yaml.j2": "#cloud-config\nhostname: {{ vm.name }}\napt_update: true\n",
}
FRAGMENT_WARNED: Files = {
    "environments/one.yaml": TWO.replace("-2404}", "-2404, cloudInit: {merge: [base.yaml]}}"),
    "templates/cloud-init/base.yaml": "#cloud-config\napt_update: true\n",
}
Edit = Callable[[Any], object]


class Case(NamedTuple):
    """A repository, and what is done to it between two runs."""

    files: Files
    edit: Edit = lambda made: None


ARGOCD = IN_SET.replace("applicationSet: true, ", "")
STAMPED: dict[str, Case] = {
    "an edit of one of two": Case(CHECKED, replaced("environments/two.yaml", "web", "wob")),
    "an edit of a delivered one": Case(REPOSITORIES["delivered"], replaced("environments/two.yaml", "web", "wob")),
    "one that is delivered now": Case(CHECKED, added("environments/two.yaml", TWO + DELIVERY)),
    "one that Argo CD delivers now": Case(CHECKED, added("environments/two.yaml", TWO + ARGOCD)),
    "shared warnings": Case(WARNED_TWICE),
    "shared warnings, and an edit": Case(WARNED_TWICE, replaced("environments/two.yaml", "count: 2", "count: 3")),
    "a warning, and one that is delivered now": Case(
        WARNED_TWICE | {"environments/one.yaml": TWO}, added("environments/one.yaml", TWO + DELIVERY)
    ),
    "a warning about a template of user data": Case(USER_DATA_WARNED),
    "a warning about a fragment among templates": Case(FRAGMENT_WARNED),
    "names that begin the same": Case(PREFIXED, removed("manifests/prod-2/mine.txt")),
    "two that no longer agree": Case(TWO_IN_SET, added("environments/two.yaml", TWO + OTHER_REVISION)),
    "a change of what is shared": Case(ONE_IN_SET, added("environments/two.yaml", TWO + OTHER_REVISION)),
    "a name that no environment can have": Case(CHECKED, added("environments/Three.yaml", TWO)),
    "a change in a linked folder": Case(
        CHECKED, lambda made: (_linked(made), made.run("render"), made.run("check"), _behind(made))
    ),
}


def _linked(made: Any) -> None:
    """Put a link in the place of the folder of templates of user data."""
    (made.root / "templates/cloud-init").rename(made.root / "shared")
    (made.root / "templates/cloud-init").symlink_to(made.root / "shared")


def _behind(made: Any) -> None:
    """Edit a template behind the link."""
    replaced("shared/host.yaml.j2", "hostname", "fqdn")(made)


@pytest.mark.parametrize("each", STAMPED.values(), ids=STAMPED)
def test_a_render_with_stamps_leaves_nothing_to_one_without(new_repository: Make, each: Case) -> None:
    """After a change, a render with stamps says what one without them says, and leaves it nothing to write."""
    made = new_repository(each.files)
    made.uncommitted()
    assert made.run("render").code == 0
    each.edit(made)
    found = []
    for _ in range(2):
        done = made.run("render")
        found.append((done.code, sorted(done.problems), below(made.root)))
        shutil.rmtree(made.root / ".vmgen")
    assert found[0] == found[1]


@pytest.mark.parametrize("each", STAMPED.values(), ids=STAMPED)
def test_check_says_the_same_without_stamps(new_checked: Make, each: Case) -> None:
    """The second of two checks says what `check --verify` says."""
    made = new_checked(each.files)
    each.edit(made)
    plain, verified = answers(made)
    assert plain == verified


# ---- a save in the middle of a run


def saved_anew(path: Path) -> None:
    """Save a file with another name of its VMs."""
    path.write_text(path.read_text(encoding="utf-8").replace("web:", "wib:"), encoding="utf-8")


def moved_in(path: Path) -> None:
    """Put a file in the place of another that is older than that one."""
    beside = path.parent.parent / "beside.yaml"
    beside.write_text(path.read_text(encoding="utf-8").replace("web:", "wib:"), encoding="utf-8")
    os.utime(beside, (1_000_000_000, 1_000_000_000))
    beside.replace(path)


def linked_to(path: Path) -> None:
    """Put a link in the place of a file."""
    moved_in(path)
    path.rename(path.parent.parent / "linked.yaml")
    path.symlink_to(path.parent.parent / "linked.yaml")


MEANWHILE: dict[str, Callable[[Path], None]] = {"saved": saved_anew, "moved": moved_in, "linked": linked_to}


@pytest.fixture
def rendering_of(new_rendered: Make, monkeypatch: Patch) -> Callable[[Callable[[Any], None]], Any]:
    """Renders a repository in which somebody does something when all is read, and before anything is written."""

    def made(act: Callable[[Any], None]) -> Any:
        found = new_rendered(CHECKED)

        def meanwhile(fleet: Fleet, *given: Any, **more: Any) -> Any:
            if fleet.environment == "two":
                act(found)
            return render_tree(fleet, *given, **more)

        shutil.rmtree(found.root / ".vmgen", ignore_errors=True)
        with monkeypatch.context() as patch:
            patch.setattr("vmgen.pipeline.tree", meanwhile)
            assert found.run("render").code == 0
        return found

    return made


@pytest.mark.parametrize("act", MEANWHILE.values(), ids=MEANWHILE)
def test_a_save_while_it_renders_is_rendered_next(rendering_of: Callable, act: Callable[[Path], None]) -> None:
    """What changes after it was read is rendered by the next run, as `--watch` needs it."""
    made = rendering_of(lambda made: act(made.root / "environments/two.yaml"))
    assert made.run("render").code == 0
    assert "manifests/two/vms/wib/wib.yaml" in below(made.root)


@pytest.mark.parametrize("name", ["environments/base/shop.yaml", "environments/keys/ops.pub", "environments/parts/base.yaml"])
def test_a_file_that_goes_while_it_renders_is_missed_next(rendering_of: Callable, name: str) -> None:
    """What is removed after it was read is missed by the next run."""
    made = rendering_of(lambda made: (made.root / name).unlink())
    assert made.run("render").code == 1


SHARED_BY_ALL: dict[str, tuple[str, str, str]] = {
    "a template": ("templates/hikube/vm-disk.yaml.j2", "  storage: ", "  storage:  "),
    "a template of user data": ("templates/cloud-init/host.yaml.j2", "hostname", "fqdn"),
    "defaults": ("environments/_defaults.yaml", "shop", "store"),
    "a policy": ("policies/own.yaml", "namespace", "nothing"),
}


@pytest.mark.parametrize(("name", "old", "new"), SHARED_BY_ALL.values(), ids=SHARED_BY_ALL)
def test_a_save_of_what_all_share_is_rendered_next(rendering_of: Callable, name: str, old: str, new: str) -> None:
    """So is a change of what every environment is rendered from."""
    made = rendering_of(replaced(name, old, new))
    after = made.run("render")
    shutil.rmtree(made.root / ".vmgen")
    written, again = below(made.root), made.run("render")
    assert (after.code, after.problems, written) == (again.code, again.problems, below(made.root))


def test_a_save_while_it_is_checked_is_checked_next(new_checked: Make, monkeypatch: Patch) -> None:
    """What is saved after it was read is looked at by the next check."""
    made = new_checked(CHECKED)
    replaced("environments/two.yaml", "web:", "# the same\n  web:")(made)
    edit = replaced("environments/two.yaml", "  web:", "  wob:")
    with monkeypatch.context() as patch:
        patch.setattr("vmgen.kustomize.builds.verify_builds", lambda *_, **__: edit(made) or [])
        assert made.run("check").code == 0
    assert made.run("check").code == 1


def test_a_hand_that_edits_while_it_is_checked_is_found_next(new_rendered: Make, monkeypatch: Patch) -> None:
    """A manifest that is edited after it was compared is looked at by the next check."""
    made = new_rendered(CHECKED)
    edit = replaced(MANIFEST, "u1.large", "u1.small")
    with monkeypatch.context() as patch:
        patch.setattr("vmgen.kustomize.builds.verify_builds", lambda *_, **__: edit(made) or [])
        assert made.run("check").code == 0
    assert made.run("check").code == 1
