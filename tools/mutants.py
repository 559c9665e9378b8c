"""Mutate the modules that keep the promises about disks and secrets, and report the mutations that no test notices.

    make mutants                    all modules of the table
    make mutants MODULE=plan/gate   one of them

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
# The tests that own a module: they have to notice each change of what it does.
OWNERS = {
    "plan/gate": ("tests/plan",),
    "plan/diff": ("tests/plan", "tests/write"),
    "plan/verdicts": ("tests/plan",),
    "secrets/redact": ("tests/secrets", "tests/plan/test_secrets.py"),
}


def main(chosen: list[str]) -> int:
    """Run the sessions of some modules, all by default. Returns 1 if a mutation survived, 2 if there is no such module."""
    unknown = [name for name in chosen if name not in OWNERS]
    if unknown:
        print(f"no tests are named for {', '.join(unknown)}; there are: {', '.join(OWNERS)}", file=sys.stderr)
        return 2
    survivors = 0
    for name in chosen or OWNERS:
        survivors += _run_session(name, OWNERS[name])
    return 1 if survivors else 0


def _run_session(name: str, tests: tuple[str, ...]) -> int:
    """Mutate one module and print its survivors; returns how many there are."""
    copy = FOLDER / "tree"
    shutil.rmtree(copy, ignore_errors=True)
    for item in COPIED:
        path = CHECKOUT / item
        ignore = shutil.ignore_patterns("__pycache__")
        if path.is_dir():
            shutil.copytree(path, copy / item, ignore=ignore)
        else:
            shutil.copy2(path, copy / item)
    session, config = copy / "session.sqlite", copy / "session.toml"
    command = f"{sys.executable} -m pytest -q -x -n0 -p no:cacheprovider {' '.join(tests)}"
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "generator/vmgen/{name}.py"\ntimeout = 600.0\nexcluded-modules = []\n'
        f'test-command = "env PYTHONPATH=generator {command}"\n\n[cosmic-ray.distributor]\nname = "local"\n',
        encoding="utf-8",
    )
    engine = str(FOLDER / "venv" / "bin" / "cosmic-ray")
    subprocess.run([engine, "init", config.name, session.name], cwd=copy, check=True)
    subprocess.run([engine, "baseline", config.name], cwd=copy, check=True)
    subprocess.run([engine, "exec", config.name, session.name], cwd=copy, check=True)
    dump = subprocess.run([engine, "dump", session.name], cwd=copy, check=True, capture_output=True, text=True).stdout
    results = [json.loads(line)[1] for line in dump.splitlines()]
    alive = [result for result in results if result and result["test_outcome"] == "survived"]
    for result in alive:
        print(result["diff"])
    print(f"{name}: {len(results)} mutations, {len(alive)} survived")
    return len(alive)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
