"""Executions: an approved case gets a slot, starts durably, runs once, and its outcome is told.

What the daemon found `executing` at its start is an attempt of which nobody knows whether it ran.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import msgspec

from hitl_mail.core.action import Action, Attachment, read_message
from hitl_mail.core.attempts import is_due
from hitl_mail.core.case import Case
from hitl_mail.core.commands import Begin, Finish
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.world import World
from hitl_mail.errors import NotAllowed, StorageFailed
from hitl_mail.ports import Attempt, Executor, Order
from hitl_mail.settings import Executor as ExecutorSettings

log = logging.getLogger(__name__)

_STOPPED = "the daemon stopped while this ran"


@dataclass
class Runner:
    """Runs at most `limits.executions` attempts at a time; a permit needs no slot."""

    engine: Engine
    world: World
    executor_for: Callable[[ExecutorSettings], Executor]
    chores: Chores = field(init=False)
    stopping: bool = False
    _begun: dict[str, Case] = field(default_factory=dict)
    """Attempts that have a slot and whose beginning is being written."""

    def __post_init__(self) -> None:
        self.chores = Chores(self.engine.faults, self.engine.fail)
        self._slots = asyncio.Semaphore(self.world.site.limits.executions)

    def follow(self, case: Case) -> Begin | None:
        """A case that was just approved begins in the same record, if a slot is free: both are
        durable with one sync, and those that wait for a slot are not said to have begun."""
        if self.stopping or case.id in self.chores or not self._may_start(case):
            return None
        return None if self._slots.locked() and not self._by_permit(case) else self._begin(case)

    def followed(self, case: Case) -> None:
        """It begins: the slot is taken."""
        if case.status == "executing":
            # A semaphore that is not locked gives way without waiting.
            with contextlib.suppress(StopIteration):
                self._slots.acquire().send(None)
            self._begun[case.id] = case

    def watch(self, case: Case) -> None:
        """Start what may start now; a retry that waits is the timers'."""
        begun = self._begun.get(case.id)
        if begun is not None:
            # Others may be shown as they were before: only what is durable is carried out.
            if (case.status, case.attempts) == (begun.status, begun.attempts):
                self.chores.start(case.id, partial(self._run_begun, case.id))
        elif self._may_start(case):
            self.chores.start(case.id, partial(self._run, case.id))

    def _may_start(self, case: Case) -> bool:
        if case.status != "approved" or case.permit is not None:
            return False
        return is_due(case, self.engine.clock.now())

    def _by_permit(self, case: Case) -> bool:
        """Whether the agent runs what was approved. Where its kind has another executor by now,
        people are asked anew and nothing starts, so what may start here has had a slot."""
        return case.revision.executor.type == "agent"

    def _begin(self, case: Case) -> Begin:
        settings = self.world.executor(case.kind)
        return Begin(self.world.executor_ref(case.kind), settings.timeout)

    async def recover(self) -> None:
        """Tell each case that was executing when the daemon died that its attempt is in doubt."""
        lost = [case for case in self.engine.cases.values() if case.status == "executing"]
        for case in lost:
            settings = self.world.executor(case.kind)
            outcome = {"ok": False, "error": _STOPPED}
            finish = Finish(
                case.attempts,
                "doubt",
                outcome,
                settings.retries,
                settings.idempotent and self._unchanged(case),
                crashed=True,
            )
            log.warning("%s: attempt %d was under way at a crash", case.id, case.attempts)
            self.chores.start(("crashed", case.id), partial(self._finish, case.id, finish))
        await self.chores.settle()

    def _unchanged(self, case: Case) -> bool:
        """The claim to be idempotent counts only for the settings under which it started."""
        return self.world.executor_ref(case.kind) == case.revision.executor

    async def _run(self, case_id: str) -> None:
        case = self.engine.cases.get(case_id)
        permit = case is not None and self._by_permit(case)
        async with contextlib.nullcontext() if permit else self._slots:
            again = await self._attempt(case_id)
        self._look_again(case_id, again)

    async def _run_begun(self, case_id: str) -> None:
        # Once: a chore that broke is begun again, and an attempt must not be.
        begun = self._begun.pop(case_id, None)
        if begun is None:
            return
        try:
            again = await self._carry_out(begun)
        finally:
            self._slots.release()
        self._look_again(case_id, again)

    def _look_again(self, case_id: str, again: bool) -> None:
        """Shown while this chore still held the key: look at the case once more."""
        if again:
            asyncio.get_running_loop().call_soon(self._look, case_id)

    def _look(self, case_id: str) -> None:
        case = self.engine.cases.get(case_id)
        if case is not None:
            self.watch(case)

    async def _attempt(self, case_id: str) -> bool:
        known = self.engine.cases.get(case_id)
        if known is None or self.stopping:
            return False
        try:
            case = await self.engine.handle(case_id, self._begin(known))
        except NotAllowed:
            return False
        if case is None or case.status != "executing":
            return case is not None and case.status == "approved"
        return await self._carry_out(case)

    async def _carry_out(self, case: Case) -> bool:
        """Run the attempt that has begun, and record what became of it; whether the case is to be
        looked at again."""
        # By name: which one a kind has may have changed since it began, and that was approved.
        settings = self.world.site.executor(case.revision.executor.name)
        attempt, stopped = await self._execute(case, settings)
        finish = Finish(
            case.attempts,
            attempt.result,
            attempt.outcome,
            settings.retries,
            settings.idempotent,
            crashed=stopped,
        )
        await self._finish(case.id, finish)
        return not stopped

    async def _finish(self, case_id: str, finish: Finish) -> None:
        """Record what became of an attempt: if that cannot be, that nobody can tell."""
        try:
            await self.engine.handle(case_id, finish)
        except (StorageFailed, NotAllowed):
            raise
        except Exception:
            log.exception("%s: what became of its attempt cannot be recorded", case_id)
            outcome = {"ok": False, "error": "what became of it could not be recorded; see the log"}
            unknown = msgspec.structs.replace(finish, result="doubt", outcome=outcome)
            await self.engine.handle(case_id, unknown)

    async def _execute(self, case: Case, settings: ExecutorSettings) -> tuple[Attempt, bool]:
        """What became of the attempt, and whether it was ended because the daemon stops."""
        try:
            return await self.executor_for(settings).run(_order(case)), False
        except asyncio.CancelledError:
            return Attempt("doubt", {"ok": False, "error": _STOPPED}), True
        except StorageFailed:
            raise
        except Exception as error:
            log.exception("%s: the executor broke", case.id)
            text = f"the executor broke: {error}"[:200]
            return Attempt("doubt", {"ok": False, "error": text}), False


def _order(case: Case) -> Order:
    files = _attachments(case) if case.attachments else ()
    return Order(
        case.id,
        case.revision.number,
        case.attempts,
        case.payload,
        tuple((item.name, item.content_type, item.content) for item in files),
        f"{case.id}-{case.revision.number}",
    )


def _attachments(case: Case) -> tuple[Attachment, ...]:
    action = read_message(case.action, case.action_id)
    return action.attachments if isinstance(action, Action) else ()
