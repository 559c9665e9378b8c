"""What can be wrong with a text of user data, wherever it came from."""

from __future__ import annotations

from typing import NamedTuple

from vmgen.check.rule import RuleDescriptor

KeyPath = tuple[str | int, ...]


class UserDataFinding(NamedTuple):
    """Something wrong: by which rule, at which key of the cloud-config, at which line of the text.

    `line` and `column` count from 0. `inner` is the line within the value at `path`, -1 for the value as a whole.
    """

    rule: RuleDescriptor
    message: str
    line: int = 0
    column: int = 0
    path: KeyPath = ()
    inner_line: int = -1
