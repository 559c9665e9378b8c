"""The plan is never absent: what can be expanded is planned, whatever is wrong, and what is wrong stands at its top."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import jsonschema_rs
import pytest

from vmgen import api
from vmgen.read.repository import read_schema_text

Committed = Callable[..., Any]
GROUP = "instanceType: {type}, image: ubuntu-2404, disks: {{data: {size}}}"
OTHER = "namespace: tenant-other\nvms:\n  api: {instanceType: u1.large, image: ubuntu-2404}\n"


def environment(web: str = "u1.large", db: str = "u1.large", size: str = "50Gi", more: str = "") -> str:
    """Two groups, of which one can be wrong while the other changes."""
    groups = (("web", GROUP.format(type=web, size=size)), ("db", GROUP.format(type=db, size="50Gi")))
    return "namespace: tenant-acme\nvms:\n" + "".join(f"  {name}: {{{text}}}\n" for name, text in groups) + more


def document(history: Any) -> dict[str, Any]:
    """The plan as JSON, which fits its schema."""
    done = history.vmgen("plan", "-o", "json")
    assert done.code == 1, done.messages
    found: dict[str, Any] = json.loads(done.stdout)
    validator = jsonschema_rs.Draft202012Validator(json.loads(read_schema_text("plan")))
    assert [error.message for error in validator.iter_errors(found)] == []
    return found


def names(plan: dict[str, Any]) -> set[str]:
    """The objects in a plan."""
    return {each["name"] for found in plan["environments"] for each in found["objects"]}


CHANGED = {"web", "db"}
# What is written, the rule that it breaks, the objects that the plan has nevertheless, and whether it has all.
WRONG = {
    "budget": (environment("u1.xlarge", "u1.xlarge", more="budget: {cpu: 1}\n"), "over-budget", CHANGED, True),
    "built-in policy": (
        environment("u1.xlarge", "u1.xlarge, externalMethod: WholeIP", more="policy: {WholeIP: error}\n"),
        "WholeIP",
        CHANGED,
        True,
    ),
    "unknown type": (environment("u1.larg", "u1.xlarge"), "unknown-instance-type", CHANGED, True),
    "unknown key": (environment("u1.xlarge, cuont: 3", "u1.xlarge"), "unknown-key", {"db"}, False),
    "wrong type": (environment("u1.large", "u1.xlarge", size="[50Gi]"), "wrong-type", {"db"}, False),
    "no type": (environment("null", "u1.xlarge"), "missing-instance-type", {"db"}, False),
    "wrong disk": (environment("u1.xlarge", "u1.xlarge", more="disks: {iso: {storage: []}}\n"), "wrong-type", CHANGED, False),
    "unknown key on top": (environment("u1.xlarge", "u1.xlarge", more="novelty: 1\n"), "unknown-key", CHANGED, True),
    "tombstone": (environment("u1.xlarge", "u1.xlarge", more="retire: [{reason: x}]\n"), "empty-tombstone", CHANGED, True),
    "user data": (
        environment("u1.xlarge, cloudInit: '#cloud-config\n\n  a: ['", "u1.xlarge"),
        "cloud-config-syntax",
        CHANGED,
        True,
    ),
    "gate": (environment("u1.xlarge", "u1.xlarge", size="null"), "destroys-data", {*CHANGED, "web-data"}, True),
    "shared": (environment(more="defaults: {storage: []}\n"), "wrong-type", set(), False),
    "no YAML": ("namespace: [\n", "yaml-syntax", set(), False),
}


@pytest.mark.parametrize("name", WRONG)
def test_plan_shows_what_it_can(committed: Committed, name: str) -> None:
    """One mistake takes out what it touches and nothing else; another environment is planned in any case."""
    text, rule, shown, complete = WRONG[name]
    history = committed(environment(), environments={"other": OTHER})
    history.write(production=text, other=OTHER.replace("u1.large", "u1.xlarge"))
    plan = document(history)
    assert rule in {problem["rule"] for problem in plan["problems"]}
    assert {problem["severity"] for problem in plan["problems"]} >= {"error"}
    assert names(plan) == {*shown, "api"}
    assert plan["complete"] is complete
    assert (
        all(each["verdict"] != "DESTROYS DATA" for found in plan["environments"] for each in found["objects"]) or name == "gate"
    )


def test_own_policy_that_refuses_is_no_reason_for_no_plan(committed: Committed) -> None:
    """A policy that refuses, of one's own, is said, and what it refuses is planned."""
    history = committed(environment())
    schema = "{not: {properties: {spec: {properties: {instanceType: {const: u1.xlarge}}}}}}"
    policy = f"id: size\nkind: VMInstance\nschema: {schema}\nmessage: too large\n"
    history.repository.write({"policies/size.yaml": policy})
    history.write(production=environment("u1.xlarge"))
    plan = document(history)
    assert names(plan) == {"web"}
    assert "size" in {problem["rule"] for problem in plan["problems"]}


@pytest.mark.parametrize("budget", [1024, 2048, 65536])
def test_comment_has_the_refusal_at_its_top(committed: Committed, budget: int) -> None:
    """In any budget of bytes the comment says that it is refused, and how often, before it shows a change."""
    history = committed(environment().replace("  web: {", "  web: {count: 40, "))
    history.write(production=environment("u1.larg").replace("  web: {", "  web: {count: 1, "))
    done = history.vmgen("plan", "-o", "markdown", "--max-bytes", str(budget))
    assert done.code == 1
    assert len(done.output) <= budget
    head, _, rest = done.stdout.partition("**Refused: ")
    assert head.startswith("<!-- vmgen-plan -->\n### Plan: ")
    assert "<li>" not in head
    assert "| environment |" not in head
    assert rest.startswith("2 problems.**")
    if budget == 65536:
        assert "unknown-instance-type" in rest
        assert "retire&#58;" in rest


def test_comment_shows_no_markup_of_a_refusal(committed: Committed) -> None:
    """Whatever a file writes is text in the comment."""
    history = committed(environment())
    history.write(production=environment("'<b>@all|x'"))
    text = history.vmgen("plan", "-o", "markdown").stdout
    assert "<b>" not in text
    assert "@all" not in text


def test_text_says_that_something_is_missing(committed: Committed) -> None:
    """A plan that is not complete says so in words, above its summary."""
    history = committed(environment())
    history.write(production=environment("u1.large", "u1.xlarge", size="[1]"))
    done = history.vmgen("plan")
    *_, note, summary = done.stdout.splitlines()
    assert note == "Incomplete: this plan lacks the changes that cannot be expanded."
    assert summary.startswith("Plan: ")
    assert "[wrong-type]" in done.messages


def test_plan_with_errors_is_the_same_for_each_number_of_jobs(committed: Committed) -> None:
    """Worker processes keep going as well."""
    history = committed(environment(), environments={"other": OTHER})
    history.write(production=environment("u1.larg", "u1.xlarge"), other=OTHER.replace("u1.large", "u1.xlarge"))
    assert history.vmgen("plan", "-o", "json").output == history.vmgen("plan", "-o", "json", "-j", "2").output


def test_render_still_writes_nothing(committed: Committed) -> None:
    """That a plan keeps going opens no way to a file."""
    history = committed(environment(), environments={"other": OTHER})
    before = history.repository.files()
    history.write(production=environment("u1.larg", "u1.xlarge"), other=OTHER.replace("u1.large", "u1.xlarge"))
    assert history.vmgen("render").code == 1
    assert history.repository.files() == before


def test_api_returns_the_plan_with_its_problems(committed: Committed) -> None:
    """From Python too, a mistake is a problem of the plan and no exception."""
    history = committed(environment())
    history.write(production=environment("u1.larg", "u1.xlarge", size="[1]"))
    plan = api.plan(api.load(history.repository.root))
    assert ({change.identity.name for change in plan.changes}, plan.complete) == ({"db"}, False)
    assert "wrong-type" in {problem.rule for problem in plan.problems}


def test_an_object_at_the_path_of_a_list(repository: Callable) -> None:
    """A VM or a disk called `kustomization` is an error whose plan has the other objects, and no traceback."""
    vm = "{names: [kustomization, web-1], instanceType: u1.large, image: ubuntu-2404, cloudInit: {packages: [nginx]}}"
    made = repository(f"namespace: tenant-acme\nvms: {{web: {vm}}}\ndisks: {{kustomization: 1Gi}}\n")
    done = made.run("plan", "-o", "json")
    assert done.code == 1, done.messages
    assert "web-1" in names(json.loads(done.stdout))
