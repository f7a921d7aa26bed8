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
from hitl_mail.errors import StorageFailed

_AT_ONCE = 500
"""Cases looked at before anybody else has a turn."""

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
    _now: float = 0.0

    def watch(self, case: Case) -> None:
        when = due(case)
        if when is None:
            self._due.pop(case.id, None)
            return
        if self._due.get(case.id) != when:
            self._set(case.id, when)

    async def fire(self) -> int:
        """Carry out all that is due now; how much that was."""
        now, ready = self.engine.clock.now(), set()
        while self._heap and self._heap[0][0] <= now:
            ready.add(heapq.heappop(self._heap)[1])
        if now < self._now:
            # The clock went back: what it had put off may have been meant by one that was ahead.
            cases = self.engine.cases.values()
            ready |= {case.id for case in cases if case.retry_at is not None}
        self._now = now
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
        pending = [case.id for case in self.engine.cases.values() if case.status == "pending"]
        for at in range(0, len(pending), _AT_ONCE):
            await self._tell(pending[at : at + _AT_ONCE], ticks)
            # With a hundred thousand cases this takes a second, in which others have their turn.
            await asyncio.sleep(0)

    async def _tell(self, case_ids: list[str], ticks: dict[frozenset[str], Tick]) -> None:
        """The ticks to those cases for which they are news: to hardly any."""
        cases = [self.engine.cases.get(case_id) for case_id in case_ids]
        news = [
            self._look_who(case, ticks)
            for case in cases
            if case is not None and case.status == "pending" and self._is_news(case, ticks)
        ]
        await asyncio.gather(*news)

    def _is_news(self, case: Case, ticks: dict[frozenset[str], Tick]) -> bool:
        try:
            return self.engine.is_news(case, self._tick(case, ticks))
        except Exception:  # noqa: BLE001
            # Who is told will find the same, and try again later.
            return True

    def _tick(self, case: Case, ticks: dict[frozenset[str], Tick]) -> Tick:
        excluded = self.world.excluded(case)
        if excluded not in ticks:
            ticks[excluded] = self.world.who_is_there(excluded)
        return ticks[excluded]

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

    async def _look_who(self, case: Case, ticks: dict[frozenset[str], Tick]) -> None:
        try:
            await self.engine.handle(case.id, self._tick(case, ticks))
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001
            self._try_again(case.id, error)

    def _set(self, case_id: str, when: float) -> None:
        self._due[case_id] = when
        heapq.heappush(self._heap, (when, case_id))
        if self._heap[0][0] == when:
            self._changed.set()

    async def _fire(self, case_id: str, now: float) -> None:
        """Whatever is wrong with one case must not stop the others, nor its own next timer."""
        self._due.pop(case_id, None)
        try:
            await self._carry_out(case_id, now)
            self._watch_on(case_id)
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001
            self._try_again(case_id, error)
        else:
            self.engine.faults.works(("timer", case_id))

    def _try_again(self, case_id: str, error: Exception) -> None:
        wait = self.engine.faults.broke(("timer", case_id), f"{case_id}: a timer", error)
        self._set(case_id, self.engine.clock.now() + wait)

    def _watch_on(self, case_id: str) -> None:
        """What did not change with its timer has another, or still waits for what it was for: a
        slot to run in, or an instant that is in the future again because the clock went back."""
        case = self.engine.cases.get(case_id)
        when = due(case) if case is not None else None
        if when is not None and case_id not in self._due:
            now = self.engine.clock.now()
            self._set(case_id, when if when > now else now + _LOOK)

    async def _carry_out(self, case_id: str, now: float) -> None:
        case = self.engine.cases.get(case_id)
        if case is None:
            return
        if case.status == "approved" and case.retry_at is not None and now < case.expires_at:
            self.wake_runner(case)
        elif case.in_review or case.status in ("pending", "approved"):
            await self.engine.handle(case_id, Tick(self.world.away(case)))
