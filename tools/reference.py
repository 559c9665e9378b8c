"""Writes the pages of docs/ that are made from the code and the schemas: run by `make docs`, held fresh by a test."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generator.report.rule_texts import all_rules

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- Made by `make docs` from {source}. Do not edit. -->\n\n"


def pages() -> dict[str, str]:
    """The pages, by their paths below the root."""
    return {"docs/environment.md": environment_page(), "docs/rules.md": rules_page()}


def environment_page() -> str:
    """Every key of an environment file, from its schema."""
    schema = json.loads((ROOT / "schema" / "environment.schema.json").read_text(encoding="utf-8"))
    parts = [
        NOTE.format(source="schema/environment.schema.json"),
        "# The environment file\n\n",
        f"{schema['description']}\n\n",
        "Layers, lowest first: the platform's defaults, `_defaults.yaml` beside the file, each `extends` in order, the file, "
        "`defaults:`, the group, the instance. Mappings merge key by key, scalars and lists replace, `null` removes. "
        "Of `image`, `url`, `clone` and `upload`, and of `count` and `names`, the higher layer's replaces the lower's.\n\n",
        "An editor that reads `# yaml-language-server: $schema=../schema/environment.schema.json` on the first line completes "
        "and checks these keys while you type.\n\n",
        *_section("Top level", schema, schema),
    ]
    for title, name in (
        ("A VM group (`vms.<name>`)", "group"),
        ("`defaults`", "defaults"),
        ("One VM of a group (`vms.<name>.instances.<number or name>`)", "instance"),
        ("A disk", "disk"),
        ("An attachment", "attachment"),
        ("A tombstone (`retire`)", "tombstone"),
    ):
        parts += _section(title, schema["$defs"][name], schema)
    return "".join(parts)


def _section(title: str, node: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    yield f"## {title}\n\n"
    if node is not schema and "description" in node:
        yield f"{node['description']}\n\n"
    yield "| key | type | default | meaning | example |\n|---|---|---|---|---|\n"
    for name, entry in node.get("properties", {}).items():
        entry = schema["$defs"][entry["$ref"].rsplit("/", 1)[1]] if "$ref" in entry else entry
        example = entry.get("examples", [None])[0]
        yield (
            f"| `{name}` | {_type(entry)} | {_json(entry.get('default'))} | {_cell(entry.get('description', ''))}"
            f"{_only(entry)} | {_json(example)} |\n"
        )
    yield "\n"


def _only(entry: dict[str, Any]) -> str:
    return " *Only on platforms that have it, such as cozystack.*" if entry.get("x-platform-field") else ""


def _type(entry: dict[str, Any]) -> str:
    if "enum" in entry:
        return " or ".join(f"`{option}`" for option in entry["enum"] if option is not None)
    types = entry.get("type", [])
    return " or ".join(name for name in ([types] if isinstance(types, str) else types) if name != "null")


def _json(value: Any) -> str:
    return "" if value is None else f"`{_cell(json.dumps(value, ensure_ascii=False))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "\\n")


def rules_page() -> str:
    """Every rule with its paragraph, sorted by id."""
    parts = [
        NOTE.format(source="the rules"),
        "# Rules\n\nEvery problem names its rule in brackets. Errors refuse the run, warnings do not.\n\n",
    ]
    for rule in sorted(all_rules(), key=lambda each: each.id):
        parts.append(f"## {rule.id}\n\n*{rule.severity}*\n\n{rule.text}\n\n")
    return "".join(parts).rstrip() + "\n"


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        (ROOT / path).write_text(text, encoding="utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
