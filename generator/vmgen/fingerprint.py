"""Digests that tell contents apart: of the texts or bytes that something was made from."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def compute_digest(parts: Iterable[str | bytes]) -> str:
    """The digest of some parts, 40 hexadecimal digits; where one part ends and the next begins counts too."""
    whole = blake2b(digest_size=20)
    for part in parts:
        content = part.encode(errors="surrogateescape") if isinstance(part, str) else part
        whole.update(b"%d:" % len(content))
        whole.update(content)
    return whole.hexdigest()
