"""`vmgen init`: scaffold a ready-to-use GitOps repository."""

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
from vmgen.filesystem.reader import read_file, read_named_file
from vmgen.filesystem.writer import make_named_folder
from vmgen.merge.layers import DEFAULT_PLATFORM
from vmgen.merge.platform import PlatformLoader, PlatformRelease
from vmgen.plan.git import create_repository
from vmgen.problems import VmgenError, did_you_mean
from vmgen.read.configuration import CONFIGURATION_FILE, find_git_top, load_configuration
from vmgen.read.layer_file import MAX_KEY_FILE_BYTES
from vmgen.read.repository import Project, read_schema_text
from vmgen.write.answers import build_options, record_answers, update_files
from vmgen.write.starter import FORGES, StarterOptions, render_starter, write_missing

NONE = "none"
ParsedAnswer = TypeVar("ParsedAnswer")
_OWNERS_PATTERN = re.compile(r"(@[\w.-]+(/[\w.-]+)*|[\w.+-]+@[\w.-]+)( +(@[\w.-]+(/[\w.-]+)*|[\w.+-]+@[\w.-]+))*")


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".")
@click.option("--namespace", help="Tenant namespace of the VMs, for example tenant-acme.")
@click.option("--platform", help=f"Target platform.  [default: {DEFAULT_PLATFORM}]")
@click.option("--platform-version", metavar="VERSION", help="Version of the platform.  [default: that of the platform]")
@click.option("--ssh-key", "key_file", metavar="FILE", help="Path to SSH public keys for the VMs.")
@click.option("--owners", help="Owners who approve changes to disks: @team or @user.")
@click.option("--ci", type=click.Choice([*FORGES, "both", NONE]), help="Pipeline to write.  [default: both]")
@click.option("--argocd", metavar="URL", help="Deliver with Argo CD, from this URL of the repository.")
@click.option("--flux", metavar="NAME", help="Deliver with Flux, from this GitRepository.")
@click.option("--requirement", metavar="TEXT", help="Requirement for pip  [default: this version, or its commit].")
@click.option("--defaults", is_flag=True, help="Do not prompt; use defaults for missing options.")
@click.option("--update", is_flag=True, help="Update files of an earlier init, except edited ones.")
def command(
    folder: str,
    namespace: str | None,
    platform: str | None,
    platform_version: str | None,
    key_file: str | None,
    owners: str | None,
    ci: str | None,
    argocd: str | None,
    flux: str | None,
    requirement: str | None,
    defaults: bool,
    update: bool,
) -> None:
    """Scaffold a ready-to-use GitOps repository in DIR.

    Prompts for missing options when run interactively. Existing files are never overwritten. In a folder of a larger Git
    repository, pipelines and CODEOWNERS are written to its top. vmgen.toml records the answers.

    Example: vmgen init shop --namespace tenant-shop
    """
    if update:
        _update_repository(Path(folder), requirement)
        return
    if argocd and flux:
        raise click.UsageError("write --argocd or --flux, not both: two controllers applying the same objects will fight")
    interactive = not defaults and sys.stdin.isatty() and sys.stdout.isatty()
    if namespace is None and not interactive:
        raise click.UsageError("--namespace is required when not running interactively")
    prompter = _Prompter(interactive)
    project = Project(Path(folder))
    tenant = prompter.ask("Tenant namespace of the VMs (tenant-…)", namespace, _parse_namespace, None)
    name = prompter.ask("Platform", platform, _build_choice_parser(project.platform_names), DEFAULT_PLATFORM)
    release = PlatformLoader(project).load_release(name)
    version = _ask_version(prompter, platform_version, release) if release.versions.names or platform_version else ""
    options = StarterOptions(
        namespace=tenant,
        platform=name,
        keys=prompter.ask("Path to SSH public keys (leave empty to skip)", key_file, _read_keys, "", _find_own_key()),
        owners=prompter.ask("Owners who approve changes to disks, as @team (leave empty to skip)", owners, _parse_owners, ""),
        forges=prompter.ask("Pipeline: github, gitlab, both or none", ci, _parse_forges, "both"),
        argocd=argocd or "",
        flux=flux or "",
        requirement=requirement or _find_own_requirement(),
        directory=_find_directory(Path(folder)),
        platform_version=version,
    )
    _create_repository(Path(folder), options)


def _ask_version(prompter: _Prompter, platform_version: str | None, release: PlatformRelease) -> str:
    """Ask for the version of the platform; the question includes how to find out."""

    def parse(answer: str) -> str:
        try:
            release.resolve(answer)
        except VmgenError as error:
            raise click.BadParameter(str(error)) from None
        return answer

    versions = release.versions
    question = f"Version of the platform, one of {', '.join(versions.names)} (to find out: {versions.question})"
    return prompter.ask(question, platform_version, parse, versions.default)


class _Prompter:
    """Asks for missing options on a terminal, and takes the defaults elsewhere."""

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
        # On stderr, so that stdout has the list of written files alone.
        parsed_answer: ParsedAnswer = click.prompt(
            question, default=suggestion, show_default=bool(suggestion), value_proc=parse, err=True
        )
        return parsed_answer


def _create_repository(folder: Path, options: StarterOptions) -> None:
    try:
        make_named_folder(str(folder))
    except FileExistsError:
        raise VmgenError(f"{folder} is a file; name a folder for the repository") from None
    files = render_starter(options, folder)
    new_paths, existing_paths = write_missing(folder, files)
    for path in new_paths:
        write_output(f"wrote {path}\n")
    for path in existing_paths:
        write_message(f"skipped {path} (already exists){_explain_missing_lines(folder / path, files[path])}\n")
    if not new_paths:
        write_message("Nothing to do: all files already exist.\n")
        return
    record_answers(folder, options, files)
    write_output(f"wrote {CONFIGURATION_FILE}\n")
    root = folder.resolve()
    change_folder = "" if root == Path.cwd() else f"cd {shlex.quote(str(folder))} && "
    init_git = "" if find_git_top(root) or create_repository(root) else "git init && "
    write_message(f"\nNext: {change_folder}{init_git}vmgen render && git add . && git commit\n")


def _explain_missing_lines(path: Path, content: str) -> str:
    """Return what a kept .gitattributes or .gitignore lacks, to end a message with."""
    if path.name not in (".gitattributes", ".gitignore") or path.is_symlink() or not path.is_file():
        return ""
    # Of other files each line may be the user's choice; these two lists only work if they are complete.
    there = read_file(str(path)).decode(errors="replace").splitlines()
    lacking = [line for line in content.splitlines() if line not in there and not line.startswith("#")]
    return "; add these lines to it:\n" + "\n".join(f"    {line}" for line in lacking) if lacking else ""


def _update_repository(folder: Path, requirement: str | None) -> None:
    """Write the files of an earlier init as this version makes them. Raises VmgenError if no answers are written down."""
    configuration = load_configuration(folder)
    if not configuration.answers:
        raise VmgenError(f"{folder / CONFIGURATION_FILE} has no answers in [init]; run vmgen init {folder} first")
    options = build_options(configuration.answers)
    options = options._replace(requirement=requirement or _find_own_requirement() or options.requirement)
    files = render_starter(options, folder)
    update = update_files(folder, files, configuration.answers.get("files", {}))
    for path in update.new_files:
        write_output(f"wrote {path}\n")
    for path in update.edited_files:
        write_message(f"skipped {path} (edited)\n")
    for path in update.removed_files:
        write_message(f"skipped {path} (removed)\n")
    record_answers(folder, options, {path: text for path, text in files.items() if path not in update.edited_files})
    write_message("Next: vmgen render && git diff\n" if update.new_files else "Nothing to do: all files are up to date.\n")


def _find_directory(folder: Path) -> str:
    """Return the path of a folder below the top of the Git repository that holds it; empty if it is the top, or in none."""
    path = folder.resolve()
    top = find_git_top(path)
    directory = "" if top is None or top == path else path.relative_to(top).as_posix()
    # The name goes into YAML, shell and globs of the pipelines without quotes.
    if not re.fullmatch(r"[\w./+-]*", directory):
        raise VmgenError(f"pipelines cannot use the folder name '{directory}'; use only letters, digits and dashes")
    return directory


def _find_own_requirement() -> str:
    """Return the commit that this vmgen was installed from, as pip takes it; empty if it came from elsewhere.

    https://packaging.python.org/en/latest/specifications/direct-url/: a file address is one of this machine only.
    """
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        origin = json.loads(distribution("vmgen").read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return ""
    commit, url = origin.get("vcs_info", {}).get("commit_id", ""), str(origin.get("url", ""))
    # A login in the address would be written into a file that is committed.
    if not commit or "@" in url.partition("://")[2].partition("/")[0] or url.startswith("file:"):
        return ""
    return f"vmgen[engine] @ {origin['vcs_info']['vcs']}+{url}@{commit}"


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
        raise click.BadParameter(f"{answer}: {faults[0] if faults else 'contains no key'}")
    return text


def _find_own_key() -> str:
    """Return the path of the user's own public key, which Enter takes, or an empty text."""
    candidates = (Path.home() / ".ssh" / f"id_{kind}.pub" for kind in ("ed25519", "ecdsa", "rsa"))
    return next((str(path) for path in candidates if path.is_file()), "")


def _parse_owners(answer: str) -> str:
    if answer in ("", NONE):
        return ""
    if not _OWNERS_PATTERN.fullmatch(answer):
        raise click.BadParameter(f"'{answer}' is not an owner; write @team or @user")
    return answer


def _parse_forges(answer: str) -> tuple[str, ...]:
    if answer not in (*FORGES, "both", NONE):
        raise click.BadParameter("write github, gitlab, both or none")
    return FORGES if answer == "both" else tuple(forge for forge in FORGES if forge == answer)
