"""The way of the data, in one place: read, merge, check, expand, render, for each environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cached_property, partial
from typing import TYPE_CHECKING, NamedTuple

from vmgen.check.rule import run
from vmgen.check.rules import RULES
from vmgen.check.waivers import Waivers
from vmgen.compare.wanted import Wanted, wanted
from vmgen.expand.cloud_init.forms import Forms
from vmgen.expand.model import Fleet
from vmgen.expand.objects import fleet
from vmgen.merge.environment import Environment, environment
from vmgen.merge.layers import Layered, layered
from vmgen.problems import Problem, Refused, has_errors, in_order
from vmgen.read.layer_file import Files, LayerFile
from vmgen.read.located import INVALID
from vmgen.read.platform import DEFAULT_PLATFORM, Platform, Platforms
from vmgen.read.prepared import Prepared, users_folder
from vmgen.read.project import Project
from vmgen.render.manifests import manifest_templates, tree
from vmgen.render.policies import Policies
from vmgen.suggestions import did_you_mean

if TYPE_CHECKING:  # imported where an environment is delivered, or where there is something to plan
    from vmgen.render.delivery import Deliveries, Delivery


class Rendered(NamedTuple):
    """One environment, rendered. What could not be made, for its problems, is None or empty."""

    name: str
    problems: tuple[Problem, ...]
    environment: Environment | None = None
    fleet: Fleet | None = None
    files: Mapping[str, bytes] = {}
    layers: tuple[LayerFile, ...] = ()
    wanted: Wanted | None = None
    delivery: Delivery | None = None


def _unheard(name: str) -> None:
    """Where nobody listens."""


class Listeners(NamedTuple):
    """Who hears how a run goes: `begins` the name of each stage, `told` that of each environment that is rendered."""

    begins: Callable[[str], None] = _unheard
    told: Callable[[str], None] = _unheard


NOBODY = Listeners()


def kept(verify_all: bool) -> Prepared:
    """What is kept between runs, which is not to be believed where everything is verified."""
    return Prepared(None if verify_all else users_folder())


class Workshop:
    """What the environments of one run share: each file, platform and template is read once."""

    def __init__(
        self, project: Project, *, verify_all: bool = False, today: date | None = None, listeners: Listeners = NOBODY
    ) -> None:
        """`today` says which waivers still count; nothing that is rendered depends on it."""
        self.begins = listeners.begins
        self.project = project
        self.verify_all = verify_all
        self.today = today or date.today()
        self.prepared = prepared = kept(verify_all)
        self.files = Files(project)
        self.platforms = Platforms(project, prepared)
        self.forms = Forms(project)
        self.templates = manifest_templates(project, prepared)
        self.policies = Policies(project)

    @cached_property
    def deliveries(self) -> Deliveries:
        """What makes the files of delivery/."""
        from vmgen.render.delivery import Deliveries

        return Deliveries(self.project)

    def rendered(self, name: str) -> Rendered:
        """An environment, all the way from its files to the bytes of its manifests."""
        problems: list[Problem] = []
        merged: Environment | None = None
        try:
            self.begins("read")
            layers = layered(name, self.files)
            problems.extend(layers.problems)
            if not layers.readable:
                return Rendered(name, in_order(problems))
            self.begins("merge")
            merged = environment(layers, self._platform(layers))
            self.begins("check")
            waivers = Waivers(merged, self.today)
            problems += self._checked(merged, waivers)
            if has_errors(tuple(problems)):
                return Rendered(name, in_order([*problems, *self._unread_user_data(merged, waivers)]), merged)
            self.begins("expand")
            expanded = fleet(merged, self.forms)
            problems += self._checked_user_data(expanded, waivers)
            if has_errors(tuple(problems)):
                return Rendered(name, in_order(problems), merged)
            self.begins("render")
            made, wrong = tree(expanded, self.templates, verify_all=self.verify_all)
            problems += [*wrong, *waivers.applied(self.policies.breaches(merged, expanded, made)), *waivers.stale()]
            should_be, misplaced = wanted(merged, made)
            delivery, unfit = self._delivery(merged, expanded)
            problems += [*misplaced, *unfit]
            return Rendered(name, in_order(problems), merged, expanded, made.files, layers.files, should_be, delivery)
        except Refused as refused:
            return Rendered(name, in_order([*problems, *refused.problems]), merged)

    def _checked(self, merged: Environment, waivers: Waivers) -> list[Problem]:
        found = waivers.applied(run(RULES, merged))
        return [*waivers.problems, *found, *self.policies.misnamed(merged)]

    def _checked_user_data(self, expanded: Fleet, waivers: Waivers) -> list[Problem]:
        if not expanded.user_data:
            return []
        from vmgen.expand.cloud_init.inspection import Sound, problems

        sound = Sound(self.prepared, f"{self.project.root}/{expanded.file}")
        found = waivers.applied(problems(expanded.user_data, sound, verify_all=self.verify_all))
        sound.keep()
        return list(found)

    def _unread_user_data(self, merged: Environment, waivers: Waivers) -> list[Problem]:
        """What is wrong with the user data of an environment that cannot be expanded: all problems come in one run."""
        from vmgen.expand.cloud_init.inspection import problems, unexpanded

        return list(waivers.applied(problems(unexpanded(merged, self.forms))))

    def _delivery(self, merged: Environment, expanded: Fleet) -> tuple[Delivery | None, list[Problem]]:
        if not merged.settings.written("delivery"):
            return None, []
        return self.deliveries.of(merged, expanded)

    def _platform(self, layers: Layered) -> Platform:
        written = layers.content.get("platform")
        name = written.data if written else DEFAULT_PLATFORM
        if name is INVALID:  # said already; and against no platform can the rest be looked at
            raise Refused(())
        if written and name not in self.project.platforms:
            known = self.project.platforms
            hint = did_you_mean(str(name), known) or f"; there are: {', '.join(known)}"
            message = f"no platform '{name}'{hint}"
            raise Refused((Problem(written.place, "unknown-platform", "platform", message),))
        return self.platforms.named(name)


def rendered_all(
    project: Project, names: tuple[str, ...], *, verify_all: bool, jobs: int, listeners: Listeners = NOBODY
) -> tuple[Rendered, ...]:
    """Each environment rendered, several at a time where that was asked for."""
    told = listeners.told
    if jobs == 1 or len(names) <= 1:
        workshop = Workshop(project, verify_all=verify_all, listeners=listeners)
        return _heard((workshop.rendered(name) for name in names), told)
    from concurrent.futures import ProcessPoolExecutor

    with ProcessPoolExecutor(min(jobs, len(names))) as pool:
        return _heard(pool.map(partial(_rendered_apart, project, verify_all), names), told)


def _heard(rendered: Iterable[Rendered], told: Callable[[str], None]) -> tuple[Rendered, ...]:
    done = []
    for each in rendered:
        told(each.name)
        done.append(each)
    return tuple(done)


def _rendered_apart(project: Project, verify_all: bool, name: str) -> Rendered:
    """In a process of its own; only what the others need comes back."""
    done = Workshop(project, verify_all=verify_all).rendered(name)
    return done._replace(environment=None, fleet=None)
