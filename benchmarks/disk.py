"""What the disk itself gives: appends of 2 KiB made durable by fdatasync, alone and in groups."""

from __future__ import annotations

import os
import time
from pathlib import Path

RECORD = os.urandom(2048)


def appends(directory: Path, together: int, seconds: float) -> float:
    """Records per second, `together` in each write and sync, over so many seconds."""
    path = directory / f"appends-{together}"
    descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        done, begun = 0, time.perf_counter()
        while (taken := time.perf_counter() - begun) < seconds:
            os.write(descriptor, RECORD * together)
            os.fdatasync(descriptor)
            done += together
        return done / taken
    finally:
        os.close(descriptor)
        path.unlink()
