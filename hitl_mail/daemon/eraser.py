"""Contents of closed cases go: because an admin says so, or because `[store] keep` ran out.

Contents first, then the receipt that tells of it: whatever is killed in between, asking again ends
it, and nothing ever claims an erasure that was not made. Digests and signatures stay; see
`core.receipt`. Knows receipts and journal; not results, mails or backups, which are others' copies.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hitl_mail.core import documents
from hitl_mail.core.desk import Sealed
from hitl_mail.core.receipt import ABOUT_ERASURE, ERASED, has_texts
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.engine import Engine
from hitl_mail.errors import HitlError, NotAllowed, StorageFailed
from hitl_mail.ports import Erasable

log = logging.getLogger(__name__)

_DAY = 86400.0
_TOGETHER = 200
"""Receipts of erasures that wait for the disk together."""


@dataclass
class Eraser:
    """`keep` is in seconds; None keeps for ever."""

    engine: Engine
    receipts: Erasable
    keep: float | None
    passed: Callable[[], float] = time.monotonic
    """Seconds that have gone by, whatever becomes of the clock."""
    chores: Chores = field(init=False)
    _looked: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        self.chores = Chores(self.engine.faults, self.engine.fail)

    async def erase(self, case: str, decision: Mapping[str, Any]) -> dict[str, Any]:
        """Erase one closed case as an admin decided; what was done, for them to read.

        Raises `NotAllowed` for an open case and for none, `HitlError`, `StorageFailed`.
        """
        if case in self.engine.cases:
            raise NotAllowed("open", f"{case} is still open: only what is closed can be erased")
        found = await asyncio.to_thread(self._receipts_of, case)
        if not found:
            raise NotAllowed("unknown", f"there is no case {case}")
        await self._erase_seqs([receipt["seq"] for receipt in found])
        await self.engine.forget_closed()
        seq, digest = await self._seal(case, found, decision)
        await self._tell((seq, digest))
        left = [one["seq"] for one in found if has_texts(one) and not _salted(one)]
        return {
            "case": case,
            "erased": [one["seq"] for one in found],
            "texts_stay": left,
            "receipt": {"seq": seq, "digest": digest},
        }

    def look(self) -> None:
        """Once a day, and at start: let go of what is older than it is to be kept.

        It cannot be undone, so a clock that has jumped ahead is believed only a day later.
        """
        now, passed = self.engine.clock.now(), self.passed()
        before, before_passed = self._looked or (now, passed - _DAY)
        gone = passed - before_passed
        if self.keep is None or gone < _DAY:
            return
        self._looked = now, passed
        if now - before <= gone + _DAY:
            self.chores.start("keep", self._let_go)
        else:
            log.warning(
                "[store] keep: the clock has gone on by %.0f days in %.0f: nothing is let go of"
                " today, and tomorrow by what it says then",
                (now - before) / _DAY,
                gone / _DAY,
            )

    async def _let_go(self) -> None:
        try:
            erased = await self._let_go_of_all()
        except StorageFailed:
            raise
        except HitlError as error:
            log.error("[store] keep: %s; trying again tomorrow", error)
        else:
            if erased:
                log.warning("[store] keep: contents of %d closed cases were erased", erased)

    async def _let_go_of_all(self) -> int:
        """A month's file at a time, so that each is written anew once."""
        before = documents.iso(self.engine.clock.now() - (self.keep or 0.0))
        done: set[str] = set()
        while True:
            rows = await asyncio.to_thread(self.receipts.lookup.erasable, before)
            # A case that is final and still owes a mail is let go of another day.
            cases = [
                row.case
                for row in rows
                if row.case not in self.engine.cases and row.case not in done
            ]
            if not cases:
                break
            rows_of = await asyncio.to_thread(self._rows_of, cases)
            await self._erase_seqs([row.seq for rows in rows_of.values() for row in rows])
            await self.engine.forget_closed()
            for some in _batches(cases):
                await self._file_all(some)
            done.update(cases)
        return len(done)

    async def _file_all(self, cases: Sequence[str]) -> None:
        """The receipts of some erasures, written together."""
        found = [(case, await asyncio.to_thread(self._receipts_of, case)) for case in cases]
        ends = await asyncio.gather(*(self._seal(case, those, None) for case, those in found))
        await self._tell(max(ends))

    def _rows_of(self, cases: list[str]) -> dict[str, list[Any]]:
        lookup = self.receipts.lookup
        return {
            case: [row for row in lookup.by_case(case) if row.status != ERASED] for case in cases
        }

    def _receipts_of(self, case: str) -> list[dict[str, Any]]:
        """The case's own receipt, then its review's."""
        return [self.receipts.lookup.receipt(row) for row in self._rows_of([case])[case]]

    async def _erase_seqs(self, seqs: list[int]) -> None:
        try:
            await self.receipts.erase(seqs)
        except StorageFailed as error:
            self.engine.fail(error)
            raise

    async def _seal(
        self, case: str, found: list[dict[str, Any]], decision: Mapping[str, Any] | None
    ) -> tuple[int, str]:
        body = documents.erasure_body(found, self.engine.clock.now(), decision)
        try:
            return await self.receipts.add(body, case + ABOUT_ERASURE)
        except StorageFailed as error:
            self.engine.fail(error)
            raise

    async def _tell(self, end: tuple[int, str]) -> None:
        """The journal knows of these receipts: else nobody would miss them at the chain's end."""
        await self.engine.note(Sealed(self.engine.clock.now(), *end))


def _salted(receipt: Mapping[str, Any]) -> bool:
    """Whether its texts went with the rest: they were sealed apart."""
    return "texts" in receipt["salts"]


def _batches(cases: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(cases), _TOGETHER):
        yield cases[start : start + _TOGETHER]
