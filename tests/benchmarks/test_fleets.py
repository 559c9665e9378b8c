"""The fleets of the benchmark."""

from __future__ import annotations

from pathlib import Path

from benchmarks.fleets import change_one_vm, environments, groups, input_kib, write_environments


def test_groups_are_full_but_for_the_last() -> None:
    """A fleet of 1,020 VMs is 20 groups of 50 and one of 20, at ten groups an environment."""
    made = list(groups(1_020))
    assert [group.count for group in made] == [50] * 20 + [20]
    assert [group.environment for group in made] == [1] * 10 + [2] * 10 + [3]
    assert [group.number for group in made] == list(range(1, 22))


def test_the_input_is_what_is_written(tmp_path: Path) -> None:
    """The size of the input is that of the environment files."""
    write_environments(600, tmp_path / "fleet")
    files = list((tmp_path / "fleet" / "environments").iterdir())
    assert {path.name for path in files} == set(environments(600)) == {"e001.yaml", "e002.yaml"}
    assert input_kib(600) == sum(path.stat().st_size for path in files) / 1024


def test_each_change_is_another_one(tmp_path: Path) -> None:
    """A change differs from the fleet and from the change of the round before, in one line."""
    write_environments(8, tmp_path)
    path = tmp_path / "environments" / "e001.yaml"
    texts = [path.read_text(encoding="utf-8")]
    for round_ in range(2):
        change_one_vm(tmp_path, round_)
        texts.append(path.read_text(encoding="utf-8"))
    assert len(set(texts)) == 3
    assert [len(set(text.splitlines()) - set(texts[0].splitlines())) for text in texts] == [0, 1, 1]
