"""Titles and reasons: text with `{payload.amount}` in it, filled from an action.

Only dotted look-ups: no format specifications, no attributes, no calls, so that a template can
reach nothing but the facts. What is filled in is the agent's, so it is shortened and made visible.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from hitl_mail.core.canonical import canonical
from hitl_mail.core.text import one_line

LONGEST = 200

_PART = re.compile(r"\{\{|\}\}|\{([A-Za-z_]\w*(?:\.\w[\w-]*)*)\}|[{}]")
_MISSING = object()


def placeholders(template: str) -> list[str]:
    """The dotted names a template asks for.

    Raises ValueError, with the mend, where it has a brace that is no placeholder.
    """
    names = []
    for match in _PART.finditer(template):
        if match[1]:
            names.append(match[1])
        elif match[0] in "{}":
            near = template[match.start() : match.start() + 20]
            raise ValueError(
                f"{near!r} is no placeholder; write {{payload.amount}}, or {{{{ and }}}}"
            )
    return names


def fill(template: str, find: Callable[[str], Any]) -> str:
    """The template with each placeholder's value; `find` takes a root name, KeyError if absent."""

    def one(match: re.Match[str]) -> str:
        if not match[1]:
            return match[0][0]
        value = look_up(match[1], find)
        return f"(no {match[1]})" if value is _MISSING else shown(value)

    return _PART.sub(one, template)


def look_up(dotted: str, find: Callable[[str], Any], missing: Any = _MISSING) -> Any:
    """The value at a dotted path, through objects by key and lists by number."""
    root, *parts = dotted.split(".")
    try:
        value = find(root)
        for part in parts:
            value = value[int(part) if isinstance(value, list) else part]
    except (KeyError, IndexError, TypeError, ValueError):
        return missing
    return value


def shown(value: Any) -> str:
    """A value on one line: numbers as they run (7, not 7.0), at most `LONGEST` characters, nothing
    invisible."""
    if isinstance(value, str):
        return one_line(value, LONGEST)
    if type(value) in (int, float):
        return canonical(value).decode()
    return one_line(json.dumps(value, ensure_ascii=False), LONGEST)
