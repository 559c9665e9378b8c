"""`vmgen catalog import`: write to environments/_catalog.yaml what a cluster has otherwise than the catalog."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import nullcontext

import click

from vmgen.check.catalog_references import CATALOG_SECTIONS, find_references
from vmgen.cli.options import require_platform
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.cli.status import STDIN, read_dump_file
from vmgen.edit.file_edit import FileEdit, write_edits
from vmgen.importer.catalog_dump import CatalogListing, read_catalog_listing
from vmgen.importer.catalog_update import CatalogUpdate, OwnCatalog, compute_update, format_catalog, read_own_catalog
from vmgen.merge.environment import Environment
from vmgen.merge.layers import DEFAULT_PLATFORM
from vmgen.merge.platform import PlatformLoader
from vmgen.problems import VmgenError
from vmgen.quantities import format_count
from vmgen.renderer import Renderer
from vmgen.report.drift import format_edit_diff
from vmgen.write.state import lock_repository

_NOUNS = {
    "instanceTypes": "instance type",
    "profiles": "profile",
    "images": "image",
    "storageClasses": "storage class",
    "gpus": "GPU",
}
_EXAMPLES = {"cpu": "2", "memory": "4Gi", "minStorage": "20Gi", "replicated": "true"}


def import_catalog(color: str, files: tuple[str, ...], platform: str | None, *, dry_run: bool) -> bool:
    """Write the catalog, or print its difference; False if somebody wrote the one that is there and it differs.

    Raises UsageError without a file, VmgenError if one is no dump, and ProblemsError if the catalog cannot be read.
    """
    if not files:
        raise click.UsageError("import needs a FILE, or - for standard input")
    listing = read_catalog_listing((read_dump_file(file), "<stdin>" if file == STDIN else file) for file in files)
    session = Session(color)
    renderer = Renderer(session.project)
    own_environments = (renderer.merge(name) for name in session.environment_names)
    environments = tuple(environment for environment in own_environments if environment)
    name = require_platform(session.project, platform or find_common_platform(environments))
    # Read and written under one lock, lest another run changes the file between the two.
    with nullcontext() if dry_run else lock_repository(session.project.root):
        own = read_own_catalog(session.project)
        update = compute_update(PlatformLoader(session.project).load_release(name), own.content, listing)
        is_done = _apply(session, own, update, dry_run=dry_run)
    for lines in (
        _describe_vanished(update, environments),
        _describe_incomplete(update),
        _describe_others(name, environments, update, listing),
    ):
        for line in lines:
            session.print_message(line)
    return is_done


def find_common_platform(environments: Iterable[Environment]) -> str:
    """Return the platform that environments share, the default one without any. Raises VmgenError if they have several."""
    names = sorted({environment.platform.name for environment in environments})
    if len(names) > 1:
        raise VmgenError(f"the environments are for several platforms: {', '.join(names)}; write --platform NAME")
    return names[0] if names else DEFAULT_PLATFORM


def _apply(session: Session, own: OwnCatalog, update: CatalogUpdate, *, dry_run: bool) -> bool:
    """Write the update or print what it changes, and return whether the catalog is, or could be, as it should be."""
    path = session.project.own_catalog
    file = session.project.display_path(path)
    if path.is_symlink():
        raise VmgenError(f"{file} is a symbolic link, and nothing is written through one; replace it with a file")
    if update.content == own.content:
        session.print_message(f"Nothing to do: {file if own.text else 'the catalog'} has what the dump has.")
        return True
    after = format_catalog(update.content)
    if own.is_foreign:
        # Both sides in one form, so that only values differ, not comments and line breaks.
        write_output(format_edit_diff(FileEdit(file, format_catalog(own.content), after)))
        session.print_message(
            f"{file} was written by hand and is not changed: copy the lines that you want, or delete it and run this again."
        )
        return False
    edit = FileEdit(file, own.text, after)
    if dry_run:
        write_output(format_edit_diff(edit))
        return True
    write_edits((edit,), session.project)
    write_output(f"wrote {file}\n")
    session.print_message("Next: vmgen check")
    return True


def _describe_vanished(update: CatalogUpdate, environments: Iterable[Environment]) -> Iterable[str]:
    """Say what the cluster has no more: what an environment uses line by line, and the rest as a number."""
    users: dict[tuple[str, str], list[str]] = {entry: [] for entry in update.vanished_entries}
    for environment in environments:
        names = environment.platform.catalog.image_names
        references = {
            (use.section, names.get(use.value.text, use.value.text) if use.section == "images" else use.value.text)
            for use in find_references(environment, CATALOG_SECTIONS, lambda section, name: True)  # noqa: ARG005
        }
        for entry in references & users.keys():
            users[entry].append(environment.name)
    for (section, name), by in users.items():
        if by:
            yield f"The cluster has no {_NOUNS[section]} '{name}', which is used by: {', '.join(sorted(by))}."
    unused_count = sum(not by for by in users.values())
    if unused_count:
        entries = format_count(unused_count, "entry", "entries")
        yield f"The cluster lacks {entries} of the catalog that no environment uses; the file removes them with null."


def _describe_incomplete(update: CatalogUpdate) -> Iterable[str]:
    for section, name, keys in update.incomplete:
        values = ", ".join(f"{key}: {_EXAMPLES[key]}" for key in keys)
        yield (
            f"The dump does not tell {' and '.join(keys)} of the {_NOUNS[section]} '{name}', so it is left out. If you know, "
            f"add it to environments/_catalog.yaml, where it is kept: `{section}: {{{name}: {{{values}}}}}`."
        )


def _describe_others(
    platform: str, environments: Iterable[Environment], update: CatalogUpdate, listing: CatalogListing
) -> Iterable[str]:
    others = sorted(environment.name for environment in environments if environment.platform.name != platform)
    if others and update.content:
        yield f"environments/_catalog.yaml counts for environments of other platforms too: {', '.join(others)}."
    if listing.default_class:
        yield f"The default storage class of the cluster is {listing.default_class}."
