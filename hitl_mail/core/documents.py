"""What programs outside get to read of a case: result files, receipts, rows of the queue.

The keys are design 1.2, 1.6 and 1.7, to the letter. Times become ISO 8601 in UTC here.
"""

from __future__ import annotations

import datetime as dt
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hitl_mail.core.case import FINAL, Case, MailLog, Moment, payload_of
from hitl_mail.core.effects import ASKS, Mail
from hitl_mail.core.events import Decision, Revision
from hitl_mail.core.quorum import unreached_now, waiting_for
from hitl_mail.core.receipt import ERASED
from hitl_mail.core.receipt_texts import split
from hitl_mail.errors import Impossible

RECEIPT_STATUSES = FINAL | {"ok", "flagged", "lapsed", ERASED}
"""Of cases, of looks at them afterwards, of erasures."""

_REVIEW = ("ok", "flag")
_REVIEW_KEYS = (
    "case",
    "id",
    "agent",
    "run_id",
    "kind",
    "title",
    "gate",
    "action_digest",
    "received_at",
    "expires_at",
    "verdict",
)
_ERASURE_KEYS = ("case", "id", "agent", "run_id", "kind", "gate", "action_digest", "verdict")


@functools.lru_cache(1024)
def iso(at: float) -> str:
    """`2026-11-22T13:00:00.123Z`."""
    part, whole = math.modf(at)
    more, microseconds = divmod(round(part * 1e6), 1_000_000)
    return f"{_second(int(whole) + more)}.{microseconds // 1000:03d}Z"


@functools.lru_cache(1024)
def _second(at: int) -> str:
    """Apart, because many moments are of the same one, and a calendar takes its time."""
    return dt.datetime.fromtimestamp(at, dt.UTC).isoformat().removesuffix("+00:00")


def result(case: Case, token: str | None = None) -> dict[str, Any]:
    """The result file. `token` is the permit's, where the case holds one."""
    document: dict[str, Any] = {
        "id": case.action_id,
        "case": case.id,
        "status": case.status,
        "payload": case.payload,
        "edited": edited(case),
        "verdict": case.verdict.document(),
        "decisions": [_said(decision) for decision in case.decisions],
        "outcome": case.outcome,
        "receipt": None,
    }
    if (permit := case.open_permit) is not None:
        document["permit"] = {
            "digest": permit.digest,
            "token": token,
            "until": iso(permit.until),
        }
        document["verdict"] = _undrawn(document["verdict"])
    if case.receipt is not None:
        document["receipt"] = {"seq": case.receipt.seq, "digest": case.receipt.digest}
    return document


def _undrawn(verdict: dict[str, Any]) -> dict[str, Any]:
    """A verdict without its draw. Whoever holds a permit may still withdraw, and could ask again
    until nobody would look."""
    trace = [
        {**line, "values": {k: v for k, v in line["values"].items() if k != "draw"}}
        for line in verdict["trace"]
    ]
    return {**verdict, "sampled": None, "trace": trace}


def result_from_receipt(receipt: dict[str, Any]) -> dict[str, Any]:
    """The result file of a closed case, from its receipt."""
    revisions = receipt["revisions"]
    last = revisions[-1] if isinstance(revisions, list) else {"payload": None}
    return {
        "id": receipt["id"],
        "case": receipt["case"],
        "status": receipt["status"],
        "payload": last["payload"],
        "edited": isinstance(revisions, list) and any(r.get("by") for r in revisions),
        "verdict": receipt["verdict"],
        "decisions": [
            {key: said[key] for key in ("by", "verb", "via", "at", "note")}
            for said in receipt["decisions"]
        ],
        "outcome": receipt["outcome"],
        "receipt": {"seq": receipt["seq"], "digest": receipt["digest"]},
    }


def receipt_body(case: Case) -> dict[str, Any]:
    """What a receipt says of a final case, before it is sealed."""
    if case.closed_at is None:
        raise Impossible(f"no receipt of a case that is {case.status}")
    return {**case_document(case), "closed_at": iso(case.closed_at)}


def review_body(case: Case) -> dict[str, Any]:
    """What the receipt of a review says: what became of it, and which receipt it is about."""
    if case.review is None or case.receipt is None:
        raise Impossible("no receipt of a review without the receipt of its case")
    document = case_document(case)
    said = [decision for decision in case.decisions if decision.verb in _REVIEW]
    return {
        **{key: document[key] for key in _REVIEW_KEYS},
        "status": case.review.status,
        "expires_at": iso(case.review.expires_at),
        "decided_by": [decision.by for decision in said],
        "reviews": {"seq": case.receipt.seq, "digest": case.receipt.digest},
        "closed_at": iso(max(m.at for m in case.history)),
        "action": {},
        "revisions": [],
        "packets": _packets(case, ("review",)),
        "decisions": [_evidence(decision) for decision in said],
        "outcome": None,
        "events": [_moment(m) for m in case.history if _of_review(m)],
    }


def erasure_body(
    receipts: Sequence[Mapping[str, Any]], at: float, decision: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What the receipt says by which the contents of a case's receipts were erased.

    `decision` is an admin's, None where `[store] keep` ran out. The first of `receipts` is the
    case's own.
    """
    shell, _ = split(receipts[0])
    said = [{**decision, "seen": shell["digest"]}] if decision else []
    moment = {"at": iso(at), "event": ERASED}
    return {
        **{key: shell[key] for key in _ERASURE_KEYS},
        "title": "Contents erased",
        "status": ERASED,
        "decided_by": [decision["by"]] if decision else [],
        "erases": [{"seq": one["seq"], "digest": one["digest"]} for one in receipts],
        "closed_at": iso(at),
        "action": {},
        "revisions": [],
        "packets": [],
        "decisions": said,
        "outcome": None,
        "events": [{**moment, "by": decision["by"]} if decision else moment],
    }


def review_document(case: Case) -> dict[str, Any] | None:
    """The review of a case that was drawn for one, open or not yet filed; None where there is
    none."""
    if case.review is None:
        return None
    ref = case.review.receipt
    said = [decision for decision in case.decisions if decision.verb in _REVIEW]
    return {
        "status": case.review.status,
        "expires_at": iso(case.review.expires_at),
        "decisions": [_evidence(decision) for decision in said],
        "receipt": {"seq": ref.seq, "digest": ref.digest} if ref else None,
    }


def about_review(case_id: str) -> str:
    """What the receipt of a review is about, as `Receipts.add` and `by_about` call it."""
    return f"{case_id}/review"


def case_document(case: Case) -> dict[str, Any]:
    """All there is to tell of a case, open or final, but for its review."""
    decisions = [decision for decision in case.decisions if decision.verb not in _REVIEW]
    return {
        "case": case.id,
        "id": case.action_id,
        "agent": case.agent,
        "run_id": case.action.get("run_id"),
        "kind": case.kind,
        "title": case.title,
        "status": case.status,
        "gate": case.verdict.gate,
        "decided_by": list(dict.fromkeys(decision.by for decision in decisions)),
        "action_digest": case.action_digest,
        "received_at": iso(case.received_at),
        "expires_at": iso(case.expires_at),
        "action": case.action,
        "revisions": [_revision(case, revision) for revision in case.revisions],
        "verdict": case.verdict.document(),
        "packets": _packets(case, (*ASKS, "doubt")),
        "decisions": [_evidence(decision) for decision in decisions],
        "outcome": case.outcome,
        "events": [_moment(m) for m in case.history if not _of_review(m)],
    }


def _packets(case: Case, about: tuple[str, ...]) -> list[dict[str, Any]]:
    return [_packet(case, mail) for mail in case.mails if mail.what in about]


def _moment(moment: Moment) -> dict[str, Any]:
    return {"at": iso(moment.at), "event": moment.event, **moment.detail}


def _of_review(moment: Moment) -> bool:
    return moment.event == "reviewed" or moment.detail.get("verb") in _REVIEW


def queue_row(case: Case) -> dict[str, Any]:
    """One row of `queue`. `unreached`, only where there is somebody, says why a question does not
    reach a person: `away`, `undelivered` or `full`; `permit_until`, only where the agent holds a
    permit, when that ends."""
    row = {
        "case": case.id,
        "id": case.action_id,
        "agent": case.agent,
        "kind": case.kind,
        "title": case.title,
        "status": case.status,
        "waiting_for": list(waited_for(case)),
        "expires_at": iso(case.review.expires_at if case.review else case.expires_at),
        "created_at": iso(case.received_at),
    }
    if (permit := case.open_permit) is not None:
        row["permit_until"] = iso(permit.until)
    unreached = {person: case.unreached[person] for person in unreached_now(case)}
    return {**row, "unreached": unreached} if unreached else row


def waited_for(case: Case) -> tuple[str, ...]:
    """Who the case waits for: people, or the agent that holds its permit."""
    return waiting_for(case) if case.open_permit is None else (case.agent,)


def edited(case: Case) -> bool:
    """Whether a person changed what runs."""
    return any(revision.by is not None for revision in case.revisions)


def mail_error(case: Case, mail: MailLog) -> str | None:
    """Why a mail was not delivered, or not yet."""
    waiting = case.pending.get(mail.id)
    return mail.error or (waiting.error if isinstance(waiting, Mail) else "") or None


def _packet(case: Case, mail: MailLog) -> dict[str, Any]:
    return {
        "to": mail.to,
        "revision": mail.revision,
        "about": mail.what,
        "status": mail.status,
        "at": iso(mail.at) if mail.at is not None else None,
        "digest": mail.digest,
        "error": mail_error(case, mail),
    }


def _said(decision: Decision) -> dict[str, Any]:
    return {
        "by": decision.by,
        "verb": decision.verb,
        "via": decision.via,
        "at": iso(decision.at),
        "note": decision.note,
    }


def _evidence(decision: Decision) -> dict[str, Any]:
    """`to`, whom a question was handed to, only where it was."""
    return {
        **_said(decision),
        **({"to": decision.to} if decision.to else {}),
        "revision": decision.revision,
        "seen": decision.seen,
        "counts": list(decision.counts),
        "evidence": decision.evidence,
    }


def _revision(case: Case, revision: Revision) -> dict[str, Any]:
    return {
        "number": revision.number,
        "digest": revision.digest,
        "salt": revision.salt,
        "payload": payload_of(case, revision),
        "executor": {
            "name": revision.executor.name,
            "type": revision.executor.type,
            "digest": revision.executor.digest,
        },
        "at": iso(revision.at),
        "by": revision.by,
        "why": revision.why,
    }
