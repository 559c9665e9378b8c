"""`vmgen platform`: tell the platform and version of a tenant by what its API serves, and compare two versions."""

from __future__ import annotations

import json

import click

from vmgen.cli.completed_words import complete_platforms
from vmgen.cli.options import format_option, require_platform
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.cli.status import STDIN, read_dump_file
from vmgen.importer.detection import Detection, Evidence, combine, find_matches, read_evidence
from vmgen.merge.platform import PlatformLoader
from vmgen.merge.versions import UnknownVersionError
from vmgen.problems import VmgenError
from vmgen.yaml_text import quote


@click.command("platform")
@click.argument("action", type=click.Choice(["detect", "compare"]))
@click.argument("arguments", metavar="FILE... | FROM TO [ENV]...", nargs=-1, required=True)
@click.option("--platform", metavar="NAME", shell_complete=complete_platforms, help="Only this platform.")
@format_option(["text", "json"])
@click.pass_obj
def command(color: str, action: str, arguments: tuple[str, ...], platform: str | None, output: str) -> bool:
    """Detect the platform and its version from a cluster, and print the `platform:` and `platformVersion:` lines.

    FILE is a dump of VMInstances and VMDisks, the output of kubectl explain vminstance.spec, or an OpenAPI document; - reads
    standard input. vmgen opens no connection. Exit status 1 if the files match no version, or several platforms.

    With compare, list the differences between the versions FROM and TO, and the objects of the environments that change. Exit
    status 1 if TO refuses an environment.

    Example: kubectl explain vminstance.spec | vmgen platform detect -
    """
    session = Session(color)
    if platform:
        require_platform(session.project, platform)
    if action == "compare":
        return _compare(session, arguments, platform, output)
    return _detect(session, arguments, platform, output)


def _compare(session: Session, arguments: tuple[str, ...], platform: str | None, output: str) -> bool:
    from vmgen.cli.catalog_import import find_common_platform
    from vmgen.renderer import Renderer
    from vmgen.report.upgrade import UPGRADE_FORMATS
    from vmgen.upgrade import compare_versions

    if len(arguments) < 2:
        raise click.UsageError("compare needs two versions: vmgen platform compare FROM TO")
    before, after, *names = arguments
    renderer = Renderer(session.project)
    selected_names = session.select_environments(tuple(names)) if names or session.environment_names else ()
    environments = [environment for name in selected_names if (environment := renderer.merge(name))]
    name = platform or find_common_platform(environments)
    release = PlatformLoader(session.project).load_release(name)
    if not release.versions.names:
        raise VmgenError(f"the platform {name} has no versions to compare")
    try:
        versions = [release.resolve(version) for version in (before, after)]
    except UnknownVersionError as error:
        raise VmgenError(str(error)) from None
    users = [environment.name for environment in environments if environment.platform.name == name]
    foreign = [each for each in selected_names if each not in users]
    if foreign:
        session.print_message(f"Skipped, for another platform or not readable: {', '.join(foreign)}.")
    upgrade = compare_versions(session.project, name, versions[0], versions[1], users)
    write_output(UPGRADE_FORMATS[output](upgrade))
    return not any(environment.is_refused for environment in upgrade.environments)


def _detect(session: Session, files: tuple[str, ...], platform: str | None, output: str) -> bool:
    names = (platform,) if platform else session.project.platform_names
    evidence = combine(read_evidence(read_dump_file(file), "<stdin>" if file == STDIN else file) for file in files)
    loader = PlatformLoader(session.project)
    # A namespace without a VM fits every version, and so tells none.
    detections = find_matches(map(loader.load_release, names), evidence) if evidence != Evidence() else ()
    if output == "json":
        write_output(_format_json(detections))
    elif len(detections) == 1:
        detection = detections[0]
        version_line = f"platformVersion: {quote(detection.version)}\n" if detection.version else ""
        write_output(f"platform: {detection.platform}\n{version_line}")
    session.print_message(_explain(detections, evidence))
    return len(detections) == 1


def _explain(detections: tuple[Detection, ...], evidence: Evidence) -> str:
    if evidence == Evidence():
        return (
            "The files show neither a VM nor a disk from the catalog, so they fit every version; add a namespace that has "
            "them, or the output of kubectl explain vminstance.spec."
        )
    if not detections and len({isinstance(item, dict) for item in evidence.disks}) > 1:
        return (
            "Some VMs have names as disks, and others objects, so the files are from two platforms; give those of each alone, "
            "or add the output of kubectl explain vminstance.spec."
        )
    if not detections:
        return "No version of a platform has these fields and forms; add the output of kubectl explain vminstance.spec."
    if len(detections) > 1:
        names = ", ".join(f"{detection.platform} {detection.version}".rstrip() for detection in detections)
        return f"The files fit several platforms: {names}. Add the VMDisks with their images, or write --platform."
    others = ", ".join(detections[0].alternatives)
    return (
        f"Nothing in the files tells {detections[0].version} from {others}; the oldest is printed." if others else "Detected."
    )


def _format_json(detections: tuple[Detection, ...]) -> str:
    rows = [
        {"platform": each.platform, "platformVersion": each.version, "alternatives": list(each.alternatives)}
        for each in detections
    ]
    return json.dumps({"detected": len(rows) == 1, "matches": rows}, indent=2) + "\n"
