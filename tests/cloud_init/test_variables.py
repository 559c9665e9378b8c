"""The variables of templates of user data."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmgen.cloud_init.variables import USER_DATA_FILTERS, AttrMapping, finalize_user_data, wrap_mappings


@pytest.mark.parametrize(("value", "text"), [("x", "x"), (1, "1"), (True, "true"), (False, "false"), ("", "")])
def test_written(value: object, text: str) -> None:
    """Texts, whole numbers and booleans are written as cloud-init reads them."""
    assert finalize_user_data(value) == text


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([1], "writes a list; use `| yaml`"),
        ({"a": 1}, "writes a mapping"),
        (AttrMapping({"a": 1}), "writes a mapping"),
        (None, "writes empty; test `is none` first"),
        (1.1, "quote the value at its source"),
        (len, "writes a builtin_function_or_method"),
    ],
    ids=range(6),
)
def test_refused(value: object, says: str) -> None:
    """Anything else would be written in Python's form."""
    with pytest.raises(TypeError, match=says.replace("|", r"\|")):
        finalize_user_data(value)


def test_names_come_before_methods() -> None:
    """A key is reached by its name, whatever methods a mapping has; methods are there where no key hides them."""
    found = wrap_mappings({"update": 1, "items": {"keys": 2}})
    assert (found.update, found.items.keys, list(found.values())) == (1, 2, [1, found.items])


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("items"), inner, max_size=3),
    max_leaves=6,
)


@given(VALUES)
def test_filters_take_named_values(value: Any) -> None:
    """The filters write a value that can be reached by names as they write the plain one."""
    assert [function(wrap_mappings(value)) for function in USER_DATA_FILTERS.values()] == [
        function(value) for function in USER_DATA_FILTERS.values()
    ]
