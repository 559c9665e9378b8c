"""vmgen from Python: load a repository, render its environments, plan what a commit would change. Nothing is written.

    from vmgen.api import load, plan, render

    repository = load("shop-vms")
    for each in render(repository):
        print(each.name, len(each.fleet.machines) if each.fleet else each.problems)
    print(plan(repository, against="main").summary)

What is returned is frozen, and what these three return is the API: fields may be added in a minor version, and are renamed
or removed in a major one only. Mistakes of users are `Problem`s in what is returned; `VmgenError` is raised where the job
cannot be done.
"""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

from vmgen.pipeline import RenderResult, plan_and_gate, render_all
from vmgen.plan.baseline import load_plan_base
from vmgen.plan.plan import Plan
from vmgen.problems import Place, Problem, ProblemsError, VmgenError, has_errors, sort_problems
from vmgen.read.repository import Project, find_environments, open_project, select_environments

__all__ = ["Place", "Plan", "Problem", "ProblemsError", "Project", "RenderResult", "VmgenError", "load", "plan", "render"]


def load(folder: str | os.PathLike[str] = ".") -> Project:
    """The repository in a folder, which holds `environments/`. VmgenError where there is none."""
    return open_project(Path(folder).resolve())


def render(repository: Project, *names: str) -> tuple[RenderResult, ...]:
    """Environments, all by default: of each its problems, its `fleet` of VMs and disks, and its `files`.

    `files` are the bytes of the manifests by their paths below `manifests/`; it is empty, and `fleet` may be None, where
    `problems` has an error. VmgenError where a name is that of no environment.
    """
    known, _ = find_environments(repository)
    return render_all(repository, select_environments(known, names), verify_all=False, jobs=1)


def plan(repository: Project, *names: str, against: str | None = None) -> Plan:
    """What the platform will do when environments, all by default, replace what is committed at a ref (default HEAD).

    Outside of Git the files in `manifests/` are what exists. What the gate refuses is in `problems`. Refused where an
    environment has errors; VmgenError where there is no such ref or environment.
    """
    rendered = render(repository, *names)
    problems = sort_problems([problem for each in rendered for problem in each.problems])
    if has_errors(problems):
        raise ProblemsError(problems)
    start = load_plan_base(repository, against, date.today(), whole=not names)
    found, refused = plan_and_gate(repository, rendered, start)
    return found._replace(problems=sort_problems([*problems, *refused]))
