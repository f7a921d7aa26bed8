"""What a person says of a case, and what follows: every verb, by whichever door it came.

`say` checks the moment, the revision, the person and the door, in this order, then the verb.
"""

from __future__ import annotations

from typing import Any

import msgspec

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.canonical import canonical, digest
from hitl_mail.core.case import Case, heard, payload_of
from hitl_mail.core.documents import iso
from hitl_mail.core.quorum import approvals, deciders, unmet, waiting_for
from hitl_mail.core.verdict import Quorum, combined, said_anew
from hitl_mail.errors import NotAllowed

VERBS: dict[str, tuple[ev.Verb, ...]] = {
    "pending": ("approve", "reject", "edit", "route"),
    "held": ("retry", "done", "abandon"),
    "in_doubt": ("retry", "done", "abandon"),
}

NO_ROUTE = " (an admin can add route_to to the rule in rules.toml)"

_REVIEW_VERBS: tuple[ev.Verb, ...] = ("ok", "flag")


def verbs(case: Case) -> tuple[ev.Verb, ...]:
    """What may be said of a case as it stands."""
    return _REVIEW_VERBS if case.in_review else VERBS.get(case.status, ())


def say(case: Case, c: cmd.Decide, now: float) -> list[ev.Event]:
    """The events of one decision. Raises `NotAllowed`."""
    if c.message_id and heard(c.person, c.message_id) in case.seen:
        return []
    quorums = seats(case, c, now)
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
        c.target.name if c.target else "",
    )
    decided = ev.Decided(now, decision, c.message_id)
    match c.verb:
        case "approve":
            if _approved_by(case, c.person).issuperset(decision.counts):
                raise NotAllowed("already", f"{c.person} has approved; others still have to")
            lacking = unmet(case.quorums, (*case.decisions, decision), case.revision.number)
            return [decided] if lacking else [_set_going(case, decided), ev.Approved(now)]
        case "reject":
            return [decided, ev.Rejected(now)]
        case "edit":
            return [decided, *_edited(case, c, now)]
        case "route":
            said = _approved_by(case, c.person)
            return [decided, _routed(c, [q for q in quorums if q.rule not in said], now)]
        case "retry":
            again = _retry(case, c.person, now)
            runs = isinstance(again, ev.Resumed)
            return [_set_going(case, decided) if runs else decided, again]
        case "ok":
            return [decided, ev.Reviewed(now, "ok")]
        case "flag":
            return [decided, ev.Reviewed(now, "flagged")]
        case "done":
            return [decided, ev.Succeeded(now, _settled(case, c, ok=True))]
        case _:
            return [decided, ev.Failed(now, _settled(case, c, ok=False))]


def seats(case: Case, c: cmd.Decide, now: float) -> list[Quorum]:
    """The quorums that this person sits in, by this door, at this moment. Raises `NotAllowed`
    where they may not say this at all, whatever an edit changes or whomever a route names."""
    _check_moment(case, c, now)
    return _seats(case, c)


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


def next_revision(
    case: Case,
    executor: ev.ExecutorRef,
    now: float,
    why: str,
    edited: tuple[str, dict[str, Any]] | None = None,
) -> ev.Revision:
    """One more version of what would run; `edited` is who changed the payload, and to what."""
    number = case.revision.number + 1
    salt = digest([case.revision.salt, number])
    by, payload = edited or (None, case.revision.payload)
    whole = payload_of(case, case.revision) if payload is None else payload
    sealed = revision_digest(case.kind, whole, case.attachments, executor, number, salt)
    return ev.Revision(number, sealed, executor, now, salt, payload, by, why)


def _check_moment(case: Case, c: cmd.Decide, now: float) -> None:
    if case.final and not case.in_review:
        raise NotAllowed("closed", f"the case is already {case.status}")
    if c.verb not in verbs(case):
        raise NotAllowed(
            "not_now", f"the case is {case.status}, {c.verb} does not apply; {_instead(case)}"
        )
    if c.seen != case.revision.digest:
        raise NotAllowed("changed", "the case changed since it was shown; look at it again")
    if case.review is not None and now >= case.review.expires_at:
        raise NotAllowed("expired", "the time for its review is over")
    if case.status == "pending" and now >= case.expires_at:
        raise NotAllowed("expired", "the case has expired")


def _instead(case: Case) -> str:
    """What may be said, now or later."""
    allowed = verbs(case)
    if allowed:
        return f"what does: {', '.join(allowed)}"
    if (permit := case.open_permit) is not None:
        then = f"its permit ends at {iso(permit.until)}; then done, retry or abandon"
        return f"nothing is to be decided; {then}"
    return "nothing is to be decided"


def _seats(case: Case, c: cmd.Decide) -> list[Quorum]:
    """The quorums this person sits in, by this door. Raises where there is none."""
    if c.excluded:
        raise NotAllowed("own_request", _own_request(case, c.person))
    mine = [quorum for quorum in deciders(case) if not c.names.isdisjoint(quorum.refs)]
    if not mine:
        raise NotAllowed("not_reviewer", f"{c.person} is not one of its reviewers")
    open_to = [quorum for quorum in mine if c.via in quorum.doors]
    if not open_to:
        raise NotAllowed("door", f"this rule takes decisions by {', '.join(mine[0].doors)} only")
    return open_to


def _own_request(case: Case, person: str) -> str:
    """Why a person does not decide, and who does."""
    others = ", ".join(one for one in waiting_for(case) if one != person)
    mend = (
        f"it waits for {others}"
        if others
        else "nobody else was asked, so an admin has to name somebody else: hitl-mail status tells"
        " how"
    )
    own = f"{person} asked for this, or owns the agent that did"
    return f"{own}, and nobody approves their own request; {mend}"


def _approved_by(case: Case, person: str) -> set[str]:
    """The rules in whose quorum their approval of this revision counts."""
    return {rule for d in approvals(case) if d.by == person for rule in d.counts}


def _edited(case: Case, c: cmd.Decide, now: float) -> list[ev.Event]:
    """A new revision, judged by the rules again; it never asks for less than the one before."""
    change = c.change
    if change is None or canonical(change.payload) == canonical(case.payload):
        raise NotAllowed("unchanged", "the edit leaves everything as it is")
    if change.verdict.gate == "deny":
        reasons = "; ".join(change.verdict.reasons)
        raise NotAllowed("forbidden", f"the rules forbid what the edit would run: {reasons}")
    why = f"{c.person} edited it"
    revision = next_revision(case, change.executor, now, why, (c.person, change.payload))
    before = case.verdict
    if not before.quorums:
        # It ran alone, and is asked about because somebody wants it retried.
        before = msgspec.structs.replace(before, quorums=case.quorums)
    verdict = combined(said_anew(before, change.verdict), change.verdict)
    expires_at = min(case.expires_at, now + verdict.expires)
    return [ev.Revised(now, revision, change.title), ev.Rejudged(now, verdict, expires_at)]


def _routed(c: cmd.Decide, quorums: list[Quorum], now: float) -> ev.Event:
    """The question of these quorums goes to somebody whom each of them allows."""
    if not quorums:
        raise NotAllowed("already", f"{c.person} has approved; others still have to")
    if c.target is None or not c.target.people:
        name = c.target.name if c.target else "nobody"
        raise NotAllowed("no_target", f"nobody in {name} may decide this")
    asked = {c.target.away.get(name, name) for name in c.target.people} - {c.person}
    if not asked:
        raise NotAllowed("no_target", "it is with you already")
    open_to = [quorum for quorum in quorums if _takes(quorum, c.target)]
    if not open_to:
        allowed = sorted({name for q in quorums for name in (*q.reviewers, *q.route_to)})
        others = ", ".join(name for name in allowed if name != c.person) or f"nobody{NO_ROUTE}"
        raise NotAllowed(
            "no_target",
            f"the rule does not let you hand it to {c.target.name}; it may go to: {others}",
        )
    return ev.Handed(
        now,
        "route",
        tuple(quorum.rule for quorum in open_to),
        tuple(sorted(asked)),
        # A group that the rule does not name may grow; those who are in it now are let in.
        (c.target.name,)
        if all(_names(quorum, c.target.name) for quorum in open_to)
        else tuple(sorted(c.target.people)),
        (c.person,),
        c.person,
    )


def _takes(quorum: Quorum, target: cmd.Target) -> bool:
    """Whether a question of this quorum may go there: by the target's own name, or because all of
    its people could be asked anyway, by a name of theirs and not of somebody they stand in for."""
    allowed = {*quorum.refs, *quorum.route_to}
    anyway = all(not refs.isdisjoint(allowed) for refs in target.people.values())
    return _names(quorum, target.name) or anyway


def _names(quorum: Quorum, name: str) -> bool:
    return name in (*quorum.refs, *quorum.route_to)


def _set_going(case: Case, decided: ev.Decided) -> ev.Decided:
    """The word that lets it run. Where the agent runs it, that may take as long as its permit."""
    by_agent = case.revision.executor.type == "agent"
    return msgspec.structs.replace(decided, by_agent=True) if by_agent else decided


def _retry(case: Case, person: str, now: float) -> ev.Event:
    if now < case.expires_at:
        return ev.Resumed(now)
    revision = next_revision(case, case.revision.executor, now, f"{person} asked for a retry")
    quorums = case.quorums or (case.verdict.standby,)
    return ev.Reopened(now, revision, quorums, now + case.verdict.expires)


def _settled(case: Case, c: cmd.Decide, *, ok: bool) -> dict[str, Any]:
    return {**(case.outcome or {}), "ok": ok, "settled_by": c.person, "settled_as": c.verb}
