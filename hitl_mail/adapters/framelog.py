"""An append-only file of checked frames, the form in which journal and receipts are stored.

One frame a line: eight hexadecimal digits of the payload's CRC-32 (zlib), a space, the payload,
LF. The payload is one JSON value without LF; what it means is not known here. A write that was
cut short can only have torn the end of a file; a bad line with a good one behind it is damage.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hitl_mail import __version__
from hitl_mail.adapters.durable import (
    CLOEXEC_APPEND,
    replace_file,
    storage_failures,
    sync_data,
    sync_directory,
    write_all,
)
from hitl_mail.errors import Damaged, Newer, StorageFailed

FORMAT = 1
OVERHEAD = 10
_CHUNK = 1 << 20
_MEND = "Keep a copy of the file, then restore it from a backup."


@dataclass(frozen=True, slots=True)
class Torn:
    """An end of a file that was never whole: cut off at `offset`, its bytes kept in `kept`."""

    path: Path
    offset: int
    size: int
    kept: Path

    def __str__(self) -> str:
        return (
            f"{self.path}: its end was torn, as by a crash: {self.size} bytes from byte "
            f"{self.offset} on were never whole; they were cut off and kept in {self.kept}"
        )


def frame(payload: bytes) -> bytes:
    """The line of one payload. Raises ValueError for a payload with a line feed in it."""
    if b"\n" in payload:
        raise ValueError("a payload must not hold a line feed")
    return b"%08x %b\n" % (zlib.crc32(payload), payload)


def unframe(line: bytes) -> bytes | None:
    """The payload of one line, or None if the line is not whole or not as it was written."""
    payload = line[9:-1]
    good = line[-1:] == b"\n" and line[:9] == b"%08x " % zlib.crc32(payload)
    return payload if good else None


def scan(path: Path, start: int = 0, *, whole: bool = False) -> Iterator[tuple[int, bytes]]:
    """Every frame's offset and payload from byte `start` on, a line in memory at a time.

    A torn end just ends the scan, because a reader beside a running writer sees half-written
    last lines; with `whole` it is damage as well. Raises `Damaged` at a bad line that a good
    one follows, and OSError.
    """
    offset = start
    with path.open("rb") as file:
        file.seek(start)
        for line in file:
            payload = unframe(line)
            if payload is None:
                unfinished = line[-1:] != b"\n"
                if whole or (not unfinished and _any_good(file)):
                    why = "the line is not whole" if unfinished else "the checksum does not match"
                    raise Damaged(str(path), offset, why, _MEND)
                return
            yield offset, payload
            offset += len(line)


def whole_until(path: Path) -> int:
    """The byte behind the last whole frame: what follows, if anything does, is a torn end.

    Raises `Damaged` and OSError.
    """
    end = 0
    for offset, payload in scan(path):
        end = offset + len(payload) + OVERHEAD
    return end


def _any_good(lines: Iterable[bytes]) -> bool:
    return any(unframe(line) is not None for line in lines)


def read_at(path: Path, offset: int) -> bytes:
    """The payload of the frame that begins at byte `offset`. Raises `Damaged` and OSError."""
    with path.open("rb") as file:
        file.seek(offset)
        payload = unframe(file.readline())
    if payload is None:
        raise Damaged(str(path), offset, "no whole frame begins here", _MEND)
    return payload


def write_frames(path: Path, payloads: Iterable[bytes], mode: int) -> None:
    """A whole file of frames in one step: `path` is there complete and durable, or not at all.

    Raises `StorageFailed`.
    """
    try:
        replace_file(path, _chunks(payloads), mode)
    except OSError as error:
        raise StorageFailed(f"{path}: could not be written: {error}") from error


def _chunks(payloads: Iterable[bytes]) -> Iterator[bytes]:
    chunk = bytearray()
    for payload in payloads:
        chunk += frame(payload)
        if len(chunk) >= _CHUNK:
            yield bytes(chunk)
            chunk.clear()
    yield bytes(chunk)


def header(what: str, **fields: Any) -> bytes:
    """The first payload of a file: what it is, in which format, and which one of its kind."""
    value = {"hitl-mail": what, "format": FORMAT, **fields}
    return json.dumps(value, separators=(",", ":")).encode()


def check_header(path: Path, payload: bytes | None, expected: bytes) -> None:
    """Refuse a file whose first payload is not `expected`.

    Raises `Newer` for a newer format, `Damaged` for anything else.
    """
    if payload == expected:
        return
    try:
        found, wanted = json.loads(payload or b"null"), json.loads(expected)
    except (ValueError, RecursionError):
        found, wanted = None, {}
    if isinstance(found, dict) and found.get("hitl-mail") == wanted.get("hitl-mail"):
        number = found.get("format")
        if isinstance(number, int) and number > FORMAT:
            raise Newer(path, number, __version__, FORMAT)
    why = f"it does not begin with {expected.decode()}"
    raise Damaged(str(path), 0, why, _MEND)


class FrameLog:
    """One file open for appending. Not for several threads at once."""

    def __init__(self, path: Path, descriptor: int, size: int, torn: Torn | None) -> None:
        self.path = path
        self.size = size
        self.torn = torn
        self._descriptor = descriptor
        with storage_failures(path):
            self._own = _identity(os.fstat(descriptor))
        self._failed = ""

    @classmethod
    def create(cls, path: Path, mode: int, first: Sequence[bytes]) -> tuple[FrameLog, list[int]]:
        """A new file that holds the payloads `first`, durable with its name; and their offsets.

        The file never exists with less than `first` in it. Raises `StorageFailed`.
        """
        write_frames(path, first, mode)
        offsets, size = _offsets(0, first)
        return cls(path, _open(path), size, None), offsets

    @classmethod
    def open(cls, path: Path) -> FrameLog:
        """An existing file, its torn end (see `torn`) cut off and kept in a file of its own.

        Raises `Damaged`, `StorageFailed`.
        """
        size = whole_until(path)
        descriptor = _open(path)
        try:
            torn = _cut(path, descriptor, size)
        except OSError as error:
            os.close(descriptor)
            raise StorageFailed(f"{path}: its torn end could not be cut off: {error}") from error
        return cls(path, descriptor, size, torn)

    def append(self, payloads: Sequence[bytes]) -> list[int]:
        """Write all payloads in one go and sync once; return the offset of each.

        Durable on return. On any error of the operating system raises `StorageFailed`, and so
        does every later call: what is in the file after a failed sync is unknown.
        """
        if self._failed:
            raise StorageFailed(f"{self.path}: nothing is written any more after: {self._failed}")
        data = b"".join(map(frame, payloads))
        try:
            write_all(self._descriptor, data)
            sync_data(self._descriptor)
        except OSError as error:
            self._failed = str(error)
            raise StorageFailed(
                f"{self.path}: could not be written: {error}. "
                "Make sure the disk has room and is well, then start again."
            ) from error
        self._check_still_there()
        offsets, self.size = _offsets(self.size, payloads)
        return offsets

    def _check_still_there(self) -> None:
        """Somebody may have taken the file away, and what is written to it now with it."""
        try:
            found = os.stat(self.path)  # noqa: PTH116 - half as long, after each sync
        except OSError as error:
            self._failed = str(error)
        else:
            if _identity(found) == self._own:
                return
            self._failed = "another file is in its place"
        raise StorageFailed(
            f"{self.path}: it was taken away while it was written to: {self._failed}. What was "
            "written last is in no file any more. Put the file back, or restore it from a backup, "
            "then start again."
        )

    def close(self) -> None:
        """Release the file; every later append fails."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1
        self._failed = self._failed or "the file was closed"


def _identity(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def _open(path: Path) -> int:
    try:
        return os.open(path, CLOEXEC_APPEND)
    except OSError as error:
        raise StorageFailed(f"{path}: could not be opened for writing: {error}") from error


def _offsets(start: int, payloads: Sequence[bytes]) -> tuple[list[int], int]:
    offsets = []
    for payload in payloads:
        offsets.append(start)
        start += len(payload) + OVERHEAD
    return offsets, start


def _cut(path: Path, descriptor: int, good: int) -> Torn | None:
    size = os.fstat(descriptor).st_size
    if size == good:
        return None
    with path.open("rb") as file:
        file.seek(good)
        rest = file.read()
    kept = _free_name(path.with_name(f"{path.name}.torn-{good}"))
    replace_file(kept, [rest], os.fstat(descriptor).st_mode & 0o777)
    os.ftruncate(descriptor, good)
    os.fsync(descriptor)
    sync_directory(path.parent)
    return Torn(path, good, len(rest), kept)


def _free_name(path: Path) -> Path:
    candidate, number = path, 1
    while candidate.exists():
        number += 1
        candidate = path.with_name(f"{path.name}.{number}")
    return candidate
