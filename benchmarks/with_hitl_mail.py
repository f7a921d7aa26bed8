"""The same work in hitl-mail: its engine, rules, journal, runner and receipts, in this process.

Strictly more is done than by the others: the rules are CEL conditions with a trace, who may decide
and what they saw is checked, that an execution begins is durable before it does, and the case ends
as a receipt that is sealed, chained and signed. `approve` returns when the outcome is durable; the
clock of all of them stops when the last receipt is. That the question was mailed is told to the
engine in between, off the clock, so that what is approved closes.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

from benchmarks import work
from benchmarks.contender import obey
from benchmarks.office import Office, make_home

TOGETHER = 64

_Item = TypeVar("_Item")


class InHitlMail:
    """The program."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._made = 0

    async def submit(self, count: int) -> dict[str, Any]:
        """So many actions arrive, one after the other."""
        found = await self._each(lambda data: self._office.submit([data]), self._documents(count))
        await self._office.send_mails()
        return found

    async def submit_together(self, count: int) -> dict[str, Any]:
        """So many actions, 64 at once."""
        found = await self._each(self._office.submit, _groups(self._documents(count)))
        await self._office.send_mails()
        return found

    async def approve(self, count: int) -> dict[str, Any]:
        """So many that wait are approved and run, one after the other."""
        return await self._each(self._office.approve, self._office.waiting()[:count])

    async def approve_together(self, count: int) -> dict[str, Any]:
        """So many, 64 people at once."""
        return await self._each(_all(self._office.approve), _groups(self._office.waiting()[:count]))

    async def decide_together(self, count: int) -> dict[str, Any]:
        """So many decisions by 64 people at once, journalled; nothing is begun."""
        waiting = _groups(self._office.waiting()[:count])
        with self._office.put_aside():
            return await self._each(_all(self._office.decide), waiting)

    async def _each(
        self, deed: Callable[[_Item], Awaitable[object]], items: list[_Item]
    ) -> dict[str, Any]:
        each = []
        begun = before = time.perf_counter()
        for item in items:
            await deed(item)
            now = time.perf_counter()
            each.append(now - before)
            before = now
        await self._office.settle()
        return {"seconds": time.perf_counter() - begun, "each": each}

    def _documents(self, count: int) -> list[bytes]:
        self._made += count
        return [work.document(number) for number in range(self._made - count, self._made)]


def _groups(items: list[_Item]) -> list[list[_Item]]:
    return [items[at : at + TOGETHER] for at in range(0, len(items), TOGETHER)]


def _all(deed: Callable[[Any], Coroutine[Any, Any, None]]) -> Callable[[Any], Awaitable[object]]:
    return lambda items: asyncio.gather(*map(deed, items))


def main() -> None:
    """Serve the benchmark."""
    with asyncio.Runner() as runner:
        office = Office(make_home(Path(sys.argv[1]) / "home"))
        runner.run(office.start())
        program = InHitlMail(office)

        def deed(of: Callable[[int], Coroutine[Any, Any, dict[str, Any]]]) -> Any:
            return lambda count: runner.run(of(count))

        obey(
            {
                "ready": lambda _: {},
                "submit": deed(program.submit),
                "approve": deed(program.approve),
                "submit_together": deed(program.submit_together),
                "approve_together": deed(program.approve_together),
                "decide_together": deed(program.decide_together),
            }
        )
        runner.run(office.close())


if __name__ == "__main__":
    main()
