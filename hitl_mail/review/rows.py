"""JSON values as people read them: a payload as rows of dotted keys, one value as a word."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from hitl_mail.core.canonical import canonical


class Row(msgspec.Struct, frozen=True):
    """One value of the payload under its dotted key. Strings that could be read as something else
    (`"40"`, `""`, `"true"`) are in quotes, as in JSON; other strings are bare."""

    key: str
    value: str


def rows_of(value: Any, key: str = "") -> list[Row]:
    """A JSON value as rows of dotted keys: `items[0].price`. Empty objects and lists are rows."""
    if isinstance(value, dict) and value:
        return [
            row
            for name, item in value.items()
            for row in rows_of(item, f"{key}.{_name(name)}" if key else _name(name))
        ]
    if isinstance(value, list) and value:
        return [row for index, item in enumerate(value) for row in rows_of(item, f"{key}[{index}]")]
    return [Row(key, show_value(value))]


def show_value(value: Any) -> str:
    """One value for people: strings bare, unless they could be taken for something else."""
    if isinstance(value, str):
        return value if _plain(value) else json.dumps(value, ensure_ascii=False)
    return canonical(value).decode()


def _name(name: str) -> str:
    """A key that would be mistaken for a path of keys is put in quotes."""
    clear = name and not any(char in name for char in '.=[]"') and name.strip() == name
    return name if clear else json.dumps(name, ensure_ascii=False)


def _plain(text: str) -> bool:
    if not text or text.strip() != text or text[0] in '"{[':
        return False
    try:
        json.loads(text)
    except ValueError:
        return True
    return False
