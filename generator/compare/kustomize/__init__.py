"""The kustomize engine as a second reader: what it builds must be, object by object, what was rendered."""

from generator.compare.kustomize.built import differing
from generator.compare.kustomize.comparison import differences
from generator.compare.kustomize.parts import planned
from generator.compare.kustomize.program import build, engine

__all__ = ["build", "differences", "differing", "engine", "planned"]
