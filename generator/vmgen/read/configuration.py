"""Find the root of a repository, and read its `vmgen.toml`: the version that it requires, defaults of options, answers of init.

A pull request can bring its own file, so no key of it names a program, chooses what counts as existing, or leaves a check out.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from vmgen import __version__
from vmgen.filesystem.reader import find_work_tree, read_source
from vmgen.problems import Place, ProblemsError, VmgenError, sort_problems
from vmgen.read.located import Located
from vmgen.rules import TOML_SYNTAX, UNREADABLE_FILE

CONFIGURATION_FILE = "vmgen.toml"
_ANSWERS = "init"
# tomllib takes time and memory by the square of the parts of a dotted key: 0.7 s and 80 MiB for these bytes.
_MAX_BYTES = 8 * 1024
_MAX_DEPTH = 50
_CLAUSE = r"(==|!=|>=|<=|>|<|~=)\s*([0-9]{1,9}(?:\.[0-9]{1,9})*)"
_TOML_POSITION = r"\(at line (\d+), column (\d+)\)"


class Configuration(NamedTuple):
    """The content of `vmgen.toml`. `defaults` are the values of options by command, `answers` those of `vmgen init`."""

    defaults: Mapping[str, Mapping[str, Any]] = {}
    color: str = "auto"
    answers: Mapping[str, Any] = {}


def find_root(start: Path) -> Path | None:
    """Return the nearest folder from `start` upwards that holds environments/ or vmgen.toml; None if there is none.

    The search ends at the top of a Git repository and, outside of one, before a folder that another user owns.
    """
    owner = start.stat().st_uid
    for folder in (start, *start.parents):
        # The configuration of somebody else could choose what is written; git refuses such a folder as well.
        # https://git-scm.com/docs/git-config#Documentation/git-config.txt-safedirectory
        if folder.stat().st_uid != owner:
            return None
        if (folder / "environments").is_dir() or (folder / CONFIGURATION_FILE).is_file():
            return folder
        if os.path.lexists(folder / ".git"):
            return None
    return None


def find_git_top(folder: Path) -> Path | None:
    """Return the nearest folder upwards that holds `.git`, without asking git; None if there is none."""
    return next((path for path in (folder, *folder.parents) if os.path.lexists(path / ".git")), None)


def load_configuration(root: Path) -> Configuration:
    """Return the configuration of a repository; the default one if there is no file.

    Raises ProblemsError if the file is not right, and VmgenError if it requires another version of vmgen.
    """
    path = root / CONFIGURATION_FILE
    # A folder or a link to nothing is refused below: the version that it may require would be ignored.
    if not os.path.lexists(path):
        return Configuration()
    data, document = _read_toml(path)
    from vmgen.read.schema import load_builtin_schema  # it imports YAML, which a render without work does not need

    problems = sort_problems(load_builtin_schema("configuration").list_problems(document))
    if problems:
        raise ProblemsError(problems)
    _require_version(data.get("required-version", ""), document)
    defaults = {name: value for name, value in data.items() if isinstance(value, dict) and name != _ANSWERS}
    return Configuration(defaults, data.get("color", "auto"), data.get(_ANSWERS, {}))


def _read_toml(path: Path) -> tuple[dict[str, Any], Located]:
    """Return the data of a file, plain and located. Raises ProblemsError."""
    import tomllib  # most repositories have no such file

    try:
        text = read_source(str(path), find_work_tree(str(path.parent)), _MAX_BYTES).decode()
        data = tomllib.loads(text)
        lines, place = text.splitlines(), Place(CONFIGURATION_FILE, 1, 1)
        return data, Located({key: _locate(item, key, lines, 0) for key, item in data.items()}, place)
    except tomllib.TOMLDecodeError as error:
        # Before Python 3.14 the error has its position in its text only.
        # https://docs.python.org/3/library/tomllib.html#tomllib.TOMLDecodeError
        match = re.search(_TOML_POSITION, str(error))
        place = Place(path.name, *map(int, match.groups())) if match else Place(path.name)
        problem = TOML_SYNTAX.build_problem(place, "", f"not TOML: {re.sub(_TOML_POSITION, '', str(error)).strip()}")
    except UnicodeDecodeError:
        problem = TOML_SYNTAX.build_problem(Place(path.name), "", "not UTF-8 text; save it as UTF-8")
    except (ValueError, RecursionError):  # tomllib reads by recursion, and leaves the limit of digits to `int`
        message = f"a number has more than 18 digits, or a value is more than {_MAX_DEPTH} levels deep; no key takes one"
        problem = TOML_SYNTAX.build_problem(Place(path.name), "", message)
    except OSError as error:
        problem = UNREADABLE_FILE.build_problem(Place(path.name), "", f"cannot be read: {error.strerror}")
    raise ProblemsError((problem,))


def _locate(data: Any, key: str, lines: list[str], start: int, depth: int = 1) -> Located:
    """Return a value with its place: the first line of its table that begins with its key.

    Raises ValueError for a number or a depth that the validator cannot take.
    """
    if depth > _MAX_DEPTH or (isinstance(data, int) and abs(data) >= 10**18):
        raise ValueError
    pattern = re.compile(rf"""\s*\[?\s*["']?{re.escape(key)}["']?\s*[].=]""")
    # tomllib keeps no places, so the text is searched for the key. https://docs.python.org/3/library/tomllib.html
    number = next((index for index in range(start, len(lines)) if pattern.match(lines[index])), start)
    place = Place(CONFIGURATION_FILE, number + 1, 1)
    if isinstance(data, dict):
        entries = {name: _locate(item, name, lines, number, depth + 1) for name, item in data.items()}
        return Located(entries, place, key_place=place)
    if isinstance(data, list):
        return Located(tuple(_locate(item, key, lines, number, depth + 1) for item in data), place, key_place=place)
    # TOML has dates and times too, which no key takes.
    return Located(data if isinstance(data, bool | int | float | str) else str(data), place, key_place=place)


def _require_version(requirement: str, document: Located) -> None:
    """Raises VmgenError if this version of vmgen is not one that the repository requires."""
    current = _parse_version(__version__)
    for operator, text in re.findall(_CLAUSE, requirement):
        if not _satisfies(current, operator, _parse_version(text)):
            line = document.mapping["required-version"].place.line
            raise VmgenError(
                f"{CONFIGURATION_FILE}:{line}: this repository requires vmgen {requirement}, and this is {__version__}; "
                "install a matching version, or change required-version"
            )


def _parse_version(text: str) -> tuple[int, ...]:
    match = re.match(r"\d+(?:\.\d+)*", text)
    numbers = tuple(map(int, match.group().split("."))) if match else (0,)
    # `1.2` means 1.2.0: tuples of different length would not compare as versions.
    # https://packaging.python.org/en/latest/specifications/version-specifiers/#version-matching
    return (*numbers, *(0,) * (3 - len(numbers)))


def _satisfies(current: tuple[int, ...], operator: str, required_version: tuple[int, ...]) -> bool:
    if operator == "~=":  # at least this version, and the same minor
        return current >= required_version and current[:2] == required_version[:2]
    return {
        "==": current == required_version,
        "!=": current != required_version,
        ">=": current >= required_version,
        "<=": current <= required_version,
        ">": current > required_version,
        "<": current < required_version,
    }[operator]
