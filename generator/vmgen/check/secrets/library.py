"""What the optional library detect-secrets finds besides. Its plugins are asked line by line; nothing is verified online."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from functools import cache, lru_cache
from importlib.util import find_spec
from typing import Any

from vmgen.check.secrets.harmless import is_path, is_reference
from vmgen.check.secrets.shapes import SecretMatch

# A public key, a checksum and an address are no secrets, and these take them for one; the shapes look at names themselves.
_DISABLED_PLUGINS = {"Base64HighEntropyString", "HexHighEntropyString", "IPPublicDetector", "KeywordDetector"}
_PUBLIC_KEY = re.compile(r"\b(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+ [A-Za-z0-9+/=]+")
# To load the library takes a quarter of a second, so it is asked only about lines that could interest a plugin: those with
# a login in a URL, or with a long word of letters and digits.
_PLUGIN_PREFILTER = re.compile(r"(?i)://[^\s/]*@|(?=[\w-]*\d)(?=[\w-]*[a-z])[\w-]{24,}")


def plugin_version() -> str:
    """Which copy of the library is asked; empty where none is. Another one may find more, or less."""
    found = find_spec("detect_secrets")
    return f"{found.origin} {os.stat(found.origin).st_mtime_ns}" if found and found.origin else ""


def find_secrets_with_plugins(text: str) -> Iterator[SecretMatch]:
    """The secrets that the library sees in a text; none where it is not installed."""
    for number, line in enumerate(text.split("\n")):
        asked = _PUBLIC_KEY.sub("", line)
        if _PLUGIN_PREFILTER.search(asked):
            what = _match_line_with_plugins(asked)
            if what:
                yield SecretMatch(number, what)


@lru_cache(maxsize=65536)
def _match_line_with_plugins(line: str) -> str:
    for plugin in _load_plugins():
        for secret in plugin.analyze_line(filename="cloud-init", line=line, line_number=1):
            value = secret.secret_value or ""
            if value and not is_reference(value, in_shell=True) and not is_path(value):
                return f"what detect-secrets calls {secret.type}"
    return ""


@cache
def _load_plugins() -> tuple[Any, ...]:
    try:
        known = importlib.import_module("detect_secrets.core.plugins.util")
    except ImportError:
        return ()
    classes = known.get_mapping_from_secret_type_to_class().values()
    return tuple(each() for each in classes if each.__name__ not in _DISABLED_PLUGINS)
