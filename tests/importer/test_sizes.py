"""Sizes on import: what lives is adopted as it is written, and what is no size is refused once."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from vmgen.plan.change_kinds import CHANGE_KINDS

ADOPTED = ["100G", "1.5Ti", "1Pi", 107374182400, "107374182400", "1e11", ".5Ti", "5.Gi", "+20Gi", "104857600Ki", "20480M"]
REFUSED = ["10 GB", "abc", "-5Gi", 0, "0Gi", "50", True, 1.5, ["1Gi"], "99Q"]


def disk(name: str, storage: object, image: str = "") -> dict[str, object]:
    """A live VMDisk."""
    source = {"image": {"name": image}} if image else {}
    spec = {"source": source, "optical": False, "storage": storage, "storageClass": "replicated"}
    metadata = {"name": name, "namespace": "tenant-acme"}
    return {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMDisk", "metadata": metadata, "spec": spec}


def vm(name: str, **spec: object) -> dict[str, object]:
    """A live VMInstance with a system disk."""
    metadata = {"name": name, "namespace": "tenant-acme"}
    spec = {"runStrategy": "Always", "instanceProfile": "ubuntu", "disks": [{"name": f"{name}-system"}], **spec}
    return {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMInstance", "metadata": metadata, "spec": spec}


def dump(*items: dict[str, object]) -> str:
    """The output of `kubectl get -o json`."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def test_sizes_are_adopted_as_they_are(new_repository: Callable) -> None:
    """Each form that the platform takes is in the environment and in the manifest as it lives, also that of a VM."""
    live = [disk(f"d{number}", size) for number, size in enumerate(ADOPTED)]
    live += [disk("web-system", "100G", "ubuntu-24.04"), disk("web-data", "0.5Ti")]
    resources = {"cpu": 2, "sockets": "1", "memory": "8G"}
    live.append(vm("web", instanceType="", resources=resources, disks=[{"name": "web-system"}, {"name": "web-data"}]))
    repository = new_repository({"live.json": dump(*live)})
    result = repository.run("import", "live.json", "--env", "prod", "--platform", "cozystack")
    assert (result.code, result.problems) == (0, [])
    environment = yaml.safe_load((repository.root / "environments/prod.yaml").read_text(encoding="utf-8"))
    assert list(environment["disks"].values()) == ADOPTED
    assert environment["policy"] == {"size-notation": "off"}
    assert environment["vms"]["web"]["disks"] == {"data": "0.5Ti"}
    assert repository.run("render").code == 0
    specs = {}
    for path in repository.root.glob("manifests/prod/**/*.yaml"):
        manifest = yaml.safe_load(path.read_text(encoding="utf-8"))
        if "spec" in manifest:
            specs[manifest["metadata"]["name"]] = manifest["spec"]
    assert [specs[f"d{number}"]["storage"] for number in range(len(ADOPTED))] == ADOPTED
    assert [specs[name]["storage"] for name in ("web-system", "web-data")] == ["100G", "0.5Ti"]
    assert specs["web"]["resources"] == resources


def test_size_that_is_none_is_refused_alone(new_repository: Callable) -> None:
    """The default that stands for a refused size is not reported as too small for the image."""
    live = [disk(f"d{number}", size, "ubuntu-24.04") for number, size in enumerate(REFUSED)]
    repository = new_repository({"live.json": dump(*live)})
    result = repository.run("import", "live.json", "--env", "prod", "--platform", "cozystack")
    assert result.code == 1
    assert len(result.problems) == len(REFUSED)
    assert all("size in Mi, Gi or Ti, such as 20Gi" in line for line in result.problems)
    assert not (repository.root / "environments/prod.yaml").exists()


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ("budget: {storage: 199G}\ndisks: {a: 100G, b: 100G}\n", "raise `budget.storage` to 200G"),
        ("budget: {storage: 113Gi}\ndisks: {a: 100G, b: 20Gi}\n", "raise `budget.storage` to 115848Mi"),
        (
            "disks: {a: {image: ubuntu-2404, storage: 20G}}\n",
            "20G is too small for the image 'ubuntu-2404'; write 20Gi or more",
        ),
        ("disks: {a: 100Gi, b: {clone: a, storage: 100G}}\n", "100G is smaller than 'a', which has 100Gi"),
    ],
)
def test_sizes_are_compared_exactly(new_repository: Callable, environment: str, message: str) -> None:
    """Budgets and least sizes hold for each notation, and the size that a message names is enough."""
    head = "namespace: tenant-acme\nplatform: cozystack\npolicy: {size-notation: off}\n"
    repository = new_repository({"environments/prod.yaml": head + environment})
    assert message in repository.run("check", "prod").messages


def test_cost_of_a_decimal_size(new_repository: Callable) -> None:
    """100G are 93.13 GiB, and cost so much."""
    text = "namespace: tenant-acme\nprices: {currency: CHF, cpu: 0, memory: 0, storage: {replicated: 1}}\n"
    text += "policy: {size-notation: off}\ndisks: {a: 100G}\n"
    result = new_repository({"environments/prod.yaml": text}).run("list", "prod", "-o", "json")
    assert "93.13" in result.stdout


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        ("100G", "100Gi", ["grow"]),
        ("100Gi", 107374182400, []),
        ("1Ti", "1T", ["shrink"]),
        ("1.5Ti", "1536Gi", []),
        (107374182400, "1Pi", ["grow"]),
        ("100G", "10 GB", []),
    ],
)
def test_change_of_a_size(before: object, after: object, kinds: list[str]) -> None:
    """Growth and shrinking are those of the bytes; another notation is neither."""
    assert [kind for kind in ("grow", "shrink") if CHANGE_KINDS[kind](before, after)] == kinds


SUGGESTIONS = {
    "100G": "100G is 93.13Gi; write 100Gi, or `size-notation: off`",
    "1.5T": "1.5T is 1396.98Gi; write 1536Gi, or",
    "1.5Gi": "1.5Gi is 1.5Gi; write 1536Mi, or",
    "10737418240": "10737418240 bytes are 10Gi; write 10Gi, or",
    "10737418241": "10737418241 bytes are 10Gi; write 11Gi, or",
    "1Pi": "1Pi is 1048576Gi; write 1024Ti, or",
}


@pytest.mark.parametrize("size", SUGGESTIONS)
def test_size_that_somebody_writes_is_asked_for(new_repository: Callable, size: str) -> None:
    """Who writes 100G means 100Gi, so another notation is for disks that live with it; the remedy works."""
    text = f"namespace: tenant-acme\ndisks: {{a: {size}}}\n"
    repository = new_repository({"environments/prod.yaml": text})
    result = repository.run("render", "prod")
    assert (result.code, len(result.problems)) == (1, 1)
    assert SUGGESTIONS[size] in result.problems[0]
    remedy = SUGGESTIONS[size].partition("write ")[2].partition(",")[0]
    for repaired in (text.replace(size, remedy), f"{text}policy: {{size-notation: off}}\n"):
        repository.write({"environments/prod.yaml": repaired})
        assert repository.run("check", "prod", "--no-render").problems == []
