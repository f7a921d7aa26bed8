"""What time alone brings about: reminders, escalation, expiry, the next attempt."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from dataclasses import dataclass, field

from hitl_mail.core.case import Case
from hitl_mail.core.commands import Tick
from hitl_mail.core.timing import due
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.world import World

_LOOK = 30.0
"""Seconds after which the clock is read again, so that a clock that jumped is noticed."""


@dataclass
class Timers:
    """A heap of instants. One that no longer applies fires into nothing: `decide` looks again."""

    engine: Engine
    wake_runner: Callable[[Case], None]
    world: World
    _gone: dict[str, str] | None = None
    _heap: list[tuple[float, str]] = field(default_factory=list)
    _due: dict[str, float] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def watch(self, case: Case) -> None:
        when = due(case)
        if when is None:
            self._due.pop(case.id, None)
            return
        if self._due.get(case.id) == when:
            return
        self._due[case.id] = when
        heapq.heappush(self._heap, (when, case.id))
        if self._heap[0][0] == when:
            self._changed.set()

    async def fire(self) -> int:
        """Carry out all that is due now; how much that was."""
        now, ready = self.engine.clock.now(), set()
        while self._heap and self._heap[0][0] <= now:
            ready.add(heapq.heappop(self._heap)[1])
        await asyncio.gather(*(self._fire(case_id, now) for case_id in ready))
        return len(ready)

    async def look_who_is_away(self) -> None:
        """On the day on which somebody goes away, their stand-in is asked what they were asked; on
        the day on which they are back, they are. After a start all is looked at once: that day may
        have been in between, or the settings be others."""
        gone = self.world.site.stand_ins(self.engine.clock.now())
        if gone == self._gone:
            return
        self._gone = gone
        ticks: dict[frozenset[str], Tick] = {}
        for case in self.engine.cases.values():
            excluded = self.world.excluded(case)
            if case.status == "pending" and excluded not in ticks:
                ticks[excluded] = self.world.who_is_there(excluded)
        await asyncio.gather(
            *(
                self.engine.handle(case.id, ticks[self.world.excluded(case)])
                for case in self.engine.cases.values()
                if case.status == "pending"
            )
        )

    async def run(self) -> None:
        """Fire what is due, for ever."""
        while True:
            await self.fire()
            self._changed.clear()
            wait = _LOOK
            if self._heap:
                wait = min(wait, max(0.0, self._heap[0][0] - self.engine.clock.now()))
            try:
                await asyncio.wait_for(self._changed.wait(), wait)
            except TimeoutError:
                continue

    async def _fire(self, case_id: str, now: float) -> None:
        case = self.engine.cases.get(case_id)
        self._due.pop(case_id, None)
        if case is None:
            return
        if case.status == "approved" and case.retry_at is not None and now < case.expires_at:
            self.wake_runner(case)
        elif case.in_review or case.status in ("pending", "approved"):
            await self.engine.handle(case_id, Tick(self.world.away(case)))
        after = self.engine.cases.get(case_id)
        if after is not None and (due(after) or 0.0) > now:
            self.watch(after)
