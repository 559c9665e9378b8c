"""The options that every command takes, also after its name, and the variable of the environment of each option."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

COLOR_CHOICES = ("auto", "always", "never")
# The key of click's `meta` that holds the verbosity: -1 for errors only, 0, or 1 for more details.
VERBOSITY = "vmgen.verbosity"
CommandFunction = TypeVar("CommandFunction", bound=Callable[..., Any])


def verbosity_options(function: CommandFunction) -> CommandFunction:
    """Add `-v` and `-q`, of which the last one counts."""
    verbose = click.option(
        "-v", "--verbose", is_flag=True, expose_value=False, callback=_set_verbosity(1), help="Print more details."
    )
    quiet = click.option(
        "-q", "--quiet", is_flag=True, expose_value=False, callback=_set_verbosity(-1), help="Print only errors."
    )
    return verbose(quiet(function))


def add_shared_options(command: click.Command) -> None:
    """Let a command take `--color`, `-v` and `-q` after its name too, and explain where `-C` goes. The help omits them."""
    if any(parameter.name == "color" for parameter in command.params):
        return
    command.params += [
        click.Option(["--color"], type=click.Choice(COLOR_CHOICES), expose_value=False, hidden=True, callback=_override_color),
        click.Option(["-C", "--directory"], expose_value=False, hidden=True, callback=_refuse_directory),
        click.Option(["-v", "--verbose"], is_flag=True, expose_value=False, hidden=True, callback=_set_verbosity(1)),
        click.Option(["-q", "--quiet"], is_flag=True, expose_value=False, hidden=True, callback=_set_verbosity(-1)),
    ]


def name_variables(command: click.Command, name: str) -> None:
    """Let each option of a command also come from `VMGEN_<COMMAND>_<OPTION>`."""
    for parameter in command.params:
        words = [option for option in parameter.opts if option.startswith("--")]
        if isinstance(parameter, click.Option) and words and not parameter.hidden:
            parameter.envvar = f"VMGEN_{name}_{words[0].removeprefix('--')}".upper().replace("-", "_")


def get_verbosity() -> int:
    """Return the verbosity of the running command: -1, 0 or 1."""
    context = click.get_current_context(silent=True)
    return int(context.meta.get(VERBOSITY, 0)) if context else 0


def _set_verbosity(level: int) -> Callable[[click.Context, click.Parameter, bool], None]:
    def set_level(context: click.Context, parameter: click.Parameter, value: bool) -> None:  # noqa: ARG001
        if value:
            context.meta[VERBOSITY] = level

    return set_level


def _refuse_directory(context: click.Context, parameter: click.Parameter, value: str | None) -> None:  # noqa: ARG001
    # By now the group of commands has read the vmgen.toml of the folder in which the run started.
    if value is not None:
        import shlex  # for this message alone

        raise click.UsageError(f"write -C before the command: vmgen -C {shlex.quote(value)} {context.info_name}", context)


def _override_color(context: click.Context, parameter: click.Parameter, value: str | None) -> None:  # noqa: ARG001
    if value:
        context.obj = value
