"""The seed that `cloudInitSeed: auto` stands for."""

from __future__ import annotations

from functools import lru_cache

AUTO_SEED = "auto"
_SEED_LENGTH = 16


@lru_cache(maxsize=1024)
def derive_seed(text: str) -> str:
    """A seed that changes with the user data. No user data has one too, so that the first is a change."""
    from hashlib import sha256

    return sha256(text.encode()).hexdigest()[:_SEED_LENGTH]
