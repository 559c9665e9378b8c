"""The rules, one small function each, by theme. A new rule is a new function in one of these modules."""

from generator.check.rule import rules_of
from generator.check.rules import catalog

RULES = rules_of(catalog)
