"""User data: parse, merge, render and validate what cloud-init runs in a VM."""
