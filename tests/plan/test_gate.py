"""The gate: no data is lost, and nothing goes to the platform that it rejects, unless an entry under `retire:` says so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from vmgen.cli import session
from vmgen.plan.desired import DesiredState, Identity
from vmgen.plan.gate import find_refusals
from vmgen.plan.plan import ObjectChange, Plan
from vmgen.plan.verdicts import FieldChange, Verdict

WEB = """\
namespace: tenant-acme
vms:
  web:
    count: 3
    instanceType: u1.large
    image: ubuntu-2404
    disks:
      data: 50Gi
"""
FEWER = WEB.replace("count: 3", "count: 2")
OTHER_CLASS = WEB.replace("data: 50Gi", "data: {storage: 50Gi, storageClass: local}")
LINES = ["retire:", '  - {disk: web-3-data, reason: "explain why"}', '  - {disk: web-3-system, reason: "explain why"}']
Committed = Callable[..., Any]


def pasted(messages: str, rule: str = "destroys-data") -> str:
    """The lines that a refusal prints to be pasted."""
    lines = messages.splitlines()
    start = next(index for index, line in enumerate(lines) if line.endswith(f"[{rule}]")) + 1
    taken = []
    for line in lines[start:]:
        if not line.startswith(("namespace:", "retire:", " ", "-")):
            break
        taken.append(line)
    return "".join(f"{line}\n" for line in taken)


def test_lower_count_is_refused_until_the_printed_lines_are_pasted(committed: Committed) -> None:
    """With real history: fewer VMs fail the check against main, which names both disks; the lines it prints let them go."""
    history = committed()
    history.git("checkout", "--quiet", "-b", "fewer")
    history.write(production=FEWER)
    assert history.vmgen("render").code == 1
    history.commit()
    refused = history.vmgen("check", "--against", "main", "--kustomize", "off")
    assert refused.code == 1
    first = refused.problems[0]
    assert first.startswith("environments/production.yaml:4:12: error: the data of 2 disks committed at main")
    assert "VMDisk web-3-data, VMDisk web-3-system" in first
    assert pasted(refused.messages).splitlines() == LINES

    history.write(production=FEWER + pasted(refused.messages))
    assert history.vmgen("render").code == 0
    history.commit()
    passed = history.vmgen("check", "--against", "main")
    assert (passed.code, passed.problems) == (0, [])
    plan = history.vmgen("plan", "--against", "main").stdout
    assert plan.endswith("Plan: 0 to create, 0 to update, 1 to delete, 0 destroy data, 2 retired.\n")
    assert "- VMDisk web-3-data\n      DESTROYS DATA, retired\n" in plan
    assert "Retired at environments/production.yaml:10:5: explain why." in plan


def test_vm_goes_without_a_tombstone(committed: Committed) -> None:
    """A VM without disks of its own holds no data, so it may simply be removed."""
    text = "namespace: tenant-acme\ndisks:\n  boot: {storage: 20Gi, url: 'https://example.com/a.img'}\n"
    vms = "vms:\n  web: {instanceType: u1.large, instanceProfile: ubuntu, attach: [boot]}\n"
    history = committed(text + vms)
    history.write(production=text)
    done = history.vmgen("render")
    assert (done.code, done.problems) == (0, [])
    assert not (history.repository.root / "manifests/production/vms").exists()


def test_tombstone_of_a_vm_is_taken(committed: Committed) -> None:
    """An entry for a VM is not needed, and is no mistake either: the plan shows the VM as retired."""
    history = committed()
    lines = "\n".join([*LINES, "  - {vm: web-3, reason: too many}\n"])
    history.write(production=FEWER + lines)
    assert history.vmgen("render").problems == []
    assert "0 to delete, 0 destroy data, 3 retired." in history.vmgen("plan").stdout


def test_what_was_never_committed_goes_freely(committed: Committed) -> None:
    """The baseline is HEAD: what was only tried out is no data to lose."""
    history = committed(FEWER)
    history.write(production=WEB)
    assert history.vmgen("render").code == 0
    history.write(production=FEWER)
    done = history.vmgen("render")
    assert (done.code, done.problems) == (0, [])


def test_before_the_first_commit_all_goes_freely(new_history: Callable[..., Any]) -> None:
    """In a repository without a commit nothing exists yet."""
    history = new_history({"production": WEB})
    assert history.vmgen("render").code == 0
    history.write(production=FEWER)
    done = history.vmgen("render")
    assert (done.code, done.problems) == (0, [])


def test_outside_git_the_files_are_the_baseline(repository: Callable[..., Any]) -> None:
    """Without Git, what lies in manifests/ is what exists."""
    plain = repository(WEB)
    assert plain.run("render").code == 0
    plain.write({"environments/production.yaml": FEWER})
    refused = plain.run("render")
    assert refused.code == 1
    assert "the data of 2 disks in manifests/ would be destroyed" in refused.messages
    plain.write({"environments/production.yaml": FEWER + pasted(refused.messages)})
    assert plain.run("render").code == 0
    assert plain.run("check", "--kustomize", "off").code == 0


@pytest.mark.parametrize(
    ("disks", "loss"), [("", "the data of 1 disk committed"), ("disks: {data: 5Gi}", "the data of 2 disks committed")]
)
def test_disks_are_counted(committed: Committed, disks: str, loss: str) -> None:
    """One disk is one disk."""
    history = committed(f"namespace: tenant-acme\nvms: {{web: {{instanceType: u1.large, image: ubuntu-2404, {disks}}}}}\n")
    history.write(production="namespace: tenant-acme\n")
    assert loss in history.vmgen("render", "--allow-empty").messages


def test_printed_lines_go_on_with_a_list_that_is_there(committed: Committed) -> None:
    """Where `retire:` is written already, the lines are items with its indentation."""
    history = committed()
    two = FEWER + "\n".join(LINES[:2]).replace("  -", "      -") + "\n"
    history.write(production=two)
    refused = history.vmgen("render")
    assert pasted(refused.messages) == '      - {disk: web-3-system, reason: "explain why"}\n'
    history.write(production=two + pasted(refused.messages))
    assert history.vmgen("render").code == 0


def test_removed_environment_meets_the_gate(committed: Committed) -> None:
    """Without its file an environment goes only by way of a stub with tombstones, and only with --allow-empty."""
    history = committed(FEWER)
    path = history.repository.root / "environments/production.yaml"
    path.unlink()
    for command in (("render",), ("render", "--allow-empty"), ("check",)):
        refused = history.vmgen(*command)
        assert refused.code == 1
        assert "Restore environments/production.yaml" in refused.messages
    stub = pasted(refused.messages)
    assert stub.startswith("namespace: tenant-acme\nretire:\n")
    path.write_text(stub, encoding="utf-8")
    assert "[empty-result]" in history.vmgen("render").messages
    assert history.vmgen("render", "--allow-empty").code == 0
    assert history.vmgen("check", "--kustomize", "off").code == 0
    assert not history.repository.files()


def test_environment_that_was_deleted_by_hand_meets_the_gate(committed: Committed) -> None:
    """Neither the file nor the manifests are there any more; what is committed still says what existed."""
    history = committed(environments={"staging": WEB.replace("tenant-acme", "tenant-test")})
    history.git("rm", "--quiet", "-r", "environments/staging.yaml", "manifests/staging")
    refused = history.vmgen("check", "--kustomize", "off")
    assert refused.code == 1
    assert "the data of 6 disks" in refused.messages
    assert history.vmgen("check", "production", "--kustomize", "off").code == 0


def test_emptied_environment_meets_the_gate(committed: Committed) -> None:
    """An environment of which nothing is left but its namespace loses data like any other."""
    history = committed()
    history.write(production="namespace: tenant-acme\n")
    refused = history.vmgen("render", "--allow-empty")
    assert "the data of 6 disks" in refused.messages


def test_rejected_change_is_refused(committed: Committed) -> None:
    """Another storage class of a disk that exists fails after the merge, so it fails before."""
    history = committed()
    history.write(production=OTHER_CLASS)
    refused = history.vmgen("render")
    assert refused.code == 1
    assert "the platform rejects a change: VMDisk web-1-data, VMDisk web-2-data, VMDisk web-3-data" in refused.messages
    tombstones = "".join(f"  - {{disk: web-{number}-data, reason: moved by hand}}\n" for number in (1, 2, 3))
    history.write(production=f"{OTHER_CLASS}retire:\n{tombstones}")
    assert history.vmgen("render").code == 0
    assert "3 to update (3 rejected)" in history.vmgen("plan").stdout


def test_what_does_not_differ_needs_no_permission(committed: Committed) -> None:
    """Growing a disk, or adding one, passes without a word."""
    history = committed()
    history.write(production=WEB.replace("50Gi", "60Gi").replace("count: 3", "count: 4"))
    assert history.vmgen("render").problems == []


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the day of the run."""

    def made(day: str) -> None:
        monkeypatch.setattr(session, "get_today", lambda: date.fromisoformat(day))

    return made


@pytest.mark.parametrize(("day", "code"), [("2026-12-31", 0), ("2027-01-01", 1)])
def test_tombstone_counts_until_its_last_day(committed: Committed, today: Callable[[str], None], day: str, code: int) -> None:
    """An entry with `until` counts on that day and no longer; the bytes do not depend on the day."""
    history = committed()
    today(day)
    lines = "\n".join(LINES).replace('why"}', 'why", until: "2026-12-31"}')
    history.write(production=f"{FEWER}{lines}\n")
    done = history.vmgen("render")
    assert done.code == code
    assert ("[expired-tombstone]" in done.messages) is bool(code)
    assert ("ended on 2026-12-31, but VMDisk web-3-data is not deleted yet" in done.messages) is bool(code)


def test_stale_tombstone_is_a_warning_at_its_line(committed: Committed) -> None:
    """An entry that names nothing which is committed is to be removed, once that is merged."""
    history = committed(FEWER)
    history.write(production=FEWER + "\n".join(LINES[:2]) + "\n")
    done = history.vmgen("render")
    assert done.code == 0
    (problem,) = done.problems
    assert problem.startswith("environments/production.yaml:10:5: warning: retire: no VMDisk web-3-data is committed at HEAD")


@pytest.mark.parametrize(
    ("entry", "rule", "said"),
    [
        ("{disk: web-1-data, reason: x}", "tombstone-in-use", "VMDisk web-1-data is still rendered"),
        ("{reason: x}", "empty-tombstone", "has no name"),
        ("{disk: gone, reason: x, until: '2026-02-31'}", "invalid-value", "is not a date"),
    ],
)
def test_wrong_tombstone_is_an_error(committed: Committed, entry: str, rule: str, said: str) -> None:
    """An entry that cannot mean anything is refused at its place."""
    history = committed()
    history.write(production=f"{WEB}retire:\n  - {entry}\n")
    done = history.vmgen("check", "--kustomize", "off")
    assert done.code == 1
    assert any(said in problem and problem.endswith(f"[{rule}]") for problem in done.problems)


_OTHER = "namespace: tenant-acme\n" + "\n".join(LINES) + "\n"


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("other", _OTHER, 1),
        ("other", f"{_OTHER}vms: {{db: {{instanceType: u1.large, image: ubuntu-2404}}}}\n", 1),
        ("_defaults", "\n".join(LINES) + "\n", 1),
        ("other", _OTHER.replace("tenant-acme", "tenant-two"), 0),
        ("other", f"cluster: elsewhere\n{_OTHER}", 0),
    ],
    ids=["an empty environment", "one with VMs", "the defaults", "another namespace", "another cluster"],
)
def test_tombstone_is_not_planted_before_the_change(committed: Committed, file: str, text: str, code: int) -> None:
    """An environment cannot permit today what another one of its namespace loses in a later change."""
    history = committed()
    history.write(**{file: text})
    done = history.vmgen("check", "--kustomize", "off")
    assert ("[tombstone-in-use]" in done.messages) is bool(code)
    if file == "other" and code:
        assert "remove it from environments/production.yaml, or remove this entry" in done.messages


def test_tombstone_in_a_shared_layer_need_serve_one_environment(committed: Committed) -> None:
    """What `_defaults.yaml` retires in one environment is no mistake in the next."""
    history = committed(environments={"staging": WEB.replace("tenant-acme", "tenant-test")})
    history.repository.write({"environments/_defaults.yaml": "\n".join(LINES) + "\n"})
    history.write(production=FEWER)
    done = history.vmgen("render")
    assert (done.code, done.problems) == (0, [])


def test_renamed_group_is_told_how_to_keep_its_names(committed: Committed) -> None:
    """A group under a new key loses its disks; the refusal names the key that keeps them, and that key does."""
    history = committed()
    history.write(production=WEB.replace("  web:", "  shop:"))
    refused = history.vmgen("render")
    assert "It looks like a rename: write `name: web`, or `names:`, in its group to keep the old names." in refused.messages
    history.write(production=WEB.replace("  web:", "  shop:\n    name: web"))
    assert history.vmgen("render").code == 0
    assert "9 to update (9 moves), 0 to delete, 0 destroy data." in history.vmgen("plan").stdout


@pytest.mark.parametrize(
    ("before", "count", "names"),
    [
        ("", "count: 3", "names: [w, w-2, w-3]"),
        ("disks: {data: 50Gi}, ", "count: 2", "names: [w, w-2]"),
        (
            "name: db, disks: {logs: 5Gi}, ",
            "count: 11",
            "names: [db, db-2, db-3, db-4, db-5, db-6, db-7, db-8, db-9, db-10, db-11]",
        ),
        ("", "count: 2, skip: [1]", "names: [w, w-3]"),
    ],
)
def test_one_vm_that_becomes_many_keeps_its_name(committed: Committed, before: str, count: str, names: str) -> None:
    """A single VM that gets a count is told the names that keep its disks, and these names do."""
    text = "namespace: tenant-acme\nvms:\n  w: {%s%sinstanceType: u1.large, image: ubuntu-2404}\n"
    history = committed(text % (before, ""))
    history.write(production=text % (before, f"{count}, "))
    refused = history.vmgen("render")
    assert f"It looks like a rename: write `{names}` instead of `count:` in its group to keep the old name." in refused.messages
    assert refused.code == 1
    history.write(production=text % (before.replace("name: db, ", ""), f"{names}, "))
    assert history.vmgen("render").code == 0
    assert "0 to update, 0 to delete, 0 destroy data." in history.vmgen("plan").stdout


@pytest.mark.parametrize(
    ("before", "after", "name", "place", "names"),
    [
        ("names: [alpha, beta]", "names: [gamma, beta]", "alpha", "gamma", "names: [alpha, beta]"),
        ("count: 3", "count: 3, skip: [2]", "w-2", "w-4", "names: [w-1, w-2, w-3]"),
        ("names: [alpha, beta]", "count: 2", "beta", "w-2", "names: [alpha, beta]"),
        ("count: 2", "names: [a, b]", "w-1", "a", "names: [w-1, b, w-2]"),
    ],
)
def test_vm_of_many_keeps_its_name_in_a_list(
    committed: Committed, before: str, after: str, name: str, place: str, names: str
) -> None:
    """A VM of a group with others cannot keep its name by `name:`, so the list of names is what the gate tells."""
    text = "namespace: tenant-acme\nvms:\n  w: {%s, instanceType: u1.large, image: ubuntu-2404}\n"
    history = committed(text % before)
    history.write(production=text % after)
    refused = history.vmgen("render")
    remedy = f"under `names:`, without `count:`, and write `{name}` instead of `{place}`, to keep the old name"
    assert (refused.code, remedy in refused.messages) == (1, True)
    assert "write `name:" not in refused.messages
    history.write(production=text % names)
    assert history.vmgen("render").code == 0


def test_source_of_a_system_disk_is_what_keeps_it(committed: Committed) -> None:
    """No disk may have the key `system`, so the source that makes the disk is named."""
    text = "namespace: tenant-acme\nvms:\n  w: {instanceType: u1.large, instanceProfile: ubuntu, %s}\n"
    history = committed(text % "image: ubuntu-2404")
    history.write(production=text % "disks: {boot: {image: ubuntu-2404}}")
    refused = history.vmgen("render")
    assert refused.code == 1
    assert "write the source of the system disk, such as `image:`, back to `w` to keep it" in refused.messages
    history.write(production=text % "image: ubuntu-2404, disks: {boot: {image: ubuntu-2404}}")
    assert history.vmgen("render").code == 0


def test_one_vm_is_not_taken_for_one_of_another_group(committed: Committed) -> None:
    """Names that another group counted before are not offered to a VM that goes: that group would lose a disk."""
    vm = "instanceType: u1.large, image: ubuntu-2404"
    group = f"  x: {{name: w, count: %d, {vm}}}\n"
    history = committed(f"namespace: tenant-acme\nvms:\n  w: {{{vm}}}\n{group % 2}")
    history.write(production=f"namespace: tenant-acme\nvms:\n{group % 3}")
    refused = history.vmgen("render")
    assert refused.code == 1
    assert "names: [" not in refused.messages


def test_printing_passes_no_gate(committed: Committed) -> None:
    """`render --stdout` writes nothing, so there is nothing to refuse."""
    history = committed()
    history.write(production=FEWER)
    assert history.vmgen("render", "--stdout").code == 0
    assert history.vmgen("render", "--check").code == 1


def test_branch_that_is_behind_is_told_so(committed: Committed) -> None:
    """Without a common commit, what main has gained is a loss of this branch; the refusal says what to do."""
    history = committed(FEWER)
    history.git("checkout", "--quiet", "--orphan", "older")
    history.repository.write({"notes": "of another beginning"})
    history.commit()
    history.git("checkout", "--quiet", "main")
    history.write(production=WEB)
    assert history.vmgen("render").code == 0
    history.commit()
    history.git("checkout", "--quiet", "older")
    refused = history.vmgen("check", "--against", "main", "--kustomize", "off")
    assert "HEAD lacks commits of main, whose additions count as removed here: merge it first." in refused.messages


@pytest.mark.parametrize(
    ("verdict", "permission", "sentences"),
    [
        (Verdict.REJECTED, "or permit the change by", {"It fails.": True, "It grows.": False}),
        (Verdict.DESTROYS_DATA, "or confirm the deletion by", {"It fails.": False, "It grows.": False}),
    ],
)
def test_refusal_has_the_words_of_its_verdict(verdict: Verdict, permission: str, sentences: dict[str, bool]) -> None:
    """What fails is permitted, and what destroys data is confirmed; only the fields that are refused are explained."""
    fields = (
        FieldChange("spec.a", 1, 2, "", Verdict.REJECTED, "It fails.", ""),
        FieldChange("spec.b", 1, 2, "", Verdict.UPDATE_IN_PLACE, "It grows.", ""),
    )
    identity = Identity("VMInstance", "tenant-acme", "web-1")
    change = ObjectChange(identity, "production", "production/vms/web/web-1.yaml", "update", verdict, fields=fields)
    state = DesiredState("production", "environments/production.yaml", "hikube", "")
    (problem,) = find_refusals(Plan("", ("production",), (change,)), [state], date(2026, 1, 1))
    assert permission in problem.message
    assert {sentence: sentence in problem.message for sentence in sentences} == sentences


def test_another_namespace_is_no_rename(committed: Committed) -> None:
    """All objects that change their namespace look moved, and none of them renamed."""
    history = committed()
    history.write(production=WEB.replace("tenant-acme", "tenant-other"))
    refused = history.vmgen("render").messages
    assert "It looks moved to another namespace: write `namespace: tenant-acme` back to keep it" in refused
    assert "It looks like a rename" not in refused
