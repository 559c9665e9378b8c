"""User data is limited by what Helm can store: twice the text, compressed, in base64."""

from __future__ import annotations

import base64
import random

import pytest

from vmgen.cloud_init.validate import check_text


def build_text(kilobytes: int) -> str:
    content = base64.b64encode(random.Random(1).randbytes(kilobytes * 768)).decode()
    lines = "\n".join(content[start : start + 76] for start in range(0, len(content), 76))
    return f"#!/bin/sh\ncat > /f <<X\n{lines}\nX\n"


@pytest.mark.parametrize(("kilobytes", "fits"), [(400, True), (450, True), (560, False), (700, False), (900, False)])
def test_what_does_not_compress(kilobytes: int, fits: bool) -> None:
    """The sizes are those that were tried on Cozystack v1.6: 450 KB pass, 560 KB and more fail."""
    rules = {finding.rule.id for finding in check_text(build_text(kilobytes))}
    assert ("cloud-init-too-large" in rules) is not fits


def test_what_compresses() -> None:
    """A text that compresses well passes at a size at which another does not."""
    assert "cloud-init-too-large" not in {finding.rule.id for finding in check_text("#!/bin/sh\n" + "echo hello\n" * 60_000)}
