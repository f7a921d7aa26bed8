"""Erasing in the book: the bytes are gone, and everything else is as it was."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tinydb import where

from hitl_mail import open_receipts
from hitl_mail.adapters.receipts import files as receipts_files
from hitl_mail.adapters.receipts.book import (
    ReceiptBook,
    index_path,
    open_lookup,
    receipts_directory,
)
from hitl_mail.adapters.receipts.verify import Fault, verify
from hitl_mail.core.receipt import is_erased
from hitl_mail.errors import HitlError, StorageFailed
from tests.support.receipts import PUBLIC_KEYS, body, home, open_book

SECRET = "Mr Secret of Secret Street"


def told(case: str, **fields: Any) -> dict[str, Any]:
    """A case that speaks of somebody wherever a case can."""
    return body(
        case,
        **{
            "title": f"Refund {SECRET}",
            "action": {"payload": {"customer": SECRET}},
            "outcome": {"stdout": SECRET},
            "decisions": [{"by": "ada", "verb": "reject", "via": "mail", "note": SECRET}],
            **fields,
        },
    )


async def three(state: Path) -> ReceiptBook:
    """A book with a secret in the second of three receipts, which are of two months."""
    book = open_book(state)
    await book.add(body("261030-aaaaaa", closed_at="2026-10-30T00:00:00.000Z"))
    await book.add(told("261122-bbbbbb"))
    await book.add(body("261123-cccccc"))
    return book


def bytes_of(state: Path) -> bytes:
    return b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())


def fault(state: Path) -> Fault | None:
    return verify(receipts_directory(state), PUBLIC_KEYS).fault


async def test_what_was_erased_is_on_no_file_and_the_chain_is_right(tmp_path: Path) -> None:
    book = await three(tmp_path)
    assert SECRET.encode() in bytes_of(tmp_path)
    await book.erase([2])
    assert SECRET.encode() not in bytes_of(tmp_path)
    assert fault(tmp_path) is None
    await book.close()


async def test_others_keep_what_they_say_and_all_are_found(tmp_path: Path) -> None:
    book = await three(tmp_path)
    await book.erase([2])
    for lookup in (book.lookup, open_lookup(tmp_path)):
        found = [lookup.receipt(row) for row in lookup.rows()]
        assert [(one["seq"], is_erased(one)) for one in found] == [
            (1, False),
            (2, True),
            (3, False),
        ]
    await book.close()


async def test_the_book_goes_on_after_it(tmp_path: Path) -> None:
    book = await three(tmp_path)
    first, _, last = await asyncio.gather(
        book.add(told("261124-dddddd")), book.erase([2, 4]), book.add(body("261125-eeeeee"))
    )
    await book.close()
    assert (first.seq, last.seq, fault(tmp_path)) == (4, 5, None)
    assert SECRET.encode() not in bytes_of(tmp_path)
    again = open_book(tmp_path)
    assert (await again.add(body("261126-ffffff"))).seq == 6
    await again.close()
    assert fault(tmp_path) is None


async def test_erasing_twice_or_nothing_writes_nothing(tmp_path: Path) -> None:
    book = await three(tmp_path)
    await book.erase([2])
    before = {path: path.stat().st_ino for path in receipts_directory(tmp_path).iterdir()}
    await book.erase([2])
    await book.erase([])
    await book.erase([99])
    assert {path: path.stat().st_ino for path in before} == before
    await book.close()


async def test_who_reads_meanwhile_reads_to_the_end(tmp_path: Path) -> None:
    book = await three(home(tmp_path) / "state")
    table = iter(open_receipts(tmp_path).table("receipts"))
    seen = [next(table), next(table)]
    await book.erase([2])
    assert [one["seq"] for one in [*seen, *table]] == [1, 2, 3]
    await book.close()


async def test_a_look_up_from_before_finds_its_receipt_after(tmp_path: Path) -> None:
    book = await three(home(tmp_path) / "state")
    lookup = open_lookup(tmp_path / "state")
    row = lookup.by_seq(3)
    assert row is not None
    await book.erase([2])
    assert lookup.receipt(row)["case"] == "261123-cccccc"
    found = open_receipts(tmp_path).table("receipts").get(where("case") == "261123-cccccc")
    assert isinstance(found, dict) and found["seq"] == 3
    await book.close()


async def test_an_index_that_missed_it_is_made_anew(tmp_path: Path) -> None:
    book = await three(tmp_path)
    with closing(sqlite3.connect(index_path(tmp_path))) as reader:
        rows = reader.execute("select * from receipts union all select * from receipts")
        rows.fetchone()
        await book.erase([2])
        rows.close()
    assert [book.lookup.receipt(row)["seq"] for row in book.lookup.rows()] == [1, 2, 3]
    await book.close()
    again = open_book(tmp_path)
    await again.close()
    with closing(sqlite3.connect(index_path(tmp_path))) as connection:
        places = dict(
            connection.execute("select seq, offset from receipts where month = '2026-11'")
        )
    path = receipts_directory(tmp_path) / "2026-11.jsonl"
    for seq, offset in places.items():
        assert receipts_files.decode(receipts_files.read_at(path, offset))["seq"] == seq


async def test_a_torn_end_that_was_kept_goes_too(tmp_path: Path) -> None:
    book = await three(tmp_path)
    kept = receipts_directory(tmp_path) / "2026-11.jsonl.torn-99"
    kept.write_text(SECRET)
    await book.erase([2])
    assert not kept.exists()
    await book.close()


async def test_a_full_disk_leaves_everything_and_the_book_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = await three(tmp_path)

    def full(path: Path, payloads: Iterable[bytes], mode: int) -> None:
        raise StorageFailed(f"{path}: no space left")

    with monkeypatch.context() as patched:
        patched.setattr(receipts_files, "write_frames", full)
        with pytest.raises(HitlError, match="could not be erased"):
            await book.erase([2])
    assert fault(tmp_path) is None
    assert (await book.add(body("261124-dddddd"))).seq == 4
    await book.erase([2])
    assert SECRET.encode() not in bytes_of(tmp_path)
    await book.close()


async def test_after_a_sync_that_failed_the_book_takes_nothing_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = await three(tmp_path)

    def lost(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", lost)
        with pytest.raises(StorageFailed, match="could not be synced") as failed:
            await book.erase([2])
    assert failed.value.final
    with pytest.raises(StorageFailed):
        await book.add(body("261124-dddddd"))
    assert fault(tmp_path) is None
    await book.close()


async def test_a_damaged_month_is_not_written_anew(tmp_path: Path) -> None:
    book = await three(tmp_path)
    path = receipts_directory(tmp_path) / "2026-11.jsonl"
    data = path.read_bytes().replace(b"261123-cccccc", b"261123-cccccd")
    path.write_bytes(data + data.splitlines(keepends=True)[1])
    with pytest.raises(HitlError, match="could not be erased"):
        await book.erase([2])
    assert path.read_bytes().startswith(data)
    await book.close()


async def test_what_can_be_erased_is_found_a_month_at_a_time_until_it_is_told(
    tmp_path: Path,
) -> None:
    book = await three(tmp_path)
    end = "2026-11-22T23:00:00.000Z"
    assert [row.case for row in book.lookup.erasable(end)] == ["261030-aaaaaa"]
    told_of = body("261030-aaaaaa", status="erased", closed_at="2026-11-24T00:00:00.000Z")
    await book.add(told_of, "261030-aaaaaa/erased")
    assert [row.case for row in book.lookup.erasable(end)] == ["261122-bbbbbb", "261123-cccccc"]
    assert book.lookup.erasable("2026-10") == []
    await book.close()


async def test_the_file_stays_as_the_group_may_read_it(tmp_path: Path) -> None:
    book = open_book(tmp_path, 0o640)
    await book.add(told("261122-bbbbbb"))
    await book.erase([1])
    [path] = receipts_directory(tmp_path).iterdir()
    assert path.stat().st_mode & 0o777 == 0o640
    await book.close()
