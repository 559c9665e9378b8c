"""Texts that look like secrets and are nobody's, put together here, so that no scanner takes a test for a leak."""

from __future__ import annotations

WORD = "S3cr3tHunt" + "3r99"


def make_text(length: int, alphabet: str = "aB3xY7kQ9mZ2pL5w") -> str:
    """Letters and digits that nobody uses."""
    return (alphabet * (length // len(alphabet) + 1))[:length]


def make_hex(length: int) -> str:
    """Hexadecimal digits that nobody uses."""
    return make_text(length, "0a1b2c3d4e5f6789")
