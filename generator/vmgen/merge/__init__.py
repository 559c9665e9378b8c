"""MERGE: layers become one environment, its groups become VMs with all their settings."""
