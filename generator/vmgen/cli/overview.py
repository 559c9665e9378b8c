"""What `vmgen --help` shows: the commands, each with its sentence, and the options that go before them.

This stands apart from the command line's library, so that the overview is there at once.
"""

from __future__ import annotations

from collections.abc import Mapping

# Each command and its short help; its module is imported only when it is the one that runs.
COMMANDS: Mapping[str, str] = {
    "init": "Make a GitOps repository that renders at once.",
    "render": "Write manifests/ from environments/.",
    "plan": "Say what the next commit changes on the platform.",
    "check": "Say everything that is wrong: the gate for CI.",
    "list": "Show VMs, disks, totals and budgets.",
    "import": "Make a short environment of manifests that exist.",
    "explain": "Show where each value of an object came from.",
    "impact": "Show what an edit of a line or a file can change.",
    "report": "Write one HTML page of the fleet.",
    "catalog": "Show what may be written: types, images, profiles, classes, gpus.",
    "schema": "Print the JSON Schema of environment files.",
    "function": "Render an environment as a KRM function.",
    "template": "Show the built-in templates, to copy and change.",
    "completion": "Print the completion script of a shell.",
}
COLORS = ("auto", "always", "never")
# The options before a command, as the overview writes them, and what each does.
OPTIONS: Mapping[str, str] = {
    "--version": "Show the version and exit.",
    "-C DIR": "Run as if started in DIR.",
    f"--color [{'|'.join(COLORS)}]": "Colour the output.  [default: auto]",
    "-h, --help": "Show this message and exit.",
}


def overview() -> str:
    """The help of `vmgen` itself."""
    return (
        "Usage: vmgen [OPTIONS] COMMAND [ARGS]...\n\n"
        "  Short environment files become the manifests of virtual machines on Hikube and Cozystack.\n\n"
        "  Example: vmgen render production\n\n"
        f"Options:\n{_rows(OPTIONS)}\n"
        f"Commands:\n{_rows(COMMANDS)}\n"
        "  Exit codes: 0 done, or nothing differs; 1 the answer is no; 2 could not do the job;\n"
        "  70 a bug in vmgen.\n"
    )


def _rows(rows: Mapping[str, str]) -> str:
    width = max(map(len, rows))
    return "".join(f"  {name:{width}}  {said}\n" for name, said in rows.items())
