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
from hitl_mail.core.text import LINES, visible
from hitl_mail.review.packet import show_value
from hitl_mail.review.paths import Path, show_path

MOST_FIELDS = 200
"""Beyond this a payload is edited as JSON, or by mail."""
_MOST_DEPTH = 8
_MOST_OPTIONS = 100
_MOST_REFERENCES = 8
_LONG = 60

Control = Literal["text", "area", "number", "integer", "date", "choice", "json"]

_FORMATS = {
    "date": "a date, such as 2026-11-22",
    "date-time": "a date with its time, such as 2026-11-22T13:00:00Z",
    "time": "a time, such as 13:00:00Z",
    "email": "a mail address",
    "uri": "an address that begins with its scheme, such as https:",
}


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
        items = tuple(_items(payload, _resolved(root, root), (), _Making(root)))
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
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text.translate(_hidden(text, "\n"))


def _posted_name(key: str) -> str:
    """A key as a browser posts it unchanged: without line ends, which it would make its own."""
    plain = key.replace("\\", "\\\\")
    return plain.translate(_hidden(plain, ""))


def _hidden(text: str, keep: str) -> dict[int, str]:
    """The characters of a text that could not be seen, with what JSON writes for them. Each is
    looked at once: a payload may hold a million of the same few."""
    return {ord(c): _escaped(c) for c in set(text) if visible(c, keep=keep) != c}


def _escaped(char: str) -> str:
    return json.dumps(char)[1:-1] if ord(char) != 0x7F else "\\u007f"


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
        inner, child = _resolved(known.get(name, {}), making.root), here.get(name, _ABSENT)
        if _is_group(child, inner, path, inside=here is value):
            yield _group(child, inner, (*path, name), making)
        else:
            yield _field(child, inner, (*path, name), making.number(), needed=name in needed)


def _group(value: Any, schema: dict[str, Any], path: Path, making: _Making) -> Group:
    return Group(
        key=show_path(path),
        label=_text(schema, "title"),
        help=_text(schema, "description"),
        items=tuple(_items(value, schema, path, making)),
    )


def _field(value: Any, schema: dict[str, Any], path: Path, number: int, *, needed: bool) -> Field:
    control, shown, options = _control(value, schema)
    hints = [*_hints(schema, control), *(["required"] if needed else [])]
    absent = isinstance(value, _Absent)
    if absent:
        hints.append("not there now; left empty, it stays away")
    return Field(
        number=number,
        name=f"p:{_posted_name(show_path(path))}",
        key=show_path(path),
        path=path,
        control=control,
        value=shown,
        present=not absent,
        label=_text(schema, "title"),
        help=_text(schema, "description"),
        hint="; ".join(hints),
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
        return inside and known and _type(schema) == "object"
    return isinstance(value, dict) and (known or bool(value))


def _control(value: Any, schema: dict[str, Any]) -> tuple[Control, str, tuple[Option, ...]]:
    """Which control, what it holds, and among what it lets choose."""
    options = _options(value, schema)
    if options:
        return "choice", "" if isinstance(value, _Absent) else _posted(value), options
    kind = _type(schema)
    if isinstance(value, _Absent):
        return _empty_control(kind, schema), "", ()
    own = _type_of(value)
    if kind and own != kind and (kind, own) != ("number", "integer"):
        # What is not as its schema says is shown to the letter: `"49"` where a number should be.
        return "json", editable_json(value), ()
    if own == "string":
        if _hidden(value, LINES):
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
    elif isinstance(value, bool) or (_type(schema) == "boolean" and isinstance(value, _Absent)):
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


def _hints(schema: dict[str, Any], control: Control) -> list[str]:
    """The bounds a schema sets, as short words; whether they are kept is for the schema to say."""
    hints = {"number": ["a number"], "integer": ["a whole number"], "json": ["JSON"]}
    found = [*hints.get(control, [])]
    bounds = {
        "minimum": "at least {}",
        "exclusiveMinimum": "more than {}",
        "maximum": "at most {}",
        "exclusiveMaximum": "less than {}",
        "multipleOf": "a multiple of {}",
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
    }
    for name, words in bounds.items():
        bound = schema.get(name)
        if isinstance(bound, int | float) and not isinstance(bound, bool):
            found.append(words.format(bound))
    kind = schema.get("format")
    if control in ("text", "area", "date") and isinstance(kind, str) and kind in _FORMATS:
        found.append(_FORMATS[kind])
    return found


def _type(schema: dict[str, Any]) -> str:
    """The one type that a schema allows beside null; empty where it says none or several."""
    said = schema.get("type")
    if isinstance(said, str):
        return said
    if isinstance(said, list):
        others = [one for one in said if one != "null"]
        return others[0] if len(others) == 1 and isinstance(others[0], str) else ""
    return ""


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "null" if value is None else "array" if isinstance(value, list) else "object"


def _resolved(schema: Any, root: Any) -> dict[str, Any]:
    """A schema with its references inside the same document followed."""
    for _ in range(_MOST_REFERENCES):
        if not isinstance(schema, dict):
            return {}
        target = schema.get("$ref")
        if not isinstance(target, str) or not target.startswith("#"):
            return schema
        rest = {name: value for name, value in schema.items() if name != "$ref"}
        found = _at(root, target[1:])
        schema = {**found, **rest} if isinstance(found, dict) else rest
    return {}


def _at(root: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to; None where it leads nowhere."""
    node = root
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not isinstance(node, dict) or name not in node:
            return None
        node = node[name]
    return node


def _text(schema: dict[str, Any], name: str) -> str:
    text = schema.get(name)
    return text if isinstance(text, str) else ""
