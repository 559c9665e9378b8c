"""The kustomize engine as a second reader: what it builds must be, object by object, what was rendered."""

from vmgen.compare.kustomize.built import differing
from vmgen.compare.kustomize.comparison import differences
from vmgen.compare.kustomize.parts import planned
from vmgen.compare.kustomize.program import build, engine

__all__ = ["build", "differences", "differing", "engine", "planned"]
