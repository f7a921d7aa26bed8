"""TinyDB over the month files: a table that streams its documents and a storage that appends.

TinyDB's own storages read and write the whole database at each call; here a search reads one
receipt after the other and forgets it, a lookup by number, case or id reads that receipt, and an
insert appends. Of TinyDB's table only the methods named here are ours; they rely on what 4.9 has
inside (`QueryInstance._hash`), and do without it where it is not as expected.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn, TypeVar, cast

from tinydb import TinyDB
from tinydb.queries import QueryInstance, QueryLike
from tinydb.storages import Storage
from tinydb.table import Document, Table
from tinydb.utils import LRUCache

from hitl_mail.adapters.receipts.files import MonthFiles, decode, read_behind
from hitl_mail.adapters.receipts.index import ReceiptIndex
from hitl_mail.adapters.receipts.lookup import Lookup
from hitl_mail.adapters.receipts.rows import Row, row_of
from hitl_mail.core.jcs_again import dumps_again
from hitl_mail.errors import Damaged, UsageError

TABLE = "receipts"

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


def _read_only(*_: object, **__: object) -> NoReturn:
    raise UsageError("receipts are read-only: they are written by the daemon and never changed")


class ReceiptStorage(Storage):
    """The month files and the index that belongs to them; with `files` and `index`, to write."""

    def __init__(
        self,
        directory: Path,
        lookup: Lookup,
        files: MonthFiles | None = None,
        index: ReceiptIndex | None = None,
    ) -> None:
        self.directory = directory
        self.lookup = lookup
        self._files = files
        self._index = index

    def read(self) -> dict[str, dict[str, Any]]:
        """The names of the tables; what is in them is `documents`, which does not fit here."""
        return {TABLE: {}}

    def write(self, data: dict[str, dict[str, Any]]) -> None:
        """Never: there is only `append`."""
        _read_only(data)

    def documents(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """Every receipt with its seq, freshly read, one at a time."""
        for _, payload in read_behind(self.directory):
            receipt = decode(payload)
            yield receipt["seq"], receipt

    def append(self, receipts: list[Mapping[str, Any]]) -> list[int]:
        """Write sealed receipts that follow the last one; durable on return. Their numbers.

        Raises `UsageError` where this storage only reads, `StorageFailed`, ValueError for a number
        that does not follow.
        """
        if self._files is None or self._index is None:
            _read_only()
        seqs = [receipt["seq"] for receipt in receipts]
        last = self._index.head.seq if self._index.head else 0
        if seqs[:1] <= [last] or seqs != list(range(seqs[0], seqs[0] + len(seqs))):
            raise ValueError(f"receipt {last + 1} must follow, not {seqs}")
        # All that is in them was digested when they were sealed.
        payloads = [(item["closed_at"], dumps_again(item)) for item in receipts]
        places = self._files.append(payloads)
        self._index.add(
            [row_of(dict(item), place) for item, place in zip(receipts, places, strict=True)]
        )
        return seqs


class _NoCache(LRUCache[_Key, _Value]):
    """TinyDB's query cache keeps results, and would go stale beside a writer."""

    def set(self, key: _Key, value: _Value) -> None:
        """Keep nothing."""


class ReceiptTable(Table):
    """`receipts`, read from the month files. Any other name is an empty table.

    A document's `doc_id` is the receipt's seq. Documents are fresh: changing one changes nothing.
    """

    query_cache_class = _NoCache

    def search(self, cond: QueryLike) -> list[Document]:
        """All receipts that match, oldest first."""
        return list(self._matching(cond))

    def count(self, cond: QueryLike) -> int:
        """How many match; none is kept."""
        return sum(1 for _ in self._matching(cond))

    def get(  # type: ignore[override]
        self,
        cond: QueryLike | None = None,
        doc_id: int | None = None,
        doc_ids: list[int] | None = None,
    ) -> Document | list[Document] | None:
        """As TinyDB's: by number, several numbers (a list, oldest first) or the first match."""
        if doc_id is not None:
            return next(self._numbered([doc_id]), None)
        if doc_ids is not None:
            return list(self._numbered(doc_ids))
        if cond is None:
            raise RuntimeError("You have to pass either cond or doc_id or doc_ids")
        return next(self._matching(cond), None)

    def insert(self, document: Mapping[str, Any]) -> int:
        """Append one sealed receipt, where the database was opened for writing."""
        return self.insert_multiple([document])[0]

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Append sealed receipts in one durable write; see `ReceiptStorage.append`."""
        if self.name != TABLE:
            _read_only()
        return self._receipts.append(list(documents))

    def __iter__(self) -> Iterator[Document]:
        if self.name == TABLE:
            for seq, receipt in self._receipts.documents():
                yield Document(receipt, seq)

    def __len__(self) -> int:
        return self._receipts.lookup.head()[0] if self.name == TABLE else 0

    upsert = update = update_multiple = remove = truncate = _read_only
    _update_table = _read_only

    @property
    def _receipts(self) -> ReceiptStorage:
        return cast(ReceiptStorage, self.storage)

    def _matching(self, cond: QueryLike) -> Iterator[Document]:
        rows = self._indexed(cond) if self.name == TABLE else []
        found = self if rows is None else self._read(rows)
        return (document for document in found if cond(document))

    def _indexed(self, cond: QueryLike) -> list[Row] | None:
        """The rows to look at if `cond` is `case`, `id` or `seq` == constant; else None."""
        match cond._hash if isinstance(cond, QueryInstance) else None:
            case ("==", ("case",), str(case)):
                return self._receipts.lookup.by_case(case)
            case ("==", ("id",), str(action_id)):
                return self._receipts.lookup.by_id(action_id)
            case ("==", ("seq",), int(seq)) if type(seq) is int:
                return self._by_seq(seq)
        return None

    def _numbered(self, seqs: list[int]) -> Iterator[Document]:
        if self.name != TABLE:
            return iter(())
        wanted = sorted({int(seq) for seq in seqs})
        return self._read([row for seq in wanted for row in self._by_seq(seq)])

    def _by_seq(self, seq: int) -> list[Row]:
        row = self._receipts.lookup.by_seq(seq) if 0 < seq < 2**63 else None
        return [row] if row else []

    def _read(self, rows: list[Row]) -> Iterator[Document]:
        for row in rows:
            try:
                receipt = self._receipts.lookup.receipt(row)
            except (Damaged, OSError):
                # The index may be wrong; the files are asked before they are called damaged.
                yield from (document for document in self if document.doc_id == row.seq)
            else:
                yield Document(receipt, row.seq)


class ReceiptDB(TinyDB):
    """TinyDB with `ReceiptTable` as its table class and `receipts` as its default table."""

    table_class = ReceiptTable
    default_table_name = TABLE
    drop_table = drop_tables = _read_only
