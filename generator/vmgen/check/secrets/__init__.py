"""Secrets that would be committed to Git: found by their shape and by the key they stand under, and never repeated."""
