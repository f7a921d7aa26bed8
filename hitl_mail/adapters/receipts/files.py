"""The month files of receipts: `receipts/2026-11.jsonl`, one sealed receipt a frame.

Numbers run on over the files in the order of their names, so a receipt goes into the month it
was closed in, or into the last month there is if that is later. A month file is created together
with its first receipts. Knows frames and months; neither TinyDB nor the index.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from hitl_mail.adapters.durable import drop_asides
from hitl_mail.adapters.framelog import (
    OVERHEAD,
    FrameLog,
    Torn,
    check_header,
    header,
    read_at,
    scan,
    write_frames,
)
from hitl_mail.core.canonical import canonical
from hitl_mail.core.receipt import shape_fault
from hitl_mail.errors import Damaged

_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


class Place(NamedTuple):
    """Where a receipt is: its month, and the byte at which its frame begins."""

    month: str
    offset: int


def month_of(closed_at: str) -> str:
    """The month of an ISO 8601 time in UTC. Raises ValueError."""
    if not _MONTH.fullmatch(closed_at[:7]) or not closed_at.endswith("Z"):
        raise ValueError(f"closed_at is {closed_at!r}; it must be like 2026-11-22T13:00:00.123Z")
    return closed_at[:7]


def names_month(text: str) -> bool:
    """Whether this is a month: `2026-11`."""
    return bool(_MONTH.fullmatch(text))


def is_month(path: Path) -> bool:
    """Whether the name is that of a month file."""
    return path.suffix == ".jsonl" and names_month(path.stem)


def month_paths(directory: Path) -> list[Path]:
    """The month files there are, oldest first. Raises OSError; none if there is no directory."""
    try:
        return sorted(path for path in directory.iterdir() if is_month(path))
    except FileNotFoundError:
        return []


def month_header(month: str) -> bytes:
    """The first payload of a month file."""
    return header("receipts", month=month)


def decode(payload: bytes) -> dict[str, Any]:
    """The document in a payload."""
    # Four times as fast as json, which is what a search over many months waits for.
    import msgspec

    document: dict[str, Any] = msgspec.json.decode(payload, type=dict)
    return document


def read_behind(directory: Path, known: Place | None = None) -> Iterator[tuple[Place, bytes]]:
    """Place and payload of every receipt behind the one at `known`, or of all, in order of seq.

    A receipt in memory at a time. Raises `Damaged`, `HitlError` for a newer format, OSError.
    """
    for path in month_paths(directory):
        month = path.stem
        if known is not None and month < known.month:
            continue
        begun = known is not None and month == known.month
        frames = scan(path, known.offset if known is not None and begun else 0)
        # The first frame is either the header or the receipt that is known.
        first = next(frames, None)
        if not begun and first is not None:
            check_header(path, first[1], month_header(month))
        for offset, payload in frames:
            yield Place(month, offset), payload


def read_from(directory: Path, month: str = "") -> Iterator[dict[str, Any]]:
    """Every receipt from the file of `month` on, or all, in order of seq, one at a time.

    Nothing closed in a later month is in an earlier file. Raises as `read_behind` does.
    """
    for path in month_paths(directory):
        if path.stem < month:
            continue
        frames = scan(path)
        first = next(frames, None)
        if first is not None:
            check_header(path, first[1], month_header(path.stem))
        for offset, payload in frames:
            yield _decoded(path, offset, payload)


def read_receipt(directory: Path, place: Place) -> dict[str, Any]:
    """The receipt at `place`. Raises `Damaged` and OSError."""
    path = directory / f"{place.month}.jsonl"
    return _decoded(path, place.offset, read_at(path, place.offset))


def _decoded(path: Path, offset: int, payload: bytes) -> dict[str, Any]:
    try:
        receipt = decode(payload)
        numbered = type(receipt.get("seq")) is int
        fault = shape_fault(receipt) if numbered else "seq is missing or not a number"
    except (ValueError, RecursionError) as error:
        fault = str(error)
    if fault:
        raise Damaged(str(path), offset, f"no receipt: {fault}", "Run `receipts verify`.")
    return receipt


def _seq(path: Path, offset: int, payload: bytes) -> int:
    """The number of a receipt, without making the rest of it."""
    import msgspec

    try:
        return int(bytes(msgspec.json.decode(payload, type=dict[str, msgspec.Raw])["seq"]))
    except (ValueError, KeyError) as error:
        raise Damaged(str(path), offset, str(error), "Run `receipts verify`.") from None


def _changed(
    path: Path,
    change: Callable[[dict[str, Any]], dict[str, Any] | None],
    seqs: Collection[int],
    places: list[tuple[int, int]],
) -> Iterator[bytes]:
    """The payloads of a month's file, some changed; where each will be goes into `places`."""
    offset = 0
    for number, (at, payload) in enumerate(scan(path)):
        written = payload
        if number:
            seq = _seq(path, at, payload)
            if seq in seqs:
                changed = change(_decoded(path, at, payload))
                written = payload if changed is None else canonical(changed)
            places.append((seq, offset))
        yield written
        offset += len(written) + OVERHEAD


class MonthFiles:
    """The one writer of the month files. Opening recovers the last of them; see `torn`."""

    def __init__(self, directory: Path, mode: int) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        drop_asides(directory)
        self.directory = directory
        self.torn: Torn | None = None
        self._mode = mode
        self._log = self._open_last()

    def append(self, receipts: Sequence[tuple[str, bytes]]) -> list[Place]:
        """Write (closed_at, payload) of each receipt; durable on return. One sync a month.

        Raises `StorageFailed`; the caller must not go on after it.
        """
        last = self._log.path.stem if self._log else ""
        dated = []
        for closed_at, payload in receipts:
            last = max(last, month_of(closed_at))
            dated.append((last, payload))
        places = []
        for month, group in groupby(dated, key=lambda item: item[0]):
            offsets = self._write(month, [payload for _, payload in group])
            places += [Place(month, offset) for offset in offsets]
        return places

    def rewrite(
        self,
        month: str,
        change: Callable[[dict[str, Any]], dict[str, Any] | None],
        seqs: Collection[int],
    ) -> list[tuple[int, int]]:
        """Write the file of a month anew, with what `change` makes of its receipts numbered `seqs`
        (None: as it is), and let go of the old bytes; seq and offset of each receipt in it.

        At every instant the old file or the new one is there, whole. Who reads the old one reads
        it to its end. Not at the same time as `append`. Raises `Damaged`, and `StorageFailed`
        with the old file in place.
        """
        path = self.directory / f"{month}.jsonl"
        places: list[tuple[int, int]] = []
        open_here = self._log is not None and self._log.path == path
        write_frames(path, _changed(path, change, seqs, places), self._mode)
        if self._log is not None and open_here:
            self._log.close()
            self._log = FrameLog.open(path)
        # The end that was torn off once may be of any receipt.
        for torn in self.directory.glob(f"{path.name}.torn-*"):
            torn.unlink(missing_ok=True)
        return places

    def close(self) -> None:
        """Release the file."""
        if self._log is not None:
            self._log.close()

    def _write(self, month: str, payloads: list[bytes]) -> list[int]:
        if self._log is not None and self._log.path.stem == month:
            return self._log.append(payloads)
        path = self.directory / f"{month}.jsonl"
        log, offsets = FrameLog.create(path, self._mode, [month_header(month), *payloads])
        if self._log is not None:
            self._log.close()
        self._log = log
        return offsets[1:]

    def _open_last(self) -> FrameLog | None:
        for path in reversed(month_paths(self.directory)):
            log = FrameLog.open(path)
            self.torn = self.torn or log.torn
            if log.size > len(month_header(path.stem)) + OVERHEAD:
                first = next(scan(path))
                check_header(path, first[1], month_header(path.stem))
                return log
            # What was torn was all there was (it is kept aside): the file was never begun.
            log.close()
            path.unlink()
        return None
