"""Read one TOML table into a msgspec struct, collecting problems instead of stopping at the first.

msgspec's own conversion stops at the first error and speaks of types; an admin wants all of them,
in words, with lines. Supports what the settings need: text, numbers, true or false, dates,
`Literal`, lists as `tuple[X, ...]`, tables as structs or `dict[str, X]`, `X | None`, durations
(`Duration`), and bounds by `Annotated[int, msgspec.Meta(ge=…, le=…)]`.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
import types
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from hitl_mail.core.duration import parse_duration
from hitl_mail.errors import ConfigError, Problem
from hitl_mail.tables.lines import Path, key_lines
from hitl_mail.tables.syntax import syntax_problem

Duration = Annotated[int, "duration"]
"""Seconds in the struct, a text such as "4h" in the file."""

_T = TypeVar("_T", bound=msgspec.Struct)
_BAD = object()
_ANY = '"…"'
_BARE = re.compile(r"[A-Za-z0-9_-]+")

_WORDS: dict[type, str] = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dt.date: "a date such as 2026-12-20",
}


class Source:
    """One TOML file: `data`, its tables, and where each key of them stands.

    Raises `ConfigError`, with the line, for text that is not TOML.
    """

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self.text = text
        try:
            self.data: dict[str, Any] = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError([syntax_problem(file, text, str(error))]) from None
        except (RecursionError, ValueError) as error:
            what = "nested too deep" if isinstance(error, RecursionError) else str(error)
            raise ConfigError(
                [Problem(file, 1, "", f"not TOML that can be held: {what}")]
            ) from None

    def line(self, path: Path) -> int:
        """The line of a key such as `("rules", 2, "gate")`, or of the nearest thing around it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    def problem(self, path: Path, what: str, mend: str = "") -> Problem:
        return Problem(self.file, self.line(path), dotted(path), what, mend)

    @cached_property
    def _lines(self) -> dict[Path, int]:
        return key_lines(self.text)


def read_table(
    shape: type[_T], data: dict[str, Any], path: Path, source: Source, problems: list[Problem]
) -> _T | None:
    """`data` as a `shape`; what is wrong goes to `problems`, and the other fields are still read.

    A field that is wrong takes its default. None where a field without default is missing or
    wrong.
    """
    values: dict[str, Any] = {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(shape)}
    for key in data.keys() - fields.keys():
        mend = _in_quotes(key, data[key], path) or nearest(key, fields)
        problems.append(source.problem((*path, key), "no such key", mend))
    for key, field in fields.items():
        if key in data:
            value = _read(field.type, data[key], (*path, key), source, problems)
            if value is not _BAD:
                values[field.name] = value
        elif field.required:
            what = f"{key} is missing"
            problems.append(source.problem(path, what, f"Add {key} = {_example(field.type)}"))
    if any(field.required and field.name not in values for field in fields.values()):
        return None
    return shape(**values)


def _in_quotes(key: str, value: Any, path: Path) -> str:
    """The mend for a table under a name that an admin gave: TOML took the dot in it apart."""
    if not isinstance(value, dict) or len(path) < 2 or not isinstance(path[-1], str):
        return ""
    whole = dotted((*path[:-1], f"{path[-1]}.{key}"))
    return f"A name with a dot goes in quotes: [{whole}]."


def nearest(name: str, known: Iterable[str], otherwise: str = "Known are") -> str:
    """The mend for an unknown name: the one that was probably meant, or all that there are."""
    names = sorted(set(known))
    longer = [one for one in names if len(name) > 2 and one.startswith(name)]
    close = longer[:1] if len(longer) == 1 else get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]}?"
    return f"{otherwise}: {', '.join(names)}" if names else ""


def dotted(path: Path) -> str:
    """A path as an admin would write it: `rules[2].gate`, `kinds."a.b".title`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else f'"{part}"'
            text += f".{name}" if text else name
    return text


def _read(wanted: Any, value: Any, path: Path, source: Source, problems: list[Problem]) -> Any:
    origin, args = get_origin(wanted), get_args(wanted)
    if origin in (Union, types.UnionType):
        inner = next(arg for arg in args if arg is not type(None))
        return _read(inner, value, path, source, problems)
    if origin is tuple:
        return _read_list(args[0], value, path, source, problems)
    if origin is dict:
        return _read_map(args[1], value, path, source, problems)
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        if isinstance(value, dict):
            table = read_table(wanted, value, path, source, problems)
            return _BAD if table is None else table
        example = _example(wanted)
        like = f", like {example}" if example != _ANY else ""
        return _wrong(f"a table{like}", value, path, source, problems)
    if origin is Annotated and args[1] == "duration":
        return _read_duration(value, path, source, problems)
    return _read_plain(wanted, value, path, source, problems)


def _read_list(wanted: Any, value: Any, path: Path, source: Source, problems: list[Problem]) -> Any:
    if not isinstance(value, list):
        return _wrong(f"a list, like [{_example(wanted)}]", value, path, source, problems)
    items = [
        _read(wanted, item, (*path, index), source, problems) for index, item in enumerate(value)
    ]
    return tuple(item for item in items if item is not _BAD)


def _read_map(wanted: Any, value: Any, path: Path, source: Source, problems: list[Problem]) -> Any:
    if not isinstance(value, dict):
        return _wrong("a table", value, path, source, problems)
    if wanted is Any:
        return value
    read = {key: _read(wanted, item, (*path, key), source, problems) for key, item in value.items()}
    return {key: item for key, item in read.items() if item is not _BAD}


def _read_duration(value: Any, path: Path, source: Source, problems: list[Problem]) -> Any:
    if not isinstance(value, str):
        return _wrong('a duration such as "4h"', value, path, source, problems)
    try:
        return parse_duration(value)
    except ValueError as error:
        problems.append(source.problem(path, str(error)))
        return _BAD


def _read_plain(
    wanted: Any, value: Any, path: Path, source: Source, problems: list[Problem]
) -> Any:
    if get_origin(wanted) is Literal:
        known = get_args(wanted)
        if value in known:
            return value
        choices = ", ".join(f'"{word}"' for word in known)
        return _wrong(f"one of {choices}", value, path, source, problems)
    meta = None
    if get_origin(wanted) is Annotated:
        wanted, meta = get_args(wanted)[:2]
    if wanted is float and type(value) is int:
        value = float(value)
    # type(), not isinstance(): true is no whole number, a date with a time is no date.
    if type(value) is not wanted:
        return _wrong(_WORDS[wanted], value, path, source, problems)
    if isinstance(meta, msgspec.Meta) and not _within(value, meta):
        return _wrong(_bounds(meta), value, path, source, problems)
    return value


def _within(value: Any, meta: msgspec.Meta) -> bool:
    return (meta.ge is None or value >= meta.ge) and (meta.le is None or value <= meta.le)


def _bounds(meta: msgspec.Meta) -> str:
    if meta.ge is not None and meta.le is not None:
        return f"a number from {_shown(meta.ge)} to {_shown(meta.le)}"
    return f"at least {_shown(meta.ge)}" if meta.ge is not None else f"at most {_shown(meta.le)}"


def _shown(bound: float | None) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _wrong(wanted: str, value: Any, path: Path, source: Source, problems: list[Problem]) -> object:
    problems.append(source.problem(path, f"must be {wanted}, not {_named(value)}"))
    return _BAD


def _named(value: Any) -> str:
    """A value of the wrong type in a few words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f'"{value[:40]}…"' if len(value) > 40 else f'"{value}"'
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)


def _example(wanted: Any) -> str:
    if wanted == Duration:
        return '"4h"'
    if get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    if get_origin(wanted) is tuple:
        return f"[{_example(get_args(wanted)[0])}]"
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        needed = [field for field in msgspec.structs.fields(wanted) if field.required]
        inner = ", ".join(f"{field.encode_name} = {_example(field.type)}" for field in needed)
        return f"{{ {inner} }}" if inner else _ANY
    return {bool: "true", int: "1", float: "1.0", dt.date: "2026-12-20"}.get(wanted, _ANY)
