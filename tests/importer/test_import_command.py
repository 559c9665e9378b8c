"""`vmgen import`: what it writes and where it says what, its exit codes, and that it never replaces a file."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from vmgen.importer.run import ImportResult
from vmgen.read.repository import Project

VM = """\
apiVersion: apps.cozystack.io/v1alpha1
kind: VMInstance
metadata: {name: web-1, namespace: tenant-acme}
spec: {instanceType: u1.large, instanceProfile: ubuntu, disks: [web-1-system], running: true, size: 4}
---
apiVersion: apps.cozystack.io/v1alpha1
kind: VMDisk
metadata: {name: web-1-system, namespace: tenant-acme}
spec: {source: {image: {name: ubuntu-2404}}, storage: 20Gi}
"""
ENVIRONMENT = """\
# yaml-language-server: $schema=../schema/environment.schema.json
namespace: tenant-acme
vms:
  web-1:
    instanceType: u1.large
    image: ubuntu-2404
"""


@pytest.fixture
def tenant(new_repository: Callable) -> Callable:
    """A repository with the manifests of a tenant, and other files."""
    return lambda files=None, manifests=VM: new_repository({"tenant.yaml": manifests, **(files or {})})


def test_it_writes_the_environment_and_names_the_next_step(tenant: Callable) -> None:
    """The file is written under the name that was asked for, and it renders."""
    repository = tenant()
    result = repository.run("import", "tenant.yaml", "--env", "production")
    assert result.code == 0
    assert result.stdout == ""
    assert "Verified and written: environments/production.yaml. Next: vmgen plan production" in result.messages
    assert (repository.root / "environments/production.yaml").read_text(encoding="utf-8") == ENVIRONMENT
    assert repository.run("render", "production").code == 0


def test_a_dry_run_prints_the_environment_and_writes_nothing(tenant: Callable) -> None:
    """The environment goes to stdout, what is said to stderr."""
    repository = tenant()
    result = repository.run("import", "tenant.yaml", "--dry-run")
    assert (result.code, result.stdout) == (0, ENVIRONMENT)
    assert "tenant.yaml:4:95: VMInstance web-1: spec.size: Hikube ignores it" in result.messages
    assert [path.name for path in repository.root.iterdir() if path.name != "environments"] == ["tenant.yaml"]
    assert list(repository.root.glob("environments/*")) == []


def test_the_environment_is_named_after_the_namespace(tenant: Callable) -> None:
    """Without --env, the name is the namespace's."""
    repository = tenant()
    assert repository.run("import", "tenant.yaml").code == 0
    assert [path.name for path in (repository.root / "environments").iterdir()] == ["tenant-acme.yaml"]


@pytest.mark.parametrize(
    ("options", "owner"),
    [
        pytest.param(["--env", "staging"], {"production": ENVIRONMENT}, id="all of them"),
        pytest.param(["--env", "production"], {"production": ENVIRONMENT}, id="in the file of this name"),
        pytest.param(["--dry-run"], {"production": ENVIRONMENT}, id="in a dry run"),
        pytest.param(
            [], {"production": "namespace: tenant-acme\ndisks: {web-1-system: {image: ubuntu-2404, storage: 20Gi}}\n"}, id="one"
        ),
    ],
)
def test_objects_that_an_environment_has_are_not_imported(tenant: Callable, options: list[str], owner: dict[str, str]) -> None:
    """A render of both environments would be refused, so nothing is written, and each remedy works."""
    repository = tenant({f"environments/{name}.yaml": text for name, text in owner.items()})
    result = repository.run("import", "tenant.yaml", *options)
    assert result.code == 1
    assert "[duplicate-identity]" in result.messages
    assert "VMDisk web-1-system" in result.messages
    assert "environments/production.yaml:" in result.messages
    assert "Import failed. Fix the errors above and retry; nothing was written." in result.messages
    assert [path.name for path in (repository.root / "environments").iterdir()] == ["production.yaml"]
    owner_file = repository.root / "environments/production.yaml"
    owner_file.write_text(f"cluster: other\n{owner_file.read_text(encoding='utf-8')}", encoding="utf-8")
    assert repository.run("import", "tenant.yaml", "--env", "staging").code == 0
    assert "[duplicate-identity]" not in repository.run("render").messages


def test_objects_that_no_environment_has_are_imported_beside_others(tenant: Callable) -> None:
    """What is left out of the import, as the message says, stays with its environment."""
    others = "namespace: tenant-acme\nvms: {db: {instanceType: u1.large, image: ubuntu-2404}}\n"
    repository = tenant({"environments/production.yaml": others})
    assert repository.run("import", "tenant.yaml", "--env", "staging").code == 0
    assert repository.run("render").code == 0


def test_a_file_that_exists_is_not_replaced(tenant: Callable) -> None:
    """The message names the file and the remedy, and the file stays as it is."""
    repository = tenant({"environments/production.yaml": "namespace: tenant-other\n"})
    result = repository.run("import", "tenant.yaml", "--env", "production")
    assert result.code == 2
    assert "environments/production.yaml already exists; choose another name with --env" in result.messages
    assert (repository.root / "environments/production.yaml").read_text(encoding="utf-8") == "namespace: tenant-other\n"


def test_nothing_is_written_where_the_proof_fails(tenant: Callable) -> None:
    """A VM without its disk is refused, at the line that names the disk."""
    repository = tenant(manifests=VM.partition("---")[0])
    result = repository.run("import", "tenant.yaml")
    assert result.code == 1
    assert [line.partition(" error: ")[0] for line in result.problems] == ["tenant.yaml:4:65:"]
    assert "the result would not match" in result.messages
    assert list(repository.root.glob("environments/*")) == []


def test_json_is_one_document_with_everything(tenant: Callable) -> None:
    """The text, the counts, and each note with its place."""
    result = tenant().run("import", "tenant.yaml", "-o", "json", "--dry-run")
    document = json.loads(result.stdout)
    (environment,) = document["environments"]
    assert (document["version"], document["holds"], result.code) == (1, True, 0)
    assert (environment["text"], environment["written"]) == (ENVIRONMENT, False)
    assert (environment["equal"], environment["completed"], environment["normalised"]) == (0, 1, 1)
    (note,) = environment["notes"]
    assert (note["what"], note["field"], note["file"], note["line"]) == ("left out", "spec.size", "tenant.yaml", 4)


def test_json_says_what_was_written(tenant: Callable) -> None:
    """A script learns the files from the document."""
    document = json.loads(tenant().run("import", "tenant.yaml", "-o", "json").stdout)
    assert [(each["file"], each["written"]) for each in document["environments"]] == [("environments/tenant-acme.yaml", True)]


def test_folders_are_read_whole(tenant: Callable) -> None:
    """Every YAML and JSON file below a folder, and nothing else."""
    vm, disk = VM.split("---\n")
    files = {"old/vms/a.yml": vm, "old/disks/b.yaml": disk, "old/README.md": "# {"}
    result = tenant(files).run("import", "old", "--dry-run")
    assert (result.code, result.stdout) == (0, ENVIRONMENT)


def test_standard_input_is_read_for_a_dash(tenant: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in `kubectl get vminstances,vmdisks -o json | vmgen import -`."""
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(VM.encode())))
    result = tenant().run("import", "-", "--dry-run")
    assert (result.code, result.stdout) == (0, ENVIRONMENT)
    assert "<stdin>:4:95" in result.messages


CANNOT: dict[str, tuple[tuple[str, ...], str]] = {
    "a file that is missing": (("nowhere.yaml",), "cannot read nowhere.yaml: No such file"),
    "a folder without manifests": (("environments",), "no .yaml or .yml or .json file in environments"),
    "a name that leads elsewhere": (("tenant.yaml", "--env", "../x"), "'../x' is not a valid environment name"),
    "an unknown platform": (("tenant.yaml", "--platform", "hikub"), "no platform 'hikub'; did you mean 'hikube'?"),
    "one name for two namespaces": (("tenant.yaml", "other.yaml", "--env", "x"), "omit --env"),
}


@pytest.mark.parametrize(("arguments", "message"), CANNOT.values(), ids=CANNOT)
def test_what_cannot_be_done_is_one_line_and_exit_code_2(tenant: Callable, arguments: tuple[str, ...], message: str) -> None:
    """With the remedy, and no traceback."""
    result = tenant({"other.yaml": VM.replace("tenant-acme", "tenant-other")}).run("import", *arguments)
    assert result.code == 2
    assert message in result.messages


def test_nothing_to_import_is_said(tenant: Callable) -> None:
    """A file of other kinds only is no success."""
    result = tenant(manifests="kind: ConfigMap\napiVersion: v1\n").run("import", "tenant.yaml")
    assert result.code == 1
    assert "Nothing to import" in result.messages


def test_an_unreadable_file_is_a_problem_at_its_line(tenant: Callable) -> None:
    """And what could be read of it does not become an environment."""
    repository = tenant(manifests=f"{VM}---\na: [b\n")
    result = repository.run("import", "tenant.yaml")
    assert result.code == 1
    assert "tenant.yaml:12:1: error: " in result.messages
    assert not Path(repository.root / "environments/tenant-acme.yaml").exists()


def test_an_environment_that_was_imported_plans_no_loss(tenant: Callable) -> None:
    """Rendered, committed and planned again, nothing changes; and no plan on the way destroys anything."""
    repository = tenant()
    repository.run("import", "tenant.yaml", "--env", "production")
    result = repository.run("plan", "production")
    assert "Plan: 2 to create, 0 to update, 0 to delete, 0 destroy data." in result.stdout


@pytest.mark.parametrize(
    "value", ["no", "014", "22:22", "1e3", "100000000000000000000000000000", "2026-01-01", "1.5", "[a]", "{}", "true"]
)
def test_a_namespace_that_is_no_text_is_refused(repository: Callable, value: str) -> None:
    """A namespace of another type is an error, and never taken for none: the object would move into the default one."""
    manifest = (
        f"apiVersion: apps.cozystack.io/v1alpha1\nkind: VMDisk\nmetadata: {{name: a, namespace: {value}}}\n"
        "spec: {source: {image: {name: ubuntu-2404}}, storage: 20Gi}\n"
    )
    made = repository("vms: {}\n", {"environments/_defaults.yaml": "namespace: tenant-a\n", "in.yaml": manifest})
    result = made.run("import", "--env", "lab", "in.yaml")
    assert (result.code, "VMDisk a: metadata.namespace: " in result.messages) == (1, True), result.messages
    assert not (made.root / "environments/lab.yaml").exists()


@pytest.mark.parametrize("rule", ["no-ssh-key", "WholeIP", "no-cloud-init-hardening"])
@pytest.mark.parametrize(
    ("settings", "severity"),
    [
        ("", None),
        ("stage: production\n", None),
        ('policy: {RULE: "off"}\n', None),
        ("policy: {RULE: warning}\n", "warning"),
        ("policy: {RULE: error}\n", "error"),
        ("policy: {RULE: error}\nstage: production\n", "error"),
    ],
)
def test_advice_is_given_only_where_it_is_set(
    import_text: Callable[..., ImportResult], tmp_path: Path, rule: str, settings: str, severity: str | None
) -> None:
    """Advice on live VMs is no finding of an import; a policy that the repository set for all environments is."""
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/_defaults.yaml").write_text(settings.replace("RULE", rule))
    vm = (
        "apiVersion: apps.cozystack.io/v1alpha1\nkind: VMInstance\nmetadata: {name: web, namespace: tenant-a}\n"
        "spec: {running: true, instanceType: u1.medium, external: true, externalMethod: WholeIP, disks: [web-system]}\n"
        "---\napiVersion: apps.cozystack.io/v1alpha1\nkind: VMDisk\nmetadata: {name: web-system, namespace: tenant-a}\n"
        "spec: {source: {image: {name: ubuntu-2404}}, storage: 20Gi, storageClass: replicated}\n"
    )
    result = import_text(Project(tmp_path), vm)
    severities = {problem.rule: problem.severity for item in result.environments for problem in item.problems}
    assert severities.get(rule) == severity, severities


DISK = {
    "apiVersion": "apps.cozystack.io/v1alpha1",
    "kind": "VMDisk",
    "metadata": {"name": "data", "namespace": "tenant-acme"},
    "spec": {"storage": "5Gi"},
}
OTHER = {**DISK, "metadata": {"name": "logs", "namespace": "tenant-acme"}}
BARE = [{key: disk[key] for key in ("metadata", "spec")} for disk in (DISK, OTHER)]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\n".join(map(json.dumps, (DISK, OTHER))), id="a document a line"),
        pytest.param("\n\n".join(json.dumps(disk, indent=2) for disk in (DISK, OTHER)) + "\n", id="appended"),
        pytest.param(
            "\r\n".join(json.dumps({"kind": "List", "items": [disk]}) for disk in (DISK, OTHER)), id="lists, appended"
        ),
        pytest.param(json.dumps([DISK, OTHER], indent=2), id="a bare list"),
        pytest.param(
            json.dumps({"apiVersion": DISK["apiVersion"], "kind": "VMDiskList", "metadata": {}, "items": BARE}),
            id="items of a kind",
        ),
    ],
)
def test_json_is_imported_in_the_forms_that_kubectl_and_jq_print(tenant: Callable, text: str) -> None:
    """`kubectl get -o json >> file`, `jq '.items[]'`, `jq .items`, and `kubectl get --raw`."""
    result = tenant(manifests=text).run("import", "tenant.yaml", "--dry-run")
    assert result.code == 0, result.messages
    assert [line for line in result.stdout.splitlines() if line.startswith("  ")] == [
        "  data: 5Gi    # no VM uses it",
        "  logs: 5Gi    # no VM uses it",
    ]


@pytest.mark.parametrize("start", ["", "\n", "\ufeff  "])
@pytest.mark.parametrize("text", ["sold by \U0001f600\U0001f680", "a \\ud83d\\ude00 of two halves", "\\\U0001f600"])
def test_json_in_ascii_is_imported(tenant: Callable, start: str, text: str) -> None:
    """Python, jq and Ansible may write a character beyond 16 bits as two escapes, which YAML does not know."""
    disks = ({**DISK, "metadata": {**DISK["metadata"], "annotations": {"note": text}}}, OTHER)
    manifests = start + "\n".join(json.dumps(disk, indent=2) for disk in disks)
    result = tenant(manifests=manifests).run("import", "tenant.yaml", "-o", "json", "--dry-run")
    assert result.code == 0, result.messages
    assert json.dumps(text, ensure_ascii=False)[1:-1] in json.loads(result.stdout)["environments"][0]["text"]


def test_a_problem_of_an_appended_document_is_at_its_line(tenant: Callable) -> None:
    """Lines count from the start of the file, and columns from the start of the line."""
    text = "\n".join(json.dumps(disk, indent=2) for disk in (DISK, {**OTHER, "spec": {"storage": "5Gb"}}))
    result = tenant(manifests=text).run("import", "tenant.yaml", "--dry-run")
    place = f"tenant.yaml:{text[: text.index('5Gb')].count(chr(10)) + 1}:16"
    assert (result.code, result.problems[0].partition(": ")[0]) == (1, place), result.messages


@pytest.mark.parametrize("metadata", [{"continue": "abc"}, {"remainingItemCount": 3}])
def test_one_page_of_a_longer_list_is_refused(tenant: Callable, metadata: dict) -> None:
    """The objects of the other pages would be missing without a word."""
    text = json.dumps({"apiVersion": DISK["apiVersion"], "kind": "VMDiskList", "metadata": metadata, "items": BARE})
    result = tenant(manifests=text).run("import", "tenant.yaml", "--dry-run")
    assert (result.code, "one page of a longer list" in result.messages) == (2, True)
