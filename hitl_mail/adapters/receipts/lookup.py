"""Finding receipts by case, by agent and id, by a part of a case id, or the newest ones.

Answers come from the index and from what it does not cover yet: for the daemon its own pending
rows, for everybody else a scan of the month files behind the index's head (of all of them where
there is no usable index). So every answer is complete, and only its speed depends on the cache.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hitl_mail.adapters.receipts.files import read_from, read_receipt
from hitl_mail.adapters.receipts.index import ReceiptIndex, fits, newest, open_for_reading
from hitl_mail.adapters.receipts.rows import (
    COLUMNS,
    UNREADABLE,
    ChangedRow,
    Row,
    key_of,
    rows_behind,
    stored,
)
from hitl_mail.core.receipt import ABOUT_ERASURE, NO_RECEIPT
from hitl_mail.errors import Damaged, HitlError, UsageError

log = logging.getLogger(__name__)

SHORTEST_FRAGMENT = 4
_WAIT_SECONDS = 2.0
_ALL = -1

_Sources = tuple[Iterable[Row], sqlite3.Connection | None]


class Lookup:
    """Read-only, for any process and any OS user who may read the month files."""

    def __init__(self, directory: Path, index_path: Path) -> None:
        self._directory = directory
        self._index_path = index_path

    def by_case(self, case: str) -> list[Row]:
        """All receipts that speak of `case`, oldest first: its own, then its review's."""
        # What a receipt is about begins with its case.
        where, bounds = "about >= ? and about < ?", _range(case)
        return self._select(where, bounds, lambda row: row.case == case)

    def by_about(self, about: str) -> Row | None:
        """The receipt with this idempotency key (see `ReceiptBook.add`)."""
        found = self._select("about = ?", (about,), lambda row: row.about == about)
        return found[0] if found else None

    def by_agent_id(self, agent: str, action_id: str) -> Row | None:
        """The newest receipt of an action the agent called `action_id`; not a review's."""

        def same(row: Row) -> bool:
            return (row.agent, row.id, row.about) == (agent, action_id, row.case)

        # In two ways: what is not found runs, and a row may have been changed.
        where = "key = ? or (id = ? and agent = ? and about = case_id)"
        found = self._select(where, (key_of(agent, action_id), action_id, agent), same)
        return found[-1] if found else None

    def by_id(self, action_id: str) -> list[Row]:
        """All receipts of actions called `action_id`, of any agent, oldest first."""
        return self._select("id = ?", (action_id,), lambda row: row.id == action_id)

    def by_seq(self, seq: int) -> Row | None:
        """The receipt numbered `seq`."""
        found = self._select("seq = ?", (seq,), lambda row: row.seq == seq)
        return found[0] if found else None

    def find(self, fragment: str, limit: int = 20) -> list[str]:
        """At most `limit` case ids that begin or end with `fragment`, sorted.

        Raises `UsageError` for less than four characters.
        """
        if len(fragment) < SHORTEST_FRAGMENT:
            raise UsageError(
                f"{fragment!r} is too short to find a case by; "
                f"give at least {SHORTEST_FRAGMENT} characters"
            )
        begin = _range(fragment), lambda row: row.case.startswith(fragment)
        end = _range(fragment[::-1]), lambda row: row.case.endswith(fragment)
        found: set[str] = set()
        for column, (bounds, keep) in (("about", begin), ("backwards", end)):
            where = f"{column} >= ? and {column} < ?"
            # A case can have two receipts.
            found.update(row.case for row in self._select(where, bounds, keep, 2 * limit))
        return sorted(found)[:limit]

    def head(self) -> tuple[int, str]:
        """Seq and digest of the last receipt; 0 and the digest of nothing where there is none."""
        found = self._select("1", (), lambda _: True, 1)
        return (found[0].seq, found[0].digest) if found else (0, NO_RECEIPT)

    def rows(
        self,
        limit: int = _ALL,
        status: str | None = None,
        kind: str | None = None,
        since: str | None = None,
    ) -> list[Row]:
        """The newest `limit` receipts that fit all filters, newest last.

        `since` is compared with `closed_at` as text, so it is an ISO 8601 time in UTC or its start.
        """
        wanted = [
            (clause, value)
            for clause, value in (("status = ?", status), ("kind = ?", kind))
            if value is not None
        ]
        if since is not None:
            wanted.append(("closed_at >= ?", since))

        def keep(row: Row) -> bool:
            return (
                (status is None or row.status == status)
                and (kind is None or row.kind == kind)
                and (since is None or row.closed_at >= since)
            )

        where = " and ".join(clause for clause, _ in wanted) or "1"
        return self._select(where, tuple(value for _, value in wanted), keep, limit)

    def receipt(self, row: Row) -> dict[str, Any]:
        """The receipt itself. Raises `Damaged`, `HitlError` where its file is gone, OSError."""
        path = str(self._directory / f"{row.month}.jsonl")
        fault = Damaged(path, row.offset, f"not receipt {row.seq}", "Run `receipts verify`.")
        if not Path(path).exists():
            raise HitlError(
                f"{path}: it is gone, and with it receipt #{row.seq}, of {row.case}, {row.status}."
                " Restore state/receipts from a backup; `receipts verify` says whether all are"
                " there then."
            )
        try:
            receipt = read_receipt(self._directory, row.place)
            if receipt["seq"] == row.seq:
                return receipt
        except Damaged as error:
            fault = error
        except OSError:
            # The cache names a place that cannot be: what is there is looked through.
            pass
        # An erasure writes a month anew, and then it is not where it was when it was looked up.
        for receipt in read_from(self._directory, row.month):
            if receipt["seq"] == row.seq:
                return receipt
        raise fault

    def erasable(self, before: str) -> list[Row]:
        """Closed cases of the oldest month that has any, closed before this time (ISO 8601, UTC),
        of which no receipt tells that they were erased."""

        def keep(row: Row) -> bool:
            return row.about == row.case and row.closed_at < before

        unerased = (
            "about = case_id and closed_at < ? and not exists"
            " (select 1 from receipts e where e.about = receipts.case_id || ?)"
        )
        rows = self._select(unerased, (before, ABOUT_ERASURE), keep)
        left = [row for row in rows if self.by_about(row.case + ABOUT_ERASURE) is None]
        return [row for row in left if row.month == left[0].month]

    def _doubt(self, error: Exception) -> None:
        """The index could not be used; the month files are."""

    @contextmanager
    def _sources(self) -> Iterator[_Sources]:
        """Rows the index may lack, and the index; the rows are to be looked through first."""
        try:
            connection = open_for_reading(self._index_path, _WAIT_SECONDS)
        except UNREADABLE:
            yield rows_behind(self._directory), None
            return
        try:
            head = newest(connection)
            if head is None or not fits(self._directory, head):
                yield rows_behind(self._directory), None
            else:
                yield rows_behind(self._directory, head), connection
        finally:
            connection.close()

    def _select(
        self, where: str, values: tuple[Any, ...], keep: Callable[[Row], bool], limit: int = _ALL
    ) -> list[Row]:
        # `where` is one of the texts above, never input; `keep` says the same of a row.
        sql = f"select {COLUMNS} from receipts where {where} order by seq desc limit ?"  # noqa: S608
        try:
            with self._sources() as (uncovered, connection):
                found = _newest(filter(keep, uncovered), limit)
                if connection is not None:
                    found += filter(keep, map(stored, connection.execute(sql, (*values, limit))))
        except UnicodeEncodeError:
            # A word of a command line may be no text; no receipt holds such a thing.
            return []
        except (*UNREADABLE, Damaged) as error:
            # Also where a month was written anew between looking at the index and at the file.
            self._doubt(error)
            found = _newest(filter(keep, rows_behind(self._directory)), limit)
        by_seq = {row.seq: row for row in found}
        seqs = sorted(by_seq)
        return [by_seq[seq] for seq in (seqs if limit == _ALL else seqs[-limit:])]


class OwnLookup(Lookup):
    """The daemon's: the index that it writes itself, and the rows still waiting to be written.

    May be asked from several threads.
    """

    def __init__(self, directory: Path, index: ReceiptIndex) -> None:
        super().__init__(directory, index.path)
        self._index = index
        self._connection = open_for_reading(index.path, _WAIT_SECONDS)
        self._lock = threading.Lock()

    def head(self) -> tuple[int, str]:
        """As `Lookup.head`, from memory."""
        head = self._index.head
        return (head.seq, head.digest) if head else (0, NO_RECEIPT)

    def close(self) -> None:
        """Release the index."""
        self._connection.close()

    def _doubt(self, error: Exception) -> None:
        if isinstance(error, ChangedRow) and not self._index.doubted:
            # Nothing is made anew beside work: that takes as long as there are receipts.
            self._index.doubted = True
            log.warning(
                "%s: %s; the receipts themselves are read instead, which is slow: start the daemon"
                " again, and the index is made anew",
                self._index_path,
                error,
            )

    @contextmanager
    def _sources(self) -> Iterator[_Sources]:
        with self._lock:
            yield tuple(self._index.pending), self._connection


def _range(prefix: str) -> tuple[str, str]:
    return prefix, prefix + "\U0010ffff"


def _newest(rows: Iterable[Row], limit: int) -> list[Row]:
    return list(rows) if limit == _ALL else list(deque(rows, maxlen=limit))
