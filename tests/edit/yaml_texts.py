"""Texts of environment files in every style that people write: the same values, laid out by chance."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

COMMENTS = ("", "", "", "  # why", " # ü — ✓", "  #\ttab", " # " + "long " * 40, " # {a: [b]} 'c' \"d")
WORDS = (
    "ubuntu-2404",
    "web",
    "a text of words",
    "ünïcode ✓",
    "tab\there",
    "x" * 300,
    "#no comment",
    "a: b",
    "it's",
    '"q"',
    "- x",
    "",
)


class Layout:
    """Lays values out by what is drawn; `anchors` are those of the values that aliases may refer to."""

    def __init__(self, draw: DrawFn) -> None:
        self.draw = draw
        self.anchors: dict[str, str] = {}
        self.numbers = itertools.count()

    def chance(self, of: int) -> bool:
        """True once in so many times."""
        return self.draw(st.integers(1, of)) == of

    def anchor(self, value: Mapping[str, Any] | list[Any]) -> str:
        """The anchor before a mapping or a list, which a later one that is equal may refer to; mostly none."""
        if not value or not self.chance(12):
            return ""
        self.anchors[repr(value)] = f"c{next(self.numbers)}"
        return f"&{self.anchors[repr(value)]}"

    def alias(self, value: Any) -> str:
        """An alias of an equal value that has an anchor; empty for none."""
        name = self.anchors.get(value if isinstance(value, str) else repr(value))
        return f"*{name}" if name and self.draw(st.booleans()) else ""

    def quoted(self, value: str) -> str:
        """A text in one of the quotes that can hold it."""
        plain = value.replace("-", "").isalnum() and value.isascii() and not value[:1].isdecimal() and value[:1] != "-"
        styles = ["double"] + (["single"] if "\t" not in value else []) + (["plain"] * 4 if plain else [])
        match self.draw(st.sampled_from(styles)):
            case "plain":
                return value
            case "single":
                return "'" + value.replace("'", "''") + "'"
            case _:
                escaped = (
                    value.replace("\\", "\\\\").replace('"', '\\"').replace("\t", self.draw(st.sampled_from(["\t", "\\t"])))
                )
                if len(escaped) > 4 and escaped.isalnum() and self.chance(4):  # a long text over two lines
                    escaped = f"{escaped[:2]}\\\n              {escaped[2:]}"
                return f'"{escaped}"'

    def flow(self, value: Any) -> str:
        """A value in flow style, over one line or several."""
        if isinstance(value, Mapping | list):
            if alias := self.alias(value):
                return f"{alias} "
            name = self.anchor(value)
            opening, closing = "{}" if isinstance(value, Mapping) else "[]"
            parts = (
                [f"{self.key(name)}: {self.flow(item)}" for name, item in value.items()]
                if isinstance(value, Mapping)
                else [self.flow(item) for item in value]
            )
            separator = self.draw(st.sampled_from([", ", ", ", ",", ",\n            ", " , # c\n            "]))
            space = self.draw(st.sampled_from(["", " "]))
            trailing = self.draw(st.sampled_from(["", "", ","])) if parts else ""
            return f"{name} " * bool(name) + opening + space + separator.join(parts) + trailing + space + closing
        return self.scalar(value)

    def scalar(self, value: Any) -> str:
        """A scalar."""
        if isinstance(value, str) and len(value) > 1:
            if alias := self.alias(value):
                return f"{alias} "
            if self.chance(8):
                self.anchors[value] = f"a{next(self.numbers)}"
                return f"&{self.anchors[value]} {self.quoted(value)}"
        if isinstance(value, str):
            return self.quoted(value)
        return "null" if value is None else str(value).lower()

    def key(self, name: str) -> str:
        """A key: some have quotes."""
        return self.draw(st.sampled_from([name, name, name, name, name, f'"{name}"', f"'{name}'", f"{name} "]))

    def block(self, value: Any, indent: int) -> str:
        """A value to follow a colon: on its line, or indented below it."""
        comment = self.draw(st.sampled_from(COMMENTS))
        if not value or not isinstance(value, Mapping | list):
            if isinstance(value, str) and value and value.strip() == value and value[0] not in "#" and self.chance(10):
                header = self.draw(st.sampled_from(["|-", ">-", "|2-"]))
                return f" {header}\n{' ' * (indent + 2)}{value}\n" + self.draw(st.sampled_from(["", "\n", "\n\n"]))
            return f" {self.flow(value)}{comment}\n"
        if self.chance(5):
            return f" {self.flow(value)}{comment}\n"
        if alias := self.alias(value):
            return f" {alias}{comment}\n"
        name = self.anchor(value)
        comment = f" {name}" * bool(name) + comment
        step = self.draw(st.sampled_from([2, 2, 2, 4, 3]))
        if isinstance(value, Mapping):
            return f"{comment}\n" + self.entries(value, indent + step)
        dash = indent if self.draw(st.booleans()) else indent + step
        lines = ""
        for item in value:
            lines += self.above(dash)
            margin = self.draw(st.sampled_from([1, 1, 3]))
            if isinstance(item, Mapping) and item and self.draw(st.booleans()):
                lines += " " * dash + "-" + " " * margin + self.entries(item, dash + 1 + margin).lstrip("# \n")
            else:
                lines += " " * dash + "- " + self.flow(item) + self.draw(st.sampled_from(COMMENTS)) + "\n"
        return f"{comment}\n{lines}"

    def above(self, indent: int) -> str:
        """What is above a line: nothing, an empty line, or a comment."""
        return self.draw(
            st.sampled_from(["", "", "", "", "\n", "  \n", " " * indent + "# a comment: {x}\n", "# ⇒ at the margin\n"])
        )

    def entries(self, value: Mapping[str, Any], indent: int) -> str:
        """The lines of a mapping in block style."""
        text = ""
        for index, (name, item) in enumerate(value.items()):
            text += (self.above(indent) if index else "") + " " * indent + self.key(name) + ":" + self.block(item, indent)
        return text


@st.composite
def layouts(draw: DrawFn, value: Mapping[str, Any]) -> bytes:
    """The bytes of a file of some values: comments, quotes, line ends, and a last line that may lack its end."""
    text = draw(st.sampled_from(["", "# yaml-language-server: $schema=x\n", "---\n", "\n# top\n\n"])) + Layout(draw).entries(
        value, 0
    )
    text += draw(st.sampled_from(["", "", "", "# the end\n", "\n\n", "...\n"]))
    if draw(st.integers(0, 4)) == 0:
        text = text.rstrip("\n")
    newline = draw(st.sampled_from(["\n", "\n", "\n", "\r\n", "\r\n", "\r", "mixed"]))
    lines = text.split("\n")
    every = draw(st.integers(1, 4))
    ends = ["\r\n" if newline == "mixed" and index % every else newline.replace("mixed", "\n") for index in range(len(lines))]
    text = "".join(line + end for line, end in zip(lines[:-1], ends, strict=False)) + lines[-1]
    return draw(st.sampled_from([b"", b"", b"\xef\xbb\xbf"])) + text.encode()
