"""A case, open or closed, as pages tell it: `pages.CaseFacts` and what a receipt page shows."""

from __future__ import annotations

import datetime as dt
from typing import Any

from hitl_mail.core import documents
from hitl_mail.core.case import Case, payload_of
from hitl_mail.core.events import Decision
from hitl_mail.core.quorum import waiting_for
from hitl_mail.daemon.closed import Closed
from hitl_mail.daemon.words import outcome_sentence
from hitl_mail.pages import CaseFacts, ReceiptView, Said
from hitl_mail.review.answers import stand_of
from hitl_mail.review.side import Compared, compare
from hitl_mail.review.timeline import happened


def facts_of(case: Case) -> CaseFacts:
    """What there is to tell of a case in memory."""
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
        decisions=tuple(said(decision) for decision in case.decisions),
        waiting_for=documents.waited_for(case),
        detail=stand_of(case)
        if case.status == "approved"
        else outcome_sentence(
            case.status if case.review is None or case.in_review else case.review.status,
            case.outcome,
        ),
        revised=_revised(case),
        permitted=case.open_permit is not None,
    )


def facts_of_closed(record: Closed) -> CaseFacts:
    """The same of a case of which only the record is left."""
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
            Said(d["by"], d["verb"], d["via"], _epoch(d["at"]), d["note"], d.get("to", ""))
            for d in record.decisions
        ),
        detail=outcome_sentence(record.status, receipt["outcome"]),
    )


def receipt_view(
    facts: CaseFacts, document: dict[str, Any], payload: dict[str, Any] | None
) -> ReceiptView:
    """What a receipt page shows of a case whose document this is."""
    return ReceiptView(
        facts=facts,
        seq=document.get("seq"),
        digest=document.get("digest"),
        prev=document.get("prev"),
        reasons=tuple(document["verdict"]["reasons"]),
        payload=payload,
        history=tuple((at.timestamp(), words) for at, words in happened(document)),
    )


def _epoch(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def said(decision: Decision) -> Said:
    """One decision, as pages tell it."""
    return Said(decision.by, decision.verb, decision.via, decision.at, decision.note, decision.to)


def _revised(case: Case) -> tuple[str, float] | None:
    newest = case.revision
    return (newest.why, newest.at) if newest.number > 1 and newest.why else None


def compared(case: Case) -> Compared | None:
    """The payload beside that of the revision before, where it is another."""
    if len(case.revisions) < 2:
        return None
    found = compare(payload_of(case, case.revisions[-2]), case.payload)
    return found if found.rows else None


def handed(case: Case, person: str) -> Said | None:
    """How this person handed the question on, if they are not waited for since."""
    if person in waiting_for(case):
        return None
    mine = [d for d in case.decisions if d.by == person and d.revision == case.revision.number]
    return said(mine[-1]) if mine and mine[-1].verb == "route" else None
