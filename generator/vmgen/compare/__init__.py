"""COMPARE: what is wanted against what is there, in the folder and in Git."""
