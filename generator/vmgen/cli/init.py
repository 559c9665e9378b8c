"""`vmgen init`: make a GitOps repository that renders at once."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from vmgen.check.ssh_key import SshKeyFault, parse_ssh_key
from vmgen.cli.output import write_message, write_output
from vmgen.filesystem.reader import read_named_file
from vmgen.merge.platform import DEFAULT_PLATFORM
from vmgen.problems import VmgenError, did_you_mean
from vmgen.read.layer_file import MAX_KEY_FILE_BYTES
from vmgen.read.repository import Project, read_schema_text
from vmgen.write.starter import FORGES, StarterOptions, render_starter, write_missing

NONE = "none"
ParsedAnswer = TypeVar("ParsedAnswer")
_OWNERS_PATTERN = re.compile(r"(@[\w.-]+(/[\w.-]+)*|[\w.+-]+@[\w.-]+)( +(@[\w.-]+(/[\w.-]+)*|[\w.+-]+@[\w.-]+))*")


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--namespace", help="Tenant namespace of the VMs, such as tenant-acme.")
@click.option("--platform", help=f"Platform.  [default: {DEFAULT_PLATFORM}]")
@click.option("--ssh-key", "key_file", metavar="FILE", help="File of public keys that may log in to the VMs.")
@click.option("--owners", help="Who approves changes to disks: @team or @user, for CODEOWNERS.")
@click.option("--ci", type=click.Choice([*FORGES, "both", NONE]), help="Whose pipeline to write.  [default: both]")
@click.option("--argocd", metavar="URL", help="Deliver with Argo CD: this repository, as Argo CD reaches it.")
@click.option("--flux", metavar="NAME", help="Deliver with Flux: the GitRepository of this repository.")
def command(
    folder: str,
    namespace: str | None,
    platform: str | None,
    key_file: str | None,
    owners: str | None,
    ci: str | None,
    argocd: str | None,
    flux: str | None,
) -> None:
    """Make a repository in DIR: an environment to begin with, and what checks it before a merge.

    On a terminal it asks for what no option says. A file that is there already stays as it is.

    Example: vmgen init shop --namespace tenant-shop --ssh-key ~/.ssh/id_ed25519.pub
    """
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    if namespace is None and not interactive:
        raise click.UsageError("write --namespace: there is no terminal to ask on")
    prompter = _Prompter(interactive)
    platforms = Project(Path(folder)).platform_names
    options = StarterOptions(
        namespace=prompter.ask("Tenant namespace of the VMs (tenant-…)", namespace, _parse_namespace, None),
        platform=prompter.ask("Platform", platform, _build_choice_parser(platforms), DEFAULT_PLATFORM),
        keys=prompter.ask("File of public SSH keys for the VMs (none: later)", key_file, _read_keys, "", _find_own_key()),
        owners=prompter.ask("Who approves changes to disks, as @team (none: later)", owners, _parse_owners, ""),
        forges=prompter.ask("Pipeline for github, gitlab, both or none", ci, _parse_forges, "both"),
        argocd=argocd or "",
        flux=flux or "",
    )
    _create_repository(Path(folder), options)


class _Prompter:
    """Asks for what no option says on a terminal, and takes the default elsewhere."""

    def __init__(self, interactive: bool) -> None:
        self._interactive = interactive

    def ask(
        self, question: str, answer: str | None, parse: Callable[[str], ParsedAnswer], default: str | None, offer: str = ""
    ) -> ParsedAnswer:
        """Return a parsed answer. `default` is taken without a terminal; on one, Enter takes `offer` or else the default.

        `parse` raises click.BadParameter; on a terminal the question is then asked again.
        """
        if answer is None and not self._interactive:
            answer = default
        if answer is not None:
            return parse(answer)
        suggestion = offer or default
        parsed: ParsedAnswer = click.prompt(
            question, default=suggestion, show_default=bool(suggestion), value_proc=parse, err=True
        )
        return parsed


def _create_repository(folder: Path, options: StarterOptions) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise VmgenError(f"{folder} is a file; name a folder to make the repository in") from None
    written, skipped = write_missing(folder, render_starter(options))
    for path in written:
        write_output(f"wrote {path}\n")
    for path in skipped:
        write_message(f"kept {path}, which was there\n")
    if not written:
        write_message("Nothing to do: all is there.\n")
        return
    root = folder.resolve()
    change_folder = "" if root == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    init_git = "" if any((path / ".git").exists() for path in (root, *root.parents)) else "git init && "
    write_message(f"\nNext: {change_folder}{init_git}vmgen render && git add . && git commit\n")


def _parse_namespace(answer: str) -> str:
    schema = json.loads(read_schema_text("environment"))["properties"]["namespace"]
    if not re.fullmatch(schema["pattern"], answer) or len(answer) > schema["maxLength"]:
        raise click.BadParameter(f"'{answer}' is not {schema['x-expected']}")
    return answer


def _build_choice_parser(names: tuple[str, ...]) -> Callable[[str], str]:
    def parse(answer: str) -> str:
        if answer not in names:
            raise click.BadParameter(f"no platform '{answer}'{did_you_mean(answer, names)}")
        return answer

    return parse


def _read_keys(answer: str) -> str:
    """Return the text of a file of public keys; empty if no file is named."""
    if answer in ("", NONE):
        return ""
    try:
        text = read_named_file(str(Path(answer).expanduser()), MAX_KEY_FILE_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{answer} cannot be read: {getattr(error, 'strerror', 'it is not text')}") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    faults = [f"the key {key.reason}" for key in map(parse_ssh_key, lines) if isinstance(key, SshKeyFault)]
    if faults or not lines:
        raise click.BadParameter(f"{answer}: {faults[0] if faults else 'there is no key in it'}")
    return text


def _find_own_key() -> str:
    """Return the path of the user's own public key, which Enter takes, or an empty text."""
    candidates = (Path.home() / ".ssh" / f"id_{kind}.pub" for kind in ("ed25519", "ecdsa", "rsa"))
    return next((str(path) for path in candidates if path.is_file()), "")


def _parse_owners(answer: str) -> str:
    if answer in ("", NONE):
        return ""
    if not _OWNERS_PATTERN.fullmatch(answer):
        raise click.BadParameter(f"'{answer}' names no owner; write @team or @user")
    return answer


def _parse_forges(answer: str) -> tuple[str, ...]:
    if answer not in (*FORGES, "both", NONE):
        raise click.BadParameter("write github, gitlab, both or none")
    return FORGES if answer == "both" else tuple(forge for forge in FORGES if forge == answer)
