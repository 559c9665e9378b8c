"""Render objects to manifests, verify what the templates wrote, and apply policies to it."""
