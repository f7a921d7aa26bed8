"""A payload as a form: a field for every value, made from its kind's JSON Schema.

Fields follow a subset of draft 2020-12: string, number, integer, boolean, enum, const, nested
objects; whatever else stands in a payload is a small piece of JSON. Where no schema says what a
value is, the value itself does. Knows no HTML and no case; `review.form_values` reads it back.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from hitl_mail.core.canonical import canonical
from hitl_mail.core.text import escape_json, visible
from hitl_mail.review.form_schema import hints, resolved, type_of, type_of_value, words_of
from hitl_mail.review.paths import Path, show_path
from hitl_mail.review.rows import show_value

MOST_FIELDS = 200
"""Beyond this a payload is edited as JSON, or by mail."""
_MOST_DEPTH = 8
_MOST_OPTIONS = 100
_LONG = 60

Control = Literal["text", "area", "number", "integer", "date", "choice", "json"]


class Option(msgspec.Struct, frozen=True):
    """One choice: what is posted, and what is read."""

    value: str
    label: str


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One value. `number` tells it from the others of the form; `name` is what it is posted as,
    `key` its dotted path as a packet names it; `value` is what the field holds at first. `present`
    is false for a value that the payload lacks: left empty, it stays away. `label`, `help` and
    `hint` are the schema's words and bounds."""

    number: int
    name: str
    key: str
    path: Path
    control: Control
    value: str
    present: bool
    label: str = ""
    help: str = ""
    hint: str = ""
    options: tuple[Option, ...] = ()


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """An object inside the payload, and the fields in it."""

    key: str
    label: str = ""
    help: str = ""
    items: tuple[Field | Group, ...] = ()


class EditForm(msgspec.Struct, frozen=True):
    """`items` is empty where the payload has more than `MOST_FIELDS` values; `document` is the
    whole payload as JSON, to be edited as such."""

    items: tuple[Field | Group, ...]
    document: str


class _Absent:
    """What stands for a value that the payload lacks."""


_ABSENT = _Absent()


class _TooMany(Exception):
    """More fields than a form holds."""


class _Making:
    """A form in the making: the document that references lead into, and the fields left."""

    def __init__(self, root: dict[str, Any]) -> None:
        self.root = root
        self._left = MOST_FIELDS

    def number(self) -> int:
        """The number of one more field, from 1."""
        if not self._left:
            raise _TooMany
        self._left -= 1
        return MOST_FIELDS - self._left


def build_form(payload: dict[str, Any], schema: Any = None) -> EditForm:
    """The form of a payload. `schema` is its kind's JSON Schema, if it has one; never raises."""
    root = schema if isinstance(schema, dict) else {}
    try:
        items = tuple(_items(payload, resolved(root, root), (), _Making(root)))
    except _TooMany:
        items = ()
    return EditForm(items, editable_json(payload))


def fields_of(items: tuple[Field | Group, ...]) -> Iterator[Field]:
    """All fields, those of groups too, in their order."""
    for item in items:
        if isinstance(item, Field):
            yield item
        else:
            yield from fields_of(item.items)


def editable_json(value: Any) -> str:
    """JSON for a person to change: indented, and what could not be seen is escaped."""
    return escape_json(json.dumps(value, ensure_ascii=False, indent=2))


def _posted_name(key: str) -> str:
    """A key as a browser posts it unchanged: without line ends, which it would make its own."""
    return escape_json(key.replace("\\", "\\\\"), keep="")


def _items(
    value: Any, schema: dict[str, Any], path: Path, making: _Making
) -> Iterator[Field | Group]:
    """The fields of an object: those the schema names, then those only the payload has."""
    here = value if isinstance(value, dict) else {}
    named = schema.get("properties")
    known = named if isinstance(named, dict) else {}
    required = schema.get("required")
    needed = (
        [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    )
    for name in (*known, *(name for name in here if name not in known)):
        inner, child = resolved(known.get(name, {}), making.root), here.get(name, _ABSENT)
        if _is_group(child, inner, path, inside=here is value):
            yield _group(child, inner, (*path, name), making)
        else:
            yield _field(child, inner, (*path, name), making.number(), needed=name in needed)


def _group(value: Any, schema: dict[str, Any], path: Path, making: _Making) -> Group:
    return Group(
        key=show_path(path),
        label=words_of(schema, "title"),
        help=words_of(schema, "description"),
        items=tuple(_items(value, schema, path, making)),
    )


def _field(value: Any, schema: dict[str, Any], path: Path, number: int, *, needed: bool) -> Field:
    control, shown, options = _control(value, schema)
    said = [*hints(schema, control), *(["required"] if needed else [])]
    absent = isinstance(value, _Absent)
    if absent:
        said.append("not there now; left empty, it stays away")
    return Field(
        number=number,
        name=f"p:{_posted_name(show_path(path))}",
        key=show_path(path),
        path=path,
        control=control,
        value=shown,
        present=not absent,
        label=words_of(schema, "title"),
        help=words_of(schema, "description"),
        hint="; ".join(said),
        options=options,
    )


def _is_group(value: Any, schema: dict[str, Any], above: Path, *, inside: bool) -> bool:
    """Whether a value is a group of fields. An object that is not there is one only where the one
    around it is: a schema may refer to itself."""
    named = schema.get("properties")
    known = isinstance(named, dict) and bool(named)
    if len(above) >= _MOST_DEPTH:
        return False
    if isinstance(value, _Absent):
        return inside and known and type_of(schema) == "object"
    return isinstance(value, dict) and (known or bool(value))


def _control(value: Any, schema: dict[str, Any]) -> tuple[Control, str, tuple[Option, ...]]:
    """Which control, what it holds, and among what it lets choose."""
    options = _options(value, schema)
    if options:
        return "choice", "" if isinstance(value, _Absent) else _posted(value), options
    kind = type_of(schema)
    if isinstance(value, _Absent):
        return _empty_control(kind, schema), "", ()
    own = type_of_value(value)
    if kind and own != kind and (kind, own) != ("number", "integer"):
        # What is not as its schema says is shown to the letter: `"49"` where a number should be.
        return "json", editable_json(value), ()
    if own == "string":
        if visible(value) != value:
            return "json", editable_json(value), ()
        return _text_control(value, schema), value, ()
    if own in ("number", "integer"):
        return "integer" if kind == "integer" else "number", canonical(value).decode(), ()
    return "json", editable_json(value), ()


def _empty_control(kind: str, schema: dict[str, Any]) -> Control:
    if kind == "string":
        return _text_control("", schema)
    return "integer" if kind == "integer" else "number" if kind == "number" else "json"


def _text_control(value: str, schema: dict[str, Any]) -> Control:
    # A browser empties a date field whose value is no date, and that would look like a change.
    if schema.get("format") == "date" and (not value or _is_date(value)):
        return "date"
    longest = schema.get("maxLength")
    long = isinstance(longest, int) and longest > 4 * _LONG
    return "area" if long or len(value) > _LONG or "\n" in value else "text"


def _is_date(value: str) -> bool:
    try:
        return dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def _options(value: Any, schema: dict[str, Any]) -> tuple[Option, ...]:
    allowed: list[Any] = []
    if isinstance(schema.get("enum"), list) and len(schema["enum"]) <= _MOST_OPTIONS:
        allowed = schema["enum"]
    elif "const" in schema:
        allowed = [schema["const"]]
    elif isinstance(value, bool) or (type_of(schema) == "boolean" and isinstance(value, _Absent)):
        allowed = [True, False]
    if not allowed:
        return ()
    options = {_posted(one): Option(_posted(one), show_value(one)) for one in allowed}
    if isinstance(value, _Absent):
        return (Option("", "(not there)"), *options.values())
    if _posted(value) not in options:
        options = {_posted(value): Option(_posted(value), f"{show_value(value)} (now)"), **options}
    return tuple(options.values())


def _posted(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
