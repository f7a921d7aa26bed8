"""Group commit: many asyncio callers, one worker thread, one unit of slow work for all who wait.

What arrives while a group is being worked on makes up the next group. Knows nothing of files.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

from hitl_mail.errors import StorageFailed

Item = TypeVar("Item")
Result = TypeVar("Result")


class GroupCommit(Generic[Item, Result]):
    """Items in the order of the calls of `add`; groups in that order too, one at a time.

    `work` runs in a thread of its own and returns one result an item; a result that is an
    exception fails that item alone. If `work` raises, nothing may be assumed: everyone who waits,
    and every later call, gets `StorageFailed`.
    """

    def __init__(
        self, work: Callable[[list[Item]], Sequence[Result | Exception]], name: str
    ) -> None:
        self._work = work
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._items: list[Item] = []
        self._futures: list[asyncio.Future[Result]] = []
        self._running: asyncio.Task[None] | None = None
        self._failed = ""

    def add(self, item: Item) -> asyncio.Future[Result]:
        """Take `item` in at once; the future is done when the item's group is."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if self._failed:
            future.set_exception(StorageFailed(self._failed))
            return future
        self._items.append(item)
        self._futures.append(future)
        if self._running is None:
            self._running = loop.create_task(self._drain())
        return future

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        while self._items:
            items, futures = self._items, self._futures
            self._items, self._futures = [], []
            try:
                results = await loop.run_in_executor(self._thread, self._work, items)
            except Exception as error:  # noqa: BLE001 - a bug in `work` must not leave callers waiting
                self._fail(error, futures + self._futures)
                break
            for future, result in zip(futures, results, strict=True):
                if future.done():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)
        self._running = None

    def _fail(self, error: Exception, futures: list[asyncio.Future[Result]]) -> None:
        self._failed = str(error) or repr(error)
        self._items, self._futures = [], []
        for future in futures:
            if not future.done():
                failure = StorageFailed(self._failed)
                failure.__cause__ = error
                failure.final = True
                future.set_exception(failure)

    async def close(self) -> None:
        """Finish what was added, end the thread, refuse what comes later."""
        if self._running is not None:
            await asyncio.wait([self._running])
        self._failed = self._failed or "already closed"
        self._thread.shutdown()
