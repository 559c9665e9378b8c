"""A group that is larger than `shardSize` is split by the numbers of its VMs, and no file moves without need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vmgen.api import load, render

GROUP = "{{count: {count}, skip: {skip}, instanceType: u1.large, image: ubuntu-2404, disks: {{{disks}}}}}"
DELIVERY = """delivery:
  shardSize: {size}
  argocd: {{repoURL: "https://git.example.com/vms.git", destination: {{name: hikube}}}}
  flux: {{sourceRef: {{name: vms}}}}
"""
FLEETS = st.fixed_dictionaries(
    {
        "size": st.integers(5, 60),
        "count": st.integers(1, 60),
        "skip": st.lists(st.integers(1, 60), unique=True, max_size=20),
        "data_disks": st.integers(0, 3),
    }
)


def format_environment(size: int, count: int, skip: list[int], data_disks: int) -> str:
    """Return an environment with a group of VMs with numbers, one of VMs with names, and a standalone disk."""
    disks = ", ".join(f"data{number}: 5Gi" for number in range(data_disks))
    web = GROUP.format(count=count, skip=skip, disks=disks)
    head = f"namespace: tenant-acme\ndisks: {{spare: 1Gi}}\nvms:\n  web: {web}\n"
    return f"{head}  db: {{names: [a, b], instanceType: u1.large, image: ubuntu-2404}}\n{DELIVERY.format(size=size)}"


def list_manifests(folder: Path, **values: Any) -> tuple[dict[str, str], Mapping[str, bytes]]:
    """Return the path of each object by its kind and name, and all files."""
    (folder / "environments").mkdir(exist_ok=True)
    (folder / "environments/production.yaml").write_text(format_environment(**values), encoding="utf-8")
    [result] = render(load(folder))
    assert not [problem for problem in result.problems if problem.severity == "error"]
    paths = {}
    for path in result.files:
        kind, _, rest = path.removeprefix("production/").partition("/")
        if rest and not path.endswith("kustomization.yaml"):
            paths[f"{kind}/{rest.rpartition('/')[2]}"] = path
    return paths, result.files


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=FLEETS)
def test_no_folder_is_over_the_size(tmp_path: Path, values: dict[str, Any]) -> None:
    """Each folder of a split group, of disks and of VMs together, has at most `shardSize` objects, and lists each file once."""
    paths, files = list_manifests(tmp_path, **values)
    sizes: Counter[str] = Counter()
    for path in paths.values():
        folder, _, name = path.rpartition("/")
        listed = yaml.safe_load(files[f"{folder}/kustomization.yaml"])["resources"]
        assert listed.count(name) == 1
        sizes[folder.split("/", 2)[-1]] += 1
    assert all(count <= values["size"] for folder, count in sizes.items() if folder.startswith("web"))
    is_split = any(folder.startswith("web/") for folder in sizes)
    assert is_split == (values["count"] * (2 + values["data_disks"]) > values["size"])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=FLEETS, count=st.integers(1, 90), skip=st.lists(st.integers(1, 60), unique=True, max_size=20))
def test_numbers_decide_the_folder(tmp_path: Path, values: dict[str, Any], count: int, skip: list[int]) -> None:
    """No file of a VM moves if `count` or `skip` changes, as long as the group is larger than `shardSize`."""
    before, _ = list_manifests(tmp_path, **values)
    after, _ = list_manifests(tmp_path, **{**values, "count": count, "skip": skip})
    if min(values["count"], count) * (2 + values["data_disks"]) > values["size"]:
        assert all(after[each] == path for each, path in before.items() if each in after)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=FLEETS)
def test_every_object_is_delivered_once(new_repository: Callable[..., Any], values: dict[str, Any]) -> None:
    """The Kustomizations of all shards cover each manifest once, and so do the Applications."""
    made = new_repository({"environments/production.yaml": format_environment(**values)})
    assert made.run("render").code == 0
    manifests = sorted(path for path in made.files("manifests") if path.count("/") > 1 and "kustomization" not in path)
    covered = []
    for each in yaml.safe_load_all(made.files("delivery")["flux/production.yaml"]):
        folder = each["spec"]["path"].removeprefix("./")
        if folder.startswith("delivery/"):
            listed = yaml.safe_load(made.files("delivery")[f"{folder.removeprefix('delivery/')}/kustomization.yaml"])
            covered += [path.partition("manifests/")[2] for path in listed["resources"]]
        else:
            below = f"{folder.removeprefix('manifests/')}/"
            covered += [path for path in manifests if path.startswith(below)]
    assert sorted(covered) == manifests
    covered = []
    for each in yaml.safe_load_all(made.files("delivery")["argocd/production.yaml"]):
        source = each["spec"]["source"]
        directory, below = source["directory"], f"{source['path'].removeprefix('manifests/')}/"
        folders = [part.removesuffix("*") for part in directory.get("include", "*").strip("{}").split(",")]
        inside = [path for path in manifests if path.startswith(below)]
        inside = [path for path in inside if any(path[len(below) :].startswith(folder) for folder in folders)]
        covered += inside if directory["recurse"] else [path for path in inside if "/" not in path[len(below) :]]
    assert sorted(covered) == manifests


CLASHES = [
    ("standalone", "production-standalone would be the name of what delivers the standalone disks and standalone"),
    ("web-1-2", "production-web-1-2 would be the name of what delivers web/1-2 and web-1-2"),
]


@pytest.mark.parametrize(("group", "message"), CLASHES)
def test_a_group_with_the_name_of_a_shard_is_refused(group: str, message: str, repository: Callable[..., Any]) -> None:
    """Two parts of an environment that would be delivered under one name are an error, and another key is its remedy."""
    text = format_environment(size=6, count=6, skip=[], data_disks=1)
    made = repository(text.replace("  db: {", f"  {group}: {{name: other, "))
    done = made.run("render")
    assert (done.code, message in done.messages) == (1, True), done.messages
    made.write({"environments/production.yaml": text.replace("  db: {", "  db: {name: other, ")})
    assert made.run("render").code == 0


@pytest.mark.parametrize(("length", "is_refused"), [(37, False), (38, True)])
def test_the_name_of_the_last_range_fits_a_label(length: int, is_refused: bool, repository: Callable[..., Any]) -> None:
    """The names of Kustomizations are measured with their ranges: 63 characters are a label, and 64 are none."""
    text = format_environment(size=10, count=6, skip=[], data_disks=0)
    done = repository(text.replace("delivery:", f"delivery:\n  prefix: {'a' * length}-")).run("render")
    message = f"the Kustomization {'a' * length}-production-web-6-10-disks has {length + 26} characters"
    assert (message in done.messages) == is_refused


def test_commands_of_day_2_move_no_file(repository: Callable[..., Any]) -> None:
    """In a split group `scale` and `rebuild` only add files, though the kept disks make a shard larger than `shardSize`."""
    made = repository(format_environment(size=16, count=12, skip=[], data_disks=1))
    assert made.run("render").code == 0
    before = set(made.files())
    assert made.run("scale", "production", "web", "17").code == 0
    assert made.run("rebuild", "production", "web", "--image", "ubuntu-2204").code == 0
    done = made.run("render")
    assert done.code == 0
    assert before < set(made.files())
    assert "VMs 1-5 of the group are delivered as 20 objects; `shardSize` is 16" in done.messages
