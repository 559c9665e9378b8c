"""The formats of a plan: text, markdown within its budget, json by its schema; and of a check, SARIF by its schema."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from vmgen.read.repository import read_schema_text
from vmgen.report.plan_markdown import COMMENT_MARKER

WEB = """\
namespace: tenant-acme
vms:
  web:
    count: 3
    instanceType: u1.large
    image: ubuntu-2404
    labels: {note: one}
    disks:
      data: 50Gi
"""
CHANGED = WEB.replace("count: 3", "count: 2").replace("u1.large", "u1.xlarge").replace("50Gi", "60Gi")
# The environment names no version and no key, and its `db` has one disk only.
ADVICE = {"platform-version-not-written", "no-ssh-key", "single-disk-vm"}
SARIF = Path(__file__).parents[1] / "data" / "sarif-2.1.0.schema.json"
Repositories = Callable[..., Any]


@pytest.fixture
def changed(repository: Repositories) -> Any:
    """A repository that is rendered, and then changed in several ways."""
    found = repository(WEB)
    assert found.run("render").code == 0
    found.write({"environments/production.yaml": CHANGED + "  db: {instanceType: u1.large, image: ubuntu-2404}\n"})
    return found


def test_text_puts_the_gravest_first(changed: Any) -> None:
    """What destroys data stands above what needs a restart, that above what is simply new, and the summary is last."""
    text = changed.run("plan").stdout
    order = ["DESTROYS DATA", "needs restart", "+ VMInstance db", "VMInstance web-3"]
    assert sorted(order, key=text.index) == order
    last = "Plan: 2 to create, 4 to update (2 needs restart), 1 to delete, 2 destroy data.\n"
    assert text.endswith(last)


def test_text_shows_each_field_before_and_after(changed: Any) -> None:
    """Objects that change alike stand together, with the change, the verdict and its sentence."""
    text = changed.run("plan").stdout
    assert (
        "  ~ VMInstance web-1, web-2\n      needs restart\n"
        "      spec.instanceType: u1.large -> u1.xlarge\n          Applied live if supported" in text
    )
    assert "  ~ VMDisk web-1-data, web-2-data\n      update in place\n      spec.storage: 50Gi -> 60Gi\n" in text


@pytest.mark.parametrize(("choice", "coloured"), [("always", True), ("never", False), ("auto", False)])
def test_text_is_coloured_where_it_is_asked_for(changed: Any, choice: str, coloured: bool) -> None:
    """Colour is for a terminal, or for who asks."""
    assert ("\x1b[31m" in changed.run("--color", choice, "plan").stdout) is coloured


def test_exit_code_says_whether_anything_changes(changed: Any) -> None:
    """A plan exits 0 where it shows changes alone, but for --exit-code, and 1 where something would be refused."""
    assert changed.run("plan").code == 1
    changed.write({"environments/production.yaml": WEB.replace("50Gi", "60Gi")})
    assert changed.run("plan").code == 0
    assert changed.run("plan", "--exit-code").code == 1
    changed.write({"environments/production.yaml": WEB})
    assert changed.run("plan", "--exit-code").code == 0


def test_json_has_the_shape_of_its_schema(changed: Any) -> None:
    """The document that scripts read is what schema/plan.schema.json says, with every part of it in use."""
    lines = "retire:\n  - {disk: web-3-data, reason: moved, until: '2999-01-01'}\n"
    text = changed.root / "environments" / "production.yaml"
    changed.write({"environments/production.yaml": text.read_text(encoding="utf-8").replace("  db:", "  shop:") + lines})
    document = json.loads(changed.run("plan", "-o", "json").stdout)
    validator = jsonschema_rs.Draft202012Validator(json.loads(read_schema_text("plan")))
    assert [error.message for error in validator.iter_errors(document)] == []
    objects = {each["name"]: each for each in document["environments"][0]["objects"]}
    assert objects["web-3-data"]["retired"] == {
        "reason": "moved",
        "file": "environments/production.yaml",
        "line": 12,
        "until": "2999-01-01",
    }
    assert objects["web-1"]["fields"][0]["before"] == "u1.large"
    assert document["summary"]["destroyData"] == 1
    assert document["summary"]["retired"] == 1


def test_plan_is_the_same_in_each_run_and_for_each_number_of_jobs(changed: Any) -> None:
    """Nothing of the order depends on chance."""
    changed.write({"environments/other.yaml": WEB.replace("tenant-acme", "tenant-other")})
    first = changed.run("plan", "-o", "json").output
    assert changed.run("plan", "-o", "json").output == first
    assert changed.run("plan", "-o", "json", "-j", "2").output == first


def test_markdown_begins_with_its_marker_and_unfolds_what_is_grave(changed: Any) -> None:
    """A bot finds its comment by the first line; what is lost is to be seen without a click, the rest is folded."""
    text = changed.run("plan", "-o", "markdown").stdout
    assert text.splitlines()[0] == COMMENT_MARKER == "<!-- vmgen-plan -->"
    assert "| <code>production</code> | 2 | 4 | 1 | **2** | 0 | 2 needs restart |" in text
    before, _, folded = text.partition("<details>")
    assert "**DESTROYS DATA**" in before
    assert "DESTROYS DATA" not in folded.partition("</details>")[0]
    assert "<code>spec.instanceType</code>: <code>u1.large -&gt; u1.xlarge</code>" in folded


def test_markdown_of_no_change_is_short(repository: Repositories) -> None:
    """Without a change there is the summary and nothing to unfold."""
    found = repository(WEB)
    found.run("render")
    text = found.run("plan", "-o", "markdown").stdout
    assert "0 to create" in text
    assert "<details>" not in text
    assert "|---" not in text


@pytest.mark.parametrize("budget", [1024, 1500, 2500, 4000, 20000])
def test_markdown_is_cut_at_whole_objects(repository: Repositories, budget: int) -> None:
    """Within any budget what is opened is closed, and the last line says how many objects are missing."""
    found = repository(WEB.replace("count: 3", "count: 60"))
    found.run("render")
    changes = {f"{number}": {"labels": {"note": f"n{number}"}} for number in range(1, 41)}
    changed = WEB.replace("count: 3", "count: 50") + f"    instances: {json.dumps(changes)}\n"
    found.write({"environments/production.yaml": changed})
    text = found.run("plan", "-o", "markdown", "--max-bytes", str(budget)).stdout
    assert len(text.encode()) <= budget
    assert text.count("<details>") == text.count("</details>")
    shown = len(set(re.findall(r"<code>(web-[-0-9a-z]+)</code>", text)))
    cut = re.search(r"_Cut to (\d+) bytes: (\d+) more objects", text)
    assert cut
    assert shown + int(cut.group(2)) == 150
    assert all(not line.startswith("  - ") or "<br>" in line for line in text.splitlines())


def test_markdown_takes_no_orders_from_what_it_shows(repository: Repositories) -> None:
    """Mentions, pipes, tags and markup in a value stay text."""
    found = repository(WEB)
    found.run("render")
    annotation = '    annotations: {note: "@all | <b>x</b> `y` [z](http://a) **w** </details>"}\n'
    found.write({"environments/production.yaml": WEB + annotation})
    text = found.run("plan", "-o", "markdown").stdout
    assert "@all" not in text
    assert "<b>" not in text
    assert "[z](" not in text
    assert text.count("</details>") == text.count("<details>")
    assert "&#64;all &#124; &lt;b&gt;x&lt;/b&gt;" in text


def sarif_errors(text: str) -> Iterator[str]:
    """What the SARIF schema finds wrong."""
    # One pattern of the schema has a bracket too many, and is no regular expression to every engine.
    schema = json.loads(SARIF.read_text(encoding="utf-8").replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$"))
    validator = jsonschema_rs.Draft4Validator(schema)
    return (error.message for error in validator.iter_errors(json.loads(text)))


def test_sarif_has_the_shape_of_its_schema(changed: Any) -> None:
    """A check that finds drift, a loss, a warning and a place without a line is SARIF 2.1.0."""
    changed.write({"manifests/production/by-hand.yaml": "a: b\n"})
    done = changed.run("check", "-o", "sarif")
    assert done.code == 1
    assert list(sarif_errors(done.stdout)) == []
    results = json.loads(done.stdout)["runs"][0]["results"]
    assert {each["ruleId"] for each in results} == {"destroys-data", "drift", "foreign-file", *ADVICE}
    assert any("- {disk: web-3-data" in each["message"]["text"] for each in results)


def test_sarif_schema_refuses_what_is_no_sarif() -> None:
    """The schema that the test goes by is not one that takes everything."""
    assert list(sarif_errors('{"version": "2.1.0", "runs": [{"results": []}]}'))


def test_github_and_json_carry_the_lines_to_paste(changed: Any) -> None:
    """Each format of check has the lines that let a disk go."""
    assert '%0Aretire:%0A  - {disk: web-3-data, reason: "explain why"}' in changed.run("check", "-o", "github").stdout
    rows = json.loads(changed.run("check", "-o", "json").stdout)["problems"]
    (refusal,) = [row for row in rows if row["rule"] == "destroys-data"]
    assert refusal["lines"][0] == "retire:"


def test_drift_shows_a_few_lines_of_each_file(repository: Repositories) -> None:
    """An edit by hand is named with the lines that differ, cut where there are many."""
    found = repository(WEB)
    found.run("render")
    path = found.root / "manifests/production/disks/web/web-1-data.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("50Gi", "70Gi"), encoding="utf-8")
    other = found.root / "manifests/production/vms/web/web-1.yaml"
    other.write_text(other.read_text(encoding="utf-8").replace("  ", "    "), encoding="utf-8")
    done = found.run("check", "--kustomize", "off")
    assert done.code == 1
    lines = done.messages.splitlines()
    start = next(number for number, line in enumerate(lines) if "web-1-data.yaml: error: differs from its environment" in line)
    assert [line.strip() for line in lines[start + 1 : start + 4]] == ["@@ line 16 @@", "-  storage: 70Gi", "+  storage: 50Gi"]
    assert re.search(r"\(\d+ more lines\)", done.messages)


def test_drift_of_what_is_not_yaml_shows_nothing(repository: Repositories) -> None:
    """A file that cannot be read could hold anything."""
    found = repository(WEB)
    found.run("render")
    mark = "# Generated by vmgen from x. Do not edit.\n"
    for text, said in (("a: [hunter2\n", "(the file is not YAML)"), ("<<<<<<< hunter2\n", "does not contain one object")):
        found.write({"manifests/production/vms/web/web-1.yaml": f"{mark}{text}"})
        done = found.run("check", "--kustomize", "off")
        assert said in done.messages
        assert "hunter2" not in done.messages
