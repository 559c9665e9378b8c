"""Translate the syntax errors of libyaml into messages with a remedy: its own name tokens that no user wrote."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from vmgen.problems import Place
from vmgen.rules import TAB_INDENTATION, UNKNOWN_ALIAS, YAML_SYNTAX, Rule

ALIAS_MESSAGE = "unknown alias; write the value out, or quote text that begins with '*'"
_NO_COLON_MESSAGE = "expected a key, but the line has no ': '; write 'key: value' with a blank after the colon, or indent text"
# A key and a value at the place of a key, without a blank or a colon between: `count:3`, `count 3`.
_KEY_AND_VALUE = re.compile(r"\w[\w.-]{0,80}[:=\s]{0,20}[\w./:+-]{0,200}\s{0,80}")
_CONFLICT_MARKER = re.compile(r"^(?:<{7}|={7}|>{7}|\|{7})(?: |$)", re.MULTILINE)

# Words of libyaml, in the order in which they are searched, each with a message.
_SYNTAX_ERRORS = {
    "mapping values are not allowed": "a second ': ' on this line, or a key that is indented like a value; "
    "quote text that contains ': ', or begin a new line",
    "cannot start any token": "text begins with '%', '@' or '`', which YAML reserves; quote it",
    "expected node content": "expected a value; write one, or quote text that begins with one of , ] } % @ &",
    "expected <block end>": "the indentation does not match the lines above; indent all keys of a mapping equally",
    "did not find expected key": "the indentation does not match the lines above, or a quote or bracket is not closed; "
    "indent all keys of a mapping equally",
    "did not find expected '-' indicator": "expected an item of the list above; begin it with '- ', or indent less",
    "did not find expected ',' or ']'": "the list that '[' opens lacks a comma or its end; write ',' or ']'",
    "did not find expected ',' or '}'": "the mapping that '{' opens lacks a comma or its end; write ',' or '}'",
    "could not find expected ':'": _NO_COLON_MESSAGE,
    "unknown escape character": "unknown escape after a backslash in double quotes; use single quotes",
    "expected hexdecimal number": "an escape in double quotes has no number; use single quotes for a plain backslash",
    "found unexpected end of stream": "the file ends inside of a value; close the quote or bracket that is open",
    "did not find expected <document start>": "the line belongs to nothing above; indent it, or write 'key: value'",
    "block sequence entries are not allowed": "a list item '- ' cannot begin on this line; begin a new line for it",
    "block mapping keys are not allowed": "a key cannot begin here; begin a new line for it",
    "tab character": "a tab where YAML only allows spaces; write spaces",
    "did not find expected comment or line break": "text after '|' or '>'; begin the text on the next line",
    "undefined tag handle": "text begins with '!', which YAML reserves for tags; quote it",
    "alphabetic or numeric character": "text begins with '&' or '*', which YAML reserves; quote it",
}


def translate_syntax_error(error: Any, text: str, locate: Callable[[Any], Place]) -> tuple[Place, Rule, str]:
    """Return place in the text, rule and message of a `yaml.MarkedYAMLError`, with a remedy for the common ones.

    `locate` returns the place of a mark of the error.
    """
    place = locate(error.problem_mark or error.context_mark)
    lines = text.split("\n")
    line = lines[place.line - 1] if 0 < place.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        tab = place._replace(column=line.index("\t") + 1)
        return tab, TAB_INDENTATION, "a tab in the indentation; YAML only allows spaces"
    message = error.problem or "not YAML"
    if marker := _CONFLICT_MARKER.search(text):
        line_number = text.count("\n", 0, marker.start()) + 1
        return place._replace(line=line_number, column=1), YAML_SYNTAX, "a conflict marker of Git; resolve the conflict"
    if "end of stream" in message and error.context_mark and "quoted" in (error.context or ""):
        opening = locate(error.context_mark)
        return opening, YAML_SYNTAX, "the quote that opens here is never closed; close it"
    if "undefined alias" in message:
        return place, UNKNOWN_ALIAS, ALIAS_MESSAGE
    if "could not find expected ':'" in message:
        return locate(error.context_mark), YAML_SYNTAX, _NO_COLON_MESSAGE
    if number := _find_line_without_colon(lines, place, message):
        first = lines[number - 1]
        return place._replace(line=number, column=len(first) - len(first.lstrip()) + 1), YAML_SYNTAX, _NO_COLON_MESSAGE
    return place, YAML_SYNTAX, describe_syntax_error(message, error.context or "")


def _find_line_without_colon(lines: list[str], place: Place, message: str) -> int:
    """Return the number of the line above a syntax error that lacks the colon of its key; 0 if none does."""
    continues = "mapping values are not allowed" in message  # the text above goes on where a key was meant
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if ": " in line[: place.column - 1] or not (continues or "did not find expected key" in message):
        return 0
    number = 0
    for above in range(place.line - 1, 0, -1):
        text, _, comment = f" {lines[above - 1]}".partition(" #")
        if continues and comment:
            break
        if ": " in text or text.rstrip().endswith(":") or text.lstrip().startswith("- "):
            break
        if text.strip():
            number = above
    if number and not continues and not _KEY_AND_VALUE.fullmatch(lines[number - 1].partition(" #")[0], place.column - 1):
        return 0
    return number


def describe_syntax_error(message: str, context: str = "") -> str:
    """Return what a syntax error of libyaml means and what to do; its own words where it is none of the usual ones."""
    for words, meaning in _SYNTAX_ERRORS.items():
        if words in message:
            return meaning
    return f"{message} {context}; quote the text, or correct the line".replace("  ", " ")
