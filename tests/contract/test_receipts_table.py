"""Our table against TinyDB's own, over the same documents; and what is ours alone."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import tempfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tinydb import TinyDB, where
from tinydb.queries import QueryInstance
from tinydb.storages import MemoryStorage
from tinydb.table import Document

import hitl_mail
from hitl_mail import open_receipts
from hitl_mail.adapters.receipts.book import index_path, receipts_directory
from hitl_mail.errors import UsageError
from tests.support.receipts import body, home, open_book, write

STATUSES = ("executed", "failed", "rejected")
MONTHS = ("2026-09", "2026-10", "2026-11")


def bodies() -> list[dict[str, Any]]:
    return [
        body(
            f"2611{n % 9 + 10}-{n:06d}",
            id=f"a{n % 7}",
            status=STATUSES[n % 3],
            run_id=None if n % 4 else f"run-{n}",
            outcome={"ok": n % 2 == 0, "seconds": n / 4},
            closed_at=f"{MONTHS[n // 14]}-22T13:00:00.123Z",
        )
        for n in range(40)
    ]


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[TinyDB, TinyDB, Path]]:
    """The same receipts in stock TinyDB and in a home; half of them are not in its index."""
    with tempfile.TemporaryDirectory() as directory:
        root = home(Path(directory))
        asyncio.run(write(root / "state", bodies()[:20]))
        index = index_path(root / "state").read_bytes()
        asyncio.run(write(root / "state", bodies()[20:]))
        index_path(root / "state").write_bytes(index)
        ours, stock = open_receipts(root), TinyDB(storage=MemoryStorage)
        stock.table("receipts").insert_multiple(
            Document(doc, doc.doc_id) for doc in ours.table("receipts").all()
        )
        yield stock, ours, root


leaves = st.one_of(
    st.builds(lambda n: where("case") == f"261110-{n:06d}", st.integers(0, 45)),
    st.builds(lambda n: where("case") != f"261110-{n:06d}", st.integers(0, 45)),
    st.builds(lambda n: where("id") == f"a{n}", st.integers(0, 9)),
    st.builds(lambda n: where("seq") == n, st.integers(-1, 45) | st.floats(0, 45)),
    st.builds(lambda n: where("seq") < n, st.integers(0, 45)),
    st.builds(lambda s: where("status") == s, st.sampled_from(STATUSES)),
    st.builds(lambda x: where("case") == x, st.none() | st.booleans() | st.integers(0, 3)),
    st.builds(lambda x: where("seq") == x, st.none() | st.booleans() | st.text(max_size=2)),
    st.builds(lambda n: where("outcome")["seconds"] >= n, st.floats(0, 10)),
    st.builds(lambda s: where("status").one_of(s), st.lists(st.sampled_from(STATUSES))),
    st.just(where("run_id").exists()),
    st.just(where("run_id").matches("run-[0-9]$")),
    st.just(where("decided_by").any(["ada"])),
    st.just(where("action").payload.amount == 40),
    st.just(where("seq").test(lambda seq: seq % 5 == 0)),
    st.just(where("no such field") == 1),
)
queries = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(lambda a, b: a & b, inner, inner),
        st.builds(lambda a, b: a | b, inner, inner),
        st.builds(lambda a: ~a, inner),
    ),
    max_leaves=4,
)


@given(query=queries)
def test_any_query_has_the_answer_of_stock_tinydb(
    both: tuple[TinyDB, TinyDB, Path], query: QueryInstance
) -> None:
    stock, ours = (db.table("receipts") for db in both[:2])
    assert ours.search(query) == stock.search(query)
    assert [doc.doc_id for doc in ours.search(query)] == [doc.doc_id for doc in stock.search(query)]
    assert ours.count(query) == stock.count(query)
    assert ours.contains(query) == stock.contains(query)
    assert ours.get(query) == stock.get(query)


@given(seqs=st.lists(st.integers(-2, 50), max_size=5))
def test_documents_by_number_are_those_of_stock_tinydb(
    both: tuple[TinyDB, TinyDB, Path], seqs: list[int]
) -> None:
    stock, ours = (db.table("receipts") for db in both[:2])
    assert ours.get(doc_ids=seqs) == stock.get(doc_ids=seqs)
    for seq in seqs:
        assert ours.get(doc_id=seq) == stock.get(doc_id=seq)
        assert ours.contains(doc_id=seq) == stock.contains(doc_id=seq)


def test_all_iteration_and_length_are_those_of_stock_tinydb(
    both: tuple[TinyDB, TinyDB, Path],
) -> None:
    stock, ours = (db.table("receipts") for db in both[:2])
    assert ours.all() == stock.all()
    assert list(ours) == list(stock)
    assert len(ours) == len(stock)
    assert both[1].tables() == both[0].tables()


def test_documents_are_fresh_copies(both: tuple[TinyDB, TinyDB, Path]) -> None:
    table = both[1].table("receipts")
    query = where("seq") == 3
    table.search(query)[0]["action"]["payload"]["amount"] = 0
    assert table.search(query)[0]["action"]["payload"]["amount"] == 40


@pytest.mark.parametrize(
    "change",
    [
        lambda db: db.table("receipts").insert({"a": 1}),
        lambda db: db.table("receipts").insert_multiple([{"seq": 41}]),
        lambda db: db.table("receipts").update({"status": "x"}),
        lambda db: db.table("receipts").update({"status": "x"}, doc_ids=[1]),
        lambda db: db.table("receipts").update_multiple([({"a": 1}, where("seq") == 1)]),
        lambda db: db.table("receipts").upsert({"a": 1}, where("seq") == 1),
        lambda db: db.table("receipts").remove(where("seq") == 1),
        lambda db: db.table("receipts").remove(doc_ids=[1]),
        lambda db: db.table("receipts").truncate(),
        lambda db: db.table("another").insert({"a": 1}),
        lambda db: db.table("another").truncate(),
        lambda db: db.drop_table("receipts"),
        lambda db: db.drop_tables(),
        lambda db: db.insert({"a": 1}),
        lambda db: db.table("new", persist_empty=True),
    ],
)
def test_no_change_is_possible(both: tuple[TinyDB, TinyDB, Path], change: Any) -> None:
    with pytest.raises(UsageError, match="read-only"):
        change(both[1])
    assert len(both[1].table("receipts")) == 40


def test_any_other_table_is_empty(both: tuple[TinyDB, TinyDB, Path]) -> None:
    other = both[1].table("another")
    assert (len(other), other.all(), other.get(doc_id=1)) == (0, [], None)
    assert other.search(where("seq") == 1) == []


def test_the_receipts_are_the_default_table(both: tuple[TinyDB, TinyDB, Path]) -> None:
    assert both[1].count(where("status") == "executed") == 14


def test_a_home_without_receipts_is_empty(tmp_path: Path) -> None:
    table = open_receipts(home(tmp_path)).table("receipts")
    assert (table.all(), len(table), table.get(doc_id=1)) == ([], 0, None)
    assert table.search(where("case") == "261122-k3f9ma") == []


def test_a_directory_that_is_no_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no hitl-mail\.toml"):
        open_receipts(str(tmp_path))


async def test_what_a_running_daemon_adds_is_seen_at_once(tmp_path: Path) -> None:
    table = open_receipts(home(tmp_path)).table("receipts")
    book = open_book(tmp_path / "state")
    seen = []
    for n in range(3):
        await book.add(body(f"261122-{n:06d}", closed_at=f"2026-{n + 1:02d}-01T00:00:00.000Z"))
        seen.append((len(table.all()), table.contains(where("case") == f"261122-{n:06d}")))
    await book.close()
    assert seen == [(1, True), (2, True), (3, True)]


async def test_finding_a_case_does_not_read_the_other_months(tmp_path: Path) -> None:
    await write(home(tmp_path) / "state", bodies())
    for month in MONTHS[1:-1]:
        (receipts_directory(tmp_path / "state") / f"{month}.jsonl").write_bytes(b"unread")
    table = open_receipts(tmp_path).table("receipts")
    assert len(table.search(where("case") == "261110-000000")) == 1
    assert table.get(doc_id=40) is not None


async def test_old_months_are_not_held_in_memory(tmp_path: Path) -> None:
    filler = {"text": "x" * 10_000}
    many = [
        body(f"261122-{n:06d}", outcome=filler, closed_at=f"20{10 + n // 30}-01-01T00:00:00.000Z")
        for n in range(600)
    ]
    await write(home(tmp_path) / "state", many)
    table = open_receipts(tmp_path).table("receipts")
    tracemalloc.start()
    counts = (table.count(where("status") == "executed"), table.search(where("status") == "none"))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (counts, peak < 500_000) == ((600, []), True)


async def test_an_index_that_points_elsewhere_does_not_change_an_answer(tmp_path: Path) -> None:
    await write(home(tmp_path) / "state", bodies())
    connection = sqlite3.connect(index_path(tmp_path / "state"))
    connection.execute("update receipts set offset = offset + 1 where seq < 40")
    connection.commit()
    connection.close()
    table = open_receipts(tmp_path).table("receipts")
    found = table.get(doc_id=7)
    assert isinstance(found, Document)
    assert (found.doc_id, found["seq"]) == (7, 7)


async def test_another_os_user_of_the_group_can_read(tmp_path: Path) -> None:
    book = open_book(home(tmp_path) / "state", mode=0o640)
    await asyncio.gather(*map(book.add, bodies()))
    script = """
import os, sys
# All imports first: the interpreter itself may lie where only this user can read.
import hitl_mail.adapters.receipts.table, msgspec
from hitl_mail import open_receipts
from tinydb import where
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(12345); os.setuid(12345)
table = open_receipts(sys.argv[1]).table("receipts")
print(len(table.search(where("case") == "261110-000000")), table.count(where("seq") > 0))
try:
    open(sys.argv[1] + "/state/receipts/2026-09.jsonl", "ab")
except PermissionError:
    print("no right to write")
"""
    with tempfile.TemporaryDirectory() as directory:
        # Below a directory that everybody may pass: what pytest makes is private.
        public = Path(directory) / "home"
        Path(directory).chmod(0o755)
        subprocess.run(["cp", "-r", str(tmp_path), str(public)], check=True)
        for path in [public, *public.rglob("*")]:
            path.chmod(0o550 if path.is_dir() else 0o440)
            if os.geteuid() == 0:
                os.chown(path, 0, 12345)
        done = subprocess.run(
            [sys.executable, "-c", script, str(public)],
            capture_output=True,
            text=True,
            check=False,
        )
        for path in [public, *public.rglob("*")]:
            path.chmod(0o700)
    await book.close()
    assert (done.stdout.split(maxsplit=2), done.stderr) == (
        ["1", "40", "no right to write\n"],
        "",
    )


def test_importing_the_package_imports_no_database() -> None:
    script = "import sys, hitl_mail; print('tinydb' in sys.modules, 'sqlite3' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_an_unknown_name_of_the_package_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'receipts_of'"):
        _ = hitl_mail.receipts_of
