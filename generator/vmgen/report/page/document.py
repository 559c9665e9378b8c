"""The page itself: one file of HTML with its style, its script and its data inside, and nothing that it would fetch."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_ASSET_FOLDER = Path(__file__).parent
# In the order in which they run: each uses those before it.
SCRIPTS = (
    "vendor/virtual-core.js",
    "script/fleet.js",
    "script/elements.js",
    "script/totals.js",
    "script/drawing.js",
    "script/details.js",
    "script/table.js",
    "script/changes.js",
    "script/page.js",
)
STYLE = "style.css"
LICENCE = "vendor/virtual-core.LICENSE"


def render_page(data: Mapping[str, Any]) -> str:
    """The document. Its policy lets the browser run exactly this script and this style, and fetch nothing at all."""
    style = _read_asset(STYLE)
    script = "\n".join(_read_asset(name) for name in SCRIPTS)
    parts = {
        "policy": f"default-src 'none'; script-src {_compute_csp_hash(script)}; style-src {_compute_csp_hash(style)}; img-src data:; base-uri 'none'",
        "style": style,
        "licence": _read_asset(LICENCE),
        "data": embed_json(data),
        "script": script,
    }
    text = _read_asset("page.html")
    for name, part in parts.items():
        before, mark, after = text.partition(f"<!-- {name} -->")
        assert mark, name  # noqa: S101 - the page's own source
        text = before + part + after
    return text


def embed_json(data: Mapping[str, Any]) -> str:
    """Data as JSON that cannot end the element it stands in, nor begin another."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _read_asset(name: str) -> str:
    return (_ASSET_FOLDER / name).read_text(encoding="utf-8")


def _compute_csp_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
