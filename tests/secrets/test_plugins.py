"""The optional library detect-secrets: what it adds, that it sees no value of ours, that a run does without it."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from vmgen.secrets import patterns as library


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    """No plugin and no answer is kept from another test."""
    library._load_plugins.cache_clear()
    library._match_line_with_plugins.cache_clear()
    yield
    library._load_plugins.cache_clear()
    library._match_line_with_plugins.cache_clear()


def test_finds_more() -> None:
    """A token that only the library knows is found, by its name and without its value."""
    pytest.importorskip("detect_secrets")
    token = "AC" + "0123456789abcdef" * 2
    found = [what for _, what in library.find_secrets_with_plugins(f"twilio {token}")]
    assert found == ["what detect-secrets calls Twilio API Key"]


def test_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library nothing is found by it, and nothing fails."""
    monkeypatch.setitem(sys.modules, "detect_secrets.core.plugins.util", None)
    assert list(library.find_secrets_with_plugins("twilio AC" + "0123456789abcdef" * 2)) == []


def test_is_loaded_late() -> None:
    """A text without anything to ask about does not load the library."""
    assert list(library.find_secrets_with_plugins("#cloud-config\npackages: [nginx]\n")) == []
    assert library._load_plugins.cache_info().currsize == 0
