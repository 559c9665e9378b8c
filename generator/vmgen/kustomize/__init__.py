"""The kustomize engine as a second reader of the rendered tree."""
