"""The exit codes of vmgen, and the one place that decides them: from the answer of a command, or from its exception."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TextIO

import click

from vmgen.problems import ProblemsError, VmgenError

OK = 0
REFUSED = 1  # check failed: problems, drift, the gate
FAILED = 2  # the job could not be done: usage, a missing file
BUG = 70  # EX_SOFTWARE of sysexits.h
INTERRUPTED = 130  # 128 + SIGINT, as shells count it

LIBRARIES = ("click", "jinja2", "jsonschema-rs", "pyyaml")
# The name that begins the last line of a traceback: `KeyError` is no key whose value has to be redacted.
_EXCEPTION_PREFIX = r"[\w.]+(?:Error|Exception|Warning): "


def exit_code(run: Callable[[], object]) -> int:
    """Return the exit code of a run: REFUSED if it returns False, OK if it returns anything else, or that of its exception.

    Known exceptions print one message on stderr, any other a bug report. Raises OSError only if stderr cannot be written.
    """
    _escape_unencodable(sys.stdout)
    try:
        is_success = run()
        sys.stdout.flush()
    except SystemExit as system_exit:  # click, when a shell asked it to complete words, or the reader of stdout went away
        return system_exit.code if isinstance(system_exit.code, int) else OK
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # after the ^C that the terminal shows
        return INTERRUPTED
    except click.Abort:
        return INTERRUPTED
    except click.ClickException as error:
        from vmgen.cli.output import write_message

        text = io.StringIO()
        error.show(text)
        write_message(text.getvalue())  # it may quote an argument
        return FAILED
    except VmgenError as error:
        return _fail(str(error))
    except ProblemsError as error:
        from vmgen.cli.failed_run import print_failure

        print_failure(error)
        return REFUSED
    except BrokenPipeError:  # the reader of stdout went away, as `| head` does
        return REFUSED
    except OSError as error:
        from vmgen.filesystem.system_errors import describe_os_error

        path = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return _fail(f"{path}{describe_os_error(error)}")
    except Exception as bug:
        from vmgen.cli.output import write_report

        write_report(format_bug_report(bug))
        return BUG
    finally:
        with suppress(OSError):  # output from before an exception; a failure of the flush itself is already reported
            sys.stdout.flush()
    return REFUSED if is_success is False else OK


def _fail(message: str) -> int:
    from vmgen.cli.output import write_message

    write_message(f"vmgen: {message}\n")
    return FAILED


def _escape_unencodable(stream: TextIO) -> None:
    """Print a character that the terminal's encoding lacks as its number instead of failing."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def format_bug_report(error: BaseException) -> str:
    """Return the text to send to the maintainers: versions, then the traceback with possible secrets redacted."""
    import traceback

    lines = "".join(traceback.format_exception(error)).splitlines()
    return "\n".join(
        (
            "vmgen: this is a bug in vmgen.",
            f"Please report it {_find_issue_tracker()}, with the command and all of the lines below. Read them first:",
            "they may quote your files. All written files are complete; run the command again to continue.",
            "",
            *_format_versions(),
            "",
            *map(_redact_traceback_line, lines),
            "",
        )
    )


def _find_issue_tracker() -> str:
    """Return where to report a bug, from the metadata of the installed package if it names a tracker."""
    from importlib.metadata import PackageNotFoundError, metadata

    try:
        urls = metadata("vmgen").get_all("Project-URL") or []
    except PackageNotFoundError:
        urls = []
    trackers = dict(url.split(", ", 1) for url in urls)
    return f"at {trackers['Issues']}" if "Issues" in trackers else "where you got vmgen"


def _format_versions() -> Iterator[str]:
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from vmgen import __version__

    yield f"vmgen {__version__}, Python {platform.python_version()}, {platform.platform()}"
    versions = []
    for library in LIBRARIES:
        try:
            versions.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            versions.append(f"{library} (unknown)")
    yield ", ".join(versions)


def _redact_traceback_line(line: str) -> str:
    from vmgen.secrets.redact import redact_line

    prefix = re.match(_EXCEPTION_PREFIX, line)
    name = prefix.group() if prefix else ""
    return name + redact_line(line[len(name) :])
