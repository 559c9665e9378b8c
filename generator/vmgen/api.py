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

from vmgen.compare.baseline import starting_from
from vmgen.compare.plan import Plan
from vmgen.outcome import planned
from vmgen.pipeline import Rendered, rendered_all
from vmgen.problems import Place, Problem, Refused, VmgenError, has_errors, in_order
from vmgen.read.project import Project, chosen, environment_names, open_project

__all__ = ["Place", "Plan", "Problem", "Project", "Refused", "Rendered", "VmgenError", "load", "plan", "render"]


def load(folder: str | os.PathLike[str] = ".") -> Project:
    """The repository in a folder, which holds `environments/`. VmgenError where there is none."""
    return open_project(Path(folder).resolve())


def render(repository: Project, *names: str) -> tuple[Rendered, ...]:
    """Environments, all by default: of each its problems, its `fleet` of VMs and disks, and its `files`.

    `files` are the bytes of the manifests by their paths below `manifests/`; it is empty, and `fleet` may be None, where
    `problems` has an error. VmgenError where a name is that of no environment.
    """
    known, _ = environment_names(repository)
    return rendered_all(repository, chosen(known, names), verify_all=False, jobs=1)


def plan(repository: Project, *names: str, against: str | None = None) -> Plan:
    """What the platform will do when environments, all by default, replace what is committed at a ref (default HEAD).

    Outside of Git the files in `manifests/` are what exists. What the gate refuses is in `problems`. Refused where an
    environment has errors; VmgenError where there is no such ref or environment.
    """
    rendered = render(repository, *names)
    problems = in_order([problem for each in rendered for problem in each.problems])
    if has_errors(problems):
        raise Refused(problems)
    start = starting_from(repository, against, date.today(), whole=not names)
    found, refused = planned(repository, rendered, start)
    return found._replace(problems=in_order([*problems, *refused]))
