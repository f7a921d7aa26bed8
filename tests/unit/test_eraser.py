"""Contents go and the receipt that says so comes after; what a fault interrupts is ended later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.adapters.receipts.book import ReceiptBook, receipts_directory
from hitl_mail.adapters.receipts.verify import verify
from hitl_mail.core.case import ReceiptRef
from hitl_mail.core.receipt import is_erased
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.eraser import Eraser
from hitl_mail.errors import HitlError, NotAllowed, StorageFailed
from tests.factories import receive
from tests.support.receipts import PUBLIC_KEYS, body, open_book

# 2026-11-25T00:00:00Z; the cases of `body` closed on the 22nd.
NOW = 1795564800.0
BY = {"by": "cleo", "verb": "erase", "via": "cli", "at": "2026-11-25T00:00:00.000Z", "note": ""}


class Clock:
    time = NOW
    passed = 0.0
    """Seconds that have passed, whatever the clock says."""

    def now(self) -> float:
        return self.time

    def go_on(self, seconds: float) -> None:
        self.time += seconds
        self.passed += seconds


@dataclass
class Desk:
    """A daemon's journal, receipts, and what erases."""

    state: Path
    engine: Engine
    book: ReceiptBook
    eraser: Eraser
    clock: Clock

    def told(self) -> list[str]:
        return [row.case for row in self.book.lookup.rows(status="erased")]

    def left(self) -> list[int]:
        rows = self.book.lookup.rows(status="executed")
        return [row.seq for row in rows if not is_erased(self.book.lookup.receipt(row))]

    async def let_go(self) -> None:
        self.eraser.look()
        await self.eraser.chores.settle()


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock, journal, book = Clock(), Journal(tmp_path / "journal", 0o600), open_book(tmp_path)
    engine = Engine(journal, clock)
    eraser = Eraser(engine, book, 86400.0, lambda: clock.passed)
    yield Desk(tmp_path, engine, book, eraser, clock)
    await engine.close()
    await book.close()
    await journal.close()


async def add(desk: Desk, count: int, month: int = 11) -> None:
    for number in range(count):
        closed_at = f"2026-{month:02d}-22T13:00:00.000Z"
        await desk.book.add(body(f"26{month:02d}22-{number:06d}", closed_at=closed_at))


async def test_many_cases_of_several_months_go_once_each(desk: Desk) -> None:
    await add(desk, 3, 10)
    await add(desk, 250)
    await desk.let_go()
    assert (len(desk.told()), desk.left()) == (253, [])
    before = desk.book.lookup.head()
    desk.clock.go_on(90000)
    await desk.let_go()
    assert desk.book.lookup.head() == before
    assert verify(receipts_directory(desk.state), PUBLIC_KEYS, before).fault is None


async def test_the_journal_knows_of_the_last_erasure(desk: Desk) -> None:
    await add(desk, 2)
    await desk.let_go()
    assert desk.engine.desk.head == ReceiptRef(*desk.book.lookup.head())


async def test_what_is_young_or_open_stays(desk: Desk) -> None:
    await add(desk, 1)
    await desk.book.add(body("261124-aaaaaa", closed_at="2026-11-24T13:00:00.000Z"))
    await desk.engine.handle("261122-000000", receive(case="261122-000000"))
    await desk.let_go()
    assert (desk.told(), desk.left()) == ([], [1, 2])


async def test_it_is_looked_once_a_day(desk: Desk) -> None:
    await desk.let_go()
    await add(desk, 1)
    await desk.let_go()
    assert desk.told() == []
    desk.clock.go_on(86400)
    await desk.let_go()
    assert desk.told() == ["261122-000000"]


async def test_a_clock_that_is_far_ahead_for_a_while_lets_go_of_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.eraser.keep = 90 * 86400.0
    await add(desk, 1)
    await desk.let_go()
    for days in (100, -100, 100, -100):
        desk.clock.time += days * 86400
        await desk.let_go()
        desk.clock.go_on(86400)
        await desk.let_go()
    assert (desk.told(), caplog.text.count("the clock has gone on by 101 days in 1")) == ([], 2)


async def test_a_clock_that_was_behind_and_stays_right_is_believed_the_next_day(
    desk: Desk,
) -> None:
    desk.eraser.keep = 90 * 86400.0
    await add(desk, 1)
    await desk.let_go()
    desk.clock.time += 100 * 86400
    for told in ([], ["261122-000000"]):
        desk.clock.go_on(86400)
        await desk.let_go()
        assert desk.told() == told


async def test_without_a_time_everything_is_kept(desk: Desk) -> None:
    desk.eraser.keep = None
    await add(desk, 1)
    await desk.let_go()
    assert desk.left() == [1]


async def test_an_erasure_is_not_told_of_before_the_journal_let_go(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(desk, 1)

    async def full(payloads: object) -> None:
        raise StorageFailed("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(desk.engine._store, "snapshot", full)
        with pytest.raises(HitlError, match="still in the journal: no space left"):
            await desk.eraser.erase("261122-000000", BY)
        await desk.let_go()
        assert (desk.told(), desk.engine.failure) == ([], None)
    done = await desk.eraser.erase("261122-000000", BY)
    assert (done["erased"], desk.told()) == ([1], ["261122-000000"])


async def test_an_open_case_and_none_are_refused(desk: Desk) -> None:
    await desk.engine.handle("261122-000000", receive(case="261122-000000"))
    for case, code in (("261122-000000", "open"), ("261122-999999", "unknown")):
        with pytest.raises(NotAllowed) as refused:
            await desk.eraser.erase(case, BY)
        assert refused.value.code == code


async def test_a_case_and_its_review_go_together(desk: Desk) -> None:
    await add(desk, 1)
    review = body("261122-000000", status="ok", closed_at="2026-11-24T13:00:00.000Z")
    await desk.book.add(review, "261122-000000/review")
    await desk.let_go()
    rows = desk.book.lookup.by_case("261122-000000")
    assert [row.status for row in rows] == ["executed", "ok", "erased"]
    [told] = [desk.book.lookup.receipt(row) for row in rows if row.status == "erased"]
    assert [one["seq"] for one in told["erases"]] == [1, 2]
    assert all(is_erased(desk.book.lookup.receipt(row)) for row in rows[:2])
