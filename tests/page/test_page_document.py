"""The page as a document: complete in itself, safe to open, without secrets, and the same each time."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.status.cluster import make_cluster, set_condition
from vmgen.nameless import fill
from vmgen.report.page import document
from vmgen.report.page.document import embed_json, render_page

ROOT = Path(__file__).resolve().parents[2]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@shop"
Make = Callable[..., Any]
FLEET = f"""
namespace: tenant-acme
annotations: {{note: "</script><script>alert(1)</script>"}}
defaults: {{sshKeys: ['{KEY}']}}
vms:
  web:
    count: 3
    instanceType: u1.large
    image: ubuntu-2404
    cloudInit: {{packages: [nginx], bootcmd: [[echo, quite-confidential]]}}
  'no':
    instanceType: u1.large
    image: ubuntu-2404
disks:
  tools: {{url: 'https://example.com/t.iso?build=sesame', optical: true, storage: 1Gi}}
"""


def data_of(text: str) -> Any:
    """What the page carries."""
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    return json.loads(found[1])


@pytest.fixture(scope="module", name="made")
def _made(new_repository: Make) -> Any:
    return new_repository({"environments/production.yaml": FLEET})


@pytest.fixture(scope="module", name="text")
def _text(made: Any) -> str:
    result = made.run("report", "-o", "-")
    assert result.code == 0, result.messages
    return str(result.stdout)


def test_nothing_is_fetched(text: str) -> None:
    """No element names an address, and the policy lets the browser fetch nothing."""
    shell = text.replace(re.search(r'id="data">.*?</script>', text, re.DOTALL)[0], "")  # type: ignore[index]
    assert re.findall(r'(?:src|href|action|poster|srcset)="(?!#|data:)[^"]*"', shell) == []
    assert "@import" not in shell
    assert "url(" not in document.read_asset(document.STYLE)
    assert "default-src 'none'" in shell


def test_policy_names_script_and_style(text: str) -> None:
    """The policy allows exactly this script and this style, by their hashes."""
    scripts = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert (len(scripts), len(styles)) == (1, 1)
    for content in (*scripts, *styles):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in text


def test_data_cannot_end_its_element(text: str) -> None:
    """A value that looks like the end of a script stays a value."""
    assert text.count("alert(1)") == text.count("\\u003cscript\\u003ealert(1)\\u003c/script\\u003e") > 0
    assert any("</script><script>alert(1)</script>" in form for form in data_of(text)["manifests"])


@pytest.mark.parametrize("hostile", ["</script>", "<!--", "<script>", "]]>", "\u2028", "\u2029", "&lt;", "'\"\\"])
def test_embedded(hostile: str) -> None:
    """No character of the data means anything to the browser, and all of it comes back."""
    shown = embed_json({"a": hostile, hostile: [1]})
    assert not re.search("[<>&\u2028\u2029]", shown)
    assert json.loads(shown) == {"a": hostile, hostile: [1]}


def test_no_secrets(text: str) -> None:
    """Cloud-init, keys, and what stands behind the question mark of an address are masked."""
    for secret in ("quite-confidential", "AAAAC3NzaC1lZDI1NTE5", "sesame", "nginx"):
        assert secret not in text
    assert "(masked: " in text
    assert "ssh-ed25519 *** ops@shop" in data_of(text)["manifests"][data_of(text)["vms"][0][13]]


def test_manifests_are_the_rendered_ones(new_repository: Make) -> None:
    """Where nothing is masked, filling in the names gives each manifest byte for byte."""
    fleet = FLEET.replace("    cloudInit", "    # cloudInit")
    fleet = fleet.replace("?build=sesame", "").replace(f"['{KEY}']", "[]")
    made = new_repository({"environments/production.yaml": fleet})
    assert made.run("render").code == 0
    found = data_of(made.run("report", "-o", "-").stdout)
    columns = {kind: {name: index for index, name in enumerate(found["columns"][kind])} for kind in ("vms", "disks")}
    disks = [row[columns["disks"]["name"]] for row in found["disks"]]
    checked = 0
    for kind in ("vms", "disks"):
        for row in found[kind]:
            at = columns[kind]
            attached = row[at["disks"]] if kind == "vms" else []
            names = [row[at["name"]], *(disks[number] if isinstance(number, int) else number for number in attached)]
            form = found["manifests"][row[at["manifest"]]]
            assert fill(form, names) == made.text(row[at["path"]])
            checked += 1
    assert checked == 4 + 5


def test_origins_name_places(text: str) -> None:
    """Each field of an object has a place, and no value."""
    found = data_of(text)
    vm = dict(zip(found["columns"]["vms"], found["vms"][0]))
    origins = {field: places for field, places, _ in found["origins"][vm["origins"]]}
    assert origins["spec.instanceType"] == ["environments/production.yaml:8 (group)"]
    assert origins["spec.sshKeys[0]"] == ["environments/production.yaml:4 (defaults)"]
    assert origins["that it exists"] == ["environments/production.yaml:7 (group)"]
    assert origins["kind"][0].startswith("templates/hikube/vm-instance.yaml.j2:")


def test_same_each_time(made: Any, text: str) -> None:
    """A second run gives the same bytes."""
    assert made.run("report", "-o", "-").stdout == text


def test_repeated_things_are_kept_once(new_repository: Make) -> None:
    """VMs alike share one manifest, one table of origins and one set of labels: each more is two short rows."""
    sizes = []
    for count in (100, 200):
        fleet = new_repository({"environments/production.yaml": FLEET.replace("count: 3", f"count: {count}")})
        text = fleet.run("report", "-o", "-").stdout
        found = data_of(text)
        webs = [dict(zip(found["columns"]["vms"], row)) for row in found["vms"] if row[2] == "web"]
        assert len(webs) == count
        assert len({(web["manifest"], web["origins"], web["labels"]) for web in webs}) == 1
        sizes.append(len(text))
    assert sizes[1] - sizes[0] < 100 * 300


def test_written_where_it_was_asked_for(made: Any, tmp_path: Path) -> None:
    """`-o` names the file; one that cannot be written is an error in one line."""
    assert made.run("report", "-o", str(tmp_path / "page.html")).code == 0
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    failed = made.run("report", "-o", str(tmp_path / "no" / "page.html"))
    lines = [line for line in failed.messages.splitlines() if line not in failed.advice]
    assert (failed.code, len(lines)) == (2, 1)
    assert lines[0].startswith("vmgen: ")


def test_problems_are_said(repository: Make) -> None:
    """An environment that cannot be rendered is left out of the page, and the run says why."""
    result = repository(FLEET.replace("u1.large", "u1.larg")).run("report", "-o", "-")
    assert result.code == 1
    assert "unknown-instance-type" in result.messages
    assert data_of(result.stdout)["vms"] == []


def test_changes_against_a_ref(new_repository: Make) -> None:
    """`--against` needs a repository, and a ref that there is."""
    fleet = new_repository({"environments/production.yaml": FLEET})
    result = fleet.run("report", "-o", "-", "--against", "HEAD")
    assert (result.code, result.stdout) == (2, "")
    assert "--against HEAD needs a Git repository" in result.messages


def test_library_has_its_licence() -> None:
    """The page carries the licence of the library in it, beside its name and version."""
    text = render_page({"environments": []})
    licence = document.read_asset(document.LICENCE)
    assert "Permission is hereby granted" in licence
    assert licence in text
    assert "@tanstack/virtual-core 3.19.11, MIT licence" in text


def test_live_of_a_dump(new_repository: Make) -> None:
    """A page beside a dump is the same each time, holds no secret of the dump, and ends nothing that it is embedded in."""
    token = "ghp_" + "a1B2" * 9
    made = new_repository({"environments/production.yaml": FLEET})
    cluster = make_cluster(made)
    cluster.find("VMInstance", "web-1")["spec"]["cloudInit"] = f"#cloud-config\npassword: sesame-open\nx: {token}\n"
    message = f"</script><script>alert(2)</script> password: sesame-open {token}"
    set_condition(cluster, "VMInstance", "web-2", reason="UpgradeFailed", message=message)
    cluster.run()
    first, second = (made.run("report", "-o", "-", "--live", "dump.json").stdout for _ in range(2))
    assert first == second
    states = {status["name"]: status["state"] for status in data_of(first)["live"]["objects"]}
    assert (states["web-1"], states["web-2"], states["web-3"]) == ("drift", "failed", "in step")
    assert not any(secret in first for secret in (token, "sesame-open", "<script>alert"))


@pytest.mark.parametrize("content", ["", "<html>502</html>", '{"kind": "List", "items": [{"kind'])
def test_live_of_what_is_no_dump(content: str, made: Any) -> None:
    """Exit code 2, and no page is written."""
    (made.root / "dump.json").write_text(content, encoding="utf-8")
    assert made.run("report", "-o", "live.html", "--live", "dump.json").code == 2
    assert not (made.root / "live.html").exists()
    assert made.run("report", "-o", "live.html", "--live", "no-such-file").code == 2
