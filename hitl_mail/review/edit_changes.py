"""One change of an edit: which key of a payload it names, and the value it gives it.

Values are TOML. A bare word is taken for text only where text stands now. What would be a typo is
refused with the nearest key rather than added, because an executor ignores a key it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from hitl_mail.core.action import parse_document
from hitl_mail.core.canonical import canonical
from hitl_mail.core.text import one_line
from hitl_mail.errors import HitlError, Refused
from hitl_mail.review.paths import Path, is_simple, parse_path, show_path
from hitl_mail.review.text import inert
from hitl_mail.review.typed import straightened

MOST_VALUE = 64 * 1024
_MOST_COMPARED = 500
_SHOWN = 80

_FIGURES = re.compile(r"[-+−–]?\d[\d.,'’]*")
_NUMBER = re.compile(r"([-+−–]?)(\d{1,15})(?:\.(\d{1,10})|,(\d{1,2}|\d{4,10}))?")
"""One number for certain; a comma before three digits may stand between thousands."""
_QUOTES = tuple("\"'“”„‟‘’‚‛«")
_AROUND = "".join(_QUOTES) + "» "
_NOTHING = frozenset({"null", "none", "nil", "undefined", ""})


class BadEdit(HitlError):
    """An edit that cannot be made. `detail` is one sentence, `send` the line to send instead."""

    exit_code = 2

    def __init__(self, detail: str, send: str) -> None:
        super().__init__(f"{detail} Instead: {send}")
        self.detail = detail
        self.send = send


class Edit(msgspec.Struct, frozen=True):
    """`changes` are (dotted key, TOML text) pairs as written; `document` is a whole new payload.
    One of the two is there."""

    changes: tuple[tuple[str, str], ...] = ()
    document: dict[str, Any] | None = None


def change_of(payload: dict[str, Any], key: str, text: str) -> tuple[Path, Any]:
    """The path in `payload` that a change names, and its value. Raises `BadEdit`."""
    path = parse_path(straightened(key))
    if path is None:
        raise BadEdit(f'"{one_line(key, _SHOWN)}" is no key.', f"edit {example(payload)[0]} = …")
    path = _resolved(payload, path, text)
    parent = parent_of(payload, path)
    here = isinstance(parent, list) or path[-1] in parent
    value = _value(path, text, parent[path[-1]] if here else None)
    return path, value if _holds_breaks(payload) else _whole(value)


def _resolved(payload: dict[str, Any], path: Path, text: str) -> Path:
    """`path` with the names that the payload has, which may differ in case."""
    found: Path = ()
    node: Any = payload
    for index in range(len(path)):
        found = (*found, _child(node, found, path[index:], text))
        if len(found) < len(path):
            node = node[found[-1]]
    return found


def _child(node: Any, above: Path, rest: Path, text: str) -> str | int:
    """The key or index of `node` that the first step of `rest` means; a new key only where it is
    the last step, too."""
    step = rest[0]
    if isinstance(node, list):
        if isinstance(step, int) and step < len(node):
            return step
        many = f"has {len(node)} items, counted from 0" if node else "is an empty list"
        where = (*above, 0) if node else above
        raise BadEdit(f"{named(above)} {many}.", line_for(where, text))
    if not isinstance(node, dict):
        what = f"{named(above)} is a single value and has no {named((step,))}."
        raise BadEdit(what, line_for(above, text))
    if isinstance(step, int):
        raise BadEdit(f"{named(above)} is no list.", line_for((*above, example(node)[0]), text))
    return step if step in node else _other_key(node, step, above, rest[1:], text)


def _other_key(node: dict[str, Any], step: str, above: Path, rest: Path, text: str) -> str:
    """What a key means that the object lacks: the same in another case, or a new one."""
    same = [name for name in node if name.casefold() == step.casefold()]
    if len(same) == 1:
        return same[0]
    nearest = same[0] if same else _nearest(step, node)
    here = named((*above, step))
    if nearest is not None:
        what = f"There is no {here}; the nearest key is {named((nearest,))}."
        raise BadEdit(what, line_for((*above, nearest, *rest), text))
    if rest:
        inside = "".join(f"{{ {named((name,))} = " for name in rest) + text + " }" * len(rest)
        if not all(isinstance(name, str) for name in rest):
            inside = "[ … ]"
        raise BadEdit(f"There is no {here} to change a part of.", line_for((*above, step), inside))
    if not is_simple((step,)):
        what = f"There is no {here}, and a new key has only letters, digits, - and _."
        raise BadEdit(what, line_for((*above, example(node)[0]), text))
    return step


def parent_of(payload: dict[str, Any], path: Path) -> Any:
    """The object or list that holds the last step of a path that `change_of` gave."""
    node: Any = payload
    for step in path[:-1]:
        node = node[step]
    return node


def _value(path: Path, text: str, present: Any) -> Any:
    """The value of a change; `present` is what stands there now."""
    if len(text) > MOST_VALUE:
        raise BadEdit(
            f"The value of {named(path)} is too long.", line_for(path, _guess("", present))
        )
    quoted = text[:1] in ("[", "{", *_QUOTES)
    try:
        return _toml(straightened(text) if quoted else text)
    except Refused as error:
        if error.code != "malformed":
            what = f"The value of {named(path)} cannot be held: {one_line(error.detail, 120)}."
            raise BadEdit(what, line_for(path, _quoted(text))) from None
    absent = text.casefold() in _NOTHING
    if isinstance(present, str) and not quoted and not absent:
        return text
    if absent:
        what = f"TOML has no {text}" if text else "There is no value"
        raise BadEdit(f"{what} for {named(path)}.", line_for(path, _guess("", present)))
    what = f"The value of {named(path)} is no TOML value: text needs quotes, a number has none."
    raise BadEdit(what, line_for(path, _guess(text, present)))


def _whole(value: Any) -> Any:
    """A value without the breaks that a mail put into its links, where it was copied from one: what
    is shown broken could not be told from what is broken."""
    if isinstance(value, str):
        found = value.replace("[.]", ".").replace("[:]", ":")
        return found if inert(found) == inert(value) else value
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return value


def _holds_breaks(value: Any) -> bool:
    """Whether a payload itself holds what a mail writes into links."""
    if isinstance(value, str):
        return "[.]" in value or "[:]" in value
    inside = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list) and any(map(_holds_breaks, inside))


def _toml(text: str) -> Any:
    if "\n" in text or not text:
        raise Refused("malformed", "not one value")
    found = parse_document(f"v = {text}".encode("utf-8", "replace"), toml=True)
    return found["v"]


def value_or_text(text: str) -> Any:
    """The value of a change where no payload is known: as TOML, else as it was written."""
    try:
        return _toml(straightened(text))
    except Refused:
        return text


def _guess(text: str, present: Any) -> str:
    """What was probably meant by a value that cannot be read."""
    if isinstance(present, bool):
        return "true" if text.casefold() in ("true", "yes", "on", "") else "false"
    if isinstance(present, int | float):
        # As it is, and not an example: who copies it changes nothing that they did not mean.
        return _number(text) or canonical(present).decode()
    if text.startswith("["):
        return '["a", "b"]'
    if text.startswith("{"):
        return "{ key = 1 }"
    return _quoted(text.strip(_AROUND)) if text else '"text"'


def _number(text: str) -> str:
    """The first number of a text as TOML writes it; nothing where that cannot be told."""
    figures = _FIGURES.search(text)
    found = _NUMBER.fullmatch(figures[0].rstrip(".,'’")) if figures else None
    if found is None:
        return ""
    sign, whole, *decimals = found.groups("")
    return f"{'-' if sign and sign != '+' else ''}{int(whole)}.{''.join(decimals)}".rstrip(".")


def _quoted(text: str) -> str:
    shown = one_line(text, _SHOWN).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'


def line_for(path: Path, text: str) -> str:
    """The line that makes one change."""
    return f"edit {named(path)} = {one_line(text, _SHOWN) or '…'}"


def named(path: Path) -> str:
    """A path for a sentence."""
    return one_line(show_path(path), _SHOWN)


def example(payload: dict[str, Any]) -> tuple[str, str]:
    """A key of the payload and its value, to show what a change looks like."""
    for key, value in payload.items():
        if isinstance(value, bool | int | float | str):
            return one_line(show_path((key,)), _SHOWN), canonical(value).decode()[:_SHOWN]
    return "amount", "40"


def _nearest(key: str, keys: Iterable[str]) -> str | None:
    """The key of which `key` is a typo, if there is one."""
    low = key.casefold()
    allowed = 0 if len(low) < 3 else 1 if len(low) < 6 else 2
    for count, known in enumerate(keys):
        if count == _MOST_COMPARED:
            break
        if abs(len(known) - len(low)) <= allowed and _distance(low, known.casefold(), allowed):
            return known
    return None


def _distance(one: str, other: str, allowed: int) -> bool:
    """Whether at most `allowed` letters are wrong, missing, too many or swapped."""
    if not allowed or len(one) > 64:
        return False
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, char in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, wanted in enumerate(other, 1):
            cost = min(before[j] + 1, row[-1] + 1, before[j - 1] + (char != wanted))
            if i > 1 and j > 1 and char == other[j - 2] and one[i - 2] == wanted:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > allowed:
            return False
    return row[-1] <= allowed
