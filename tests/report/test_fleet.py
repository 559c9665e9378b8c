"""`vmgen list`: rows, filters, formats, totals, budgets and costs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest

FLEET = """
namespace: tenant-acme
labels: {team: shop}
budget: {vms: 8, cpu: 20, storage: 1Ti}
prices: {currency: CHF, cpu: 10, memory: 2.5, storage: {replicated: 0.2, local: 0.1}, externalVMs: 4}
vms:
  web:
    count: 2
    instanceType: u1.large
    image: ubuntu-2404
    externalPorts: [80, 443]
    labels: {tier: front}
    disks: {data: 50Gi}
  db:
    instanceType: m1.large
    image: debian-12
    running: false
    disks: {data: {storage: 100Gi, storageClass: local}}
disks:
  archive: 30Gi
"""
Make = Callable[..., Any]


@pytest.fixture(scope="module", name="fleet")
def _fleet(new_repository: Make) -> Any:
    return new_repository({"environments/production.yaml": FLEET})


def names(fleet: Any, *arguments: str) -> list[str]:
    """The first names of the rows that a command lists, from its csv."""
    rows = list(csv.DictReader(io.StringIO(fleet.run("list", "-o", "csv", *arguments).stdout)))
    return [row.get("vm") if "image" in row else row["disk"] for row in rows]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        ((), ["web-1", "web-2", "db"]),
        (("--group", "db"), ["db"]),
        (("--group", "db", "--group", "web"), ["web-1", "web-2", "db"]),
        (("--exposed",), ["web-1", "web-2"]),
        (("-l", "tier=front"), ["web-1", "web-2"]),
        (("-l", "tier!=front"), ["db"]),
        (("-l", "tier"), ["web-1", "web-2"]),
        (("-l", "!tier"), ["db"]),
        (("-l", "team=shop,tier=back"), []),
        (("-l", "team==shop", "-l", "!tier"), ["db"]),
        (("--disks",), ["web-1-system", "web-1-data", "web-2-system", "web-2-data", "db-system", "db-data", "archive"]),
        (("--disks", "--exposed"), ["web-1-system", "web-1-data", "web-2-system", "web-2-data"]),
        (("--disks", "--group", "db"), ["db-system", "db-data"]),
    ],
)
def test_filters(fleet: Any, arguments: tuple[str, ...], wanted: list[str]) -> None:
    """Each filter keeps what it names, of VMs and of disks."""
    assert names(fleet, *arguments) == wanted


def test_totals_below_the_rows(fleet: Any) -> None:
    """People see the rows, then the totals by group and class with the cost, then the budget."""
    assert fleet.run("list").stdout == (
        "environment  vm     group  instanceType  vcpu  memory  image        disks  storage  exposure  state\n"
        "production   web-1  web    u1.large         2  8Gi     ubuntu-2404      2  70Gi     80,443    running\n"
        "production   web-2  web    u1.large         2  8Gi     ubuntu-2404      2  70Gi     80,443    running\n"
        "production   db     db     m1.large         2  16Gi    debian-12        2  120Gi              halted\n"
        "\n"
        "environment  group         vms  vcpu  memory  disks  local  replicated  public  cost\n"
        "production   web             2     4  16Gi        4         140Gi            2\n"
        "production   db              1     2  16Gi        2  100Gi  20Gi             0\n"
        "production   (standalone)    0     0              1         30Gi             0\n"
        "production   (all)           3     6  32Gi        7  100Gi  190Gi            2  CHF 196.00\n"
        "\n"
        "environment  budget   used    limit    left     percent\n"
        "production   vms      3 VMs   8 VMs    5 VMs    37%\n"
        "production   cpu      6 vCPU  20 vCPU  14 vCPU  30%\n"
        "production   storage  290Gi   1Ti      734Gi    28%\n"
    )


def test_totals_of_what_is_chosen(fleet: Any) -> None:
    """With a filter the totals are those of the rows, and no budget is shown beside them."""
    shown = fleet.run("list", "--exposed", "--totals").stdout
    assert "(all)    2     4  16Gi        4  140Gi            2  CHF 116.00" in shown
    assert "budget" not in shown


def test_totals_alone(fleet: Any) -> None:
    """`--totals -o csv` is the table of totals."""
    rows = list(csv.DictReader(io.StringIO(fleet.run("list", "--totals", "-o", "csv").stdout)))
    assert [(row["group"], row["vms"], row["replicated"]) for row in rows][-1] == ("(all)", "3", "190Gi")


def test_json_holds_everything(fleet: Any) -> None:
    """One versioned document has VMs, disks, totals, budgets and the cost."""
    document = json.loads(fleet.run("list", "-o", "json").stdout)
    assert document["version"] == 1
    assert [row["vm"] for row in document["vms"]] == ["web-1", "web-2", "db"]
    assert len(document["disks"]) == 7
    environment = document["environments"][0]
    assert environment["budget"][0] == {"key": "vms", "used": 3, "limit": 8}
    assert environment["cost"] == {"amount": 196.0, "currency": "CHF", "unpriced": []}
    assert document["totals"]["storageMiB"] == {"local": 102400, "replicated": 194560}


@pytest.mark.parametrize("selector", ["=x", "a b", "!a=b", "", "a=b=c"])
def test_wrong_selector(fleet: Any, selector: str) -> None:
    """A condition that is none is a mistake of usage, said in one line."""
    result = fleet.run("list", "-l", selector)
    assert result.code == 2
    assert "; write key=value" in result.messages


def test_sum_of_environments(new_repository: Make) -> None:
    """Several environments have a last line of all, with the cost where they share a currency."""
    other = FLEET.replace("tenant-acme", "tenant-other")
    fleet = new_repository({"environments/a.yaml": FLEET, "environments/b.yaml": other})
    assert fleet.run("list", "--totals").stdout.splitlines()[8].split()[:4] == ["b", "(all)", "3", "6"]
    row = "(all)        (all)           6    12  64Gi       14  200Gi  380Gi            4  CHF 392.00"
    assert row in fleet.run("list").stdout
    fleet.write({"environments/b.yaml": other.replace("CHF", "EUR")})
    last = next(line for line in fleet.run("list", "--totals").stdout.splitlines() if line.startswith("(all)"))
    assert last.endswith("4")


def test_missing_price_is_said(repository: Make) -> None:
    """What has no price is left out of the cost, and a warning names it."""
    result = repository(FLEET.replace(", local: 0.1", "")).run("list", "-o", "json")
    assert "prices.storage.local is not set" in result.messages
    cost = {"amount": 186.0, "currency": "CHF", "unpriced": ["storage.local"]}
    assert json.loads(result.output)["environments"][0]["cost"] == cost


def test_cost_of_a_change(repository: Make) -> None:
    """A plan says what a change costs in a month."""
    fleet = repository(FLEET)
    assert fleet.run("render").code == 0
    fleet.write({"environments/production.yaml": FLEET.replace("count: 2", "count: 3")})
    totals = "Totals: +1 VM, +2 vCPU, +8 GiB, +70 GiB replicated, +1 public, +CHF 58.00 a month.\n"
    assert totals in fleet.run("plan").stdout
    fleet.write({"environments/production.yaml": FLEET.replace("count: 2", "count: 1")})
    assert totals.replace("+", "-") in fleet.run("plan").stdout


def test_budget_of_a_lower_layer(repository: Make) -> None:
    """A budget in `_defaults.yaml` is each environment's own, and the message names its line there."""
    fleet = repository(
        FLEET.replace("budget: {vms: 8, cpu: 20, storage: 1Ti}\n", ""), {"environments/_defaults.yaml": "budget: {cpu: 5}\n"}
    )
    result = fleet.run("check")
    assert result.code == 1
    assert "the budget is 5 vCPU (environments/_defaults.yaml:1:15)" in result.messages
    assert "vms.db:" in result.messages
