"""The page in a real browser: with the network off, narrow and wide, by mouse, by keyboard and by screen reader."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.status.cluster import RESTART, foreign, make_cluster

pytestmark = [pytest.mark.slow, pytest.mark.browser]
Make = Callable[..., Any]
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK8uGN3/U8QPRwlIw4bXIaPfHM1mxIyaYvjKQz4/Ngd0 ops@shop"
FLEET = f"""
namespace: tenant-acme
labels: {{team: shop}}
budget: {{vms: 20, cpu: 40}}
prices: {{currency: CHF, cpu: 10, memory: 3, storage: {{replicated: 0.2, local: 0.1}}, externalVMs: 4}}
defaults: {{sshKeys: ['{KEY}']}}
vms:
  web:
    count: 12
    instanceType: u1.large
    image: ubuntu-2404
    externalPorts: [80, 443]
    disks: {{data: 50Gi}}
  db:
    instanceType: m1.large
    image: debian-12
    disks: {{data-with-a-long-name: {{storage: 100Gi, storageClass: local}}}}
  open: {{instanceType: u1.large, image: ubuntu-2404, externalMethod: WholeIP, running: false}}
disks:
  archive: 30Gi
"""
NAMES = "[...document.querySelectorAll('.rows [role=row]')].map(row => row.querySelector('button').textContent)"
CONTROLS = {"button", "link", "textbox", "searchbox", "checkbox", "radio", "combobox", "DisclosureTriangle", "meter", "slider"}


@pytest.fixture(scope="module", name="address")
def _address(new_repository: Make) -> Path:
    made = new_repository(
        {
            "environments/production.yaml": FLEET,
            "environments/staging.yaml": FLEET.replace("count: 12", "count: 2").replace("tenant-acme", "tenant-acme-staging"),
        }
    )
    git = ["git", "-C", str(made.root), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    assert made.run("render").code == 0
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], check=True)
    changed = FLEET.replace("count: 12", "count: 13").replace("m1.large", "m1.xlarge").replace("archive: 30Gi", "archive: 40Gi")
    made.write({"environments/production.yaml": changed.replace("    disks: {data: 50Gi}\n", "")})
    path: Path = made.root / "fleet.html"
    made.run("report", "-o", str(path), "--against", "HEAD")
    return path


@pytest.fixture(name="page")
def _page(new_page: Callable[[], Any], address: Path) -> Iterator[Any]:
    """The page, opened; afterwards nothing may have been said on the console, or asked of a network."""
    page = new_page().open(address)
    yield page
    assert page.messages == []
    assert {request.partition("#")[0] for request in page.requests if not request.startswith("data:")} == {address.as_uri()}


def choose(page: Any, selector: str, value: str) -> None:
    """Choose a value of a list."""
    box = f"document.querySelector('{selector}')"
    page.value(f"({box}.value = '{value}', {box}.dispatchEvent(new Event('change')))")


@pytest.mark.parametrize("width", [320, 400, 768, 1600])
@pytest.mark.parametrize("opened", [False, True])
def test_no_horizontal_scroll(page: Any, width: int, opened: bool) -> None:
    """At any width nothing sticks out, neither of the page nor of the table or the details."""
    page.resize(width)
    page.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    if opened:
        page.click(".rows button")
        page.value("document.querySelectorAll('dialog details').forEach(each => each.open = true)")
    page.wait(f"innerWidth === {width}")
    for box in ("html", "body", ".table", "dialog"):
        element = f"document.querySelector('{box}')"
        assert page.value(f"{element}.scrollWidth <= {element}.clientWidth"), box
    wide = "[...document.querySelectorAll('body *')].filter(each => each.getBoundingClientRect().right > innerWidth + 1).length"
    assert page.value(wide) == 0


def test_search(page: Any) -> None:
    """Words narrow the table to the rows that have all of them; the count says how many."""
    page.type("#search", "web-1 80 production")
    page.wait("document.querySelector('#count').textContent === '5 of 19 VMs'")
    assert page.value(NAMES) == ["web-1", "web-10", "web-11", "web-12", "web-13"]
    page.type("#search", "nothing-like-this")
    page.wait("document.querySelector('#count').textContent === '0 of 19 VMs'")
    page.click("#clear")
    page.wait("document.querySelector('#count').textContent === '19 VMs'")
    page.type("#search", "team=shop m1.xlarge")
    page.wait("document.querySelector('#count').textContent === '1 of 19 VMs'")


def test_filters(page: Any) -> None:
    """Environment, group, exposure and change each narrow the table."""
    choose(page, "#environment", "staging")
    assert page.value("document.querySelector('#count').textContent") == "4 of 19 VMs"
    choose(page, "#group", "web")
    assert page.value(NAMES) == ["web-1", "web-2"]
    page.click("#clear")
    page.click("#changed")
    assert page.value(NAMES)[-1] == "db"
    page.click("#public")
    assert set(page.value(NAMES)) == {f"web-{number}" for number in range(1, 14)}


def test_sort(page: Any) -> None:
    """A column sorts up, then down; names in the order in which people count; the header says so."""
    page.click("[data-column=name]")
    assert page.value(NAMES)[-3:] == ["web-11", "web-12", "web-13"]
    assert page.value("document.querySelector('[data-column=name]').parentElement.ariaSort") == "ascending"
    page.click("[data-column=memory]")
    page.click("[data-column=memory]")
    assert page.value(NAMES)[0] == "db"
    assert page.value("document.querySelector('[data-column=memory]').parentElement.ariaSort") == "descending"
    assert page.value("document.activeElement.dataset.column") == "memory"


@pytest.mark.parametrize(
    "event",
    [
        "document.querySelector('[data-column=name]').click()",
        "document.querySelector('#clear').click()",
        "dispatchEvent(new Event('afterprint'))",
    ],
)
def test_rows_are_there_at_once(page: Any, event: str) -> None:
    """A new table has the rows of its whole height before the next frame, so that nobody sees it grow."""
    assert page.value(f"({event}, document.querySelectorAll('.rows [role=row]').length)") == 19


def test_details(page: Any) -> None:
    """A VM is one click away: what it is, its manifest, where each field comes from, what the plan does; Escape goes back."""
    page.type("#search", "db production")
    page.wait("document.querySelector('#count').textContent === '1 of 19 VMs'")
    page.value("document.querySelector('.rows button').focus()")
    page.key("Enter")
    page.wait("document.querySelector('dialog').open")
    text = page.value("document.querySelector('dialog').innerText")
    assert "name: db\n" in text
    assert "m1.large → m1.xlarge" in " ".join(text.split())
    page.value("document.querySelectorAll('dialog details').forEach(each => each.open = true)")
    assert "environments/production.yaml:14 (group)" in page.value("document.querySelector('dialog .origins').innerText")
    assert page.value("location.hash") == "#vm=production%2Fdb"
    page.key("Escape")
    page.wait("!document.querySelector('dialog').open")
    assert page.value("document.activeElement.textContent") == "db"


def test_address_opens_a_vm(page: Any, address: Path) -> None:
    """An address that names a VM opens it, and one of its disks is a click further."""
    page.open(address, after="#vm=staging/web-2")
    page.wait("document.querySelector('dialog').open")
    page.click("dialog ol button")
    assert page.value("document.querySelector('#details-title').textContent").startswith("Disk web-2-system")


def test_disks(page: Any) -> None:
    """The table shows disks too, with columns of their own."""
    page.click("input[value=disks]")
    assert page.value("document.querySelector('#count').textContent") == "25 disks"
    page.type("#search", "archive")
    page.wait("document.querySelector('#count').textContent === '2 of 25 disks'")
    cells = page.value("document.querySelector('.rows [role=row]').innerText").split()
    assert " ".join(cells) == "archive production 40 GiB replicated blank yes update"


def test_colours(page: Any, address: Path) -> None:
    """The page follows the system, until somebody chooses; the choice is kept."""
    ground = "getComputedStyle(document.body).backgroundColor"
    for scheme in ("light", "dark"):
        page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        assert page.value(ground) == {"light": "rgb(246, 247, 249)", "dark": "rgb(16, 21, 28)"}[scheme]
    choose(page, "#theme", "light")
    assert page.value(ground) == "rgb(246, 247, 249)"
    page.open(address)
    assert page.value("document.querySelector('#theme').value") == "light"
    page.value("localStorage.clear()")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(page: Any, scheme: str) -> None:
    """Every text stands out from its ground by at least 4.5 to 1."""
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    page.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    page.click(".rows button")
    page.value("document.querySelectorAll('dialog details').forEach(each => each.open = true)")
    found = page.value((Path(__file__).parent / "contrast.js").read_text(encoding="utf-8"))
    assert found["looked"] > 100
    assert found["poor"] == []


@pytest.mark.parametrize("opened", [False, True])
def test_every_control_has_a_name(page: Any, opened: bool) -> None:
    """The accessibility tree names every control, and the table, its headers, its cells and the dialog have their roles."""
    if opened:
        page.click(".rows button")
    nodes = page.tree()
    roles = [(node["role"]["value"], node.get("name", {}).get("value", "").strip()) for node in nodes if "role" in node]
    controls = [(role, name) for role, name in roles if role in CONTROLS]
    assert len(controls) > (2 if opened else 30)
    assert [control for control in controls if not control[1]] == []
    required = "dialog heading" if opened else "table row columnheader cell main banner search status"
    assert set(required.split()) <= {role for role, _ in roles}


def test_keyboard(page: Any) -> None:
    """The first Tab offers to skip to the table; every stop shows its focus; arrows walk down the rows, past those in sight."""
    page.key("Tab")
    assert page.value("document.activeElement.textContent") == "Skip to the table"
    for _ in range(12):
        page.key("Tab")
        focus = "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
        assert page.value(focus) == "solid3px"
    page.value("document.querySelector('.rows button').focus()")
    for _ in range(16):
        before = page.value("document.activeElement.closest('[data-index]').dataset.index")
        page.key("ArrowDown")
        page.wait(f"document.activeElement.closest('[data-index]')?.dataset.index === '{int(before) + 1}'")


def test_drawing(page: Any) -> None:
    """The drawing shows each VM with its disks and its exposure, in words too, and marks what the plan changes."""
    label = "document.querySelector(`.tile[aria-label^='{0},']`)"
    web = page.value(label.format("web-13") + ".ariaLabel")
    assert web == "web-13, u1.large, public: ports 80, 443, 1 disk, plan: create"
    assert page.value(label.format("open") + ".ariaLabel") == "open, u1.large, halted, public: every port, 1 disk"
    assert page.value(label.format("open") + ".className").split() == ["tile", "is-whole"]
    assert page.value("document.querySelectorAll('.disk.other-class').length") >= 2


def test_budgets(page: Any) -> None:
    """A budget is a meter that says how much of it is used."""
    meters = page.value("[...document.querySelectorAll('[role=meter]')].map(each => each.getAttribute('aria-valuetext'))")
    assert meters == ["15 of 20 in the budget", "32 of 40 in the budget", "4 of 20 in the budget", "8 of 40 in the budget"]


def test_changes(page: Any) -> None:
    """What destroys data stands first, unfolded; the deltas are said."""
    assert page.value("document.querySelector('#change-list .pill').textContent") == "DESTROYS DATA"
    assert page.value("document.querySelector('#change-list details').open")
    assert "+1 VM, +4 vCPU" in page.value("document.querySelector('#change-list').innerText")


def test_print(page: Any) -> None:
    """On paper all rows are there, and no controls."""
    page.call("Page.printToPDF")
    page.call("Emulation.setEmulatedMedia", media="print")
    page.value("dispatchEvent(new Event('beforeprint'))")
    assert page.value("document.querySelectorAll('.rows [role=row]').length") == 19
    assert page.value("getComputedStyle(document.querySelector('.filters')).display") == "none"
    page.value("dispatchEvent(new Event('afterprint'))")
    assert page.value("document.querySelectorAll('.rows [role=row]').length") == 19


def test_calm(page: Any) -> None:
    """Who wants less motion gets none."""
    page.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-reduced-motion", "value": "reduce"}])
    assert page.value("getComputedStyle(document.documentElement).scrollBehavior") == "auto"


def test_five_thousand_vms(new_page: Callable[[], Any], new_repository: Make) -> None:
    """Of thousands of rows only those in sight are in the document, whatever is searched, sorted and scrolled to."""
    vms = {f"g{number}": {"count": 500, "instanceType": "u1.large", "image": "ubuntu-2404"} for number in range(10)}
    made = new_repository({"environments/production.yaml": json.dumps({"namespace": "tenant-acme", "vms": vms})})
    path = made.root / "fleet.html"
    assert made.run("report", "-o", str(path)).code == 0
    page = new_page().open(path)
    rows = "document.querySelectorAll('.rows [role=row]').length"
    assert page.value("document.querySelector('.table').ariaRowCount") == "5001"
    assert 0 < page.value(rows) < 80
    assert page.value("document.querySelectorAll('*').length") < 8000
    page.value("document.querySelector('.table').scrollTop = 1e9")
    page.wait("[...document.querySelectorAll('.rows button')].some(each => each.textContent === 'g9-500')")
    assert page.value(rows) < 80
    page.click("[data-column=name]")
    page.click("[data-column=name]")
    assert page.value(NAMES)[0] == "g9-500"
    page.type("#search", "g3-49")
    page.wait("document.querySelector('#count').textContent === '11 of 5,000 VMs'")
    assert page.messages == []


@pytest.fixture(scope="module", name="live_address")
def _live_address(new_repository: Make) -> Path:
    """The page of a fleet beside a dump: one VM failed, one drifted, one is pending, a disk is gone, and one is foreign."""
    made = new_repository({"environments/production.yaml": FLEET})
    cluster = make_cluster(made)
    cluster.find("VMInstance", "web-1")["status"]["conditions"] = [
        {"type": "Ready", "status": "False", "reason": "UpgradeFailed", "message": "exceeded quota: tenant <b>quota</b>"}
    ]
    cluster.find("VMInstance", "web-2")["spec"]["instanceType"] = "u1.xlarge"
    cluster.find("VMInstance", "web-3")["spec"]["cloudInit"] = "#cloud-config\npassword: sesame-open\n"
    cluster.add_machine("web-4", RestartRequired=RESTART)
    cluster.objects.pop(("VMDisk", "web-5-data"))
    cluster.objects["VMDisk", "toy"] = foreign("VMDisk", "toy", {"storage": "100Gi", "storageClass": "replicated"})
    cluster.run()
    path: Path = made.root / "live.html"
    done = made.run("report", "-o", str(path), "--live", "dump.json")
    assert done.code == 0, done.messages
    return path


def test_live(new_page: Callable[[], Any], live_address: Path) -> None:
    """Tiles and rows have the colour of their state; what is not in step is listed, the worst first, without its secrets."""
    page = new_page().open(live_address)
    assert "37 of 42 in step" in page.value("document.querySelector('#live .lead').textContent")
    states = "[...document.querySelectorAll('#live .fold > summary .pill')].map(each => each.textContent)"
    assert page.value(states) == ["failed", "missing", "orphan", "drift", "drift", "pending"]
    tile = "document.querySelector('.tile[aria-label^=\"{0},\"]')"
    for name, state in (("web-1", "failed"), ("web-2", "drift"), ("web-4", "pending"), ("web-6", "in step")):
        element = tile.format(name)
        assert page.value(f"{element}.ariaLabel").endswith(f"live: {state}")
        assert page.value(f"{element}.classList.contains('{state.replace(' ', '-')}')"), name
    colours = {page.value(f"getComputedStyle({tile.format(name)}).backgroundColor") for name in ("web-1", "web-2", "web-6")}
    assert len(colours) == 3
    page.click("#off")
    assert page.value(NAMES) == ["web-1", "web-2", "web-3", "web-4"]
    page.click(".rows button")
    page.wait("document.querySelector('dialog').open")
    assert "quota of the tenant" in page.value("document.querySelector('dialog').innerText")
    assert "sesame" not in live_address.read_text(encoding="utf-8")
    assert page.messages == []
    asked = {request.partition("#")[0] for request in page.requests if not request.startswith("data:")}
    assert asked == {live_address.as_uri()}


@pytest.mark.parametrize("width", [320, 1600])
def test_live_fits(new_page: Callable[[], Any], live_address: Path, width: int) -> None:
    """With one more column nothing sticks out, narrow or wide."""
    page = new_page().open(live_address, width=width)
    page.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.value("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    wide = "[...document.querySelectorAll('body *')].filter(each => each.getBoundingClientRect().right > innerWidth + 1).length"
    assert page.value(wide) == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_live_is_legible(new_page: Callable[[], Any], live_address: Path, theme: str) -> None:
    """The words on the colours have the contrast that WCAG asks for."""
    page = new_page().open(live_address)
    choose(page, "#theme", theme)
    page.value("document.querySelectorAll('details').forEach(each => each.open = true)")
    found = page.value((Path(__file__).parent / "contrast.js").read_text(encoding="utf-8"))
    assert found["poor"] == []
