"""Work in the background, each piece by a key that it has at most once at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hitl_mail.daemon.faults import Faults
from hitl_mail.errors import StorageFailed

log = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class Chores:
    """Named tasks. A failing one is told and begun again after a while, until it works;
    `StorageFailed` is handed to `failed`, and nothing is begun again after it."""

    def __init__(
        self, faults: Faults | None = None, failed: Callable[[StorageFailed], None] | None = None
    ) -> None:
        self._faults = faults or Faults()
        self._failed = failed
        self._tasks: dict[object, asyncio.Task[None]] = {}
        self._again: dict[object, asyncio.TimerHandle] = {}

    def __len__(self) -> int:
        """How many are under way; one that waits for its next try is not."""
        return len(self._tasks)

    def __contains__(self, key: object) -> bool:
        return key in self._tasks

    def start(self, key: object, work: Work) -> None:
        """Begin `work` unless work of this key is under way."""
        if key not in self._tasks:
            self._cancel(key)
            self._tasks[key] = asyncio.ensure_future(self._guard(key, work))

    async def settle(self) -> None:
        """Wait until nothing is under way, including what comes up meanwhile."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))
            # One that was cancelled before it began could not take itself out.
            self._tasks = {key: task for key, task in self._tasks.items() if not task.done()}

    async def stop(self) -> None:
        """Cancel what is under way and wait for its end."""
        for key in list(self._again):
            self._cancel(key)
        for task in list(self._tasks.values()):
            task.cancel()
        await self.settle()

    def _cancel(self, key: object) -> None:
        if (waiting := self._again.pop(key, None)) is not None:
            waiting.cancel()

    async def _guard(self, key: object, work: Work) -> None:
        try:
            await work()
        except asyncio.CancelledError:
            pass
        except StorageFailed as error:
            log.error("stopped %s: the disk failed", _name(key))
            if self._failed is not None:
                self._failed(error)
        except Exception as error:  # noqa: BLE001
            # Whatever is wrong with one piece of work must neither stop others nor lose it.
            wait = self._faults.broke(("chore", key), f"{_name(key)} failed", error)
            loop = asyncio.get_running_loop()
            self._again[key] = loop.call_later(wait, self.start, key, work)
        else:
            self._faults.works(("chore", key))
        finally:
            self._tasks.pop(key, None)


def _name(key: object) -> str:
    return "/".join(map(str, key)) if isinstance(key, tuple) else str(key)
