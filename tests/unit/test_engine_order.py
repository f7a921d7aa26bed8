"""Watchers are shown what happened in the order of its records, whoever is woken first."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Literal

from hitl_mail.core.case import Case
from hitl_mail.core.commands import Withdraw
from hitl_mail.daemon.engine import Engine
from tests.factories import action, receive


class _Clock:
    def now(self) -> float:
        return 1000.0


class Together:
    """A journal in which every second record is durable at once, and the one before it with it."""

    records = 0

    def __init__(self) -> None:
        self.waiting: asyncio.Future[None] | None = None

    def append(self, payload: bytes, *, urgent: bool = True) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.waiting is None:
            self.waiting = future
        else:
            self.waiting.set_result(None)
            future.set_result(None)
            self.waiting = None
        return future

    async def snapshot(self, payloads: Iterable[bytes]) -> None:
        raise AssertionError("nothing here is long enough for a snapshot")

    def load(self) -> Iterator[tuple[Literal["snapshot", "record"], bytes]]:
        return iter(())


async def test_a_case_is_never_shown_as_it_was_before_it_was_shown_last() -> None:
    engine = Engine(Together(), _Clock())
    shown: list[tuple[str, str]] = []
    engine.watchers.append(lambda case: shown.append((case.id, case.status)))
    first, other = "261122-bcdfgh", "261122-bcdfgj"

    def arrives(case: str, key: str) -> asyncio.Future[Case | None]:
        return asyncio.ensure_future(engine.handle(case, receive(action(id=key), case=case)))

    arriving = arrives(first, "a")
    await asyncio.sleep(0)
    assert shown == []
    # In one turn of the loop, so whoever waits for the first record is woken later than this.
    canceled = await engine.handle(first, Withdraw("agent", ""))
    assert shown == [(first, "pending"), (first, "canceled")]
    found = await arriving
    assert found is not None
    assert canceled is not None
    assert (found.status, canceled.status) == ("pending", "canceled")
    await asyncio.gather(arrives(other, "b"), arrives("261122-bcdfgk", "c"))
    assert [case for case, _ in shown] == [first, first, other, "261122-bcdfgk"]
