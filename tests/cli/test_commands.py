"""The command line: exit codes, streams, formats, `-C`, help, pipes; in this process, and a few times as a real one."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.cli.catalog import SECTIONS
from vmgen.filesystem import reader
from vmgen.read.manifests import parse_objects
from vmgen.report.problems import FORMATS

GOOD = """\
platformVersion: "1"
namespace: tenant-acme
defaults: {sshKeys: [ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBgc5ANkNrxhLa5aPn0uh0b8C1dTDSSE0Gm0HgJ1rQp4 ops]}
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    externalPorts: [80, 443]
    disks: {data: 50Gi}
  bastion: {instanceType: s1.small, instanceProfile: ubuntu, image: debian-12, running: false, disks: {data: 50Gi}}
"""
BAD = "namespace: tenant-acme\nvms: {web: {cuont: 3}}\n"


@pytest.fixture
def good(repository: Callable) -> Callable:
    """A repository of one good environment, and other files."""
    return lambda files=None: repository(GOOD, files)


CODES: dict[str, tuple[tuple[str, ...], int]] = {
    "render": (("render",), 0),
    "render one": (("render", "production"), 0),
    "render a file": (("render", "environments/production.yaml"), 0),
    "render --check before": (("render", "--check"), 1),
    "render --stdout": (("render", "--stdout"), 0),
    "render what is not there": (("render", "nope"), 2),
    "check before": (("check",), 1),
    "list": (("list",), 0),
    "list what is not there": (("list", "nope"), 2),
    "catalog": (("catalog",), 0),
    "catalog of nothing": (("catalog", "nope"), 2),
    "catalog of no platform": (("catalog", "--platform", "hikub"), 2),
    "schema": (("schema",), 0),
    "an unknown command": (("rendr",), 2),
    "an unknown option": (("render", "--nope"), 2),
    "no jobs": (("render", "-j", "0"), 2),
    "help": (("--help",), 0),
    "version": (("--version",), 0),
}


@pytest.mark.parametrize(("arguments", "code"), CODES.values(), ids=CODES)
def test_exit_codes(good: Callable, arguments: tuple[str, ...], code: int) -> None:
    """0 success, 1 check failed, 2 usage or runtime error; and never a traceback."""
    done = good().run(*arguments)
    assert done.code == code
    assert "Traceback" not in done.messages


def test_problems_are_exit_code_1(repository: Callable) -> None:
    """Every command that reads an environment with an error says so, and answers 1."""
    made = repository(BAD)
    for command in ("render", "check", "list"):
        done = made.run(command)
        assert done.code == 1
        assert "environments/production.yaml:2:13: error: vms.web.cuont: unknown key 'cuont'" in done.messages
    assert not (made.root / "manifests").exists()


def test_real_processes_have_the_same_exit_codes(good: Callable) -> None:
    """What this process gives, a real one gives too."""
    made = good({"environments/bad.yaml": BAD})
    assert made.process("render", "production").returncode == 0
    assert made.process("render").returncode == 1
    assert made.process("render", "nope").returncode == 2
    assert made.process("render", "--stdout", "production").stdout == made.run("render", "--stdout", "production").output


def test_messages_of_what_could_not_be_done(good: Callable, tmp_path: Path, vmgen: Callable) -> None:
    """Each says in one line what to do instead."""
    made = good()
    assert made.run("render", "prodution").messages == (
        "vmgen: no environment 'prodution' in environments/; did you mean 'production'?\n"
    )
    assert "no platform 'hikub'; did you mean 'hikube'?" in made.run("catalog", "--platform", "hikub").messages
    assert "no command 'rendr'; did you mean 'render'?" in made.run("rendr").messages
    empty = vmgen("-C", str(tmp_path), "render")
    assert (empty.code, "no folder environments/ in" in empty.messages) == (2, True)
    nowhere = vmgen("-C", str(tmp_path / "nowhere"), "render")
    assert (nowhere.code, "cannot go to" in nowhere.messages) == (2, True)


def test_render_says_what_it_did(good: Callable) -> None:
    """Counts go to stderr; stdout stays empty."""
    made = good()
    first, second = made.run("render"), made.run("render")
    assert (first.output, first.messages) == (b"", "production: 17 files, 17 created\n")
    assert (second.output, second.messages) == (b"", "production: 17 files, nothing changed\n")


def test_render_check(good: Callable) -> None:
    """`--check` names what would change, and writes nothing."""
    made = good()
    done = made.run("render", "--check")
    assert done.code == 1
    assert "would create manifests/production/vms/web/web-1.yaml" in done.messages.splitlines()
    assert not (made.root / "manifests").exists()
    made.run("render")
    assert made.run("render", "--check").code == 0


def test_render_stdout(good: Callable) -> None:
    """`--stdout` prints every object, each a document, and writes nothing, not even a lock."""
    made = good()
    done = made.run("render", "--stdout")
    assert [found["metadata"]["name"] for found in parse_objects(done.output)] == [
        *("web-1-system", "web-1-data", "web-2-system", "web-2-data", "bastion-system", "bastion-data"),
        *("web-1", "web-2", "bastion"),
    ]
    assert sorted(path.name for path in made.root.iterdir()) == ["environments"]


def test_stdout_prints_a_vm_whose_name_ends_in_kustomization(repository: Callable) -> None:
    """Only a file of exactly that name is no manifest."""
    done = repository(GOOD.replace("bastion", "my-kustomization")).run("render", "--stdout")
    assert parse_objects(done.output)[-1]["metadata"]["name"] == "my-kustomization"


def test_jobs_change_nothing(good: Callable) -> None:
    """Several environments in parallel are the same bytes, and the same problems."""
    files = {f"environments/{name}.yaml": f"cluster: {name}\n{GOOD}" for name in ("a", "b", "c")}
    made = good(files)
    assert made.run("render", "-j", "2").code == 0
    assert made.run("render", "--check", "-j", "1").code == 0
    made.write({"environments/d.yaml": BAD, "environments/e.yaml": BAD})
    one, two = made.run("render", "-j", "1"), made.run("render", "-j", "2")
    assert (one.code, one.messages) == (two.code, two.messages)


def test_one_environment_with_an_error_stops_all(good: Callable) -> None:
    """Nothing is written for any environment that was asked for, where one of them has an error."""
    made = good({"environments/bad.yaml": BAD})
    assert made.run("render").code == 1
    assert not (made.root / "manifests").exists()
    assert made.run("render", "production").code == 0


@pytest.mark.parametrize(("ports", "summary"), [("[]", "no problems found"), ("[80]", "no errors, 1 warning")])
def test_check_counts_warnings(good: Callable, ports: str, summary: str) -> None:
    """The last line of a check that passes does not deny the warnings above it."""
    vm = f"{{instanceType: u1.large, image: debian-12, disks: {{data: 1Gi}}, external: false, externalPorts: {ports}}}"
    made = good({"environments/production.yaml": f"{GOOD}  api: {vm}\n"})
    made.run("render")
    done = made.run("check", "--kustomize", "off")
    assert (done.code, done.messages.splitlines()[-1]) == (0, f"1 environment checked, {summary}.")


def test_check(good: Callable, engine: list[str]) -> None:
    """`check` passes on what was rendered, and names what is missing, edited, left over or foreign."""
    made = good()
    made.run("render")
    passed = made.run("check")
    assert (passed.code, passed.messages) == (0, "1 environment checked, no problems found.\n")
    manifests = made.root / "manifests/production"
    (manifests / "vms/web/web-1.yaml").unlink()
    with (manifests / "vms/web/web-2.yaml").open("a") as stream:
        stream.write("# mine\n")
    made.write({"manifests/production/vms/web/old.yaml": made.text("production/vms/bastion/bastion.yaml")})
    made.write({"manifests/production/notes.txt": "mine"})
    done = made.run("check")
    assert done.code == 1
    said = {line.split(": ")[0].removeprefix("manifests/production/"): line for line in done.problems}
    assert sorted(said) == ["notes.txt", "vms/web/old.yaml", "vms/web/web-1.yaml", "vms/web/web-2.yaml"]
    assert "is missing; run vmgen render [drift]" in said["vms/web/web-1.yaml"]
    assert "differs from its environment" in said["vms/web/web-2.yaml"]
    assert "is obsolete; run vmgen render [drift]" in said["vms/web/old.yaml"]
    assert "warning: was not written by vmgen" in said["notes.txt"]


def test_check_writes_nothing(good: Callable) -> None:
    """`check` leaves the repository as it is."""
    made = good()
    made.run("check", "--kustomize", "off")
    assert sorted(path.name for path in made.root.iterdir()) == ["environments"]


def test_list(good: Callable) -> None:
    """The fleet as csv: sizes from the catalog, sums of the disks, exposure, state."""
    rows = list(csv.DictReader(io.StringIO(good().run("list", "-o", "csv").stdout)))
    assert [row["vm"] for row in rows] == ["web-1", "web-2", "bastion"]
    assert (rows[0]["vcpu"], rows[0]["memory"], rows[0]["storage"], rows[0]["disks"]) == ("2", "8Gi", "70Gi", "2")
    assert [row["exposure"] for row in rows] == ["80,443", "80,443", ""]
    assert [row["state"] for row in rows] == ["running", "running", "halted"]


def test_list_disks(good: Callable) -> None:
    """The disks as csv: where each comes from, and whether it is guarded."""
    rows = list(csv.DictReader(io.StringIO(good().run("list", "--disks", "-o", "csv").stdout)))
    assert [row["disk"] for row in rows] == [
        *("web-1-system", "web-1-data", "web-2-system", "web-2-data", "bastion-system", "bastion-data"),
    ]
    assert (rows[0]["source"], rows[1]["source"], rows[0]["protected"]) == ("image ubuntu-2404", "blank", "yes")


ROWS = [
    ("hikube", "types", ["u1.large", 2, "8Gi", "Universal 1:4", ""]),
    ("hikube", "images", ["debian-12", "Debian 12 (Bookworm)", "4Gi", "debian", ""]),
    ("cozystack", "images", ["rocky-8", "Rocky Linux 8", "20Gi", "linux", ""]),
    ("cozystack", "profiles", ["alpine", "linux", 1, "512Mi", ""]),
    ("hikube", "classes", ["local", "no"]),
    ("cozystack", "gpus", ["nvidia.com/GA102GL_A10", "nvidia"]),
]


@pytest.mark.parametrize(("platform", "section", "row"), ROWS)
def test_catalog(good: Callable, platform: str, section: str, row: list[object]) -> None:
    """Every section of a platform's catalog can be shown, as data too."""
    assert {section for _, section, _ in ROWS} == set(SECTIONS)
    rows = json.loads(good().run("catalog", section, "--platform", platform, "-o", "json").stdout)
    assert row in [list(entry.values()) for entry in rows]


@pytest.mark.parametrize(
    ("platform", "version", "section", "count"),
    [
        ("cozystack", "1.0", "types", 48),
        ("cozystack", "1.6.2", "types", 69),
        ("cozystack", "0.41", "profiles", 44),
        ("hikube", "1", "classes", 3),
        ("hikube", "2", "classes", 8),
    ],
)
def test_catalog_of_a_version(good: Callable, platform: str, version: str, section: str, count: int) -> None:
    """A version of the platform has its own catalog."""
    result = good().run("catalog", section, "--platform", platform, "--platform-version", version, "-o", "json")
    assert len(json.loads(result.stdout)) == count


@pytest.mark.parametrize("version", ["9", "x", "", "0.1"])
def test_catalog_of_no_version(good: Callable, version: str) -> None:
    """An unknown version is refused with those that there are, and import takes none."""
    result = good().run("catalog", "types", "--platform", "cozystack", "--platform-version", version)
    assert (result.code, "0.41" in result.messages) == (2, True)
    assert good().run("catalog", "import", "x", "--platform-version", "1.6").code == 2


def test_catalog_with_what_the_repository_adds(good: Callable) -> None:
    """`_catalog.yaml` adds to the catalog that is shown."""
    made = good({"environments/_catalog.yaml": "instanceTypes: {acme.tiny: {cpu: 1, memory: 1Gi}}\n"})
    assert "acme.tiny" in made.run("catalog", "types").stdout
    wrong = good({"environments/_catalog.yaml": "instanceTypes: {acme.tiny: {cpus: 1}}\n"}).run("catalog", "types")
    assert wrong.code == 1
    assert (
        "environments/_catalog.yaml:1:29: error: instanceTypes.acme.tiny.cpus: unknown key 'cpus'; did you mean"
        in wrong.messages
    )


def test_schema(vmgen: Callable) -> None:
    """The schema is the file's, to the byte; it needs no repository."""
    schema = Path(__file__).resolve().parents[2] / "schema/environment.schema.json"
    assert vmgen("schema").output == schema.read_bytes()


def test_colour(repository: Callable) -> None:
    """Messages in a pipe have no colour; `--color always` gives it, and NO_COLOR in a pipe changes nothing."""
    made = repository(BAD)
    assert "\x1b[" not in made.run("render").messages
    assert "\x1b[" in made.run("--color", "always", "render").messages
    assert b"\x1b[" not in made.process("--color", "auto", "render", NO_COLOR="1").stderr


def test_another_folder(good: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vmgen: Callable) -> None:
    """`-C DIR` is as if it had been started there, also relative to where it was."""
    made = good()
    monkeypatch.chdir(made.root.parent)
    assert vmgen("-C", made.root.name, "render").code == 0
    assert (made.root / "manifests/production/kustomization.yaml").is_file()


@pytest.mark.parametrize(
    "variables", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_poor_terminals(repository: Callable, variables: dict[str, str]) -> None:
    """A terminal that knows only ASCII gets every message, and the files are UTF-8 all the same."""
    made = repository(
        GOOD.replace("vms:", 'annotations: {note: "é 日本"}\nvms:', 1), {"environments/bad.yaml": 'vms: {"é": {}}\n'}
    )
    done = made.process("render", **variables)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"environments/bad.yaml:1:7: error:" in done.stderr
    assert made.process("render", "production", **variables).returncode == 0
    assert 'note: "é 日本"' in made.text("production/vms/web/web-1.yaml")
    assert made.process("render", "-o", "json", **variables).returncode == 1


def test_hash_seeds_and_working_folders_change_nothing(good: Callable) -> None:
    """The output depends on no hash seed, locale, time zone, user or folder."""
    made = good()
    outputs = {
        made.process("render", "--stdout", PYTHONHASHSEED=seed, TZ=zone, LC_ALL=locale, USER=user, HOME=home).stdout
        for seed, zone, locale, user, home in (("1", "UTC", "C", "a", "/"), ("2", "Asia/Tokyo", "C.UTF-8", "b", "/tmp"))
    }
    outputs.add(good().run("render", "--stdout").output)
    assert len(outputs) == 1


def test_files_that_cannot_be_read(good: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the system refuses is a problem at the file, never a traceback."""
    made = good({"environments/_catalog.yaml": "x: 1\n"})
    read = reader.read_source

    def refuse(path: str, *arguments: Any) -> bytes:
        if path.endswith("_catalog.yaml"):
            raise PermissionError(13, "Permission denied", path)
        return read(path, *arguments)

    monkeypatch.setattr("vmgen.read.repository.read_source", refuse)
    done = made.run("render")
    assert done.code == 1
    assert "environments/_catalog.yaml: error: cannot be read: Permission denied [unreadable-file]" in done.messages


@pytest.mark.parametrize("name", [b"caf\xe9.yaml", "a\nb.yaml", "é.yaml", " .yaml", "con.yaml"], ids=repr)
def test_hostile_names_of_environments(good: Callable, name: str | bytes) -> None:
    """A file name that is no name of an environment is a problem, however odd, in every format."""
    import os

    made = good()
    folder = os.fsencode(made.root / "environments")
    with open(os.path.join(folder, os.fsencode(name)), "wb") as stream:
        stream.write(b"namespace: tenant-a\nvms: {web: {instanceType: u1.large, image: debian-12}}\n")
    for output in FORMATS:
        done = made.run("render", "-o", output)
        assert done.code == 1
        assert "environment-name" in done.stdout + done.messages
    assert made.process("render").returncode == 1
    assert not (made.root / "manifests").exists()
