"""The user data of one VM, from whichever form of `cloudInit` its settings have."""

from __future__ import annotations

from typing import Any

import yaml

from generator.merge.settings import Settings
from generator.quoting import block
from generator.read.located import Ambiguous, Located

CLOUD_CONFIG = "#cloud-config\n"


def cloud_init_text(settings: Settings) -> str:
    """The user data of a VM: a string goes out verbatim, a mapping as a `#cloud-config`."""
    written = settings.get("cloudInit")
    if written is None:
        return ""
    if isinstance(written.data, str):
        return written.data
    return cloud_config(written)


def cloud_config(written: Located) -> str:
    """A mapping as the text of a `#cloud-config`, its keys in the order in which they were written."""
    values = _as_cloud_init_reads(written)
    if not values:
        return CLOUD_CONFIG
    return CLOUD_CONFIG + block(values, 0).lstrip("\n") + "\n"


def _as_cloud_init_reads(value: Located) -> Any:
    """The plain value, ambiguous scalars taken as cloud-init's parser (YAML 1.1) takes them."""
    data = value.data
    if isinstance(data, dict):
        return {key: _as_cloud_init_reads(item) for key, item in data.items()}
    if isinstance(data, tuple):
        return [_as_cloud_init_reads(item) for item in data]
    if isinstance(data, Ambiguous):
        meant = yaml.safe_load(data)
        return meant if isinstance(meant, bool | int | float) else str(data)
    return data
