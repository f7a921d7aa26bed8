"""Hints that something changed in one of several directories; inotify where there is one.

A hint says nothing of what changed: the listener scans. So a missed or merged event costs at most
one `rescan`. Knows no spool and no mail.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncinotify import Inotify, Watch

log = logging.getLogger(__name__)

_POLL = 0.2
"""Seconds between two looks where there is no inotify."""

_TICK_NS = 50_000_000

_READ = 1 << 16


class DirectoryWatch:
    """Watches `paths`, which may not be there yet, or be replaced, while it is watching.

    `rescan`: seconds after which a change is reported although none was seen. A directory that
    appears or is replaced is noticed then at the latest. `inotify=False` polls.
    """

    def __init__(self, paths: list[Path], rescan: float, *, inotify: bool = True) -> None:
        self._paths = list(paths)
        self._rescan = rescan
        self._inotify = inotify and sys.platform == "linux"
        self._changed = asyncio.Event()

    def add(self, path: Path) -> None:
        """Watch this directory too, from now on."""
        if path not in self._paths:
            self._paths.append(path)
            self._changed.set()

    async def changes(self) -> AsyncGenerator[None, None]:
        """Yields at once, then after each change, and at least every `rescan` seconds.

        What changes while the listener is busy is one more yield afterwards. One iteration at a
        time.
        """
        with self._watching() as look:
            while True:
                self._changed.clear()
                look()
                yield
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._rescan):
                        await self._wait(look)

    async def _wait(self, look: Callable[[], bool]) -> None:
        while not self._changed.is_set():
            if self._inotify:
                await self._changed.wait()
                return
            await asyncio.sleep(min(_POLL, self._rescan))
            if look():
                return

    @contextlib.contextmanager
    def _watching(self) -> Iterator[Callable[[], bool]]:
        """What is to be called before each scan: it sees to directories that came or went.

        It returns whether any of them looks different from the time before.
        """
        if self._inotify:
            try:
                watches = _Inotify(self._changed)
            except OSError as error:
                log.warning("no inotify (%s): polling the spools instead", error)
                self._inotify = False
            else:
                try:
                    yield lambda: watches.cover(self._paths)
                finally:
                    watches.close()
                return
        seen: dict[Path, tuple[int, int]] = {}
        yield lambda: _look(self._paths, seen)


class _Inotify:
    """Kernel watches of directories, which set `changed`.

    Events are read and thrown away unparsed: an overflow, a removed directory and a new file all
    mean the same, and a burst of ten thousand costs a few reads.
    """

    def __init__(self, changed: asyncio.Event) -> None:
        from asyncinotify import Inotify, Mask

        self._mask = Mask.MOVED_TO | Mask.CLOSE_WRITE | Mask.CREATE | Mask.ONLYDIR
        self._mask |= Mask.DELETE_SELF | Mask.MOVE_SELF
        self._changed = changed
        self._inotify: Inotify = Inotify()
        # Else the read that finds nothing more would hold the whole loop.
        os.set_blocking(self._inotify.fd, False)
        self._watches: dict[Path, Watch] = {}
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._inotify.fd, self._drain)

    def cover(self, paths: list[Path]) -> bool:
        """Watch what is at each path now. Asking again for the same directory changes nothing."""
        different = False
        for path in paths:
            before = self._watches.get(path)
            try:
                watch = self._inotify.add_watch(path, self._mask)
            except OSError:
                # Not there, or the watches of this user are used up: the rescan sees it.
                continue
            if before is not None and before.wd == watch.wd:
                continue
            different = True
            self._watches[path] = watch
            if before is not None:
                with contextlib.suppress(OSError):
                    self._inotify.rm_watch(before)
        return different

    def close(self) -> None:
        self._loop.remove_reader(self._inotify.fd)
        self._inotify.close()

    def _drain(self) -> None:
        self._changed.set()
        # Once: the loop calls again while there is more, and a second read might block.
        os.read(self._inotify.fd, _READ)


def _look(paths: list[Path], seen: dict[Path, tuple[int, int]]) -> bool:
    """Whether a directory's inode or time of change is another than in `seen`; updates it.

    A directory that changed just now is taken up later: file systems count time in ticks, and a
    second change in the same one would not show.
    """
    now: dict[Path, tuple[int, int]] = {}
    for path in paths:
        with contextlib.suppress(OSError):
            status = path.stat()
            if abs(time.time_ns() - status.st_mtime_ns) > _TICK_NS:
                now[path] = (status.st_ino, status.st_mtime_ns)
    different = now != seen
    seen.clear()
    seen.update(now)
    return different
