"""One rule's block in the text of rules.toml: where it stands, and how it reads changed.

Works on text that tomllib has accepted. What is written is checked by reading it again, so that
no change of text is ever more than the change of one rule.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, NamedTuple

_HEADER = re.compile(r"^[ \t]*\[\[?[ \t]*([\"'\w.-]+)", re.MULTILINE)
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_LONGEST_LINE = 80


class Change(NamedTuple):
    """A rule's block as it is and as it would be, and the whole file with it."""

    old: str
    new: str
    text: str


def change(text: str, name: str, changes: Mapping[str, Any]) -> Change | None:
    """`text` with these keys of the rule `name` set; None where the rule has no `[[rules]]` block
    of its own, so that no change could be pasted."""
    data = tomllib.loads(text)
    names = [rule["name"] for rule in data["rules"]]
    place = names.index(name)
    span = _span(text, place, len(names))
    if span is None:
        return None
    start, end = span
    data["rules"][place] = {**data["rules"][place], **changes}
    new = block(data["rules"][place])
    whole = text[:start] + new + text[end:]
    try:
        same = tomllib.loads(whole) == data
    except tomllib.TOMLDecodeError:
        return None
    return Change(text[start:end], new, whole) if same else None


def block(rule: Mapping[str, Any]) -> str:
    """One rule as `[[rules]]`, a key a line, without a line feed at the end."""
    return "\n".join(["[[rules]]", *(f"{_key(key)} = {_value(rule[key])}" for key in rule)])


def _span(text: str, place: int, count: int) -> tuple[int, int] | None:
    """Where the block begins and ends, without the blank lines and comments behind it."""
    headers = [(match.start(), match[1]) for match in _HEADER.finditer(text)]
    own = [at for at, name in headers if name == "rules"]
    if len(own) != count:
        return None
    after = (at for at, name in headers if at > own[place] and not name.startswith("rules."))
    lines = text[own[place] : next(after, len(text))].splitlines(keepends=True)
    while len(lines) > 1 and (not lines[-1].strip() or lines[-1].lstrip().startswith("#")):
        lines.pop()
    whole = "".join(lines).rstrip("\n")
    return own[place], own[place] + len(whole)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list):
        items = [_value(item) for item in value]
        line = f"[{', '.join(items)}]"
        if len(line) <= _LONGEST_LINE:
            return line
        return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _text(value) if isinstance(value, str) else repr(value)


def _text(text: str) -> str:
    """A literal string where it can be one, for conditions are full of double quotes."""
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    return json.dumps(text).replace("\x7f", "\\u007F")
