"""What the daemon owes that belongs to no open case: notices, and the head of the receipts.

A notice is a mail about a closed case or about the site itself. Like a case, the desk is the sum
of its events.
"""

from __future__ import annotations

import msgspec

from hitl_mail.core.case import Case, ReceiptRef
from hitl_mail.core.events import Event, Filed, Reviewed, ReviewFiled, Succeeded
from hitl_mail.core.typical import Typical, with_executed

_REMEMBERED = 1000
_SAMPLES = 1000


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A mail whose words are already chosen. `to` is a person; `reply_to` a Message-ID."""

    id: str
    to: str
    subject: str
    paragraphs: tuple[str, ...]
    at: float
    case: str | None = None
    reply_to: str | None = None
    attempts: int = 0
    next_at: float = 0.0
    error: str = ""


class _Event(msgspec.Struct, frozen=True, tag_field="e", omit_defaults=True):
    at: float


class Noticed(_Event, frozen=True, tag="noticed"):
    """A notice is owed. `message_id` is the mail that asked for it, so that it asks once."""

    notice: Notice
    message_id: str | None = None


class NoticeDeferred(_Event, frozen=True, tag="notice_deferred"):
    notice: str
    attempts: int
    next_at: float
    error: str


class NoticeDone(_Event, frozen=True, tag="notice_done"):
    """Handed over, or (with `error`) given up."""

    notice: str
    error: str = ""


class RuleTightened(_Event, frozen=True, tag="rule_tightened"):
    """Too many of a rule's samples were flagged: it gates hard until an admin relaxes it."""

    rule: str
    flagged: int
    of: int


class RuleRelaxed(_Event, frozen=True, tag="rule_relaxed"):
    """An admin trusts a rule again; its samples are counted anew."""

    rule: str
    by: str


class DayTold(_Event, frozen=True, tag="day_told"):
    """The admins are told of the days up to this one (`2026-11-22`, the site's)."""

    day: str


class Sealed(_Event, frozen=True, tag="sealed"):
    """A receipt that no open case knows of is durable."""

    seq: int
    digest: str


DeskEvent = Noticed | NoticeDeferred | NoticeDone | RuleTightened | RuleRelaxed | DayTold | Sealed


class Desk(msgspec.Struct, frozen=True, omit_defaults=True):
    """`head` is the newest receipt that a case knows of; `seen` the last mails answered here.

    `samples` are the last reviews by rule, True for a flag; `tightened` says why a rule is;
    `typical` is by kind; `day` is the last of which the admins were told, at `told_at`.
    """

    pending: dict[str, Notice] = {}
    made: int = 0
    seen: tuple[str, ...] = ()
    head: ReceiptRef | None = None
    samples: dict[str, tuple[bool, ...]] = {}
    tightened: dict[str, str] = {}
    typical: dict[str, Typical] = {}
    day: str = ""
    told_at: float = 0.0


def evolve_desk(desk: Desk, event: DeskEvent) -> Desk:
    """The desk after one event."""
    match event:
        case Noticed(notice=notice, message_id=message_id):
            seen = desk.seen if message_id is None else (*desk.seen, message_id)[-_REMEMBERED:]
            pending = {**desk.pending, notice.id: notice}
            return msgspec.structs.replace(desk, pending=pending, made=desk.made + 1, seen=seen)
        case NoticeDeferred(notice=key, attempts=attempts, next_at=next_at, error=error):
            later = msgspec.structs.replace(
                desk.pending[key], attempts=attempts, next_at=next_at, error=error
            )
            return msgspec.structs.replace(desk, pending={**desk.pending, key: later})
        case RuleTightened(rule=rule, flagged=flagged, of=of):
            why = f"{flagged} of the last {of} samples were flagged"
            return msgspec.structs.replace(desk, tightened={**desk.tightened, rule: why})
        case RuleRelaxed(rule=rule):
            tightened = {k: v for k, v in desk.tightened.items() if k != rule}
            samples = {k: v for k, v in desk.samples.items() if k != rule}
            return msgspec.structs.replace(desk, tightened=tightened, samples=samples)
        case DayTold(at=at, day=day):
            return msgspec.structs.replace(desk, day=day, told_at=at)
        case Sealed(seq=seq, digest=digest):
            return with_head(desk, ReceiptRef(seq, digest))
        case NoticeDone(notice=key):
            left = {k: v for k, v in desk.pending.items() if k != key}
            return msgspec.structs.replace(desk, pending=left)


def with_event(desk: Desk, case: Case, event: Event) -> Desk:
    """The desk after an event of `case`, which is as it stands after it."""
    match event:
        case Filed(seq=seq, digest=digest) | ReviewFiled(seq=seq, digest=digest):
            return with_head(desk, ReceiptRef(seq, digest))
        case Succeeded(outcome=outcome):
            known = desk.typical.get(case.kind, Typical())
            usual = {**desk.typical, case.kind: with_executed(known, case.action, outcome)}
            return msgspec.structs.replace(desk, typical=usual)
        case Reviewed(said="ok" | "flagged" as said):
            samples = dict(desk.samples)
            for quorum in case.verdict.reviews:
                last = (*samples.get(quorum.rule, ()), said == "flagged")
                samples[quorum.rule] = last[-_SAMPLES:]
            return msgspec.structs.replace(desk, samples=samples)
        case _:
            return desk


def with_head(desk: Desk, head: ReceiptRef) -> Desk:
    """The desk knowing of a newer receipt."""
    if desk.head is not None and desk.head.seq >= head.seq:
        return desk
    return msgspec.structs.replace(desk, head=head)
