"""The life of a case: one table of all transitions, and what a case is.

Rule 1: every transition is in `TRANSITIONS`. An event that the table does not list for a status
raises `Impossible` and changes nothing; that is a bug or a damaged journal, never a user's fault,
because `core.decide` only ever says events that are listed.

Rule 2: nothing else changes a case. A `Case` is frozen; `core.evolve` returns the next one.
Replaying the journal is `evolve` over its events and nothing more, so what is not in an event is
not so.

How to read the table. A case starts `pending`. Policy denies it, or approves it at once, or waits:
for decisions (which stay in `pending` until the quorums are met), for a revision (an edit, or an
executor's settings changed), or for its expiry. Meanwhile the question may be *handed* to others
(by a reviewer, after a time, in somebody's absence) and people *reminded*. `approved` means: may
start, has not. It starts (`executing`), or, where the agent itself executes, it is *permitted* and
stays `approved` until the agent reports. Between two attempts it is `approved` again, so that
`executing` always means that an attempt may be running this very moment. If an attempt before was
in doubt and only an idempotent executor allows another (`doubtful`), the case can no longer expire
or change its executor as if nothing had run: it is in doubt then. A failure that a person is to
look at is `held`; an attempt of which nobody knows whether it ran is `in_doubt`; both wait for a
person's retry, done or abandon, for as long as it takes. A retry after expiry is asked afresh.
Final statuses have no way out.

A final case still owes the world its receipt, its result file and its mails: the effects in
`pending`. When they are done the case is `closed` and leaves memory. A sampled case that ran has a
review, too, which ends by a person's ok or flag or by itself, and has a receipt of its own; that
changes nothing about the case being `executed`.
"""

from __future__ import annotations

import functools
from typing import Any, Literal

import msgspec

from hitl_mail.core import events as ev
from hitl_mail.core.effects import Effect
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
        ev.Rejudged: "pending",
        ev.Revised: "pending",
        ev.Handed: "pending",
        ev.Reminded: "pending",
        ev.Approved: "approved",
        ev.Rejected: "rejected",
        ev.Expired: "expired",
        ev.Canceled: "canceled",
    },
    "approved": {
        ev.Started: "executing",
        ev.Permitted: "approved",
        ev.Revised: "pending",
        ev.Rejudged: "pending",
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
    # Only while the review of a sampled case is open.
    "executed": {ev.Decided: "executed", ev.Reminded: "executed", ev.Reviewed: "executed"},
    "failed": {},
    "rejected": {},
    "expired": {},
    "denied": {},
    "canceled": {},
}

FINAL: frozenset[str] = frozenset(
    {"executed", "failed", "rejected", "expired", "denied", "canceled"}
)

NOTES = (
    ev.MailSent,
    ev.MailDeferred,
    ev.MailFailed,
    ev.Filed,
    ev.ReviewFiled,
    ev.ResultWritten,
    ev.Answered,
    ev.Unreached,
)


_ASKED = 128
"""Texts that are kept decoded, too: a case that is on its way is asked for its own a few times."""

_encoder = msgspec.json.Encoder()
_actions = msgspec.json.Decoder(dict[str, Any])
_verdicts = msgspec.json.Decoder(Verdict)


class Permit(msgspec.Struct, frozen=True):
    """Leave for the agent to run one payload itself. The token is derived, never stored."""

    digest: str
    until: float


class ReceiptRef(msgspec.Struct, frozen=True):
    seq: int
    digest: str


class Review(msgspec.Struct, frozen=True, omit_defaults=True):
    """What people say after the fact of a case that ran and was drawn for review."""

    expires_at: float
    status: Literal["open", "ok", "flagged", "lapsed"] = "open"
    receipt: ReceiptRef | None = None


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
    """One action's life. All of it is in its events; this is their sum.

    `quorums` are those of the verdict, as far as they were handed on since; `reminded` is the
    moment up to which reminders are done; `unreached` says why a question does not reach somebody;
    `answered` when each person was last told that a reply of theirs decided nothing. The action and
    the verdict are kept as their JSON texts, which take a quarter of the memory: a case waits for
    hours, and is looked into a few times. `kind` and `requested_by` are the action's.
    """

    id: str
    agent: str
    action_text: msgspec.Raw = msgspec.field(name="action")
    action_id: str
    action_digest: str
    title: str
    received_at: float
    expires_at: float
    verdict_text: msgspec.Raw = msgspec.field(name="verdict")
    quorums: tuple[Quorum, ...]
    revisions: tuple[ev.Revision, ...]
    kind: str = ""
    requested_by: str | None = None
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
    review: Review | None = None
    mails: tuple[MailLog, ...] = ()
    pending: dict[str, Effect] = {}
    effects_made: int = 0
    reminded: float | None = None
    unreached: dict[str, str] = {}
    seen: tuple[str, ...] = ()
    answered: dict[str, float] = {}
    history: tuple[Moment, ...] = ()

    @property
    def action(self) -> dict[str, Any]:
        """The action as received. Not to be changed: others may get the same."""
        return _action(bytes(self.action_text))

    @property
    def verdict(self) -> Verdict:
        """What the rules say of it."""
        return _verdict(bytes(self.verdict_text))

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
        reviewed = self.review is None or self.review.receipt is not None
        return self.final and self.receipt is not None and reviewed and not self.pending

    @property
    def in_review(self) -> bool:
        """Executed, and a person may still say ok or flag."""
        return self.review is not None and self.review.status == "open"

    @property
    def open_permit(self) -> Permit | None:
        """The permit by which its agent may run it, as long as nothing was reported."""
        return self.permit if self.status == "approved" else None

    @property
    def started(self) -> bool:
        """Whether execution has started, or may have: then nothing can withdraw it."""
        return self.attempts > 0 or self.permit is not None


def text_of(part: dict[str, Any] | Verdict) -> msgspec.Raw:
    """An action or a verdict as a case keeps it."""
    return msgspec.Raw(_encoder.encode(part))


def as_kept(case: Case) -> Case:
    """A case that was read from a snapshot, to be kept. Its texts are views that would hold the
    line they were read from; and versions before this one wrote no `kind` and `requested_by`."""
    action, verdict = case.action_text.copy(), case.verdict_text.copy()
    kept = msgspec.structs.replace(case, action_text=action, verdict_text=verdict)
    if kept.kind:
        return kept
    kind, by = str(kept.action["kind"]), kept.action.get("requested_by")
    return msgspec.structs.replace(kept, kind=kind, requested_by=by)


@functools.lru_cache(_ASKED)
def _action(text: bytes) -> dict[str, Any]:
    action: dict[str, Any] = _actions.decode(text)
    return action


@functools.lru_cache(_ASKED)
def _verdict(text: bytes) -> Verdict:
    return _verdicts.decode(text)


def payload_of(case: Case, revision: ev.Revision) -> dict[str, Any]:
    """The payload of one revision of a case."""
    if revision.payload is not None:
        return revision.payload
    payload: dict[str, Any] = case.action["payload"]
    return payload


def next_status(case: Case | None, event: ev.TurningPoint) -> Status:
    """Where the table leads. Raises `Impossible` for an event it does not allow."""
    status = case.status if case else None
    after = TRANSITIONS[status].get(type(event))
    if after is None:
        raise Impossible(f"{type(event).__name__} cannot happen to a case that is {status}")
    if case is not None and status == "approved":
        _check_permit(case, event)
    if case is not None and status == "executed" and not case.in_review:
        raise Impossible(f"{type(event).__name__} cannot happen to a case that is not in review")
    return after


def _check_permit(case: Case, event: ev.TurningPoint) -> None:
    """An approved case with a permit has an outcome and nothing else; one without has none."""
    told = isinstance(event, (ev.Succeeded, ev.Failed, ev.Held, ev.Doubted))
    if isinstance(event, ev.Doubted) and case.doubtful:
        return
    if told != (case.permit is not None):
        holds = "no permit" if case.permit is None else "a permit"
        raise Impossible(f"{type(event).__name__} cannot happen to a case that holds {holds}")


_NOT_BELIEVED = ("not_believed", "automatic", "away")
"""Keys of answers to, and news of, a mail that may not be its person's."""


def heard(person: str, message_id: str, key: str = "") -> str:
    """What a mail about a case is remembered by, so that it counts once.

    Who has a copy of another's mail can put its Message-ID on one of their own, and send that
    first: so it is remembered with whose it is, and what was not believed to be theirs apart.
    """
    theirs = f"{person} {message_id}"
    return f"{key} {theirs}" if key in _NOT_BELIEVED else theirs


def was_sent(case: Case, effect: str) -> bool:
    """Whether a server took that mail, and has not sent it back."""
    return any(mail.id == effect and mail.status == "sent" for mail in case.mails)
