"""Whether the index says of each receipt what the receipt says: for `receipts verify`.

Reads both and changes neither. An index that is missing, of another version or behind the month
files is no fault: nobody believes it, or it is caught up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from hitl_mail.adapters.receipts.index import is_sound, open_for_reading
from hitl_mail.adapters.receipts.rows import ALL_COLUMNS, UNREADABLE, record_of, rows_behind

_AT_ONCE = 2000
"""Rows read in one go: who reads for long keeps the daemon from writing the next."""
_WAIT_SECONDS = 2.0
_NAMES = tuple(name.strip() for name in ALL_COLUMNS.split(","))


class Difference(NamedTuple):
    """The first row that is not its receipt's: of which number (0: none in particular), and
    what."""

    seq: int
    what: str


def first_difference(directory: Path, index: Path, *, running: bool) -> Difference | None:
    """What the index says otherwise than the receipts do. With `running`, a place that is another
    is none: a month may be written anew at this moment. Raises `Damaged`, OSError."""
    try:
        connection = open_for_reading(index, _WAIT_SECONDS)
    except UNREADABLE:
        return None
    with closing(connection):
        try:
            if not running and not is_sound(connection, directory):
                # The next start makes it anew.
                return None
            return _compare(directory, connection, running) or _unsound(connection)
        except sqlite3.OperationalError:
            # Somebody writes all the time.
            return None
        except UNREADABLE as error:
            return Difference(0, f"it cannot be read: {error}")


def _compare(directory: Path, connection: sqlite3.Connection, running: bool) -> Difference | None:
    records = _records(connection)
    for row in rows_behind(directory):
        record = next(records, None)
        if record is None:
            return None
        for name, has, wanted in zip(_NAMES, record, record_of(row), strict=True):
            if name == "seq" and has != wanted:
                return Difference(row.seq, "its row is missing")
            if has != wanted and not (running and name == "offset"):
                return Difference(
                    row.seq, f"its {name} is {has!r}, and the receipt says {wanted!r}"
                )
    return None


def _records(connection: sqlite3.Connection) -> Iterator[tuple[Any, ...]]:
    sql = f"select {ALL_COLUMNS} from receipts where seq > ? order by seq limit ?"  # noqa: S608
    last = 0
    while some := connection.execute(sql, (last, _AT_ONCE)).fetchall():
        yield from some
        last = some[-1][0]


def _unsound(connection: sqlite3.Connection) -> Difference | None:
    """What SQLite itself finds wrong, such as a row that one of its own indexes lacks."""
    (verdict,) = connection.execute("pragma integrity_check(1)").fetchone()
    return None if verdict == "ok" else Difference(0, str(verdict))
