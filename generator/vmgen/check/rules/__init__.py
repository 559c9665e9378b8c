"""The rules, one small function each, by theme. A new rule is a new function in one of these modules."""

from vmgen.check import budgets
from vmgen.check.rule import collect_rules
from vmgen.check.rules import (
    boot,
    catalog,
    delivery,
    disks,
    exposure,
    generations,
    instances,
    metadata,
    names,
    platform_fields,
    policy,
    secrets,
    sizes,
    ssh_keys,
)

RULES = collect_rules(
    instances,
    sizes,
    catalog,
    platform_fields,
    names,
    disks,
    generations,
    boot,
    exposure,
    ssh_keys,
    metadata,
    budgets,
    policy,
    delivery,
    secrets,
)
