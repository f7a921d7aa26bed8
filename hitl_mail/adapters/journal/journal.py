"""The journal: every record durable before it counts, and a start that does not replay history.

A directory of segments `00000001.log`, `00000002.log`, … and snapshots: `00000002.snapshot` is
the state at the start of segment 2. Records and snapshot payloads are opaque here: bytes of one
JSON value each, without line feed. Which files count is decided in `journal_files`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hitl_mail.adapters.durable import drop_asides, storage_failures
from hitl_mail.adapters.framelog import OVERHEAD, FrameLog, Torn
from hitl_mail.adapters.groupcommit import GroupCommit
from hitl_mail.adapters.journal.files import (
    Entry,
    discard_before,
    find_history,
    journal_damage,
    read_history,
    segment_header,
    segment_path,
    write_snapshot,
)

_QUICK = 0.001
"""Seconds of a sync that are not worth another thread: it takes a third of that to ask one."""


@dataclass(frozen=True, slots=True)
class _Switch:
    """The place in the order of appends where a new segment begins."""

    segment: int


class Journal:
    """The one writer of a journal directory (the caller holds the lock on the home).

    Opening creates the directory (0700) where it is missing and cuts off a torn end, which is
    then described in `torn`. `records` and `size` (bytes) count what was appended since the last
    snapshot was asked for, with what `load` read; so that the caller knows when to ask for one.
    """

    def __init__(self, directory: Path, mode: int) -> None:
        self._directory = directory
        self._mode = mode
        with storage_failures(directory), journal_damage():
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            drop_asides(directory)
            self._segment = find_history(directory).last or 1
            self._log = self._open_segment()
        self.torn: Torn | None = self._log.torn
        self.records = 0
        self.size = 0
        self._commits: GroupCommit[bytes | _Switch, None] = GroupCommit(
            self._commit, "journal", at_once=_QUICK
        )
        self._snapshots = ThreadPoolExecutor(1, thread_name_prefix="snapshot")
        self._writing: set[asyncio.Task[None]] = set()

    def load(self) -> Iterator[tuple[Entry, bytes]]:
        """The newest complete snapshot's payloads, then all records behind it. Before any append.

        Raises `Damaged`, and `HitlError` for a format of the future.
        """
        self.records = self.size = 0
        for entry, payload in read_history(self._directory, find_history(self._directory)):
            if entry == "record":
                self._count(payload)
            yield entry, payload

    def append(self, payload: bytes, *, urgent: bool = True) -> asyncio.Future[None]:
        """Take one record now; awaiting returns when it is durable, which may take a moment longer
        where it is not `urgent`.

        Its place in the file is fixed by the call itself, not by the await. Raises ValueError for
        a payload with a line feed; awaiting raises `StorageFailed` if the disk refused this or
        any earlier record.
        """
        if b"\n" in payload:
            raise ValueError("a record must not hold a line feed")
        self._count(payload)
        return self._commits.add(payload, urgent=urgent)

    def snapshot(self, payloads: Iterable[bytes]) -> asyncio.Future[None]:
        """Begin a new segment now, and write the state it starts from in another thread.

        The switch is fixed by the call itself: every record whose `append` was called before is
        in an old segment, every later one in the new. `payloads` must be that state, captured by
        the caller without an await in between; it is iterated later, in the other thread, so it
        may only touch what nobody changes. When awaiting returns, older segments and snapshots
        are gone; if it raises `StorageFailed`, they are all still there, and appending goes on if
        it can.
        """
        self._segment += 1
        self.records = self.size = 0
        switched = self._commits.add(_Switch(self._segment))
        task = asyncio.get_running_loop().create_task(
            self._write_snapshot(self._segment, payloads, switched)
        )
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        # Being cancelled must not leave a thread at work that `close` does not wait for.
        return asyncio.shield(task)

    async def close(self) -> None:
        """Finish every append and snapshot that was asked for, then release the files."""
        if self._writing:
            await asyncio.wait(self._writing)
        await self._commits.close()
        self._snapshots.shutdown()
        self._log.close()

    def _count(self, payload: bytes) -> None:
        self.records += 1
        self.size += len(payload) + OVERHEAD

    async def _write_snapshot(
        self, segment: int, payloads: Iterable[bytes], switched: asyncio.Future[None]
    ) -> None:
        # The state holds records of the old segment, so it may only replace it once they are safe.
        await switched
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._snapshots, self._replace_history, segment, payloads)

    def _replace_history(self, segment: int, payloads: Iterable[bytes]) -> None:
        write_snapshot(self._directory, segment, payloads, self._mode)
        discard_before(self._directory, segment)

    def _commit(self, items: list[bytes | _Switch]) -> Sequence[None]:
        group: list[bytes] = []
        for item in items:
            if isinstance(item, _Switch):
                self._flush(group)
                group = []
                self._start_segment(item.segment)
            else:
                group.append(item)
        self._flush(group)
        return [None] * len(items)

    def _flush(self, group: list[bytes]) -> None:
        if group:
            self._log.append(group)

    def _start_segment(self, segment: int) -> None:
        self._log.close()
        path = segment_path(self._directory, segment)
        self._log, _ = FrameLog.create(path, self._mode, [segment_header(segment)])

    def _open_segment(self) -> FrameLog:
        path = segment_path(self._directory, self._segment)
        if path.exists():
            log = FrameLog.open(path)
            if log.size:
                return log
            # Only its header was ever begun: nothing in it counts, and its bytes are kept aside.
            log.close()
            torn = log.torn
        else:
            torn = None
        log, _ = FrameLog.create(path, self._mode, [segment_header(self._segment)])
        log.torn = torn
        return log
