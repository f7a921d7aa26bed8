"""What every `Store` promises, over the journal on a disk and the one in memory that tests use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.ports import Store
from tests.fuzz.office import Kept

ONE, TWO, THREE, STATE = b'{"n":1}', b'{"n":2}', b'{"n":3}', b'{"state":1}'


@dataclass
class Shelf:
    """A store, and how a daemon that starts again finds it."""

    store: Store
    again: Callable[[], Awaitable[Store]]


def on_disk(directory: Path) -> Shelf:
    journal = Journal(directory, 0o600)

    async def again() -> Store:
        await journal.close()
        return Journal(directory, 0o600)

    return Shelf(journal, again)


def in_memory(_: Path) -> Shelf:
    kept = Kept()

    async def again() -> Store:
        return kept

    return Shelf(kept, again)


@pytest.fixture(params=[on_disk, in_memory], ids=["journal", "memory"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    made: Shelf = request.param(tmp_path / "journal")
    return made


async def loaded(shelf: Shelf) -> list[tuple[str, bytes]]:
    return list((await shelf.again()).load())


async def test_a_store_that_nothing_was_written_to_is_empty(shelf: Shelf) -> None:
    assert await loaded(shelf) == []


async def test_what_was_appended_is_loaded_in_its_order(shelf: Shelf) -> None:
    for payload in (ONE, TWO, THREE):
        await shelf.store.append(payload)
    assert await loaded(shelf) == [("record", ONE), ("record", TWO), ("record", THREE)]


async def test_a_place_is_fixed_by_the_call_and_not_by_who_waits_first(shelf: Shelf) -> None:
    first, second = shelf.store.append(ONE, urgent=False), shelf.store.append(TWO)
    await second
    await first
    assert await loaded(shelf) == [("record", ONE), ("record", TWO)]


async def test_a_snapshot_stands_for_all_that_was_appended_before_its_call(shelf: Shelf) -> None:
    before = shelf.store.append(ONE)
    taken = shelf.store.snapshot([STATE])
    after = shelf.store.append(TWO)
    await before
    await taken
    await after
    assert await loaded(shelf) == [("snapshot", STATE), ("record", TWO)]


async def test_records_are_those_that_a_start_has_to_read_behind_the_snapshot(shelf: Shelf) -> None:
    await shelf.store.append(ONE)
    await shelf.store.append(TWO)
    counted = [shelf.store.records]
    await shelf.store.snapshot([STATE])
    counted.append(shelf.store.records)
    await shelf.store.append(THREE)
    counted.append(shelf.store.records)
    store = await shelf.again()
    assert [entry for entry, _ in store.load()] == ["snapshot", "record"]
    assert (counted, store.records) == ([2, 0, 1], 1)
