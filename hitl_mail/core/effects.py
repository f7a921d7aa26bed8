"""What must be done in the world because of an event: mails, receipts, result files.

`effects` only says what; the daemon does it once the record is durable, and tells the case what
became of it by another command. Execution is no effect in this list: an `approved` case *is* the
wish to execute, and starting needs a turning point of its own (`Started`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from hitl_mail.core import events as ev
from hitl_mail.core.quorum import askable, unmet

if TYPE_CHECKING:
    from hitl_mail.core.case import Case

About = Literal["ask", "doubt", "outcome", "recorded", "answer"]


class Mail(msgspec.Struct, frozen=True, tag_field="k", tag="mail", omit_defaults=True):
    """A mail to one person. `about`: ask (a packet to decide), doubt (a packet of a case that is
    held or in doubt), outcome (what became of a decision), recorded (more approvals needed),
    answer (a reply that decided nothing; `key` says why, `said` what was read).

    `attempts`, `next_at` and `error` survive a restart, so that a retry waits its time.
    """

    about: About
    to: str
    revision: int
    at: float
    id: str = ""
    key: str = ""
    said: str = ""
    reply_to: str | None = None
    attempts: int = 0
    next_at: float = 0.0
    error: str = ""

    @property
    def what(self) -> str:
        return "mail"


class Result(msgspec.Struct, frozen=True, tag_field="k", tag="result", omit_defaults=True):
    """Write the agent's result file, as the case now stands."""

    id: str = ""

    @property
    def what(self) -> str:
        return "result"


class File(msgspec.Struct, frozen=True, tag_field="k", tag="receipt", omit_defaults=True):
    """Seal the case in a receipt."""

    id: str = ""

    @property
    def what(self) -> str:
        return "receipt"


Effect = Mail | Result | File


def effects(case: Case, event: ev.Event) -> list[Effect]:
    """The effects of `event`, of which `case` is the sum up to and with it."""
    match event:
        case ev.Received():
            return _ask(case, event.at) if case.verdict.asks else []
        case ev.Revised():
            return _ask(case, event.at) if case.quorums else []
        case ev.Reopened():
            return _ask(case, event.at)
        case ev.Held() | ev.Doubted():
            return [_mail(case, "doubt", person, event.at) for person in askable(case)]
        case ev.Permitted():
            return [Result()]
        case ev.Decided(decision=decision, message_id=message_id):
            more = unmet(case.quorums, case.decisions, case.revision.number)
            if decision.verb == "approve" and decision.via == "mail" and more:
                return [_mail(case, "recorded", decision.by, event.at, reply_to=message_id)]
            return []
        case ev.Answered(quiet=True):
            return []
        case ev.Answered(person=person, key=key, said=said, message_id=message_id):
            return [_mail(case, "answer", person, event.at, key, said, message_id)]
        case ev.Filed():
            return [Result(), *_confirm(case, event.at)]
        case _:
            return [File()] if case.final else []


def _ask(case: Case, at: float) -> list[Effect]:
    return [_mail(case, "ask", person, at) for person in askable(case)]


def _confirm(case: Case, at: float) -> list[Effect]:
    """One short answer to everybody who decided from their inbox or by a link."""
    people = {d.by: None for d in case.decisions if d.via != "cli"}
    return [_mail(case, "outcome", person, at) for person in people]


def _mail(
    case: Case,
    about: About,
    to: str,
    at: float,
    key: str = "",
    said: str = "",
    reply_to: str | None = None,
) -> Mail:
    return Mail(about, to, case.revision.number, at, key=key, said=said, reply_to=reply_to)
