"""The journal: durable in order, one sync for many, a snapshot that loses nothing."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from hitl_mail.adapters import framelog
from hitl_mail.adapters.framelog import FrameLog, header
from hitl_mail.adapters.journal import files as journal_files
from hitl_mail.adapters.journal.files import read_journal
from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.errors import Damaged, HitlError, StorageFailed
from hitl_mail.ports import Store


def record(number: int) -> bytes:
    return json.dumps({"n": number}).encode()


def opened(directory: Path) -> Journal:
    return Journal(directory, 0o600)


async def filled(directory: Path, numbers: range) -> Journal:
    journal = opened(directory)
    await asyncio.gather(*(journal.append(record(number)) for number in numbers))
    return journal


def records(directory: Path) -> list[int]:
    return [json.loads(payload)["n"] for _, payload in read_journal(directory)]


async def test_a_journal_is_a_store(tmp_path: Path) -> None:
    store: Store = opened(tmp_path)
    assert list(store.load()) == []


async def test_records_are_read_in_the_order_of_their_appends(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(500))
    await journal.close()
    assert [payload for _, payload in opened(tmp_path).load()] == [record(n) for n in range(500)]


async def test_a_record_is_in_the_file_when_append_returns(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    await journal.append(record(1))
    assert records(tmp_path) == [1]
    await journal.close()


async def test_appenders_that_wait_together_share_a_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    syncs: list[int] = []
    monkeypatch.setattr(framelog, "sync_data", syncs.append)
    journal = await filled(tmp_path, range(1000))
    await journal.close()
    # The first of them is alone when it comes.
    assert len(syncs) == 2


async def test_a_failed_write_fails_all_who_wait_and_all_who_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    journal = opened(tmp_path)
    monkeypatch.setattr(framelog, "sync_data", fail)
    waiting = [journal.append(record(n)) for n in range(3)]
    results = await asyncio.gather(*waiting, return_exceptions=True)
    monkeypatch.undo()
    later = await asyncio.gather(journal.append(record(4)), return_exceptions=True)
    assert [type(result) for result in results + later] == [StorageFailed] * 4
    await journal.close()


async def test_a_cancelled_appender_does_not_disturb_the_others(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    tasks = [asyncio.ensure_future(journal.append(record(n))) for n in range(3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(tasks[0], tasks[2])
    await journal.close()
    assert records(tmp_path) == [0, 1, 2]


async def test_a_record_with_a_line_feed_is_refused(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(ValueError, match="line feed"):
        await journal.append(b"{\n}")
    await journal.close()


async def test_a_snapshot_stands_for_what_was_appended_before_it(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(3))
    before = journal.append(record(3))
    snapshot = journal.snapshot([b'"a"', b'"b"'])
    after = journal.append(record(4))
    # What counts is the order of the calls, not that of the awaits.
    await asyncio.gather(after, snapshot, before)
    await journal.close()
    assert list(opened(tmp_path).load()) == [
        ("snapshot", b'"a"'),
        ("snapshot", b'"b"'),
        ("record", record(4)),
    ]


async def test_after_a_snapshot_only_its_own_files_are_left(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(3))
    await journal.snapshot([b"1"])
    await journal.snapshot([b"2"])
    await journal.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00000003.log", "00000003.snapshot"]


async def test_an_empty_state_is_a_snapshot_too(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(3))
    await journal.snapshot([])
    await journal.close()
    assert list(opened(tmp_path).load()) == []


async def test_it_counts_what_came_since_the_last_snapshot(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(3))
    counted = [journal.records]
    await journal.snapshot([b"1"])
    counted.append(journal.records)
    await journal.append(record(9))
    counted.append(journal.records)
    await journal.close()
    again = opened(tmp_path)
    list(again.load())
    counted.append(again.records)
    assert counted == [3, 0, 1, 1]
    assert again.size == len(framelog.frame(record(9)))


async def test_a_snapshot_that_fails_leaves_everything_and_appending_goes_on(
    tmp_path: Path,
) -> None:
    def broken() -> Iterator[bytes]:
        yield b'"half"'
        raise OSError(28, "No space left on device")

    journal = await filled(tmp_path, range(3))
    with pytest.raises(StorageFailed, match="No space left"):
        await journal.snapshot(broken())
    await journal.append(record(3))
    await journal.close()
    assert records(tmp_path) == [0, 1, 2, 3]


async def test_the_loop_runs_on_while_a_snapshot_is_written(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(3))
    appended = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow() -> Iterator[bytes]:
        # The snapshot's thread waits here until an append got through beside it.
        asyncio.run_coroutine_threadsafe(appended.wait(), loop).result(10)
        yield b'"state"'

    snapshot = asyncio.ensure_future(journal.snapshot(slow()))
    await asyncio.sleep(0)
    await journal.append(record(3))
    appended.set()
    await snapshot
    await journal.close()
    assert list(opened(tmp_path).load()) == [("snapshot", b'"state"'), ("record", record(3))]


async def test_killed_at_any_step_of_a_snapshot_the_journal_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every rename, removal and sync is a step; a copy of the directory is what a kill would leave.
    source = tmp_path / "journal"
    copies: list[Path] = []

    def copied(name: str) -> None:
        real = getattr(Path, name)

        def step(path: Path, *arguments: object, **named: object) -> object:
            copies.append(Path(shutil.copytree(source, tmp_path / f"copy-{len(copies)}")))
            return real(path, *arguments, **named)

        monkeypatch.setattr(Path, name, step)

    journal = await filled(source, range(3))
    for name in ("replace", "unlink"):
        copied(name)
    snapshot = journal.snapshot([record(n) for n in range(3)])
    await asyncio.gather(snapshot, journal.append(record(3)))
    monkeypatch.undo()
    await journal.close()
    assert len(copies) >= 4
    for copy in copies:
        left = opened(copy)
        loaded = [json.loads(payload)["n"] for _, payload in left.load()]
        assert loaded in ([0, 1, 2], [0, 1, 2, 3])
        await left.append(record(5))
        await left.close()
        assert records(copy) == [*loaded, 5]


async def test_a_snapshot_cut_short_is_ignored(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(3))
    segment = (tmp_path / "00000001.log").read_bytes()
    await journal.snapshot([b'"a"', b'"b"'])
    await journal.close()
    (tmp_path / "00000001.log").write_bytes(segment)
    snapshot = tmp_path / "00000002.snapshot"
    os.truncate(snapshot, snapshot.stat().st_size - 1)
    assert records(tmp_path) == [0, 1, 2]


async def test_a_lost_segment_is_damage(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(3))
    await journal.snapshot([b"1"])
    await journal.close()
    (tmp_path / "00000002.log").unlink()
    with pytest.raises(Damaged, match="missing"):
        opened(tmp_path)


async def test_cut_at_any_byte_whole_records_are_loaded_and_the_torn_end_reported(
    tmp_path: Path,
) -> None:
    journal = await filled(tmp_path / "whole", range(2))
    await journal.close()
    data = (tmp_path / "whole" / "00000001.log").read_bytes()
    for cut in range(len(data)):
        directory = tmp_path / f"cut-{cut}"
        directory.mkdir()
        (directory / "00000001.log").write_bytes(data[:cut])
        left = opened(directory)
        whole = data[:cut].count(b"\n")
        assert len(list(left.load())) == max(0, whole - 1)
        assert (left.torn is not None) == (cut > 0 and data[cut - 1 : cut] != b"\n")
        await left.close()


async def test_a_newer_journal_is_refused(tmp_path: Path) -> None:
    newer = header("journal", segment=1).replace(b'"format":1', b'"format":2')
    FrameLog.create(tmp_path / "00000001.log", 0o600, [newer])[0].close()
    with pytest.raises(HitlError, match="reads format 2"):
        list(opened(tmp_path).load())


async def test_a_reader_beside_a_snapshot_starts_again_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await filled(tmp_path, range(3))
    stale = journal_files.find_history(tmp_path)
    await journal.snapshot([record(7)])
    await journal.close()
    found = iter([stale])
    real = journal_files.find_history
    monkeypatch.setattr(
        "hitl_mail.adapters.journal.journal.find_history",
        lambda path: next(found, None) or real(path),
    )
    assert records(tmp_path) == [7]


def test_where_no_daemon_ever_ran_there_is_nothing_to_read(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "journal") == []


async def test_a_directory_that_cannot_be_made_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "journal").touch()
    with pytest.raises(StorageFailed, match="cannot be used"):
        opened(tmp_path / "journal")


async def test_reading_writes_nothing(tmp_path: Path) -> None:
    journal = await filled(tmp_path, range(3))
    await journal.close()
    os.truncate(tmp_path / "00000001.log", 90)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    read_journal(tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before
