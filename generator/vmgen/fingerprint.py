"""Digests of contents."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b


def compute_digest(contents: Iterable[str | bytes]) -> str:
    """Return the digest of a sequence of contents, 40 hexadecimal digits. `["ab"]` and `["a", "b"]` differ."""
    digest = blake2b(digest_size=20)
    for content in contents:
        data = content.encode(errors="surrogateescape") if isinstance(content, str) else content
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()
