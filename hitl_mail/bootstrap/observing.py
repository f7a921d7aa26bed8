"""How a daemon is watched from outside: what metrics ask of the adapters around it."""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Callable, Collection
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from hitl_mail.adapters.journal.journal import Journal
from hitl_mail.daemon.daemon import Daemon
from hitl_mail.daemon.event_lines import tell
from hitl_mail.daemon.measures import Around, measures
from hitl_mail.daemon.tally import Tally
from hitl_mail.home import Home
from hitl_mail.ports import Measure

if TYPE_CHECKING:
    from hitl_mail.adapters.web.metrics import Metrics

_MOST = 10_000
"""Files that are counted: an agent must not make the loop read a directory without end."""


class Observing:
    """The counters of a daemon, and its metrics once it is there."""

    def __init__(
        self,
        home: Home,
        journal: Journal,
        spools: Collection[Path],
        started: float,
        lost_lines: Callable[[], int],
    ) -> None:
        self.tally = Tally()
        self._daemon: Daemon | None = None
        self._metrics: Metrics | None = None
        self._started = started
        self._around = Around(
            files=lambda: count_files([root / "new" for root in spools]),
            journal=lambda: (journal.records, journal.size),
            free=lambda: free_bytes(home.state),
            lost_lines=lost_lines,
        )

    def begin(self, daemon: Daemon) -> None:
        """Count and tell what happens in this daemon."""
        self._daemon = daemon
        daemon.news.listeners += [self.tally.count, tell]

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """What answers a scrape with this Accept header: a body and its type."""
        if self._metrics is None:
            # A tenth of a second, and most daemons are never scraped.
            self._metrics = await asyncio.to_thread(self._load)
        return self._metrics.answer(accept)

    def _load(self) -> Metrics:
        from hitl_mail.adapters.web.metrics import Metrics

        return Metrics(self._look)

    def _look(self) -> list[Measure]:
        if self._daemon is None:
            return []
        return measures(self._daemon, self.tally, self._around, self._started)


def count_files(directories: Collection[Path], most: int = _MOST) -> int:
    """How many entries there are in all of these, counted up to `most`; what cannot be read, or is
    no directory, has none."""
    found = 0
    for directory in directories:
        try:
            held = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            with os.scandir(held) as entries:
                found += sum(1 for _ in islice(entries, most - found))
        except OSError:
            continue
        finally:
            os.close(held)
    return found


def free_bytes(place: Path) -> float:
    """Bytes; no number where nobody can tell."""
    try:
        disk = os.statvfs(place)
    except OSError:
        return math.nan
    return float(disk.f_bavail * disk.f_frsize)
