"""`vmgen completion`: print the script with which a shell completes commands, options and environments."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from vmgen.cli.output import write_output

COMPLETE_VARIABLE = "_VMGEN_COMPLETE"


class _BashComplete(BashComplete):
    @staticmethod
    def _check_version() -> None:
        """Do nothing: click would ask the bash of this machine, but the script may be for another."""


class _FishComplete(FishComplete):
    # Split once: click's own script cuts a description at its first comma.
    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')


SHELLS: dict[str, type[ShellComplete]] = {"bash": _BashComplete, "zsh": ZshComplete, "fish": _FishComplete}


@click.command("completion")
@click.argument("shell", type=click.Choice(list(SHELLS)))
@click.pass_context
def command(context: click.Context, shell: str) -> None:
    """Print a script that completes commands, options and environments in bash, zsh or fish.

    \b
    bash: vmgen completion bash > ~/.local/share/bash-completion/completions/vmgen
    zsh:  vmgen completion zsh > "${fpath[1]}/_vmgen"
    fish: vmgen completion fish > ~/.config/fish/completions/vmgen.fish

    Example: eval "$(vmgen completion bash)"
    """
    script = SHELLS[shell](context.find_root().command, {}, "vmgen", COMPLETE_VARIABLE)
    write_output(f"{script.source()}\n")
