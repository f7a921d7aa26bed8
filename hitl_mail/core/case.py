"""The life of a case: one table, and the one function that moves along it.

Rule 1: every transition is in `TRANSITIONS`. An event that the table does not list for a status
raises `Impossible` and changes nothing; that is a bug or a damaged journal, never a user's fault,
because `core.decide` only ever says events that are listed.

Rule 2: nothing else changes a case. A `Case` is frozen; `evolve` returns the next one. Replaying
the journal is `evolve` over its events and nothing more, so what is not in an event is not so.

How to read the table. A case starts `pending`. Policy denies it, or approves it at once, or
waits: for decisions (which stay in `pending` until the quorums are met), for a revision (an
executor's settings changed, later an edit), or for its expiry. `approved` means: may start, has
not. It starts (`executing`), or, where the agent itself executes, it is *permitted* and stays
`approved` until the agent reports. Between two attempts it is `approved` again, so that
`executing` always means that an attempt may be running this very moment. If an attempt before was
in doubt and only an idempotent executor allows another (`doubtful`), the case can no longer expire
or change its executor as if nothing had run: it is in doubt then. A failure that a person
is to look at is `held`; an attempt of which nobody knows whether it ran is `in_doubt`; both wait
for a person's retry, done or abandon, for as long as it takes. A retry after expiry is asked
afresh. Final statuses have no way out.

A final case still owes the world its receipt, its result file and its mails: the effects in
`pending`. When they are done the case is `closed` and leaves memory.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec

from hitl_mail.core import events as ev
from hitl_mail.core.effects import Effect, Mail, Result, effects
from hitl_mail.core.verdict import Quorum, Verdict
from hitl_mail.errors import Impossible

Status = Literal[
    "pending",
    "approved",
    "executing",
    "held",
    "in_doubt",
    "executed",
    "failed",
    "rejected",
    "expired",
    "denied",
    "canceled",
]

TRANSITIONS: dict[Status | None, dict[type[msgspec.Struct], Status]] = {
    None: {ev.Received: "pending"},
    "pending": {
        ev.Denied: "denied",
        ev.Decided: "pending",
        ev.Revised: "pending",
        ev.Approved: "approved",
        ev.Rejected: "rejected",
        ev.Expired: "expired",
        ev.Canceled: "canceled",
    },
    "approved": {
        ev.Started: "executing",
        ev.Permitted: "approved",
        ev.Revised: "pending",
        ev.Expired: "expired",
        ev.Canceled: "canceled",
        # Only with a permit, and then nothing else: the agent reports, or does not.
        ev.Succeeded: "executed",
        ev.Failed: "failed",
        ev.Held: "held",
        # Also where an attempt that may have run cannot be made again.
        ev.Doubted: "in_doubt",
    },
    "executing": {
        ev.Succeeded: "executed",
        ev.AttemptFailed: "approved",
        ev.Failed: "failed",
        ev.Held: "held",
        ev.Doubted: "in_doubt",
    },
    "held": {
        ev.Decided: "held",
        ev.Resumed: "approved",
        ev.Reopened: "pending",
        ev.Succeeded: "executed",
        ev.Failed: "failed",
    },
    "in_doubt": {
        ev.Decided: "in_doubt",
        ev.Resumed: "approved",
        ev.Reopened: "pending",
        ev.Succeeded: "executed",
        ev.Failed: "failed",
    },
    "executed": {},
    "failed": {},
    "rejected": {},
    "expired": {},
    "denied": {},
    "canceled": {},
}

_E = TypeVar("_E", Mail, Result)

FINAL: frozenset[str] = frozenset(
    {"executed", "failed", "rejected", "expired", "denied", "canceled"}
)

_NOTES = (
    ev.MailSent,
    ev.MailDeferred,
    ev.MailFailed,
    ev.Filed,
    ev.ResultWritten,
    ev.Answered,
)


class Permit(msgspec.Struct, frozen=True):
    """Leave for the agent to run one payload itself. The token is derived, never stored."""

    digest: str
    until: float


class ReceiptRef(msgspec.Struct, frozen=True):
    seq: int
    digest: str


class MailLog(msgspec.Struct, frozen=True, omit_defaults=True):
    """One mail of this case: what for, to whom, and what became of it."""

    id: str
    what: str
    to: str
    revision: int
    status: Literal["queued", "sent", "failed"] = "queued"
    at: float | None = None
    digest: str | None = None
    error: str | None = None


class Moment(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of a case's history, small enough to keep."""

    at: float
    event: str
    detail: dict[str, Any] = {}


class Case(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One action's life. All of it is in its events; this is their sum."""

    id: str
    agent: str
    action: dict[str, Any]
    action_id: str
    action_digest: str
    title: str
    received_at: float
    expires_at: float
    verdict: Verdict
    quorums: tuple[Quorum, ...]
    revisions: tuple[ev.Revision, ...]
    attachments: list[dict[str, str]] = []
    status: Status = "pending"
    decisions: tuple[ev.Decision, ...] = ()
    attempts: int = 0
    retry_at: float | None = None
    doubtful: bool = False
    permit: Permit | None = None
    outcome: dict[str, Any] | None = None
    closed_at: float | None = None
    receipt: ReceiptRef | None = None
    mails: tuple[MailLog, ...] = ()
    pending: dict[str, Effect] = {}
    effects_made: int = 0
    seen: tuple[str, ...] = ()
    answered: dict[str, float] = {}
    history: tuple[Moment, ...] = ()

    @property
    def kind(self) -> str:
        return str(self.action["kind"])

    @property
    def revision(self) -> ev.Revision:
        return self.revisions[-1]

    @property
    def payload(self) -> dict[str, Any]:
        """What would run: the newest revision's."""
        return payload_of(self, self.revision)

    @property
    def final(self) -> bool:
        return self.status in FINAL

    @property
    def closed(self) -> bool:
        """Final, and owes nobody anything any more."""
        return self.final and self.receipt is not None and not self.pending

    @property
    def started(self) -> bool:
        """Whether execution has started, or may have: then nothing can withdraw it."""
        return self.attempts > 0 or self.permit is not None


def payload_of(case: Case, revision: ev.Revision) -> dict[str, Any]:
    """The payload of one revision of a case."""
    if revision.payload is not None:
        return revision.payload
    payload: dict[str, Any] = case.action["payload"]
    return payload


def evolve(case: Case | None, event: ev.Event) -> Case:
    """The case after one event, with the effects that the event calls for added to `pending`.

    Raises `Impossible`, and changes nothing, for an event the table does not allow.
    """
    if isinstance(event, _NOTES):
        if case is None:
            raise Impossible(f"{type(event).__name__} about no case")
        return _note(case, event)
    status = case.status if case else None
    after = TRANSITIONS[status].get(type(event))
    if after is None:
        raise Impossible(f"{type(event).__name__} cannot happen to a case that is {status}")
    if case is not None and status == "approved":
        _check_permit(case, event)
    turned = _turn(case, event)
    changes: dict[str, Any] = {
        "status": after,
        "history": (*turned.history, Moment(event.at, _tag(event), _detail(event))),
    }
    if after in FINAL:
        changes["closed_at"] = event.at
    return _owe(msgspec.structs.replace(turned, **changes), event)


def _check_permit(case: Case, event: ev.TurningPoint) -> None:
    """An approved case with a permit has an outcome and nothing else; one without has none."""
    told = isinstance(event, (ev.Succeeded, ev.Failed, ev.Held, ev.Doubted))
    if isinstance(event, ev.Doubted) and case.doubtful:
        return
    if told != (case.permit is not None):
        holds = "no permit" if case.permit is None else "a permit"
        raise Impossible(f"{type(event).__name__} cannot happen to a case that holds {holds}")


def _turn(case: Case | None, event: ev.TurningPoint) -> Case:
    """The fields, besides the status, that a turning point changes."""
    if isinstance(event, ev.Received):
        return Case(
            id=event.case,
            agent=event.agent,
            action=event.action,
            action_id=event.action_id,
            action_digest=event.action_digest,
            title=event.title,
            received_at=event.at,
            expires_at=event.expires_at,
            verdict=event.verdict,
            quorums=event.verdict.quorums,
            revisions=(event.revision,),
            attachments=event.attachments,
        )
    if case is None:
        raise Impossible(f"{type(event).__name__} about no case")
    return msgspec.structs.replace(case, **_changes(case, event))


def _changes(case: Case, event: ev.TurningPoint) -> dict[str, Any]:
    match event:
        case ev.Decided(decision=decision, message_id=message_id):
            return {"decisions": (*case.decisions, decision), "seen": _seen(case, message_id)}
        case ev.Revised(revision=revision):
            return {"revisions": (*case.revisions, revision), "retry_at": None}
        case ev.Reopened(revision=revision, quorums=quorums, expires_at=expires_at):
            return {
                "revisions": (*case.revisions, revision),
                "quorums": quorums,
                "expires_at": expires_at,
                "permit": None,
                "doubtful": False,
            }
        case ev.Resumed():
            return {"doubtful": False}
        case ev.Started(attempt=attempt):
            return {"attempts": attempt, "retry_at": None}
        case ev.Permitted(digest=digest, until=until):
            return {"permit": Permit(digest, until), "attempts": case.attempts + 1}
        case ev.AttemptFailed(outcome=outcome, retry_at=retry_at, doubt=doubt):
            doubtful = case.doubtful or doubt
            return {"outcome": outcome, "retry_at": retry_at, "doubtful": doubtful}
        case ev.Succeeded(outcome=outcome) | ev.Failed(outcome=outcome):
            return {"outcome": outcome}
        case ev.Held(outcome=outcome) | ev.Doubted(outcome=outcome):
            return {"outcome": outcome, "permit": None}
        case _:
            return {}


def _note(case: Case, event: ev.Note) -> Case:
    match event:
        case ev.MailSent(effect=effect, digest=digest, at=at):
            return _mail_done(case, effect, status="sent", at=at, digest=digest)
        case ev.MailFailed(effect=effect, error=error, at=at):
            return _mail_done(case, effect, status="failed", at=at, error=error)
        case ev.MailDeferred(effect=effect, attempts=attempts, next_at=next_at, error=error):
            mail = _owed(case, effect, Mail)
            later = msgspec.structs.replace(mail, attempts=attempts, next_at=next_at, error=error)
            return msgspec.structs.replace(case, pending={**case.pending, effect: later})
        case ev.ResultWritten(effect=effect):
            _owed(case, effect, Result)
            return msgspec.structs.replace(case, pending=_without(case, effect))
        case ev.Filed(seq=seq, digest=digest):
            if not case.final or case.receipt is not None:
                raise Impossible(f"a receipt of a case that is {case.status}, or a second one")
            filed = {k: e for k, e in case.pending.items() if e.what != "receipt"}
            return _owe(
                msgspec.structs.replace(case, receipt=ReceiptRef(seq, digest), pending=filed), event
            )
        case ev.Answered(person=person, message_id=message_id, at=at):
            changed = msgspec.structs.replace(
                case,
                seen=_seen(case, message_id),
                answered=case.answered if event.quiet else {**case.answered, person: at},
                history=(*case.history, Moment(at, "answered", _detail(event))),
            )
            return _owe(changed, event)


def _owe(case: Case, event: ev.Event) -> Case:
    """Give each effect of an event its stable id and remember it until it is done."""
    wanted = effects(case, event)
    if not wanted:
        return case
    pending, mails, made = dict(case.pending), list(case.mails), case.effects_made
    for effect in wanted:
        made += 1
        named = msgspec.structs.replace(effect, id=f"{effect.what[0]}{made}")
        pending[named.id] = named
        if isinstance(named, Mail):
            mails.append(MailLog(named.id, named.about, named.to, case.revision.number))
    return msgspec.structs.replace(case, pending=pending, mails=tuple(mails), effects_made=made)


def _owed(case: Case, effect: str, shape: type[_E]) -> _E:
    found = case.pending.get(effect)
    if not isinstance(found, shape):
        raise Impossible(f"the case owes no {shape.__name__} {effect}")
    return found


def _mail_done(case: Case, effect: str, **changes: Any) -> Case:
    _owed(case, effect, Mail)
    mails = tuple(
        msgspec.structs.replace(mail, **changes) if mail.id == effect else mail
        for mail in case.mails
    )
    return msgspec.structs.replace(case, mails=mails, pending=_without(case, effect))


def _without(case: Case, effect: str) -> dict[str, Effect]:
    return {key: value for key, value in case.pending.items() if key != effect}


def _seen(case: Case, message_id: str | None) -> tuple[str, ...]:
    return case.seen if message_id is None else (*case.seen, message_id)


def _tag(event: ev.Event) -> str:
    return str(event.__struct_config__.tag)


def _detail(event: ev.Event) -> dict[str, Any]:
    """What a line of history keeps of an event: not what stands elsewhere in the case."""
    match event:
        case ev.Decided(decision=d):
            return {"by": d.by, "verb": d.verb, "via": d.via, "revision": d.revision}
        case ev.Approved(by_policy=True):
            return {"by": "policy"}
        case ev.Canceled(by=by, why=why):
            return {"by": by, "why": why} if why else {"by": by}
        case ev.Revised(revision=r) | ev.Reopened(revision=r):
            return {"revision": r.number, "why": r.why} if r.why else {"revision": r.number}
        case ev.Started(attempt=attempt):
            return {"attempt": attempt}
        case ev.AttemptFailed(attempt=attempt, outcome=outcome):
            return {"attempt": attempt, "error": str(outcome.get("error", ""))[:200]}
        case ev.Answered(person=person, key=key):
            return {"person": person, "key": key}
        case _:
            return {}
