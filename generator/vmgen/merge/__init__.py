"""MERGE: layers become one located environment; its groups become instances with all their settings."""
