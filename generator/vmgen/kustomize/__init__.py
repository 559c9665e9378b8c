"""Build rendered folders with kustomize, and compare what it builds with what was rendered."""
