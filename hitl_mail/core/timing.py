"""What time alone brings about: reminders, escalation, expiry, the end of a permit.

Each happens at its instant, seconds after the revision was asked about. If the daemon was down over
several reminders, one mail does for all of them; over an expiry, the case has expired.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from hitl_mail.core import events as ev
from hitl_mail.core.case import Case
from hitl_mail.core.quorum import approvals, lacking, missing, unmet
from hitl_mail.core.verdict import Quorum


def due(case: Case) -> float | None:
    """When time alone next changes the case, or None."""
    if case.review is not None and case.in_review:
        return min([case.review.expires_at, *_reminders(case, lacking(case))])
    if case.status == "pending":
        # With a hundred thousand cases to look at, the usual has to cost next to nothing.
        timed = [q for q in lacking(case) if q.remind or q.escalate is not None]
        if not timed:
            return case.expires_at
        return min([case.expires_at, *_reminders(case, timed), *_escalations(case, timed)])
    if case.status == "approved":
        if case.permit is not None:
            return case.permit.until
        return case.expires_at if case.retry_at is None else min(case.expires_at, case.retry_at)
    return None


def has_come(when: float, now: float, longest: float) -> bool:
    """Whether a time for which something was put off has come. One further away than anything of
    the sort is ever put off (`longest`, in seconds) was meant by a clock that was ahead."""
    return not now < when <= now + longest


def passed(
    case: Case,
    now: float,
    away: Mapping[str, str],
    names: Mapping[str, frozenset[str]],
) -> list[ev.Event]:
    """What has become due by `now`. `away` maps people who are away to their stand-ins; `names`
    are what people answer to, where somebody has looked."""
    if case.review is not None and case.in_review:
        if now >= case.review.expires_at:
            return [ev.Reviewed(now, "lapsed")]
        return _remind(case, now, away)
    if (permit := case.open_permit) is not None:
        if now < permit.until:
            return []
        error = "the agent did not report before its permit ran out"
        return [ev.Doubted(now, {"ok": False, "error": error, "attempts": case.attempts})]
    if case.status not in ("pending", "approved"):
        return []
    if now >= case.expires_at:
        return [expired(case, now)]
    if case.status == "pending":
        handed = [
            *_come_back(case, now, away, names),
            *_stand_in(case, now, away),
            *_escalate(case, now, away),
        ]
        just_asked = {person for event in handed for person in event.people}
        return [*handed, *_remind(case, now, away, just_asked)]
    return []


def expired(case: Case, now: float) -> ev.Event:
    """The end of a case's time, as far as nothing of it may have run."""
    return no_more(case, now, "it expired") if case.doubtful else ev.Expired(now)


def no_more(case: Case, now: float, why: str) -> ev.Event:
    """An attempt that may have run cannot be made again: a person has to find out."""
    error = f"an attempt may have run, and before the next {why}"
    outcome: dict[str, Any] = {**(case.outcome or {}), "ok": False, "error": error}
    return ev.Doubted(now, outcome)


def escalated(quorums: Iterable[Quorum], away: Mapping[str, str], now: float) -> list[ev.Handed]:
    """The questions of these quorums go to those they are escalated to, unless they have been."""
    events = []
    for quorum in quorums:
        if (to := quorum.escalate) is not None:
            people = tuple(sorted({away.get(person, person) for person in to.people}))
            events.append(ev.Handed(now, "escalation", (quorum.rule,), people, to.refs))
    return _together(events)


def _asked_at(case: Case) -> float:
    """When people were asked about what they are asked now."""
    if case.review is not None:
        return case.review.expires_at - case.verdict.review_expires
    return case.revision.at


def _reminders(case: Case, quorums: Iterable[Quorum]) -> Iterator[float]:
    """The instants of reminders that are still to come."""
    done, asked_at = case.reminded or 0.0, _asked_at(case)
    for quorum in quorums:
        yield from (asked_at + after for after in quorum.remind if asked_at + after > done)


def _escalations(case: Case, quorums: Iterable[Quorum]) -> Iterator[float]:
    for quorum in quorums:
        if quorum.escalate is not None:
            yield _asked_at(case) + quorum.escalate.after


def _remind(
    case: Case, now: float, away: Mapping[str, str], just_asked: Collection[str] = ()
) -> list[ev.Event]:
    """One reminder for all instants that have passed, to those whose answer is missing and who
    are not written to at this moment anyway."""
    done, asked_at = case.reminded or 0.0, _asked_at(case)
    over = {
        quorum.rule: max(
            (asked_at + a for a in quorum.remind if done < asked_at + a <= now), default=0
        )
        for quorum in lacking(case)
    }
    upto = max(over.values(), default=0.0)
    if not upto:
        return []
    said = {decision.by for decision in approvals(case)}
    people = {
        person if away.get(person) in said else away.get(person, person)
        for quorum in lacking(case)
        if over[quorum.rule]
        for person in missing(case, quorum)
    }
    return [ev.Reminded(now, upto, tuple(sorted(people - {*just_asked})))]


def _escalate(case: Case, now: float, away: Mapping[str, str]) -> list[ev.Handed]:
    asked_at = _asked_at(case)
    over = [q for q in lacking(case) if q.escalate and now >= asked_at + q.escalate.after]
    return escalated(over, away, now)


def _come_back(
    case: Case, now: float, away: Mapping[str, str], names: Mapping[str, frozenset[str]]
) -> list[ev.Handed]:
    """Who was asked and may decide no longer (they stood in for somebody who is back) gives the
    question to those who may and were not asked. So does a rule that had too few to ask."""
    events = []
    short = unmet(case.quorums, case.decisions, case.revision.number)
    for quorum in lacking(case) if names else ():
        nobody: frozenset[str] = frozenset()
        waited = missing(case, quorum)
        lost = [p for p in waited if names.get(p, nobody).isdisjoint(quorum.refs)]
        few = len(waited) < short[quorum.rule]
        if not (lost or few):
            continue
        able = {p for p, refs in names.items() if not refs.isdisjoint(quorum.refs)}
        said = {decision.by for decision in approvals(case)}
        back = tuple(sorted(able - {*quorum.reviewers, *away} - said))
        if back:
            why: Literal["able", "away"] = "able" if few else "away"
            events.append(ev.Handed(now, why, (quorum.rule,), back, (), tuple(lost)))
    return _together(events)


def _stand_in(case: Case, now: float, away: Mapping[str, str]) -> list[ev.Handed]:
    """Who stands in for somebody who has gone away since is asked in their place."""
    events = []
    for quorum in lacking(case) if away else ():
        gone = [person for person in missing(case, quorum) if person in away]
        new = tuple(sorted({away[person] for person in gone} - set(quorum.reviewers)))
        if new:
            leaving = tuple(gone)
            events.append(ev.Handed(now, "away", (quorum.rule,), new, (), leaving))
    return _together(events)


def _together(events: list[ev.Handed]) -> list[ev.Handed]:
    """What goes from and to the same people for several rules, as one event: one mail each."""
    merged: dict[object, ev.Handed] = {}
    for event in events:
        key = event.why, event.people, event.refs, event.leaving
        rules = (*merged[key].rules, *event.rules) if key in merged else event.rules
        merged[key] = msgspec.structs.replace(event, rules=rules)
    return list(merged.values())
