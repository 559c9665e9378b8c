"""`vmgen platform`: tell the platform and version of a tenant by what its API serves."""

from __future__ import annotations

import json

import click

from vmgen.cli.completed_words import complete_platforms
from vmgen.cli.options import format_option, require_platform
from vmgen.cli.output import write_output
from vmgen.cli.session import Session
from vmgen.cli.status import STDIN, read_dump_file
from vmgen.importer.detection import Detection, combine, find_matches, read_evidence
from vmgen.merge.platform import PlatformLoader
from vmgen.yaml_text import quote


@click.command("platform")
@click.argument("action", type=click.Choice(["detect"]))
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--platform", metavar="NAME", shell_complete=complete_platforms, help="Only detect the version of this platform.")
@format_option(["text", "json"])
@click.pass_obj
def command(color: str, action: str, files: tuple[str, ...], platform: str | None, output: str) -> bool:  # noqa: ARG001
    """Detect the platform and its version from a cluster, and print the `platform:` and `platformVersion:` lines.

    FILE is a dump of VMInstances and VMDisks, the output of kubectl explain vminstance.spec, or an OpenAPI document; - reads
    standard input. vmgen opens no connection. Exit status 1 if the files match no version, or several platforms.

    Example: kubectl explain vminstance.spec | vmgen platform detect -
    """
    session = Session(color)
    names = session.project.platform_names
    if platform:
        require_platform(session.project, platform)
    evidence = combine(read_evidence(read_dump_file(file), "<stdin>" if file == STDIN else file) for file in files)
    loader = PlatformLoader(session.project)
    detections = find_matches(map(loader.load_release, (platform,) if platform else names), evidence)
    if output == "json":
        write_output(_format_json(detections))
    elif len(detections) == 1:
        write_output(_format_lines(detections[0]))
    session.print_message(_explain(detections))
    return len(detections) == 1


def _format_lines(detection: Detection) -> str:
    version = f"platformVersion: {quote(detection.version)}\n" if detection.version else ""
    return f"platform: {detection.platform}\n{version}"


def _explain(detections: tuple[Detection, ...]) -> str:
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
