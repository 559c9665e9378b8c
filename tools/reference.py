"""Write the pages of docs/ that are made from the code and the schemas: run by `make docs`, held fresh by a test."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tools.formats import build_formats_page, build_verdicts_page
from vmgen.kustomize.engine import BINARY_VARIABLE
from vmgen.merge.platform import FIELD_SECTIONS, FIELDS_FILE, PlatformLoader, load_extended
from vmgen.read.located import to_plain
from vmgen.read.own_keys import build_key_schema, list_definitions
from vmgen.read.repository import Project
from vmgen.render.policies import BUILT_IN_POLICIES
from vmgen.report.problems import FORMATS, all_rules

ROOT = Path(__file__).resolve().parent.parent
CONFIGURATION = """\
# Configuration

vmgen needs no configuration. For each option, the first of these applies: the command line, an environment variable,
`vmgen.toml`, the default.

The root of a repository is the nearest folder with `environments/` or `vmgen.toml`, from the current folder upwards. The
search ends at the top of the Git repository, or outside of Git before a folder of another user. In text output, paths are
relative to the current folder; in all other formats, to the top of the Git repository.

Put `vmgen.toml` into the root, with the keys below. Any other key is an error. A pull request can change the file, so it
cannot name a program or weaken a check: `against`, `affected-since`, `allow-empty`, `kustomize` and `verify` are not keys.
`vmgen schema configuration` prints its schema. If the file is invalid, each command prints the problems in its format, and
exits with status 1.

```toml file=vmgen.toml
required-version = ">=0.1,<0.2"

[render]
jobs = 2

[plan]
output = "markdown"
```

```console
$ vmgen plan -o text
Nothing differs from HEAD.
...
```

`vmgen check` uses the first kustomize or kubectl of these: the program that `--kustomize-binary` or `VMGEN_KUSTOMIZE_BINARY`
names; the one beside the Python that runs vmgen, where a lock file installs it; the one on `PATH`. It needs kustomize 5.0 or
kubectl 1.27. `vmgen check -v` prints the path and the version.


"""
NOTE = "<!-- Made by `make docs` from {source}. Do not edit. -->\n\n"


def build_pages() -> dict[str, str]:
    """Return the pages by their paths below the root."""
    return {
        "docs/environment.md": build_environment_page(),
        "docs/rules.md": build_rules_page(),
        "docs/commands.md": build_commands_page(),
        "docs/verdicts.md": NOTE.format(source="templates/*/verdicts.yaml") + build_verdicts_page(),
        "docs/formats.md": NOTE.format(source="schema/") + build_formats_page(),
        "docs/configuration.md": build_configuration_page(),
        "docs/vmgen.1": build_manual_page(),
        "generator/vmgen/report/rule_examples.json": build_rule_examples(),
        "schema/environment.schema.json": build_environment_schema(),
        "schema/configuration.schema.json": build_configuration_schema(),
        **build_manifest_schemas(),
    }


def build_environment_schema() -> str:
    """Return the schema of an environment: the file, with the defaults and the keys of the fields that all platforms share."""
    document = json.loads((ROOT / "schema" / "environment.schema.json").read_text(encoding="utf-8"))
    definitions = document["$defs"]
    content = load_extended(FIELDS_FILE, Project(ROOT))
    for section in FIELD_SECTIONS.values():
        for name, row in to_plain(content.mapping[section]).items():
            for shape in list_definitions(section, row):
                node = definitions[shape]["properties"].setdefault(name, build_key_schema(row))
                node = definitions[node["$ref"].rpartition("/")[2]] if "$ref" in node else node
                if "default" in node:
                    node["default"] = row["default"]
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def build_configuration_schema() -> str:
    """Return the schema of vmgen.toml: the file, with the formats of problems that the table of formats has."""
    text = (ROOT / "schema" / "configuration.schema.json").read_text(encoding="utf-8")
    return re.sub(r'("Format of the problems\.", "enum": )\[[^]]*\]', rf"\g<1>{json.dumps(list(FORMATS))}", text)


def build_environment_page() -> str:
    """Return the page with every key of an environment file, from its schema."""
    schema = json.loads(build_environment_schema())
    parts = [
        NOTE.format(source="schema/environment.schema.json"),
        "# The environment file\n\n",
        f"{schema['description']}\n\n",
        "[Layers](glossary.md#layer), lowest first: the platform's defaults, `_defaults.yaml` beside the file, each "
        "`extends` in order, the file, `defaults:`, the [group](glossary.md#group), the instance. Mappings merge key by key, "
        "scalars and lists replace, `null` removes. "
        "A higher layer with one of `image`, `url`, `clone` and `upload`, or of `count` and `names`, replaces the others.\n\n",
        "For completion and validation in an editor, begin the file with `# yaml-language-server: "
        "$schema=../schema/environment.schema.json`.\n\n",
        *_format_section("Top level", schema, schema, "top"),
    ]
    for title, name in (
        ("A VM group (`vms.<name>`)", "group"),
        ("`defaults`", "defaults"),
        ("One VM of a group (`vms.<name>.instances.<number or name>`)", "instance"),
        ("A disk", "disk"),
        ("A disk of a group (`vms.<name>.disks.<suffix>`)", "ownDisk"),
        ("An earlier generation of a disk (`previous`)", "previousDisk"),
        ("An attachment", "attachment"),
        ("A tombstone (`retire`)", "tombstone"),
        ("`delivery`", "delivery"),
        ("`delivery.argocd`", "argocd"),
        ("`delivery.flux`", "flux"),
        ("A waiver (`waivers`)", "waiver"),
    ):
        parts += _format_section(title, schema["$defs"][name], schema, name.lower())
    return "".join(parts)


def _format_section(title: str, node: dict[str, Any], schema: dict[str, Any], anchor: str) -> Iterator[str]:
    yield f"## {title}\n\n"
    if node is not schema and "description" in node:
        yield f"{node['description']}\n\n"
    yield "| key | type | default | meaning | example |\n|---|---|---|---|---|\n"
    for name, entry in node.get("properties", {}).items():
        entry = schema["$defs"][entry["$ref"].rsplit("/", 1)[1]] if "$ref" in entry else entry
        example = entry.get("examples", [None])[0]
        yield (
            f'| <a id="{anchor}-{name.lower()}"></a>`{name}` | {_format_type(entry)} | {_format_json(entry.get("default"))} '
            f"| {_escape_cell(entry.get('description', ''))}{_format_platform_note(entry)} | {_format_json(example)} |\n"
        )
    yield "\n"


def _format_platform_note(entry: dict[str, Any]) -> str:
    return " *Only on platforms that have it, such as cozystack.*" if entry.get("x-platform-field") else ""


def _format_type(entry: dict[str, Any]) -> str:
    if "enum" in entry:
        return " or ".join(f"`{option}`" for option in entry["enum"] if option is not None)
    types = entry.get("type", [])
    return " or ".join(name for name in ([types] if isinstance(types, str) else types) if name != "null")


def _format_json(value: Any) -> str:
    return "" if value is None else f"`{_escape_cell(json.dumps(value, ensure_ascii=False))}`"


def _escape_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "\\n")


def build_configuration_page() -> str:
    """Return the page with the keys of vmgen.toml from its schema, and the environment variables from the command line."""
    from click import Context, Option

    from vmgen.cli.app import COMMANDS, app

    schema = json.loads(build_configuration_schema())
    parts = [NOTE.format(source="schema/configuration.schema.json and the command line"), CONFIGURATION]
    parts += _format_section("Top level", schema, schema, "top")
    for title, node in schema["properties"].items():
        node = schema["$defs"][node["$ref"].rsplit("/", 1)[1]] if "$ref" in node else node
        if "properties" in node:
            parts += _format_section(f"`[{title}]`", node, schema, title)
    parts.append("## Environment variables\n\n| variable | option |\n|---|---|\n")
    rows = {
        "VMGEN_DIRECTORY": "`-C`, `--directory`",
        "VMGEN_COLOR": "`--color`",
        BINARY_VARIABLE: "`vmgen check --kustomize-binary`",
    }
    for name in COMMANDS:
        command = app.get_command(Context(app), name)
        for option in command.params if command else ():
            if isinstance(option, Option) and option.envvar:
                rows[str(option.envvar)] = f"`vmgen {name} {option.opts[-1]}`"
    parts += [f"| `{variable}` | {option} |\n" for variable, option in rows.items()]
    return "".join(parts)


def build_manual_page() -> str:
    """Return the manual page vmgen(1), in the language man, from the command line."""
    from click import Context

    from vmgen import __version__
    from vmgen.cli.app import COMMANDS, app

    root = Context(app, info_name="vmgen", terminal_width=78, max_content_width=78, help_option_names=["-h", "--help"])
    parts = [
        f'.\\" Made by `make docs` from the command line. Do not edit.\n.TH VMGEN 1 "" "vmgen {__version__}" "User Commands"\n',
        ".SH NAME\nvmgen \\- generate manifests of virtual machines from short environment files\n",
        ".SH SYNOPSIS\n.B vmgen\n[\\-C DIR] COMMAND [ARGUMENTS]\n.SH DESCRIPTION\n.nf\n",
        f"{_escape_roff(app.get_help(root))}\n.fi\n.SH COMMANDS\n",
    ]
    for name in COMMANDS:
        command = app.get_command(root, name)
        assert command is not None  # noqa: S101 - COMMANDS are the commands
        text = command.get_help(Context(command, info_name=name, parent=root))
        parts.append(f".SS {name}\n.nf\n{_escape_roff(text)}\n.fi\n")
    parts.append(
        ".SH FILES\n.nf\nvmgen.toml            configuration of a repository\nenvironments/*.yaml   sources\n"
        "manifests/            rendered manifests\n.fi\n"
        ".SH NOTES\nDebian's package gforth contains another program of this name, with a manual page.\n"
    )
    return "".join(parts)


def _escape_roff(text: str) -> str:
    lines = text.replace("\\", "\\e").replace("-", "\\-").splitlines()
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in lines)


def build_manifest_schemas() -> dict[str, str]:
    """Return the schemas of the kinds by the names that kubeconform looks for, for all platforms and versions together."""
    project = Project(ROOT)
    loader = PlatformLoader(project)
    releases = [loader.load_release(name) for name in project.platform_names]
    platforms = [release.build(version) for release in releases for version in release.versions.names]
    schemas = {}
    for kind in ("VMDisk", "VMInstance"):
        documents: list[Any] = []
        for platform in platforms:
            schema = {**platform.kinds[kind].schema, "title": f"{kind} as {platform.release_title} takes it"}
            if all({**document, "title": schema["title"]} != schema for document in documents):
                documents.append(schema)
        text = json.dumps({"$schema": documents[0]["$schema"], "anyOf": documents}, indent=1, ensure_ascii=False)
        schemas[f"schema/crds/{kind.lower()}-apps.cozystack.io-v1alpha1.json"] = text + "\n"
    return schemas


def build_rule_examples() -> str:
    """Return, for each rule of the tests' table, the first environment that fails it and the one that passes."""
    import yaml

    cases = yaml.safe_load((ROOT / "tests" / "check" / "rules.yaml").read_text(encoding="utf-8"))
    examples: dict[str, dict[str, str]] = {}
    for case in cases:
        examples.setdefault(case["rule"], {"fails": case["trips"], "passes": case["passes"]})
    return json.dumps(dict(sorted(examples.items())), indent=1, ensure_ascii=False) + "\n"


def build_rules_page() -> str:
    """Return the page with every rule and its paragraph, sorted by id."""
    parts = [
        NOTE.format(source="the rules"),
        "# Rules\n\nEvery problem names its rule in brackets. Only errors make a run fail. "
        "A [waiver](glossary.md#waiver) suppresses a rule at one location.\n\n",
    ]
    policies = {policy.id for policy in BUILT_IN_POLICIES}
    for rule in all_rules():
        severity = "policy, off by default" if rule.id in policies else rule.severity
        parts.append(f"## {rule.id}\n\n*{severity}*\n\n{rule.text}\n\n")
    return "".join(parts).rstrip() + "\n"


def build_commands_page() -> str:
    """Return the page with the help of every command, as `--help` prints it."""
    from click import Context

    from vmgen.cli.app import COMMANDS, app

    parts = [
        NOTE.format(source="the command line"),
        "# Commands\n\n",
        "Exit status: **0** success; **1** check failed (problems, [drift](glossary.md#drift), data loss); **2** usage or "
        "runtime error; **70** a bug in vmgen; **130** after Ctrl-C.\n\n",
        "vmgen prints data to stdout and messages to stderr, with colour on a terminal. `NO_COLOR` and `--color` override it. "
        "`vmgen completion` completes commands, options and environments in bash, zsh and fish.\n\n",
    ]
    root = Context(app, info_name="vmgen", terminal_width=100, max_content_width=100, help_option_names=["-h", "--help"])
    parts.append(f"```text\n{app.get_help(root)}\n```\n\n")
    for name in COMMANDS:
        command = app.get_command(root, name)
        assert command is not None  # noqa: S101 - COMMANDS are the commands
        context = Context(command, info_name=name, parent=root)
        parts.append(f"## {name}\n\n```text\n{command.get_help(context)}\n```\n\n")
    return "".join(parts).rstrip() + "\n"


def main() -> None:
    """Write the pages."""
    for path, text in build_pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
