"""Things to test with, in the words of the glossary, each with defaults that make a whole.

The site behind them: ada and bob are `finance`, cleo is an admin, dora owns the agent, eve is
nobody. Times are seconds; a case is received at 0 and expires at `EXPIRES`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Literal

import msgspec

from hitl_mail.core import commands as cmd
from hitl_mail.core import events as ev
from hitl_mail.core.action import (
    Action,
    Message,
    attachment_facts,
    content_digest,
    parse_document,
    read_message,
)
from hitl_mail.core.case import Case
from hitl_mail.core.decide import decide
from hitl_mail.core.evolve import evolve
from hitl_mail.core.quorum import seat
from hitl_mail.core.verdict import ADMINS, DOORS, Door, Gate, Quorum, Verdict
from hitl_mail.errors import NotAllowed

EXPIRES = 100.0
REVIEW = 100
CASE = "261122-k3f9ma"
POLICY = "sha256:" + "9" * 64

GROUPS = {"finance": ("ada", "bob"), ADMINS: ("cleo",)}
NAMES: dict[str, frozenset[str]] = {
    "ada": frozenset({"ada", "finance"}),
    "bob": frozenset({"bob", "finance"}),
    "cleo": frozenset({"cleo", ADMINS}),
    "dora": frozenset({"dora", "finance", ADMINS}),
    "eve": frozenset({"eve"}),
}
"""What each person answers to."""
OWNER = "dora"


def action(kind: str = "payment.refund", **fields: Any) -> dict[str, Any]:
    """An action document as an agent writes it."""
    return {
        "kind": kind,
        "payload": {"amount": 49, "currency": "EUR", "customer": "Ada"},
        "summary": "Refund order 8841",
        **fields,
    }


def attachment(**fields: Any) -> dict[str, Any]:
    """One attachment of an action document."""
    return {"name": "a.csv", "content_type": "text/csv", "base64": "MSwy", **fields}


def read(document: dict[str, Any], stem: str | None = "refund-8841") -> Message:
    """What a file `stem`.json with this document is read as."""
    return read_message(parse_document(json.dumps(document).encode()), stem)


def quorum(
    rule: str = "money",
    *refs: str,
    approvals: int = 1,
    doors: tuple[Door, ...] = DOORS,
    excluded: Iterable[str] = (OWNER,),
    **later: Any,
) -> Quorum:
    """The quorum of one rule; `finance` where no `refs` are named. `later` is what happens without
    an answer: `remind`, `escalate`, `route_to`."""
    seated = seat(rule, approvals, refs or ("finance",), GROUPS, tuple(excluded))
    return Quorum(rule, approvals, seated.refs, seated.reviewers, doors, **later)


def change(amount: int = 40, verdict_: Verdict | None = None, **fields: Any) -> cmd.Change:
    """An edit of the amount, and what the rules say of it: `money` asks, unless told otherwise."""
    payload = {"amount": amount, "currency": "EUR", "customer": "Ada"}
    whole: dict[str, Any] = {
        "payload": payload,
        "title": f"Refund {amount} EUR to Ada",
        "verdict": verdict_ or verdict(),
        "executor": executor_ref(),
    }
    return cmd.Change(**{**whole, **fields})


def target(name: str, *people: str) -> cmd.Target:
    """Somebody to hand a question to; the people of that name where none are given."""
    found = people or tuple(p for p in NAMES if p != OWNER and name in NAMES[p])
    return cmd.Target(name, {person: NAMES[person] for person in found})


def verdict(gate: Gate = "hard", quorums: Iterable[Quorum] | None = None, **fields: Any) -> Verdict:
    """A verdict; one `money` quorum where a `hard` or `exception` gate is given none."""
    if quorums is None:
        quorums = (quorum(),) if gate in ("hard", "exception") else ()
    quorums = tuple(quorums)
    rules = tuple(sorted(q.rule for q in quorums)) or ("labels",)
    whole: dict[str, Any] = {
        "gate": gate,
        "asks": bool(quorums),
        "rules": rules,
        "reasons": ("Moves funds",),
        "quorums": quorums,
        "expires": int(EXPIRES),
        "policy": POLICY,
        "standby": quorum("standby", "cleo"),
    }
    made = Verdict(**{**whole, **fields})
    if made.spoken or len(made.rules) != len(made.reasons):
        return made
    return msgspec.structs.replace(made, spoken=tuple(zip(made.rules, made.reasons, strict=True)))


def sampled(*rules: str, **fields: Any) -> Verdict:
    """The verdict of `sample` rules (`labels`, unless named) that drew the case: ada or bob looks
    at it afterwards, within `REVIEW` seconds."""
    drawn = tuple(quorum(rule) for rule in rules or ("labels",))
    whole: dict[str, Any] = {"sampled": True, "reviews": drawn, "review_expires": REVIEW}
    return verdict("sample", **{**whole, **fields})


def executor_ref(
    name: str = "refund",
    type: Literal["command", "http", "mail", "agent"] = "command",
    digest: str = "sha256:a",
) -> ev.ExecutorRef:
    """The executor as configured; another `digest` means that its settings changed."""
    return ev.ExecutorRef(name, type, digest)


def receive(
    document: dict[str, Any] | None = None,
    verdict_: Verdict | None = None,
    *,
    case: str = CASE,
    agent: str = "billing",
    executor: ev.ExecutorRef | None = None,
    title: str = "Refund 49 EUR to Ada",
    expires_at: float = EXPIRES,
) -> cmd.Receive:
    """The command that begins a case."""
    document = document or action(id="refund-8841")
    message = read(document)
    assert isinstance(message, Action)
    assert message.id is not None
    return cmd.Receive(
        case=case,
        agent=agent,
        action=document,
        action_id=message.id,
        digest=content_digest(document, message.id),
        title=title,
        verdict=verdict_ or verdict(),
        executor=executor or executor_ref(),
        attachments=attachment_facts(message),
        expires_at=expires_at,
        salt="salt",
    )


def decide_(
    case: Case, person: str = "ada", verb: str = "approve", via: str = "mail", **fields: Any
) -> cmd.Decide:
    """What `person` says of the newest revision of `case`."""
    whole: dict[str, Any] = {
        "person": person,
        "names": NAMES[person],
        "excluded": person == OWNER,
        "verb": verb,
        "via": via,
        "seen": case.revision.digest,
    }
    return cmd.Decide(**{**whole, **fields})


def begin(executor: ev.ExecutorRef | None = None, permit_seconds: float = 20.0) -> cmd.Begin:
    """A free slot for execution."""
    return cmd.Begin(executor or executor_ref(), permit_seconds)


def finish(result: str = "ok", attempt: int = 1, **fields: Any) -> cmd.Finish:
    """What became of an attempt."""
    whole = {"attempt": attempt, "result": result, "outcome": {"ok": result == "ok"}}
    return cmd.Finish(**{**whole, **fields})


def after(case: Case | None, command: cmd.Command, now: float = 0.0) -> Case:
    """`case` after one more command."""
    for event in decide(case, command, now):
        case = evolve(case, event)
    assert case is not None
    return case


def case_after(*commands: Any, now: float = 0.0) -> Case:
    """A case after commands. Each is a command, or a function of the case that makes one; a
    number among them sets the time. Where the first is no `Receive`, a gated one comes first."""
    case: Case | None = None
    if not (commands and isinstance(commands[0], cmd.Receive)):
        case = after(None, receive(), now)
    for command in commands:
        if isinstance(command, (int, float)):
            now = float(command)
        else:
            case = after(case, command(case) if callable(command) else command, now)
    assert case is not None
    return case


def by(person: str, verb: str = "approve", via: str = "mail") -> Any:
    """For `case_after`: `person` says it of the case as it is then."""
    return lambda case: decide_(case, person, verb, via)


def code(case: Case, command: cmd.Command, now: float = 0.0) -> str:
    """The code with which `command` is not allowed."""
    try:
        events = decide(case, command, now)
    except NotAllowed as error:
        return error.code
    raise AssertionError(f"it is allowed: {events}")
