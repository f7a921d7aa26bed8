"""What the web door shows and takes: `ports.Pages` over the engine and the receipts.

Looking is `core.decide` tried on a copy: what it would allow is what the page offers. So a page
never promises what a decision would then be refused for.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from hitl_mail.core import documents
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.events import Verb
from hitl_mail.core.said import verbs
from hitl_mail.daemon.closed import Closed, find_closed
from hitl_mail.daemon.deciding import Deciding, Spoken
from hitl_mail.daemon.engine import Engine
from hitl_mail.daemon.words import outcome_sentence
from hitl_mail.daemon.world import World
from hitl_mail.errors import NotAllowed
from hitl_mail.ports import (
    CaseFacts,
    LookUp,
    Outcome,
    PageState,
    Receipts,
    ReceiptView,
    Said,
)
from hitl_mail.review.facts import SiteFacts
from hitl_mail.review.links import BadLink, LinkClaim, Links
from hitl_mail.review.packet import build_packet

_STATES: dict[str, PageState] = {
    "changed": "changed",
    "expired": "expired",
    "not_reviewer": "not_reviewer",
    "own_request": "not_reviewer",
    "door": "not_reviewer",
    "already": "under_way",
    "not_now": "under_way",
}

_UNSAID = ("unchanged", "no_target")
"""What an edit without a change and a route without a target are refused for: may be said."""


@dataclass
class Front:
    """Serves pages to whoever holds a signed link."""

    engine: Engine
    receipts: Receipts
    world: World
    links: Links
    facts: SiteFacts
    deciding: Deciding
    stopping: bool = False

    def look(self, token: str) -> LookUp:
        """See `ports.Pages.look`."""
        try:
            claim = self.links.read("decide", token)
        except BadLink:
            return LookUp(state="bad_link")
        case = self.engine.cases.get(claim.case)
        if case is None or (case.final and not case.in_review):
            return self._closed(claim, case)
        allowed, code = self._allowed(case, claim)
        receipt = self.links.make("receipt", case.id, claim.seen, claim.person, claim.at)
        if allowed:
            return LookUp(
                state="open",
                reader=claim.person,
                packet=build_packet(case, claim.person, self.facts, self.engine.clock.now()),
                seen=case.revision.digest,
                verbs=allowed,
                facts=_facts(case),
                receipt=receipt,
            )
        state = _STATES[code]
        told = None if state == "not_reviewer" else _facts(case)
        return LookUp(state=state, reader=claim.person, facts=told, receipt=receipt)

    async def decide(
        self, token: str, verb: Verb, note: str, seen: str, evidence: dict[str, Any]
    ) -> Outcome:
        """See `ports.Pages.decide`."""
        try:
            claim = self.links.read("decide", token)
        except BadLink as error:
            return Outcome(False, "bad_link", str(error))
        case = self.engine.cases.get(claim.case)
        if case is None:
            return Outcome(False, "closed", "the case is closed")
        if claim.seen != seen:
            return Outcome(False, "changed", "this page shows another revision than its link")
        try:
            said = _spoken(claim, verb, note, evidence)
            await self.engine.handle(case.id, self.deciding.command(case, said))
        except NotAllowed as error:
            return Outcome(False, error.code, error.detail)
        return Outcome(True)

    def receipt(self, token: str) -> ReceiptView | None:
        """See `ports.Pages.receipt`."""
        try:
            claim = self.links.read("receipt", token)
        except BadLink:
            return None
        case = self.engine.cases.get(claim.case)
        if case is not None:
            document = documents.case_document(case)
            return _view(_facts(case), document, case.payload)
        closed = find_closed(self.receipts, claim.case)
        if closed is None:
            return None
        document = closed.receipt
        revisions = document["revisions"]
        payload = revisions[-1]["payload"] if isinstance(revisions, list) else None
        return _view(_facts_of(closed), document, payload)

    def health(self) -> dict[str, Any]:
        """See `ports.Pages.health`."""
        if self.engine.failure is not None:
            return {"status": "failed"}
        return {"status": "stopping" if self.stopping else "ok"}

    def _allowed(self, case: Case, claim: LinkClaim) -> tuple[tuple[Verb, ...], str]:
        """What this person may say of the case now; and why not, where that is nothing."""
        allowed, code = [], "not_now"
        for verb in verbs(case):
            try:
                command = self.deciding.plain(case, _spoken(claim, verb, "", {}))
                decide(case, command, self.engine.clock.now())
            except NotAllowed as error:
                if error.code in _UNSAID:
                    allowed.append(verb)
                else:
                    code = error.code
            else:
                allowed.append(verb)
        # Who has approved already may still reject, but is not asked again.
        return (() if code == "already" else tuple(allowed)), code

    def _closed(self, claim: LinkClaim, case: Case | None) -> LookUp:
        if case is not None:
            facts = _facts(case)
        else:
            closed = find_closed(self.receipts, claim.case)
            if closed is None:
                return LookUp(state="bad_link")
            facts = _facts_of(closed)
        state: PageState = "expired" if facts.status == "expired" else "closed"
        receipt = self.links.make("receipt", claim.case, claim.seen, claim.person, claim.at)
        return LookUp(state=state, reader=claim.person, facts=facts, receipt=receipt)


def _spoken(claim: LinkClaim, verb: Verb, note: str, evidence: dict[str, Any]) -> Spoken:
    return Spoken(
        person=claim.person, verb=verb, via="link", seen=claim.seen, note=note, evidence=evidence
    )


def _facts(case: Case) -> CaseFacts:
    return CaseFacts(
        case=case.id,
        id=case.action_id,
        agent=case.agent,
        kind=case.kind,
        title=case.title,
        status=case.status,
        received_at=case.received_at,
        expires_at=case.expires_at,
        closed_at=case.closed_at,
        run_id=case.action.get("run_id"),
        decisions=tuple(Said(d.by, d.verb, d.via, d.at, d.note) for d in case.decisions),
        waiting_for=documents.waited_for(case),
        detail=outcome_sentence(
            case.status if case.review is None or case.in_review else case.review.status,
            case.outcome,
        ),
    )


def _facts_of(record: Closed) -> CaseFacts:
    receipt = record.receipt
    closed = _epoch(receipt["closed_at"])
    return CaseFacts(
        case=receipt["case"],
        id=receipt["id"],
        agent=receipt["agent"],
        kind=receipt["kind"],
        title=receipt["title"],
        status=receipt["status"],
        received_at=_epoch(receipt["received_at"]),
        expires_at=_epoch(receipt["expires_at"]),
        closed_at=closed,
        run_id=receipt["run_id"],
        decisions=tuple(
            Said(d["by"], d["verb"], d["via"], _epoch(d["at"]), d["note"]) for d in record.decisions
        ),
        detail=outcome_sentence(record.status, receipt["outcome"]),
    )


def _view(
    facts: CaseFacts, document: dict[str, Any], payload: dict[str, Any] | None
) -> ReceiptView:
    return ReceiptView(
        facts=facts,
        seq=document.get("seq"),
        digest=document.get("digest"),
        prev=document.get("prev"),
        reasons=tuple(document["verdict"]["reasons"]),
        payload=payload,
        history=tuple((_epoch(m["at"]), _moment(m)) for m in document["events"]),
    )


def _moment(moment: dict[str, Any]) -> str:
    rest = ", ".join(
        f"{key} {value}" for key, value in moment.items() if key not in ("at", "event")
    )
    name = moment["event"].replace("_", " ")
    return f"{name}: {rest}" if rest else name


def _epoch(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
