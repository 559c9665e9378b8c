"""Print the problems that end a run before it has results, such as those of `vmgen.toml`, in the format of `--output`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any

import click

from vmgen.problems import Problem, ProblemsError, VmgenError

Formatters = Mapping[str, Callable[..., str]]
# Keys of click's `meta`: the format of the output, and the error of a `vmgen.toml` that cannot be used.
_FORMAT = "vmgen.format"
_FAULT = "vmgen.fault"


def remember_format(context: click.Context, parameter: click.Parameter, value: str) -> str:  # noqa: ARG001
    """Keep the value of `--output` for a run that fails."""
    context.meta[_FORMAT] = value
    return value


def postpone_fault(context: click.Context, error: ProblemsError) -> None:
    """Let a command fail with these problems as soon as its format is known, instead of running."""
    context.meta[_FAULT] = error


def report_failure(command: click.Command, formats: Formatters) -> None:
    """Let a command print the problems that end it in its format. `formats` are those of the command's own documents.

    They are called as the formats of `report/problems.py`. A format that neither has gets its problems as text on stderr.
    """
    callback = command.callback
    if callback is None:
        return

    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:
        context = click.get_current_context()
        try:
            if _FAULT in context.meta:
                raise context.meta[_FAULT]
            return callback(*args, **kwargs)
        except ProblemsError as error:
            for format_name, file in context.params.get("reports", ()):
                write_report_file(error.problems, format_name, file, _find_root())
            print_failure(error, context.meta.get(_FORMAT, "text"), formats, str(context.obj or "auto"))
            return False

    # Around the callback, since only click knows by then which format was asked for.
    command.callback = run


def print_failure(
    error: ProblemsError, format_name: str = "text", formats: Formatters | None = None, color: str = "auto"
) -> None:
    """Print problems: data goes to stdout with places relative to the top of Git, text to stderr."""
    from vmgen.cli.output import write_output, write_report
    from vmgen.read.configuration import find_git_top
    from vmgen.report.problems import FORMATS, format_text, relocate
    from vmgen.report.terminal import choose_paint, no_paint

    root = _find_root()
    formatter = {**FORMATS, **(formats or {})}.get(format_name, format_text)
    if formatter is format_text:
        write_report(format_text(relocate(error.problems, root, None), choose_paint(sys.stderr, color)))
    else:
        write_output(formatter(relocate(error.problems, root, find_git_top(root)), no_paint))


def write_report_file(problems: Sequence[Problem], format_name: str, file: str, root: Path) -> None:
    """Write problems of a repository in a format of FORMATS into a file. Raises VmgenError if it cannot be written."""
    from vmgen.filesystem.system_errors import describe_write_error
    from vmgen.filesystem.writer import write_named_file
    from vmgen.read.configuration import find_git_top
    from vmgen.report.problems import FORMATS, relocate
    from vmgen.report.terminal import no_paint
    from vmgen.secrets.redact import redact_tokens

    is_text = format_name == "text"
    text = FORMATS[format_name](relocate(problems, root, None if is_text else find_git_top(root)), no_paint)
    try:
        # A file name that is not UTF-8 has surrogates in it, which UTF-8 cannot encode.
        # https://docs.python.org/3/library/codecs.html#error-handlers
        write_named_file(file, redact_tokens(text).encode(errors="backslashreplace"), str(root))
    except OSError as error:
        raise VmgenError(describe_write_error(error, file)) from None


def _find_root() -> Path:
    from vmgen.read.configuration import find_root

    return find_root(Path.cwd()) or Path.cwd()
