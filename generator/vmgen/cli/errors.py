"""What is said of an error that nobody foresaw: that it is ours, what it was, and where to send it.

The one door through which a run ends: what it answered, or what went wrong, becomes an exit code and one line.
"""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import TextIO

from vmgen.problems import ProblemsError, VmgenError

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
    from vmgen.secrets.redact import redact_line

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


# Exit codes besides 0, 1 and 2: a bug in vmgen (EX_SOFTWARE of sysexits.h), and Ctrl-C as shells count it.
EXIT_BUG = 70
EXIT_INTERRUPTED = 130


def exit_code(run: Callable[[], int]) -> int:
    """The exit code of a run. Known errors are one line; anything else is a bug, and says where to send it."""
    _escape_unencodable(sys.stdout)
    try:
        code = run()
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        sys.stderr.write("\n")  # after the ^C that the terminal shows
        return EXIT_INTERRUPTED
    except VmgenError as error:
        return _print_error(str(error))
    except ProblemsError as refused:
        from vmgen.report.problems import format_text
        from vmgen.report.terminal import choose_paint

        sys.stderr.write(format_text(refused.problems, choose_paint(sys.stderr, "auto")))
        return 1
    except BrokenPipeError:
        # The reader of stdout went away, as `| head` does. Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f"{os.fsdecode(error.filename)}: " if isinstance(error.filename, str | bytes) else ""
        return _print_error(f"{where}{error.strerror or error}")
    except Exception as bug:
        sys.stderr.write(format_bug_report(bug))
        return EXIT_BUG


def _print_error(message: str) -> int:
    sys.stderr.write(f"vmgen: {message}\n")
    return 2


def _escape_unencodable(stream: TextIO) -> None:
    """A character that the terminal's encoding lacks comes out as its number, not as an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
