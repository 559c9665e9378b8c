"""The commands that edit: what they write, what they refuse, and that a plan of it is what was promised."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmgen.read.schema import Schema

CHECKOUT = Path(__file__).resolve().parents[2]
FLEET = """\
# the shop
namespace: tenant-acme   # ours
vms:
  web:
    count: 3  # sized by load tests
    instanceType: u1.large
    image: ubuntu-2404
    disks: {data: 50Gi}
    instances:
      3: {instanceType: u1.xlarge}
  db:
    instanceType: u1.large
    image: 'ubuntu-2404'
disks:
  shared: {storage: 10Gi}   # movies
  other: {storage: 10Gi}
"""
DAY = ("--until", "2099-12-31")


def git(root: Path, *arguments: str) -> str:
    """Run git in a repository."""
    identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", *identity, "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def committed(repository: Callable[..., Any]) -> Callable[..., Any]:
    """Makes a repository whose manifests are committed."""

    def made(text: str, files: dict[str, str] | None = None) -> Any:
        new = repository(text, files)
        new.uncommitted()
        assert new.run("render").code == 0
        commit(new)
        return new

    return made


def commit(made: Any) -> None:
    """Commit all that there is."""
    git(made.root, "add", "-A")
    git(made.root, "commit", "-qm", "all")


def production(made: Any) -> str:
    """The environment file."""
    return (made.root / "environments/production.yaml").read_bytes().decode()


def verdicts(made: Any) -> set[str]:
    """The verdicts of the plan; nothing else may be wrong."""
    planned = made.run("plan", "-o", "json")
    assert planned.code == 0, planned.messages
    environments = json.loads(planned.stdout)["environments"]
    return {changed["verdict"] for environment in environments for changed in environment["objects"]}


def test_scale_up_by_count(committed: Callable[..., Any]) -> None:
    """More VMs of a counted group are one changed number, and nothing else."""
    made = committed(FLEET)
    done = made.run("scale", "production", "web", "5")
    assert (done.code, done.stdout) == (0, "edited environments/production.yaml\n")
    assert "Next: vmgen plan" in done.messages
    assert production(made) == FLEET.replace("count: 3  #", "count: 5  #")
    assert verdicts(made) == {"create"}


def test_scale_one_to_many(committed: Callable[..., Any]) -> None:
    """A single VM keeps its name among many, and then among more."""
    made = committed(FLEET)
    assert made.run("scale", "production", "db", "3").code == 0
    assert production(made) == FLEET.replace(
        "    image: 'ubuntu-2404'\n", "    image: 'ubuntu-2404'\n    names: [db, db-2, db-3]\n"
    )
    assert verdicts(made) == {"create"}
    assert made.run("scale", "production", "db", "4").code == 0
    assert "names: [db, db-2, db-3, db-4]\n" in production(made)


def test_scale_down_asks_for_retire(committed: Callable[..., Any]) -> None:
    """Fewer VMs with committed disks need --retire and a reason; the same command then leads to a plan without a refusal."""
    made = committed(FLEET)
    refused = made.run("scale", "production", "web", "2")
    assert refused.code == 1
    assert 'vmgen scale production web 2 --retire --reason "explain why"' in refused.messages
    assert production(made) == FLEET
    assert made.run("scale", "production", "web", "2", "--retire").code == 2
    done = made.run("scale", "production", "web", "2", "--retire", "--reason", 'quiet: "night"', *DAY)
    assert done.code == 0, done.messages
    text = production(made)
    assert "count: 2  # sized by load tests" in text
    assert "xlarge" not in text
    assert '  - {disk: web-3-data, reason: "quiet: \\"night\\"", until: "2099-12-31"}\n' in text
    assert made.run("render").code == 0
    assert made.run("check", "--kustomize", "off").code == 0


@pytest.mark.parametrize("is_merged", [False, True])
def test_scale_down_and_up(committed: Callable[..., Any], *, is_merged: bool) -> None:
    """A VM that comes back takes the tombstones of its disks out of the file, whether or not they went; others stay."""
    made = committed(FLEET.replace("    instances:\n      3: {instanceType: u1.xlarge}\n", ""))
    before = production(made)
    assert made.run("retire", "production", "other", "--reason", "x").code == 0
    retired = production(made)
    assert made.run("scale", "production", "web", "2", "--retire", "--reason", "x").code == 0
    if is_merged:
        assert made.run("render").code == 0
        commit(made)
    assert made.run("scale", "production", "web", "3").code == 0
    assert production(made) == retired
    assert retired != before
    assert verdicts(made) == ({"create"} if is_merged else {"DESTROYS DATA"})


def test_scale_up_leaves_the_tombstones_of_another_layer(committed: Callable[..., Any]) -> None:
    """Another environment may need an entry of a shared layer, so it is named, and nothing is written."""
    made = committed(FLEET)
    made.write({"environments/_defaults.yaml": "retire: [{disk: web-4-system, reason: x}]\n"})
    done = made.run("scale", "production", "web", "4")
    assert done.code == 1
    assert "environments/_defaults.yaml has the tombstone of web-4-system" in done.messages
    assert production(made) == FLEET


def test_named_layer_loses_the_tombstones_of_what_comes_back(committed: Callable[..., Any]) -> None:
    """A layer that --in names is edited as the environment's own file is."""
    layer = "vms:\n  cache: {count: 2, instanceType: u1.large, image: ubuntu-2404}\n"
    file = "environments/_defaults.yaml"
    made = committed("namespace: tenant-acme\n", {file: layer})
    assert made.run("scale", "production", "cache", "1", "--retire", "--reason", "x", "--in", file).code == 0
    assert made.run("scale", "production", "cache", "2", "--in", file).code == 0
    assert made.files("environments")["_defaults.yaml"].decode() == layer


def test_scale_down_of_uncommitted_vms(repository: Callable[..., Any]) -> None:
    """VMs that were never committed go without a tombstone."""
    made = repository(FLEET)
    made.uncommitted()
    assert made.run("scale", "production", "web", "1").code == 0
    assert "retire" not in production(made)


def test_scale_refuses_free_names(committed: Callable[..., Any]) -> None:
    """The names of new VMs are not invented where the others have no numbers; the printed lines show the form."""
    made = committed(
        FLEET.replace("count: 3  # sized by load tests", "names: [alpha, beta]").replace("      3:", "      beta:")
    )
    done = made.run("scale", "production", "web", "3")
    assert done.code == 1
    assert "edit-by-hand" in done.messages
    assert "names: [alpha, beta, web-3]" in done.messages


@pytest.mark.parametrize("number", ["3", "10001", "-1", "x"])
def test_scale_to_no_number(committed: Callable[..., Any], number: str) -> None:
    """The number that there is changes nothing, and one that cannot be is a usage error."""
    made = committed(FLEET)
    done = made.run("scale", "production", "web", "--", number)
    assert done.code == (0 if number == "3" else 2)
    assert production(made) == FLEET


def test_retire_of_a_standalone_disk(committed: Callable[..., Any]) -> None:
    """A standalone disk leaves the file, and its tombstone comes."""
    made = committed(FLEET)
    done = made.run("retire", "production", "shared", "--reason", "watched")
    assert done.code == 0, done.messages
    lines = FLEET.replace("  shared: {storage: 10Gi}   # movies\n", "") + "retire:\n  - {disk: shared, reason: watched}\n"
    assert production(made) == lines
    assert made.run("render").code == 0


def test_retire_after_an_edit_by_hand(committed: Callable[..., Any]) -> None:
    """Disks that an edit by hand leaves out get tombstones, appended in the style of those that are there."""
    text = FLEET + "retire:\n  # old ones\n  -   disk: gone\n      reason: x  # why\n"
    made = committed(text)
    (made.root / "environments/production.yaml").write_text(text.replace("disks: {data: 50Gi}", "disks: {}"))
    done = made.run("retire", "production", "web-1-data", "web-2-data", "disk/web-3-data", "--reason", "moved")
    assert done.code == 0, done.messages
    assert production(made).endswith(
        "x  # why\n" + "".join(f"  -   disk: web-{n}-data\n      reason: moved\n" for n in (1, 2, 3))
    )
    assert made.run("render").code == 0


def test_retire_again(committed: Callable[..., Any]) -> None:
    """A tombstone that is there gets the new reason and day; it is not written twice."""
    text = (
        FLEET.replace("  other: {storage: 10Gi}\n", "") + 'retire:\n- {disk: other, reason: "a", until: "2020-01-01"} # old\n'
    )
    made = committed(FLEET)
    (made.root / "environments/production.yaml").write_text(text)
    assert made.run("retire", "production", "other", "--reason", "b", *DAY).code == 0
    assert production(made).endswith('- {disk: other, reason: "b", until: "2099-12-31"} # old\n')
    assert made.run("retire", "production", "other", "--reason", "b").code == 0
    assert production(made).endswith('- {disk: other, reason: "b"} # old\n')


@pytest.mark.parametrize(
    ("disks", "says"),
    [
        (("web-3-data", "web-3-system"), "run vmgen scale production web 2 --retire"),
        (("web-1-data", "web-1-system"), "skip: [1]"),
        (("web-1-data", "web-2-data", "web-3-data"), "remove disks.data"),
        (("db-system",), "vmgen scale production db 0 --retire"),
    ],
)
def test_retire_of_what_a_group_makes(committed: Callable[..., Any], disks: tuple[str, ...], says: str) -> None:
    """For a disk that a count or a key makes the edit is printed, and nothing is written."""
    made = committed(FLEET)
    done = made.run("retire", "production", *disks, "--reason", "x")
    assert done.code == 1
    assert says in done.messages
    assert f"- {{disk: {disks[0]}, reason: x}}" in done.messages
    assert production(made) == FLEET


def test_retire_of_what_a_vm_needs(committed: Callable[..., Any]) -> None:
    """For a disk that a VM boots from, or an earlier one exists of, the command that replaces it is named; then it can go."""
    made = committed(FLEET)
    done = made.run("retire", "production", "web-1-system", "web-2-data", "--reason", "x")
    assert done.code == 1
    assert (
        "group web makes web-1-system: run vmgen rebuild production web --image IMAGE --only 1, then retire it" in done.messages
    )
    assert "group web makes web-2-data: write null for disks.data of this VM" in done.messages
    assert "vms:\n  web:\n    instances:\n      2: {disks: {data: null}}\nretire:\n  - {disk: web-2-data" in done.messages
    assert "- {disk: web-1-system" not in done.messages
    assert production(made) == FLEET
    assert made.run("rebuild", "production", "web", "--image", "ubuntu-2204", "--only", "1").code == 0
    assert made.run("rebuild", "production", "web", "--disk", "data", "--storage-class", "local", "--only", "2").code == 0
    assert made.run("render").code == 0
    commit(made)
    done = made.run("retire", "production", "web-1-system-2", "web-2-data-2", "--reason", "x")
    for command in ("rebuild production web --back --only 1", "rebuild production web --disk data --back --only 2"):
        assert f"run vmgen {command}, then retire it" in done.messages
        assert made.run(*command.split()).code == 0
    assert made.run("retire", "production", "web-1-system-2", "web-2-data-2", "--reason", "x").code == 0
    assert verdicts(made) >= {"rebuild"}


@pytest.mark.parametrize("layer", ["_defaults", "production"])
def test_disk_of_two_layers_is_not_retired(committed: Callable[..., Any], layer: str) -> None:
    """A standalone disk that another layer has as well stays, until it is removed from each layer."""
    made = committed(FLEET, {"environments/_defaults.yaml": "disks:\n  shared: {storage: 10Gi}\n"})
    done = made.run("retire", "production", "shared", "--reason", "x", "--in", f"environments/{layer}.yaml")
    assert done.code == 1
    assert "more than one layer has shared; remove it from each by hand, then run this command again" in done.messages
    assert production(made) == FLEET
    made.write({"environments/_defaults.yaml": "", "environments/production.yaml": FLEET.replace("  shared:", "  new:")})
    assert made.run("retire", "production", "shared", "--reason", "x").code == 0
    assert verdicts(made) == {"create", "DESTROYS DATA"}


def test_layer_without_the_names_is_not_scaled(committed: Callable[..., Any]) -> None:
    """A layer that does not list the VMs cannot lose some of them."""
    made = committed(
        FLEET.replace("count: 3 ", "names: [a, b, web-3] ").replace(" 3: ", " web-3: "),
        {"environments/_defaults.yaml": "labels: {a: b}\n"},
    )
    arguments = ("scale", "production", "web", "1", "--retire", "--reason", "x", "--in", "environments/_defaults.yaml")
    done = made.run(*arguments)
    assert (done.code, "vms.web.names[2] is not written here" in done.messages) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("shard", "--reason", "x"), "did you mean 'shared'"),
        (("shared",), "--reason is required"),
        (("shared", "--reason", " "), "--reason is required"),
        (("shared", "--reason", "x", "--until", "2026-02-30"), "is not a date"),
        (("shared", "--reason", "x", "--in", "nowhere.yaml"), "no file of environment production"),
    ],
)
def test_retire_of_nonsense(committed: Callable[..., Any], arguments: tuple[str, ...], says: str) -> None:
    """What cannot be done is said, with exit code 2, and nothing is written."""
    made = committed(FLEET)
    done = made.run("retire", "production", *arguments)
    assert done.code == 2
    assert says in done.messages
    assert production(made) == FLEET


def test_attached_disk_is_not_retired(committed: Callable[..., Any]) -> None:
    """A disk that a VM attaches stays, since the environment would no longer be valid."""
    text = FLEET.replace("    image: 'ubuntu-2404'\n", "    image: 'ubuntu-2404'\n    attach: [shared]\n")
    made = committed(text)
    done = made.run("retire", "production", "shared", "--reason", "x")
    assert done.code == 1
    assert "attach" in done.messages
    assert production(made) == text


def test_shared_layers_change_only_where_named(committed: Callable[..., Any]) -> None:
    """A value that another layer sets is refused without --in, and then changed in the named file alone."""
    cache = "vms:\n  cache: {count: 2, instanceType: u1.large, image: ubuntu-2404}\n"
    layer = {"environments/_defaults.yaml": f"disks:\n  big: {{storage: 1Gi}}\n{cache}"}
    made = committed("namespace: tenant-acme\n", layer)
    for arguments in (("scale", "production", "cache", "3"), ("retire", "production", "big", "--reason", "x")):
        done = made.run(*arguments)
        assert done.code == 1
        assert "--in environments/production.yaml or --in environments/_defaults.yaml" in done.messages
    assert production(made) == "namespace: tenant-acme\n"
    assert made.run("scale", "production", "cache", "3", "--in", "environments/production.yaml").code == 0
    assert production(made) == "namespace: tenant-acme\nvms: {cache: {count: 3}}\n"
    assert made.run("scale", "production", "cache", "4", "--in", "environments/_defaults.yaml").code == 1
    assert made.files("environments")["_defaults.yaml"].decode() == layer["environments/_defaults.yaml"]


def test_alias_is_refused(committed: Callable[..., Any]) -> None:
    """What stands behind an alias is not edited; the lines are printed."""
    text = "namespace: tenant-acme\nvms:\n  a: &a {count: 1, instanceType: u1.large, image: ubuntu-2404}\n  b: *a\n"
    made = committed(text)
    for group in ("a", "b"):
        done = made.run("scale", "production", group, "2")
        assert done.code == 1
        assert "edit-by-hand" in done.messages
        assert f"  {group}:\n    count: 2\n" in done.messages
    assert production(made) == text


def test_new_environment_renders(committed: Callable[..., Any]) -> None:
    """A new environment renders without a problem, has names of its own, and is not overwritten."""
    made = committed(FLEET)
    assert made.run("new", "staging").code == 2
    made.write({"environments/production.yaml": f'platformVersion: "1"\n{FLEET}'})
    assert made.run("new", "staging", "--namespace", "tenant-acme").code == 0
    assert b'platformVersion: "1"\n' in made.files("environments")["staging.yaml"]
    assert b"  staging-web:\n" in made.files("environments")["staging.yaml"]
    done = made.run("render")
    assert (done.code, done.problems) == (0, [])
    assert made.run("new", "staging", "--namespace", "tenant-acme").code == 2
    assert made.run("new", "Prod", "--namespace", "tenant-acme").code == 2
    assert made.run("new", "two", "--namespace", "Tenant").code == 1
    assert made.run("new", "two", "--namespace", "tenant-acme", "--platform", "cozystack", "--dry-run").code == 0
    assert sorted(made.files("environments")) == ["production.yaml", "staging.yaml"]


def test_json_is_as_published(committed: Callable[..., Any]) -> None:
    """The JSON of an edit has its schema, says if it was written, and a dry run writes nothing."""
    schema = Schema(json.loads((CHECKOUT / "schema/edit.schema.json").read_text()))
    made = committed(FLEET)
    for extra, written in ((("--dry-run",), False), ((), True)):
        done = made.run("scale", "production", "web", "4", "-o", "json", *extra)
        document = json.loads(done.stdout)
        assert schema.find_errors(document) == []
        assert document["written"] is written
        assert "\n+    count: 4  # sized by load tests\n" in document["files"][0]["diff"]
        assert (production(made) != FLEET) is written


def test_difference_is_what_git_applies(committed: Callable[..., Any]) -> None:
    """The difference of a dry run, applied by git, is what the command writes."""
    for text in (FLEET, FLEET.rstrip("\n"), FLEET.replace("\n", "\r\n")):
        made = committed(text)
        for arguments in (("scale", "production", "db", "2"), ("retire", "production", "other", "--reason", "x")):
            shown = made.run(*arguments, "--dry-run").output
            subprocess.run(["git", "-C", str(made.root), "apply", "-"], input=shown, check=True)
            applied = production(made)
            git(made.root, "checkout", "-q", ".")
            assert made.run(*arguments).code == 0
            assert production(made) == applied
            git(made.root, "checkout", "-q", ".")


def test_difference_hides_secrets(repository: Callable[..., Any]) -> None:
    """A password beside an edited line is not printed."""
    text = FLEET.replace("vms:\n", "vars:\n  db_password: hunter2hunter2\nvms:\n", 1)
    made = repository(text)
    done = made.run("scale", "production", "web", "4", "--dry-run")
    assert "hunter2" not in done.stdout + done.messages


def test_permissions_stay(committed: Callable[..., Any]) -> None:
    """A file that others may not read, or that may be run, is so after an edit."""
    made = committed(FLEET)
    path = made.root / "environments/production.yaml"
    for number, mode in enumerate((0o600, 0o640, 0o755), start=4):
        path.chmod(mode)
        assert made.run("scale", "production", "web", str(number)).code == 0
        assert f"count: {number}  #" in production(made)
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_link_stays_a_link(committed: Callable[..., Any]) -> None:
    """An environment that is a link to another file is not edited, and the link stays."""
    made = committed(FLEET)
    path = made.root / "environments/production.yaml"
    path.rename(made.root / "environments/_fleet.yaml")
    path.symlink_to("_fleet.yaml")
    done = made.run("scale", "production", "web", "4")
    assert (done.code, "symbolic link" in done.messages) == (2, True)
    assert path.is_symlink()
    assert production(made) == FLEET
