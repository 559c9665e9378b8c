"""The rules, one small function each, by theme. A new rule is a new function in one of these modules."""

from vmgen.check.rule import collect_rules
from vmgen.check.rules import (
    attachments,
    boot,
    budget,
    catalog,
    delivery,
    disks,
    exposure,
    instances,
    metadata,
    names,
    platform_fields,
    policy,
    sizes,
    ssh_keys,
    whole,
)
from vmgen.check.secrets import fields

RULES = collect_rules(
    whole,
    sizes,
    catalog,
    platform_fields,
    names,
    instances,
    disks,
    attachments,
    boot,
    exposure,
    ssh_keys,
    metadata,
    budget,
    policy,
    delivery,
    fields,
)
