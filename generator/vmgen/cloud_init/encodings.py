"""Check that encoded content in a cloud-config can be decoded: `write_files` and `random_seed`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from vmgen.read.located import KeyPath

# A placeholder for a value that only cloud-init knows, with a number behind it.
PLACEHOLDER = "jinjavalue"
_BASE64, _GZIP = "base64", "gzip"
# cloudinit/config/cc_write_files.py, canonicalize_extraction, and cc_seed_random.py, _decode: the steps to undo, in order.
_STEPS = {
    "gz": (_GZIP,),
    "gzip": (_GZIP,),
    "gz+base64": (_BASE64, _GZIP),
    "gzip+base64": (_BASE64, _GZIP),
    "gz+b64": (_BASE64, _GZIP),
    "gzip+b64": (_BASE64, _GZIP),
    "b64": (_BASE64,),
    "base64": (_BASE64,),
}
# Flux and Jinja replace these before cloud-init sees them; Terraform's functions nobody replaces.
_REFERENCE = r"(?s)\s*(?:\$\{[A-Za-z_]\w*(?:[:=+-].*)?\}|\{\{.*\}\}|" + PLACEHOLDER + r"\d+|<.*>)\s*"
_TERRAFORM = r"\$\{\s*[a-z_0-9]+\(|\$\{\s*(?:var|local|module|data|path|each)\.|%\{\s*(?:if|for)\b"


def find_undecodable(config: Any) -> Iterator[tuple[KeyPath, str]]:
    """Yield the paths of encoded contents that cloud-init cannot decode, each with a message."""
    if not isinstance(config, dict):
        return
    files = config.get("write_files")
    for index, file in enumerate(files if isinstance(files, list) else ()):
        if isinstance(file, dict) and (message := _describe_fault(file.get("content"), file.get("encoding"))):
            yield ("write_files", index, "content"), message
    seed = config.get("random_seed")
    if isinstance(seed, dict) and (message := _describe_fault(seed.get("data"), seed.get("encoding"))):
        yield ("random_seed", "data"), message


def _describe_fault(content: Any, encoding: Any) -> str:
    steps = _STEPS.get(str(encoding).lower().strip(), ())
    if not steps or not isinstance(content, str | bytes) or (isinstance(content, str) and re.fullmatch(_REFERENCE, content)):
        return ""
    if isinstance(content, str) and re.search(_TERRAFORM, content):
        return f"is a Terraform expression, which vmgen does not evaluate, so it is not {steps[0]}; write its result"
    from vmgen.cloud_init.mime import decode_base64, decompress  # few files are encoded

    data = content.encode() if isinstance(content, str) else content
    for step in steps:
        inner_data = decompress(data) if step == _GZIP else decode_base64(data.decode("ascii", "replace"))
        if inner_data is None:
            inner = " in its base64" if step == _GZIP and len(steps) > 1 else ""
            reason = f"is not {step}{inner} as in `encoding`, so cloud-init would fail here and write no later file"
            command = "gzip -c FILE | base64 -w0" if _GZIP in steps else "base64 -w0 FILE"
            note = ", with `encoding: gz+b64`" if steps == (_GZIP,) else ""
            return f"{reason}; write the output of `{command}`{note}, or leave `encoding` out for plain text"
        data = inner_data
    return ""
