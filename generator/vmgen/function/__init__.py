"""FUNCTION: an environment rendered within a kustomize build, as a KRM function."""
