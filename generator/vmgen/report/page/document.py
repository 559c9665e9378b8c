"""The page as one HTML file that contains its style, script and data, and fetches nothing."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vmgen.filesystem.reader import read_file

_ASSET_FOLDER = Path(__file__).parent
# In the order of execution: each script uses those before it.
_SCRIPTS = (
    "vendor/virtual-core.js",
    "script/fleet.js",
    "script/elements.js",
    "script/totals.js",
    "script/drawing.js",
    "script/details.js",
    "script/table.js",
    "script/changes.js",
    "script/live.js",
    "script/page.js",
)
STYLE = "style.css"
LICENCE = "vendor/virtual-core.LICENSE"


def render_page(data: Mapping[str, Any]) -> str:
    """Render the page. Its content security policy allows exactly this script and this style, and no request."""
    style = read_asset(STYLE)
    script = "\n".join(map(read_asset, _SCRIPTS))
    hashes = f"script-src {_compute_csp_hash(script)}; style-src {_compute_csp_hash(style)}"
    contents = {
        "policy": f"default-src 'none'; {hashes}; img-src data:; base-uri 'none'",
        "style": style,
        "licence": read_asset(LICENCE),
        "data": embed_json(data),
        "script": script,
    }
    text = read_asset("page.html")
    for name, content in contents.items():
        before, marker, after = text.partition(f"<!-- {name} -->")
        assert marker, name  # noqa: S101 - page.html is part of this package
        text = before + content + after
    return text


def embed_json(data: Mapping[str, Any]) -> str:
    """Format data as JSON that can neither end the HTML element around it nor start another."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def read_asset(name: str) -> str:
    """Read a file of the page's folder."""
    return read_file(str(_ASSET_FOLDER / name)).decode()


def _compute_csp_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
