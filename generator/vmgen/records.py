"""Records: frozen values with named, typed fields. A record is a `typing.NamedTuple` to whoever reads or checks the code.

At run time `typing` compiles the annotation of every field when a class is defined, which is two thirds of what the definition
costs, and every start of vmgen defines dozens. Nothing here reads annotations at run time, so they are left as they are.
"""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

__all__ = ["Record"]

if TYPE_CHECKING:
    from typing import NamedTuple as Record
else:

    class _Definition(type):
        """Makes a named tuple of a class that derives from Record: its annotations are the fields, its values the defaults."""

        def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> type:  # noqa: ARG004
            fields = body.get("__annotations__", {})
            defaults = [body.pop(field) for field in fields if field in body]
            made = namedtuple(name, fields, defaults=defaults, module=body.pop("__module__"))
            for attribute, value in body.items():
                setattr(made, attribute, value)
            return made

    Record = type.__new__(_Definition, "Record", (), {})
