"""A platform is a folder of data: another one needs no Python, and a broken one says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
ENVIRONMENT = "platform: mine\nnamespace: tenant-acme\nvms: {web: {instanceType: u1.medium, image: debian-12, count: 2}}\n"
# A field that no built-in platform has.
POWERED = """\
  powered:
    default: true
    spec: {type: boolean}
    verdicts: [{verdict: needs restart, says: It is powered at the next start., source: an example}]
"""


def copied(platform: str = "hikube") -> dict[str, str]:
    """A built-in platform's files, as the platform `mine` of a repository."""
    return {f"templates/mine/{path.name}": path.read_text() for path in (TEMPLATES / platform).iterdir()}


def test_a_new_platform_needs_no_python(repository: Callable, engine: list[str]) -> None:
    """A folder with other field names, folders and defaults renders and passes `check`."""
    files = copied()
    for name, old, new in (
        ("platform.yaml", "folder: vms", "folder: machines"),
        ("platform.yaml", "systemDiskStorage: 20Gi", "systemDiskStorage: 33Gi"),
        ("platform.yaml", "fields:\n", f"fields:\n{POWERED}"),
        ("vm-instance.yaml.j2", "  running: {{ running }}", "  running: {{ running }}\n  powered: {{ powered }}"),
    ):
        assert old in files[f"templates/mine/{name}"]
        files[f"templates/mine/{name}"] = files[f"templates/mine/{name}"].replace(old, new, 1)
    made = repository(ENVIRONMENT, files)
    assert made.run("render").code == 0
    assert "  powered: true\n" in made.text("production/machines/web/web-1.yaml")
    assert "  storage: 33Gi\n" in made.text("production/disks/web/web-1-system.yaml")
    assert made.run("check").code == 0
    assert "debian-12" in made.run("catalog", "images", "--platform", "mine").stdout


BROKEN: dict[str, tuple[str, str | None, int, str]] = {
    "no catalog": ("catalog.yaml", None, 2, "the platform is incomplete: templates/mine/catalog.yaml is missing"),
    "no schema": ("vm-disk.schema.json", None, 2, "the platform is incomplete: templates/mine/vm-disk.schema.json is missing"),
    "no template": ("vm-disk.yaml.j2", None, 1, "no template mine/vm-disk.yaml.j2 in templates/"),
    "a schema that is no JSON": ("vm-disk.schema.json", "{", 2, "templates/mine/vm-disk.schema.json is not JSON"),
    "an unknown key": (
        "platform.yaml",
        "titel: x\n",
        1,
        "templates/mine/platform.yaml:1:1: error: titel: unknown key 'titel'; did you mean",
    ),
    "itself": ("platform.yaml", "extends: [mine/platform.yaml]\n", 2, "templates/mine/platform.yaml extends itself"),
    "what is not there": ("platform.yaml", "extends: [mine/nope.yaml]\n", 2, "templates/mine/nope.yaml is missing"),
    "a file of the system": ("platform.yaml", "extends: [/etc/hostname]\n", 2, "templates//etc/hostname is missing"),
    "no YAML": ("platform.yaml", "a: b: c\n", 1, "templates/mine/platform.yaml:1:5: error: a second ': ' on this line"),
    "a wrong size": (
        "catalog.yaml",
        "instanceTypes: {a: {cpu: 1, memory: 4GB}}\n",
        1,
        "templates/mine/catalog.yaml:1:37: error: ",
    ),
}


@pytest.mark.parametrize(("file", "text", "code", "message"), BROKEN.values(), ids=BROKEN)
def test_broken_platforms(repository: Callable, file: str, text: str | None, code: int, message: str) -> None:
    """What is missing or misshapen in a platform is said with its file, and nothing is written."""
    files = copied()
    if text is None:
        del files[f"templates/mine/{file}"]
    else:
        files[f"templates/mine/{file}"] = text
    made = repository(ENVIRONMENT, files)
    done = made.run("render")
    assert (done.code, message in done.messages) == (code, True), done.messages
    assert not (made.root / "manifests").exists()


def test_an_unknown_platform(repository: Callable) -> None:
    """A platform that is not there is a problem where it is named, once."""
    done = repository(ENVIRONMENT.replace("mine", "hikubee")).run("render")
    assert done.problems == [
        "environments/production.yaml:1:11: error: platform: no platform 'hikubee'; did you mean 'hikube'? [unknown-platform]"
    ]


def test_a_platform_of_the_wrong_type(repository: Callable) -> None:
    """What the schema refused as a platform is not called unknown as well."""
    done = repository(ENVIRONMENT.replace("mine", "5")).run("render")
    assert [line.rpartition("[")[2] for line in done.problems] == ["wrong-type]"]


def test_catalog_entries(repository: Callable) -> None:
    """What `_catalog.yaml` writes is added, and laid over what is there key by key; null takes an entry away."""
    own = "images: {debian-12: {minStorage: 60Gi}, mine: {os: Mine, minStorage: 1Gi, profile: ubuntu}, rocky-8: null}\n"
    files = {"environments/_catalog.yaml": own}
    text = "namespace: tenant-acme\ndefaults: {instanceType: u1.medium}\nvms: {a: {image: debian-12}, b: {image: mine}}\n"
    made = repository(text, files)
    assert made.run("render").code == 0
    assert "  storage: 60Gi\n" in made.text("production/disks/a/a-system.yaml")
    assert "  instanceProfile: debian\n" in made.text("production/vms/a/a.yaml")
    assert "rocky-8" not in made.run("catalog", "images").stdout


@pytest.mark.parametrize("kind", ["vm-instance", "vm-disk"])
@pytest.mark.parametrize(
    "text", ["[]", "1", '{"properties": []}', '{"properties": {"spec": 1}}', '{"type": 1}', '{"required": {}}']
)
def test_an_own_schema_that_is_none(new_repository: Callable[..., object], kind: str, text: str) -> None:
    """A schema of a kind that is none is named, without a traceback."""
    production = "namespace: tenant-acme\nvms: {web: {instanceType: u1.large, image: ubuntu-2404}}\n"
    files = {"environments/production.yaml": production, f"templates/hikube/{kind}.schema.json": text}
    done = new_repository(files).run("render")
    assert done.code == 2
    assert "chema of" in done.messages or "schema.json" in done.messages


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("environments/_catalog.yaml", "images: {}\n#"),
        ("policies/own.yaml", "#"),
        ("templates/hikube/platform.yaml", "#"),
        ("templates/hikube/vm-disk.schema.json", " "),
    ],
)
def test_data_file_has_at_most_2_mib(name: str, text: str, repository: Callable) -> None:
    """A catalog, a policy, the data or a schema of a platform is refused unread beyond 2 MiB."""
    for size, is_refused in ((2 * 1024 * 1024, False), (2 * 1024 * 1024 + 1, True)):
        result = repository(ENVIRONMENT.replace("mine", "hikube"), {name: text.ljust(size, text[-1])}).run("check")
        assert ("it is larger than 2 MiB [file-too-large]" in result.messages) == is_refused, result.messages[-500:]


def test_data_file_has_at_most_100_000_values(repository: Callable) -> None:
    """A data file is refused where its values become too many; a layer may have more."""
    for count, is_refused in ((99_995, False), (99_996, True)):
        files = {"environments/_catalog.yaml": f"images: {{a: [{'1,' * count}]}}\n"}
        result = repository(ENVIRONMENT.replace("mine", "hikube"), files).run("check")
        assert ("[too-deep]" in result.messages) == is_refused, result.messages[:500]
    result = repository(ENVIRONMENT.replace("mine", "hikube") + f"vars: {{a: [{'1,' * 110_000}]}}\n").run("check")
    assert "[too-deep]" not in result.messages, result.messages[:500]
