"""The registry of rules: all are in it, each has one home, and code names none by its text."""

from __future__ import annotations

import ast
import importlib
import re
from pathlib import Path

import vmgen
from vmgen import rules
from vmgen.check.rule import EnvironmentRule
from vmgen.report.problems import all_rules
from vmgen.rules import Rule

PACKAGE = Path(vmgen.__file__).parent
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))


def test_every_rule_is_registered_once() -> None:
    """Each rule that a module of the package defines is among all rules, and no two have one id."""
    names = (".".join(path.relative_to(PACKAGE).with_suffix("").parts) for path in MODULES)
    values = [value for name in names for value in vars(importlib.import_module(f"vmgen.{name}")).values()]
    values += [value.rule for value in values if isinstance(value, EnvironmentRule)]
    defined = {value.id: value for value in values if isinstance(value, Rule)}
    assert [rule.id for rule in all_rules()] == sorted(defined)
    assert all(rule.text for rule in all_rules())


def test_constants_are_called_as_their_ids() -> None:
    """The name of a constant follows from the id, so that who reads one finds the other."""
    constants = {name: value.id for name, value in vars(rules).items() if isinstance(value, Rule)}
    assert constants == {re.sub(r"-|(?<=[a-z])(?=[A-Z])", "_", id).upper(): id for id in constants.values()}


def test_no_code_names_a_rule_by_its_text() -> None:
    """A typing mistake in an id is an import error: outside of the rules' own definitions, no literal is an id."""
    ids = {rule.id for rule in rules.RULES}
    literals = {
        (path.relative_to(PACKAGE).as_posix(), node.value)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and node.value in ids
    }
    # A stage of check, a state of an object and a value of `externalMethod` have the name of a rule.
    other = {("cli/check.py", "drift"), ("report/status.py", "drift"), ("status/compare.py", "drift")}
    other |= {(f"{name}.py", "WholeIP") for name in ("check/rules/policy", "check/rules/exposure", "render/user_data_policies")}
    assert {(path, literal) for path, literal in literals if path != "rules.py"} == other
