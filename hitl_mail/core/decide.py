"""What follows from a command: the events, all or none.

`decide` reads a case and a command and never changes either. It raises `NotAllowed` where a
command does not apply; its `code` is one of `CODES`, for which every door has words. An empty
list means: nothing to record (a mail seen twice, an outcome that came too late).
"""

from __future__ import annotations

from typing import Any

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.canonical import digest
from hitl_mail.core.case import ANSWERS, Case, was_sent
from hitl_mail.core.duration import show_duration
from hitl_mail.core.effects import Mail, Result
from hitl_mail.core.quorum import deciders, unmet
from hitl_mail.core.verdict import Quorum, stricter
from hitl_mail.errors import NotAllowed

CODES = {
    "closed": "the case is closed",
    "not_now": "this cannot be said of the case as it stands",
    "changed": "it changed since it was shown",
    "expired": "it has expired",
    "not_reviewer": "not one of its reviewers",
    "own_request": "nobody approves their own request",
    "door": "the rule does not take decisions this way",
    "already": "already said",
    "started": "execution has started, or may have",
    "no_permit": "the case holds no permit",
    "late": "the permit has run out",
    "not_due": "not due yet",
}

VERBS: dict[str, tuple[ev.Verb, ...]] = {
    "pending": ("approve", "reject"),
    "held": ("retry", "done", "abandon"),
    "in_doubt": ("retry", "done", "abandon"),
}

_REVIEW_VERBS: tuple[ev.Verb, ...] = ("ok", "flag")

_ANSWERS_WITHIN = 3600.0
"""Seconds in which one person gets `ANSWERS` answers about one case, unless they ask for help: a
person is never left without one, and a machine that answers our answers is, soon."""

_OURS = ("attempts", "settled_by", "settled_as")
"""Keys of an outcome that no agent can set."""

_CRASHES = 3
"""Attempts beyond its retries that an idempotent executor gets when the daemon dies over it."""

_FIRST_RETRY, _LONGEST_RETRY = 1.0, 300.0


def decide(case: Case | None, command: cmd.Command, now: float) -> list[ev.Event]:
    """The events of one command at time `now` (seconds since the epoch). Raises `NotAllowed`."""
    if isinstance(command, cmd.Receive):
        return _receive(command, now)
    if case is None:
        raise NotAllowed("closed", "there is no such open case")
    match command:
        case cmd.Decide():
            return _decide(case, command, now)
        case cmd.Answer():
            return _answer(case, command, now)
        case cmd.Withdraw():
            return _withdraw(case, command, now)
        case cmd.Rejudge():
            return _rejudge(case, command, now)
        case cmd.Tick():
            return _tick(case, now)
        case cmd.Begin():
            return _begin(case, command, now)
        case cmd.Finish():
            return _finish(case, command, now)
        case cmd.Tell():
            return _tell(case, command, now)
        case cmd.MailWas():
            return _mail_was(case, command, now)
        case cmd.FiledAs():
            return _filed_as(case, command, now)
        case cmd.ResultWas(effect=effect):
            owed = isinstance(case.pending.get(effect), Result)
            return [ev.ResultWritten(now, effect)] if owed else []


def verbs(case: Case) -> tuple[ev.Verb, ...]:
    """What may be said of a case as it stands."""
    return _REVIEW_VERBS if case.in_review else VERBS.get(case.status, ())


def revision_digest(
    kind: str,
    payload: dict[str, Any],
    attachments: list[dict[str, str]],
    executor: ev.ExecutorRef,
    number: int,
    salt: str,
) -> str:
    """What a reviewer's decision is bound to: payload, attachments, executor, and which asking."""
    return digest(
        {
            "kind": kind,
            "payload": payload,
            "attachments": attachments,
            "executor": {"name": executor.name, "digest": executor.digest},
            "number": number,
            "salt": salt,
        }
    )


def due(case: Case) -> float | None:
    """When time alone next changes the case, or None."""
    if case.review is not None and case.in_review:
        return case.review.expires_at
    if case.status == "pending":
        return case.expires_at
    if case.status == "approved":
        if case.permit is not None:
            return case.permit.until
        return case.expires_at if case.retry_at is None else min(case.expires_at, case.retry_at)
    return None


def _receive(c: cmd.Receive, now: float) -> list[ev.Event]:
    kind, payload = str(c.action["kind"]), c.action["payload"]
    sealed = revision_digest(kind, payload, c.attachments, c.executor, 1, c.salt)
    revision = ev.Revision(1, sealed, c.executor, now, c.salt)
    received = ev.Received(
        now,
        c.case,
        c.agent,
        c.action,
        c.action_id,
        c.digest,
        c.title,
        c.verdict,
        revision,
        c.attachments,
        c.expires_at,
    )
    if c.verdict.gate == "deny":
        return [received, ev.Denied(now)]
    return [received] if c.verdict.asks else [received, ev.Approved(now, by_policy=True)]


def _decide(case: Case, c: cmd.Decide, now: float) -> list[ev.Event]:
    if c.message_id is not None and c.message_id in case.seen:
        return []
    _check_moment(case, c, now)
    quorums = _seats(case, c)
    decision = ev.Decision(
        c.person,
        c.verb,
        c.via,
        now,
        case.revision.number,
        c.seen,
        tuple(quorum.rule for quorum in quorums),
        c.note,
        c.evidence,
    )
    decided = ev.Decided(now, decision, c.message_id)
    match c.verb:
        case "approve":
            said = {rule for d in _approvals(case) if d.by == c.person for rule in d.counts}
            if said.issuperset(decision.counts):
                raise NotAllowed("already", f"{c.person} has approved; others still have to")
            lacking = unmet(case.quorums, (*case.decisions, decision), case.revision.number)
            return [decided] if lacking else [decided, ev.Approved(now)]
        case "reject":
            return [decided, ev.Rejected(now)]
        case "retry":
            return [decided, _retry(case, c.person, now)]
        case "ok":
            return [decided, ev.Reviewed(now, "ok")]
        case "flag":
            return [decided, ev.Reviewed(now, "flagged")]
        case "done":
            return [decided, ev.Succeeded(now, _settled(case, c, ok=True))]
        case _:
            return [decided, ev.Failed(now, _settled(case, c, ok=False))]


def _check_moment(case: Case, c: cmd.Decide, now: float) -> None:
    if case.final and not case.in_review:
        raise NotAllowed("closed", f"the case is already {case.status}")
    allowed = verbs(case)
    if c.verb not in allowed:
        choices = f"what does: {', '.join(allowed)}" if allowed else "nothing is to be decided"
        raise NotAllowed(
            "not_now", f"the case is {case.status}, {c.verb} does not apply; {choices}"
        )
    if c.seen != case.revision.digest:
        raise NotAllowed("changed", "the case changed since it was shown; look at it again")
    if case.review is not None and now >= case.review.expires_at:
        raise NotAllowed("expired", "the time for its review is over")
    if case.status == "pending" and now >= case.expires_at:
        raise NotAllowed("expired", "the case has expired")


def _seats(case: Case, c: cmd.Decide) -> list[Quorum]:
    """The quorums this person sits in, by this door. Raises where there is none."""
    if c.excluded:
        raise NotAllowed("own_request", f"{c.person} asked for this, or owns the agent that did")
    mine = [quorum for quorum in deciders(case) if not c.names.isdisjoint(quorum.refs)]
    if not mine:
        raise NotAllowed("not_reviewer", f"{c.person} is not one of its reviewers")
    open_to = [quorum for quorum in mine if c.via in quorum.doors]
    if not open_to:
        raise NotAllowed("door", f"this rule takes decisions by {', '.join(mine[0].doors)} only")
    return open_to


def _approvals(case: Case) -> list[ev.Decision]:
    return [d for d in case.decisions if d.verb == "approve" and d.revision == case.revision.number]


def _retry(case: Case, person: str, now: float) -> ev.Event:
    if now < case.expires_at:
        return ev.Resumed(now)
    revision = _next_revision(case, case.revision.executor, now, f"{person} asked for a retry")
    quorums = case.quorums or (case.verdict.standby,)
    return ev.Reopened(now, revision, quorums, now + case.verdict.expires)


def _settled(case: Case, c: cmd.Decide, *, ok: bool) -> dict[str, Any]:
    return {**(case.outcome or {}), "ok": ok, "settled_by": c.person, "settled_as": c.verb}


def _answer(case: Case, c: cmd.Answer, now: float) -> list[ev.Event]:
    if c.message_id is not None and c.message_id in case.seen:
        return []
    recent = [at for at in case.answered.get(c.person, ()) if now - at < _ANSWERS_WITHIN]
    quiet = c.key != "help" and len(recent) >= ANSWERS
    return [ev.Answered(now, c.person, c.key, c.said[:200], c.message_id, quiet)]


def _withdraw(case: Case, c: cmd.Withdraw, now: float) -> list[ev.Event]:
    if case.final:
        raise NotAllowed("closed", f"the case is already {case.status}")
    if case.started:
        raise NotAllowed("started", "its execution has started, or may have")
    return [ev.Canceled(now, c.by, c.why)]


def _rejudge(case: Case, c: cmd.Rejudge, now: float) -> list[ev.Event]:
    if case.status not in ("pending", "approved") or case.started:
        return []
    verdict = stricter(case.verdict, c.verdict)
    if verdict is None:
        return []
    expires_at = min(case.expires_at, case.received_at + verdict.expires)
    rejudged = ev.Rejudged(now, verdict, expires_at)
    if verdict.gate == "deny":
        return [rejudged, ev.Denied(now)]
    lacking = unmet(verdict.quorums, case.decisions, case.revision.number)
    return [rejudged] if lacking else [rejudged, ev.Approved(now)]


def _tick(case: Case, now: float) -> list[ev.Event]:
    if case.review is not None and case.in_review and now >= case.review.expires_at:
        return [ev.Reviewed(now, "lapsed")]
    if case.permit is not None and case.status == "approved":
        if now < case.permit.until:
            return []
        error = "the agent did not report before its permit ran out"
        return [ev.Doubted(now, {"ok": False, "error": error, "attempts": case.attempts})]
    if case.status in ("pending", "approved") and now >= case.expires_at:
        return [_expired(case, now)]
    return []


def _expired(case: Case, now: float) -> ev.Event:
    return _no_more(case, now, "it expired") if case.doubtful else ev.Expired(now)


def _no_more(case: Case, now: float, why: str) -> ev.Event:
    """An attempt that may have run cannot be made again: a person has to find out."""
    error = f"an attempt may have run, and before the next {why}"
    return ev.Doubted(now, {**(case.outcome or {}), "ok": False, "error": error})


def _begin(case: Case, c: cmd.Begin, now: float) -> list[ev.Event]:
    if case.status != "approved" or case.permit is not None:
        raise NotAllowed("not_now", f"the case is {case.status}")
    if now >= case.expires_at:
        return [_expired(case, now)]
    if case.retry_at is not None and now < case.retry_at:
        raise NotAllowed("not_due", f"next attempt in {show_duration(case.retry_at - now)}")
    if c.executor != case.revision.executor:
        if case.doubtful:
            return [_no_more(case, now, "the executor's settings changed")]
        revision = _next_revision(case, c.executor, now, "the executor's settings changed")
        revised = ev.Revised(now, revision)
        return [revised] if case.quorums else [revised, ev.Approved(now, by_policy=True)]
    if c.executor.type == "agent":
        until = min(case.expires_at, now + c.permit_seconds)
        return [ev.Permitted(now, digest(case.payload), until)]
    return [ev.Started(now, case.attempts + 1)]


def _finish(case: Case, c: cmd.Finish, now: float) -> list[ev.Event]:
    if case.status != "executing" or c.attempt != case.attempts:
        return []
    outcome = {**c.outcome, "attempts": case.attempts}
    if c.result == "ok":
        return [ev.Succeeded(now, outcome)]
    left = c.retries - (case.attempts - 1)
    doubt = c.result == "doubt"
    again = c.result == "temporary" or (doubt and c.idempotent)
    if c.crashed and c.idempotent and left > -_CRASHES:
        return [ev.AttemptFailed(now, c.attempt, outcome, now, doubt)]
    if again and left > 0:
        retry_at = now + _backoff(case.attempts)
        return [ev.AttemptFailed(now, c.attempt, outcome, retry_at, doubt)]
    if doubt or (c.result == "temporary" and case.doubtful):
        return [ev.Doubted(now, outcome)]
    return [_failed(case, outcome, now)]


def _backoff(attempts: int) -> float:
    return min(_LONGEST_RETRY, _FIRST_RETRY * 2.0 ** min(attempts - 1, 16))


def _failed(case: Case, outcome: dict[str, Any], now: float) -> ev.Event:
    if case.verdict.on_failure == "review":
        return ev.Held(now, outcome)
    return ev.Failed(now, outcome)


def _tell(case: Case, c: cmd.Tell, now: float) -> list[ev.Event]:
    if case.permit is None or case.status != "approved":
        raise NotAllowed("no_permit", f"the case holds no permit; it is {case.status}")
    if now >= case.permit.until:
        raise NotAllowed("late", "the permit has run out; a person decides what became of it")
    told = {key: value for key, value in c.outcome.items() if key not in _OURS}
    outcome = {**told, "attempts": case.attempts}
    if c.outcome["ok"]:
        return [ev.Succeeded(now, outcome)]
    return [_failed(case, outcome, now)]


def _filed_as(case: Case, c: cmd.FiledAs, now: float) -> list[ev.Event]:
    if c.of == "review":
        if case.review is None or case.in_review or case.receipt is None:
            raise NotAllowed("not_now", "the case has no review that is over, or no receipt yet")
        return [] if case.review.receipt else [ev.ReviewFiled(now, c.seq, c.digest)]
    if not case.final:
        raise NotAllowed("not_now", f"the case is {case.status}; it has no receipt yet")
    return [] if case.receipt else [ev.Filed(now, c.seq, c.digest)]


def _mail_was(case: Case, c: cmd.MailWas, now: float) -> list[ev.Event]:
    mail = case.pending.get(c.effect)
    if not isinstance(mail, Mail):
        # A server took it, and sent it back later.
        returned = c.result == "failed" and was_sent(case, c.effect)
        return [ev.MailFailed(now, c.effect, c.error)] if returned else []
    match c.result:
        case "sent":
            return [ev.MailSent(now, c.effect, c.digest)]
        case "deferred":
            return [ev.MailDeferred(now, c.effect, mail.attempts + 1, c.next_at, c.error)]
        case _:
            return [ev.MailFailed(now, c.effect, c.error)]


def _next_revision(case: Case, executor: ev.ExecutorRef, now: float, why: str) -> ev.Revision:
    number = case.revision.number + 1
    salt = digest([case.revision.salt, number])
    sealed = revision_digest(case.kind, case.payload, case.attachments, executor, number, salt)
    return ev.Revision(number, sealed, executor, now, salt, case.revision.payload, why=why)
