"""What the tests of explain share: environments rendered without the rules, and edits at a place."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from vmgen.cloud_init.render import UserDataBuilder
from vmgen.expand.model import Fleet
from vmgen.expand.objects import build_fleet
from vmgen.explain.impact import AffectedObject, ImpactFinder, parse_target
from vmgen.explain.origins import Explainer, Explanation
from vmgen.merge.environment import Environment, merge_environment
from vmgen.merge.layers import load_layers
from vmgen.merge.platform import PlatformLoader
from vmgen.problems import Place, ProblemsError
from vmgen.read.layer_file import LayerFile, LayerLoader
from vmgen.read.manifests import InvalidYamlError, parse_objects
from vmgen.read.repository import Project
from vmgen.read.templates import Templates
from vmgen.render.manifests import load_manifest_templates, render_tree

CHECKOUT = Path(__file__).resolve().parents[2]
URL = "https://example.com/other.iso"
KEYS = (
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0xXm1Wz4cQ7Yk3tD4mQm1b9kq4Zy9u3jv0p6T0b2c7 ops@one",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBl7rH4kqzJc1fXPZ0nq3s2yQmS7o9gTzJ6r5vYkUe1d ops@two",
)
# What may stand in the stead of a value: for each, some that are valid in most places. The first that changes a field is taken.
_OTHERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"true|True", ("false",)),
    (r"false|False", ("true",)),
    (r"[0-9]+(Mi|Gi|Ti)", ("77Gi", "300Gi")),
    (r"[0-9]+", ("8077",)),
    (r"[a-z]+1\.[0-9a-z]+", ("u1.4xlarge", "m1.large")),
    (r"(ubuntu|debian|oracle)-[0-9.]+", ("golden-9", "oracle-8", "debian-12")),
    (r"replicated|local", ("local", "replicated")),
    (r"PortList|WholeIP", ("WholeIP", "PortList")),
    (r"tenant-[a-z-]+", ("tenant-other",)),
    (r"ssh-.*", KEYS),
    (r".*\.pub", ("keys/other.pub",)),
    (r"https?:.*", (URL,)),
    (r"\{\}", ("{cpu: '2', sockets: '1', memory: 8Gi}",)),
    (r'\[\]|""', ("[8077]", "[nvidia.com/AD102GL_L40S]", f'["{KEYS[0]}"]', "[other]", '"other"', "Manual", "sata")),
    (r"\[.*\]", ("[]", "[8077]")),
)
_SCALAR = re.compile(r'"[^"]*"|\{\}|\[[^]]*\]|ssh-[^\n]*|[^\s,\[\]{}]+')

Manifests = Mapping[str, Any]
Loaders = tuple[PlatformLoader, Templates, UserDataBuilder]
READ_ONCE = ("templates/", "environments/_catalog.yaml", "environments/parts/")
NO_OBJECTS = ("kustomization.yaml", "reference.yaml")


@lru_cache(maxsize=4096)
def parsed(text: bytes) -> Any:
    """The one object of a manifest."""
    return parse_objects(text)[0]


class Lab:
    """A repository whose files are edited at a place, and rendered however little sense that makes.

    What is read once in a run is read anew only while it is edited.
    """

    def __init__(self, root: Path) -> None:
        self.project = Project(root)
        self.root = root
        self._loaders = self._new_loaders()

    def _new_loaders(self) -> Loaders:
        return PlatformLoader(self.project), load_manifest_templates(self.project), UserDataBuilder(self.project)

    def manifests(self, name: str, edited: str = "") -> Manifests | None:
        """The objects of an environment by kind and name, without a look at the rules; None where it cannot be read."""
        try:
            files = self._render(name, self._new_loaders() if edited.startswith(READ_ONCE) else self._loaders)[0]
            objects = (parsed(text) for path, text in files.items() if not path.endswith(NO_OBJECTS))
            return {f"{manifest['kind']}/{manifest['metadata']['name']}": manifest for manifest in objects}
        except (ProblemsError, InvalidYamlError, KeyError, IndexError, TypeError, ValueError, AttributeError):
            return None

    def _render(self, name: str, loaders: Loaders) -> tuple[Mapping[str, bytes], Environment, Fleet, tuple[LayerFile, ...]]:
        platforms, templates, user_data = loaders
        layers = load_layers(name, LayerLoader(self.project))
        if any(problem.severity == "error" for problem in layers.problems):
            raise ProblemsError(layers.problems)
        environment = merge_environment(layers, platforms.load_written(layers.content))
        fleet = build_fleet(environment, user_data)
        return render_tree(fleet, templates)[0].files, environment, fleet, layers.files

    def explanations(self, name: str) -> list[Explanation]:
        """Every object of an environment, explained."""
        files, environment, fleet, layers = self._render(name, self._loaders)
        explainer = Explainer(environment, fleet, layers, self.project)
        return [explainer.explain(resource, files) for resource in fleet.resources]

    def reached(self, name: str, where: str) -> list[AffectedObject]:
        """What `FILE[:LINE]` reaches in an environment."""
        _, environment, fleet, layers = self._render(name, self._loaders)
        finder = ImpactFinder(parse_target(where, self.project), self.project, LayerLoader(self.project))
        return list(finder.find_objects(environment, fleet, layers))

    def edits(self, places: Collection[Place]) -> Iterator[None]:
        """Put one other value after the other in some places; the files are as they were before the next, and in the end."""
        paths = {place: self.root / place.file for place in places}
        before = {path: path.read_text(encoding="utf-8") for path in paths.values()}
        # A value of a file as a whole has line 0: the file's last line is one more then.
        others = [_edits(before[paths[place]].split("\n")[place.line - 1], place.column - 1) for place in places]
        for edit in zip(*others):
            try:
                for place, (start, end, other) in zip(places, edit):
                    lines = paths[place].read_text(encoding="utf-8").split("\n")
                    line = lines[place.line - 1]
                    lines[place.line - 1] = line[:start] + other + line[end:]
                    paths[place].write_text("\n".join(lines), encoding="utf-8")
                yield
            finally:
                for path, text in before.items():
                    path.write_text(text, encoding="utf-8")


def _edits(line: str, column: int) -> Iterator[tuple[int, int, str]]:
    """Where the value at a column begins and ends, and what may stand there instead."""
    if column < 0:
        yield 0, 0, "# one more line"
        return
    if line[column:].startswith("- "):  # a list that begins here: its first item goes
        yield column, len(line), "- 8077"
    found = _SCALAR.match(line, column)
    if found:
        yield from ((column, end, other) for end, other in _others(line, found.group(), found.end()))
    if found and line[:column].endswith("storage: "):  # what has a size gets a source
        between = ", " if "{" in line else "\n" + " " * (column - len("storage: "))
        yield column, found.end(), f"9Gi{between}url: '{URL}'"
    if re.fullmatch(r" +[\w-]+: [^{]*", line):
        yield len(line) - len(line.lstrip()), len(line), "# gone"


def _others(line: str, text: str, end: int) -> Iterator[tuple[int, str]]:
    if text.endswith(":"):
        yield end, f"{text[:-1]}x:"
        return
    if not re.fullmatch(r".*[]}]", text):
        yield end, (f'"{text[1:-1]}x"' if text.startswith('"') else f"{text}x")
    for pattern, others in _OTHERS:
        if re.fullmatch(pattern, text):
            yield from ((end, other) for other in others if other != text)
    if text.endswith("Gi") and re.match(r" *[\w-]+: \d|.*\{[\w-]+: \d", line):  # a disk in its short form
        yield end, f"{{storage: 9Gi, url: '{URL}'}}"


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Lab]:
    """Makes a laboratory: a repository of some files, with its own copy of the templates, so that they can be edited."""

    def made(files: Mapping[str, str]) -> Lab:
        root = tmp_path_factory.mktemp("lab")
        shutil.copytree(CHECKOUT / "templates", root / "templates")
        for name, text in {**files, "environments/keys/other.pub": f"{KEYS[0]}\n"}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        return Lab(root)

    return made


@pytest.fixture(scope="session")
def example_lab(lab: Callable[..., Lab]) -> Lab:
    """The committed examples, with a copy of the templates."""
    folder = CHECKOUT / "environments"
    files = {f"environments/{path.relative_to(folder)}": path.read_text() for path in folder.rglob("*") if path.is_file()}
    return lab(files)
