"""The one door through which a run ends: what it answered, or what went wrong, becomes an exit code and one line."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import TextIO

from vmgen.problems import ProblemsError, VmgenError

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
        from vmgen.report.colour import choose_paint
        from vmgen.report.problems import format_text

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
        from vmgen.cli.bug import format_bug_report

        sys.stderr.write(format_bug_report(bug))
        return EXIT_BUG


def _print_error(message: str) -> int:
    sys.stderr.write(f"vmgen: {message}\n")
    return 2


def _escape_unencodable(stream: TextIO) -> None:
    """A character that the terminal's encoding lacks comes out as its number, not as an error."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")
