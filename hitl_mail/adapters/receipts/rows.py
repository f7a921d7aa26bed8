"""Rows of the index: what is known of a receipt without reading it, and how a row is stored.

The index is a cache that is never synced, and what an agent's id stands for is asked of it. So a
row bears a checksum, and the agent's id is in two indexes, by itself and as a hash: a row that was
changed in one place is found by the other, and its checksum tells. The place (`offset`) moves when
a month is written anew and is in no checksum: the receipt that is read there says its number.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hitl_mail.adapters.receipts.files import Place, decode, names_month, read_behind
from hitl_mail.core.canonical import MAX_INTEGER
from hitl_mail.errors import Damaged

_OFFSET = 13
"""The first column behind those that the checksum covers."""


UNREADABLE = (sqlite3.Error, UnicodeDecodeError)
"""What SQLite raises over a file that is not sound: its words may quote what is no text."""


class ChangedRow(sqlite3.DatabaseError):
    """A row that is not as it was written."""


class Row(NamedTuple):
    """What is known of a receipt without reading it."""

    seq: int
    digest: str
    about: str
    case: str
    agent: str
    id: str
    kind: str
    status: str
    gate: str | None
    decided_by: tuple[str, ...]
    action_digest: str
    closed_at: str
    month: str
    offset: int

    @property
    def place(self) -> Place:
        """Where the receipt is."""
        return Place(self.month, self.offset)


COLUMNS = (
    "seq, digest, about, case_id, agent, id, kind, status, gate, decided_by, action_digest, "
    "closed_at, month, offset, checksum"
)
"""Of a record that `stored` takes."""

ALL_COLUMNS = COLUMNS.replace("offset, ", "offset, backwards, key, ")
"""Of a record as `record_of` gives it."""


def row_of(receipt: dict[str, Any], place: Place) -> Row:
    """The row of a receipt. Raises ValueError, KeyError or TypeError for what is none."""
    row = Row(
        seq=receipt["seq"],
        digest=receipt["digest"],
        about=receipt.get("about", receipt["case"]),
        case=receipt["case"],
        agent=receipt["agent"],
        id=receipt["id"],
        kind=receipt["kind"],
        status=receipt["status"],
        gate=receipt["gate"],
        decided_by=tuple(receipt["decided_by"]),
        action_digest=receipt.get("action_digest", ""),
        closed_at=receipt["closed_at"],
        month=place.month,
        offset=place.offset,
    )
    _check(row)
    return row


def _check(row: Row) -> None:
    """Raises ValueError for values that no receipt of ours has."""
    if type(row.seq) is not int or not 0 < row.seq <= MAX_INTEGER:
        raise ValueError("seq is no number of a receipt")
    texts = (*row[1:8], row.action_digest, row.closed_at, row.month, *row.decided_by)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("text is missing")
    if not isinstance(row.gate, str | None):
        raise ValueError("gate is no text")
    if type(row.offset) is not int or row.offset < 0 or not names_month(row.month):
        raise ValueError("it has no place")


def rows_behind(directory: Path, known: Row | None = None) -> Iterator[Row]:
    """The rows of all receipts behind `known`, from the month files. Their numbers only grow."""
    last = known.seq if known else 0
    for place, payload in read_behind(directory, known.place if known else None):
        try:
            row = row_of(decode(payload), place)
            if row.seq <= last:
                raise ValueError(f"number {row.seq} behind number {last}")
        except (ValueError, KeyError, TypeError) as error:
            path = directory / f"{place.month}.jsonl"
            why = f"it holds no receipt ({error!r})"
            raise Damaged(str(path), place.offset, why, "Run `receipts verify`.") from None
        last = row.seq
        yield row


def record_of(row: Row) -> tuple[Any, ...]:
    """What is stored of a row: the columns of the index, in their order."""
    told = (*row[:9], json.dumps(row.decided_by), *row[10:])
    own = key_of(row.agent, row.id) if row.about == row.case else None
    return (*told, row.case[::-1], own, _checksum(told))


def stored(record: tuple[Any, ...]) -> Row:
    """The row of a record selected as `COLUMNS`. Raises `ChangedRow` for one that is not as it was
    written."""
    *fields, checksum = record
    try:
        if _checksum(fields) != checksum:
            raise ValueError("its checksum is another")
        fields[9] = tuple(json.loads(fields[9]))
        row = Row(*fields)
        _check(row)
    except (ValueError, TypeError) as error:
        raise ChangedRow(f"row {record[0]} was changed: {error}") from None
    return row


def key_of(agent: str, action_id: str) -> int:
    """By what an action is found a second time: a hash of the agent and its id."""
    hashed = hashlib.sha256(f"{agent}\0{action_id}".encode()).digest()
    return int.from_bytes(hashed[:8], "big", signed=True)


def _checksum(told: Sequence[Any]) -> int:
    return zlib.crc32("\0".join(map(str, told[:_OFFSET])).encode())
