"""The kustomize engine as a second reader: what it builds must be, object by object, what was rendered."""
