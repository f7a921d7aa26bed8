"""Result files that come up together are written together, so that a thousand cases that close at
once do not wait for two thousand syncs.

In the order in which they were asked for: of one name, the last one stays.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from hitl_mail.ports import Spool

_TOGETHER = 64


@dataclass
class Results:
    """What one spool is still to be given."""

    spool: Spool
    _waiting: list[tuple[str, dict[str, Any], asyncio.Future[None]]] = field(default_factory=list)
    _writing: asyncio.Task[None] | None = None

    async def write(self, name: str, document: dict[str, Any]) -> None:
        """Durable when it returns. Raises OSError, `Refused`."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((name, document, written))
        if self._writing is None:
            self._writing = asyncio.ensure_future(self._write_all())
        await written

    async def _write_all(self) -> None:
        while self._waiting:
            some, self._waiting = self._waiting[:_TOGETHER], self._waiting[_TOGETHER:]
            documents = [(name, document) for name, document, _ in some]
            try:
                faults = await asyncio.to_thread(self.spool.results, documents)
            except Exception as error:  # noqa: BLE001 - whoever waits is told
                self._tell(some, [error] * len(some))
            else:
                self._tell(some, faults)
        self._writing = None

    @staticmethod
    def _tell(some: list[tuple[str, dict[str, Any], asyncio.Future[None]]], faults: Any) -> None:
        for (_, _, written), fault in zip(some, faults, strict=True):
            if written.done():
                continue
            if fault is None:
                written.set_result(None)
            else:
                written.set_exception(fault)
