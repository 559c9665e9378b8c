"""Executes fleet.k: `execute.py VALUES STREAM`, as `kcl run --argument groups=…` does."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from kcl_lib import api

PROGRAM = Path(__file__).with_name("fleet.k")


def main(values: str, stream: str) -> None:
    """Mistakes of the program are raised by the engine, or come back as a message."""
    groups = json.dumps(json.loads(Path(values).read_text(encoding="utf-8"))["groups"])
    argument = api.Argument(name="groups", value=groups)
    result = api.API().exec_program(api.ExecProgramArgs(k_filename_list=[str(PROGRAM)], args=[argument]))
    if result.err_message:
        sys.exit(result.err_message)
    Path(stream).write_text(result.yaml_result, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
