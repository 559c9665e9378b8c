"""Build rendered folders with kustomize, and compare the result with the rendered manifests."""
