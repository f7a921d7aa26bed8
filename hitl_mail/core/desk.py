"""What the daemon owes that belongs to no open case: notices, and the head of the receipts.

A notice is a mail about a closed case or about the site itself. Like a case, the desk is the sum
of its events.
"""

from __future__ import annotations

import msgspec

from hitl_mail.core.case import ReceiptRef

_REMEMBERED = 1000


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


DeskEvent = Noticed | NoticeDeferred | NoticeDone


class Desk(msgspec.Struct, frozen=True, omit_defaults=True):
    """`head` is the newest receipt that a case knows of; `seen` the last mails answered here."""

    pending: dict[str, Notice] = {}
    made: int = 0
    seen: tuple[str, ...] = ()
    head: ReceiptRef | None = None


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
        case NoticeDone(notice=key):
            left = {k: v for k, v in desk.pending.items() if k != key}
            return msgspec.structs.replace(desk, pending=left)


def with_head(desk: Desk, head: ReceiptRef) -> Desk:
    """The desk knowing of a newer receipt."""
    if desk.head is not None and desk.head.seq >= head.seq:
        return desk
    return msgspec.structs.replace(desk, head=head)
