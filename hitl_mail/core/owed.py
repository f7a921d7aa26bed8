"""Which effects follow from which event: mails to whom, a result file, a receipt."""

from __future__ import annotations

import msgspec

from hitl_mail.core import events as ev
from hitl_mail.core.case import Case
from hitl_mail.core.effects import ASKS, About, Effect, File, Mail, Result
from hitl_mail.core.quorum import askable, unmet


def effect_id(effect: Effect, number: int) -> str:
    """The stable id of the effect that is a case's `number`th."""
    return f"{effect.what[0]}{number}"


def effects(case: Case, event: ev.Event) -> list[Effect]:
    """The effects of `event`, of which `case` is the sum up to and with it."""
    match event:
        case ev.Received():
            return _ask(case, event.at) if case.verdict.asks else []
        case ev.Rejudged():
            return _ask_others(case, event.at) if case.verdict.asks else []
        case ev.Revised(revision=revision):
            # Who edited it approves next, having seen the diff, though they had handed it on.
            return _ask(case, event.at, revision.by)
        case ev.Reopened():
            return _ask(case, event.at)
        case ev.Handed(why=why, people=people):
            about: About = "escalate" if why == "escalation" else "ask"
            return [_mail(case, about, person, event.at) for person in people]
        case ev.Reminded(people=people):
            about = "review" if case.in_review else "remind"
            return [_mail(case, about, person, event.at) for person in people]
        case ev.Held() | ev.Doubted():
            return [_mail(case, "doubt", person, event.at) for person in askable(case)]
        case ev.Permitted():
            return [Result()]
        case ev.Decided(decision=decision, message_id=message_id, by_agent=by_agent):
            if decision.via == "mail" and (by_agent or _is_only_recorded(case, decision)):
                return [_recorded(case, decision, event.at, message_id)]
            return []
        case ev.Answered(quiet=True):
            return []
        case ev.Answered(person=person, message_id=message_id):
            answer = _mail(case, "answer", person, event.at)
            told = {"key": event.key, "said": event.said, "detail": event.detail}
            return [msgspec.structs.replace(answer, reply_to=message_id, **told)]
        case ev.Filed():
            reviewers = askable(case) if case.in_review else ()
            reviews = [_mail(case, "review", person, event.at) for person in reviewers]
            # The result first: `FiledAs` may tell of it in the same breath.
            return [Result(), *_confirm(case, event.at), *reviews]
        case ev.Reviewed():
            return [File("review")]
        case ev.ReviewFiled():
            return _confirm(case, event.at)
        case _:
            return [File()] if case.final else []


def _ask(case: Case, at: float, editor: str | None = None) -> list[Effect]:
    people = {*askable(case), *([editor] if editor else [])}
    return [_mail(case, "ask", person, at) for person in sorted(people)]


def _ask_others(case: Case, at: float) -> list[Effect]:
    """Ask those who have not been shown this revision yet."""
    shown = {m.to for m in case.mails if m.what in ASKS and m.revision == case.revision.number}
    return [_mail(case, "ask", person, at) for person in askable(case) if person not in shown]


def _confirm(case: Case, at: float) -> list[Effect]:
    """One short answer to everybody who decided from their inbox or by a link."""
    people = {d.by: None for d in case.decisions if d.via != "cli"}
    return [_mail(case, "outcome", person, at) for person in people]


def _is_only_recorded(case: Case, decision: ev.Decision) -> bool:
    """Whether no other mail tells this person that their reply was understood."""
    if decision.verb == "approve":
        return bool(unmet(case.quorums, case.decisions, case.revision.number))
    return decision.verb == "route"


def _recorded(case: Case, decision: ev.Decision, at: float, message_id: str | None) -> Mail:
    mail = _mail(case, "recorded", decision.by, at)
    return msgspec.structs.replace(mail, reply_to=message_id, key=decision.verb, said=decision.to)


def _mail(case: Case, about: About, to: str, at: float) -> Mail:
    return Mail(about, to, case.revision.number, at)
