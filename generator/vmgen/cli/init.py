"""`vmgen init`: a GitOps repository that renders at once."""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from vmgen.check.rules.ssh_keys import SshKeyFault, parse_ssh_key
from vmgen.merge.platform import DEFAULT_PLATFORM
from vmgen.problems import VmgenError, did_you_mean
from vmgen.read.repository import Project, read_schema_text
from vmgen.write.starter import FORGES, StarterOptions, render_starter, write_missing

NONE = "none"
_OWNERS_PATTERN = re.compile(r"(@[\w.-]+(/[\w.-]+)*|[\w.+-]+@[\w.-]+)( +(@[\w.-]+(/[\w.-]+)*|[\w.+-]+@[\w.-]+))*")


@click.command("init", short_help="Make a GitOps repository that renders at once.")
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
    ask = _Prompter(sys.stdin.isatty() and sys.stdout.isatty())
    platforms = Project(Path(folder)).platform_names
    answers = StarterOptions(
        namespace=ask.ask_required("--namespace", "Tenant namespace of the VMs (tenant-…)", namespace, _parse_namespace),
        platform=ask.ask_optional("Platform", platform, _build_choice_parser(platforms), DEFAULT_PLATFORM),
        keys=ask.ask_optional("File of public SSH keys for the VMs (none: later)", key_file, _read_keys, "", _find_own_key()),
        owners=ask.ask_optional("Who approves changes to disks, as @team (none: later)", owners, _parse_owners, ""),
        forges=ask.ask_optional("Pipeline for github, gitlab, both or none", ci, _parse_forges, "both"),
        argocd=argocd or "",
        flux=flux or "",
    )
    _create_repository(Path(folder), answers)


def _create_repository(folder: Path, answers: StarterOptions) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise VmgenError(f"{folder} is a file; name a folder to make the repository in") from None
    made, kept = write_missing(folder, render_starter(answers))
    for path in made:
        click.echo(f"wrote {path}")
    for path in kept:
        click.echo(f"kept {path}, which was there", err=True)
    if not made:
        click.echo("Nothing to do: all is there.", err=True)
        return
    go = "" if folder.resolve() == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    repository = "" if _is_in_git(folder) else "git init && "
    click.echo(f"\nNext: {go}{repository}vmgen render && git add . && git commit", err=True)


def _is_in_git(folder: Path) -> bool:
    return any((above / ".git").exists() for above in (folder.resolve(), *folder.resolve().parents))


ParsedAnswer = TypeVar("ParsedAnswer")


class _Prompter:
    """Asks on a terminal, and again where an answer is no good. Elsewhere it takes the options and the defaults."""

    def __init__(self, terminal: bool) -> None:
        self._interactive = terminal

    def ask_required(
        self, option: str, question: str, given: str | None, checked: Callable[[str], ParsedAnswer]
    ) -> ParsedAnswer:
        """An answer that nothing can stand in for."""
        if given is None and not self._interactive:
            raise click.UsageError(f"write {option}: there is no terminal to ask on")
        return self._ask(question, given, checked, None)

    def ask_optional(
        self, question: str, given: str | None, checked: Callable[[str], ParsedAnswer], default: str, offer: str = ""
    ) -> ParsedAnswer:
        """An answer that may be left out: `default` stands in where nobody is asked, and `offer` is what Enter takes."""
        return self._ask(question, given if given is not None or self._interactive else default, checked, offer or default)

    def _ask(self, question: str, given: str | None, checked: Callable[[str], ParsedAnswer], offer: str | None) -> ParsedAnswer:
        if given is not None:
            return checked(given)
        answer: ParsedAnswer = click.prompt(question, default=offer, show_default=bool(offer), value_proc=checked, err=True)
        return answer


def _parse_namespace(answer: str) -> str:
    shape = json.loads(read_schema_text("environment"))["properties"]["namespace"]
    if not re.fullmatch(shape["pattern"], answer) or len(answer) > shape["maxLength"]:
        raise click.BadParameter(f"'{answer}' is not {shape['x-expected']}")
    return answer


def _build_choice_parser(names: tuple[str, ...]) -> Callable[[str], str]:
    def checked(answer: str) -> str:
        if answer not in names:
            raise click.BadParameter(f"no platform '{answer}'{did_you_mean(answer, names)}")
        return answer

    return checked


def _read_keys(answer: str) -> str:
    """The text of a file of public keys; the name of no file is no keys."""
    if answer in ("", NONE):
        return ""
    try:
        text = Path(answer).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise click.BadParameter(f"{answer} cannot be read: {getattr(error, 'strerror', 'it is not text')}") from None
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    faults = [f"the key {found.reason}" for found in map(parse_ssh_key, lines) if isinstance(found, SshKeyFault)]
    if faults or not lines:
        raise click.BadParameter(f"{answer}: {faults[0] if faults else 'there is no key in it'}")
    return text


def _find_own_key() -> str:
    """The public key that Enter takes: the user's own, where there is one."""
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
