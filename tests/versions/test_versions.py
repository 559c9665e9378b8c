"""Versions of platforms: what each takes is rendered for it, and what it lacks is refused with the version that has it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vmgen.merge.platform import PlatformLoader
from vmgen.merge.versions import UnknownVersionError, Versions
from vmgen.plan.verdicts import load_verdicts
from vmgen.problems import ProblemsError
from vmgen.read.located import Located, to_plain
from vmgen.read.repository import Project
from vmgen.read.schema import Schema, load_builtin_schema
from vmgen.read.yaml_reader import read_yaml

LOADER = PlatformLoader(Project(Path("/nowhere")))
EVERY = [(name, version) for name in ("cozystack", "hikube") for version in LOADER.load_release(name).versions.names]
CHARTS = yaml.safe_load((Path(__file__).parent / "charts.yaml").read_text(encoding="utf-8"))
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDl7rH4kqzJc1fXPZ0nq3s2yQmS7o9gTzJ6r5vYkUe1e ops@one"
ISO = {"url": "https://example.com/a.iso", "optical": True, "storage": "2Gi"}
# Each feature that not every version has: its keys, and what it looks like in an environment.
FEATURES = {
    "externalAllowICMP": {"externalPorts": [80], "externalAllowICMP": False},
    "runStrategy": {"runStrategy": "Manual"},
    "networks": {"networks": ["lan", "backup_2"]},
    "subnets": {"subnets": ["lan"]},
    "gpus": {"gpus": ["nvidia.com/AD102GL_L40S"]},
    "cpuModel": {"cpuModel": "Skylake-Server"},
    "resources": {"instanceType": "", "instanceProfile": "ubuntu", "resources": {"cpu": "2", "sockets": "2", "memory": "8Gi"}},
    "bus": {"disks": {"data": {"storage": "5Gi", "bus": "scsi"}}},
    "clone": {"disks": {"copy": {"storage": "20Gi", "clone": "golden"}}},
    "debian": {"instanceProfile": "debian"},
}
OF_EVERY_VERSION = {
    "plain": {
        "running": False,
        "sshKeys": [KEY],
    },
    "open": {"externalMethod": "WholeIP", "cloudInit": {"packages": ["htop"]}, "cloudInitSeed": "one"},
    "image": {"image": "debian-12"},
    "rocky": {"image": "rocky-9"},
    "iso": {"disks": {"iso": ISO, "raw": {"storage": "1Gi"}}},
    "upload": {"image": None, "upload": True, "storage": "9Gi", "instanceProfile": "alpine"},
}
LACKING = {
    ("cozystack", "0.41"): {"externalAllowICMP", "runStrategy", "networks", "cpuModel", "clone", "debian"},
    ("cozystack", "1.0"): {"externalAllowICMP", "networks", "clone", "debian"},
    ("cozystack", "1.3"): {"externalAllowICMP", "subnets", "debian"},
    ("cozystack", "1.4"): {"subnets", "debian"},
    ("cozystack", "1.5"): {"subnets"},
    ("cozystack", "1.6"): {"subnets"},
    ("hikube", "1"): {"externalAllowICMP", "runStrategy", "networks", "subnets", "gpus", "cpuModel", "resources", "bus"},
    ("hikube", "2"): {"externalAllowICMP", "networks", "debian"},
}


def chart(version: str, kind: str) -> Schema:
    """The values that a release takes, and no others."""

    def properties(version: str) -> dict[str, Any]:
        release = CHARTS[version]
        lower = properties(release["same"]) if "same" in release else {}
        return {key: value for key, value in {**lower, **release.get(kind, {})}.items() if value is not None}

    values = properties(version)
    return Schema({"type": "object", "additionalProperties": False, "required": sorted(values), "properties": values})


def environment(platform: str, version: str, vms: dict[str, Any]) -> str:
    """An environment of some VMs, each on a disk of an image unless it has another source."""
    base = {"instanceType": "u1.xlarge", "image": "ubuntu-2404"}
    content = {
        "platform": platform,
        "platformVersion": version,
        "namespace": "tenant-acme",
        "vms": {name.lower(): {**base, **vm} for name, vm in vms.items()},
        "disks": {"golden": {"image": "ubuntu-2404", "storage": "20Gi"}},
    }
    return yaml.safe_dump(content, sort_keys=False)


@pytest.mark.parametrize(("platform", "version"), [pair for pair in EVERY if pair[0] == "cozystack"])
def test_chart_takes_what_is_rendered(platform: str, version: str, new_repository: Callable[..., Any]) -> None:
    """A fleet with every feature of a version fits the schema of that version's charts, which lack no field of it."""
    features = {name: vm for name, vm in FEATURES.items() if name not in LACKING[platform, version]}
    repository = new_repository({"environments/lab.yaml": environment(platform, version, OF_EVERY_VERSION | features)})
    result = repository.run("render", "--stdout")
    assert result.code == 0, result.messages
    objects = list(yaml.safe_load_all(result.stdout))
    assert len(objects) > 2 * len(features)
    for each in objects:
        assert chart(version, each["kind"]).find_errors(each["spec"]) == [], each


@pytest.mark.parametrize(("platform", "version", "feature"), [(*pair, name) for pair in EVERY for name in FEATURES])
def test_feature_is_refused_where_it_lacks(
    platform: str, version: str, feature: str, new_repository: Callable[..., Any]
) -> None:
    """What a version lacks is one error; where another version has it, that is named, and what it says works."""
    repository = new_repository({"environments/lab.yaml": environment(platform, version, {"a": FEATURES[feature]})})
    result = repository.run("render", "--stdout")
    errors = [line for line in result.problems if "[field-not-on-platform]" in line or "[unknown-" in line]
    if feature not in LACKING[platform, version]:
        assert errors == []
        return
    assert len(errors) == 1, errors
    remedy = next((word for word in errors[0].split("`") if word.startswith("platformVersion: ")), None)
    with_it = [other for name, other in EVERY if name == platform and feature not in LACKING[platform, other]]
    assert (remedy is not None) == (bool(with_it) and "write `networks` instead" not in errors[0]), errors
    if remedy:
        newer = remedy.split('"')[1]
        repository.write({"environments/lab.yaml": environment(platform, newer, {"a": FEATURES[feature]})})
        assert repository.run("render", "--stdout").code == 0


# More than one feature at a time: the class and the size that only the later reference has, and a profile of the earlier one.
COMBINED = FEATURES | {
    "encrypted": {"storageClass": "replicated-encrypted"},
    "attached": {"attach": [{"name": "golden", "bus": "scsi"}]},
    "linux": {"instanceProfile": "linux"},
    "small": {"instanceType": "s1.small"},
}
REFUSAL = re.compile(r"\[(field-not-on-platform|unknown-[a-z-]+)\]")
VERSION = re.compile(r'`platformVersion: "([^"]+)"`')


def find_refusals(repository: Any, platform: str, version: str, vms: dict[str, Any]) -> tuple[str, ...]:
    """What a version lacks of an environment."""
    repository.write({"environments/lab.yaml": environment(platform, version, vms)})
    return tuple(line for line in repository.run("render", "--stdout").problems if REFUSAL.search(line) and ": error:" in line)


@pytest.mark.parametrize(("platform", "version"), EVERY)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(st.sampled_from(sorted(COMBINED)), min_size=2, max_size=4))
@example(names={"gpus", "debian"})
@example(names={"encrypted", "linux"})
@example(names={"subnets", "networks"})
@example(names={"attached", "debian"})
def test_remedy_leads_to_no_refusal_of_its_kind(
    platform: str, version: str, names: set[str], new_repository: Callable[..., Any]
) -> None:
    """Who writes the version of a message gets no message that the first run did not have, and encryption stays."""
    repository = new_repository({})
    vms = {name: COMBINED[name] for name in sorted(names)}
    before = find_refusals(repository, platform, version, vms)
    for line in before:
        if "replicated-encrypted" in line:
            assert "did you mean 'replicated'" not in line
        for remedy in VERSION.findall(line):
            after = find_refusals(repository, platform, remedy, vms)
            assert len(after) < len(before)
            assert not [other for other in after if VERSION.search(other)], (line, after)


@pytest.mark.parametrize(("platform", "version"), EVERY)
def test_field_is_whole_in_its_row(platform: str, version: str) -> None:
    """Each field of a manifest has its verdicts and what the platform takes where it is left out; a key has its default."""
    loaded = LOADER.load(platform, version)
    tables = load_verdicts(loaded, LOADER)
    for kind, section in (("VMInstance", "fields"), ("VMDisk", "diskFields")):
        rows = loaded.content.mapping[section].mapping
        fields = loaded.kinds[kind].schema["properties"]["spec"]["properties"]
        assert {name for name, row in rows.items() if row.get("spec")} == fields.keys()
        assert {f"spec.{name}" for name in fields} <= tables[kind].fields.keys()
        assert {f"spec.{name}" for name in fields} <= tables[kind].unset.keys()


@pytest.mark.parametrize("part", ["default", "verdicts", "spec"])
def test_part_that_is_left_out_is_caught(part: str, new_repository: Callable[..., Any]) -> None:
    """A field without its default, verdicts or schema is an error at its row, or at the template that writes it."""
    row = {
        "default": {"default": 0},
        "spec": {"spec": {"type": "integer"}},
        "verdicts": {"verdicts": [{"verdict": "needs restart", "says": "The VM is slower.", "source": "our runbook"}]},
    }
    content = {key: value for name, parts in row.items() if name != part for key, value in parts.items()}
    folder = Project(Path("/nowhere")).template_folders[-1] / "hikube"
    platform = (folder / "platform.yaml").read_text(encoding="utf-8")
    template = (folder / "vm-instance.yaml.j2").read_text(encoding="utf-8")
    novelty = yaml.safe_dump(content, default_flow_style=True).strip()
    own = platform.replace("fields:\n", f"fields:\n  novelty: {novelty}\n", 1)
    repository = new_repository(
        {
            "environments/lab.yaml": environment("hikube", "1", {"a": {}}),
            "templates/hikube/platform.yaml": own,
            "templates/hikube/vm-instance.yaml.j2": template.replace(
                "  cloudInitSeed:", "  novelty: {{ novelty }}\n  cloudInitSeed:"
            ),
        }
    )
    result = repository.run("render", "--stdout")
    assert result.code == 1
    place = "templates/hikube/vm-instance.yaml.j2" if part == "spec" else "templates/hikube/platform.yaml"
    assert place in result.messages
    assert "Traceback" not in result.messages


def test_later_reference_of_hikube_plans_no_effect(new_repository: Callable[..., Any]) -> None:
    """From "1" to "2" in a committed environment: disks become objects, and nothing happens on the platform."""
    first = environment("hikube", "1", {"web": {"count": 2, "disks": {"data": "5Gi"}, "externalPorts": [80]}})
    repository = new_repository({"environments/lab.yaml": first})
    repository.run("render")
    repository.write({"environments/lab.yaml": first.replace("platformVersion: '1'", "platformVersion: '2'")})
    result = repository.run("plan", "-o", "json")
    assert result.code == 0, result.messages
    changes = yaml.safe_load(result.stdout)["environments"][0]["objects"]
    assert {(field["path"], field["verdict"]) for each in changes for field in each["fields"]} == {
        (f"spec.{name}", "no effect")
        for name in ("running", "runStrategy", "disks", "subnets", "gpus", "cpuModel", "resources")
    }


def test_bus_of_an_optical_disk_that_is_written_out_has_no_effect(new_repository: Callable[..., Any]) -> None:
    """Manifests without `bus: sata` and `subnets: []` plan no effect on a release that takes both where they are left out."""
    text = environment("cozystack", "1.6", {"web": OF_EVERY_VERSION["iso"]})
    repository = new_repository({"environments/lab.yaml": text})
    repository.run("render")
    path = repository.root / "manifests/lab/vms/web/web.yaml"
    manifest = path.read_text(encoding="utf-8")
    path.write_text(manifest.replace("      bus: sata\n", "").replace("  subnets: []\n", ""), encoding="utf-8")
    result = repository.run("plan")
    assert "Plan: 0 to create, 1 to update (1 no effect), 0 to delete, 0 destroy data." in result.stdout


@pytest.mark.parametrize(
    ("written", "version"),
    [("0.41", "0.41"), ("0.41.11", "0.41"), ("1.2", "1.0"), ("1.2.9", "1.0"), ("1.5.0", "1.5"), ("1.6.2", "1.6"), ("1", "1.0")],
)
def test_version_between_two_has_the_rules_of_the_lower(written: str, version: str) -> None:
    """A patch is ignored, and between two versions the lower one decides."""
    assert LOADER.load_release("cozystack").resolve(written) == version


@pytest.mark.parametrize("written", ["1.7", "2.0", "0.40", "0.9", "next", "newest", "", "1.x", "v1.6", "1.6.2.1", "99999"])
def test_version_that_is_not_known_lists_those_that_are(written: str) -> None:
    """Newer, older or no version at all: the known ones are listed."""
    with pytest.raises(UnknownVersionError, match=r'1\.4"?, "?1\.5"?, "?1\.6'):
        LOADER.load_release("cozystack").resolve(written)


def test_version_of_another_platform_is_not_inherited(new_repository: Callable[..., Any]) -> None:
    """A layer that names another platform does not take the version of the layer below."""
    repository = new_repository(
        {
            "environments/_defaults.yaml": 'platformVersion: "2"\nnamespace: tenant-acme\n',
            "environments/lab.yaml": "platform: cozystack\nvms: {a: {instanceType: u1.large, image: debian-12}}\n",
            "environments/own.yaml": "vms: {b: {instanceType: u1.large, image: debian-12}}\n",
        }
    )
    result = repository.run("render")
    assert result.code == 0
    assert "so Cozystack 1.6 is assumed" in result.messages
    assert result.messages.count("platform-version-not-written") == 1
    assert "- name: b-system" in (repository.root / "manifests/own/vms/b/b.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "offered"),
    [("replicated-encrypted", False), ("local-encryptd", False), ("luks-encrypted", False), ("replicatd", True)],
)
@pytest.mark.parametrize("version", ["1", "2"])
def test_remedy_never_drops_encryption(name: str, offered: bool, version: str, new_repository: Callable[..., Any]) -> None:
    """For a class that encrypts no class is offered that does not."""
    vm = {"storageClass": name}
    repository = new_repository({"environments/lab.yaml": environment("hikube", version, {"a": vm})})
    lines = [line for line in repository.run("render").problems if "unknown-storage-class" in line]
    plain = ("'replicated'", "'local'", "'replicated-async'", "'replicated-async-windows'")
    assert any(word in line for line in lines for word in plain) == offered


def select(text: str, version: str) -> Any:
    """The plain content of a data file at a version."""
    content, problems = read_yaml(text.encode(), "data.yaml")
    assert isinstance(content, Located)
    assert not problems
    return to_plain(Versions(("1.0", "1.4", "2.0"), "2.0", "ask").select(content, version))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a: {x: 1, since: '1.4'}, b: {since: '2.0'}, c: {until: '1.0'}}", {"a": {"x": 1}}),
        ("{d: {until: newest}, e: {since: next}}", {"d": {}}),
        ("{a: {x: 1, z: 2, changes: {'1.4': {x: 3, z: null}, '2.0': {x: 4}}}}", {"a": {"x": 3}}),
        ("[{x: 1, since: next}, {x: 2}, {x: 3, until: '1.4', since: '1.0'}]", [{"x": 2}, {"x": 3}]),
        ("{a: {b: {c: {since: '2.0'}, d: 1}}}", {"a": {"b": {"d": 1}}}),
    ],
)
def test_data_at_a_version(text: str, expected: Any) -> None:
    """`since` and `until` include their version, `changes` apply from theirs on, at any depth."""
    assert select(text, "1.4") == expected


def test_unknown_version_is_one_problem_at_its_place(new_repository: Callable[..., Any]) -> None:
    """A number without quotes and a newer version each have one message, at the value."""
    for written, says in ((1.6, 'must be a version such as "1.6", in quotes'), ('"1.9"', "1.9 is newer than every version")):
        text = (
            f"platform: cozystack\nplatformVersion: {written}\nnamespace: tenant-acme\nvms: {{a: {{instanceType: u1.small}}}}\n"
        )
        lines = new_repository({"environments/lab.yaml": text}).run("render").problems
        assert len(lines) == 1
        assert lines[0].startswith("environments/lab.yaml:2:18: error: platformVersion: ")
        assert says in lines[0]


def test_platform_without_versions_refuses_one() -> None:
    """A platform of a repository that has no versions says so."""
    release = PlatformLoader(Project(Path("/nowhere"))).load_release("hikube")
    release.versions = Versions()
    with pytest.raises(UnknownVersionError, match="has no versions; remove this"):
        release.resolve("1")


def test_problems_error_is_raised_for_an_invalid_version() -> None:
    """The platform of layers with an unknown version cannot be loaded."""
    content, _ = read_yaml(b'platformVersion: "9"\n', "lab.yaml")
    assert content
    with pytest.raises(ProblemsError):
        LOADER.load_written(content)


def test_default_of_the_environment_schema_is_that_of_the_row() -> None:
    """What editors and docs/environment.md show as the default of a key is the default of its field, on every version."""
    definitions = load_builtin_schema("environment").document["$defs"]
    for platform, version in EVERY:
        loaded = LOADER.load(platform, version)
        for shape, section in (("group", "fields"), ("disk", "diskFields")):
            for name, row in loaded.content.mapping[section].mapping.items():
                entry = definitions[shape]["properties"].get(name, {})
                entry = definitions[entry["$ref"].rpartition("/")[2]] if "$ref" in entry else entry
                if "default" in entry:
                    assert entry["default"] == row.get_plain("default"), (platform, version, name)


def test_ports_of_an_export_are_not_reported(new_repository: Callable[..., Any]) -> None:
    """An internal VM with the default port of the platform, which each export has, has no warning; another port has."""
    for ports, count in ([22], 0), ([443], 1):
        vm = {"external": False, "externalPorts": ports}
        repository = new_repository({"environments/lab.yaml": environment("hikube", "2", {"a": vm})})
        assert repository.run("render").messages.count("[ports-while-internal]") == count
