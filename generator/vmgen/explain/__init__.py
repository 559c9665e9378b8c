"""Explain where the values of manifests came from (origins.py), and find what an edit of a file can change (impact.py)."""
