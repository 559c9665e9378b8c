"""A name is searched for only if it has one of the words that each name of a secret has."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from vmgen.secrets.names import NAME_WORDS, SENSITIVE_NAME

_PARTS = st.sampled_from(
    [*NAME_WORDS, "word", "d", "s", "-", "_", ".", "Pass", "PASSWD", "wd", "phrase", "ſ", "K", "ey", "id", "data", "salt", "2"]
)


@given(st.lists(_PARTS | st.from_regex(re.compile(SENSITIVE_NAME, re.ASCII), fullmatch=True), max_size=4))
def test_the_words_leave_no_name_out(parts: list[str]) -> None:
    """What the pattern of names finds has one of the words, unless it has characters outside of ASCII."""
    name = "".join(parts)[-80:]
    if re.search(rf"(?i){SENSITIVE_NAME}\d{{0,2}}\Z", name) and name.isascii():
        assert any(word in name.lower() for word in NAME_WORDS)
