"""The catalogs hold what the platforms offer: the tables of Hikube's reference page, written out, and what both must keep."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest

from vmgen.merge.catalog import Catalog
from vmgen.merge.platform import PlatformLoader, validate
from vmgen.quantities import format_size, parse_size
from vmgen.read.repository import Project

CHECKOUT = Path(__file__).resolve().parent.parent
PLATFORMS = ("hikube", "cozystack")
# Name: vCPU, GiB of memory.
TYPES = {
    "s1.small": (1, 2),
    "s1.medium": (2, 4),
    "s1.large": (4, 8),
    "s1.xlarge": (8, 16),
    "s1.3large": (12, 24),
    "s1.2xlarge": (16, 32),
    "s1.3xlarge": (24, 48),
    "s1.4xlarge": (32, 64),
    "s1.8xlarge": (64, 128),
    "u1.medium": (1, 4),
    "u1.large": (2, 8),
    "u1.xlarge": (4, 16),
    "u1.2xlarge": (8, 32),
    "u1.4xlarge": (16, 64),
    "u1.8xlarge": (32, 128),
    "m1.large": (2, 16),
    "m1.xlarge": (4, 32),
    "m1.2xlarge": (8, 64),
    "m1.4xlarge": (16, 128),
    "m1.8xlarge": (32, 256),
}
# Name: operating system, GiB of storage at least.
IMAGES = {
    "almalinux-8": ("AlmaLinux 8", 11),
    "almalinux-9": ("AlmaLinux 9", 11),
    "almalinux-10": ("AlmaLinux 10", 11),
    "rocky-8": ("Rocky Linux 8", 11),
    "rocky-9": ("Rocky Linux 9", 11),
    "rocky-10": ("Rocky Linux 10", 11),
    "debian-11": ("Debian 11 (Bullseye)", 4),
    "debian-12": ("Debian 12 (Bookworm)", 4),
    "debian-13": ("Debian 13 (Trixie)", 4),
    "ubuntu-2204": ("Ubuntu 22.04 LTS (Jammy)", 4),
    "ubuntu-2404": ("Ubuntu 24.04 LTS (Noble)", 4),
    "centos-stream-9": ("CentOS Stream 9", 11),
    "centos-stream-10": ("CentOS Stream 10", 11),
    "oracle-8": ("Oracle Linux 8", 40),
    "oracle-9": ("Oracle Linux 9", 40),
    "oracle-10": ("Oracle Linux 10", 40),
    "opensuse-156": ("openSUSE Leap 15.6", 1),
    "opensuse-160": ("openSUSE Leap 16.0", 2),
    "cloudlinux-8": ("CloudLinux 8", 8),
    "cloudlinux-9": ("CloudLinux 9", 9),
    "proxmox-8": ("Proxmox VE 8", 2),
    "proxmox-9": ("Proxmox VE 9", 2),
    "talos-112": ("Talos Linux 1.12", 4),
}
ISO_IMAGES = {"proxmox-8", "proxmox-9"}
# The tables of the reference page: field, default. A dash stands for none.
VM_FIELDS = {
    "external": False,
    "externalMethod": "PortList",
    "externalPorts": [],
    "running": True,
    "instanceType": "-",
    "instanceProfile": "-",
    "disks": [],
    "sshKeys": [],
    "cloudInit": "",
    "cloudInitSeed": "",
}
DISK_FIELDS = {"source": {}, "optical": False, "storage": "-", "storageClass": "replicated"}


def catalog(platform: str) -> Catalog:
    """A platform's catalog, as it is built in."""
    return PlatformLoader(Project(CHECKOUT / "nowhere")).load(platform).catalog


def test_hikube_instance_types() -> None:
    """The 20 types of the reference page, with their vCPU and memory, and no other."""
    found = {name: (each.cpu, each.memory) for name, each in catalog("hikube").instance_types.items()}
    assert found == {name: (cpu, memory * 2**30) for name, (cpu, memory) in TYPES.items()}


def test_hikube_images() -> None:
    """The 23 images of the reference page, with their minimum storage, and no other; the installers are marked."""
    images = catalog("hikube").images
    assert {name: (each.os, each.min_storage) for name, each in images.items()} == {
        name: (system, f"{storage}Gi") for name, (system, storage) in IMAGES.items()
    }
    assert {name for name, each in images.items() if each.optical} == ISO_IMAGES


def test_hikube_storage_classes() -> None:
    """The two storage classes of the reference page are there, and which of them is replicated."""
    classes = catalog("hikube").storage_classes
    assert (classes["replicated"].replicated, classes["local"].replicated) == (True, False)


def test_hikube_fields_in_the_order_of_the_page() -> None:
    """The templates write every field of the page's tables, in their order."""
    for file, fields in (("vm-instance", VM_FIELDS), ("vm-disk", DISK_FIELDS)):
        spec = (CHECKOUT / f"templates/hikube/{file}.yaml.j2").read_text().partition("spec:\n")[2]
        assert [line.strip().partition(":")[0] for line in spec.splitlines() if line.strip()[0].isalpha()] == list(fields)


def test_hikube_defaults_are_those_of_the_page() -> None:
    """What nobody writes has the default of the page."""
    platform = PlatformLoader(Project(CHECKOUT / "nowhere")).load("hikube")
    for defaults, fields in ((platform.defaults, VM_FIELDS), (platform.disk_defaults, DISK_FIELDS)):
        known = {name: value for name, value in fields.items() if name not in ("disks", "source") and value != "-"}
        assert {name: defaults.get_plain(name) for name in known} == known


@pytest.mark.parametrize("profile", ["ubuntu", "centos", "debian", "fedora", "windows"])
def test_documented_profiles(profile: str) -> None:
    """The profiles that Hikube documents are there on both platforms; where one is no preference, using it warns."""
    assert profile in catalog("hikube").profiles
    found = catalog("cozystack").profiles.get(profile)
    if profile in ("centos", "windows"):
        assert found is not None
        assert found.warning


@pytest.mark.parametrize("platform", PLATFORMS)
def test_images_have_profiles_that_exist(platform: str) -> None:
    """Every image names a profile of its catalog, and a profile of the same kind of system."""
    found = catalog(platform)
    assert {name: each.profile for name, each in found.images.items() if each.profile not in found.profiles} == {}


@pytest.mark.parametrize("platform", PLATFORMS)
def test_catalogs_are_whole(platform: str) -> None:
    """Sizes are exact, names are distinct across aliases, and nothing is empty."""
    found = catalog(platform)
    assert all(
        each.cpu >= 1 and each.memory >= 512 * 2**20 and format_size(each.memory) for each in found.instance_types.values()
    )
    assert all(parse_size(each.min_storage) >= 2**30 and each.os for each in found.images.values())
    aliases = [alias for each in found.images.values() for alias in each.located.get_plain("aliases", [])]
    assert len(aliases) == len({*aliases} - found.images.keys())
    assert found.storage_classes
    assert found.gpus
    assert all(each.min_cpu >= 0 and each.min_memory >= 0 for each in found.profiles.values())


def test_images_that_both_platforms_have_go_by_either_name() -> None:
    """An environment that names an image by one platform's name renders for the other."""
    hikube, cozystack = catalog("hikube"), catalog("cozystack")
    shared = [name for name in hikube.image_names if name in cozystack.image_names]
    assert {"ubuntu-2404", "ubuntu-24.04"} <= {*shared}
    for name in shared:
        one, other = hikube.find_image(name), cozystack.find_image(name)
        assert one is not None
        assert other is not None
        assert one.profile.partition(".")[0] == other.profile.partition(".")[0]


SCHEMAS = sorted([*(CHECKOUT / "schema").glob("**/*.json"), *(CHECKOUT / "templates").glob("**/*.schema.json")])


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.relative_to(CHECKOUT).as_posix())
def test_schemas_are_valid(path: Path) -> None:
    """Every JSON file of the project is JSON, and every schema is one of its draft."""
    document = json.loads(path.read_text(encoding="utf-8"))
    draft = document.get("$schema", "")
    if path.name.endswith(".schema.json"):
        assert draft
    if draft.endswith("2020-12/schema"):
        jsonschema_rs.meta.validate(document)
    assert path.read_text(encoding="utf-8").endswith("\n")


def _described(schema: object, path: str = "") -> list[str]:
    missing = []
    if isinstance(schema, dict):
        for name, value in schema.get("properties", {}).items():
            if isinstance(value, dict) and "$ref" not in value and "description" not in value:
                missing.append(f"{path}.{name}")
        for name, value in schema.items():
            missing += _described(value, f"{path}.{name}")
    elif isinstance(schema, list):
        for value in schema:
            missing += _described(value, path)
    return missing


def test_every_key_of_an_environment_is_described() -> None:
    """An editor has something to show for every key that may be written."""
    document = json.loads((CHECKOUT / "schema/environment.schema.json").read_text())
    assert _described(document) == []


@pytest.mark.parametrize("platform", PLATFORMS)
def test_own_files_are_valid_at_every_version(platform: str) -> None:
    """The schemas of data files, which a run trusts the program's own files to fit, are held by each version of them."""
    project = Project(CHECKOUT)
    assert not project.is_trusted(CHECKOUT / "templates" / platform / "platform.yaml")
    release = PlatformLoader(project).load_release(platform)  # validates what a repository has
    for version in (*release.versions.names, "next"):
        validate(release.build(version).content, "platform")


def test_a_run_trusts_the_own_files_of_the_program_alone(tmp_path: Path) -> None:
    """A file of the program is trusted, one of the repository that replaces it is not."""
    folder = CHECKOUT / "templates" / "hikube"
    assert Project(tmp_path).is_trusted(folder / "platform.yaml")
    assert not Project(tmp_path).is_trusted(tmp_path / "templates" / "hikube" / "platform.yaml")
    assert not Project(CHECKOUT).is_trusted(folder / "platform.yaml")
