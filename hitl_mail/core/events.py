"""Everything that can happen to a case. One command is one journal record of these.

Two families. *Turning points* move the case along the table in `core.case`. *Notes* record what
became of an effect, or that somebody was answered; they are legal in every status and move
nothing. Times (`at`) are seconds since the epoch, UTC. Secrets (reply tokens, permit tokens,
Message-IDs of ours) are derived when needed and never stand in an event: a group may read the
journal.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from hitl_mail.core.verdict import Quorum, Verdict

Verb = Literal["approve", "reject", "edit", "route", "ok", "flag", "retry", "done", "abandon"]
Via = Literal["mail", "link", "cli"]

AGENT_EXECUTOR = "agent"
"""The executor of a kind that names none: the agent itself, by permit."""


class ExecutorRef(msgspec.Struct, frozen=True):
    """Which executor a revision is bound to; `digest` covers all of its settings."""

    name: str
    type: Literal["command", "http", "mail", "agent"]
    digest: str


class Revision(msgspec.Struct, frozen=True, omit_defaults=True):
    """One version of what would run. `payload` is None where it is the action's own.

    `salt` is part of what `digest` covers: the digest outlives an erased payload, and must not
    let anybody try out what it was.
    """

    number: int
    digest: str
    executor: ExecutorRef
    at: float
    salt: str
    payload: dict[str, Any] | None = None
    by: str | None = None
    why: str | None = None


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one reviewer said of one revision. `counts` names the quorums it counts in, `to` the
    person or group that a question was handed to."""

    by: str
    verb: Verb
    via: Via
    at: float
    revision: int
    seen: str
    counts: tuple[str, ...] = ()
    note: str = ""
    evidence: dict[str, Any] = {}
    to: str = ""


class _Event(msgspec.Struct, frozen=True, tag_field="e", omit_defaults=True):
    at: float


# Turning points


class Received(_Event, frozen=True, tag="received"):
    case: str
    agent: str
    action: dict[str, Any]
    action_id: str
    action_digest: str
    title: str
    verdict: Verdict
    revision: Revision
    attachments: list[dict[str, str]]
    expires_at: float


class Denied(_Event, frozen=True, tag="denied"):
    pass


class Decided(_Event, frozen=True, tag="decided"):
    """`by_agent`: it lets the agent itself run it, and nobody hears of that for a while."""

    decision: Decision
    message_id: str | None = None
    by_agent: bool = False


class Rejudged(_Event, frozen=True, tag="rejudged"):
    """The policy changed and is stricter now: this verdict holds. Approvals stay for the rules in
    whose quorum they counted."""

    verdict: Verdict
    expires_at: float


class Approved(_Event, frozen=True, tag="approved"):
    """All quorums are met, or (`by_policy`) no rule asked for one."""

    by_policy: bool = False


class Rejected(_Event, frozen=True, tag="rejected"):
    pass


class Expired(_Event, frozen=True, tag="expired"):
    pass


class Canceled(_Event, frozen=True, tag="canceled"):
    by: str
    why: str = ""


class Revised(_Event, frozen=True, tag="revised"):
    """A new revision. Earlier approvals fall. An edit changes the title, too."""

    revision: Revision
    title: str | None = None


class Handed(_Event, frozen=True, tag="handed"):
    """The question of some rules goes to more people: handed over by somebody, after a time
    without an answer, because of somebody's absence, or because the rule had too few who were
    `able` to answer, and now there are more.

    `refs` may decide from now on, `people` are asked; `leaving` are waited for no longer.
    """

    why: Literal["route", "escalation", "away", "able"]
    rules: tuple[str, ...]
    people: tuple[str, ...]
    refs: tuple[str, ...] = ()
    leaving: tuple[str, ...] = ()
    by: str | None = None


class Reminded(_Event, frozen=True, tag="reminded"):
    """Those who have not answered are asked once more. All reminders that were due up to `upto`
    are done by this one."""

    upto: float
    people: tuple[str, ...]


class Started(_Event, frozen=True, tag="started"):
    """Attempt `attempt` may run from the moment this is durable."""

    attempt: int


class Permitted(_Event, frozen=True, tag="permitted"):
    """The agent itself may run the payload with this digest, until `until`."""

    digest: str
    until: float


class AttemptFailed(_Event, frozen=True, tag="attempt_failed"):
    """Another attempt is due. `doubt`: this one may have run all the same."""

    attempt: int
    outcome: dict[str, Any]
    retry_at: float
    doubt: bool = False


class Succeeded(_Event, frozen=True, tag="succeeded"):
    outcome: dict[str, Any]


class Failed(_Event, frozen=True, tag="failed"):
    outcome: dict[str, Any]


class Held(_Event, frozen=True, tag="held"):
    outcome: dict[str, Any]


class Doubted(_Event, frozen=True, tag="doubted"):
    """Nobody can tell whether it ran."""

    outcome: dict[str, Any]


class Reviewed(_Event, frozen=True, tag="reviewed"):
    """The review of a sampled case has ended. `lapsed`: nobody said anything in time."""

    said: Literal["ok", "flagged", "lapsed"]


class Resumed(_Event, frozen=True, tag="resumed"):
    """A person wants another attempt."""


class Reopened(_Event, frozen=True, tag="reopened"):
    """A person wants another attempt after expiry, so it is asked afresh."""

    revision: Revision
    quorums: tuple[Quorum, ...]
    expires_at: float


# Notes


class MailSent(_Event, frozen=True, tag="mail_sent"):
    effect: str
    digest: str


class MailDeferred(_Event, frozen=True, tag="mail_deferred"):
    effect: str
    attempts: int
    next_at: float
    error: str


class MailFailed(_Event, frozen=True, tag="mail_failed"):
    effect: str
    error: str


class Filed(_Event, frozen=True, tag="filed"):
    """The receipt is durable."""

    seq: int
    digest: str


class ReviewFiled(_Event, frozen=True, tag="review_filed"):
    """The receipt of the review is durable."""

    seq: int
    digest: str


class ResultWritten(_Event, frozen=True, tag="result_written"):
    effect: str


OF_A_MACHINE = frozenset({"not_understood", "automatic", "not_believed"})
"""Keys of answers to what a machine may have written: a command that is wrong is a person's."""


class Answered(_Event, frozen=True, tag="answered"):
    """A reply decided nothing and gets an answer; `key` says which, `said` what was read,
    `detail` what was wrong with it.

    `quiet`: they were answered a moment ago, so this one is only remembered.
    """

    person: str
    key: str
    said: str = ""
    message_id: str | None = None
    quiet: bool = False
    detail: str = ""


class Unreached(_Event, frozen=True, tag="unreached"):
    """A question does not reach somebody: it came back, their mailbox is full, or they say that
    they are away."""

    person: str
    why: Literal["away", "undelivered", "full"]
    detail: str = ""
    message_id: str | None = None


TurningPoint = (
    Received
    | Denied
    | Decided
    | Rejudged
    | Approved
    | Rejected
    | Expired
    | Canceled
    | Revised
    | Handed
    | Reminded
    | Started
    | Permitted
    | AttemptFailed
    | Succeeded
    | Failed
    | Held
    | Doubted
    | Reviewed
    | Resumed
    | Reopened
)
Note = (
    MailSent
    | MailDeferred
    | MailFailed
    | Filed
    | ReviewFiled
    | ResultWritten
    | Answered
    | Unreached
)
Event = TurningPoint | Note
