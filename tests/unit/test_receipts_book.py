"""The writer of receipts: chained, one for each case, in the right month, at a flat cost."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from pathlib import Path

import pytest

from hitl_mail.adapters import framelog
from hitl_mail.adapters.receipts.book import index_path, open_lookup, receipts_directory
from hitl_mail.adapters.receipts.files import read_behind
from hitl_mail.adapters.receipts.verify import Fault, verify
from hitl_mail.core.receipt import NO_RECEIPT
from hitl_mail.errors import Damaged, HitlError, StorageFailed, UsageError
from hitl_mail.ports import Receipts
from tests.support.receipts import PUBLIC_KEYS, body, open_book, write


def cases(count: int, start: int = 0) -> list[dict[str, object]]:
    return [body(f"261122-{n:06d}", id=f"a{n}") for n in range(start, start + count)]


def fault(state: Path) -> object:
    return verify(receipts_directory(state), PUBLIC_KEYS).fault


async def test_a_book_is_what_the_daemon_needs(tmp_path: Path) -> None:
    book: Receipts = open_book(tmp_path)
    seq, digest = await book.add(body())
    row = book.lookup.by_about("261122-k3f9ma")
    assert row == book.lookup.by_agent_id("default", "refund-8841")
    assert row is not None
    assert (row.seq, row.digest, row.action_digest) == (seq, digest, "sha256:3")
    assert book.lookup.receipt(row)["digest"] == digest


async def test_receipts_added_together_are_one_chain(tmp_path: Path) -> None:
    references = await write(tmp_path, cases(50))
    assert [reference.seq for reference in references] == list(range(1, 51))
    assert fault(tmp_path) is None


async def test_the_chain_goes_on_after_a_restart(tmp_path: Path) -> None:
    await write(tmp_path, cases(3))
    await write(tmp_path, cases(3, start=3))
    report = verify(receipts_directory(tmp_path), PUBLIC_KEYS)
    assert (report.count, report.fault) == (6, None)


async def test_a_case_has_one_receipt_however_often_it_is_added(tmp_path: Path) -> None:
    first = await write(tmp_path, [body(), body()])
    again = await write(tmp_path, [body()])
    assert len({*first, *again}) == 1
    assert len(list(read_behind(receipts_directory(tmp_path)))) == 1


async def test_a_review_is_a_second_receipt_of_the_case(tmp_path: Path) -> None:
    book = open_book(tmp_path)
    await book.add(body())
    await book.add(body(status="ok"), about="261122-k3f9ma/review")
    assert [row.status for row in book.lookup.by_case("261122-k3f9ma")] == ["executed", "ok"]
    first = book.lookup.by_about("261122-k3f9ma")
    assert first is not None and first.status == "executed"
    await book.close()


async def test_a_body_that_cannot_be_sealed_fails_alone(tmp_path: Path) -> None:
    bad = body("261122-bad000", outcome={"n": 2**60})
    undated = body("261122-bad001", closed_at="yesterday")
    book = open_book(tmp_path)
    results = await asyncio.gather(
        *map(book.add, [*cases(2), bad, undated, *cases(1, start=2)]), return_exceptions=True
    )
    await book.close()
    assert [type(result).__name__ for result in results[2:4]] == [
        "IntegerDomainError",
        "ValueError",
    ]
    assert fault(tmp_path) is None


async def test_a_receipt_goes_into_its_month_but_never_before_the_last(tmp_path: Path) -> None:
    days = ["2026-10-31", "2026-12-01", "2026-11-30", "2027-01-01"]
    bodies = [
        body(f"261122-{n:06d}", closed_at=f"{day}T23:59:59.999Z") for n, day in enumerate(days)
    ]
    await write(tmp_path, bodies)
    places = [place.month for place, _ in read_behind(receipts_directory(tmp_path))]
    assert places == ["2026-10", "2026-12", "2026-12", "2027-01"]
    assert fault(tmp_path) is None


async def test_a_receipt_whose_month_is_gone_is_named_with_its_case(tmp_path: Path) -> None:
    days = ["2026-10-31", "2026-12-01"]
    cases_ = [body(f"261122-{n:06d}", closed_at=f"{d}T12:00:00.000Z") for n, d in enumerate(days)]
    await write(tmp_path, cases_)
    lookup = open_lookup(tmp_path)
    row = lookup.by_about("261122-000000")
    assert row is not None
    (receipts_directory(tmp_path) / "2026-10.jsonl").unlink()
    with pytest.raises(HitlError, match="it is gone, and with it receipt #1, of 261122-000000"):
        lookup.receipt(row)


async def test_files_have_the_mode_of_the_site(tmp_path: Path) -> None:
    book = open_book(tmp_path, mode=0o640)
    await book.add(body())
    await book.close()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o640}


async def test_a_group_is_one_write_however_many_receipts_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    real = os.write

    def counted(descriptor: int, data: bytes) -> int:
        calls.append(len(data))
        return real(descriptor, data)

    async def cost_at(start: int) -> list[int]:
        await write(tmp_path, cases(start, start=0))
        book = open_book(tmp_path)
        calls.clear()
        monkeypatch.setattr(os, "write", counted)
        await book.add(body(f"261122-x{start:05d}"))
        monkeypatch.undo()
        await book.close()
        return list(calls)

    small = await cost_at(10)
    large = await cost_at(1500)
    assert (len(small), len(large)) == (1, 1)
    assert large[0] - small[0] < 10


@pytest.mark.long
async def test_cut_at_any_byte_of_the_last_receipts_none_before_is_lost(tmp_path: Path) -> None:
    await write(tmp_path / "whole", cases(3))
    path = receipts_directory(tmp_path / "whole") / "2026-11.jsonl"
    data = path.read_bytes()
    offsets = [offset for offset, _ in framelog.scan(path)]
    for cut in range(offsets[2], len(data), 7):
        state = tmp_path / f"cut-{cut}"
        receipts_directory(state).mkdir(parents=True)
        (receipts_directory(state) / path.name).write_bytes(data[:cut])
        await write(state, cases(4))
        report = verify(receipts_directory(state), PUBLIC_KEYS)
        assert (report.count, report.fault) == (4, None)


async def test_cut_within_its_only_receipt_a_month_file_was_never_begun(tmp_path: Path) -> None:
    await write(tmp_path, [body(), body("261201-aaaaaa", closed_at="2026-12-01T00:00:00.000Z")])
    december = receipts_directory(tmp_path) / "2026-12.jsonl"
    os.truncate(december, december.stat().st_size - 1)
    book = open_book(tmp_path)
    assert book.torn is not None and book.torn.path == december
    assert book.lookup.head()[0] == 1
    await book.close()
    assert fault(tmp_path) is None


async def test_a_damaged_middle_stops_the_daemon_with_the_offset(tmp_path: Path) -> None:
    await write(tmp_path, cases(3))
    path = receipts_directory(tmp_path) / "2026-11.jsonl"
    offset = [offset for offset, _ in framelog.scan(path)][2]
    data = bytearray(path.read_bytes())
    data[offset + 50] ^= 4
    path.write_bytes(data)
    with pytest.raises(Damaged) as caught:
        open_book(tmp_path)
    assert caught.value.offset == offset


async def test_after_a_failed_write_every_add_fails_and_no_number_is_used_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(5, "Input/output error")

    book = open_book(tmp_path)
    await book.add(body())
    monkeypatch.setattr(framelog, "sync_data", fail)
    failed = await asyncio.gather(*map(book.add, cases(2)), return_exceptions=True)
    monkeypatch.undo()
    failed += await asyncio.gather(book.add(body("261201-aaaaaa")), return_exceptions=True)
    await book.close()
    assert {type(result) for result in failed} == {StorageFailed}
    await write(tmp_path, cases(3))
    assert fault(tmp_path) is None


@pytest.mark.parametrize("content", [None, b"", b"no database", b"SQLite format 3\0" + b"x" * 4000])
async def test_a_missing_or_broken_index_is_made_again(
    tmp_path: Path, content: bytes | None
) -> None:
    await write(tmp_path, cases(5))
    index_path(tmp_path).unlink()
    if content is not None:
        index_path(tmp_path).write_bytes(content)
    await write(tmp_path, [])
    with sqlite3.connect(index_path(tmp_path)) as connection:
        assert connection.execute("select count(*) from receipts").fetchone() == (5,)
    connection.close()


async def test_an_index_behind_the_files_is_caught_up(tmp_path: Path) -> None:
    await write(tmp_path, cases(5))
    old = index_path(tmp_path).read_bytes()
    await write(tmp_path, cases(5, start=5))
    index_path(tmp_path).write_bytes(old)
    book = open_book(tmp_path)
    assert (book.lookup.head()[0], book.lookup.by_about("261122-000009") is not None) == (10, True)
    await book.close()


async def test_an_index_ahead_of_the_files_is_made_again(tmp_path: Path) -> None:
    await write(tmp_path, cases(5))
    path = receipts_directory(tmp_path) / "2026-11.jsonl"
    old = path.read_bytes()
    await write(tmp_path, cases(5, start=5))
    path.write_bytes(old)
    assert open_lookup(tmp_path).head()[0] == 5
    book = open_book(tmp_path)
    assert book.lookup.head()[0] == 5
    await book.close()


async def test_a_reader_that_holds_its_lock_keeps_nobody_from_adding(tmp_path: Path) -> None:
    await write(tmp_path, [body()])
    book = open_book(tmp_path)
    reader = sqlite3.connect(index_path(tmp_path))
    cursor = reader.execute("select * from receipts union all select * from receipts")
    cursor.fetchone()
    await asyncio.gather(*map(book.add, cases(40)))
    await book.add(cases(1)[0])
    assert book.lookup.by_agent_id("default", "a7") is not None
    assert (book.lookup.head()[0], open_lookup(tmp_path).head()[0]) == (41, 41)
    assert index_count(tmp_path) == 1
    cursor.close()
    reader.close()
    await book.add(body("261122-last00"))
    assert index_count(tmp_path) == 42
    await book.close()


async def test_rows_of_the_index_are_written_together_and_found_before(tmp_path: Path) -> None:
    book = open_book(tmp_path)
    for item in cases(31):
        await book.add(item)
    found = open_lookup(tmp_path).by_agent_id("default", "a7")
    assert (index_count(tmp_path), book.lookup.by_about("261122-000030") is not None) == (0, True)
    assert found is not None
    await book.add(body("261122-last00"))
    assert index_count(tmp_path) == 32
    await book.add(body("261122-last01"))
    await book.close()
    assert index_count(tmp_path) == 33


def index_count(state: Path) -> int:
    connection = sqlite3.connect(index_path(state))
    count = connection.execute("select count(*) from receipts").fetchone()[0]
    connection.close()
    return int(count)


@pytest.mark.parametrize("indexed", [True, False])
async def test_lookups_answer_alike_with_and_without_the_index(
    tmp_path: Path, indexed: bool
) -> None:
    bodies = [
        *cases(30),
        body("261122-k3f9ma", id="a7", status="failed", closed_at="2026-11-23T00:00:00.000Z"),
        body("261122-k3f9mb", agent="billing", id="a7", kind="mail.send"),
    ]
    await write(tmp_path, bodies)
    if not indexed:
        index_path(tmp_path).unlink()
    lookup = open_lookup(tmp_path)
    newest = lookup.by_agent_id("default", "a7")
    assert newest is not None and newest.seq == 31
    assert lookup.head()[0] == 32
    assert lookup.find("k3f9ma") == ["261122-k3f9ma"]
    assert lookup.find("f9mb") == ["261122-k3f9mb"]
    assert lookup.find("261122-k") == ["261122-k3f9ma", "261122-k3f9mb"]
    assert lookup.find("26112", limit=3) == sorted(lookup.find("26112", limit=3))[:3]
    assert [row.seq for row in lookup.rows(limit=2)] == [31, 32]
    assert [row.seq for row in lookup.rows(kind="mail.send")] == [32]
    assert [row.seq for row in lookup.rows(status="failed", since="2026-11-23")] == [31]
    assert [row.decided_by for row in lookup.rows(limit=1)] == [("ada",)]
    assert [row.case for row in lookup.by_case("261122-000003")] == ["261122-000003"]


def test_a_short_fragment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least 4"):
        open_lookup(tmp_path).find("k3f")


def test_without_receipts_the_head_is_nothing(tmp_path: Path) -> None:
    assert open_lookup(tmp_path).head() == (0, NO_RECEIPT)


async def test_a_last_receipt_that_was_taken_away_stays_missing(tmp_path: Path) -> None:
    *_, (seq, digest) = await write(tmp_path, cases(3))
    path = receipts_directory(tmp_path) / "2026-11.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    book = open_book(tmp_path)
    assert book.go_on_from(seq, digest) == "receipt 3 is missing"
    added = await asyncio.gather(*map(book.add, cases(2, start=3)))
    await book.close()
    assert [reference.seq for reference in added] == [4, 5]
    found = fault(tmp_path)
    assert isinstance(found, Fault) and (found.seq, found.what) == (
        3,
        "its seq is 4 where 3 must follow",
    )


async def test_behind_a_last_receipt_that_is_another_the_chain_goes_on_from_the_one_it_was(
    tmp_path: Path,
) -> None:
    await write(tmp_path, cases(3))
    book = open_book(tmp_path)
    assert book.go_on_from(3, f"sha256:{'0' * 64}") == "receipt 3 is not the one it was"
    await asyncio.gather(*map(book.add, cases(2, start=3)))
    await book.close()
    found = fault(tmp_path)
    assert isinstance(found, Fault) and (found.seq, "prev" in found.what) == (4, True), found


async def test_a_journal_that_lags_behind_the_receipts_changes_nothing(tmp_path: Path) -> None:
    (seq, digest), *_ = await write(tmp_path, cases(3))
    book = open_book(tmp_path)
    assert book.go_on_from(seq, digest) == ""
    assert (await book.add(body("261122-x00000")))[0] == 4
    await book.close()
    assert fault(tmp_path) is None
