"""Evaluates fleet.jsonnet: `evaluate.py VALUES STREAM`, as `jsonnet --string --tla-code-file` does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import rjsonnet

PROGRAM = Path(__file__).with_name("fleet.jsonnet")


def main(values: str, stream: str) -> None:
    """A program whose result is a string comes back as that string in JSON."""
    groups = f"(import {json.dumps(values)}).groups"
    text = json.loads(rjsonnet.evaluate_file(str(PROGRAM), tla_codes={"groups": groups}))
    Path(stream).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
