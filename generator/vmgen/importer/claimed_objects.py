"""Refuse to import an object that an environment of the repository has: each object has one owner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from vmgen.importer.manifests import SourceManifest
from vmgen.plan.claims import claim_environment
from vmgen.plan.desired import Identity
from vmgen.problems import Place, Problem
from vmgen.quantities import format_names
from vmgen.read.repository import Project, find_environments
from vmgen.renderer import Renderer
from vmgen.rules import DUPLICATE_IDENTITY

_MAX_NAMES = 12


def find_claimed_objects(
    project: Project, cluster: str, namespaces: Mapping[str, Iterable[SourceManifest]]
) -> Iterator[Problem]:
    """Find manifests of objects that an environment renders: one problem for each line of an environment.

    `namespaces` are the manifests by their namespaces, `cluster` is that of the environments to write.
    An environment that cannot be read has an error of its own, and is not compared.
    """
    # Not the renderer of the import, which has the new environments in place of the files.
    renderer = Renderer(project)
    owners: dict[Identity, tuple[str, Place]] = {}
    for name in find_environments(project)[0]:
        environment = renderer.merge(name)
        if environment:
            owners |= {identity: (name, place) for identity, place in claim_environment(environment).find_places().items()}
    shared: dict[tuple[str, Place], list[SourceManifest]] = defaultdict(list)
    for namespace, manifests in namespaces.items():
        for manifest in manifests:
            owner = owners.get(Identity(manifest.kind, namespace, manifest.name, cluster))
            if owner:
                shared[owner].append(manifest)
    for (name, place), members in shared.items():
        names = format_names([manifest.display_name for manifest in members], _MAX_NAMES)
        message = (
            f"{place} also renders this object; leave it out of the import, or set `cluster:` in environments/{name}.yaml "
            "if that environment targets another cluster"
        )
        yield DUPLICATE_IDENTITY.build_problem(members[0].place, names, message)
