"""A live disk that was copied from another storage class is imported, and stays what it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import yaml


def disk(name: str, source: dict[str, Any], storage_class: str) -> dict[str, Any]:
    """A VMDisk of Cozystack."""
    spec = {"source": source, "storage": "20Gi", "storageClass": storage_class, "optical": False}
    metadata = {"name": name, "namespace": "tenant-acme"}
    return {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMDisk", "metadata": metadata, "spec": spec}


def build_dump(classes: dict[str, str]) -> str:
    """A VM on copies of the disk `gold`, each on a class, and `gold` itself."""
    disks = [disk(name, {"disk": {"name": "gold"}}, storage_class) for name, storage_class in classes.items()]
    spec = {
        "runStrategy": "Always",
        "instanceType": "u1.medium",
        "instanceProfile": "ubuntu",
        "disks": [{"name": name} for name in classes],
    }
    metadata = {"name": "web", "namespace": "tenant-acme"}
    machine = {"apiVersion": "apps.cozystack.io/v1alpha1", "kind": "VMInstance", "metadata": metadata, "spec": spec}
    return yaml.safe_dump_all([disk("gold", {"image": {"name": "ubuntu-24.04"}}, "replicated"), *disks, machine])


@pytest.mark.parametrize(
    ("classes", "policy"),
    [
        ({"web-system": "local"}, {"clone-storage-class": "warning"}),
        ({"web-system": "replicated", "web-data": "local"}, {"clone-storage-class": "warning"}),
        ({"web-system": "local", "web-data": "local"}, {"clone-storage-class": "warning"}),
        ({"web-system": "replicated"}, None),
    ],
)
def test_copy_across_classes_is_imported(
    new_repository: Callable[..., Any], classes: dict[str, str], policy: dict[str, str] | None
) -> None:
    """The import proves it, writes the policy only where a disk needs it, and a render gives the same source and class."""
    repository = new_repository({"live.yaml": build_dump(classes)})
    result = repository.run("import", "live.yaml", "--env", "prod", "--platform", "cozystack")
    assert result.code == 0, result.messages
    environment = yaml.safe_load((repository.root / "environments/prod.yaml").read_text(encoding="utf-8"))
    assert environment.get("policy") == policy
    rendered = repository.run("render", "--stdout")
    assert rendered.code == 0, rendered.messages
    assert ("clone-storage-class" in rendered.messages) == (policy is not None)
    specs = {each["metadata"]["name"]: each["spec"] for each in yaml.safe_load_all(rendered.stdout)}
    for name, storage_class in classes.items():
        assert (specs[name]["source"], specs[name]["storageClass"]) == ({"disk": {"name": "gold"}}, storage_class)


def test_policy_of_a_layer_above_is_set_for_the_environment(new_repository: Callable[..., Any]) -> None:
    """Where `_defaults.yaml` has the policy as an error, only the imported environment has the warning; sizes go with it."""
    dump = build_dump({"web-system": "local"}).replace("20Gi", "30G")
    defaults = "platform: cozystack\npolicy: {clone-storage-class: error, open-ssh: error}\n"
    repository = new_repository({"live.yaml": dump, "environments/_defaults.yaml": defaults})
    result = repository.run("import", "live.yaml", "--env", "prod")
    assert result.code == 0, result.messages
    environment = yaml.safe_load((repository.root / "environments/prod.yaml").read_text(encoding="utf-8"))
    assert environment["policy"] == {"size-notation": "off", "clone-storage-class": "warning"}


def test_written_clone_across_classes_stays_an_error(new_repository: Callable[..., Any]) -> None:
    """What somebody writes by hand is refused, and each of the two remedies of the message works."""
    text = (
        "platform: cozystack\nnamespace: tenant-acme\ndisks:\n  gold: {image: ubuntu-24.04, storage: 20Gi}\n"
        "  copy: {clone: gold, storage: 20Gi, storageClass: local}\n"
    )
    repository = new_repository({"environments/prod.yaml": text})
    result = repository.run("render", "--stdout")
    assert result.code == 1
    assert "use its class, or `clone-storage-class: warning` in `policy:`" in result.messages
    for remedied in (text.replace("local", "replicated"), f"{text}policy: {{clone-storage-class: warning}}\n"):
        repository.write({"environments/prod.yaml": remedied})
        assert repository.run("render", "--stdout").code == 0
