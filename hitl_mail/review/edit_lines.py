"""The lines of an edit, where a mail or a form holds them: `key = value` lines, or JSON.

What mail programs do to such lines is undone here: a bullet before them, a long one wrapped, a
paragraph made of each. Where they end, whatever stands below is somebody else's to judge.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from hitl_mail.core.canonical import parse_json
from hitl_mail.core.text import one_line
from hitl_mail.errors import Refused
from hitl_mail.review.edit_changes import BadEdit, Edit
from hitl_mail.review.paths import MOST_KEY, Path, is_simple, parse_path
from hitl_mail.review.typed import Extent, plain_spaces, straightened

_FENCE = re.compile(r"(?:`{3,}|~{3,})\s*(?:json|toml)?\s*", re.IGNORECASE)
_BULLETS = ("- ", "* ", "• ", "· ", "– ")
MOST_CHANGES = 100
_MOST_WRAPPED = 200
_EXAMPLE = "edit amount = 40"


def parse_edit(lines: Sequence[str]) -> Edit:
    """The edit that these lines are, with nothing beside it. Raises `BadEdit`."""
    edit, used = take_edit(lines)
    for line in lines[used:]:
        if line.strip():
            raise BadEdit(f'"{line.strip()[:80]}" is no change.', _EXAMPLE)
    return edit


def take_edit(lines: Sequence[str]) -> tuple[Edit, int]:
    """The edit that the lines begin with, and how many of them it takes. Raises `BadEdit`."""
    at = _skip_empty(lines, 0)
    if at == len(lines):
        raise BadEdit("This edit changes nothing.", _EXAMPLE)
    if _FENCE.fullmatch(lines[at].strip()):
        return _fenced(lines, at + 1)
    if lines[at].lstrip().startswith("{"):
        return _object(lines, at)
    return _changes(lines, at)


def begins_edit(line: str) -> bool:
    """Whether a line is the beginning of an edit's body."""
    bare = line.strip()
    return bare.startswith("{") or _FENCE.fullmatch(bare) is not None or is_change(bare)


def is_change(line: str) -> bool:
    """Whether a line is `key = value`, of a key that needs no quotes or has them."""
    found = _assignment(line)
    return found is not None and (is_simple(found[0]) or line.lstrip()[:1] in "\"“”„'‘")


def _fenced(lines: Sequence[str], at: int) -> tuple[Edit, int]:
    """What stands between two fences; a fence that was never closed ends with its content."""
    inside: list[str] = []
    for index in range(at, len(lines)):
        if _FENCE.fullmatch(lines[index].strip()):
            return _whole(inside), index + 1
        inside.append(lines[index])
    edit, used = take_edit(inside)
    return edit, at + used


def _whole(inside: list[str]) -> Edit:
    if any(line.strip() for line in inside):
        return parse_edit(inside)
    raise BadEdit("This edit changes nothing.", _EXAMPLE)


def _object(lines: Sequence[str], at: int) -> tuple[Edit, int]:
    extent, taken = Extent(), []
    for index in range(at, len(lines)):
        end = extent.feed(lines[index] + "\n")
        if end >= 0:
            taken.append(lines[index][:end])
            rest = lines[index][end:].strip(" .,;")
            if rest and not _FENCE.fullmatch(rest):
                raise BadEdit(f'"{rest[:80]}" stands behind the new payload.', 'edit {"key": 1}')
            return Edit(document=_document("\n".join(taken))), index + 1
        taken.append(lines[index])
    # Not closed: the parser knows what is missing where.
    return Edit(document=_document("\n".join(taken))), len(lines)


def _changes(lines: Sequence[str], at: int) -> tuple[Edit, int]:
    changes: list[tuple[str, str]] = []
    while at < len(lines):
        found = _assignment(lines[at])
        if found is None:
            break
        _, key, value = found
        value, at = _unwrapped(value, lines, at + 1)
        changes.append((key, value))
        if len(changes) > MOST_CHANGES:
            break
        if at < len(lines) and not lines[at].strip():
            after = _skip_empty(lines, at)
            if not _only_changes(lines, after):
                break
            at = after
    if not changes:
        raise BadEdit(f'"{lines[at].strip()[:80]}" is no change: write key = value.', _EXAMPLE)
    return Edit(tuple(changes)), at


def _assignment(line: str) -> tuple[Path, str, str] | None:
    """(path, key, value) of a `key = value` line."""
    bare = plain_spaces(line).strip()
    for bullet in _BULLETS:
        bare = bare.removeprefix(bullet)
    quoted = bare[:1] in "\"“”„'‘" and bare[:1] != ""
    key, equals, value = _cut(straightened(bare[:MOST_KEY])) if quoted else bare.partition("=")
    if not equals:
        return None
    if quoted:
        value += bare[MOST_KEY:]
    path = parse_path(key)
    return (path, key.strip(), value.strip()) if path is not None else None


def _cut(text: str) -> tuple[str, str, str]:
    """A line that begins with a quoted name, at the first `=` outside of quotes."""
    quote = ""
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif char in "\"'":
            quote = char
        elif char == "=":
            return text[:at], "=", text[at + 1 :]
    return text, "", ""


def _unwrapped(value: str, lines: Sequence[str], at: int) -> tuple[str, int]:
    """A value with the lines into which a program wrapped it, and the line after them."""
    if value[:1] not in ("[", "{", '"', "'", "“", "”", "„", "«", "‘"):
        return value, at
    extent, parts = Extent(), [value]
    extent.feed(value)
    while extent.open and at < len(lines) and len(parts) < _MOST_WRAPPED:
        line = lines[at].strip()
        if not extent.depth and (not line or is_change(line)):
            break
        if line:
            parts.append(line)
            extent.feed(" " + line)
        at += 1
    return " ".join(parts), at


def _only_changes(lines: Sequence[str], at: int) -> bool:
    """Whether the paragraph that begins at `at` holds only changes."""
    if at == len(lines):
        return False
    while at < len(lines) and lines[at].strip():
        found = _assignment(lines[at])
        if found is None or not is_change(lines[at]):
            return False
        _, at = _unwrapped(found[2], lines, at + 1)
    return True


def _skip_empty(lines: Sequence[str], at: int) -> int:
    while at < len(lines) and not lines[at].strip():
        at += 1
    return at


def _document(text: str) -> dict[str, Any]:
    """A whole new payload from the JSON, begun with a brace, that stands in a mail or form. Raises
    `BadEdit`."""
    why = ""
    # As it is; with the quotes of a phone; with the line ends that a program put into long strings.
    for attempt in (text, straightened(text), straightened(text).replace("\n", " ")):
        try:
            found: dict[str, Any] = parse_json(attempt.encode("utf-8", "replace"))
        except Refused as error:
            why = one_line(error.detail, 150)
        else:
            return found
    raise BadEdit(f"The new payload cannot be read: {why}.", "edit KEY = VALUE, for one key")
