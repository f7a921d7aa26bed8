"""An approved case says that it begins before its approval is durable, and runs only after both."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Literal

from hitl_mail.core.case import Case
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.runner import Runner
from hitl_mail.ports import Attempt, Order
from tests.factories import CASE, by, receive
from tests.offices import Office


class Waiting:
    """A journal whose records become durable when the test says so."""

    records = 0

    def __init__(self) -> None:
        self.waiting: list[asyncio.Future[None]] = []

    def append(self, payload: bytes, *, urgent: bool = True) -> asyncio.Future[None]:
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())

    async def durable(self) -> int:
        """All that waits is; how many records that were."""
        waiting, self.waiting = self.waiting, []
        for record in waiting:
            record.set_result(None)
        await settled()
        return len(waiting)


class Ran:
    """An executor that remembers."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    async def run(self, order: Order) -> Attempt:
        self.orders.append(order)
        return Attempt("ok", {"ok": True})


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_approval_and_begin_become_durable_together_and_nothing_runs_before() -> None:
    office, journal, executor = Office(), Waiting(), Ran()
    engine = Engine(journal, office.engine.clock)
    office.engine = engine
    runner = Runner(engine, office.world, lambda settings: executor)
    engine.ahead.append(runner.watch)
    shown: list[str] = []
    engine.watchers.append(lambda case: shown.append(case.status))

    ref = office.world.executor_ref("payment.refund")
    arrival = receive(executor=ref, expires_at=office.now + 100)
    arriving = asyncio.ensure_future(engine.handle(CASE, arrival))
    await settled()
    assert await journal.durable() == 1
    await arriving
    deciding = asyncio.ensure_future(engine.handle(CASE, by("ada")(case_of(engine))))
    await settled()
    assert (shown, executor.orders) == (["pending"], [])
    assert await journal.durable() == 2
    await deciding
    assert shown == ["pending", "approved", "executing"]
    assert [order.case for order in executor.orders] == [CASE]
    assert await journal.durable() == 1
    await runner.chores.settle()
    assert shown[-1] == "executed"


def case_of(engine: Engine) -> Case:
    return engine.cases[CASE]
