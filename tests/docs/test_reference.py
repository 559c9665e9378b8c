"""The pages that are made from the code are what the code makes of them now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.reference import build_pages

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("path", sorted(build_pages()))
def test_fresh(path: str) -> None:
    """`make docs` would change nothing."""
    assert (CHECKOUT / path).read_text(encoding="utf-8") == build_pages()[path], "run make docs"


def test_every_page_is_in_the_site() -> None:
    """Each page of docs/ is in the table of contents of the site, once; index is the page that has the table."""
    contents = (CHECKOUT / "tools" / "site" / "conf.py").read_text(encoding="utf-8").split("CHAPTERS")[1].split("}")[0]
    words = contents.replace('"', " ").replace(",", " ").split()
    pages = sorted(path.stem for path in (CHECKOUT / "docs").glob("*.md"))
    assert [page for page in pages if words.count(page) != (page != "index")] == []
