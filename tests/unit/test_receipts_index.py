"""The index of receipts is not believed where a row of it was changed."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hitl_mail.adapters.receipts.book import index_path, open_lookup, receipts_directory
from hitl_mail.adapters.receipts.compare import first_difference
from hitl_mail.adapters.receipts.rows import key_of
from tests.support.receipts import body, open_book, write

CHANGES = {
    "id": "'a6'",
    "agent": "'billing'",
    "about": "'261122-999999'",
    "case_id": "'261122-999999'",
    "status": "'failed'",
    "closed_at": "'1999-01-01T00:00:00.000Z'",
    "action_digest": "'sha256:4'",
    "month": "'2026-10'",
    "gate": "null",
    "digest": "'sha256:0'",
    "key": "0",
    "offset": "33",
}
"""What a changed row may say of receipt 3, whose id is a2."""


async def ten(state: Path) -> None:
    await write(state, [body(f"261122-{n:06d}", id=f"a{n}") for n in range(10)])


def change(state: Path, column: str, value: str) -> None:
    with closing(sqlite3.connect(index_path(state))) as connection, connection:
        connection.execute(f"update receipts set {column} = {value} where seq = 3")


@pytest.mark.parametrize(("column", "value"), CHANGES.items())
async def test_an_action_is_known_again_whatever_was_changed_in_its_row(
    tmp_path: Path, column: str, value: str
) -> None:
    await ten(tmp_path)
    change(tmp_path, column, value)
    book = open_book(tmp_path)
    for lookup in (book.lookup, open_lookup(tmp_path)):
        row = lookup.by_agent_id("default", "a2")
        assert row is not None
        assert (row.seq, row.status, row.action_digest) == (3, "executed", "sha256:3")
        assert lookup.receipt(row)["seq"] == 3
    await book.close()


async def test_no_other_action_is_taken_for_one_whose_row_was_changed(tmp_path: Path) -> None:
    await ten(tmp_path)
    change(tmp_path, "id", "'b2'")
    change(tmp_path, "key", str(key_of("default", "b2")))
    book = open_book(tmp_path)
    assert book.lookup.by_agent_id("default", "b2") is None
    await book.close()


async def test_a_case_gets_its_own_receipt_although_a_row_names_it(tmp_path: Path) -> None:
    await ten(tmp_path)
    change(tmp_path, "about", "'261122-k3f9ma'")
    book = open_book(tmp_path)
    reference = await book.add(body())
    assert reference.seq == 11
    await book.close()


async def test_after_a_row_that_was_changed_the_next_start_makes_the_index_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await ten(tmp_path)
    change(tmp_path, "id", "'a6'")
    book = open_book(tmp_path)
    with caplog.at_level(logging.WARNING):
        book.lookup.by_agent_id("default", "a2")
        book.lookup.by_agent_id("default", "a2")
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "row 3 was changed: its checksum is another; the receipts themselves are read instead,"
        " which is slow: start the daemon again, and the index is made anew"
    ]
    await book.close()
    await write(tmp_path, [])
    with closing(sqlite3.connect(index_path(tmp_path))) as connection:
        found = connection.execute("select id from receipts where seq = 3").fetchone()
    assert found == ("a2",)


async def test_an_index_of_an_older_version_is_made_anew(tmp_path: Path) -> None:
    await ten(tmp_path)
    with closing(sqlite3.connect(index_path(tmp_path))) as connection:
        connection.executescript("delete from receipts where seq > 3; pragma user_version = 1;")
    await write(tmp_path, [])
    with closing(sqlite3.connect(index_path(tmp_path))) as connection:
        assert connection.execute("select count(*) from receipts").fetchone() == (10,)


async def test_an_index_of_which_sqlite_says_what_is_no_text_is_made_anew(tmp_path: Path) -> None:
    await ten(tmp_path)
    with closing(sqlite3.connect(index_path(tmp_path))) as connection, connection:
        connection.execute("pragma writable_schema = on")
        connection.execute(
            "update sqlite_schema set name = cast(x'81' as text), sql = 'create nothing'"
            " where name = 'by_key'"
        )
    assert open_lookup(tmp_path).by_agent_id("default", "a2") is not None
    assert difference(tmp_path) is None
    await write(tmp_path, [body()])
    assert open_lookup(tmp_path).head()[0] == 11


def difference(state: Path, *, running: bool = False) -> tuple[int, str] | None:
    return first_difference(receipts_directory(state), index_path(state), running=running)


async def test_an_index_as_it_was_written_differs_from_no_receipt(tmp_path: Path) -> None:
    assert difference(tmp_path) is None
    await ten(tmp_path)
    assert difference(tmp_path) is None
    assert difference(tmp_path, running=True) is None


@pytest.mark.parametrize("column", sorted(CHANGES.keys() - {"month"}))
async def test_the_first_row_that_is_not_its_receipts_is_named(tmp_path: Path, column: str) -> None:
    await ten(tmp_path)
    change(tmp_path, column, CHANGES[column])
    found = difference(tmp_path)
    assert found is not None
    assert (found[0], found[1].split(" is ")[0]) == (3, f"its {column}")


async def test_a_row_that_one_of_the_indexes_lacks_is_found(tmp_path: Path) -> None:
    await ten(tmp_path)
    with closing(sqlite3.connect(index_path(tmp_path))) as connection, connection:
        connection.execute("pragma writable_schema = on")
        connection.execute(
            "update sqlite_schema set sql = sql || ' and seq != 3' where name = 'by_key'"
        )
    with closing(sqlite3.connect(index_path(tmp_path))) as connection, connection:
        connection.execute("reindex by_key")
        connection.execute("pragma writable_schema = on")
        connection.execute(
            "update sqlite_schema set sql = replace(sql, ' and seq != 3', '') where name = 'by_key'"
        )
    assert difference(tmp_path) == (0, "row 3 missing from index by_key")
    book = open_book(tmp_path)
    assert book.lookup.by_agent_id("default", "a2") is not None
    await book.close()


async def test_a_place_that_an_erasure_has_moved_is_no_difference_beside_a_daemon(
    tmp_path: Path,
) -> None:
    await ten(tmp_path)
    change(tmp_path, "offset", "33")
    assert difference(tmp_path, running=True) is None


async def test_an_index_that_the_next_start_makes_anew_is_no_fault(tmp_path: Path) -> None:
    await ten(tmp_path)
    index_path(tmp_path).write_bytes(b"no database")
    assert difference(tmp_path) is None
    index_path(tmp_path).unlink()
    assert difference(tmp_path) is None
