"""The Python API: load a repository, render its environments, plan what a commit would change. Nothing is written.

    from vmgen.api import load, plan, render

    repository = load("shop-vms")
    for result in render(repository):
        print(result.name, len(result.fleet.machines) if result.fleet else result.problems)
    print(plan(repository, against="main").summary)

What these three functions take and return is the API: fields may be added in a minor version, and are renamed or removed in
a major one only. Mistakes of users are `Problem`s in what is returned, without secrets in their texts, so that they can be
printed; VmgenError is raised where the job cannot be done.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vmgen.clock import get_today
from vmgen.pipeline import plan_and_gate
from vmgen.plan.baseline import load_plan_base
from vmgen.plan.plan import Plan
from vmgen.problems import Place, Problem, ProblemsError, VmgenError, sort_problems
from vmgen.read.repository import Project, find_environments, open_project, select_environments
from vmgen.renderer import RenderResult, render_all
from vmgen.secrets.redact import redact_problem

__all__ = ["Place", "Plan", "Problem", "ProblemsError", "Project", "RenderResult", "VmgenError", "load", "plan", "render"]


def load(folder: str | os.PathLike[str] = ".") -> Project:
    """Open the repository in a folder. Raises VmgenError if the folder holds no `environments/`."""
    return open_project(Path(folder).resolve())


def render(repository: Project, *names: str) -> tuple[RenderResult, ...]:
    """Render environments, all by default, to their `problems`, their `fleet` of VMs and disks, and their `files`.

    `files` maps paths below `manifests/` to bytes. If `problems` has an error, `files` is empty and `fleet` may be None.
    Raises VmgenError if there is no environment of a name.
    """
    environment_names, _ = find_environments(repository)
    results = render_all(repository, select_environments(environment_names, names), verify_all=False, jobs=1)
    # A caller may print them anywhere, which the formats of the command line do not see.
    return tuple(result._replace(problems=_redact_problems(result.problems)) for result in results)


def plan(repository: Project, *names: str, against: str | None = None) -> Plan:
    """Plan what the platform does when environments, all by default, replace the files committed at a ref, by default HEAD.

    Outside of Git the files in `manifests/` are what exists. `problems` are those of the environments and what the gate
    refuses; the plan is not `complete` if they keep a part of an environment out of it. Raises VmgenError if there is no such
    environment or ref.
    """
    environment_names, _ = find_environments(repository)
    selected_names = select_environments(environment_names, names)
    results = render_all(repository, selected_names, verify_all=False, jobs=1, keep_going=True)
    base = load_plan_base(repository, against, get_today(), whole=not names)
    plan_result, refusals = plan_and_gate(repository, results, base)
    problems = [problem for result in results for problem in result.problems]
    return plan_result._replace(problems=_redact_problems(sort_problems([*problems, *refusals])))


def _redact_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(map(redact_problem, problems))
