"""The book of receipts: the daemon seals and appends, everybody else opens it read-only.

This is the door to the receipts: month files, index, lookups and the TinyDB table are in the
files named `receipts_*`, their form and their check in `core.receipt`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from tinydb import TinyDB

from hitl_mail.adapters.durable import storage_failures
from hitl_mail.adapters.framelog import Torn
from hitl_mail.adapters.groupcommit import GroupCommit
from hitl_mail.adapters.receipts.files import MonthFiles, month_of
from hitl_mail.adapters.receipts.index import ReceiptIndex
from hitl_mail.adapters.receipts.lookup import Lookup, OwnLookup
from hitl_mail.adapters.receipts.rows import UNREADABLE, Row
from hitl_mail.adapters.receipts.table import TABLE, ReceiptDB, ReceiptStorage
from hitl_mail.core.receipt import NO_RECEIPT, SALTED, erase, is_erased, missing, seal
from hitl_mail.errors import Damaged, HitlError, StorageFailed, UsageError

_SALT_BYTES = 16
_PAUSE = 0.005
"""Seconds between two groups of receipts, where one follows the other."""
_SITE_FILE = "hitl-mail.toml"


class Reference(NamedTuple):
    """What a result file says of a receipt."""

    seq: int
    digest: str


def receipts_directory(state: Path) -> Path:
    """Where the month files are."""
    return state / "receipts"


def index_path(state: Path) -> Path:
    """Where the cache is that may be removed at any time."""
    return state / "cache" / "receipts.sqlite"


def open_lookup(state: Path) -> Lookup:
    """Lookups beside a running daemon; nothing is written."""
    return Lookup(receipts_directory(state), index_path(state))


def open_receipts(home: Path | str) -> TinyDB:
    """The receipts of a home as a TinyDB, read-only, beside a running daemon.

    `open_receipts(HOME).table("receipts")` answers TinyDB's queries over all months; a document's
    `doc_id` is the receipt's `seq`. Raises `UsageError` for a directory that is no home.
    """
    state = Path(home) / "state"
    site = Path(home) / _SITE_FILE
    try:
        is_home = site.is_file()
    except OSError as error:
        raise UsageError(f"{site}: cannot be looked at: {error.strerror}") from None
    if not is_home:
        raise UsageError(
            f"{home} is no home of hitl-mail: it has no {site.name}. "
            "Name the home, or make one with `hitl-mail init DIR`."
        )
    return ReceiptDB(receipts_directory(state), open_lookup(state), storage=ReceiptStorage)


class _Addition(NamedTuple):
    about: str
    body: Mapping[str, Any]


class _Erasure(NamedTuple):
    seqs: frozenset[int]


def _without(receipt: dict[str, Any]) -> dict[str, Any] | None:
    return None if is_erased(receipt) else erase(receipt)


class ReceiptBook:
    """The one writer (the caller holds the lock on the home).

    Opening recovers the last month file (`torn` says what was cut off) and brings the index up to
    the files. Raises `Damaged`, `StorageFailed`, `HitlError`.
    """

    def __init__(
        self, state: Path, key: str, sign: Callable[[bytes], bytes], mode: int = 0o600
    ) -> None:
        directory = receipts_directory(state)
        self._signer = (key, sign)
        with storage_failures(state):
            self._files = MonthFiles(directory, mode)
            self._index = ReceiptIndex(index_path(state), directory, mode)
        self.torn: Torn | None = self._files.torn
        self._end = (0, NO_RECEIPT)
        self.lookup = OwnLookup(directory, self._index)
        self._db = ReceiptDB(
            directory, self.lookup, self._files, self._index, storage=ReceiptStorage
        )
        self._commits: GroupCommit[_Addition | _Erasure, Reference] = GroupCommit(
            self._commit, "receipts", _PAUSE
        )

    async def add(self, body: Mapping[str, Any], about: str | None = None) -> Reference:
        """Seal and append the receipt `body` (see `core.receipt.seal`); returns when it is durable.

        `about` is what there is one receipt of: the case, unless given. If it has one already,
        that one is returned and nothing is written. The place in the chain is fixed before the
        first suspension. Raises `StorageFailed`, and ValueError for what has no canonical form.
        """
        return await self._commits.add(_Addition(about or body["case"], body))

    async def erase(self, seqs: Collection[int]) -> None:
        """Let go of the contents of these receipts; digests and signatures stay (see
        `core.receipt.erase`).

        Durable when it returns: each month's file was written anew without them, in one step.
        Doing it twice changes nothing. Whatever is added meanwhile waits for it. Raises `HitlError`
        with nothing, or the files of some months, changed; `StorageFailed`.
        """
        await self._commits.add(_Erasure(frozenset(seqs)))

    def go_on_from(self, seq: int, digest: str) -> str:
        """What is wrong with the receipts up to this one, which the journal knows of: some are
        missing, or it is another.

        The chain goes on from it all the same, so that this stays to be seen: a number given twice
        would let a receipt that was taken away be forgotten, and a signature behind a chain that
        was written anew would vouch for it.
        """
        last, _ = self.lookup.head()
        if last >= seq and self._holds(seq, digest):
            return ""
        self._end = (max(last, seq), digest)
        return missing(last + 1, seq) if last < seq else f"receipt {seq} is not the one it was"

    def sign_with(self, key: str, sign: Callable[[bytes], bytes]) -> None:
        """Sign what comes from now on with this key, whose public half everybody has."""
        self._signer = (key, sign)

    async def close(self) -> None:
        """Finish what was added and release the files."""
        await self._commits.close()
        self.lookup.close()
        self._index.close()
        self._files.close()

    def _commit(self, items: list[_Addition | _Erasure]) -> Sequence[Reference | Exception]:
        results: list[Reference | Exception] = []
        for erasing, group in groupby(items, key=lambda item: isinstance(item, _Erasure)):
            if erasing:
                results += [self._erase(item) for item in group if isinstance(item, _Erasure)]
            else:
                results += self._append([item for item in group if isinstance(item, _Addition)])
        return results

    def _append(self, items: list[_Addition]) -> list[Reference | Exception]:
        seq, prev = max(self._end, self.lookup.head(), key=itemgetter(0))
        sealed: list[dict[str, Any]] = []
        known = self._existing([item.about for item in items])
        results: list[Reference | Exception] = []
        for about, body in items:
            reference = known.get(about)
            if reference is None:
                try:
                    receipt = self._seal(about, body, seq + 1, prev)
                except ValueError as error:
                    results.append(error)
                    continue
                sealed.append(receipt)
                seq, prev = receipt["seq"], receipt["digest"]
                reference = Reference(seq, prev)
            known[about] = reference
            results.append(reference)
        if sealed:
            self._db.table(TABLE).insert_multiple(sealed)
        return results

    def _erase(self, item: _Erasure) -> Reference | Exception:
        months: dict[str, list[Row]] = {}
        for seq in sorted(item.seqs):
            row = self.lookup.by_seq(seq)
            if row is not None:
                months.setdefault(row.month, []).append(row)
        for month, rows in months.items():
            if all(is_erased(self.lookup.receipt(row)) for row in rows):
                continue
            seqs = {row.seq for row in rows}
            path = self._files.directory / f"{month}.jsonl"
            before = path.stat().st_ino
            try:
                self._index.moved(month, self._files.rewrite(month, _without, seqs))
            except (Damaged, StorageFailed) as error:
                final = isinstance(error, StorageFailed) and error.final
                if final or path.stat().st_ino != before:
                    raise
                # Nothing was changed: the book can go on, and only the erasure is not done.
                return HitlError(f"contents could not be erased: {error}")
        return Reference(*self.lookup.head())

    def _holds(self, seq: int, digest: str) -> bool:
        row = self.lookup.by_seq(seq)
        return row is not None and self.lookup.receipt(row)["digest"] == digest

    def _existing(self, abouts: list[str]) -> dict[str, Reference]:
        """The receipts there are already, by what they are about."""
        try:
            found = self._index.references(abouts)
        except UNREADABLE:
            rows = [row for about in abouts if (row := self.lookup.by_about(about)) is not None]
            found = {row.about: (row.seq, row.digest) for row in rows}
        return {about: Reference(*place) for about, place in found.items()}

    def _seal(self, about: str, body: Mapping[str, Any], seq: int, prev: str) -> dict[str, Any]:
        month_of(body["closed_at"])
        named = dict(body) if about == body["case"] else {**body, "about": about}
        # At once: each call gives way to other threads, and costs more than it fetches.
        random = os.urandom(_SALT_BYTES * len(SALTED)).hex()
        size = 2 * _SALT_BYTES
        salts = {part: random[at * size : (at + 1) * size] for at, part in enumerate(SALTED)}
        # Once, for both: another thread may bring a new key.
        key, sign = self._signer
        return seal(named, seq, prev, salts, key=key, sign=sign)
