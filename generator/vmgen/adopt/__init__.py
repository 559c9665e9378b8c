"""ADOPT: manifests that others wrote become a short environment, and a proof that it renders the same objects."""
