"""All rules, for docs/rules.md."""

from __future__ import annotations

from vmgen import rules
from vmgen.check.rules import RULES as ENVIRONMENT_RULES
from vmgen.cloud_init.rules import RULES as CLOUD_INIT_RULES
from vmgen.rules import Rule


def all_rules() -> tuple[Rule, ...]:
    """Return every rule of the program, sorted by id. The policies of a repository are not among them."""
    return tuple(sorted((*rules.RULES, *ENVIRONMENT_RULES, *CLOUD_INIT_RULES), key=lambda rule: rule.id))
