"""The plan: the desired state against the baseline, the verdict on each change, and the gate."""
