"""The client for asyncio programs."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hitl_mail.client.outcome import Result, StillOpen, settled
from hitl_mail.client.spool import JUST_NOW, Files, Submitted, action_fields, find_spool, id_of
from hitl_mail.client.watch import RESCAN, SOON

T = TypeVar("T")


class AsyncClient:
    """`Client` with the same methods, to be awaited; what they do and raise is said there."""

    def __init__(
        self,
        spool: str | Path | None = None,
        *,
        home: str | Path | None = None,
        agent: str = "default",
    ) -> None:
        self.files = Files(find_spool(spool, home, agent))

    async def submit(
        self,
        kind: str,
        payload: dict[str, Any],
        summary: str,
        *,
        id: str | None = None,
        **more: Any,
    ) -> Submitted:
        fields = action_fields(kind, payload, summary, id, more)
        return await asyncio.to_thread(self.files.submit, fields)

    async def wait(self, action: Submitted | str, timeout: float | None = None) -> Result:
        since = time.time() - JUST_NOW
        result = await self._await(lambda: self.files.answer(action, since), timeout)
        if result is None:
            raise StillOpen(f"{id_of(action)}: no result in time; it still stands")
        return settled(result, dt.datetime.now(dt.UTC))

    async def cancel(self, action: Submitted | str, timeout: float | None = 10.0) -> None:
        said = await asyncio.to_thread(self.files.cancel, action)
        await self._taken(said, timeout, "the cancel")

    async def report(
        self, result: Result, *, ok: bool = True, timeout: float | None = 10.0, **outcome: Any
    ) -> None:
        said = await asyncio.to_thread(self.files.report, result, {"ok": ok, **outcome})
        await self._taken(said, timeout, "the report")

    async def _taken(self, said: Submitted, timeout: float | None, what: str) -> None:
        if await self._await(lambda: self.files.taken(said) or None, timeout, SOON) is None:
            raise StillOpen(f"{said.id}: no daemon read {what} in time; it counts when one does")

    async def _await(
        self, look: Callable[[], T | None], timeout: float | None, rescan: float = RESCAN
    ) -> T | None:
        from hitl_mail.adapters.watch import DirectoryWatch

        hints = DirectoryWatch(self.files.watched, rescan).changes()
        try:
            async with asyncio.timeout(timeout):
                async for _ in hints:
                    found = look()
                    if found is not None:
                        return found
        except TimeoutError:
            return look()
        finally:
            await hints.aclose()
        return None
