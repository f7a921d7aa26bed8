"""The daemon: its loops, its start, its end.

`run` keeps every loop going until it is told to stop or the disk fails; a loop that breaks is
logged and begun again, because bad input never stops the daemon. `once` does all that is there
and due now, and returns.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

from hitl_mail.daemon.clerk import Clerk
from hitl_mail.daemon.control import Control
from hitl_mail.daemon.daily import Daily
from hitl_mail.daemon.drift import Drift
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.eraser import Eraser
from hitl_mail.daemon.intake import Intake
from hitl_mail.daemon.letters import Letters
from hitl_mail.daemon.mailer import Mailer
from hitl_mail.daemon.news import News
from hitl_mail.daemon.overrides import Overrides
from hitl_mail.daemon.overview import Overview
from hitl_mail.daemon.reach import Reach
from hitl_mail.daemon.refusals import Refusals
from hitl_mail.daemon.rekey import Rekey
from hitl_mail.daemon.reload import Reload
from hitl_mail.daemon.runner import Runner
from hitl_mail.daemon.timers import Timers
from hitl_mail.daemon.waiting import Waiting
from hitl_mail.errors import HitlError, StorageFailed
from hitl_mail.ports import Inbox, Outbox, Watch

log = logging.getLogger(__name__)

_GRACE = 4.0
"""Seconds that executions get to end by themselves when the daemon is told to stop."""

_BEAT = 1.0

_WELL = 600.0
"""Seconds for which `status` tells of a loop that broke."""


class Server(Protocol):
    """The web adapter, as far as the daemon cares."""

    @property
    def error(self) -> str | None: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


@dataclass
class Daemon:
    """All parts of one home, wired by `hitl_mail.bootstrap`."""

    engine: Engine
    intake: Intake
    control: Control
    clerk: Clerk
    runner: Runner
    mailer: Mailer
    letters: Letters
    drift: Drift
    reach: Reach
    eraser: Eraser
    daily: Daily
    rekey: Rekey
    reload: Reload
    overrides: Overrides
    waiting: Waiting
    inbox: Inbox
    outbox: Outbox
    watch: Watch
    web: Server | None
    refusals: Refusals
    beat: Callable[[Daemon], None]
    closing: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    overview: Overview = field(default_factory=Overview)
    timers: Timers = field(init=False)
    news: News = field(init=False)

    def __post_init__(self) -> None:
        self.news = News(self.engine.clock.now)
        self.timers = Timers(self.engine, self.runner.watch, self.letters.world)

    async def run(self, stop: asyncio.Event, begun: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set; `begun` is called when all is read and the pages are served.
        Raises `StorageFailed` where the disk failed."""
        async with self._programs_ended():
            await self._run(stop, begun)

    async def once(self) -> None:
        """Do all that is there and due now. Raises `StorageFailed`."""
        async with self._programs_ended():
            await self._once()

    @asynccontextmanager
    async def _programs_ended(self) -> AsyncIterator[None]:
        """However it ends, executions that are under way are ended here, each by its own executor:
        none where all went well, but where something broke, asyncio's end of the loop would cancel
        what a program that is just being started waits for, and then wait for that program for
        ever."""
        try:
            yield
        finally:
            self.runner.stopping = True
            await self.runner.chores.stop()

    async def _run(self, stop: asyncio.Event, begun: Callable[[], None]) -> None:
        await self._start()
        if self.web is not None:
            await self.web.start()
        begun()
        loops = [
            asyncio.ensure_future(self._keep(name, loop))
            for name, loop in (
                ("spools", self._files),
                ("timers", self.timers.run),
                ("mail out", self.mailer.run),
                ("mail in", self._letters),
                ("beat", self._beats),
            )
        ]
        ends = [asyncio.ensure_future(event.wait()) for event in (stop, self.engine.failed)]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in (*ends, *loops):
            task.cancel()
        await asyncio.gather(*ends, *loops, return_exceptions=True)
        await self._stop()

    async def _once(self) -> None:
        await self._start()
        try:
            await self.inbox.poll(self.letters.handle)
        except StorageFailed:
            raise
        except (HitlError, OSError) as error:
            log.error("mail in: %s", error)
        taken = True
        while taken:
            taken = bool(await self._take_all() + await self.timers.fire())
            await self.timers.look_who_is_away()
            await self._settle()
        self.eraser.look()
        await self.eraser.chores.settle()
        await self.daily.look()
        await self._settle()
        await self._stop()

    def reload_now(self) -> None:
        """Take up the rules at once, changed or not, and new keys: SIGHUP."""
        self.rekey.look()
        self.drift.chores.start("reload", lambda: self.reload.look(forced=True))

    async def _start(self) -> None:
        self.engine.recover()
        self.letters.world.check_agents(self.engine.cases.values())
        self.news.begin(self.engine.cases.values())
        self.clerk.recover()
        self.engine.watchers += [
            self.timers.watch,
            self.waiting.watch,
            self.runner.watch,
            self.clerk.watch,
            self.mailer.watch,
            self.drift.watch,
            self.reach.watch,
            self.news.watch,
        ]
        self.engine.follower = self.runner
        self.engine.desk_watchers.append(self.mailer.watch_desk)
        await self.runner.recover()
        # The policy may be another than before the daemon was last stopped; and to show a case is
        # to let it start.
        await self.reload.judge_again()
        self.engine.show_all()
        self.drift.look_at_all()
        self.beat(self)

    async def _settle(self) -> None:
        """Wait for the effects that are under way or due, and for theirs."""
        while True:
            await self.runner.chores.settle()
            await self.clerk.chores.settle()
            await self.drift.chores.settle()
            await self.reach.chores.settle()
            await self.overrides.tell()
            sent = await self.mailer.drain()
            await asyncio.sleep(0)
            if not (sent or len(self.runner.chores) or len(self.clerk.chores)):
                return
            if self.engine.failure is not None:
                raise self.engine.failure

    async def _stop(self) -> None:
        self.runner.stopping = True
        # Side by side: each may take its whole grace, and there are ten seconds for all.
        await asyncio.gather(self._stop_web(), self._stop_executions())
        try:
            await asyncio.wait_for(self.clerk.chores.settle(), _GRACE / 2)
        except TimeoutError:
            await self.clerk.chores.stop()
        await self.eraser.chores.stop()
        for chores in (self.control.chores, self.drift.chores, self.reach.chores):
            await chores.stop()
        await self.engine.close()
        await self.inbox.close()
        await self.outbox.close()
        self.beat(self)
        for close in self.closing:
            await close()
        if self.engine.failure is not None:
            raise self.engine.failure

    async def _stop_web(self) -> None:
        if self.web is not None:
            await self.web.stop()

    async def _stop_executions(self) -> None:
        if len(self.runner.chores):
            try:
                await asyncio.wait_for(self.runner.chores.settle(), _GRACE)
            except TimeoutError:
                log.warning("stopping executions that are still under way")
        await self.runner.chores.stop()

    async def _files(self) -> None:
        async for _ in self.watch.changes():
            await self._take_all()

    async def _take_all(self) -> int:
        """Take every file that is there and has room; how many."""
        taken = 0
        while handled := await self.control.serve() + await self.intake.serve():
            taken += handled
        return taken

    async def _letters(self) -> None:
        await self.inbox.run(self.letters.handle)

    async def _beats(self) -> None:
        looks: tuple[tuple[str, Callable[[], Awaitable[None] | None]], ...] = (
            ("the health file", lambda: self.beat(self)),
            ("the rules", self.reload.look),
            ("the keys", self.rekey.look),
            ("who is away", self.timers.look_who_is_away),
            ("templates", self.overrides.tell),
            ("[store] keep", self.eraser.look),
            ("control/results", self.control.look),
            ("the daily mail", self.daily.look),
        )
        not_before = dict.fromkeys(looks, 0.0)
        while True:
            for look in looks:
                if time.monotonic() >= not_before[look]:
                    not_before[look] = await self._look(*look)
            await asyncio.sleep(_BEAT)

    async def _look(self, name: str, look: Callable[[], Awaitable[None] | None]) -> float:
        """One of the things looked at with each beat; when to look again. One that breaks does not
        stop the others."""
        try:
            if (under_way := look()) is not None:
                await under_way
        except StorageFailed:
            raise
        except Exception as error:  # noqa: BLE001
            return time.monotonic() + self.engine.faults.broke(("look", name), name, error)
        self.engine.faults.works(("look", name))
        return 0.0

    async def _keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Begin a loop again when it breaks; after a while without that it is well again."""
        key = ("loop", name)
        while self.engine.failure is None:
            try:
                await loop()
            except StorageFailed as error:
                self.engine.fail(error)
                return
            except Exception as error:  # noqa: BLE001
                self.engine.faults.broke(key, f"{name} broke and was begun again", error)
                asyncio.get_running_loop().call_later(_WELL, self.engine.faults.works, key)
            await asyncio.sleep(1.0)
