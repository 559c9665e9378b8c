"""Edits in place: lines of an environment file that a command writes, and nothing else in the file changes."""
