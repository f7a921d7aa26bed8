"""What is new of a case each time it is shown: its events, one by one, for whoever counts or tells.

A watcher is shown a case and not what happened to it. This one remembers how each open case was
shown last, and tells what has been added: turning points from the case's history, and what became
of its mails, receipts and result from the difference. What happened before this daemon's start is
no news. It knows nobody who listens, and decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from hitl_mail.core.case import Case, MailLog, Moment
from hitl_mail.core.effects import Mail, Result
from hitl_mail.core.owed import effect_id

Listener = Callable[[Case, Moment], None]
"""Told of each event once it is durable, with the case as it stands after all of its record."""


class News:
    """Compares, and tells `listeners`."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.listeners: list[Listener] = []
        self._now = now
        self._last: dict[str, Case] = {}

    def begin(self, cases: Iterable[Case]) -> None:
        """These are known: what has happened to them so far is no news."""
        self._last = {case.id: case for case in cases}

    def watch(self, case: Case) -> None:
        before = self._last.get(case.id)
        if before is case:
            return
        if case.closed:
            self._last.pop(case.id, None)
        else:
            self._last[case.id] = case
        for moment in self._since(before, case):
            for tell in self.listeners:
                tell(case, moment)

    def _since(self, before: Case | None, case: Case) -> Iterator[Moment]:
        yield from case.history[len(before.history) if before else 0 :]
        if before is None:
            return
        if case.mails is not before.mails:
            for was, mail in zip(before.mails, case.mails, strict=False):
                if mail.status != was.status:
                    yield self._mailed(mail)
        if case.receipt is not before.receipt and case.receipt is not None:
            yield self._moment("filed", receipt=case.receipt.seq)
            # Written before the receipt was told, and told in the same record: never seen pending.
            if effect_id(Result(), before.effects_made + 1) not in case.pending:
                yield self._moment("result_written")
        if case.review is not before.review and case.review is not None:
            filed = case.review.receipt
            if filed is not None and (before.review is None or before.review.receipt is None):
                yield self._moment("review_filed", receipt=filed.seq)
        if case.pending is not before.pending:
            yield from self._done(before, case)

    def _mailed(self, mail: MailLog) -> Moment:
        return self._moment(f"mail_{mail.status}", about=mail.what, to=mail.to)

    def _done(self, before: Case, case: Case) -> Iterator[Moment]:
        """Of what the case owed: mails that wait longer now, results that are written."""
        for key, owed in before.pending.items():
            left = case.pending.get(key)
            if isinstance(owed, Result) and left is None:
                yield self._moment("result_written")
            elif isinstance(left, Mail) and left is not owed:
                yield self._moment(
                    "mail_deferred", about=left.about, to=left.to, attempts=left.attempts
                )

    def _moment(self, event: str, **detail: str | int) -> Moment:
        return Moment(self._now(), event, detail)
