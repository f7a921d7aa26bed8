"""Work in the background, each piece by a key that it has at most once at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hitl_mail.errors import StorageFailed

log = logging.getLogger(__name__)


class Chores:
    """Named tasks. A failing one is logged; `StorageFailed` is the engine's to report."""

    def __init__(self) -> None:
        self._tasks: dict[object, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def __contains__(self, key: object) -> bool:
        return key in self._tasks

    def start(self, key: object, work: Callable[[], Awaitable[None]]) -> None:
        """Begin `work` unless work of this key is under way."""
        if key not in self._tasks:
            self._tasks[key] = asyncio.ensure_future(self._guard(key, work))

    async def settle(self) -> None:
        """Wait until nothing is under way, including what comes up meanwhile."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def stop(self) -> None:
        """Cancel what is under way and wait for its end."""
        for task in list(self._tasks.values()):
            task.cancel()
        await self.settle()

    async def _guard(self, key: object, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            pass
        except StorageFailed:
            log.error("stopped %s: the disk failed", key)
        except Exception:
            log.exception("%s failed", key)
        finally:
            self._tasks.pop(key, None)
