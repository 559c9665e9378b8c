"""`vmgen rule`: explain a rule, with an environment that fails it and one that passes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click

from vmgen import HOMEPAGE
from vmgen.cli.options import format_option
from vmgen.cli.output import write_output
from vmgen.filesystem.reader import read_file
from vmgen.printable import format_json
from vmgen.problems import VmgenError, did_you_mean
from vmgen.report.problems import all_rules
from vmgen.rules import Rule

# Made by `make docs` from the table that the tests of the rules run.
_EXAMPLES_FILE = Path(__file__).resolve().parent.parent / "report" / "rule_examples.json"


def _complete_rules(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    return [rule.id for rule in all_rules() if rule.id.startswith(incomplete)]


@click.command("rule")
@click.argument("id", required=False, shell_complete=_complete_rules)
@format_option(["text", "json"])
def command(id: str | None, output: str) -> None:
    """Explain the rule that a problem names in brackets, or list all rules.

    Example: vmgen rule unknown-image
    """
    rules = {rule.id: rule for rule in all_rules()}
    if id is not None and id not in rules:
        raise VmgenError(
            f"no rule '{id}' (vmgen rule lists all rules, and custom policies are in policies/){did_you_mean(id, rules)}"
        )
    selected_rules = rules.values() if id is None else [rules[id]]
    examples: Mapping[str, Mapping[str, str]] = json.loads(read_file(str(_EXAMPLES_FILE)))
    if output == "json":
        rows = [
            {"id": rule.id, "severity": rule.severity, "text": rule.text, **examples.get(rule.id, {})}
            for rule in selected_rules
        ]
        write_output(format_json({"version": 1, "rules": rows}))
    elif id is None:
        width = max(map(len, rules))
        for rule in selected_rules:
            write_output(f"{rule.id:{width}}  {rule.severity}\n")
    else:
        write_output(_format_rule(rules[id], examples.get(id, {})))


def _format_rule(rule: Rule, examples: Mapping[str, str]) -> str:
    parts = [f"{rule.id} ({rule.severity})\n\n{click.wrap_text(rule.text, 100, preserve_paragraphs=True)}\n"]
    for key, title in (("fails", "Fails"), ("passes", "Passes")):
        if key in examples:
            lines = examples[key].rstrip("\n").splitlines()
            parts.append(f"\n{title}:\n\n" + "".join(f"    {line}".rstrip() + "\n" for line in lines))
    if HOMEPAGE:
        parts.append(f"\n{HOMEPAGE}/docs/rules.html#{rule.id}\n")
    return "".join(parts)
