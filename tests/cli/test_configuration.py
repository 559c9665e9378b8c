"""Where options come from: the command line, the environment, vmgen.toml; the root of a repository; how much is said."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from tests.cli.test_offline import ARGUMENTS
from vmgen import __version__
from vmgen.cli.app import COMMANDS, app
from vmgen.read.configuration import find_root
from vmgen.read.repository import read_schema_text

TEXT = "namespace: tenant-a\nvms: {web: {image: ubuntu-2404, instanceType: u1.large}}\nplatformVersion: '1'\n"
WRONG = TEXT.replace("u1.large", "u1.larg")


@pytest.fixture(name="made")
def _made(repository: Callable) -> Callable:
    """A repository with one environment, and a vmgen.toml."""

    def make(toml: str, text: str = TEXT, files: dict[str, str] | None = None):
        return repository(text, {"vmgen.toml": toml, **(files or {})})

    return make


REFUSED = {
    "an unknown key": ('requird-version = ">=0.1"', "vmgen.toml:1:1: error: requird-version: unknown key 'requird-version'"),
    "what loosens": ("[check]\nagainst = 'HEAD'", "vmgen.toml:2:1: error: check.against: unknown key 'against'"),
    "what names a program": ("[check]\nkustomize-binary = '/bin/sh'", "unknown key 'kustomize-binary'"),
    "what lets data go": ("[render]\nallow-empty = true", "unknown key 'allow-empty'"),
    "what checks less": ("[check]\nkustomize = 'off'", "unknown key 'kustomize'"),
    "what narrows": ("[check]\naffected-since = 'HEAD'", "unknown key 'affected-since'"),
    "a value that is none": (
        "[plan]\noutput = 'markdwn'",
        "'markdwn' is not one of text, markdown, json; did you mean 'markdown'?",
    ),
    "no positive number": ("[render]\njobs = 0", "'0' is not a whole number from 1"),
    "no version": ('required-version = "1.x"', "is not a list of versions"),
    "51 levels of a key": (
        f"{'.'.join('a' * 51)} = 1",
        "vmgen.toml: error: a number has more than 18 digits, or a value is more",
    ),
    "51 levels of lists": (f"color = {'[' * 51}{']' * 51}", "a value is more than 50 levels deep"),
    "thousands of levels": (f"color = {'[' * 3000}{']' * 3000}", "a value is more than 50 levels deep"),
    "19 digits": (f"color = 1{'0' * 18}", "a number has more than 18 digits"),
    "thousands of digits": (f"color = 0x{'f' * 5000}", "a number has more than 18 digits"),
    "8,193 bytes": (f"#{'x' * 8192}", "vmgen.toml: error: cannot be read: it is larger than 8192 bytes"),
    "a table in a list": ("[render]\npaths = [{a = 1}]", "vmgen.toml:2:1: error: render.paths"),
    "no TOML": ("[plan\n", "vmgen.toml:1:6: error: not TOML: "),
    "a date": ("color = 1979-05-27", "'1979-05-27' is not one of auto, always, never"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case: str, made: Callable) -> None:
    """A vmgen.toml that is not right is a problem at its line; what would loosen a check is an unknown key."""
    text, said = REFUSED[case]
    done = made(text).run("check")
    assert (done.code, said in done.messages) == (1, True), done.messages


@pytest.mark.parametrize("kind", ["a folder", "a link to nothing", "a pipe"])
def test_what_is_no_file_is_refused(kind: str, made: Callable) -> None:
    """What it requires cannot be read, so it is not taken for a repository without one."""
    repository = made("")
    path = repository.root / "vmgen.toml"
    path.unlink()
    {"a folder": path.mkdir, "a link to nothing": lambda: path.symlink_to("x.toml"), "a pipe": lambda: os.mkfifo(path)}[kind]()
    done = repository.run("check")
    assert (done.code, "vmgen.toml: error: cannot be read" in done.messages) == (1, True), done.messages


def test_an_unknown_key_is_reported_once(made: Callable) -> None:
    """A misspelt key is one problem, and keys that resemble none lead to the page of this file."""
    assert made('colour = "always"').run("list").messages.count("unknown key") == 1
    assert "docs/configuration.md lists the keys" in made("zzz = 1").run("list").messages


def list_formats() -> list[tuple[str, str]]:
    """Each command that reads the configuration, with each of its formats."""
    context = click.Context(app)
    commands = {name: app.get_command(context, name) for name in COMMANDS if name != "rule"}
    options = {name: {each.name: each.type for each in command.params} for name, command in commands.items() if command}
    choices = {name: types["output"] for name, types in options.items() if isinstance(types.get("output"), click.Choice)}
    return [(name, value) for name, choice in choices.items() for value in choice.choices]


@pytest.mark.parametrize(("command", "output"), list_formats())
def test_a_broken_file_is_reported_in_the_format(command: str, output: str, made: Callable) -> None:
    """A reader of a format gets the problem of vmgen.toml in it, from the top of Git; others get text, and no data."""
    repository = made("[check]\noutptu = 1\n")
    (repository.root / ".git").mkdir()
    done = repository.run(command, *ARGUMENTS.get(command, ()), "-o", output)
    readers = {
        "json": lambda text: json.loads(text)["problems"][0]["rule"],
        "sarif": lambda text: json.loads(text)["runs"][0]["results"][0]["ruleId"],
        "gitlab": lambda text: json.loads(text)[0]["check_name"],
        "github": lambda text: text.partition("title=")[2].partition("::")[0],
        "junit": lambda text: text.partition('" name="')[2].partition('"')[0],
    }
    if command == "plan":
        readers["markdown"] = lambda text: text.partition("(<code>")[2].partition("</code>)")[0]
    assert done.code == 1
    if output in readers:
        assert readers[output](done.stdout) == "unknown-key", done.stdout
    else:
        assert (done.stdout, done.messages.startswith("vmgen.toml:2:1: error: check.outptu")) == ("", True), done.messages


def test_a_broken_file_is_reported_from_a_subfolder(made: Callable, vmgen: Callable) -> None:
    """Text names vmgen.toml as people in a subfolder do, data from the top of Git; a report has it too."""
    repository = made("[check]\noutptu = 1\n")
    (repository.root / ".git").mkdir()
    folder = str(repository.root / "environments")
    assert vmgen("-C", folder, "check").messages.startswith("../vmgen.toml:2:1: error: ")
    done = vmgen("-C", folder, "check", "-o", "github", "--report", "gitlab", "quality.json")
    assert done.stdout.startswith("::error file=vmgen.toml,line=2")
    assert json.loads((repository.root / "environments/quality.json").read_text())[0]["location"]["path"] == "vmgen.toml"


def test_help_needs_no_configuration(made: Callable) -> None:
    """Help, and the commands that read no repository, work beside a vmgen.toml that is broken."""
    repository = made("[plan")
    for arguments in (
        ["render", "--help"],
        ["help", "plan"],
        ["schema"],
        ["rule", "drift"],
        ["completion", "bash"],
        ["--help"],
    ):
        assert repository.run(*arguments).code == 0, arguments


@pytest.mark.parametrize(
    ("requirement", "taken"),
    [
        (f"=={__version__}", True),
        (f"!={__version__}", False),
        (f">={__version__}", True),
        (f">{__version__}", False),
        (f"<={__version__}", True),
        (f"<{__version__}", False),
        ("~=0.1.0", True),
        ("~=0.2.0", False),
        (">=0.1, <0.2", True),
        (">=0.1,<0.1", False),
    ],
)
def test_required_version(requirement: str, taken: bool, made: Callable) -> None:
    """Another version than the repository requires does nothing, and says which one it has to be."""
    done = made(f'required-version = "{requirement}"').run("render")
    assert done.code == (0 if taken else 2), done.messages
    assert taken or f"vmgen.toml:1: this repository requires vmgen {requirement}, and this is {__version__}" in done.messages


def test_order(made: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command line comes before the environment, that before vmgen.toml, and that before the default."""
    repository = made('[render]\noutput = "github"', WRONG)
    starts = []
    starts.append(repository.run("render").stdout[:2])
    monkeypatch.setenv("VMGEN_RENDER_OUTPUT", "junit")
    starts.append(repository.run("render").stdout[:7])
    starts.append(repository.run("render", "-o", "json").stdout[:2])
    monkeypatch.setenv("VMGEN_RENDER_OUTPUT", "xml")
    assert (starts, repository.run("render").code) == (["::", "<?xml v", "{\n"], 2)


def test_every_option_has_a_variable() -> None:
    """Each option of each command is called after the command and itself."""
    context = click.Context(app)
    for name in COMMANDS:
        command = app.get_command(context, name)
        assert command is not None
        for option in command.params:
            if isinstance(option, click.Option) and not option.hidden:
                words = max(option.opts, key=len).lstrip("-").upper().replace("-", "_")
                assert option.envvar == f"VMGEN_{name.upper()}_{words}"


def test_formats_of_the_schema_are_those_of_the_commands() -> None:
    """What vmgen.toml may say of an option is what the command takes."""
    schema = json.loads(read_schema_text("configuration"))
    for name, entry in schema["properties"].items():
        node = schema["$defs"][entry["$ref"].rsplit("/", 1)[1]] if "$ref" in entry else entry
        command = app.get_command(click.Context(app), name)
        output = node.get("properties", {}).get("output")
        if command and "enum" in (output or {}):
            [option] = [parameter for parameter in command.params if parameter.name == "output"]
            assert list(option.type.choices) == output["enum"], name


def test_where_a_report_goes_can_be_configured(made: Callable) -> None:
    """The page of `vmgen report` goes where vmgen.toml says, which cannot lead out of the current folder."""
    repository = made('[report]\noutput = "site.html"')
    assert repository.run("report").code == 0
    assert (repository.root / "site.html").exists()
    for path in ("../site.html", "/tmp/site.html", "environments/production.yaml", "a/../../b.html", "-"):
        repository.write({"vmgen.toml": f"[report]\noutput = '{path}'"})
        done = repository.run("report")
        assert (done.code, "is not a relative path that ends in .html" in done.messages) == (1, True), path


def test_the_root_is_searched_upwards(made: Callable, vmgen: Callable) -> None:
    """Any folder below the root will do; text names files from there, other formats from the top of Git."""
    repository = made("", WRONG, {"policies/deep/x.txt": ""})
    subprocess.run(["git", "init", "--quiet", str(repository.root.parent / repository.root.name)], check=True)
    below = str(repository.root / "policies" / "deep")
    assert "../../environments/production.yaml:2:" in vmgen("-C", below, "render").messages
    assert "file=environments/production.yaml,line=2" in vmgen("-C", below, "render", "-o", "github").stdout


def test_formats_name_files_from_the_top_of_git(new_repository: Callable, vmgen: Callable) -> None:
    """In a folder of a larger repository each format for a forge names a file as the forge does."""
    made = new_repository({"infra/vms/environments/production.yaml": WRONG})
    subprocess.run(["git", "init", "--quiet", str(made.root)], check=True)
    (made.root / "environments").rmdir()
    path = "infra/vms/environments/production.yaml"
    run = lambda output: vmgen("-C", str(made.root / "infra/vms"), "check", "-o", output).stdout  # noqa: E731
    assert json.loads(run("json"))["problems"][0]["file"] == path
    assert json.loads(run("gitlab"))[0]["location"] == {"path": path, "lines": {"begin": 2}}
    [sarif] = json.loads(run("sarif"))["runs"]
    assert sarif["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": path,
        "uriBaseId": "%SRCROOT%",
    }
    assert f'classname="{path}"' in run("junit")
    assert f"file={path}," in run("github")


def test_the_search_ends_at_the_top_of_git(tmp_path: Path) -> None:
    """A folder above the repository is none of its own."""
    (tmp_path / "environments").mkdir()
    inner = tmp_path / "inner" / "folder"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path
    (tmp_path / "inner" / ".git").mkdir()
    assert find_root(inner) is None


def test_the_search_ends_at_a_folder_of_another_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside of Git, nothing is taken from a folder that another user can write."""
    inner = tmp_path / "mine"
    inner.mkdir()
    (tmp_path / "vmgen.toml").write_text("")
    real = Path.stat
    other = os.stat_result([*real(tmp_path)[:4], real(tmp_path).st_uid + 1, *real(tmp_path)[5:]])
    assert find_root(inner) == tmp_path
    monkeypatch.setattr(Path, "stat", lambda path, **more: other if path == tmp_path else real(path, **more))
    assert find_root(inner) is None


def test_quiet_and_verbose(made: Callable) -> None:
    """`-q` says errors only, `-v` what is used; both before the command and after it."""
    repository = made("", TEXT, {"environments/x.yml": ""})
    assert "warning" in repository.run("render").messages
    assert repository.run("render", "-q").messages == repository.run("-q", "render").messages == ""
    assert f"vmgen {__version__}, Python " in repository.run("render", "-v").messages
    assert "error" in made("", WRONG).run("render", "-q").messages


def test_verbose_names_the_engine(made: Callable, engine: list[str]) -> None:
    """`check -v` says which kustomize built, and its version."""
    repository = made("")
    repository.run("render")
    assert f"{engine[0]} " in repository.run("check", "-v").messages


@pytest.mark.parametrize("command", ["check", "explain", "import", "schema"])
def test_directory_after_the_command(made: Callable, command: str) -> None:
    """`-C` after the command is refused, with the line to type instead."""
    run = made("").run(command, "-C", "a b")
    assert (run.code, run.messages.splitlines()[-1]) == (2, f"Error: write -C before the command: vmgen -C 'a b' {command}")


@pytest.mark.parametrize("arguments", [["--color", "always", "plan"], ["plan", "--color", "always"]], ids=" ".join)
def test_color_anywhere(made: Callable, arguments: list[str]) -> None:
    """`--color` is taken before and after the command."""
    repository = made("")
    repository.uncommitted()
    assert "\x1b[" in repository.run(*arguments).stdout
    assert "\x1b[" in made('color = "always"').run("plan", "--color", "always").stdout


def test_color_of_the_environment(made: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    """FORCE_COLOR colours without a terminal, NO_COLOR comes before it, and `--color` before both."""
    repository = made("")
    repository.uncommitted()
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in repository.run("plan").stdout
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in repository.run("plan").stdout
    assert "\x1b[" in repository.run("plan", "--color", "always").stdout


def on_a_terminal(root: Path, *arguments: str) -> str:
    """What a process writes to a terminal."""
    main, side = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2] / "generator"), "NO_COLOR": "1"}
    process = subprocess.Popen([sys.executable, "-m", "vmgen", *arguments], cwd=root, env=environment, stdout=side, stderr=side)
    os.close(side)
    screen = b""
    try:
        while part := os.read(main, 4096):
            screen += part
    except OSError:  # the other side is closed
        pass
    os.close(main)
    process.wait(timeout=60)
    return screen.decode().replace("\r\n", "\n")


def test_an_excerpt_on_a_terminal(made: Callable) -> None:
    """On a terminal the line follows, with a caret under the column; elsewhere each problem is a line."""
    repository = made("", WRONG)
    line = WRONG.splitlines()[1]
    column = line.index("u1.larg")
    assert f"\n  2 | {line}\n    | {' ' * column}^\n" in on_a_terminal(repository.root, "render")
    assert " | " not in repository.run("render").messages


def test_no_excerpt_shows_a_secret(made: Callable) -> None:
    """A line that may hold a secret is not quoted."""
    word = "hunter" + "2" * 5
    places = (
        f"defaults: {{adminPassword: {word}}}\n",
        f"vms: {{web: {{image: ubuntu-2404, instanceType: u1.larg, cloudInit: {{password: {word}}}}}}}\n",
        f"vms: {{web: {{imag: ubuntu-2404, vars: {{a: 1}}, url: 'https://ops:{word}@example.com/x'}}}}\n",
    )
    for text in places:
        screen = on_a_terminal(made("", f"namespace: tenant-a\n{text}").root, "render")
        assert ": error: " in screen
        assert word not in screen
