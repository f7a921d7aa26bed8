"""Two payloads side by side: the values that differ, each as it was and as it is."""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_mail.review.rows import rows_of


class Differs(msgspec.Struct, frozen=True):
    """One value under its dotted key; None on the side that lacks it."""

    key: str
    before: str | None
    after: str | None


class Compared(msgspec.Struct, frozen=True):
    """The values that differ, in the order they stand in, and how many do not."""

    rows: tuple[Differs, ...]
    same: int


def compare(before: dict[str, Any], after: dict[str, Any]) -> Compared:
    """What differs between two payloads."""
    old = {row.key: row.value for row in rows_of(before)}
    new = {row.key: row.value for row in rows_of(after)}
    rows = [
        Differs(key, old.get(key), new.get(key))
        for key in _woven(list(old), list(new))
        if old.get(key) != new.get(key)
    ]
    return Compared(tuple(rows), sum(1 for key in new if old.get(key) == new[key]))


def _woven(old: list[str], new: list[str]) -> list[str]:
    """The keys of the new, with those that are gone where they stood in the old."""
    gone: dict[str | None, list[str]] = {}
    kept, last = set(new), None
    for key in old:
        if key in kept:
            last = key
        else:
            gone.setdefault(last, []).append(key)
    woven = [*gone.get(None, [])]
    for key in new:
        woven += [key, *gone.get(key, [])]
    return woven
