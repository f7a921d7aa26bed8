"""How a packet is filled from a case: what one person is shown of it at a moment.

Reads no clock; the time is an argument. The shape is in `packet`, who shows it elsewhere.
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
from collections.abc import Iterator
from typing import Any

from hitl_mail.core.action import Action, read_message
from hitl_mail.core.canonical import canonical, digest_bytes
from hitl_mail.core.case import Case, payload_of
from hitl_mail.core.duration import show_duration
from hitl_mail.core.events import Revision
from hitl_mail.core.quorum import approvals, deciders, routes
from hitl_mail.core.said import verbs
from hitl_mail.core.sampling import share
from hitl_mail.core.text import one_line
from hitl_mail.core.verdict import DOORS, Door, reasons_by_rule
from hitl_mail.errors import Impossible
from hitl_mail.review.facts import SiteFacts, show_time
from hitl_mail.review.packet import Context, FileFacts, Packet, Risk, Trouble
from hitl_mail.review.rows import Row, rows_of, show_value

LOOKED_AT = "looked at afterwards"

MOST_ROWS = 200
"""Payload rows that a mail shows whole."""
MOST_TEXT = 20_000
"""Characters of payload, context and agent's words that a mail shows whole."""


def build_packet(
    case: Case, person: str, facts: SiteFacts, now: float, revision: int | None = None
) -> Packet:
    """What `person` is shown at `now` (seconds since the epoch) of one revision, the newest
    unless `revision` names another; an older one leaves no choices."""
    action = _action(case)
    shown = case.revision if revision is None else find_revision(case, revision)
    payload = payload_of(case, shown)
    rows = tuple(rows_of(payload))
    context = tuple(_context(case, action, facts))
    return Packet(
        case=case.id,
        revision=shown.number,
        seen=shown.digest,
        person=person,
        agent=case.agent,
        kind=case.kind,
        title=case.title,
        summary=action.summary,
        why=action.why,
        gate=case.verdict.gate,
        conflict=case.verdict.conflict,
        risks=tuple(_risks(case)),
        effects=action.effects,
        claims=tuple(_claims(action)),
        rows=rows,
        json=canonical(payload).decode(),
        changed=shown.why,
        diff=tuple(_diff(case, shown)),
        context=context,
        attachments=tuple(_files(action)),
        choices=verbs(case) if shown is case.revision else (),
        doors=_doors(case, person),
        expires=show_time(_until(case), facts.zone),
        expires_in=show_duration(_until(case) - now),
        run_id=action.run_id,
        action_id=case.action_id,
        trouble=_trouble(case, facts.zone),
        whole=_whole(rows, context, action),
        asked=show_time(shown.at, facts.zone),
        edited_by=shown.by,
        edit_note=_edit_note(case, shown),
        routes=routes(case, person) if shown is case.revision else (),
        notes=tuple(_handed_over(case, person)),
        needs=_needs(case) if shown is case.revision else "",
    )


def _needs(case: Case) -> str:
    """How many approvals it takes, and who has given one, where one alone does not do."""
    if case.status != "pending" or not case.quorums:
        return ""
    quorums = [quorum for quorum in case.quorums if quorum.approvals]
    alike = frozenset[str].intersection(*(frozenset(quorum.reviewers) for quorum in quorums))
    if alike and all(quorum.approvals == 1 for quorum in quorums):
        return ""
    rules = [f"{quorum.approvals} for the rule {one_line(quorum.rule, 80)}" for quorum in quorums]
    given = ", ".join(dict.fromkeys(decision.by for decision in approvals(case)))
    so_far = f"So far: {given}" if given else "Nobody has approved so far"
    return f"It takes approvals: {', '.join(rules)}. {so_far}."


def _handed_over(case: Case, person: str) -> Iterator[tuple[str, str]]:
    """Who handed the question to this person, and what each wrote."""
    to = {(m.at, m.detail.get("by")) for m in case.history if person in m.detail.get("to", ())}
    return ((d.by, d.note) for d in case.decisions if d.verb == "route" and (d.at, d.by) in to)


def _edit_note(case: Case, shown: Revision) -> str:
    """What somebody wrote to the edit that made a revision."""
    said = (d.note for d in case.decisions if d.verb == "edit" and d.at == shown.at)
    return next(said, "")


def find_revision(case: Case, number: int) -> Revision:
    """The revision of that number. Raises `Impossible`."""
    for revision in case.revisions:
        if revision.number == number:
            return revision
    raise Impossible(f"case {case.id} has no revision {number}")


def _action(case: Case) -> Action:
    action = read_message(case.action, case.action_id)
    if not isinstance(action, Action):
        raise Impossible(f"case {case.id} holds no action")
    return action


_EARLIER = "as judged before"
"""Marks the reason of a rule that no longer matches and still asks."""


def _risks(case: Case) -> list[Risk]:
    """Each reason beside the rule that gave it and on what values, the reasons that are no rule's,
    the rules without a reason, and then whatever else matched."""
    verdict = case.verdict
    traces = {trace.rule: trace for trace in verdict.trace}
    reasons: dict[str, list[str]] = {}
    for rule, reason in reasons_by_rule(verdict):
        reasons.setdefault(rule, []).append(reason)
    risks = []
    for rule in verdict.rules:
        trace = traces.get(rule)
        said = reasons.pop(rule, [""])
        if trace is not None and not trace.matched:
            said = [f"{reason} ({_EARLIER})" for reason in said if reason] or said
        first, *more = said
        values = _values(trace.values) if trace else ()
        risks.append(Risk(rule, first, values, trace.error if trace else None))
        risks.extend(Risk(rule, reason) for reason in more)
    risks.extend(Risk(rule, reason) for rule, rest in reasons.items() for reason in rest)
    risks.sort(key=lambda risk: not risk.reason)
    others = [t for t in verdict.trace if t.matched and t.rule not in verdict.rules]
    return [*risks, *(Risk(t.rule, "", _values(t.values), t.error, False) for t in others)]


def _values(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """On which values a rule spoke. A sample's rate in words; its draw is for auditors."""
    told = tuple((n, show_value(v)) for n, v in values.items() if n not in ("rate", "draw"))
    return told if "rate" not in values else (*told, (LOOKED_AT, share(values["rate"])))


def _claims(action: Action) -> list[tuple[str, str]]:
    """What the agent says of this action in numbers, as far as it says anything."""
    claims = {
        "confidence": action.confidence,
        "reversible": action.reversible,
        "cost so far": action.cost,
        "seconds so far": action.latency,
        "cost of being wrong": action.cost_of_wrong,
        "cost of waiting": action.cost_of_waiting,
        "requested by": action.requested_by,
    }
    return [(name, show_value(value)) for name, value in claims.items() if value is not None]


def _diff(case: Case, shown: Revision) -> list[str]:
    before = next((r for r in case.revisions if r.number == shown.number - 1), None)
    if before is None:
        return []
    old, new = (_pretty(payload_of(case, revision)) for revision in (before, shown))
    if old == new:
        return []
    return list(
        difflib.unified_diff(
            old, new, f"revision {before.number}", f"revision {shown.number}", lineterm="", n=1
        )
    )


def _pretty(payload: dict[str, Any]) -> list[str]:
    # By the bytes that run, so that 49.0 and 49, which are the same number, are no difference, nor
    # the order of keys.
    same = json.loads(canonical(payload))
    return json.dumps(same, ensure_ascii=False, indent=2).splitlines()


def _context(case: Case, action: Action, facts: SiteFacts) -> list[Context]:
    trusted = facts.trusted_sources.get(case.agent, ())
    return [
        Context(
            item.title,
            item.text,
            item.source,
            item.says_trusted and item.source is not None and item.source in trusted,
        )
        for item in action.context
    ]


def _files(action: Action) -> list[FileFacts]:
    return [
        FileFacts(item.name, item.content_type, len(item.content), digest_bytes(item.content))
        for item in action.attachments
    ]


def _doors(case: Case, person: str) -> tuple[Door, ...]:
    mine = {
        door for quorum in deciders(case) if person in quorum.reviewers for door in quorum.doors
    }
    return tuple(door for door in DOORS if door in mine)


def _until(case: Case) -> float:
    """When the question lapses."""
    return case.review.expires_at if case.review is not None else case.expires_at


def _trouble(case: Case, zone: dt.tzinfo) -> Trouble | None:
    if case.status not in ("held", "in_doubt") and not case.in_review:
        return None
    outcome = case.outcome or {}
    code = outcome.get("exit_code")
    return Trouble(
        in_doubt=case.status == "in_doubt",
        attempts=case.attempts,
        error=str(outcome.get("error") or ""),
        exit_code=code if isinstance(code, int) else None,
        stdout=str(outcome.get("stdout") or ""),
        stderr=str(outcome.get("stderr") or ""),
        ran=case.in_review,
        permit=_permit(case, zone) if case.status == "in_doubt" else None,
    )


def _permit(case: Case, zone: dt.tzinfo) -> str | None:
    """Until when the agent might act in the last attempt; None where that was not the agent's."""
    begun = (m for m in reversed(case.history) if m.event in ("permitted", "started"))
    last = next(begun, None)
    if last is None or last.event == "started":
        return None
    until = last.detail.get("until")
    return show_time(dt.datetime.fromisoformat(until).timestamp(), zone) if until else ""


def _whole(rows: tuple[Row, ...], context: tuple[Context, ...], action: Action) -> bool:
    length = sum(len(row.key) + len(row.value) for row in rows)
    length += sum(len(item.title) + len(item.text) for item in context) + len(action.why or "")
    return len(rows) <= MOST_ROWS and length <= MOST_TEXT
