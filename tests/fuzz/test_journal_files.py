"""A journal cut off, flipped, spliced: a beginning of what was written, or a fault that is told.

Never another record than those that were written, and never a traceback.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec
from hypothesis import example, given, target
from hypothesis import strategies as st

from hitl_mail.adapters.framelog import OVERHEAD, frame, scan
from hitl_mail.adapters.journal.files import read_journal, segment_header
from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.core import commands as cmd
from hitl_mail.core.desk import Notice, Noticed, NoticeDone, RuleTightened
from hitl_mail.core.records import State, replay
from hitl_mail.daemon.engine import Engine
from hitl_mail.errors import Damaged, HitlError
from tests.factories import action, attachment, begin, by, change, decide_, finish, receive
from tests.fuzz.mutate import flipped, json_bytes, mutated
from tests.fuzz.profile import fuzzed, timely, within

SEGMENT, SNAPSHOT = "00000001.log", "00000002.snapshot"


class _Clock:
    at = 1.0

    def now(self) -> float:
        self.at += 0.5
        return self.at


class _Kept:
    """A journal that is a list."""

    records = 0

    def __init__(self, payloads: list[bytes]) -> None:
        self._payloads = payloads

    async def append(self, payload: bytes, *, urgent: bool = True) -> None:
        self._payloads.append(payload)

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())


@cache
def written() -> bytes:
    """A journal with something of everything: asked, approved, edited, tried twice, sent, filed."""
    payloads: list[bytes] = []

    async def write() -> None:
        clock = _Clock()
        engine = Engine(_Kept(payloads), clock)
        for number in range(4):
            case = f"261122-aaaaa{number + 2}"
            document = action(id=f"refund-{number}", attachments=[attachment()])
            await engine.handle(case, receive(document, case=case))
        first, second, third, fourth = list(engine.cases)

        async def say(case: str, *commands: Any) -> None:
            for make in commands:
                await engine.handle(case, make(engine.cases[case]) if callable(make) else make)

        asked = next(iter(engine.cases[first].pending))
        await say(first, cmd.MailWas(asked, "sent", "sha256:1"), by("ada"), begin())
        await say(first, finish("temporary", retries=2))
        clock.at += 5
        await say(first, begin(), finish(attempt=2))
        await say(second, lambda case: decide_(case, "bob", "edit", change=change()))
        await say(second, cmd.Answer("ada", "help", "help", "<1@example.com>"), by("bob", "reject"))
        await say(second, cmd.FiledAs(1, "sha256:" + "1" * 64))
        await say(third, cmd.Withdraw("billing", "no longer"))
        await say(fourth, cmd.Absent("ada", "away"), by("bob", "reject"))
        notice = Notice("n1", "cleo", "Told", ("Something.",), 0.0)
        await engine.note(Noticed(0.0, notice, "mark"), RuleTightened(0.0, "labels", 3, 20))
        await engine.note(NoticeDone(0.0, "n1"))

    asyncio.run(write())
    return b"".join(map(frame, [segment_header(1), *payloads]))


@cache
def snapshotted() -> tuple[bytes, bytes]:
    """The same as a snapshot, and the segment that begins with it."""

    async def write(directory: Path) -> None:
        journal = Journal(directory, 0o600)
        state = replay(journal.load())
        await journal.snapshot(state.lines())
        await journal.close()

    with journal_of({SEGMENT: written()}) as directory:
        asyncio.run(write(directory))
        return tuple((directory / name).read_bytes() for name in (SNAPSHOT, "00000002.log"))  # type: ignore[return-value]


@contextmanager
def journal_of(files: dict[str, bytes]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        for name, data in files.items():
            (Path(directory) / name).write_bytes(data)
        yield Path(directory)


def lines_of(data: bytes) -> list[bytes]:
    """The payloads as they were written, without the header's."""
    return [line[9:] for line in data.split(b"\n")[1:-1]]


def read(directory: Path) -> list[bytes] | None:
    """The records, or None where damage is told with its place and its mend."""
    try:
        return [payload for _, payload in read_journal(directory)]
    except HitlError as error:
        assert directory.name in str(error)
        if isinstance(error, Damaged):
            assert 0 <= error.offset <= 10 * len(written())
        return None


def opened(directory: Path) -> list[bytes] | None:
    """What the daemon finds; then it writes one more, and that is found behind it."""

    async def write() -> list[bytes]:
        journal = Journal(directory, 0o600)
        try:
            found = [payload for _, payload in journal.load()]
            await journal.append(b'{"one":"more"}')
        finally:
            await journal.close()
        return found

    try:
        found = asyncio.run(write())
    except HitlError:
        return None
    assert read(directory) == [*found, b'{"one":"more"}']
    return found


def state_of(records: list[bytes]) -> bytes:
    state = replay(("record", payload) for payload in records)
    return msgspec.json.encode([state.cases, state.desk], order="deterministic")


@fuzzed(50)
@given(st.integers(0, len(written())))
@timely
def test_any_beginning_of_a_journal_is_a_beginning_of_its_records(length: int) -> None:
    whole = written()
    with journal_of({SEGMENT: whole[:length]}) as directory:
        there = max(0, whole[:length].count(b"\n") - 1)
        records = lines_of(whole)[:there]
        assert read(directory) == records
        state_of(records)
        assert opened(directory) == records
        # What was cut off is kept.
        kept = b"".join(path.read_bytes() for path in directory.glob("*.torn-*"))
        assert whole[:length].endswith(kept)
        assert length == len(kept) + (whole[: length - len(kept)].rfind(b"\n") + 1)


@fuzzed(120)
@given(st.integers(0, 8 * len(written()) - 1))
@example(8 * len(written()) - 1)
@example(8 * len(written()) - 100)
@timely
def test_one_flipped_bit_is_damage_or_a_dropped_end_and_never_another_record(bit: int) -> None:
    whole = written()
    with journal_of({SEGMENT: flipped(whole, bit)}) as directory:
        found, records = read(directory), lines_of(whole)
        if bit // 8 > whole.rindex(b"\n", 0, -1):
            # Of the last record nothing is known but that it is not as it was written.
            assert found == records[:-1]
        if found is not None:
            assert found == records[: len(found)]
            # The last line, or the last two where the end of a line was hit.
            assert len(records) - len(found) in (1, 2)
        assert opened(directory) == found


@fuzzed(60)
@given(st.integers(0, 8 * len(snapshotted()[0]) - 1))
@timely
def test_a_flipped_bit_in_a_snapshot_is_damage_and_never_another_case(bit: int) -> None:
    snapshot, segment = snapshotted()
    files = {SNAPSHOT: flipped(snapshot, bit), "00000002.log": segment}
    with journal_of(files) as directory:
        assert read(directory) is None
        assert opened(directory) is None


@fuzzed(150)
@given(st.integers(0, len(snapshotted()[0]) - 1))
@timely
def test_a_beginning_of_a_snapshot_is_no_snapshot(length: int) -> None:
    snapshot, segment = snapshotted()
    files = {SNAPSHOT: snapshot[:length], SEGMENT: written(), "00000002.log": segment}
    with journal_of(files) as directory:
        # It was never whole, so what it was to replace still counts.
        assert read(directory) == lines_of(written())


@fuzzed(80)
@given(mutated([written(), snapshotted()[0]]))
@timely
def test_a_journal_changed_at_will_is_read_or_told(whole: bytes) -> None:
    with journal_of({SEGMENT: whole}) as directory:
        with within(2):
            found = read(directory)
        assert opened(directory) == found
        if found is not None:
            lines = set(whole.split(b"\n"))
            assert all(frame(payload)[:-1] in lines for payload in found)
            adds_up(found)


def adds_up(records: list[bytes]) -> State | None:
    """The state, or None where it is told what is wrong with the journal."""
    try:
        return replay(("record", payload) for payload in records)
    except HitlError as error:
        assert str(error)
        return None


RECORDS = [json.loads(line) for line in lines_of(written())]


@fuzzed(120)
@given(json_bytes(RECORDS, ["cases", "desk", "type", "events", "at", "case"]), st.integers(0, 20))
@timely
def test_a_record_that_is_none_of_ours_is_told(record: bytes, behind: int) -> None:
    """Its checksum is right: somebody wrote it so, or another version did."""
    before = lines_of(written())[:behind]
    with within(2):
        adds_up([*before, record.replace(b"\n", b" ")])


@fuzzed(100)
@given(st.permutations(lines_of(written())), st.integers(0, 20))
@timely
def test_records_in_another_order_are_told(records: list[bytes], many: int) -> None:
    adds_up(records[:many])


@fuzzed(100)
@given(st.lists(st.binary(max_size=40) | st.sampled_from(lines_of(written())), max_size=8))
@timely
def test_only_whole_frames_are_read(payloads: list[bytes]) -> None:
    plain = [payload.replace(b"\n", b"") for payload in payloads]
    data = b"".join(map(frame, plain))
    with journal_of({"log": data}) as directory:
        found = list(scan(directory / "log"))
    assert [payload for _, payload in found] == plain
    assert sum(len(payload) + OVERHEAD for payload in plain) == len(data)


@fuzzed(100)
@given(st.binary(max_size=80))
@example(b"00000000 \n")
@timely
def test_no_line_passes_for_a_frame_without_its_checksum(line: bytes) -> None:
    with journal_of({"log": line}) as directory:
        try:
            found = list(scan(directory / "log"))
        except Damaged:
            return
    for _, payload in found:
        assert b"%08x " % zlib.crc32(payload) + payload + b"\n" in line
    target(float(len(found)))
