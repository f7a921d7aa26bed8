"""What a reviewer is shown of one revision of a case, before it becomes a mail or a page.

Text in a `Packet` is as the agent wrote it: who shows it makes it visible and escapes it. Knows
nothing of mail, HTML or links. `build_packet` reads no clock; the time is an argument.
"""

from __future__ import annotations

import datetime as dt
import difflib
import json
from collections.abc import Iterator
from typing import Any

import msgspec

from hitl_mail.core.action import Action, read_message
from hitl_mail.core.canonical import canonical, digest_bytes
from hitl_mail.core.case import Case, payload_of
from hitl_mail.core.duration import show_duration
from hitl_mail.core.events import Revision, Verb
from hitl_mail.core.quorum import approvals, deciders, routes
from hitl_mail.core.said import verbs
from hitl_mail.core.sampling import share
from hitl_mail.core.text import one_line
from hitl_mail.core.verdict import DOORS, Door, Gate, reasons_by_rule
from hitl_mail.errors import Impossible
from hitl_mail.review.facts import SiteFacts, show_time

LOOKED_AT = "looked at afterwards"

MOST_ROWS = 200
"""Payload rows that a mail shows whole."""
MOST_TEXT = 20_000
"""Characters of payload, context and agent's words that a mail shows whole."""


class Risk(msgspec.Struct, frozen=True):
    """A rule that spoke: why, and on which values. `winning`: it reached the gate that counts.
    `rule` is empty where the kind itself, and no rule, gives the reason."""

    rule: str
    reason: str
    values: tuple[tuple[str, str], ...] = ()
    error: str | None = None
    winning: bool = True


class Row(msgspec.Struct, frozen=True):
    """One value of the payload under its dotted key. Strings that could be read as something else
    (`"40"`, `""`, `"true"`) are in quotes, as in JSON; other strings are bare."""

    key: str
    value: str


class Context(msgspec.Struct, frozen=True):
    """Something the agent read. Untrusted unless the admin trusts its source."""

    title: str
    text: str
    source: str | None
    trusted: bool


class FileFacts(msgspec.Struct, frozen=True):
    """An attachment of the action; `size` in bytes."""

    name: str
    content_type: str
    size: int
    digest: str


class Trouble(msgspec.Struct, frozen=True):
    """What is known of the attempts of a case that is held or in doubt, or (`ran`) of one that ran
    by itself and is looked at afterwards. `permit`: until when the agent might have run it itself,
    where that is the doubt: whether it ever began, nobody but the agent can know."""

    in_doubt: bool
    attempts: int
    error: str = ""
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    ran: bool = False
    permit: str | None = None

    @property
    def unreported(self) -> str:
        """One sentence on a permit that ran out; empty where there was none."""
        if self.permit is None:
            return ""
        until = f" until {self.permit}" if self.permit else ""
        given = f"The agent was given a permit{until}"
        return f"{given} and has not reported: nobody knows whether it ran."


class Packet(msgspec.Struct, frozen=True, kw_only=True):
    """All that one person is shown of one revision, in the order of design 1.5.

    `summary` and `why` are the agent's words. `json` is the payload's canonical form, which is
    what runs. `diff` is unified, from the revision before; `changed` says why there is a new one.
    `choices` are what may be said of the case as it stands, `doors` the ways this person may say
    it. `whole` is false where it is too long to show whole in a mail: then the mail must not take
    an approval, only the page that shows all of it. `asked` is when this revision was first asked
    about, `edited_by` who made it by an edit, and `edit_note` what they wrote to it. `routes` are
    the people and groups this person may hand the question to, `notes` who handed it to them, and
    what each wrote. `needs` says how many have to approve, where one alone does not do.
    """

    case: str
    revision: int
    seen: str
    person: str
    agent: str
    kind: str
    title: str
    summary: str
    why: str | None
    gate: Gate
    conflict: bool
    risks: tuple[Risk, ...]
    effects: tuple[str, ...]
    claims: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    json: str
    changed: str | None
    diff: tuple[str, ...]
    context: tuple[Context, ...]
    attachments: tuple[FileFacts, ...]
    choices: tuple[Verb, ...]
    doors: tuple[Door, ...]
    expires: str
    expires_in: str
    run_id: str | None
    action_id: str
    trouble: Trouble | None
    whole: bool
    asked: str = ""
    edited_by: str | None = None
    edit_note: str = ""
    routes: tuple[str, ...] = ()
    notes: tuple[tuple[str, str], ...] = ()
    needs: str = ""


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


def rows_of(value: Any, key: str = "") -> list[Row]:
    """A JSON value as rows of dotted keys: `items[0].price`. Empty objects and lists are rows."""
    if isinstance(value, dict) and value:
        return [
            row
            for name, item in value.items()
            for row in rows_of(item, f"{key}.{_name(name)}" if key else _name(name))
        ]
    if isinstance(value, list) and value:
        return [row for index, item in enumerate(value) for row in rows_of(item, f"{key}[{index}]")]
    return [Row(key, show_value(value))]


def show_value(value: Any) -> str:
    """One value for people: strings bare, unless they could be taken for something else."""
    if isinstance(value, str):
        return value if _plain(value) else json.dumps(value, ensure_ascii=False)
    return canonical(value).decode()


def _name(name: str) -> str:
    """A key that would be mistaken for a path of keys is put in quotes."""
    clear = name and not any(char in name for char in '.=[]"') and name.strip() == name
    return name if clear else json.dumps(name, ensure_ascii=False)


def _plain(text: str) -> bool:
    if not text or text.strip() != text or text[0] in '"{[':
        return False
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


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
    return json.dumps(payload, ensure_ascii=False, indent=2, sort_keys=True).splitlines()


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
