"""What waits for one reviewer, as their queue page shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hitl_mail.core.case import Case
from hitl_mail.core.duration import show_duration
from hitl_mail.core.events import Verb
from hitl_mail.core.quorum import deciders
from hitl_mail.core.said import verbs
from hitl_mail.core.verdict import DOORS, Door
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.waiting import Waiting
from hitl_mail.pages import QueueRow, QueueView
from hitl_mail.review.facts import SiteFacts, show_time
from hitl_mail.review.links import LinkClaim, Links

MOST_ROWS = 100
LASTS = 30 * 86400.0
"""Seconds for which a queue link is believed. A decision link ends with its case; a queue never
ends, so an old mail that got about must not open it for ever."""

Allowed = Callable[[Case], tuple[tuple[Verb, ...], str]]
"""What the reader may say of a case by link, and why not, where that is nothing."""


@dataclass(frozen=True)
class Queues:
    """Finds, orders and bounds what waits for one person."""

    engine: Engine
    waiting: Waiting
    links: Links
    facts: SiteFacts

    def view(self, claim: LinkClaim, allowed: Allowed) -> QueueView:
        """The queue of the claim's person, who is of this site."""
        if self._lapsed(claim):
            return QueueView(state="lapsed", reader=claim.person)
        found = [self.engine.cases.get(name) for name in self.waiting.cases(claim.person)]
        cases = sorted((c for c in found if c is not None), key=lambda c: (_until(c), c.id))
        rows: list[QueueRow] = []
        for at, case in enumerate(cases):
            if len(rows) == MOST_ROWS:
                return QueueView(
                    state="open", reader=claim.person, rows=tuple(rows), more=len(cases) - at
                )
            row = self._row(case, claim, *allowed(case))
            rows += [row] if row is not None else []
        return QueueView(state="open", reader=claim.person, rows=tuple(rows))

    def others(self, claim: LinkClaim) -> tuple[int, str | None]:
        """How many cases beside the claim's own wait for its person, and their queue's token."""
        theirs = self.waiting.cases(claim.person) - {claim.case}
        if not theirs or self._lapsed(claim):
            return 0, None
        return len(theirs), self.links.make("queue", "", "", claim.person, claim.at)

    def _lapsed(self, claim: LinkClaim) -> bool:
        return self.engine.clock.now() - claim.at > LASTS

    def _row(
        self, case: Case, claim: LinkClaim, said: tuple[Verb, ...], code: str
    ) -> QueueRow | None:
        if not said and code != "door":
            return None
        settles = case.status in ("held", "in_doubt")
        left = _until(case) - self.engine.clock.now()
        token = None
        if said:
            token = self.links.make("decide", case.id, case.revision.digest, claim.person, claim.at)
        return QueueRow(
            case=case.id,
            title=case.title,
            agent=case.agent,
            kind=case.kind,
            status=case.status,
            verbs=said or verbs(case),
            expires="" if settles else show_time(_until(case), self.facts.zone),
            expires_in="" if settles else show_duration(left),
            token=token,
            doors=() if said else doors_of(case, claim.person),
        )


def doors_of(case: Case, person: str) -> tuple[Door, ...]:
    """The doors but links by which the quorums of this person take decisions."""
    mine = {door for q in deciders(case) if person in q.reviewers for door in q.doors}
    return tuple(door for door in DOORS if door in mine and door != "link")


def _until(case: Case) -> float:
    return case.review.expires_at if case.review is not None else case.expires_at
