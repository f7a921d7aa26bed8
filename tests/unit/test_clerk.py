"""What a closed case leaves behind is there before the case is gone."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path

import pytest

from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.adapters.receipts.book import index_path
from hitl_mail.daemon.clerk import Clerk
from hitl_mail.daemon.engine import Engine
from tests.factories import action, receive, verdict
from tests.support.receipts import body, open_book, write
from tests.support.spools import made, names, spool


class Now:
    """It is always the same moment."""

    def now(self) -> float:
        return 0.0


@contextmanager
def reading(state: Path) -> Iterator[None]:
    """Somebody reads the index and holds their lock: its rows wait in the daemon's memory."""
    with closing(sqlite3.connect(index_path(state))) as reader:
        rows = reader.execute("select * from receipts union all select * from receipts")
        rows.fetchone()
        yield
        rows.close()


def indexed(state: Path) -> int:
    with closing(sqlite3.connect(index_path(state))) as connection:
        return int(connection.execute("select count(*) from receipts").fetchone()[0])


@pytest.mark.parametrize("busy", [False, True])
async def test_at_every_instant_a_case_is_open_or_its_receipt_is_found(
    tmp_path: Path, busy: bool
) -> None:
    await write(tmp_path, [body()])
    journal, book = Journal(tmp_path / "journal", 0o600), open_book(tmp_path)
    engine = Engine(journal, Now())
    clerk = Clerk(engine, book, {"billing": spool(made(tmp_path / "spool"))}, lambda case: "")
    engine.watchers.append(clerk.watch)
    ids = [f"a{number}" for number in range(40)]
    with reading(tmp_path) if busy else nullcontext():
        for name in ids:
            denied = receive(action(id=name), verdict("deny"), case=f"261122-{name}")
            await engine.handle(denied.case, denied)
        while len(clerk.chores):
            await asyncio.sleep(0)
            for name in ids:
                known = engine.open_case("billing", name)
                assert known or book.lookup.by_agent_id("billing", name), name
                assert known or book.lookup.by_about(f"261122-{name}"), name
    assert (engine.cases, len(names(tmp_path / "spool/results"))) == ({}, 40)
    await book.close()
    await journal.close()
    assert indexed(tmp_path) == 41
