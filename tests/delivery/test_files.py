"""What Argo CD and Flux are given: whole files, against golden ones, and how they are owned."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from vmgen.read.repository import read_schema_text

CASES = Path(__file__).parent / "cases"
PRODUCTION = """
namespace: tenant-acme
vms:
  web: {count: 2, instanceType: u1.large, image: ubuntu-2404}
delivery:
  argocd: {repoURL: "https://git.example.com/vms.git", destination: {name: hikube}}
  flux: {sourceRef: {name: vms}}
"""


def _documents(repository: Any, path: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((repository.root / "delivery" / path).read_text(encoding="utf-8")))


def _files_of(case: Path, folder: str) -> dict[str, bytes]:
    below = case / folder
    return {path.relative_to(below).as_posix(): path.read_bytes() for path in below.rglob("*") if path.is_file()}


@pytest.mark.parametrize("case", sorted(CASES.iterdir()), ids=lambda case: case.name)
def test_golden(case: Path, new_repository: Callable[..., Any], accept: bool) -> None:
    """A repository's delivery/ is, byte for byte, the one that was looked at; a second render and `check` agree."""
    repository = new_repository({f"environments/{name}": text for name, text in _files_of(case, "environments").items()})
    assert repository.run("render").code == 0
    made = repository.files("delivery")
    if accept:
        shutil.rmtree(case / "delivery", ignore_errors=True)
        for name, text in made.items():
            (case / "delivery" / name).parent.mkdir(parents=True, exist_ok=True)
            (case / "delivery" / name).write_bytes(text)
    assert made == _files_of(case, "delivery")
    assert repository.run("render", "--check").code == 0
    assert repository.run("check", "--kustomize", "off").code == 0


def test_every_setting_is_written() -> None:
    """The golden case of all settings writes each key of the schema, so that no key is taken and then forgotten."""
    schema = json.loads(read_schema_text("environment"))["$defs"]
    written = yaml.safe_load((CASES / "all-settings/environments/production.yaml").read_text(encoding="utf-8"))["delivery"]
    for name, found in (("delivery", written), ("argocd", written["argocd"]), ("flux", written["flux"])):
        assert set(found) == set(schema[name]["properties"])


def test_defaults_are_as_documented() -> None:
    """The schema, and so an editor and the reference page, gives each default of the settings, and no other."""
    schema = json.loads(read_schema_text("environment"))["$defs"]
    defaults = yaml.safe_load((Path(__file__).resolve().parents[2] / "templates/delivery/defaults.yaml").read_text("utf-8"))
    for engine, values in defaults.items():
        said = {name: entry["default"] for name, entry in schema[engine]["properties"].items() if "default" in entry}
        assert said == {name: value for name, value in values.items() if name in said}
        plain = {name for name, value in values.items() if value and not isinstance(value, dict)}
        assert plain == said.keys() - {name for name in said if not values[name]}


def test_repeated_names_are_told_apart(new_repository: Callable[..., Any]) -> None:
    """A shard of one environment and the whole of another must not be one Application: refused, at the settings of one."""
    repository = new_repository(
        {
            "environments/acme.yaml": PRODUCTION.replace("vms:", "disks: {spare: 1Gi}\nvms:").replace(
                "delivery:", "delivery:\n  shardSize: 4"
            ),
            "environments/acme-web.yaml": PRODUCTION.replace("tenant-acme", "tenant-acme-web"),
        }
    )
    done = repository.run("render")
    assert done.code == 1
    assert not (repository.root / "delivery").exists()
    assert {line.rpartition("[")[2] for line in done.problems} == {"delivery-clash]"}
    assert "Application acme-web is also used by environment acme-web; set a different `prefix:`" in done.messages


def test_one_set_one_mind(new_repository: Callable[..., Any]) -> None:
    """Environments of one ApplicationSet that differ in its settings are refused, at the setting that differs."""
    text = PRODUCTION.replace("argocd: {", "argocd: {applicationSet: true, ")
    other = text.replace("hikube", "elsewhere").replace("tenant-acme", "tenant-acme-b")
    done = new_repository({"environments/a.yaml": text, "environments/b.yaml": other}).run("render")
    assert done.code == 1
    assert "environments/b.yaml:6:" in done.messages
    assert "`destination` differs from environment a" in done.messages


def test_pruned_with_the_section(repository: Callable[..., Any]) -> None:
    """Files whose `delivery:` is gone are removed; what vmgen did not write stays, and nobody complains about it."""
    made = repository(PRODUCTION, {"delivery/argocd/project.yaml": "kind: AppProject\n"})
    assert made.run("render").problems == []
    assert set(made.files("delivery")) == {
        "argocd/health.yaml",
        "argocd/production.yaml",
        "argocd/project.yaml",
        "flux/production.yaml",
    }
    made.write({"environments/production.yaml": PRODUCTION.partition("delivery:")[0]})
    assert made.run("check", "--kustomize", "off").messages.count("is obsolete") == 3
    assert made.run("render").code == 0
    assert set(made.files("delivery")) == {"argocd/project.yaml"}


def test_some_environments_only(new_repository: Callable[..., Any]) -> None:
    """A render of one environment writes its files, and leaves those of others, and what they share, alone."""
    made = new_repository({"environments/a.yaml": PRODUCTION, "environments/b.yaml": PRODUCTION.replace("acme", "other")})
    assert made.run("render", "a").code == 0
    assert set(made.files("delivery")) == {"argocd/a.yaml", "flux/a.yaml"}
    assert made.run("render").code == 0
    before = made.files("delivery")
    made.write({"environments/a.yaml": PRODUCTION.partition("delivery:")[0]})
    assert made.run("render", "a").code == 0
    assert set(before) - set(made.files("delivery")) == {"argocd/a.yaml", "flux/a.yaml"}


def test_drift_is_named(repository: Callable[..., Any]) -> None:
    """A hand edit, and a file that is missing, are named by `check` and mended by `render`."""
    made = repository(PRODUCTION)
    made.run("render")
    path = made.root / "delivery/argocd/production.yaml"
    path.write_bytes(path.read_bytes().replace(b"prune: true", b"prune: false"))
    (made.root / "delivery/flux/production.yaml").unlink()
    done = made.run("check", "--kustomize", "off")
    assert done.code == 1
    assert "delivery/argocd/production.yaml: error: differs from its environment" in done.messages
    assert "delivery/flux/production.yaml: error: is missing" in done.messages
    assert made.run("render").code == 0
    assert made.run("check", "--kustomize", "off").code == 0


def test_a_file_in_the_way(repository: Callable[..., Any]) -> None:
    """A file that vmgen did not write, in the place of one that it would, is left alone and nothing is written."""
    made = repository(PRODUCTION, {"delivery/flux/production.yaml": "kind: Kustomization\n"})
    done = made.run("render")
    assert done.code == 1
    assert "delivery/flux/production.yaml: error: is at the path of a manifest, but vmgen did not write it" in done.messages
    assert set(made.files("delivery")) == {"flux/production.yaml"}


def test_own_template_is_held_to_the_shape(repository: Callable[..., Any]) -> None:
    """A repository's own template that makes a dry run on the server possible, or a field unknown, is refused at its place."""
    built_in = Path(__file__).resolve().parents[2] / "templates/delivery/argocd/application.yaml.j2"
    text = built_in.read_text(encoding="utf-8").replace("ServerSideDiff=false", "ServerSideDiff=true")
    done = repository(PRODUCTION, {"templates/delivery/argocd/application.yaml.j2": text}).run("render")
    assert done.code == 1
    assert "templates/delivery/argocd/application.yaml.j2:1:1: error: metadata.annotations" in done.messages


@pytest.mark.parametrize("option", ["ServerSideApply=true", "Replace=true", "Force=true"])
def test_harmful_sync_options(option: str, repository: Callable[..., Any]) -> None:
    """Sync options that rewrite or recreate objects on this platform are refused where they are written."""
    done = repository(PRODUCTION.replace("argocd: {", f"argocd: {{syncOptions: [{option}], ")).run("render")
    assert done.code == 1
    assert "do harm on this platform" in done.messages


def test_nothing_to_deliver(repository: Callable[..., Any]) -> None:
    """An environment without objects is given no Application and no Kustomization: the folder would not exist."""
    made = repository("namespace: tenant-acme\ndelivery:\n  flux: {sourceRef: {name: vms}}\n")
    made.run("render")
    assert made.files("delivery") == {}


@pytest.mark.parametrize(("size", "names"), [(4, ["production"]), (3, ["production-web-1-1", "production-web-2-2"])])
def test_the_limit_of_a_shard(repository: Callable[..., Any], size: int, names: list[str]) -> None:
    """An environment of as many objects as `shardSize` is one Application; of one more, each group is split."""
    made = repository(PRODUCTION.replace("delivery:", f"delivery:\n  shardSize: {size}"))
    made.run("render")
    assert [found["metadata"]["name"] for found in _documents(made, "argocd/production.yaml")] == names


def test_late_disks_do_not_gate(repository: Callable[..., Any]) -> None:
    """Classes that are not replicated, those of the repository's own catalog too, count as ready before a VM uses them."""
    catalog = "storageClasses:\n  scratch: {replicated: false}\n"
    made = repository(PRODUCTION, {"environments/_catalog.yaml": catalog})
    made.run("render")
    disks, machines = _documents(made, "flux/production.yaml")
    assert 'spec.storageClass in ["local", "scratch"]' in disks["spec"]["healthCheckExprs"][0]["current"]
    assert machines["spec"]["dependsOn"] == [{"name": "production-disks"}]
    [health] = _documents(made, "argocd/health.yaml")
    assert 'late["scratch"] = true' in health["data"]["resource.customizations.health.apps.cozystack.io_VMDisk"]


def test_order_without_readiness(repository: Callable[..., Any]) -> None:
    """With `wait: false` the VMs still come after the disks, and nothing waits for either."""
    made = repository(PRODUCTION.replace("flux: {", "flux: {wait: false, "))
    made.run("render")
    for each in _documents(made, "flux/production.yaml"):
        assert each["spec"]["wait"] is False
        assert "healthCheckExprs" not in each["spec"]
    assert _documents(made, "flux/production.yaml")[1]["spec"]["dependsOn"] == [{"name": "production-disks"}]


@pytest.mark.parametrize("case", ["shards", "ranges"])
def test_shards_cover_the_environment_once(case: str, new_repository: Callable[..., Any], engine: list[str]) -> None:
    """What the Kustomizations of all shards build is every object of the environment, each once."""
    files = _files_of(CASES / case, "environments")
    made = new_repository({f"environments/{name}": text for name, text in files.items()})
    made.run("render")
    built = []
    for each in _documents(made, "flux/production.yaml"):
        folder = made.root / each["spec"]["path"].removeprefix("./infra/vms/")
        # Flux allows a kustomization.yaml to name files of the repository outside of its folder.
        command = [*engine, "--load-restrictor", "LoadRestrictionsNone", str(folder)]
        done = subprocess.run(command, capture_output=True, check=True)
        built += [(found["kind"], found["metadata"]["name"]) for found in yaml.safe_load_all(done.stdout)]
    whole = subprocess.run([*engine, str(made.root / "manifests/production")], capture_output=True, check=True)
    wanted = [(found["kind"], found["metadata"]["name"]) for found in yaml.safe_load_all(whole.stdout)]
    assert sorted(built) == sorted(wanted)


def test_shards_of_one_process_each(new_repository: Callable[..., Any]) -> None:
    """Environments that are rendered in processes of their own are delivered alike."""
    files = {f"environments/{name}.yaml": PRODUCTION.replace("acme", name) for name in ("a", "b")}
    alone, together = new_repository(files), new_repository(files)
    assert alone.run("render").code == together.run("render", "--jobs", "2").code == 0
    assert alone.files("delivery") == together.files("delivery") != {}


SYNC_OPTIONS = [
    ("", ["ApplyOutOfSyncOnly=true", "PruneLast=true", "FailOnSharedResource=true"]),
    (", syncOptions: []", ["PruneLast=true", "FailOnSharedResource=true"]),
    (", syncOptions: [CreateNamespace=true]", ["CreateNamespace=true", "PruneLast=true", "FailOnSharedResource=true"]),
    (", syncOptions: [FailOnSharedResource=false]", ["FailOnSharedResource=false", "PruneLast=true"]),
    (", syncOptions: [PruneLast=false]", ["PruneLast=false", "FailOnSharedResource=true"]),
]


@pytest.mark.parametrize(("written", "expected"), SYNC_OPTIONS)
def test_sync_options_that_disks_need_are_added(repository: Callable[..., Any], written: str, expected: list[str]) -> None:
    """An Application prunes last and refuses what another one has, unless the environment says otherwise."""
    made = repository(PRODUCTION.replace("destination: {name: hikube}}", f"destination: {{name: hikube}}{written}}}"))
    assert made.run("render").code == 0
    [application] = _documents(made, "argocd/production.yaml")
    assert application["spec"]["syncPolicy"]["syncOptions"] == expected
