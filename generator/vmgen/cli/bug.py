"""What is said of an error that nobody foresaw: that it is ours, what it was, and where to send it."""

from __future__ import annotations

import re
from collections.abc import Iterator

# The name that begins the last line of a traceback: `KeyError` is no key whose value is to be masked.
_EXCEPTION_PREFIX = re.compile(r"[\w.]+(?:Error|Exception|Warning): ")
LIBRARIES = ("click", "jinja2", "jsonschema-rs", "pyyaml")


def format_bug_report(error: BaseException) -> str:
    """The text to send to the maintainers: versions, then the traceback, with what looks like a secret masked."""
    import traceback

    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(
        (
            "vmgen: this is a bug in vmgen.",
            *_format_advice(),
            "",
            *_format_versions(),
            "",
            *map(_redact_traceback_line, lines),
            "",
        )
    )


def _redact_traceback_line(line: str) -> str:
    from vmgen.masking import redact_line

    raised = _EXCEPTION_PREFIX.match(line)
    name = raised.group() if raised else ""
    return name + redact_line(line[len(name) :])


def _format_advice() -> Iterator[str]:
    yield f"Please report it {_find_issue_tracker()}, with the command and all of the lines below. Read them first:"
    yield "they may quote your files. What was being written is whole, and a second run goes on from there."


def _find_issue_tracker() -> str:
    """The tracker that the installed package names, if it names one."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = metadata("vmgen").get_all("Project-URL") or []
    except PackageNotFoundError:
        urls = []
    named = dict(url.split(", ", 1) for url in urls)
    return f"at {named['Issues']}" if "Issues" in named else "where you got vmgen"


def _format_versions() -> Iterator[str]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from vmgen import __version__

    yield f"vmgen {__version__}, Python {platform.python_version()}, {platform.platform()}"
    found = []
    for library in LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            found.append(f"{library} (unknown)")
    yield ", ".join(found)
