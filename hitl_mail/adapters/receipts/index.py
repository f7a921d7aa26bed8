"""A derived SQLite file that says where each receipt is, so that finding one reads one.

Only a cache (`state/cache/receipts.sqlite`): missing, behind, damaged or ahead of the month files
it is rebuilt or caught up from them, and nothing here is ever needed to be durable. What a row is,
and when it is believed, is in `rows`; `lookup` is who asks.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from urllib.parse import quote

from hitl_mail.adapters.receipts.files import read_receipt
from hitl_mail.adapters.receipts.rows import (
    ALL_COLUMNS,
    COLUMNS,
    UNREADABLE,
    Row,
    record_of,
    rows_behind,
    stored,
)
from hitl_mail.errors import Damaged, StorageFailed

# A reader may hold its lock for as long as it likes; the daemon then tries with the next group.
_BUSY_SECONDS = 0.02
_VERSION = 2
_BATCH = 2000
_TOGETHER = 32
"""Rows written in one transaction, which costs as much as ten rows. Until then they are in
`pending`, and other readers find them in the month files."""
_ASKED = 500
"""Keys in one question; every SQLite takes so many."""
_SCHEMA = f"""
create table receipts (
  seq integer primary key, digest text not null, about text not null unique,
  case_id text not null, agent text not null, id text not null, kind text not null,
  status text not null, gate text, decided_by text not null, action_digest text not null,
  closed_at text not null, month text not null, offset integer not null,
  backwards text not null, key integer, checksum integer not null
) strict;
create index by_end on receipts (backwards);
create index by_agent_id on receipts (id, agent);
create index by_key on receipts (key) where key is not null;
pragma user_version = {_VERSION};
"""


def newest(connection: sqlite3.Connection) -> Row | None:
    """The row with the highest seq. Raises `UNREADABLE`."""
    sql = f"select {COLUMNS} from receipts order by seq desc limit 1"  # noqa: S608 - constants
    record = connection.execute(sql).fetchone()
    return stored(record) if record else None


def fits(directory: Path, row: Row) -> bool:
    """Whether the month files hold, at the row's place, the receipt it speaks of."""
    try:
        receipt = read_receipt(directory, row.place)
    except (OSError, Damaged):
        return False
    return (receipt.get("seq"), receipt.get("digest")) == (row.seq, row.digest)


class ReceiptIndex:
    """The daemon's side: the only writer. Rows that were not written yet are in `pending`.

    `doubted`: a row in it was changed, so that the next start is to make it anew."""

    def __init__(self, path: Path, directory: Path, mode: int) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path
        self.pending: list[Row] = []
        self.doubted = False
        connection = _open_sound(path, directory)
        if connection is None:
            connection = _create(path, mode)
        self._connection = connection
        self.head = newest(connection)
        self._catch_up(directory)

    def add(self, rows: list[Row]) -> None:
        """Take rows in, in order of seq; written when there are enough of them."""
        if not rows:
            return
        self.pending.extend(rows)
        self.head = rows[-1]
        if len(self.pending) >= _TOGETHER:
            self.write()

    def write(self) -> None:
        """Write all rows that wait; if somebody reads, they go on waiting."""
        marks = ",".join("?" * len(ALL_COLUMNS.split(",")))
        sql = f"insert or ignore into receipts ({ALL_COLUMNS}) values ({marks})"  # noqa: S608
        try:
            with self._connection:
                self._connection.executemany(sql, map(record_of, self.pending))
                if self.doubted:
                    self._connection.execute("pragma user_version = 0")
        except UNREADABLE:
            # Locked, or the disk is full: the month files have them, and so has `pending`.
            return
        self.pending = []

    def moved(self, month: str, places: list[tuple[int, int]]) -> None:
        """A month's file was written anew: where each receipt (seq) is in it now.

        Where somebody reads, the old places stay: a look-up finds what is not at its place, and
        the next start makes a cache like that anew.
        """
        now = dict(places)
        self.pending = [_moved(row, month, now) for row in self.pending]
        if self.head is not None:
            self.head = _moved(self.head, month, now)
        sql = "update receipts set offset = ? where seq = ?"
        with suppress(*UNREADABLE), self._connection:
            self._connection.executemany(sql, [(offset, seq) for seq, offset in places])

    def references(self, abouts: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Seq and digest of the receipts there are with these idempotency keys, by them. Asked
        together, because each question gives way to other threads. Raises `UNREADABLE`."""
        wanted = frozenset(abouts)
        found = {row.about: (row.seq, row.digest) for row in self.pending if row.about in wanted}
        for at in range(0, len(abouts), _ASKED):
            some = abouts[at : at + _ASKED]
            marks = ",".join("?" * len(some))
            sql = f"select {COLUMNS} from receipts where about in ({marks})"  # noqa: S608
            for row in map(stored, self._connection.execute(sql, some)):
                found[row.about] = (row.seq, row.digest)
        return found

    def close(self) -> None:
        """Write what waits and release the file."""
        self.write()
        self._connection.close()

    def _catch_up(self, directory: Path) -> None:
        rows = rows_behind(directory, self.head)
        while batch := list(islice(rows, _BATCH)):
            self.add(batch)
        self.write()


def _moved(row: Row, month: str, places: dict[int, int]) -> Row:
    return row._replace(offset=places[row.seq]) if row.month == month else row


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, check_same_thread=False)
    connection.execute("pragma journal_mode = delete")
    connection.execute("pragma synchronous = off")
    return connection


def _open_sound(path: Path, directory: Path) -> sqlite3.Connection | None:
    """The cache that is there, if it is sound."""
    if not path.exists():
        return None
    try:
        connection = _connect(path)
    except UNREADABLE:
        return None
    sound = is_sound(connection, directory)
    if sound:
        return connection
    connection.close()
    return None


def is_sound(connection: sqlite3.Connection, directory: Path) -> bool:
    """Whether this cache is of this version, unbroken and not ahead of the files."""
    try:
        return _looks_sound(connection, directory)
    except (sqlite3.Error, ValueError, TypeError):
        # Whatever is wrong with a cache, the answer is the same: make it anew.
        return False


def _looks_sound(connection: sqlite3.Connection, directory: Path) -> bool:
    (version,) = connection.execute("pragma user_version").fetchone()
    if version != _VERSION:
        return False
    # Nothing is synced, so a power cut can leave pages of different ages.
    (verdict,) = connection.execute("pragma quick_check(1)").fetchone()
    (count,) = connection.execute("select count(*) from receipts").fetchone()
    head = newest(connection)
    if head is None:
        return True
    newest_of_each = "select max(seq) from receipts group by month"
    sql = f"select {COLUMNS} from receipts where seq in ({newest_of_each})"  # noqa: S608 - constants
    # A file that was written anew without us has its last receipt at another place.
    last = [stored(record) for record in connection.execute(sql)]
    fitting = all(fits(directory, row) for row in last)
    return bool(verdict == "ok" and count == head.seq and fitting)


def _create(path: Path, mode: int) -> sqlite3.Connection:
    for old in (path, path.with_name(f"{path.name}-journal")):
        old.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    os.fchmod(descriptor, mode)
    os.close(descriptor)
    try:
        connection = _connect(path)
        connection.executescript(_SCHEMA)
    except sqlite3.Error as error:
        raise StorageFailed(f"{path}: cannot be made: {error}. Is the disk full?") from error
    return connection


def open_for_reading(path: Path, seconds: float) -> sqlite3.Connection:
    """A connection that can only read, waiting at most `seconds` for a lock.

    Raises `UNREADABLE`, also where the file is of another version.
    """
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, timeout=seconds, check_same_thread=False)
    try:
        (version,) = connection.execute("pragma user_version").fetchone()
    except UNREADABLE:
        connection.close()
        raise
    if version != _VERSION:
        connection.close()
        raise sqlite3.DatabaseError(f"{path}: version {version}")
    return connection
