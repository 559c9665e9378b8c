"""The documentation as a site: `make site` builds README.md, docs/ and the other pages, as they are, into build/site/."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vmgen import __version__

project = "vmgen"
version = release = __version__
copyright = "the vmgen authors"
extensions = ["myst_parser"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
root_doc = "docs/index"
include_patterns = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "docs/*.md"]
html_theme = "furo"
html_title = "vmgen"
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_extra_path = ["index.html"]
html_copy_source = False
html_show_sphinx = False
# Commands and YAML of the examples, with comments that no lexer knows.
suppress_warnings = ["misc.highlighting_failure"]

CHAPTERS = {
    "How to": "install tutorial adopt plan day-2 ci explain cloud-init templates secrets delivery argocd-plugin policy budget "
    "report "
    "status scale platforms windows upgrading troubleshooting",
    "Reference": "environment rules verdicts commands configuration versioning glossary formats api performance",
    "Background": "why comparison architecture decisions style",
    "Project": "../README ../CONTRIBUTING ../SECURITY ../CHANGELOG",
}


def _with_contents(app: Any, name: str, source: list[str]) -> None:
    """Put the table of contents, which only the site needs, under the page that is its start."""
    if name == root_doc:
        for chapter, pages in CHAPTERS.items():
            paths = [f"/docs/{page}".replace("/docs/../", "/") for page in pages.split()]
            there = "\n".join(path for path in paths if Path(f"{app.srcdir}{path}.md").exists())
            source[0] += f"\n```{{toctree}}\n:hidden:\n:caption: {chapter}\n\n{there}\n```\n"


def setup(app: Any) -> None:
    """Called by sphinx."""
    app.connect("source-read", _with_contents)
