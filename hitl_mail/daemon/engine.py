"""The one place where a command becomes a record.

`handle` decides, evolves and appends without giving way in between, so the journal's order is the
order in which cases changed. Only when the record is durable is the case, as it was *at that
record*, shown to the watchers, who carry out what it owes: mails, receipts, results, executions,
timers. After a restart every open case is shown to them once; there is no other recovery.

If the journal or the receipts fail, nothing may be assumed any more: `failed` is set, every later
command raises, and the daemon stops.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from hitl_mail.core.case import Case
from hitl_mail.core.commands import Command, FiledAs, ResultWas
from hitl_mail.core.decide import decide
from hitl_mail.core.desk import Desk, DeskEvent
from hitl_mail.core.events import Event
from hitl_mail.core.records import Record, State, encode, replay
from hitl_mail.daemon.faults import Faults
from hitl_mail.daemon.memory import collector_off
from hitl_mail.errors import HitlError, NotAllowed, StorageFailed
from hitl_mail.ports import Clock, Store

log = logging.getLogger(__name__)


class Follower(Protocol):
    """Who may say a further command to a case that just changed: both go into one record."""

    def follow(self, case: Case) -> Command | None:
        """The command, if there is one. Nothing of the case is durable yet."""

    def followed(self, case: Case) -> None:
        """It changed the case, which is now so; the record is about to be written."""


Watcher = Callable[[Case], None]
Said = tuple[str, tuple[Event, ...]]
DeskWatcher = Callable[[Desk], None]

_SNAPSHOT_AFTER = 5000
"""Records before a snapshot is worth its writing; more where more cases are open."""


def _nothing() -> None:
    """For who does not want to know."""


class Engine:
    """Open cases in memory, their commands in the journal."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self.clock = clock
        self.watchers: list[Watcher] = []
        self.follower: Follower | None = None
        self.desk_watchers: list[DeskWatcher] = []
        self.faults = Faults()
        self.failed = asyncio.Event()
        self.failure: StorageFailed | None = None
        self._store = store
        self._state = State()
        self._by_agent_id: dict[tuple[str, str], str] = {}
        self._records = 0
        self._unshown: deque[tuple[int, list[Case], Desk | None]] = deque()
        """By the numbers of their records, in that order."""
        self._snapshot: asyncio.Future[StorageFailed | None] | None = None

    @property
    def cases(self) -> dict[str, Case]:
        """All open cases by id. Not to be changed."""
        return self._state.cases

    @property
    def desk(self) -> Desk:
        return self._state.desk

    def recover(self) -> None:
        """Read the journal. Raises `Damaged`."""
        with collector_off():
            self._state = replay(self._store.load())
            self._by_agent_id = {
                (case.agent, case.action_id): case.id for case in self._state.cases.values()
            }

    def show_all(self) -> None:
        """Show every open case, and the desk, to the watchers: at start, once."""
        with collector_off():
            for case in list(self.cases.values()):
                self._show(case, self.watchers)
        self._show_desk(self.desk)

    def is_news(self, case: Case, command: Command) -> bool:
        """Whether a command that is always allowed would record anything now."""
        return bool(decide(case, command, self.clock.now()))

    def open_case(self, agent: str, action_id: str) -> Case | None:
        """The open case of an agent's id."""
        case_id = self._by_agent_id.get((agent, action_id))
        return self.cases.get(case_id) if case_id else None

    async def handle(
        self, case_id: str, command: Command, decided: Callable[[], None] = _nothing
    ) -> Case | None:
        """Carry one command out; the case as of its record, which is durable.

        None where there is nothing to record and no such case. `decided` is called when only the
        disk is waited for. Raises `NotAllowed`, or `StorageFailed` for ever.
        """
        return (await self.handle_together([(case_id, command)], decided))[0]

    async def handle_together(
        self, commands: Sequence[tuple[str, Command]], decided: Callable[[], None] = _nothing
    ) -> list[Case | None]:
        """Several commands about different cases as one record: all or none."""
        self.check()
        if len({case_id for case_id, _ in commands}) < len(commands):
            raise ValueError("two commands about one case cannot be decided together")
        now = self.clock.now()
        cases = []
        for case_id, command in commands:
            events = tuple(decide(self.cases.get(case_id), command, now))
            if events:
                cases.append((case_id, events))
        if not cases:
            return [self.cases.get(case_id) for case_id, _ in commands]
        record = Record(cases=tuple(cases))
        # Nobody waits for the word that a receipt and a result are there: after a crash they are
        # found, or written again.
        urgent = not all(isinstance(command, FiledAs | ResultWas) for _, command in commands)
        touched = {case.id: case for case in await self._commit(record, decided, urgent)}
        return [touched.get(case_id, self.cases.get(case_id)) for case_id, _ in commands]

    async def note(self, *events: DeskEvent) -> None:
        """Record what happened at the desk; durable when it returns."""
        self.check()
        await self._commit(Record(desk=events), _nothing)

    def fail(self, error: StorageFailed) -> None:
        """The disk failed, here or under the receipts: the daemon stops and says so."""
        self.failure = self.failure or error
        self.failed.set()

    async def close(self) -> None:
        """Wait for a snapshot under way; where much has happened since the last one, take one, so
        that the next start has little to add up."""
        await self._end_snapshot()
        if self.failure is None and self._store.records >= _SNAPSHOT_AFTER:
            await self._take_snapshot()

    async def _end_snapshot(self) -> None:
        if self._snapshot is not None:
            await asyncio.gather(self._snapshot, return_exceptions=True)

    async def forget_closed(self) -> None:
        """Let go of all records of closed cases: by a snapshot, which has open ones only.

        Raises `HitlError` where none could be taken; then they are there still, and all goes on.
        """
        self.check()
        await self._end_snapshot()
        self._snapshot = asyncio.ensure_future(self._take_snapshot())
        error = await asyncio.shield(self._snapshot)
        if error is not None:
            raise HitlError(f"closed cases are still in the journal: {error}")

    def check(self) -> None:
        """Raises `StorageFailed` once the disk has failed: what is in memory may be there alone."""
        if self.failure is not None:
            raise self.failure

    async def _commit(
        self, record: Record, decided: Callable[[], None], urgent: bool = True
    ) -> list[Case]:
        payload = encode(record)
        touched = self._state.apply(record)
        if self.follower is not None and (more := self._follow(self.follower, touched)):
            payload = encode(msgspec.structs.replace(record, cases=record.cases + more))
        for case in touched:
            self._index(case)
        self._records += 1
        number = self._records
        self._unshown.append((number, touched, self.desk if record.desk else None))
        try:
            decided()
            # The call fixes the record's place: the order of records is the order of changes in
            # memory, although nothing of it is shown before it is durable.
            await self._store.append(payload, urgent=urgent)
        except StorageFailed as error:
            self.fail(error)
            raise
        self._show_up_to(number)
        self._count()
        return touched

    def _show_up_to(self, number: int) -> None:
        """Show what came of this record and of those before it, which are as durable: who waited
        for them may be woken later."""
        while self._unshown and self._unshown[0][0] <= number:
            _, touched, desk = self._unshown.popleft()
            for case in touched:
                self._show(case, self.watchers)
            if desk is not None:
                self._show_desk(desk)

    def _follow(self, follower: Follower, touched: list[Case]) -> tuple[Said, ...]:
        """What `follower` makes of each of these cases in the same record; they are as they stand
        afterwards. Memory is ahead of the disk here, so nothing may go wrong: who breaks over a
        case does without it, and is shown it as everybody is."""
        more: list[Said] = []
        for at, case in enumerate(touched):
            try:
                command = follower.follow(case)
                events = tuple(decide(case, command, self.clock.now())) if command else ()
                if events:
                    [touched[at]] = self._state.apply(Record(cases=((case.id, events),)))
                    more.append((case.id, events))
                    follower.followed(touched[at])
            except NotAllowed:
                continue
            except Exception:
                log.exception("%s: it could not be gone on with at once", case.id)
        return tuple(more)

    def _index(self, case: Case) -> None:
        key = (case.agent, case.action_id)
        if case.closed:
            self._by_agent_id.pop(key, None)
        else:
            self._by_agent_id[key] = case.id

    def _show(self, case: Case, watchers: Sequence[Watcher]) -> None:
        """A watcher that breaks over one case must not keep it from the others, nor for ever."""
        for watcher in watchers:
            try:
                watcher(case)
            except Exception as error:  # noqa: BLE001
                self._not_shown(watcher, case, error)
            else:
                # With a hundred thousand cases to show, the usual has to cost nothing.
                if self.faults.now:
                    self.faults.works(("watcher", watcher, case.id))

    def _not_shown(self, watcher: Watcher, case: Case, error: Exception) -> None:
        key, what = ("watcher", watcher, case.id), f"{case.id}: what it owes could not be taken up"
        wait = self.faults.broke(key, what, error)
        asyncio.get_running_loop().call_later(wait, self._show_again, watcher, case)

    def _show_again(self, watcher: Watcher, case: Case) -> None:
        case = self.cases.get(case.id, case)
        try:
            watcher(case)
        except Exception as error:  # noqa: BLE001
            self._not_shown(watcher, case, error)
        else:
            self.faults.works(("watcher", watcher, case.id))

    def _show_desk(self, desk: Desk) -> None:
        for watcher in self.desk_watchers:
            try:
                watcher(desk)
            except Exception as error:  # noqa: BLE001
                wait = self.faults.broke(watcher, "a notice could not be taken up", error)
                asyncio.get_running_loop().call_later(wait, self._show_desk, self.desk)
            else:
                self.faults.works(watcher)

    def _count(self) -> None:
        busy = self._snapshot is not None and not self._snapshot.done()
        if not busy and self._store.records >= max(_SNAPSHOT_AFTER, 2 * len(self.cases)):
            self._snapshot = asyncio.ensure_future(self._take_snapshot())

    async def _take_snapshot(self) -> StorageFailed | None:
        try:
            await self._store.snapshot(self._state.lines())
        except StorageFailed as error:
            # History is still whole: a start-up would only have more of it to read. Unless the disk
            # did not keep what it was given: then nothing may be assumed of the rest either.
            log.error("no snapshot: %s", error)
            if error.final:
                self.fail(error)
            return error
        return None
