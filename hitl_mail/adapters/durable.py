"""What it takes for a file, once written, to be there after a power cut.

Knows the operating system and nothing of what the files mean.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hitl_mail.errors import StorageFailed, SyncFailed

CLOEXEC_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC

# macOS has no fdatasync; fsync promises more.
sync_data = getattr(os, "fdatasync", os.fsync)


@contextmanager
def storage_failures(path: Path) -> Iterator[None]:
    """Turn an error of the operating system into a `StorageFailed` that names `path`."""
    try:
        yield
    except OSError as error:
        raise StorageFailed(
            f"{path}: cannot be used: {error}. Mend it, then start again."
        ) from error


def write_all(descriptor: int, data: bytes) -> None:
    """Write every byte of `data`, however often the kernel takes only a part. Raises OSError."""
    rest = memoryview(data)
    while rest:
        written = os.write(descriptor, rest)
        if written == 0:
            raise OSError(errno.EIO, "the write made no progress")
        rest = rest[written:]


def sync_file(descriptor: int, path: Path) -> None:
    """Make what was written to `path`, open as `descriptor`, durable. Raises `SyncFailed`."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise SyncFailed(path, error) from error


def sync_directory(directory: Path) -> None:
    """Make created, renamed and removed names of `directory` durable. Raises OSError where it
    cannot be opened, `SyncFailed`."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_file(descriptor, directory)
    finally:
        os.close(descriptor)


def aside(path: Path) -> Path:
    """The name under which `path` is written before it is complete."""
    return path.with_name(f".{path.name}.new")


def drop_asides(directory: Path) -> None:
    """Remove what a kill left behind before it was complete. Raises OSError."""
    for left in directory.glob(".*.new"):
        left.unlink(missing_ok=True)


def replace_file(path: Path, chunks: Iterable[bytes], mode: int) -> None:
    """Write `chunks` aside, sync, rename to `path`, sync the directory.

    At every instant `path` is either as it was or whole. `mode` holds whatever the umask is.
    Raises OSError, `SyncFailed`, or what `chunks` raises; then nothing is left behind.
    """
    new = aside(path)
    new.unlink(missing_ok=True)
    flags = CLOEXEC_APPEND | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(new, flags, mode)
    try:
        try:
            os.fchmod(descriptor, mode)
            for chunk in chunks:
                write_all(descriptor, chunk)
            sync_file(descriptor, path)
        finally:
            os.close(descriptor)
        new.replace(path)
    except BaseException:
        new.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
