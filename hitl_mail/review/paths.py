"""Dotted keys, as the rows of a packet print them and as people type them back: `items[0].price`.

A key that holds a dot, a bracket or a quote stands in quotes, `"a.b".c`. Knows no payload.
"""

from __future__ import annotations

import json
import re

Path = tuple[str | int, ...]

MOST_KEY = 500
MOST_STEPS = 16

_BARE = re.compile(r"[^.\[\]\"'=\s](?:[^.\[\]\"=]*[^.\[\]\"=\s])?")
_SIMPLE = re.compile(r"[A-Za-z0-9_-]+")
_INDEX = re.compile(r"\[\s*(\d{1,6})\s*\]")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'')


def parse_path(text: str) -> Path | None:
    """The steps of a dotted key; None where it is none."""
    text = text.strip()
    if not text or len(text) > MOST_KEY:
        return None
    if '"' not in text and "'" not in text:
        # As a mail shows a key that its reader's program would take for a link.
        text = text.replace("[.]", ".")
    steps: list[str | int] = []
    at, name_next = 0, True
    while at < len(text):
        if len(steps) == MOST_STEPS:
            return None
        step, at = _step(text, at, name_next)
        if step is None:
            return None
        steps.append(step)
        while at < len(text) and text[at].isspace():
            at += 1
        name_next = text[at : at + 1] == "."
        if name_next:
            at += 1
            while at < len(text) and text[at].isspace():
                at += 1
    return None if name_next else tuple(steps)


def show_path(path: Path) -> str:
    """A path as the rows of a packet print it."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{_name(step)}" if text else _name(step)
    return text


def is_simple(path: Path) -> bool:
    """Whether all its names are of letters, digits, `_` and `-`, as TOML has them without quotes:
    a line of prose that happens to hold a `=` seldom begins so."""
    return all(isinstance(step, int) or _SIMPLE.fullmatch(step) for step in path)


def overlap(one: Path, other: Path) -> bool:
    """Whether they are the same, or one lies in the other."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _step(text: str, at: int, name_next: bool) -> tuple[str | int | None, int]:
    if not name_next:
        index = _INDEX.match(text, at)
        return (int(index[1]), index.end()) if index else (None, at)
    quoted = _QUOTED.match(text, at)
    if quoted:
        return _unquoted(quoted[0]), quoted.end()
    bare = _BARE.match(text, at)
    return (bare[0], bare.end()) if bare else (None, at)


def _unquoted(raw: str) -> str | None:
    if raw[0] == "'":
        return raw[1:-1]
    try:
        name = json.loads(raw)
    except ValueError:
        return None
    return str(name)


def _name(name: str) -> str:
    clear = name and not any(char in name for char in '.[]"=') and name.strip() == name
    return name if clear else json.dumps(name, ensure_ascii=False)
