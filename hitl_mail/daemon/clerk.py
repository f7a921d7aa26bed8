"""Receipts and result files: what a closed case leaves behind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from hitl_mail.core import documents
from hitl_mail.core.case import Case
from hitl_mail.core.commands import FiledAs, ResultWas
from hitl_mail.core.effects import File, Result
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.results import Results
from hitl_mail.errors import StorageFailed
from hitl_mail.ports import Receipts, Spool

log = logging.getLogger(__name__)

_RETRY = 5.0


@dataclass
class Clerk:
    """Carries out `File` and `Result` effects. Both may be done twice without harm."""

    engine: Engine
    receipts: Receipts
    spools: dict[str, Spool]
    permit_token: Callable[[Case], str]
    chores: Chores = field(default_factory=Chores)
    missing: str = ""
    """Receipts that the journal knows of and that are gone."""
    _results: dict[str, Results] = field(default_factory=dict)

    def recover(self) -> None:
        """Go on after the newest receipt that the journal knows of."""
        head = self.engine.desk.head
        if head is None:
            return
        missing = self.receipts.go_on_from(head.seq, head.digest)
        if missing:
            self.missing = f"{missing}: restore state/receipts from a backup"
            log.error("%s", self.missing)

    def watch(self, case: Case) -> None:
        for effect in case.pending.values():
            if isinstance(effect, File):
                self._file_later(case, effect)
            elif isinstance(effect, Result):
                self.chores.start((case.id, effect.id), partial(self._result, case, effect))

    def _file_later(self, case: Case, effect: File) -> None:
        if effect.of == "case":
            self.chores.start((case.id, effect.id), partial(self._file, case))
        elif case.receipt is not None:
            # The review's receipt names the case's; where that is not there yet, `Filed` comes.
            self.chores.start((case.id, effect.id), partial(self._file_review, case))

    async def _file(self, case: Case) -> None:
        seq, digest = await self._add(documents.receipt_body(case), case.id)
        await self.engine.handle(case.id, FiledAs(seq, digest))

    async def _file_review(self, case: Case) -> None:
        about = documents.about_review(case.id)
        seq, digest = await self._add(documents.review_body(case), about)
        await self.engine.handle(case.id, FiledAs(seq, digest, "review"))

    async def _add(self, body: dict[str, Any], about: str) -> tuple[int, str]:
        try:
            return await self.receipts.add(body, about)
        except StorageFailed as error:
            self.engine.fail(error)
            raise

    async def _result(self, case: Case, effect: Result) -> None:
        spool = self.spools.get(case.agent)
        if spool is None:
            log.warning("%s: agent %s has no spool any more; no result", case.id, case.agent)
        else:
            await self._write(self._results.setdefault(case.agent, Results(spool)), case)
        await self.engine.handle(case.id, ResultWas(effect.id))

    async def _write(self, results: Results, case: Case) -> None:
        while True:
            # As it stands now, not as it stood at an attempt that failed.
            case = self.engine.cases.get(case.id, case)
            token = self.permit_token(case) if case.permit is not None else None
            document = documents.result(case, token)
            try:
                await results.write(case.action_id, document)
            except OSError as error:
                log.error("%s: cannot write the result: %s; trying again", case.id, error)
                await asyncio.sleep(_RETRY)
            else:
                return
