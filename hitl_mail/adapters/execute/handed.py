"""What a program is handed: its order on standard input, and the order's attachments as files.

A daemon that is killed leaves programs running, and the next one must not take their files away.
So the standard input of a program with attachments is a file that is locked, and the lock is held
for as long as anybody has that file open: the program, or what it started.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from hitl_mail.core.canonical import canonical
from hitl_mail.ports import Order

WORK = "state/work"
"""Where orders' attachments are while programs run; what a killed daemon left is swept at start."""

_INPUT = ".input"
"""What the name of a program's input has behind that of its attachments' directory."""


@contextlib.contextmanager
def handed(order: Order, work: Path) -> Iterator[tuple[str, IO[bytes]]]:
    """A fresh directory, readable by us alone, with the order's attachments as files; and a file
    with the line of the payload, to be read from its beginning.

    A file, not a pipe, which is written after the program has begun: if the daemon were killed in
    between, the program would read nothing, or a part, and could take that for what was approved.
    Raises OSError.
    """
    work.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{order.key}-", dir=work))
    try:
        with _locked(_input_of(folder)) if order.attachments else _nameless() as line:
            line.write(canonical(order.payload) + b"\n")
            line.seek(0)
            for name, _, content in order.attachments:
                (folder / Path(name).name).write_bytes(content)
            yield str(folder), line
    finally:
        _remove(folder)


def sweep(work: Path) -> None:
    """Remove what a killed daemon left, but for what a program of it still has in use."""
    if not work.is_dir():
        return
    for path in work.iterdir():
        folder = path.with_name(path.name.removesuffix(_INPUT))
        if not _is_held(_input_of(folder)):
            _remove(folder)


def _input_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}{_INPUT}")


def _locked(path: Path) -> IO[bytes]:
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w+b")
    # Where a file system has no locks, all is swept.
    with contextlib.suppress(OSError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return file


def _is_held(path: Path) -> bool:
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def _nameless() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("payload"), "w+b")  # in memory: needs no room on a disk
    return tempfile.TemporaryFile()


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.suppress(OSError):
        _input_of(folder).unlink(missing_ok=True)
