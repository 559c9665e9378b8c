"""Find tokens and keys by their format."""

from collections.abc import Iterator
from typing import NamedTuple

from vmgen.secrets.names import compile_pattern
from vmgen.secrets.token_formats import (
    HASH_DESCRIPTION,
    KEY_BODY_DESCRIPTION,
    PRIVATE_KEY_DESCRIPTION,
    TOKEN_FORMATS,
    TokenFormat,
)

__all__ = ["HASH_DESCRIPTION", "PRIVATE_KEY_DESCRIPTION", "TOKEN_FORMATS", "Token", "find_tokens"]

_LITERALS = tuple((literal, token_format) for token_format in TOKEN_FORMATS for literal in token_format.literals)
_PHRASES = tuple((literal, token_format) for literal, token_format in _LITERALS if " " in literal)
_WORDS = tuple((literal, token_format) for literal, token_format in _LITERALS if " " not in literal)
_WORD_REST = r"[A-Za-z0-9_+/=.~:-]*"
_END_OF_KEY = r"-{4,5} ?END (?:[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?|OpenVPN Static key V1) ?-{4,5}"
_KEY_LINES = r"[A-Za-z0-9+/=]*(?:\s{1,80}[A-Za-z0-9+/=]{16,400})*"


class Token(NamedTuple):
    """A token in a text: its description and position. A private key reaches to its last line, or to the end of the text."""

    description: str
    start: int
    end: int


def find_tokens(text: str, lower_text: str = "") -> Iterator[Token]:
    """Iterate over the tokens in a text, format by format. `lower_text` is that of `lower`, if the caller has it."""
    lower_text = lower_text or lower(text)
    # Most words of a long output, such as a table, repeat, and most texts have no literal: one pass answers for most formats.
    words = " ".join(dict.fromkeys(lower_text.split()))
    formats = [token_format for literal, token_format in _PHRASES if literal in lower_text]
    formats += [token_format for literal, token_format in _WORDS if literal in words]
    for token_format in dict.fromkeys(formats):
        if token_format.is_prefix:
            yield from _find_by_prefix(token_format, text, lower_text)
        else:
            # The next search begins behind the whole token, lest a run of prefixes is read once for each.
            end = 0
            while match := compile_pattern(token_format.pattern).search(text, end):
                end = _find_end(token_format, text, match.end())
                yield from _check(token_format, text, match.start(), end)


def lower(text: str) -> str:
    """Return a text in lower case, each character at the position that it has in the text."""
    lower_text = text.lower()
    if len(lower_text) == len(text):
        return lower_text
    # Of a few characters, such as a capital I with a dot, the lower case has two.
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def _find_by_prefix(token_format: TokenFormat, text: str, lower_text: str) -> Iterator[Token]:
    """Find tokens at each of their prefixes: far faster than a search, since most texts have none."""
    for literal in token_format.literals:
        position = 0
        while (start := lower_text.find(literal, position)) >= 0:
            match = compile_pattern(token_format.pattern).match(text, start)
            position = _find_end(token_format, text, match.end()) if match else start + 1
            if match:
                yield from _check(token_format, text, start, position)


def _check(token_format: TokenFormat, text: str, start: int, end: int) -> Iterator[Token]:
    if not token_format.is_mixed or _is_mixed(text[start:end]):
        yield Token(token_format.description, start, end)


def _is_mixed(token: str) -> bool:
    """Return whether a token has a digit and a letter behind its prefix; with dashes a capital too, as no name of a service."""
    rest = token[4:].lstrip("-")
    is_name = "-" in rest and rest == rest.lower()
    return not is_name and any(map(str.isdigit, rest)) and any(map(str.isalpha, rest))


def _find_end(token_format: TokenFormat, text: str, end: int) -> int:
    # A key without its last line was cut off, so that all behind it may be its body.
    if token_format.description == PRIVATE_KEY_DESCRIPTION:
        last_line = compile_pattern(_END_OF_KEY).search(text, end)
        return last_line.end() if last_line else len(text)
    if token_format.description == KEY_BODY_DESCRIPTION:
        lines = compile_pattern(_KEY_LINES).match(text, end)
        return lines.end() if lines else end
    rest = compile_pattern(_WORD_REST).match(text, end)
    return rest.end() if rest else end
