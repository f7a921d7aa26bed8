"""Group commit: many asyncio callers, one worker thread, one unit of slow work for all who wait.

What arrives while a group is being worked on makes up the next group. Knows nothing of files.

A thread pool would do, but each of its hand-overs makes and chains two futures; for work that takes
a fifth of a millisecond that is as long again. So is even the hand-over to a thread of one's own,
where somebody is alone: their work may be done on the spot, as long as it has been quick.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, TypeVar

from hitl_mail.errors import StorageFailed

Item = TypeVar("Item")
Result = TypeVar("Result")

PATIENCE = 0.005
"""Seconds that what is not urgent waits for company."""
_FEW = 16
"""Items that may be worked on on the spot: with more, others are better served meanwhile."""


class GroupCommit(Generic[Item, Result]):
    """Items in the order of the calls of `add`; groups in that order too, one at a time.

    `work` runs in a thread of its own and returns one result an item; a result that is an
    exception fails that item alone. If `work` raises, nothing may be assumed: everyone who waits,
    and every later call, gets `StorageFailed`. With a `pause` a group begins at once after a quiet
    time, and else so many seconds after the one before: who adds one after the other without
    waiting gets larger groups, and leaves more of disk and processor to others. Where the group
    before took less than `at_once` seconds, a few items are worked on in the loop's own thread, and
    the first of each turn of the loop at once, in `add`; who comes next in that turn has company.
    """

    def __init__(
        self,
        work: Callable[[list[Item]], Sequence[Result | Exception]],
        name: str,
        pause: float = 0.0,
        at_once: float = 0.0,
    ) -> None:
        self._work = work
        self._at_once = at_once
        self._took = 0.0
        self._orders: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._obey, name=name, daemon=True)
        self._items: list[Item] = []
        self._futures: list[asyncio.Future[Result]] = []
        self._urgent = False
        self._busy = False
        self._pause = pause
        self._not_before = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._idle: asyncio.Future[None] | None = None
        self._failed = ""
        self._served = False
        """Whether somebody was served on the spot in this turn of the loop."""

    def add(self, item: Item, *, urgent: bool = True) -> asyncio.Future[Result]:
        """Take `item` in at once; the future is done when the item's group is.

        What is not `urgent` waits a moment for a group that begins for something else.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if self._failed:
            future.set_exception(StorageFailed(self._failed))
            return future
        self._items.append(item)
        self._futures.append(future)
        self._urgent = self._urgent or urgent
        self._next(loop)
        return future

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin a group, if it is time for one."""
        if self._busy or not self._items:
            return
        now = loop.time()
        if self._urgent and now < self._not_before:
            if self._patience is None:
                self._patience = loop.call_at(self._not_before, self._lose_patience, loop)
        elif self._urgent:
            self._busy = True
            self._not_before = now + self._pause
            if self._is_quick() and not self._served:
                self._served = True
                loop.call_soon(self._turn_over)
                self._begin(loop)
            else:
                # Who is woken in this turn of the loop, and adds something in their own, gets in.
                loop.call_soon(loop.call_soon, self._begin, loop)
        elif self._patience is None:
            when = max(now + PATIENCE, self._not_before)
            self._patience = loop.call_at(when, self._lose_patience, loop)

    def _lose_patience(self, loop: asyncio.AbstractEventLoop) -> None:
        self._patience = None
        self._urgent = True
        self._not_before = 0.0
        self._next(loop)

    def _turn_over(self) -> None:
        self._served = False

    def _is_quick(self) -> bool:
        """Whether what waits may be worked on on the spot."""
        return self._took < self._at_once and len(self._items) <= _FEW

    def _begin(self, loop: asyncio.AbstractEventLoop) -> None:
        quick = self._is_quick()
        items, futures = self._items, self._futures
        self._items, self._futures, self._urgent = [], [], False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if quick or not self._has_thread():
            self._outcome(loop, items, futures)()
            return

        def work() -> None:
            tell = self._outcome(loop, items, futures)
            # A loop that was closed has nobody left who waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(tell)

        self._orders.put(work)

    def _has_thread(self) -> bool:
        """Whether a thread works; where there is none to be had, the loop has to do the work."""
        if not self._thread.ident:
            with suppress(RuntimeError, MemoryError):
                self._thread.start()
        return self._thread.ident is not None

    def _outcome(
        self,
        loop: asyncio.AbstractEventLoop,
        items: list[Item],
        futures: list[asyncio.Future[Result]],
    ) -> Callable[[], None]:
        """Do the work; what is to be called in the loop to tell what came of it."""
        begun = time.perf_counter()
        try:
            results = self._work(items)
        except Exception as error:  # noqa: BLE001 - a bug must not leave callers waiting
            told = error
            return lambda: self._fail(told, futures)
        self._took = time.perf_counter() - begun
        return lambda: self._done(loop, futures, results)

    def _obey(self) -> None:
        while (work := self._orders.get()) is not None:
            work()

    def _done(
        self,
        loop: asyncio.AbstractEventLoop,
        futures: list[asyncio.Future[Result]],
        results: Sequence[Result | Exception],
    ) -> None:
        for future, result in zip(futures, results, strict=True):
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        self._rest()
        self._next(loop)

    def _fail(self, error: Exception, futures: list[asyncio.Future[Result]]) -> None:
        self._failed = str(error) or repr(error)
        waiting = futures + self._futures
        self._items, self._futures = [], []
        for future in waiting:
            if not future.done():
                failure = StorageFailed(self._failed)
                failure.__cause__ = error
                failure.final = True
                future.set_exception(failure)
        self._rest()

    def _rest(self) -> None:
        self._busy = False
        if self._idle is not None and not self._items:
            self._idle.set_result(None)
            self._idle = None

    async def close(self) -> None:
        """Finish what was added, end the thread, refuse what comes later."""
        if self._busy or self._items:
            loop = asyncio.get_running_loop()
            self._idle = loop.create_future()
            self._urgent = True
            self._not_before = 0.0
            self._next(loop)
            await self._idle
        self._failed = self._failed or "already closed"
        if self._thread.ident:
            self._orders.put(None)
            self._thread.join()
