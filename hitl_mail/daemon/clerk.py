"""Receipts and result files: what a closed case leaves behind."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import msgspec

from hitl_mail.core import documents
from hitl_mail.core.case import Case, ReceiptRef
from hitl_mail.core.commands import FiledAs, ResultWas
from hitl_mail.core.effects import File, Result
from hitl_mail.daemon.chores import Chores
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.results import Results
from hitl_mail.errors import HitlError
from hitl_mail.ports import Receipts, Spool

log = logging.getLogger(__name__)

_WHAT = {"": "case", documents.about_review(""): "review"}
"""What a receipt is owed for, by the end of what it is about. No case owes any other."""


@dataclass
class Clerk:
    """Carries out `File` and `Result` effects. Both may be done twice without harm."""

    engine: Engine
    receipts: Receipts
    spools: dict[str, Spool]
    permit_token: Callable[[Case], str]
    chores: Chores = field(init=False)
    missing: str = ""
    """Receipts that the journal knows of and that are gone."""
    _results: dict[str, Results] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chores = Chores(self.engine.faults, self.engine.fail)

    def recover(self) -> None:
        """Go on after the newest receipt that the journal knows of."""
        head = self.engine.desk.head
        self._check_journal()
        self._check_end(head.seq if head else 0)
        if head is None:
            return
        missing = self.receipts.go_on_from(head.seq, head.digest)
        if missing:
            self.missing = f"{missing}: restore state/receipts from a backup"
            log.error("%s", self.missing)

    def _check_journal(self) -> None:
        """Without a journal nobody knows what is open: it would run again when it is dropped again,
        and be lost if it is not."""
        last, _ = self.receipts.lookup.head()
        if last and self.engine.desk.head is None and not self.engine.cases:
            raise HitlError(
                f"the journal, state/journal, is empty or gone, and there are {last} receipts: what"
                " was open is known only there. Restore state/ from a backup; what ran since that"
                " was made may run again, so ask before you start. Without one, begin anew with"
                " hitl-mail init at another place, and keep this home for its receipts"
            )

    def _check_end(self, known: int) -> None:
        """A receipt is written of what the journal knows to have ended. Where it knows of no such
        end, its own has been lost, and what the receipt tells of would run again."""
        lookup = self.receipts.lookup
        for seq in range(known + 1, lookup.head()[0] + 1):
            row = lookup.by_seq(seq)
            of = None if row is None else _WHAT.get(row.about.removeprefix(row.case))
            if row is None or of is None:
                continue
            case = self.engine.cases.get(row.case)
            owed = () if case is None else case.pending.values()
            if not any(isinstance(effect, File) and effect.of == of for effect in owed):
                raise HitlError(
                    f"the journal, state/journal, has lost its end, or is older than the receipts:"
                    f" receipt #{seq} tells that {row.case} was {row.status}, and the journal knows"
                    " of no end of it. It could run again. Keep a copy of state/, then restore all"
                    " of it from a backup of one moment; what ran since that was made may run"
                    " again, so find out first what ran (state/receipts of the copy, and whoever"
                    " was asked). docs/operations.md, When something is wrong, has the ways out"
                )

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
        seq, digest = await self.receipts.add(documents.receipt_body(case), case.id)
        # The result needs the receipt to be durable, and not the word of it: one record for both.
        now = self.engine.cases.get(case.id, case)
        filed = msgspec.structs.replace(now, receipt=ReceiptRef(seq, digest))
        try:
            await self._write(filed)
        except OSError as error:
            log.error("%s: cannot write the result: %s; trying again", case.id, error)
            await self.engine.handle(case.id, FiledAs(seq, digest))
        else:
            await self.engine.handle(case.id, FiledAs(seq, digest, result=True))

    async def _file_review(self, case: Case) -> None:
        about = documents.about_review(case.id)
        seq, digest = await self.receipts.add(documents.review_body(case), about)
        await self.engine.handle(case.id, FiledAs(seq, digest, "review"))

    async def _result(self, case: Case, effect: Result) -> None:
        # As it stands now, not as it stood at an attempt that failed.
        await self._write(self.engine.cases.get(case.id, case))
        await self.engine.handle(case.id, ResultWas(effect.id))

    async def _write(self, case: Case) -> None:
        spool = self.spools.get(case.agent)
        if spool is None:
            log.warning("%s: agent %s has no spool any more; no result", case.id, case.agent)
            return
        token = self.permit_token(case) if case.permit is not None else None
        results = self._results.setdefault(case.agent, Results(spool))
        await results.write(case.action_id, documents.result(case, token))
