"""Mutate the modules that keep the promises about disks and secrets, and report the mutations that no test notices.

    make mutants                              all modules of the table
    make mutants MODULE=plan/gate             one of them
    make mutants MODULE=plan/gate SAMPLE=30   30 of its mutations, always the same ones

Each mutation changes one operator, number or condition in a copy of the checkout (build/mutants/), where the tests that own
the module run. A mutation that survives is a test to write, or a change that makes no difference; only a reader can tell.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
FOLDER = CHECKOUT / "build" / "mutants"
COPIED = ("generator", "templates", "schema", "environments", "manifests", "policies", "tests", "tools", "pyproject.toml")
# The tests that own a module: they have to notice each change of what it does. The quick ones run first, and the first failure
# ends a run, so a mutation that they kill costs seconds.
OWNERS = {
    "plan/data_loss": ("tests/plan/test_data_loss.py", "tests/plan/test_gate.py", "tests/plan/test_delivery.py"),
    "plan/diff": ("tests/plan/test_diff.py", "tests/plan/test_foreign.py", "tests/plan/test_gate.py", "tests/write"),
    "plan/gate": (
        "tests/plan/test_gate.py",
        "tests/plan/test_foreign.py",
        "tests/plan/test_delivery.py",
        "tests/plan/test_incomplete.py",
    ),
    "plan/verdicts": ("tests/plan/test_change_kinds.py", "tests/plan/test_verdicts.py"),
    "secrets/lines": ("tests/secrets",),
    "secrets/patterns": ("tests/secrets",),
    "secrets/redact": ("tests/secrets",),
    "secrets/tokens": ("tests/secrets",),
    "write/files": ("tests/write", "tests/plan/test_diff.py"),
}


def main(arguments: list[str]) -> int:
    """Run the sessions of some modules, all by default; a number limits the mutations of each.

    Returns 1 if a mutation survived, 2 if there is no such module.
    """
    names = [argument for argument in arguments if not argument.isdecimal()]
    sample = next((int(argument) for argument in arguments if argument.isdecimal()), 0)
    unknown = [name for name in names if name not in OWNERS]
    if unknown:
        print(f"no tests are named for {', '.join(unknown)}; there are: {', '.join(OWNERS)}", file=sys.stderr)
        return 2
    survivors = 0
    for name in names or OWNERS:
        survivors += _run_session(name, OWNERS[name], sample)
    return 1 if survivors else 0


def _run_session(name: str, tests: tuple[str, ...], sample: int) -> int:
    """Mutate one module and print its survivors; returns how many there are."""
    copy = _copy_checkout()
    session, config = copy / "session.sqlite", copy / "session.toml"
    command = f"{sys.executable} -m pytest -q -x -n0 -p no:cacheprovider -p no:randomly {' '.join(tests)}"
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "generator/vmgen/{name}.py"\ntimeout = 600.0\nexcluded-modules = []\n'
        f'test-command = "env PYTHONPATH=generator {command}"\n\n[cosmic-ray.distributor]\nname = "local"\n',
        encoding="utf-8",
    )
    folder = FOLDER / "venv" / "bin"
    subprocess.run([folder / "cosmic-ray", "init", config.name, session.name], cwd=copy, check=True)
    # Apart, since cosmic-ray has an environment of its own, so that its requirements meet none of ours.
    choice = CHECKOUT / "tools" / "mutation_choice.py"
    subprocess.run([folder / "python", choice, session.name, f"generator/vmgen/{name}.py", str(sample)], cwd=copy, check=True)
    subprocess.run([folder / "cosmic-ray", "baseline", config.name], cwd=copy, check=True)
    subprocess.run([folder / "cosmic-ray", "exec", config.name, session.name], cwd=copy, check=True)
    dump = subprocess.run([folder / "cosmic-ray", "dump", session.name], cwd=copy, check=True, capture_output=True, text=True)
    results = [json.loads(line)[1] for line in dump.stdout.splitlines()]
    outcomes = [result for result in results if result and result["test_outcome"]]
    alive = [result for result in outcomes if result["test_outcome"] == "survived"]
    for result in alive:
        print(result["diff"])
    print(f"{name}: {len(outcomes)} of {len(results)} mutations run, {len(alive)} survived", flush=True)
    return len(alive)


def _copy_checkout() -> Path:
    """Copy what the tests need: cosmic-ray writes each mutation into the module, and a run that is killed leaves it there."""
    copy = FOLDER / "tree"
    shutil.rmtree(copy, ignore_errors=True)
    for item in COPIED:
        path = CHECKOUT / item
        if path.is_dir():
            shutil.copytree(path, copy / item, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(path, copy / item)
    return copy


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
