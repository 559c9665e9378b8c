"""WRITE: the changes are carried out, whole files only, deletions last."""
