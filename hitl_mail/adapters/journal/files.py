"""Which files of a journal directory count, and in what order they are read.

The newest complete snapshot N and the segments from N on are the journal; anything older is
rubbish that a kill left behind. Segments are numbered without gaps. Only the last one may have a
torn end: a segment is begun after the one before it was synced.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from hitl_mail.adapters.durable import sync_directory
from hitl_mail.adapters.framelog import check_header, header, scan, unframe, write_frames
from hitl_mail.errors import Damaged, StorageFailed

Entry = Literal["snapshot", "record"]
_MEND = (
    "Keep a copy of state/, then restore all of it from a backup. What happened since that was made"
    " is not known then: an action that ran since may run again, so find out first what ran"
    " (state/receipts of the copy, and whoever was asked)."
)
_FINAL_AT_MOST = 200


@dataclass(frozen=True, slots=True)
class History:
    """The snapshot to start from, if any, and the segments to read after it, oldest first."""

    snapshot: int | None
    segments: list[int]

    @property
    def last(self) -> int | None:
        """The segment that appends go to; None where there is no journal yet."""
        return self.segments[-1] if self.segments else None


def segment_path(directory: Path, number: int) -> Path:
    """Where segment `number` is."""
    return directory / f"{number:08d}.log"


def snapshot_path(directory: Path, number: int) -> Path:
    """Where the state at the start of segment `number` is."""
    return directory / f"{number:08d}.snapshot"


def segment_header(number: int) -> bytes:
    """The first payload of segment and of snapshot `number`."""
    return header("journal", segment=number)


def find_history(directory: Path) -> History:
    """Look at the names, and at the last line of snapshots. Raises `Damaged` for a lost segment."""
    logs, snapshots = _numbers(directory, ".log"), _numbers(directory, ".snapshot")
    complete = (number for number in reversed(snapshots) if _is_complete(directory, number))
    snapshot = next(complete, None)
    first = snapshot or 1
    segments = list(range(first, max([*logs, *snapshots], default=0) + 1))
    for number in segments:
        if number not in logs:
            raise _missing(directory, number, snapshots)
    return History(snapshot, segments)


def _missing(directory: Path, number: int, snapshots: list[int]) -> Damaged:
    """A segment that a snapshot has made superfluous is missed only if the snapshot is broken."""
    broken = [n for n in snapshots if n > number]
    if broken:
        path = snapshot_path(directory, broken[-1])
        return Damaged(str(path), path.stat().st_size, "its end is missing or damaged", _MEND)
    return Damaged(str(segment_path(directory, number)), 0, "it is missing", _MEND)


@contextmanager
def journal_damage() -> Iterator[None]:
    """Say of any damage of a journal's file what it takes to go on."""
    try:
        yield
    except Damaged as error:
        raise Damaged(error.path, error.offset, error.why, _MEND) from None


def read_history(directory: Path, history: History) -> Iterator[tuple[Entry, bytes]]:
    """Payloads of the snapshot, then records. Raises `Damaged`, `HitlError`, FileNotFoundError."""
    with journal_damage():
        yield from _read(directory, history)


def _read(directory: Path, history: History) -> Iterator[tuple[Entry, bytes]]:
    if history.snapshot is not None:
        for payload in _snapshot_payloads(directory, history.snapshot):
            yield "snapshot", payload
    for number in history.segments:
        path = segment_path(directory, number)
        last = number == history.last
        frames = scan(path, whole=not last)
        first = next(frames, None)
        if first is None and last:
            return
        check_header(path, first and first[1], segment_header(number))
        for _, payload in frames:
            yield "record", payload


def write_snapshot(directory: Path, number: int, payloads: Iterable[bytes], mode: int) -> None:
    """The whole snapshot, durable under its name, or nothing. Raises `StorageFailed`."""
    write_frames(snapshot_path(directory, number), _snapshot_frames(number, payloads), mode)


def discard_before(directory: Path, number: int) -> None:
    """Remove what snapshot `number` has made superfluous. Raises `StorageFailed`."""
    try:
        for name, suffix in ((segment_path, ".log"), (snapshot_path, ".snapshot")):
            for old in _numbers(directory, suffix):
                if old < number:
                    name(directory, old).unlink(missing_ok=True)
        sync_directory(directory)
    except OSError as error:
        raise StorageFailed(f"{directory}: old segments could not be removed: {error}") from error


def _numbers(directory: Path, suffix: str) -> list[int]:
    names = (path.name for path in directory.iterdir() if path.suffix == suffix)
    stems = (name.removesuffix(suffix) for name in names)
    return sorted(int(stem) for stem in stems if len(stem) == 8 and stem.isdecimal())


def _snapshot_frames(number: int, payloads: Iterable[bytes]) -> Iterator[bytes]:
    yield segment_header(number)
    count = 0
    for payload in payloads:
        yield payload
        count += 1
    yield _final(count)


def _final(count: int) -> bytes:
    return json.dumps({"hitl-mail": "journal", "complete": count}, separators=(",", ":")).encode()


def _is_complete(directory: Path, number: int) -> bool:
    with snapshot_path(directory, number).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _FINAL_AT_MOST))
        last = unframe(file.read()[:-1].rpartition(b"\n")[2] + b"\n")
    return last is not None and last.startswith(b'{"hitl-mail":"journal","complete":')


def _snapshot_payloads(directory: Path, number: int) -> Iterator[bytes]:
    path = snapshot_path(directory, number)
    frames = scan(path, whole=True)
    first = next(frames, None)
    check_header(path, first and first[1], segment_header(number))
    held: bytes | None = None
    count = 0
    for _, payload in frames:
        if held is not None:
            yield held
            count += 1
        held = payload
    if held != _final(count):
        raise Damaged(str(path), 0, f"it does not end after {count} payloads", _MEND)


def read_journal(directory: Path) -> list[tuple[Entry, bytes]]:
    """What `Journal.load` yields, beside a running daemon: nothing is written, a torn end is fine.

    A snapshot may remove segments while they are read; then it is read again from the new one.
    A home whose daemon never ran has none: empty. Raises `Damaged`, `HitlError`, OSError.
    """
    if not directory.is_dir():
        return []
    failure: Exception | None = None
    for _ in range(20):
        try:
            return list(read_history(directory, find_history(directory)))
        except (FileNotFoundError, Damaged) as error:
            # A listing taken during a removal can lack a segment: damage only if it stays.
            failure = error
    raise failure or StorageFailed(f"{directory}: could not be read")
