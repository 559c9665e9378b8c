"""The fleets of the benchmark."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fleets import GROUP_SIZES, build_groups, change_one_vm, measure_input_kib, write_fleet


def test_groups_have_their_sizes_in_turn() -> None:
    """A fleet has groups of one VM and of 500, in three environments, and exactly its number of VMs."""
    groups = list(build_groups(2_000))
    assert sum(group.vms for group in groups) == 2_000
    assert {group.environment for group in groups} == {1, 2, 3}
    assert [group.vms for group in groups[: len(GROUP_SIZES)]] == list(GROUP_SIZES)
    assert len(list(build_groups(3))) == 3


def test_the_fleet_is_the_one_that_users_have() -> None:
    """Two thirds of the groups have user data, and every tenth VM has a size of its own."""
    groups = list(build_groups(9_000))
    assert abs(sum(group.has_user_data for group in groups) / len(groups) - 2 / 3) < 0.05
    assert sum(len(group.own_sizes) for group in groups) == 900


def test_the_input_is_what_is_written(tmp_path: Path) -> None:
    """The size of the input is that of the files of a fleet."""
    write_fleet(600, tmp_path / "fleet")
    assert measure_input_kib(600) == sum(path.stat().st_size for path in (tmp_path / "fleet").rglob("*.*")) / 1024


def test_each_change_is_another_one(tmp_path: Path) -> None:
    """A change differs from the fleet and from the change of the round before, in one line."""
    write_fleet(60, tmp_path)
    file = tmp_path / "environments" / "e1.yaml"
    before = file.read_text().splitlines()
    changes = []
    for generation in range(2):
        change_one_vm(tmp_path, generation)
        changes.append(file.read_text().splitlines())
        assert [line for line in changes[-1] if line not in before] == [line for line in changes[-1] if "# bench" in line]
    assert changes[0] != changes[1]
