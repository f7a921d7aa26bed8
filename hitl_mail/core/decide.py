"""What follows from a command: the events, all or none.

`decide` reads a case and a command and never changes either. It raises `NotAllowed` where a
command does not apply; its `code` is one of `CODES`, for which every door has words. An empty
list means: nothing to record (a mail seen twice, an outcome that came too late).
"""

from __future__ import annotations

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.attempts import begin, finish, tell
from hitl_mail.core.case import Case, MailLog, heard, was_sent
from hitl_mail.core.effects import ASKS, Mail, Result
from hitl_mail.core.owed import effect_id
from hitl_mail.core.quorum import approved_by_rule, lacking, missing, unmet
from hitl_mail.core.said import revision_digest, say
from hitl_mail.core.timing import escalated, passed
from hitl_mail.core.verdict import stricter
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
    "unchanged": "the edit changes nothing",
    "forbidden": "the rules forbid what the edit would run",
    "no_target": "it cannot be handed to them",
    "started": "execution has started, or may have",
    "no_permit": "the case holds no permit",
    "late": "the permit has run out",
    "not_due": "not due yet",
}

_ANSWER_EVERY = 3600.0
"""Seconds between two answers to one person about one case whose reply says nothing we know: a
machine that answers our answers is soon left alone."""


def decide(case: Case | None, command: cmd.Command, now: float) -> list[ev.Event]:
    """The events of one command at time `now` (seconds since the epoch). Raises `NotAllowed`."""
    if isinstance(command, cmd.Receive):
        return _receive(command, now)
    if case is None:
        raise NotAllowed("closed", "there is no such open case")
    match command:
        case cmd.Decide():
            return say(case, command, now)
        case cmd.Answer():
            return _answer(case, command, now)
        case cmd.Absent():
            return _absent(case, command, now)
        case cmd.Withdraw():
            return _withdraw(case, command, now)
        case cmd.Rejudge():
            return _rejudge(case, command, now)
        case cmd.Tick():
            return passed(case, now, command.away, command.names)
        case cmd.Begin():
            return begin(case, command, now)
        case cmd.Finish():
            return finish(case, command, now)
        case cmd.Tell():
            return tell(case, command, now)
        case cmd.MailWas():
            return _mail_was(case, command, now)
        case cmd.FiledAs():
            return _filed_as(case, command, now)
        case cmd.ResultWas(effect=effect):
            owed = isinstance(case.pending.get(effect), Result)
            return [ev.ResultWritten(now, effect)] if owed else []


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


def _answer(case: Case, c: cmd.Answer, now: float) -> list[ev.Event]:
    if c.message_id and heard(c.person, c.message_id, c.key) in case.seen:
        return []
    last = case.answered.get(c.person)
    limited = c.key in ev.OF_A_MACHINE
    quiet = limited and last is not None and now - last < _ANSWER_EVERY
    said, detail = c.said[:200], c.detail[:500]
    return [ev.Answered(now, c.person, c.key, said, c.message_id, quiet, detail)]


def _absent(case: Case, c: cmd.Absent, now: float) -> list[ev.Event]:
    again = c.message_id and heard(c.person, c.message_id, "away") in case.seen
    if case.final or again:
        return []
    unreached = ev.Unreached(now, c.person, "away", c.detail[:200], c.message_id)
    return [unreached, *_without(case, c.person, c.away, now)]


def _without(case: Case, person: str, away: dict[str, str], now: float) -> list[ev.Event]:
    """Somebody cannot be reached: what would be escalated later is, now."""
    if case.status != "pending" or now >= case.expires_at:
        return []
    theirs = [quorum for quorum in lacking(case) if person in missing(case, quorum)]
    return [*escalated(theirs, away, now)]


def _withdraw(case: Case, c: cmd.Withdraw, now: float) -> list[ev.Event]:
    if case.final:
        raise NotAllowed("closed", f"the case is already {case.status}")
    if case.started:
        raise NotAllowed("started", "its execution has started, or may have")
    return [ev.Canceled(now, c.by, c.why)]


def _rejudge(case: Case, c: cmd.Rejudge, now: float) -> list[ev.Event]:
    if case.status not in ("pending", "approved") or case.started:
        return []
    verdict = stricter(case.verdict, c.verdict, approved_by_rule(case))
    if verdict is None:
        return []
    expires_at = min(case.expires_at, case.received_at + verdict.expires)
    rejudged = ev.Rejudged(now, verdict, expires_at)
    if verdict.gate == "deny":
        return [rejudged, ev.Denied(now)]
    lacking = unmet(verdict.quorums, case.decisions, case.revision.number)
    return [rejudged] if lacking else [rejudged, ev.Approved(now)]


def _filed_as(case: Case, c: cmd.FiledAs, now: float) -> list[ev.Event]:
    if c.of == "review":
        if case.review is None or case.in_review or case.receipt is None:
            raise NotAllowed("not_now", "the case has no review that is over, or no receipt yet")
        return [] if case.review.receipt else [ev.ReviewFiled(now, c.seq, c.digest)]
    if not case.final:
        raise NotAllowed("not_now", f"the case is {case.status}; it has no receipt yet")
    if case.receipt:
        return []
    filed = ev.Filed(now, c.seq, c.digest)
    if not c.result:
        return [filed]
    return [filed, ev.ResultWritten(now, effect_id(Result(), case.effects_made + 1))]


def _mail_was(case: Case, c: cmd.MailWas, now: float) -> list[ev.Event]:
    mail = case.pending.get(c.effect)
    if not isinstance(mail, Mail):
        # A server took it, and sent it back later.
        returned = next((log for log in case.mails if log.id == c.effect), None)
        if c.result != "failed" or returned is None or not was_sent(case, c.effect):
            return []
        return _undelivered(case, returned, c, now)
    match c.result:
        case "sent":
            return [ev.MailSent(now, c.effect, c.digest)]
        case "deferred":
            later = ev.MailDeferred(now, c.effect, mail.attempts + 1, c.next_at, c.error)
            return [later, *_full(case, mail, c, now)] if c.full else [later]
        case _:
            log = next(log for log in case.mails if log.id == c.effect)
            return _undelivered(case, log, c, now)


def _full(case: Case, mail: Mail, c: cmd.MailWas, now: float) -> list[ev.Event]:
    """The mail is offered again; but until then its person is not reached, and may not be before it
    expires."""
    open_ = case.status == "pending" and mail.revision == case.revision.number
    if mail.about not in ASKS or not open_ or mail.to in case.unreached:
        return []
    unreached = ev.Unreached(now, mail.to, "full", c.error[:200])
    return [unreached, *_without(case, mail.to, c.away, now)]


def _undelivered(case: Case, mail: MailLog, c: cmd.MailWas, now: float) -> list[ev.Event]:
    """A mail that never arrives; where it asks what is still open, its person is not reached."""
    failed = ev.MailFailed(now, c.effect, c.error)
    open_ = case.status == "pending" and mail.revision == case.revision.number
    if mail.what not in ASKS or not open_:
        return [failed]
    unreached = ev.Unreached(now, mail.to, "undelivered", c.error[:200])
    return [failed, unreached, *_without(case, mail.to, c.away, now)]
