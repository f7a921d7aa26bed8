"""The one function that changes a case: along the table, and with what the event calls for."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from hitl_mail.core import events as ev
from hitl_mail.core.case import (
    FINAL,
    NOTES,
    Case,
    MailLog,
    Moment,
    Permit,
    ReceiptRef,
    Review,
    heard,
    next_status,
    text_of,
    was_sent,
)
from hitl_mail.core.documents import iso
from hitl_mail.core.effects import Effect, File, Mail, Result
from hitl_mail.core.owed import effect_id, effects
from hitl_mail.core.verdict import Quorum
from hitl_mail.errors import Impossible

_E = TypeVar("_E", Mail, Result)


def evolve(case: Case | None, event: ev.Event) -> Case:
    """The case after one event, with the effects that the event calls for added to `pending`.

    Raises `Impossible`, and changes nothing, for an event the table does not allow.
    """
    if isinstance(event, NOTES):
        if case is None:
            raise Impossible(f"{type(event).__name__} about no case")
        return _note(case, event)
    after = next_status(case, event)
    moment = Moment(event.at, _tag(event), _detail(event))
    if isinstance(event, ev.Received):
        return _owe(_received(event, moment), event)
    if case is None:
        raise Impossible(f"{type(event).__name__} about no case")
    changes = _changes(case, event)
    if after in FINAL and case.closed_at is None:
        changes["closed_at"] = event.at
    history = (*case.history, moment)
    return _owe(msgspec.structs.replace(case, status=after, history=history, **changes), event)


def _received(event: ev.Received, moment: Moment) -> Case:
    return Case(
        id=event.case,
        agent=event.agent,
        action_text=text_of(event.action),
        action_id=event.action_id,
        action_digest=event.action_digest,
        title=event.title,
        received_at=event.at,
        expires_at=event.expires_at,
        verdict_text=text_of(event.verdict),
        quorums=event.verdict.quorums,
        revisions=(event.revision,),
        kind=str(event.action["kind"]),
        requested_by=event.action.get("requested_by"),
        attachments=event.attachments,
        history=(moment,),
    )


def _changes(case: Case, event: ev.TurningPoint) -> dict[str, Any]:
    """The fields, besides status and history, that a turning point changes."""
    match event:
        case ev.Decided(decision=decision, message_id=message_id):
            return {
                "decisions": (*case.decisions, decision),
                "seen": _seen(case, decision.by, message_id),
                "unreached": {k: v for k, v in case.unreached.items() if k != decision.by},
            }
        case ev.Rejudged(verdict=verdict, expires_at=expires_at):
            quorums = _as_handed(case, verdict.quorums)
            text = text_of(verdict)
            return {"verdict_text": text, "quorums": quorums, "expires_at": expires_at}
        case ev.Revised(revision=revision, title=title):
            return {
                "revisions": (*case.revisions, revision),
                "retry_at": None,
                "title": case.title if title is None else title,
            }
        case ev.Handed():
            return {"quorums": tuple(_handed(quorum, event) for quorum in case.quorums)}
        case ev.Reminded(upto=upto):
            return {"reminded": upto}
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
        case ev.Succeeded(outcome=outcome, at=at):
            return {"outcome": outcome, "review": _review(case, at)}
        case ev.Failed(outcome=outcome):
            return {"outcome": outcome}
        case ev.Reviewed(said=said) if case.review is not None:
            return {"review": msgspec.structs.replace(case.review, status=said)}
        case ev.Held(outcome=outcome) | ev.Doubted(outcome=outcome):
            return {"outcome": outcome, "permit": None}
        case _:
            return {}


def _handed(quorum: Quorum, event: ev.Handed) -> Quorum:
    if quorum.rule not in event.rules:
        return quorum
    asked = {*quorum.reviewers, *event.people}
    left = asked - {*event.leaving}
    # Nobody leaves a quorum that could not be met without them.
    people = left if len(left) >= quorum.approvals else asked
    return msgspec.structs.replace(
        quorum,
        refs=tuple(dict.fromkeys((*quorum.refs, *event.refs))),
        reviewers=tuple(sorted(people)),
        escalate=None if event.why == "escalation" else quorum.escalate,
    )


def _as_handed(case: Case, quorums: tuple[Quorum, ...]) -> tuple[Quorum, ...]:
    """Quorums of a new verdict, each of the same circle as before still handed to whom it was."""
    before = {(quorum.rule, quorum.refs) for quorum in case.verdict.quorums}
    now = {quorum.rule: quorum for quorum in case.quorums}
    return tuple(
        _still_handed(now[quorum.rule], quorum) if (quorum.rule, quorum.refs) in before else quorum
        for quorum in quorums
    )


def _still_handed(handed: Quorum, wanted: Quorum) -> Quorum:
    """What a verdict wants of a quorum, asked of those it was handed to, as far as they are
    enough."""
    people = handed.reviewers
    if len(people) < wanted.approvals:
        people = tuple(sorted({*people, *wanted.reviewers}))
    return msgspec.structs.replace(
        handed, approvals=wanted.approvals, doors=wanted.doors, reviewers=people
    )


def _review(case: Case, at: float) -> Review | None:
    """A review of what ran by itself; a person who settled it has looked at it already."""
    if not case.verdict.reviews or case.decisions:
        return None
    return Review(at + case.verdict.review_expires)


def _note(case: Case, event: ev.Note) -> Case:
    match event:
        case ev.MailSent(effect=effect, digest=digest, at=at):
            mail = _owed(case, effect, Mail)
            return _mail_done(_has_room(case, mail.to), effect, status="sent", at=at, digest=digest)
        case ev.MailFailed(effect=effect, error=error, at=at):
            if not was_sent(case, effect):
                _owed(case, effect, Mail)
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
            receipt = ReceiptRef(seq, digest)
            left = _without_file(case, "case")
            return _owe(msgspec.structs.replace(case, receipt=receipt, pending=left), event)
        case ev.ReviewFiled(seq=seq, digest=digest):
            if case.review is None or case.in_review or case.review.receipt or not case.receipt:
                raise Impossible(
                    "a receipt of a review not over, or a second one, or one before the case's"
                )
            review = msgspec.structs.replace(case.review, receipt=ReceiptRef(seq, digest))
            left = _without_file(case, "review")
            return _owe(msgspec.structs.replace(case, review=review, pending=left), event)
        case ev.Answered(person=person, key=key, message_id=message_id, at=at):
            # Help, or what is wrong with a command, is no answer to what is none.
            told = not event.quiet and key in ev.OF_A_MACHINE
            changed = msgspec.structs.replace(
                case,
                seen=_seen(case, person, message_id, key),
                answered={**case.answered, person: at} if told else case.answered,
                history=(*case.history, Moment(at, "answered", _detail(event))),
            )
            return _owe(changed, event)
        case ev.Unreached(person=person, why=why, message_id=message_id, at=at):
            return msgspec.structs.replace(
                case,
                seen=_seen(case, person, message_id, why),
                unreached={**case.unreached, person: why},
                history=(*case.history, Moment(at, "unreached", _detail(event))),
            )


def _owe(case: Case, event: ev.Event) -> Case:
    """Give each effect of an event its stable id and remember it until it is done."""
    wanted = effects(case, event)
    if not wanted:
        return case
    pending, mails, made = dict(case.pending), list(case.mails), case.effects_made
    for effect in wanted:
        made += 1
        named = msgspec.structs.replace(effect, id=effect_id(effect, made))
        pending[named.id] = named
        if isinstance(named, Mail):
            mails.append(MailLog(named.id, named.about, named.to, case.revision.number))
    return msgspec.structs.replace(case, pending=pending, mails=tuple(mails), effects_made=made)


def _owed(case: Case, effect: str, shape: type[_E]) -> _E:
    found = case.pending.get(effect)
    if not isinstance(found, shape):
        raise Impossible(f"the case owes no {shape.__name__} {effect}")
    return found


def _has_room(case: Case, person: str) -> Case:
    """Their mailbox took a mail: if it was full, it is no more."""
    if case.unreached.get(person) != "full":
        return case
    left = {name: why for name, why in case.unreached.items() if name != person}
    return msgspec.structs.replace(case, unreached=left)


def _mail_done(case: Case, effect: str, **changes: Any) -> Case:
    mails = tuple(
        msgspec.structs.replace(mail, **changes) if mail.id == effect else mail
        for mail in case.mails
    )
    return msgspec.structs.replace(case, mails=mails, pending=_without(case, effect))


def _without(case: Case, effect: str) -> dict[str, Effect]:
    return {key: value for key, value in case.pending.items() if key != effect}


def _without_file(case: Case, of: str) -> dict[str, Effect]:
    return {
        key: effect
        for key, effect in case.pending.items()
        if not (isinstance(effect, File) and effect.of == of)
    }


def _seen(case: Case, person: str, message_id: str | None, key: str = "") -> tuple[str, ...]:
    return case.seen if message_id is None else (*case.seen, heard(person, message_id, key))


def _tag(event: ev.Event) -> str:
    return str(event.__struct_config__.tag)


def _detail(event: ev.Event) -> dict[str, Any]:
    """What a line of history keeps of an event: not what stands elsewhere in the case."""
    match event:
        case ev.Decided(decision=d):
            said = {"by": d.by, "verb": d.verb, "via": d.via, "revision": d.revision}
            return {**said, "to": d.to} if d.to else said
        case ev.Approved(by_policy=True):
            return {"by": "policy"}
        case ev.Rejudged(verdict=verdict):
            return {"policy": verdict.policy, "gate": verdict.gate}
        case ev.Canceled(by=by, why=why):
            return {"by": by, "why": why} if why else {"by": by}
        case ev.Revised(revision=r) | ev.Reopened(revision=r):
            return {"revision": r.number, "why": r.why}
        case ev.Handed(why=why, rules=rules, people=people, by=by):
            handed = {"why": why, "rules": list(rules), "to": list(people)}
            return {**handed, "by": by} if by else handed
        case ev.Reminded(people=people):
            return {"to": list(people)}
        case ev.Unreached(person=person, why=why, detail=detail):
            return {"person": person, "why": why, "detail": detail}
        case ev.Started(attempt=attempt):
            return {"attempt": attempt}
        case ev.Permitted(until=until):
            return {"until": iso(until)}
        case ev.Reviewed(said=said):
            return {"said": said}
        case ev.AttemptFailed(attempt=attempt, outcome=outcome):
            return {"attempt": attempt, "error": str(outcome.get("error", ""))[:200]}
        case ev.Answered(person=person, key=key):
            return {"person": person, "key": key}
        case _:
            return {}
