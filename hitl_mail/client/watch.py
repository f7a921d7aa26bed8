"""Waiting for a change in some directories, in a program without an event loop.

A hint says nothing of what changed, and one that is missed costs at most `RESCAN`.
"""

from __future__ import annotations

import contextlib
import os
import select
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

RESCAN, SOON = 2.0, 0.1
"""Seconds after which to look although nothing was seen; and where an answer is on its way that
cannot be seen from here, as `cur/` of another OS user."""

_SHORTEST, _LONGEST = 0.01, 0.25


class Changes:
    """`wait` returns after a change, or after a while. inotify where there is one; else it looks
    again, ever more seldom."""

    def __init__(self, paths: Sequence[Path], *, inotify: bool = True) -> None:
        self._paths = paths
        self._pause = _SHORTEST
        self._inotify = self._open() if inotify and sys.platform == "linux" else None

    def _open(self) -> int | None:
        from asyncinotify import Inotify, Mask

        try:
            watches = self._watches = Inotify()
        except OSError:
            return None
        os.set_blocking(watches.fd, False)
        for path in self._paths:
            # One that may not be watched, or is not there, is seen at the next rescan.
            with contextlib.suppress(OSError):
                watches.add_watch(path, Mask.MOVED_TO | Mask.MOVED_FROM | Mask.DELETE)
        return watches.fd

    def wait(self, timeout: float) -> None:
        """At most `timeout` seconds."""
        if self._inotify is None:
            time.sleep(min(self._pause, timeout))
            self._pause = min(2 * self._pause, _LONGEST)
            return
        ready, _, _ = select.select([self._inotify], [], [], timeout)
        if ready:
            # Thrown away unparsed: whoever is told looks at all there is.
            with contextlib.suppress(BlockingIOError):
                os.read(self._inotify, 1 << 16)

    def close(self) -> None:
        if self._inotify is not None:
            self._watches.close()


@contextlib.contextmanager
def changes(paths: Sequence[Path]) -> Iterator[Changes]:
    """Watch from now on: look first after this, then wait."""
    watch = Changes(paths)
    try:
        yield watch
    finally:
        watch.close()
