"""Check user data for Windows, which cloudbase-init reads: other headers, and a few keys of cloud-config."""

from __future__ import annotations

import re
from collections.abc import Iterator

from vmgen.cloud_init.advice import explain_syntax
from vmgen.cloud_init.document import CLOUD_CONFIG_HEADER, UserDataFinding, parse_document
from vmgen.cloud_init.rules import INVALID_PART, INVALID_SYNTAX, UNKNOWN_HEADER, UNKNOWN_KEY
from vmgen.merge.platform import Platform
from vmgen.merge.settings import Settings
from vmgen.problems import did_you_mean

# cloudbaseinit/plugins/common/userdatautils.py, _SCRIPTS, and userdata.py: a certificate is taken too.
_SCRIPT = r"rem\s+cmd\s|#!|#ps1(?:_sysnative|_x86)?\s|-----BEGIN CERTIFICATE"
_EC2_SCRIPT = r"</?(?:script|powershell)>"
_HEADERS = ("#ps1_sysnative", "#ps1_x86", "#ps1", "rem cmd", CLOUD_CONFIG_HEADER)
_MESSAGE_START = "Content-Type: multipart"
# cloudbaseinit/plugins/common/userdataplugins/factory.py and cloudconfigplugins/factory.py.
_PART_TYPES = ("text/cloud-config", "text/x-shellscript", "text/cloud-boothook", "text/part-handler", "text/x-cfninitdata")
_OWN_KEYS = ("set_timezone", "set_hostname")
_KEYS = ("write_files", "timezone", "hostname", "ntp", "users", "groups", "runcmd", *_OWN_KEYS)


def is_windows(settings: Settings, platform: Platform) -> bool:
    """Return True if the profile of a VM is one for Windows."""
    name = settings.get_plain("instanceProfile")
    profile = platform.catalog.profiles.get(name) if isinstance(name, str) else None
    return profile is not None and profile.os == "windows"


def check_windows(text: str) -> Iterator[UserDataFinding]:
    """Yield what cloudbase-init would ignore in a text, or trip over."""
    # cloudbase-init looks for `Content-Type: multipart` alone, but a text with these headers was meant as a message.
    if text.lower().startswith("content-type:") or "mime-version:" in text[:4096].lower():
        yield from _check_message(text)
    elif text.startswith(CLOUD_CONFIG_HEADER):
        yield from _check_cloud_config(text)
    elif not re.match(_SCRIPT, text) and not re.search(_EC2_SCRIPT, text):
        hint = (
            did_you_mean(text.partition("\n")[0].strip(), _HEADERS)
            or "; begin with `#ps1_sysnative`, `rem cmd` or #cloud-config"
        )
        message = f"the first line is not a header of cloudbase-init, so Windows would ignore all of it{hint}"
        yield UserDataFinding(UNKNOWN_HEADER, message)


def _check_message(text: str) -> Iterator[UserDataFinding]:
    from vmgen.cloud_init.mime import split_message

    if not text.startswith(_MESSAGE_START):
        message = f"cloudbase-init would ignore a message with this first line; begin with `{_MESSAGE_START}`"
        yield UserDataFinding(INVALID_PART, message)
        return
    envelope = split_message(text, _PART_TYPES)
    yield from envelope.findings
    for part in envelope.parts:
        if part.header == CLOUD_CONFIG_HEADER:
            yield from map(part.lift, _check_cloud_config(part.text))
        elif (
            part.content_type == "text/x-shellscript"
            and not re.match(_SCRIPT, part.text)
            and not re.search(_EC2_SCRIPT, part.text)
        ):
            message = "the script has no header that cloudbase-init knows; begin with `#ps1_sysnative` or `rem cmd`"
            yield UserDataFinding(INVALID_PART, message, part.line)


def _check_cloud_config(text: str) -> Iterator[UserDataFinding]:
    document, syntax_findings = parse_document(text)
    yield from (explain_syntax(finding, text) for finding in syntax_findings)
    if document is None:
        return
    if not isinstance(document.data, dict):
        yield UserDataFinding(INVALID_SYNTAX, "must be a mapping of cloud-config keys, such as `set_hostname: app01`")
        return
    for name in map(str, document.data):
        if name not in _KEYS:
            hint = did_you_mean(name, _KEYS) or f"; it reads {', '.join(_KEYS)}"
            message = f"unknown key '{name}', which cloudbase-init would ignore on Windows{hint}"
            yield UserDataFinding(UNKNOWN_KEY, message, *document.locate_key((name,)), (name,))
        elif name in _OWN_KEYS and not isinstance(document.data[name], str):
            yield UserDataFinding(INVALID_SYNTAX, "must be text", *document.locate((name,)), (name,))
