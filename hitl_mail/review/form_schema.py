"""What a JSON Schema says of one value, as far as a form can use it.

A schema is an admin's, but may be of any draft and hold anything: nothing here raises.
"""

from __future__ import annotations

from typing import Any

_MOST_REFERENCES = 8
_FORMATS = {
    "date": "a date, such as 2026-11-22",
    "date-time": "a date with its time, such as 2026-11-22T13:00:00Z",
    "time": "a time, such as 13:00:00Z",
    "email": "a mail address",
    "uri": "an address that begins with its scheme, such as https:",
}


def hints(schema: dict[str, Any], control: str) -> list[str]:
    """The bounds a schema sets, as short words; whether they are kept is for the schema to say."""
    kinds = {"number": ["a number"], "integer": ["a whole number"], "json": ["JSON"]}
    found = [*kinds.get(control, [])]
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


def type_of(schema: dict[str, Any]) -> str:
    """The one type that a schema allows beside null; empty where it says none or several."""
    said = schema.get("type")
    if isinstance(said, str):
        return said
    if isinstance(said, list):
        others = [one for one in said if one != "null"]
        return others[0] if len(others) == 1 and isinstance(others[0], str) else ""
    return ""


def type_of_value(value: Any) -> str:
    """The narrowest type that JSON Schema gives a value: 3.0 is an integer there."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    if isinstance(value, str):
        return "string"
    return "null" if value is None else "array" if isinstance(value, list) else "object"


def resolved(schema: Any, root: Any) -> dict[str, Any]:
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


def words_of(schema: dict[str, Any], name: str) -> str:
    """A title or description; empty where the schema has none."""
    text = schema.get(name)
    return text if isinstance(text, str) else ""
