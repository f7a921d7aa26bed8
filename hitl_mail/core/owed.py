"""Which effects follow from which event: mails to whom, a result file, a receipt."""

from __future__ import annotations

from hitl_mail.core import events as ev
from hitl_mail.core.case import Case
from hitl_mail.core.effects import About, Effect, File, Mail, Result
from hitl_mail.core.quorum import askable, unmet


def effects(case: Case, event: ev.Event) -> list[Effect]:
    """The effects of `event`, of which `case` is the sum up to and with it."""
    match event:
        case ev.Received():
            return _ask(case, event.at) if case.verdict.asks else []
        case ev.Rejudged():
            return _ask_others(case, event.at) if case.verdict.asks else []
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
            reviewers = askable(case) if case.in_review else ()
            reviews = [_mail(case, "review", person, event.at) for person in reviewers]
            return [Result(), *_confirm(case, event.at), *reviews]
        case ev.Reviewed():
            return [File("review")]
        case ev.ReviewFiled():
            return _confirm(case, event.at)
        case _:
            return [File()] if case.final else []


def _ask(case: Case, at: float) -> list[Effect]:
    return [_mail(case, "ask", person, at) for person in askable(case)]


def _ask_others(case: Case, at: float) -> list[Effect]:
    """Ask those who have not been shown this revision yet."""
    shown = {m.to for m in case.mails if m.what == "ask" and m.revision == case.revision.number}
    return [_mail(case, "ask", person, at) for person in askable(case) if person not in shown]


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
