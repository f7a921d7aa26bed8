"""Receipts for those who work elsewhere: as JSON Lines that can be verified, or as a table.

One receipt in memory at a time, whatever their number. Knows receipts, and not where they come
from or go to.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from hitl_mail.core.canonical import canonical
from hitl_mail.core.text import visible
from hitl_mail.errors import HitlError

COLUMNS = (
    *("seq", "case", "id", "agent", "kind", "status", "gate", "decided_by", "closed_at"),
    *("title", "run_id", "received_at", "expires_at", "rules", "reasons", "decisions"),
    *("policy", "about", "erased", "digest", "prev", "key"),
)
"""Of the table: a row of `receipts list`, then what an auditor asks next. Only ever added to."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_CELL = 32000
"""Characters that a spreadsheet's cell holds, and a bit less."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which receipts to take. Times are ISO 8601 in UTC, or their beginning, and compared as text:
    from the first closed at `since` or later, to the last closed at `until` or before."""

    since: str = ""
    until: str = ""
    status: str | None = None
    kind: str | None = None
    reviewer: str | None = None

    def takes(self, receipt: Mapping[str, Any]) -> bool:
        """Whether all but the times fit."""
        return (
            self.status in (None, receipt["status"])
            and self.kind in (None, receipt["kind"])
            and (self.reviewer is None or self.reviewer in receipt["decided_by"])
        )


Read = Callable[[], Iterable[dict[str, Any]]]


def select(read: Read, wanted: Wanted) -> Iterator[dict[str, Any]]:
    """The receipts that are wanted, in order. `read` gives all of them; asked for twice where
    there is an `until`.

    What lies between the first and the last of a time is in it, even where it was sealed a little
    out of the order in which cases closed: so a time alone leaves no gap in the chain.
    """
    last = None
    if wanted.until:
        # A text that goes on after all that is wanted: 2026-11 takes the whole month.
        end = wanted.until + "\U0010ffff"
        last = max((r["seq"] for r in read() if r["closed_at"] <= end), default=0)
    begun = False
    for receipt in read():
        if last is not None and receipt["seq"] > last:
            return
        begun = begun or receipt["closed_at"] >= wanted.since
        if begun and wanted.takes(receipt):
            yield receipt


def as_lines(receipts: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Each receipt in its canonical form (RFC 8785) and a line feed."""
    for receipt in receipts:
        yield _canonical(receipt) + b"\n"


def as_array(receipts: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """All receipts as one JSON array."""
    mark = b"["
    for receipt in receipts:
        yield mark + b"\n" + _canonical(receipt)
        mark = b","
    yield b"[]\n" if mark == b"[" else b"\n]\n"


def _canonical(receipt: Mapping[str, Any]) -> bytes:
    try:
        return canonical(receipt)
    except ValueError as error:
        raise HitlError(
            f"receipt {receipt['seq']} has no canonical form, so it is none of ours: {error}."
            " Run `receipts verify`."
        ) from None


def as_table(receipts: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """CSV as RFC 4180 has it, in UTF-8, `COLUMNS` first. No cell is a formula to a spreadsheet."""
    yield _line(COLUMNS)
    for receipt in receipts:
        yield _line(_row(receipt))


def _line(cells: Iterable[object]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    # A lone surrogate has no UTF-8; receipts cannot hold one, other files might.
    return text.getvalue().encode("utf-8", "replace")


def _row(receipt: Mapping[str, Any]) -> list[object]:
    verdict = _mapping(receipt.get("verdict"))
    found: dict[str, object] = {
        **{name: receipt.get(name) for name in COLUMNS},
        "decided_by": ", ".join(receipt["decided_by"]),
        "rules": ", ".join(map(str, verdict.get("rules", ()))),
        "reasons": "; ".join(map(str, verdict.get("reasons", ()))),
        "decisions": "; ".join(_said(decision) for decision in receipt["decisions"]),
        "policy": verdict.get("policy"),
        "about": receipt.get("about", receipt["case"]),
        "erased": "yes" if not receipt["salts"] else "no",
    }
    return [_cell(found[name]) for name in COLUMNS]


def _said(decision: Any) -> str:
    said = _mapping(decision)
    words = f"{said.get('at', '')} {said.get('by')} {said.get('verb')} by {said.get('via')}"
    return f"{words}: {said['note']}" if said.get("note") else words


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _cell(value: object) -> object:
    """What a spreadsheet shows as text: an apostrophe before whatever it would compute.

    See OWASP, "CSV Injection": also behind spaces, and behind what is not seen.
    """
    if value is None or isinstance(value, int):
        return "" if value is None else value
    text = visible(str(value), keep="\n")[:_CELL]
    return "'" + text if text.lstrip(" \n").startswith(_FORMULA) else text
